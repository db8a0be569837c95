"""Validation of a request about a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from onboarding.domain.errors import Refusal
from onboarding.shape import person_leaves
from onboarding.validation.addresses import check_additional_addresses, check_address, check_script_addresses
from onboarding.validation.contacts import check_acceptance, check_email, check_phone
from onboarding.validation.dates import check_date_of_birth
from onboarding.validation.files import check_documents
from onboarding.validation.id_numbers import check_person_numbers
from onboarding.validation.metadata import check_metadata
from onboarding.validation.objects import Exempt, at, object_at
from onboarding.validation.relationships import check_relationship
from onboarding.validation.scripts import check_scripts, check_text

_IDENTITY = ("given_name", "surname", "date_of_birth")
_LEAVES_OF_IDENTITY = 5  # two names, and three parts of the date


def validate_person(
    patch: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    others: Sequence[Mapping[str, Any]],
    account_values: Mapping[str, Any],
    *,
    as_of: datetime,
    exempt: Exempt,
    prefix: str = "",
) -> None:
    """Refuse what a request says about a person if its form, or its place among the others, is not acceptable.

    Args:
        patch: what the request says.
        before: the person's values before it; None or empty for a new person.
        after: its values with the patch merged into them.
        others: the values of the account's other persons.
        account_values: the account's values, with the same request merged into them.
        as_of: now, aware.
        exempt: see the package.
        prefix: what comes before the paths in ``param``: ``identity.individual.`` when it is sent with the account.

    Raises:
        Refusal: one of the contract's codes.
    """
    region = at(after, "address", "country") or at(account_values, "identity", "country")
    for name in ("given_name", "surname"):
        check_text(patch.get(name), f"{prefix}{name}")
    for index, names in enumerate(patch.get("additional_names") or ()):
        for name in ("full_name", "given_name", "surname"):
            check_text(names.get(name), f"{prefix}additional_names[{index}].{name}")
    check_scripts(patch.get("script_names"), f"{prefix}script_names")
    check_email(patch.get("email"), f"{prefix}email")
    check_phone(patch.get("phone"), f"{prefix}phone", region, exempt)
    check_date_of_birth(patch.get("date_of_birth"), f"{prefix}date_of_birth", as_of, exempt)
    check_address(patch.get("address"), object_at(after, "address"), f"{prefix}address", exempt)
    check_additional_addresses(
        patch.get("additional_addresses"), f"{prefix}additional_addresses", exempt, country_required=True
    )
    check_script_addresses(
        patch.get("script_addresses"),
        object_at(after, "script_addresses"),
        region,
        at(after, "address", "country"),
        f"{prefix}script_addresses",
    )
    check_person_numbers(patch.get("id_numbers"), f"{prefix}id_numbers", exempt)
    check_documents(patch.get("documents"), object_at(after, "documents"), f"{prefix}documents", exempt)
    acceptance = at(patch, "additional_terms_of_service", "account")
    check_acceptance(acceptance, f"{prefix}additional_terms_of_service.account", as_of)
    check_metadata(patch, after, prefix)
    check_relationship(patch, before or {}, after, others, account_values, prefix)
    _refuse_duplicate(patch, after, others, prefix)


def _refuse_duplicate(
    patch: Mapping[str, Any], after: Mapping[str, Any], others: Sequence[Mapping[str, Any]], prefix: str
) -> None:
    """Nobody stands on an account twice: who has the same names and date of birth is the same person."""
    mine = _identity(after)
    if mine is not None and patch.keys() & set(_IDENTITY) and any(_identity(other) == mine for other in others):
        raise Refusal(
            "duplicate_person_not_allowed",
            "The account has this person already: give that one the further role.",
            param=f"{prefix}given_name",
        )


def _identity(values: Mapping[str, Any]) -> tuple[str, ...] | None:
    """What tells a person apart, None where some of it is not known yet."""
    leaves = person_leaves({name: values[name] for name in _IDENTITY if values.get(name)})
    return tuple(leaves.values()) if len(leaves) == _LEAVES_OF_IDENTITY else None
