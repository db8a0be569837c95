"""A token is refused for what no account could take, and for nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from onboarding.domain.errors import Refusal
from onboarding.shape import roles
from onboarding.tokens import Tokens
from onboarding.validation import validate_account, validate_person
from onboarding.validation.objects import nothing_exempt
from onboarding.validation.tokens import fitting_exemption
from onboarding.values import merge

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
COUNTRY = st.sampled_from(["US", "GB", "DE", None])
PHONE = st.sampled_from(["+14155550123", "4155550123", "+44 20 7946 0018", "020 7946 0018", "+1 911", "x"])


def some(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with any of these keys."""
    return st.fixed_dictionaries({}, optional=parts)


ADDRESS = some(
    country=st.sampled_from(["US", "GB", "DE"]),
    line1=st.sampled_from(["1 Rosen Way", "\x07"]),
    state=st.sampled_from(["CA", "Bavaria"]),
    postal_code=st.sampled_from(["94103", "EC1M 7AD", "?"]),
)
SIDES = some(front=st.sampled_from(["file_1", "x"]), back=st.just("file_2"))
DOCUMENTS = some(primary_verification=st.builds(lambda sides: {"type": "front_back", "front_back": sides}, SIDES))
RELATIONSHIP = some(
    legal_guardian=st.booleans(),
    representative=st.booleans(),
    owner=st.booleans(),
    percent_ownership=st.sampled_from(["0", "40", "101"]),
)
PERSON = some(
    phone=PHONE,
    address=ADDRESS,
    documents=DOCUMENTS,
    relationship=RELATIONSHIP,
    additional_terms_of_service=st.just({"account": {"ip": "203.0.113.7"}}),
    id_numbers=st.sampled_from([[{"type": "us_ssn", "value": "123456789"}], [{"type": "us_ssn", "value": "1"}]]),
)
BUSINESS = some(
    phone=PHONE,
    address=ADDRESS,
    documents=DOCUMENTS,
    structure=st.sampled_from(["private_corporation", "trust"]),
    id_numbers=st.sampled_from([[{"type": "us_ein", "value": "123456789"}], [{"type": "gb_crn", "value": "01234567"}]]),
)
ACCOUNT = some(
    contact_email=st.sampled_from(["jenny@rosen-gardens.com", "x"]),
    contact_phone=PHONE,
    identity=some(entity_type=st.sampled_from(["company", "individual", "choir"]), business_details=BUSINESS),
)


def accepts(check: Any, *arguments: Any, **options: Any) -> bool:
    try:
        check(*arguments, **options)
    except Refusal:
        return False
    return True


def takes_account(before: dict[str, Any], patch: dict[str, Any]) -> bool:
    return accepts(
        validate_account,
        patch,
        before,
        merge(before, patch),
        livemode=True,
        creating=False,
        was_active=False,
        as_of=AS_OF,
        exempt=nothing_exempt,
    )


@given(ACCOUNT, COUNTRY, ACCOUNT)
def test_what_some_account_takes_can_be_put_into_a_token(
    before: dict[str, Any], country: str | None, patch: dict[str, Any]
) -> None:
    account = merge(before, {"identity": {"country": country}}) if country else before

    if takes_account(account, patch):
        Tokens._check_account(patch, AS_OF, fitting_exemption(nothing_exempt))


def takes_person(before: dict[str, Any], others: list[dict[str, Any]], account: Any, patch: dict[str, Any]) -> bool:
    after = merge(before, patch)
    return accepts(validate_person, patch, before, after, others, account, as_of=AS_OF, exempt=nothing_exempt)


# Nobody ever is both.
ROLES = some(relationship=RELATIONSHIP)
BEFORE = PERSON.filter(lambda person: not {"legal_guardian", "representative"} <= roles(person))
ROLES_BEFORE = ROLES.filter(lambda person: not {"legal_guardian", "representative"} <= roles(person))


@given(BEFORE, st.lists(PERSON, max_size=2), COUNTRY, PERSON)
def test_what_some_person_takes_can_be_put_into_a_token(
    before: dict[str, Any], others: list[dict[str, Any]], country: str | None, patch: dict[str, Any]
) -> None:
    account = {"identity": {"country": country}}

    if takes_person(before, others, account, patch):
        Tokens._check_person(patch, account, AS_OF, fitting_exemption(nothing_exempt))


@settings(max_examples=500)
@given(ROLES_BEFORE, st.lists(ROLES, max_size=2), ROLES)
def test_roles_that_some_person_takes_can_be_put_into_a_token(
    before: dict[str, Any], others: list[dict[str, Any]], patch: dict[str, Any]
) -> None:
    if takes_person(before, others, {}, patch):
        Tokens._check_person(patch, {}, AS_OF, fitting_exemption(nothing_exempt))


def test_what_nobody_takes_can_not() -> None:
    exempt = fitting_exemption(nothing_exempt)
    for values in (
        {"contact_email": "x"},
        {"contact_phone": "+1 911"},
        {"identity": {"entity_type": "choir"}},
        {"identity": {"business_details": {"address": {"line1": "\x07"}}}},
        {"identity": {"business_details": {"address": {"country": "US", "postal_code": "EC1M 7AD"}}}},
        {"identity": {"individual": {"id_numbers": [{"type": "us_ssn", "value": "1"}]}}},
    ):
        assert not accepts(Tokens._check_account, values, AS_OF, exempt), values
