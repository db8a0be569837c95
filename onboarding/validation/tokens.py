"""What a token's values are checked against before anybody knows on which account they will be used.

The account or person on which they would fit best: whatever the values leave open is as they need it to be. So a token
is refused for what no account could take, and for nothing else; the rest is told when it is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from onboarding.validation.objects import Exempt, object_at

ANYWHERE = "ZZ"
"""Country of an address whose own is not said: ISO 3166 leaves it to users, so no rule of a country applies."""

_SOME_FILE = {"front_back": {"front": "file_known"}}


def fitting_account(patch: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the account that a token's values would fit best, without them."""
    business = object_at(patch, "identity", "business_details")
    fitting = {**_fitting_address(business), **_fitting_documents(business)}
    return {"identity": {"business_details": fitting}} if fitting else {}


def fitting_person(patch: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the person that a token's values would fit best, without them."""
    fitting = {**_fitting_address(patch), **_fitting_documents(patch)}
    if object_at(patch, "additional_terms_of_service"):
        fitting["relationship"] = {"legal_guardian": True}
    return fitting


def fitting_others(patch: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The values of the other persons beside whom that person would fit best."""
    is_guardian = object_at(patch, "relationship").get("legal_guardian") is True
    return [{"relationship": {"representative": True}}] if is_guardian else []


def fitting_exemption(exempt: Exempt) -> Exempt:
    """An exemption that also lets a phone number pass which needs its country to be understood."""

    def passes(kind: str, value: str) -> bool:
        return exempt(kind, value) or (kind == "phone" and not value.lstrip().startswith("+"))

    return passes


def _fitting_address(values: Mapping[str, Any]) -> dict[str, Any]:
    address = values.get("address")
    return {"address": {"country": ANYWHERE}} if address and "country" not in address else {}


def _fitting_documents(values: Mapping[str, Any]) -> dict[str, Any]:
    """A side of a document that is not sent may be there already."""
    kinds = dict(_kinds(values))
    return {"documents": kinds} if kinds else {}


def _kinds(values: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for kind, document in object_at(values, "documents").items():
        if document and "front_back" in document:
            yield kind, _SOME_FILE
