"""What leaves are to people: where they belong, which are one question, and what one does about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from onboarding.catalogue.texts import Group, SolutionType

INDIVIDUAL = "identity.individual."

ROLES: Mapping[str, Group] = {
    "representative": "representative",
    "legal_guardian": "guardian",
    "owner": "owners",
    "director": "directors",
    "executive": "executives",
}
"""Groups by the flag of a person, the first that fits. Where nobody holds a role yet, the path begins with its flag,
or with the plural of it."""

_GROUPS: Mapping[str, Group] = {
    "external_account": "bank",
    "configuration": "payments",
    "defaults": "payments",
    "identity.attestations": "agreements",
    "identity.attestations.persons_provided.directors": "directors",
    "identity.attestations.persons_provided.executives": "executives",
    "identity.attestations.persons_provided.owners": "owners",
    "identity.attestations.persons_provided.ownership_exemption_reason": "owners",
    "identity.business_details.documents": "documents",
    "identity": "your_business",
    "contact_email": "your_business",
    "contact_phone": "your_business",
    "dashboard": "your_business",
    "display_name": "your_business",
}
"""Groups of the account's own leaves, by the longest beginning of the path."""

_QUESTIONS = (
    "additional_terms_of_service.account", "address", "amount", "date_of_birth", "directorship_declaration",
    "location", "ownership_declaration", "registration_date", "representative_declaration", "script_addresses.kana",
    "script_addresses.kanji", "script_names.kana", "script_names.kanji", "terms_of_service.account",
)  # fmt: skip
"""Ends of the paths whose leaves are one question together."""

_AGREED = ("attestations", "additional_terms_of_service")
_NOT_AGREED = "ownership_exemption_reason"
_FLAGS = (*ROLES, "authorizer")


def relative(description: str) -> str:
    """The leaf of a description, relative to its subject."""
    if description.startswith(INDIVIDUAL):
        return description.removeprefix(INDIVIDUAL)
    prefix, _, leaf = description.partition(".")
    return leaf if leaf and _role(prefix) in ROLES else description


def question(leaf: str) -> str:
    """The path of the question to which a leaf belongs: mostly the leaf itself."""
    parent = leaf.rpartition(".")[0]
    return parent if any(f".{parent}".endswith(f".{end}") for end in _QUESTIONS) else leaf


def group_of_account_leaf(description: str) -> Group:
    """The group of a leaf that is about nobody who is known yet."""
    if relative(description) != description:
        return ROLES[_role(description.partition(".")[0])]
    parts = description.split(".")
    beginnings = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((_GROUPS[one] for one in beginnings if one in _GROUPS), "other")


def group_of_person(relationship: Mapping[str, object]) -> Group:
    """The group of a person: of several roles the first in the order of the groups."""
    return next((group for role, group in ROLES.items() if relationship.get(role)), "other")


def solution_type(leaves: Iterable[str]) -> SolutionType:
    """What one does to give these leaves together."""
    found = [leaf.split(".") for leaf in leaves]
    if any("documents" in parts[:-1] for parts in found):
        return "document"
    return "confirm" if all(_is_agreed(parts) for parts in found) else "field"


def _is_agreed(parts: Sequence[str]) -> bool:
    """Whether the leaf is agreed to rather than filled in."""
    if any(part in _AGREED for part in parts):
        return parts[-1] != _NOT_AGREED
    return parts[0] == "relationship" and parts[-1] in _FLAGS


def _role(prefix: str) -> str:
    return prefix if prefix in ROLES else prefix.removesuffix("s")
