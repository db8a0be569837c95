"""Which structures an entity of a type may have in a country."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onboarding.domain.errors import Refusal
from onboarding.validation.objects import at, words

ENTITY_TYPES = frozenset({"company", "government_entity", "individual", "non_profit"})
STRUCTURES = words(
    "cooperative free_zone_establishment free_zone_llc governmental_unit government_instrumentality "
    "incorporated_association incorporated_non_profit incorporated_partnership limited_liability_partnership llc "
    "multi_member_llc private_company private_corporation private_partnership public_company public_corporation "
    "public_listed_corporation public_partnership registered_charity single_member_llc sole_establishment "
    "sole_proprietorship tax_exempt_government_instrumentality trust unincorporated_association "
    "unincorporated_non_profit unincorporated_partnership"
)
_NON_PROFITS = frozenset({"incorporated_non_profit", "unincorporated_non_profit"})
_GOVERNMENTS = frozenset({"governmental_unit", "government_instrumentality", "tax_exempt_government_instrumentality"})
_PARTNERSHIPS = frozenset({"incorporated_partnership", "unincorporated_partnership"})
_CORPORATIONS = frozenset({"private_corporation", "public_corporation"})
# Accounts v2 contract, requirement catalogue by country. Its public text has no list for France, Spain, Italy, the
# Netherlands and Ireland: theirs are reconstructed. A country that isn't here accepts every known structure.
_STRUCTURES_BY_COUNTRY: dict[str, dict[str, frozenset[str]]] = {
    "US": {
        "company": words(
            "sole_proprietorship single_member_llc multi_member_llc private_partnership private_corporation "
            "unincorporated_association public_corporation public_partnership"
        ),
        "non_profit": _NON_PROFITS,
        "government_entity": _GOVERNMENTS,
    },
    "GB": {
        "company": _PARTNERSHIPS | {"private_corporation"},
        "non_profit": _NON_PROFITS,
    },
    "DE": {"company": _CORPORATIONS | _PARTNERSHIPS, "non_profit": _NON_PROFITS},
    "FR": {
        "company": _CORPORATIONS | _PARTNERSHIPS | {"cooperative", "sole_proprietorship"},
        "non_profit": _NON_PROFITS | {"registered_charity"},
    },
    "ES": {"company": _CORPORATIONS | _PARTNERSHIPS | {"cooperative"}, "non_profit": _NON_PROFITS},
    "IT": {
        "company": _CORPORATIONS | _PARTNERSHIPS | {"cooperative", "sole_proprietorship"},
        "non_profit": _NON_PROFITS,
    },
    "NL": {"company": _CORPORATIONS | _PARTNERSHIPS | {"cooperative"}, "non_profit": _NON_PROFITS},
    "IE": {"company": _CORPORATIONS | _PARTNERSHIPS, "non_profit": _NON_PROFITS | {"registered_charity"}},
}
# An individual is no organisation; trading under the own name is the one structure that is compatible with it.
_INDIVIDUAL_STRUCTURES = frozenset({"sole_proprietorship"})


def check_structure(patch: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Check entity type and structure when a request touches one of them or the country.

    Raises:
        Refusal: ``entity_type_not_supported_in_country`` for an entity type that exists nowhere (whether a policy
            serves a known one in a country is the policy's to say);
            ``structure_incompatible_for_entity_type_country``.
    """
    touched = [
        name
        for name, path in (
            ("identity.business_details.structure", ("identity", "business_details", "structure")),
            ("identity.entity_type", ("identity", "entity_type")),
            ("identity.country", ("identity", "country")),
        )
        if at(patch, *path) is not None
    ]
    entity_type = at(after, "identity", "entity_type")
    if "identity.entity_type" in touched and entity_type not in ENTITY_TYPES:
        raise Refusal(
            "entity_type_not_supported_in_country",
            "There is no such entity type.",
            param="identity.entity_type",
        )
    structure = at(after, "identity", "business_details", "structure")
    if touched and structure is not None and structure not in _allowed(at(after, "identity", "country"), entity_type):
        raise Refusal(
            "structure_incompatible_for_entity_type_country",
            "An entity of this type can't have this structure in the account's country.",
            param=touched[0],
        )


def _allowed(country: str | None, entity_type: str | None) -> frozenset[str]:
    if entity_type == "individual":
        return _INDIVIDUAL_STRUCTURES
    return _STRUCTURES_BY_COUNTRY.get(country or "", {}).get(entity_type or "", STRUCTURES)
