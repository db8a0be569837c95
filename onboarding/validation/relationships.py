"""What a person may be to an account, given the other persons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from onboarding.domain.errors import Refusal
from onboarding.shape import percent_ownership, roles
from onboarding.validation.objects import at, object_at

_WHOLE = Decimal(100)

# What a role excludes: (code, message) when somebody else has it already.
_SINGLE_ROLES = {
    "representative": ("additional_representative_not_allowed", "The account has a representative already."),
    "legal_guardian": ("additional_legal_guardian_not_allowed", "The account has a legal guardian already."),
    "authorizer": ("authorizer_duplicate", "The account has an authorizer already."),
}


def check_relationship(
    patch: Mapping[str, Any],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    others: Sequence[Mapping[str, Any]],
    account_values: Mapping[str, Any],
    prefix: str,
) -> None:
    """Check a person's roles and share (Accounts v2 contract, persons).

    Args:
        patch: what the request says about the person.
        before: the person's values before it; empty for a new person.
        after: its values with the patch merged into them.
        others: the values of the account's other persons.
        account_values: the account's values.
        prefix: what comes before ``relationship`` in ``param``.

    Raises:
        Refusal: one of the contract's codes for persons.
    """
    individual = at(account_values, "identity", "entity_type") == "individual"
    mine = roles(after)
    _refuse_second_person(individual=individual, before=before, mine=mine, others=others)
    if individual and "authorizer" in mine:
        raise Refusal(
            "invalid_relationship_for_identity_type_structure_and_country",
            "An individual needs no authorizer.",
            param=f"{prefix}relationship.authorizer",
        )
    _refuse_roles(mine - roles(before), mine, others, individual=individual, prefix=prefix)
    if object_at(patch, "additional_terms_of_service") and "legal_guardian" not in mine:
        raise Refusal(
            "additional_tos_only_allowed_for_legal_guardian",
            "Only a legal guardian accepts additional terms of service.",
            param=f"{prefix}additional_terms_of_service",
        )
    if {"owner", "percent_ownership"} & object_at(patch, "relationship").keys():
        _refuse_share(after, mine, others, f"{prefix}relationship.percent_ownership")


def _refuse_second_person(
    *, individual: bool, before: Mapping[str, Any], mine: set[str], others: Sequence[Mapping[str, Any]]
) -> None:
    """An individual is one person. A minor's legal guardian is beside it, not another of its kind, and stays that."""
    alike = any("legal_guardian" not in roles(other) for other in others)
    was_beside = not before or "legal_guardian" in roles(before)
    if individual and was_beside and alike and "legal_guardian" not in mine:
        raise Refusal(
            "individual_additional_person_not_allowed",
            "The account of an individual has that individual for its only person.",
        )


def _refuse_roles(
    taken: set[str], mine: set[str], others: Sequence[Mapping[str, Any]], *, individual: bool, prefix: str
) -> None:
    """Check the roles that the request gives to the person."""
    elsewhere = {role for other in others for role in roles(other)}
    for role, (code, message) in _SINGLE_ROLES.items():
        if role in taken and role in elsewhere:
            raise Refusal(code, message, param=f"{prefix}relationship.{role}")
    if {"authorizer", "representative"} <= mine and taken & {"authorizer", "representative"}:
        raise Refusal(
            "authorizer_relationship_invalid_for_representative",
            "The representative can't be the authorizer.",
            param=f"{prefix}relationship.authorizer",
        )
    if {"legal_guardian", "representative"} <= mine and taken & {"legal_guardian", "representative"}:
        raise Refusal(
            "legal_guardian_representative_not_allowed",
            "The representative can't be the legal guardian.",
            param=f"{prefix}relationship.legal_guardian",
        )
    represented = "representative" in elsewhere or (individual and bool(others))
    if "legal_guardian" in taken and not represented:
        raise Refusal(
            "legal_guardian_requires_existing_representative",
            "There must be a representative before there can be a legal guardian.",
            param=f"{prefix}relationship.legal_guardian",
        )


def _refuse_share(after: Mapping[str, Any], mine: set[str], others: Sequence[Mapping[str, Any]], param: str) -> None:
    share = percent_ownership(after)
    if share is None:
        return
    if not 0 <= share <= _WHOLE or (share == 0 and "owner" in mine):
        raise Refusal(
            "person_percent_ownership_invalid",
            "An owner's share is more than 0 and at most 100 percent.",
            param=param,
        )
    if share + sum((percent_ownership(other) or Decimal(0) for other in others), Decimal(0)) > _WHOLE:
        raise Refusal("total_person_ownership_exceeded", "All persons together own more than 100 percent.", param=param)
