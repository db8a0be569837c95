"""The document of an account: ``v2.core.account``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from onboarding.documents.configurations import configuration_section
from onboarding.documents.templates import (
    ACCEPTANCE,
    ADDRESS,
    AMOUNT,
    DATE_PARTS,
    FILES,
    FRONT_BACK,
    PURPOSEFUL_ADDRESS,
    SCRIPT_ADDRESSES,
    SIGNED_FILES,
    Each,
    Template,
    render,
    scalars,
)
from onboarding.domain.instants import rfc3339
from onboarding.shape import applied_configurations
from onboarding.validation.responsibilities import requirements_collector

_TERMS: Template = {"account": ACCEPTANCE}
_ATTESTATIONS: Template = {
    "directorship_declaration": ACCEPTANCE,
    "ownership_declaration": ACCEPTANCE,
    "persons_provided": scalars("directors", "executives", "owners", "ownership_exemption_reason"),
    "representative_declaration": ACCEPTANCE,
    "terms_of_service": _TERMS,
}
_BUSINESS_NAME: Template = scalars("registered_name")
_BUSINESS_DETAILS: Template = {
    "additional_addresses": Each(PURPOSEFUL_ADDRESS),
    "address": ADDRESS,
    "annual_revenue": {"amount": AMOUNT, "fiscal_year_end": None},
    "documents": {
        "bank_account_ownership_verification": FILES,
        "company_license": FILES,
        "company_memorandum_of_association": FILES,
        "company_ministerial_decree": FILES,
        "company_registration_verification": FILES,
        "company_tax_id_verification": FILES,
        "primary_verification": FRONT_BACK,
        "proof_of_address": FILES,
        "proof_of_registration": SIGNED_FILES,
        "proof_of_ultimate_beneficial_ownership": SIGNED_FILES,
    },
    "estimated_worker_count": None,
    # `value` is write-only.
    "id_numbers": Each(scalars("registrar", "type")),
    "monthly_estimated_revenue": {"amount": AMOUNT},
    "phone": None,
    "registered_name": None,
    "registration_date": DATE_PARTS,
    "script_addresses": SCRIPT_ADDRESSES,
    "script_names": {"kana": _BUSINESS_NAME, "kanji": _BUSINESS_NAME},
    "structure": None,
}
_IDENTITY: Template = {
    "attestations": _ATTESTATIONS,
    "business_details": _BUSINESS_DETAILS,
    "country": None,
    "entity_type": None,
}
_DEFAULTS: Template = {
    "currency": None,
    "locales": None,
    "payout_methods": None,
    "profile": scalars("business_url", "doing_business_as", "product_description"),
}
ACCOUNT: Template = {
    **scalars("contact_email", "contact_phone", "dashboard", "display_name"),
    "defaults": _DEFAULTS,
    "identity": _IDENTITY,
}
"""What a platform may say of an account itself; its configurations stand beside it."""
_REQUIREMENTS: Template = scalars("alternatives", "entries", "summary")
_FUTURE_REQUIREMENTS: Template = {**_REQUIREMENTS, "minimum_transition_date": None}
_SECTIONS = ("defaults", "future_requirements", "identity", "requirements")
_CONFIGURATIONS = ("customer", "merchant", "recipient")


def account_document(  # noqa: PLR0913 -- keyword-only parts of one document
    *,
    id: str,  # noqa: A002 -- the wire's word
    created: datetime,
    livemode: bool,
    closed: bool,
    values: Mapping[str, Any],
    individual: Mapping[str, Any] | None,
    capabilities: Mapping[str, Mapping[str, Any]],
    requirements: Mapping[str, Any],
    future_requirements: Mapping[str, Any],
) -> dict[str, Any]:
    """The canonical document of an account, with everything that can be included.

    Args:
        id: ``acct_…``.
        created: when the account was created, aware.
        livemode: whether it is live data.
        closed: whether it is closed.
        values: its stored values (see ``onboarding.values``).
        individual: the document of the individual's person, if the account is one.
        capabilities: ``{"status", "status_details"}`` by dotted name, such as ``merchant.card_payments`` and
            ``recipient.stripe_balance.stripe_transfers``; what is not in it is null.
        requirements: ``{alternatives, entries, summary}``; an absent key is null.
        future_requirements: the same and ``minimum_transition_date``.
    """
    defaults = values.get("defaults") or {}
    responsibilities = defaults.get("responsibilities") or {}
    return {
        "id": id,
        "object": "v2.core.account",
        "applied_configurations": applied_configurations(values),
        "closed": closed,
        "configuration": configuration_section(values.get("configuration") or {}, capabilities),
        "contact_email": values.get("contact_email"),
        "contact_phone": values.get("contact_phone"),
        "created": rfc3339(created),
        "dashboard": values.get("dashboard"),
        "defaults": {
            **render(_DEFAULTS, defaults),
            "responsibilities": {
                "fees_collector": responsibilities.get("fees_collector"),
                "losses_collector": responsibilities.get("losses_collector"),
                "requirements_collector": requirements_collector(values),
            },
        },
        "display_name": values.get("display_name"),
        "future_requirements": render(_FUTURE_REQUIREMENTS, future_requirements),
        "identity": {
            **render(_IDENTITY, values.get("identity") or {}),
            "individual": None if individual is None else dict(individual),
        },
        "livemode": livemode,
        "metadata": dict(values.get("metadata") or {}),
        "requirements": render(_REQUIREMENTS, requirements),
    }


def select(document: Mapping[str, Any], include: Sequence[str]) -> dict[str, Any]:
    """The document as an answer shows it: each includable section that was not asked for is null.

    Args:
        document: what ``account_document`` returned; not changed.
        include: sections such as ``identity`` or ``configuration.merchant``.

    Returns:
        A new dict that shares its sections with ``document``. ``configuration`` is null unless one of its parts was
        asked for; then the others in it are null (Accounts v2 contract, include).
    """
    wanted = set(include)
    selected = dict(document)
    for section in _SECTIONS:
        if section not in wanted:
            selected[section] = None
    if not any(f"configuration.{name}" in wanted for name in _CONFIGURATIONS):
        selected["configuration"] = None
    else:
        selected["configuration"] = {
            name: part if f"configuration.{name}" in wanted else None
            for name, part in (document["configuration"] or {}).items()
        }
    return selected
