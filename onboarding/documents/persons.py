"""The document of a person: ``v2.core.account_person``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from onboarding.documents.templates import (
    ACCEPTANCE,
    ADDRESS,
    DATE_PARTS,
    FILES,
    FRONT_BACK,
    PURPOSEFUL_ADDRESS,
    SCRIPT_ADDRESSES,
    Each,
    Template,
    render,
    scalars,
)
from onboarding.domain.instants import rfc3339

_SCRIPT_NAME: Template = scalars("given_name", "surname")
PERSON: Template = {
    "additional_addresses": Each(PURPOSEFUL_ADDRESS),
    "additional_names": Each(scalars("full_name", "given_name", "purpose", "surname")),
    "additional_terms_of_service": {"account": ACCEPTANCE},
    "address": ADDRESS,
    "date_of_birth": DATE_PARTS,
    "documents": {
        "company_authorization": FILES,
        "passport": FILES,
        "primary_verification": FRONT_BACK,
        "secondary_verification": FRONT_BACK,
        "visa": FILES,
    },
    "email": None,
    "given_name": None,
    # `value` is write-only.
    "id_numbers": Each(scalars("type")),
    "legal_gender": None,
    "nationalities": None,
    "phone": None,
    "political_exposure": None,
    "relationship": scalars(
        "authorizer",
        "director",
        "executive",
        "legal_guardian",
        "owner",
        "percent_ownership",
        "representative",
        "title",
    ),
    "script_addresses": SCRIPT_ADDRESSES,
    "script_names": {"kana": _SCRIPT_NAME, "kanji": _SCRIPT_NAME},
    "surname": None,
}


def person_document(
    *,
    id: str,  # noqa: A002 -- the wire's word
    account: str,
    created: datetime,
    updated: datetime,
    livemode: bool,
    values: Mapping[str, Any],
) -> dict[str, Any]:
    """The canonical document of a person.

    Args:
        id: ``person_…``.
        account: id of the account it belongs to.
        created: when the person was created, aware.
        updated: when its values last changed, aware.
        livemode: whether it belongs to live data.
        values: its stored values (see ``onboarding.values``).
    """
    return {
        "id": id,
        "object": "v2.core.account_person",
        "account": account,
        "created": rfc3339(created),
        "livemode": livemode,
        "metadata": dict(values.get("metadata") or {}),
        "updated": rfc3339(updated),
        **render(PERSON, values),
    }
