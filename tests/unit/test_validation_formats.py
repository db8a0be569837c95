"""Forms that have rules of their own: id numbers of businesses, websites, structures."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args, get_type_hints

import pytest
from stripe.params.v2.core import _account_create_params as sdk

from onboarding.domain.errors import Refusal
from onboarding.validation import validate_account
from onboarding.validation.id_numbers import BUSINESS_TYPES
from onboarding.validation.objects import nothing_exempt
from onboarding.validation.structures import ENTITY_TYPES, STRUCTURES
from onboarding.values import merge


def _validate(patch: dict[str, Any], before: dict[str, Any] | None = None) -> None:
    before = before or {}
    validate_account(
        patch,
        before,
        merge(before, patch),
        livemode=False,
        creating=not before,
        was_active=False,
        as_of=datetime(2026, 6, 1, tzinfo=UTC),
        exempt=nothing_exempt,
    )


def _refused(patch: dict[str, Any], before: dict[str, Any] | None = None) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as refused:
        _validate(patch, before)
    return refused.value.code, refused.value.param


@pytest.mark.parametrize(
    ("country", "number", "code", "field"),
    [
        ("US", {"type": "us_ein", "value": "12345678"}, "id_number_invalid", "value"),
        ("US", {"type": "us_ein", "value": "00-1234567"}, "id_number_invalid", "value"),
        ("US", {"type": "us_ein", "value": "١٢٣٤٥٦٧٨٩"}, "id_number_invalid", "value"),
        ("US", {"type": "us_ssn", "value": "536904399"}, "id_number_invalid", "type"),
        ("US", {"type": "gb_crn", "value": "12345678"}, "incorrect_id_number_for_country", "type"),
        ("GB", {"type": "gb_crn", "value": "12-"}, "id_number_invalid", "value"),
        ("GB", {"type": "gb_crn", "value": "12345678", "registrar": "x"}, "invalid_id_number_registrar", "registrar"),
        ("FR", {"type": "fr_siren", "value": "732829321"}, "id_number_invalid", "value"),
        ("AE", {"type": "ae_crn", "value": "---"}, "id_number_invalid", "value"),
    ],
)
def test_an_id_number_must_have_the_form_of_its_type(
    country: str, number: dict[str, str], code: str, field: str
) -> None:
    good = {
        "US": ("us_ein", "123456789"),
        "GB": ("gb_crn", "SC123456"),
        "FR": ("fr_siren", "732829320"),
        "AE": ("ae_crn", "1"),
    }
    kind, value = good[country]
    patch = {
        "identity": {"country": country, "business_details": {"id_numbers": [{"type": kind, "value": value}, number]}}
    }

    assert _refused(patch) == (code, f"identity.business_details.id_numbers[1].{field}")


def test_a_german_register_number_has_a_registrar_and_no_unregistered_partnership() -> None:
    numbers = [{"type": "de_hrn", "value": "HRB 12345", "registrar": "Amtsgericht Bonn"}]
    before = {"identity": {"country": "DE", "entity_type": "company", "business_details": {"id_numbers": numbers}}}

    _validate(before)

    assert _refused({"identity": {"business_details": {"structure": "unincorporated_partnership"}}}, before) == (
        "invalid_id_number_for_structure",
        "identity.business_details.structure",
    )


def test_an_id_number_is_compared_with_the_country_when_that_is_told_later() -> None:
    before = {"identity": {"business_details": {"id_numbers": [{"type": "us_ein", "value": "123456789"}]}}}

    assert _refused({"identity": {"country": "GB"}}, before) == ("incorrect_id_number_for_country", "identity.country")


@pytest.mark.parametrize(
    "url",
    [
        "https://accessible.stripe.com",
        "http://furever.test:8080/a?b=c#d",
        "furever.test",
        "https://bücher.example",
        "https://www.shop.co.uk/",
    ],
)
def test_a_website_s_address_is_accepted(url: str) -> None:
    _validate({"defaults": {"profile": {"business_url": url}}})


@pytest.mark.parametrize(
    "url",
    [
        "",
        "furever",
        "https://",
        "https://localhost",
        "https://shop.localhost",
        "https://192.0.2.1",
        "https://[2001:db8::1]/",
        "https://[",
        "https://www.example.com/x",
        "https://example.com.",
        "https://user:secret@furever.test",
        "https://furever..test",
        "https://-furever.test",
        "https://furever.test:port",
        "javascript:alert(1)",
        "https://fure ver.test",
        "https://furever.test/" + "x" * 2048,
    ],
)
def test_what_is_no_website_s_address_is_refused(url: str) -> None:
    assert _refused({"defaults": {"profile": {"business_url": url}}}) == (
        "url_invalid",
        "defaults.profile.business_url",
    )


@pytest.mark.parametrize(
    ("country", "entity_type", "structure", "accepted"),
    [
        ("US", "company", "single_member_llc", True),
        ("US", "company", "incorporated_non_profit", False),
        ("US", "non_profit", "incorporated_non_profit", True),
        ("US", "government_entity", "governmental_unit", True),
        ("US", "individual", "sole_proprietorship", True),
        ("US", "individual", "private_corporation", False),
        ("GB", "company", "incorporated_partnership", True),
        ("GB", "company", "single_member_llc", False),
        ("AE", "company", "free_zone_llc", True),
        ("AE", "company", "guild", False),
        (None, "company", "private_corporation", True),
    ],
)
def test_a_structure_must_go_with_entity_type_and_country(
    country: str | None,
    entity_type: str,
    structure: str,
    accepted: bool,  # noqa: FBT001 -- a column of the table
) -> None:
    identity = {"country": country, "entity_type": entity_type, "business_details": {"structure": structure}}

    if accepted:
        _validate({"identity": identity})
    else:
        assert _refused({"identity": identity}) == (
            "structure_incompatible_for_entity_type_country",
            "identity.business_details.structure",
        )


def test_a_new_entity_type_must_go_with_the_structure_that_is_there() -> None:
    before = {
        "identity": {"country": "US", "entity_type": "company", "business_details": {"structure": "public_corporation"}}
    }

    assert _refused({"identity": {"entity_type": "non_profit"}}, before) == (
        "structure_incompatible_for_entity_type_country",
        "identity.entity_type",
    )


def test_the_tables_hold_the_official_sdk_s_words() -> None:
    def words(parameters: Any, name: str) -> set[str]:
        return set(get_args(get_args(get_type_hints(parameters)[name])[0]))

    assert words(sdk.AccountCreateParamsIdentity, "entity_type") == ENTITY_TYPES
    assert words(sdk.AccountCreateParamsIdentityBusinessDetails, "structure") == STRUCTURES
    assert words(sdk.AccountCreateParamsIdentityBusinessDetailsIdNumber, "type") == BUSINESS_TYPES
