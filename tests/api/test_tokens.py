"""Tokens of accounts and persons: what they hold becomes an account's once, and nobody else's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
import stripe

from tests.support.keys import move_to, with_publishable_keys
from tests.support.samples import ALL, COMPANY, MARKER, RECIPIENT, RECIPIENT_DETAILS, REPRESENTATIVE, patched
from tests.support.serving import Platform

INDIVIDUAL = RECIPIENT_DETAILS["identity"]["individual"]
HELD: Any = {
    "contact_email": "jenny@rosen-gardens.com",
    "contact_phone": "+14155550123",
    "display_name": "Rosen Gardens",
    "identity": {
        "entity_type": "individual",
        "individual": {**INDIVIDUAL, "metadata": {"attested": "a word"}},
        "attestations": {
            "representative_declaration": {"attested": False},
            "terms_of_service": {"account": {"shown_and_accepted": True}},
        },
    },
}
"""All that an individual who wants to be paid out must tell, and agree to."""
BESIDE: Any = {
    **{name: RECIPIENT[name] for name in ("configuration", "dashboard", "defaults")},
    "identity": {"country": "US"},
    "metadata": {"desk": "7"},
    "include": ALL,
}
"""What the platform itself says about it."""
PERSON: Any = {
    "given_name": "Tess",
    "surname": "Vahey",
    "email": "tess@rosen-gardens.com",
    "relationship": {"owner": True, "percent_ownership": "30"},
    "metadata": {"from": "token"},
}


def refused(call: Any, *arguments: Any) -> tuple[int | None, str | None, str | None]:
    """Status, code and parameter of a refusal."""
    with pytest.raises(stripe.StripeError) as error:
        call(*arguments)
    refusal: Any = error.value
    return refusal.http_status, refusal.error.code, getattr(refusal, "param", None)


def at_once(count: int, work: Any) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def test_account_token_makes_an_account_and_stamps_what_was_accepted(platform: Platform) -> None:
    core = platform.sdk().v2.core

    token = core.account_tokens.create(HELD)
    account = core.accounts.create({**BESIDE, "account_token": token.id})

    made, expires = (datetime.fromisoformat(time) for time in (token.created, token.expires_at))
    assert (token.object, token.livemode, token.used) == ("v2.core.account_token", False, False)
    assert token.id.startswith("accttok_")
    assert expires - made == timedelta(minutes=10)
    assert (account.contact_email, account.display_name) == (HELD["contact_email"], HELD["display_name"])
    assert (account.identity.country, account.identity.individual.given_name) == ("US", "Jenny")
    assert account.identity.individual.metadata.to_dict() == {"attested": "a word"}
    accepted = account.identity.attestations.terms_of_service.account
    assert (accepted.date, accepted.ip) == (token.created, "127.0.0.1")
    assert accepted.user_agent.startswith("Stripe/v2 PythonBindings/")
    assert account.identity.attestations.representative_declaration is None
    transfers = account.configuration.recipient.capabilities.stripe_balance.stripe_transfers
    assert transfers.status == "active"
    assert core.account_tokens.retrieve(token.id).used is True


def test_account_token_updates_an_account(platform: Platform) -> None:
    core = platform.sdk().v2.core
    account = core.accounts.create(RECIPIENT)
    token = core.account_tokens.create({"identity": {"individual": {"surname": "Rosenquist", "phone": "4155550123"}}})

    changed = core.accounts.update(account.id, {"account_token": token.id, "include": ["identity"]})

    assert changed.identity.individual.surname == "Rosenquist"
    assert changed.display_name == RECIPIENT["display_name"]


def test_person_token_makes_and_changes_persons(platform: Platform) -> None:
    core = platform.sdk().v2.core
    company = core.accounts.create(COMPANY)
    tokens, persons = core.accounts.person_tokens, core.accounts.persons

    token = tokens.create(company.id, PERSON)
    person = persons.create(company.id, {"person_token": token.id, "metadata": {"from": "platform"}})
    again = tokens.create(company.id, {"surname": "Vahey-Roe"})
    changed = persons.update(company.id, person.id, {"person_token": again.id})

    assert (token.object, token.used) == ("v2.core.account_person_token", False)
    assert token.id.startswith("perstok_")
    assert (person.given_name, person.relationship.percent_ownership) == ("Tess", 30)
    assert person.metadata.to_dict() == {"from": "platform"}
    assert (changed.given_name, changed.surname) == ("Tess", "Vahey-Roe")
    assert tokens.retrieve(company.id, token.id).used is True


def test_guardian_accepts_the_terms_by_a_token(platform: Platform) -> None:
    core = platform.sdk().v2.core
    company = core.accounts.create(COMPANY)
    core.accounts.persons.create(company.id, REPRESENTATIVE)
    token = core.accounts.person_tokens.create(
        company.id,
        {
            "given_name": "Gwen",
            "relationship": {"legal_guardian": True},
            "additional_terms_of_service": {"account": {"shown_and_accepted": True}},
        },
    )

    guardian = core.accounts.persons.create(company.id, {"person_token": token.id})
    later = core.accounts.person_tokens.create(
        company.id, {"additional_terms_of_service": {"account": {"shown_and_accepted": True}}}
    )
    changed = core.accounts.persons.update(company.id, guardian.id, {"person_token": later.id})

    assert guardian.additional_terms_of_service.account.date == token.created
    assert changed.additional_terms_of_service.account.date == later.created


def test_token_is_used_once_and_the_same_key_replays(platform: Platform) -> None:
    core = platform.sdk().v2.core
    token = core.account_tokens.create(HELD)
    request = {**BESIDE, "account_token": token.id}

    first = core.accounts.create(request, {"idempotency_key": "one"})
    replayed = core.accounts.create(request, {"idempotency_key": "one"})

    assert replayed.id == first.id
    assert refused(core.accounts.create, request) == (400, "token_already_used", "account_token")
    assert refused(core.accounts.update, first.id, {"account_token": token.id})[1] == "token_already_used"
    assert len(core.accounts.list().data) == 1


def test_of_many_at_once_one_uses_the_token(platform: Platform) -> None:
    token = platform.sdk().v2.core.account_tokens.create(HELD)

    answers = at_once(
        6, lambda _: platform.request("POST", "/v2/core/accounts", json={**BESIDE, "account_token": token.id})
    )

    codes = sorted(answer.json().get("error", {}).get("code", "made") for answer in answers)
    assert codes == ["made"] + ["token_already_used"] * 5
    assert len(platform.sdk().v2.core.accounts.list().data) == 1


def test_making_a_token_replays_too(platform: Platform) -> None:
    tokens = platform.sdk().v2.core.account_tokens

    first = tokens.create(HELD, {"idempotency_key": "one"})
    again = tokens.create(HELD, {"idempotency_key": "one"})

    assert again.id == first.id
    assert refused(tokens.create, {"display_name": "Another"}, {"idempotency_key": "one"})[:2] == (
        409,
        "idempotency_error",
    )


def test_refused_use_leaves_the_token(platform: Platform) -> None:
    core = platform.sdk().v2.core
    company = core.accounts.create(COMPANY)
    core.accounts.persons.create(company.id, REPRESENTATIVE)  # holds 60 percent
    token = core.accounts.person_tokens.create(
        company.id, patched(PERSON, relationship={"owner": True, "percent_ownership": "50"})
    )
    before = platform.server.count_rows()

    over = refused(core.accounts.persons.create, company.id, {"person_token": token.id})

    assert over[:2] == (400, "total_person_ownership_exceeded")
    assert platform.server.count_rows() == before
    assert core.accounts.person_tokens.retrieve(company.id, token.id).used is False
    [holder] = core.accounts.persons.list(company.id).data
    core.accounts.persons.update(company.id, holder.id, {"relationship": {"percent_ownership": "40"}})
    made = core.accounts.persons.create(company.id, {"person_token": token.id})
    assert made.given_name == "Tess"


def test_token_expires_by_the_clock_of_the_database(platform: Platform) -> None:
    core = platform.sdk().v2.core
    late, early = core.account_tokens.create(HELD), core.account_tokens.create(HELD)
    assert platform.server.fetch("SELECT expires_at - created_at FROM tokens WHERE id = $1", late.id)[0][
        0
    ] == timedelta(minutes=10)
    set_expiry = "UPDATE tokens SET expires_at = clock_timestamp() + $2::interval WHERE id = $1"
    platform.server.fetch(set_expiry, late.id, timedelta(milliseconds=-1))
    platform.server.fetch(set_expiry, early.id, timedelta(minutes=1))

    assert refused(core.accounts.create, {**BESIDE, "account_token": late.id}) == (
        400,
        "token_expired",
        "account_token",
    )
    assert core.accounts.create({**BESIDE, "account_token": early.id}).display_name == HELD["display_name"]


def test_sweep_destroys_what_an_expired_token_holds(platform: Platform) -> None:
    server = platform.server
    core = platform.sdk().v2.core
    late, early = core.account_tokens.create(HELD), core.account_tokens.create(HELD)
    server.fetch("UPDATE tokens SET expires_at = clock_timestamp() WHERE id = $1", late.id)

    server.run(server.engine.work.swept())

    held = server.fetch("SELECT id FROM tokens WHERE platform_id = $1 AND sealed IS NOT NULL", platform.id)
    assert [row[0] for row in held] == [early.id]
    assert refused(core.accounts.create, {**BESIDE, "account_token": late.id})[:2] == (400, "token_expired")
    assert core.account_tokens.retrieve(late.id).used is False


@pytest.mark.parametrize(
    ("alongside", "param"),
    [
        ({"contact_email": "other@rosen-gardens.com"}, "contact_email"),
        ({"contact_phone": None}, "contact_phone"),
        ({"display_name": "Other"}, "display_name"),
        ({"identity": {"country": "US", "entity_type": "company"}}, "identity.entity_type"),
        ({"identity": {"individual": {}}}, "identity.individual"),
        ({"identity": {"attestations": None}}, "identity.attestations"),
        ({"identity": {"business_details": {"phone": "+14155550123"}}}, "identity.business_details"),
    ],
)
def test_nothing_that_an_account_token_holds_comes_beside_it(
    platform: Platform, alongside: dict[str, Any], param: str
) -> None:
    core = platform.sdk().v2.core
    token = core.account_tokens.create(HELD)

    found = refused(core.accounts.create, {**BESIDE, **alongside, "account_token": token.id})

    assert found == (400, "param_alongside_account_token", param)
    assert core.account_tokens.retrieve(token.id).used is False


def test_nothing_but_metadata_comes_beside_a_person_token(platform: Platform) -> None:
    core = platform.sdk().v2.core
    company = core.accounts.create(COMPANY)
    token = core.accounts.person_tokens.create(company.id, PERSON)

    besides: list[dict[str, Any]] = [{"surname": "Roe"}, {"relationship": None}, {"documents": {}}]
    for alongside in besides:
        found = refused(core.accounts.persons.create, company.id, {**alongside, "person_token": token.id})
        assert found == (400, "param_alongside_person_token", next(iter(alongside)))


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ("perstok_67c7stehjp2qvwg900q2qsftv9z", 400, "incorrect_token_wrong_type"),
        ("ct_1Rosen", 400, "v1_token_invalid_in_v2"),
        ("cpt_1Rosen", 400, "v1_token_invalid_in_v2"),
        ("btok_us", 400, "v1_token_invalid_in_v2"),
        ("accttok_67c7stehjp2qvwg900q2qsftv9z", 403, "invalid_account_token"),
        ("Quastenberger", 403, "invalid_account_token"),
        ("", 403, "invalid_account_token"),
    ],
)
def test_what_is_no_account_token_is_told(platform: Platform, sent: str, status: int, code: str) -> None:
    before = platform.server.count_rows()

    found = refused(platform.sdk().v2.core.accounts.create, {**BESIDE, "account_token": sent})

    assert found[:2] == (status, code)
    assert platform.server.count_rows() == before


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ("accttok_67c7stehjp2qvwg900q2qsftv9z", 400, "incorrect_token_wrong_type"),
        ("cpt_1Rosen", 400, "v1_token_invalid_in_v2"),
        ("perstok_67c7stehjp2qvwg900q2qsftv9z", 403, "invalid_person_token"),
    ],
)
def test_what_is_no_person_token_is_told(platform: Platform, sent: str, status: int, code: str) -> None:
    core = platform.sdk().v2.core
    company = core.accounts.create(COMPANY)
    person = core.accounts.persons.create(company.id, REPRESENTATIVE)

    assert refused(core.accounts.persons.create, company.id, {"person_token": sent})[:2] == (status, code)
    assert refused(core.accounts.persons.update, company.id, person.id, {"person_token": sent})[:2] == (status, code)


def test_token_of_another_platform_or_mode_is_unknown(platform: Platform, other_platform: Platform) -> None:
    foreign = other_platform.sdk().v2.core.account_tokens.create(HELD)
    live = with_publishable_keys(platform).sdk(live=True).v2.core.account_tokens.create({"display_name": "Rosen"})
    core = platform.sdk().v2.core

    for token in (foreign, live):
        assert refused(core.accounts.create, {**BESIDE, "account_token": token.id})[:2] == (
            403,
            "invalid_account_token",
        )
        assert refused(core.account_tokens.retrieve, token.id)[:2] == (404, "not_found")


def test_person_token_is_for_one_account(platform: Platform, other_platform: Platform) -> None:
    core = platform.sdk().v2.core
    one, other = core.accounts.create(COMPANY), core.accounts.create(COMPANY)
    token = core.accounts.person_tokens.create(one.id, PERSON)

    assert refused(core.accounts.persons.create, other.id, {"person_token": token.id}) == (
        400,
        "incorrect_account_for_person_token",
        "person_token",
    )
    assert refused(core.accounts.person_tokens.retrieve, other.id, token.id)[:2] == (404, "not_found")
    assert refused(core.account_tokens.retrieve, token.id)[:2] == (404, "not_found")
    foreign = other_platform.sdk().v2.core.accounts.person_tokens
    assert refused(foreign.create, one.id, PERSON)[:2] == (404, "not_found")
    assert core.accounts.persons.create(one.id, {"person_token": token.id}).given_name == "Tess"


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"contact_email": MARKER}, "email_invalid", "contact_email"),
    ({"contact_phone": "+1 911"}, "phone_invalid", "contact_phone"),
    (
        {"identity": {"individual": {"email": "nobody"}}},
        "email_invalid",
        "identity.individual.email",
    ),
    (
        {"identity": {"individual": {"id_numbers": [{"type": "us_ssn", "value": "12"}]}}},
        "id_number_invalid",
        "identity.individual.id_numbers[0].value",
    ),
    (
        {"identity": {"individual": {"date_of_birth": {"day": 31, "month": 2, "year": 1980}}}},
        "date_of_birth_invalid",
        "identity.individual.date_of_birth",
    ),
    (
        {"identity": {"business_details": {"address": {"country": "US", "state": "Bavaria"}}}},
        "address_state_invalid",
        "identity.business_details.address.state",
    ),
    (
        {"identity": {"business_details": {"documents": {"company_license": {"type": "files", "files": ["x"]}}}}},
        "document_invalid",
        "identity.business_details.documents.company_license.files[0]",
    ),
    ({"identity": {"entity_type": "choir"}}, "entity_type_not_supported_in_country", "identity.entity_type"),
    ({"identity": {"country": "US"}}, "parameter_unknown", "identity.country"),
    ({"metadata": {"a": "b"}}, "parameter_unknown", "metadata"),
    (
        {"identity": {"attestations": {"terms_of_service": {"account": {"date": "2026-01-01T00:00:00Z"}}}}},
        "parameter_unknown",
        "identity.attestations.terms_of_service.account.date",
    ),
    (
        {"identity": {"attestations": {"ownership_declaration": {"attested": "yes"}}}},
        "parameter_invalid",
        "identity.attestations.ownership_declaration.attested",
    ),
]


@pytest.mark.parametrize(("held", "code", "param"), BAD)
def test_bad_format_is_refused_when_the_token_is_made(
    platform: Platform, held: dict[str, Any], code: str, param: str
) -> None:
    before = platform.server.count_rows()

    answer = platform.request("POST", "/v2/core/account_tokens", json=held, headers={"Idempotency-Key": "k"})

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)
    assert MARKER not in answer.text
    assert platform.server.count_rows() == before


def test_bad_person_is_refused_when_the_token_is_made(platform: Platform) -> None:
    core = platform.sdk().v2.core
    company = core.accounts.create(COMPANY)
    before = platform.server.count_rows()

    for bad, code in (
        ({"email": MARKER}, "email_invalid"),
        ({"relationship": {"owner": True, "percent_ownership": "101"}}, "person_percent_ownership_invalid"),
        (
            {"relationship": {"authorizer": True, "representative": True}},
            "authorizer_relationship_invalid_for_representative",
        ),
        ({"person_token": "perstok_1"}, "parameter_unknown"),
    ):
        assert refused(core.accounts.person_tokens.create, company.id, bad)[:2] == (400, code)
    assert platform.server.count_rows() == before


def test_what_only_the_account_can_tell_is_left_to_the_use(platform: Platform) -> None:
    """A token is not refused for what depends on the account that it will be used on."""
    core = platform.sdk().v2.core
    account = core.accounts.create(
        patched(RECIPIENT, identity__individual={**INDIVIDUAL, "documents": {"primary_verification": {
            "type": "front_back", "front_back": {"front": "file_identity_document_success"}}}})
    )  # fmt: skip
    held = {
        "identity": {
            "individual": {
                "phone": "4155550123",
                "address": {"line2": "Suite 5", "postal_code": "94103"},
                "documents": {
                    "primary_verification": {
                        "type": "front_back",
                        "front_back": {"back": "file_identity_document_success"},
                    }
                },
            }
        }
    }
    token = core.account_tokens.create(held)

    changed = core.accounts.update(account.id, {"account_token": token.id, "include": ["identity"]})

    address = changed.identity.individual.address
    assert (address.line1, address.line2, address.country) == ("address_full_match", "Suite 5", "US")
    bare = core.accounts.create({"display_name": "Nowhere"})
    again = core.account_tokens.create(held)
    assert refused(core.accounts.update, bare.id, {"account_token": again.id})[:2] == (400, "phone_invalid")


def test_declarations_wait_for_the_account_to_exist(platform: Platform) -> None:
    core = platform.sdk().v2.core
    declared = {"identity": {"attestations": {"ownership_declaration": {"attested": True}}}}
    company = core.accounts.create(COMPANY)
    token = core.account_tokens.create(declared)

    early = refused(core.accounts.create, {"account_token": token.id})
    changed = core.accounts.update(company.id, {"account_token": token.id, "include": ["identity"]})

    assert early[:2] == (400, "ownership_declaration_not_allowed_during_account_creation")
    assert changed.identity.attestations.ownership_declaration.date == token.created


def test_live_tokens_are_made_with_a_publishable_key(platform: Platform) -> None:
    browser = with_publishable_keys(platform)
    live = platform.sdk(live=True).v2.core
    account = live.accounts.create({"identity": {"country": "US", "entity_type": "company"}})

    assert refused(live.account_tokens.create, {"display_name": "Rosen"})[:2] == (403, "publishable_key_required")
    assert refused(live.accounts.person_tokens.create, account.id, PERSON)[:2] == (403, "publishable_key_required")
    token = browser.sdk(live=True).v2.core.account_tokens.create({"display_name": "Rosen"})
    person_token = browser.sdk(live=True).v2.core.accounts.person_tokens.create(account.id, PERSON)
    assert (token.livemode, person_token.livemode) == (True, True)
    assert live.accounts.update(account.id, {"account_token": token.id}).display_name == "Rosen"
    assert live.accounts.persons.create(account.id, {"person_token": person_token.id}).given_name == "Tess"
    # Sandbox values pass in the sandbox only.
    sandbox_only = {"identity": {"individual": {"id_numbers": [{"type": "us_ssn", "value": "000000000"}]}}}
    made = browser.sdk().v2.core.account_tokens.create(sandbox_only)
    assert made.livemode is False
    assert refused(browser.sdk(live=True).v2.core.account_tokens.create, sandbox_only)[:2] == (400, "id_number_invalid")


@pytest.mark.parametrize("live", [False, True])
def test_publishable_key_makes_tokens_and_nothing_else(platform: Platform, live: bool) -> None:  # noqa: FBT001
    account = platform.sdk(live=live).v2.core.accounts.create({"display_name": "Rosen"})
    browser = with_publishable_keys(platform)
    token = browser.request("POST", "/v2/core/account_tokens", json={"display_name": "Other"}, live=live).json()
    path = f"/v2/core/accounts/{account.id}"

    for method, asked in (
        ("GET", f"/v2/core/account_tokens/{token['id']}"),
        ("GET", "/v2/core/accounts"),
        ("GET", path),
        ("POST", path),
        ("POST", "/v2/core/accounts"),
        ("POST", f"{path}/persons"),
        ("GET", "/v2/core/events"),
        ("GET", f"/v1/accounts/{account.id}/external_accounts"),
        ("GET", "/v2/core/vault/us_bank_accounts"),
        ("GET", "/v2/verification/checks"),
    ):
        sent = {"account_token": token["id"]} if method == "POST" else None
        answer = browser.request(method, asked, json=sent, live=live)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "secret_key_required"), asked
    assert platform.sdk(live=live).v2.core.accounts.retrieve(account.id).display_name == "Rosen"


def test_platform_in_france_must_use_tokens(platform: Platform) -> None:
    core = platform.sdk().v2.core
    company = core.accounts.create(COMPANY)
    person = core.accounts.persons.create(company.id, REPRESENTATIVE)
    move_to(platform, "FR")
    before = platform.server.count_rows()

    assert refused(core.accounts.create, RECIPIENT) == (400, "account_token_required", "contact_email")
    assert refused(core.accounts.update, company.id, {"display_name": "Other"})[1] == "account_token_required"
    assert refused(core.accounts.persons.create, company.id, PERSON)[:2] == (400, "person_token_required")
    assert refused(core.accounts.persons.update, company.id, person.id, {"email": None})[1] == "person_token_required"
    assert platform.server.count_rows() == before
    # What no token holds may be said.
    core.accounts.update(company.id, {"metadata": {"desk": "8"}, "configuration": {"merchant": {"mcc": "5812"}}})
    core.accounts.persons.update(company.id, person.id, {"metadata": {"desk": "9"}})
    token = core.account_tokens.create(HELD)
    made = core.accounts.create({**BESIDE, "account_token": token.id})
    assert made.identity.individual.surname == "Rosen"
    person_token = core.accounts.person_tokens.create(company.id, PERSON)
    assert core.accounts.persons.create(company.id, {"person_token": person_token.id}).given_name == "Tess"


def test_platform_elsewhere_may_use_none(platform: Platform) -> None:
    move_to(platform, "DE")

    assert platform.sdk().v2.core.accounts.create(RECIPIENT).display_name == RECIPIENT["display_name"]
