"""Which requests about a person are refused for their form or for its place among the others."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe.params.v2.core.accounts import _person_create_params as sdk

from onboarding.domain.errors import Refusal
from onboarding.validation import validate_person
from onboarding.validation.dates import age
from onboarding.validation.id_numbers import PERSON_TYPES
from onboarding.values import merge

AS_OF = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
COMPANY = {"identity": {"country": "US", "entity_type": "company"}}
INDIVIDUAL = {"identity": {"country": "US", "entity_type": "individual"}}
SANDBOX = {
    ("date_of_birth", "1901-01-01"),
    ("id_number", "000000000"),
    ("id_number", "0000"),
    ("phone", "0000000000"),
}
SOMEBODY = {"given_name": "Jenny"}


def _exempt(kind: str, value: str) -> bool:
    return (kind, value) in SANDBOX


def _validate(
    patch: dict[str, Any],
    before: dict[str, Any] | None = None,
    others: list[dict[str, Any]] | None = None,
    account: dict[str, Any] | None = None,
    **known: Any,
) -> None:
    validate_person(
        patch,
        before,
        merge(before or {}, patch),
        others or [],
        account or COMPANY,
        **{"as_of": AS_OF, "exempt": _exempt, **known},
    )


def _refused(*arguments: Any, **known: Any) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as refused:
        _validate(*arguments, **known)
    assert refused.value.__cause__ is None
    return refused.value.code, refused.value.param


def _born(day: int, month: int, year: int) -> dict[str, Any]:
    return {"date_of_birth": {"day": day, "month": month, "year": year}}


def _number(kind: str, value: str) -> dict[str, Any]:
    return {"id_numbers": [{"type": kind, "value": value}]}


def _is(*roles: str, percent: str | None = None) -> dict[str, Any]:
    relationship: dict[str, Any] = dict.fromkeys(roles, True)
    return {"relationship": relationship | ({"percent_ownership": percent} if percent is not None else {})}


def test_a_complete_person_is_accepted() -> None:
    _validate(
        {
            "given_name": "Jenny",
            "surname": "Rosén-O'Neil 3rd",
            "email": "jenny+enforce_future_requirements@furever.test",
            "phone": "030 901820",
            "date_of_birth": {"day": 1, "month": 1, "year": 1901},
            "address": {"country": "DE", "line1": "Hauptstraße 1", "postal_code": "53113", "state": "NRW"},
            "additional_addresses": [{"purpose": "registered", "country": "GB", "postal_code": "SW1A 1AA"}],
            "additional_names": [{"purpose": "maiden", "surname": "Muster"}],
            "script_names": {"kana": {"given_name": "ジェニー"}, "kanji": {"surname": "露仙"}},
            "id_numbers": [{"type": "us_ssn", "value": "000-00-0000"}, {"type": "de_stn", "value": "12 345 678 901"}],
            "documents": {"primary_verification": {"type": "front_back", "front_back": {"front": "file_1"}}},
            "relationship": {"representative": True, "owner": True, "percent_ownership": "60", "title": "CEO"},
        },
        None,
        [_is("owner", percent="40")],
    )


def test_an_address_in_japan_is_accepted_in_three_scripts() -> None:
    kana = {"country": "JP", "line1": "マルノウチ 1\N{MINUS SIGN}1", "postal_code": "100-0005"}
    first = {"address": {"country": "JP", "line1": "1-1 Marunouchi", "postal_code": "100-0005"}}

    _validate({**first, "script_addresses": {"kana": kana}})
    # The postal code is there already.
    _validate({"script_addresses": {"kana": {"town": "チヨダク"}}}, {"script_addresses": {"kana": kana}})


@pytest.mark.parametrize(
    ("patch", "code", "param"),
    [
        ({"given_name": "bell\x07"}, "script_characters_invalid", "given_name"),
        (
            {"additional_names": [{}, {"full_name": "\ue000"}]},
            "script_characters_invalid",
            "additional_names[1].full_name",
        ),
        ({"script_names": {"kana": {"surname": "漢字"}}}, "script_characters_invalid", "script_names.kana.surname"),
        ({"script_names": {"kanji": {"surname": "Kanji"}}}, "script_characters_invalid", "script_names.kanji.surname"),
        ({"script_addresses": {"kana": {"country": "US"}}}, "non_jp_kana_kanji_address", "script_addresses.kana"),
        ({"email": "jenny@"}, "email_invalid", "email"),
        ({"email": "jenny@localhost"}, "email_invalid", "email"),
        ({"phone": "call me"}, "phone_invalid", "phone"),
        ({"phone": "+1 055 555 0123"}, "phone_invalid", "phone"),
        ({"address": {"line1": "1 Main St"}}, "address_country_required", "address.country"),
        ({"address": {"country": "CA", "state": "CA"}}, "address_state_invalid", "address.state"),
        ({"address": {"country": "GB", "postal_code": "12345"}}, "address_postal_code_invalid", "address.postal_code"),
        (
            {"additional_addresses": [{"purpose": "registered", "city": "Bonn"}]},
            "address_country_required",
            "additional_addresses[0].country",
        ),
        (
            {"documents": {"passport": {"type": "files", "files": ["p.png"]}}},
            "document_invalid",
            "documents.passport.files[0]",
        ),
        (
            {"documents": {"secondary_verification": {"front_back": {"front": "file_1", "back": "b"}}}},
            "document_invalid",
            "documents.secondary_verification.front_back.back",
        ),
    ],
)
def test_a_format_problem_refuses_the_request(patch: dict[str, Any], code: str, param: str) -> None:
    assert _refused(patch) == (code, param)
    assert _refused(patch, prefix="identity.individual.") == (code, f"identity.individual.{param}")


@pytest.mark.parametrize(
    ("born", "code"),
    [
        (_born(1, 6, 2013), None),  # thirteen today
        (_born(2, 6, 2013), "date_of_birth_age_restriction"),
        (_born(1, 6, 2026), "date_of_birth_age_restriction"),
        (_born(2, 6, 2026), "date_of_birth_invalid"),
        (_born(2, 6, 1905), None),  # a day before 121
        (_born(1, 6, 1905), "date_of_birth_invalid"),
        (_born(30, 2, 1990), "date_of_birth_invalid"),
        (_born(0, 0, 0), "date_of_birth_invalid"),
        (_born(1, 1, 1901), None),  # the sandbox's
    ],
)
def test_age_has_limits(born: dict[str, Any], code: str | None) -> None:
    if code is None:
        _validate(born)
    else:
        assert _refused(born) == (code, "date_of_birth")


@given(st.dates(date(1900, 1, 1), date(2026, 6, 1)), st.dates(date(1900, 1, 1), date(2026, 6, 1)))
def test_age_grows_by_one_a_year(one: date, other: date) -> None:
    born, today = sorted([one, other])
    years = age(born, today)
    birthday = (born.month, born.day)

    assert date(born.year + years, 1, 1) <= today
    assert (today.year - born.year - years == 0) == ((today.month, today.day) >= birthday)


@pytest.mark.parametrize(
    ("kind", "value", "accepted"),
    [
        ("us_ssn", "536-90-4399", True),
        ("us_ssn", "53690439", False),
        ("us_ssn", "666904399", False),
        ("us_ssn", "000-00-0000", True),  # the sandbox's
        ("us_ssn_last_4", "4399", True),
        ("us_ssn_last_4", "439", False),
        ("us_ssn_last_4", "0000", True),  # the sandbox's
        ("us_itin", "912-90-3456", True),
        ("us_itin", "112903456", False),
        ("us_itin_last_4", "3456", True),
        ("us_itin_last_4", "345x", False),
        ("gb_nino", "AB 12 34 56 C", True),
        ("gb_nino", "DF123456C", False),
        ("ca_sin", "123 456 782", True),
        ("ca_sin", "123 456 783", False),
        ("za_id", "8001015009087", True),
        ("za_id", " - ", False),
    ],
)
def test_an_id_number_must_have_the_form_of_its_type(kind: str, value: str, accepted: bool) -> None:  # noqa: FBT001
    if accepted:
        _validate(_number(kind, value))
    else:
        assert _refused(_number(kind, value)) == ("id_number_invalid", "id_numbers[0].value")


def test_a_business_s_number_is_none_of_a_person() -> None:
    assert _refused(_number("us_ein", "123456789")) == ("id_number_invalid", "id_numbers[0].type")
    hints = get_type_hints(sdk.PersonCreateParamsIdNumber)
    assert set(get_args(get_args(hints["type"])[0])) == PERSON_TYPES


@pytest.mark.parametrize(
    ("patch", "others", "code", "param"),
    [
        (
            _is("representative"),
            [_is("representative")],
            "additional_representative_not_allowed",
            "relationship.representative",
        ),
        (_is("authorizer"), [_is("authorizer")], "authorizer_duplicate", "relationship.authorizer"),
        (
            _is("legal_guardian"),
            [_is("representative"), _is("legal_guardian")],
            "additional_legal_guardian_not_allowed",
            "relationship.legal_guardian",
        ),
        (
            _is("authorizer", "representative"),
            [],
            "authorizer_relationship_invalid_for_representative",
            "relationship.authorizer",
        ),
        (
            _is("legal_guardian", "representative"),
            [],
            "legal_guardian_representative_not_allowed",
            "relationship.legal_guardian",
        ),
        (_is("legal_guardian"), [], "legal_guardian_requires_existing_representative", "relationship.legal_guardian"),
        (
            {"additional_terms_of_service": {"account": {"ip": "192.0.2.1"}}},
            [],
            "additional_tos_only_allowed_for_legal_guardian",
            "additional_terms_of_service",
        ),
        (_is("owner", percent="0"), [], "person_percent_ownership_invalid", "relationship.percent_ownership"),
        (_is("owner", percent="100.1"), [], "person_percent_ownership_invalid", "relationship.percent_ownership"),
        (_is(percent="-1"), [], "person_percent_ownership_invalid", "relationship.percent_ownership"),
        (
            _is("owner", percent="50.02"),
            [_is("owner", percent="30"), _is(percent="19.99"), _is("owner")],
            "total_person_ownership_exceeded",
            "relationship.percent_ownership",
        ),
    ],
)
def test_a_role_that_does_not_fit_is_refused(
    patch: dict[str, Any], others: list[dict[str, Any]], code: str, param: str
) -> None:
    assert _refused(patch, None, others) == (code, param)


@pytest.mark.parametrize(
    ("patch", "before", "others"),
    [
        (_is("legal_guardian"), None, [_is("representative")]),
        ({"relationship": {"legal_guardian": True}}, _is("owner"), [_is("representative")]),
        (
            {"additional_terms_of_service": {"account": {"ip": "192.0.2.1"}}},
            _is("legal_guardian"),
            [_is("representative")],
        ),
        ({"relationship": {"title": "CEO"}}, _is("representative"), [_is("representative")]),
        (_is("owner", percent="50"), None, [_is("owner", percent="50")]),
        (_is(percent="0"), None, []),
        ({"relationship": {"percent_ownership": "20"}}, _is("owner", percent="90"), [_is("owner", percent="80")]),
        ({"relationship": {"title": "CEO"}}, _is("owner", percent="90"), [_is("owner", percent="80")]),
    ],
)
def test_a_role_that_fits_is_accepted(
    patch: dict[str, Any], before: dict[str, Any] | None, others: list[dict[str, Any]]
) -> None:
    _validate(patch, before, others)


def test_becoming_an_owner_with_nothing_is_refused() -> None:
    assert _refused({"relationship": {"owner": True}}, _is(percent="0")) == (
        "person_percent_ownership_invalid",
        "relationship.percent_ownership",
    )


def test_an_individual_is_the_only_person_of_its_account() -> None:
    _validate(SOMEBODY, None, [], INDIVIDUAL)
    _validate(SOMEBODY, {"surname": "Rosen"}, [_is("legal_guardian")], INDIVIDUAL)

    assert _refused(SOMEBODY, None, [SOMEBODY], INDIVIDUAL) == ("individual_additional_person_not_allowed", None)
    assert _refused(_is("authorizer"), SOMEBODY, [], INDIVIDUAL) == (
        "invalid_relationship_for_identity_type_structure_and_country",
        "relationship.authorizer",
    )


def test_a_minor_individual_may_have_a_legal_guardian() -> None:
    _validate(_is("legal_guardian"), None, [SOMEBODY], INDIVIDUAL)
    _validate(SOMEBODY, {}, [_is("legal_guardian")], INDIVIDUAL)


def test_metadata_of_several_requests_is_counted_together() -> None:
    before = {"metadata": {str(n): "x" for n in range(50)}}

    assert _refused({"metadata": {"one more": "x"}}, before) == ("parameter_invalid", "metadata")
