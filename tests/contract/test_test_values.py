"""Every published test value does in the sandbox what the table says, and nothing under a live key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onboarding.values import merge
from tests.contract.document import DONE, rows
from tests.policies.telling import asking, finish, steps_of
from tests.support.samples import ADDRESS, BANK_ACCOUNT, COMPANY, RECIPIENT, RECIPIENT_DETAILS, REPRESENTATIVE, patched
from tests.support.serving import Platform

TABLE = rows("Test values")
INDIVIDUAL = merge(RECIPIENT, RECIPIENT_DETAILS)
BRITISH = merge(
    COMPANY,
    {
        "identity": {
            "country": "GB",
            "attestations": {"persons_provided": {"owners": True, "directors": True, "executives": True}},
            "business_details": {
                "structure": "private_corporation",
                "address": {**ADDRESS, "country": "GB", "postal_code": "SW1A 1AA", "state": None},
                "id_numbers": None,
            },
        }
    },
)
BRITISH["identity"]["business_details"]["id_numbers"] = [{"type": "gb_crn", "value": "12345678"}]
OFFICER = merge(REPRESENTATIVE, {"relationship": {"director": True}})


@dataclass(frozen=True)
class Value:
    """A test value in an account, and what comes of it: how the check that reads it ends.

    ``kind`` None: it is accepted although it has no valid form, and that is all.
    """

    name: str
    account: Any
    kind: str | None
    outcome: str = "passed"
    reason: str | None = None
    person: Any = None
    bank_account: Any = None


def _person(name: str, kind: str | None, reason: str | None = None, outcome: str = "", **details: Any) -> Value:
    account = patched(INDIVIDUAL, **{f"identity__individual__{path}": value for path, value in details.items()})
    return Value(name, account, kind, outcome or ("failed" if reason else "passed"), reason)


def _company(name: str, kind: str | None, reason: str | None = None, **details: Any) -> Value:
    return Value(name, patched(COMPANY, **details), kind, "failed" if reason else "passed", reason, REPRESENTATIVE)


def _british(name: str, kind: str, reason: str | None = None, person: Any = None, **details: Any) -> Value:
    account = patched(BRITISH, **{f"identity__business_details__{path}": value for path, value in details.items()})
    return Value(name, account, kind, "failed" if reason else "passed", reason, merge(OFFICER, person or {}))


def _born(year: int) -> dict[str, int]:
    return {"day": 1, "month": 1, "year": year}


def _document(file: str) -> Any:
    return {"primary_verification": {"type": "front_back", "front_back": {"front": file}}}


_LINE = "identity__business_details__address__line1"
_EIN = "identity__business_details__id_numbers"
_URL = "defaults__profile__business_url"
_STATEMENT = "configuration__merchant__statement_descriptor"

VALUES = (
    _person("1901-01-01", "keyed_identity", date_of_birth=_born(1901)),
    _person("1902-01-01", "keyed_identity", date_of_birth=_born(1902)),
    _person("1900-01-01", "screening", "screening_hit", "inconclusive", date_of_birth=_born(1900)),
    *(
        _person(line, "address_match", code, address__line1=line)
        for line, code in (
            ("address_full_match", None),
            ("address_no_match", "verification_failed_address_match"),
            ("address_line1_no_match", "invalid_street_address"),
            ("address_zip_no_match", "verification_failed_address_match"),
            ("address_line1_zip_no_match", "verification_failed_address_match"),
        )
    ),
    *(
        _person(f"us_ssn {number}", "id_number_match", code, id_numbers=[{"type": kind, "value": number}])
        for kind, number, code in (
            ("us_ssn", "000000000", None),
            ("us_ssn_last_4", "0000", None),
            ("us_ssn", "222222222", None),
            ("us_ssn", "111111111", "verification_failed_id_number_match"),
            ("us_ssn", "111111113", "verification_failed_id_number_match"),
        )
    ),
    *(
        _person(file, "identity_document", code, date_of_birth=_born(1985), documents=_document(file))
        for file, code in (
            ("file_identity_document_success", None),
            ("file_identity_document_failure", "verification_document_failed_test_mode"),
            ("file_document_expired", "verification_document_expired"),
        )
    ),
    _person("0000000000", None, phone="0000000000"),
    *(
        _company(f"business {line}", "business_address_match", code, **{_LINE: line})
        for line, code in (
            ("address_full_match", None),
            ("address_no_match", "verification_failed_address_match"),
            ("address_line1_no_match", "invalid_street_address"),
        )
    ),
    *(
        _company(f"us_ein {number}", "tax_id_match", code, **{_EIN: [{"type": "us_ein", "value": number}]})
        for number, code in (
            ("000000000", None),
            ("000000001", None),
            ("222222222", None),
            ("111111111", "verification_failed_tax_id_match"),
            ("000000004", "verification_failed_tax_id_match"),
            ("111111112", "verification_failed_tax_id_not_issued"),
        )
    ),
    *(
        _company(f"https://{name}.stripe.com", "website_review", code, **{_URL: f"https://{name}.stripe.com"})
        for name, code in (
            ("accessible", None),
            ("disallowed", "invalid_url_denylisted"),
            ("geoblocked", "invalid_url_website_inaccessible_geoblocked"),
            ("problem", "invalid_url_website_other"),
            ("missing", "invalid_url_website_incomplete"),
            ("mismatch", "invalid_url_website_business_information_mismatch"),
            ("passwordprotected", "invalid_url_website_inaccessible_password_protected"),
            ("underconstruction", "invalid_url_website_incomplete_under_construction"),
            ("inaccessible", "invalid_url_website_inaccessible"),
        )
    ),
    *(
        _company(f"{part} {text}", "descriptor_review", f"invalid_statement_descriptor_{code}", **{_STATEMENT: said})
        for part, text, code, said in (
            ("descriptor", "mismatch", "business_mismatch", {"descriptor": "mismatch"}),
            ("descriptor", "disallowed", "denylisted", {"descriptor": "disallowed"}),
            ("prefix", "mismatch", "prefix_mismatch", {"descriptor": "ROSEN GARDENS", "prefix": "mismatch"}),
            ("prefix", "disallowed", "prefix_denylisted", {"descriptor": "ROSEN GARDENS", "prefix": "disallowed"}),
        )
    ),
    _company(
        "disallowed_name",
        "name_review",
        "invalid_company_name_denylisted",
        identity__business_details__registered_name="disallowed_name",
    ),
    _company(
        "disallowed_dba",
        "name_review",
        "invalid_business_profile_name_denylisted",
        defaults__profile__doing_business_as="disallowed_dba",
    ),
    _company(
        "invalid_dba",
        "name_review",
        "invalid_business_profile_name",
        defaults__profile__doing_business_as="invalid_dba",
    ),
    _company(
        "require_url",
        "description_review",
        "invalid_url_web_presence_detected",
        defaults__profile={"product_description": "require_url"},
    ),
    *(
        _british(number, "registry_match", code, id_numbers=[{"type": "gb_crn", "value": number}])
        for number, code in (
            ("222221000", "verification_failed_keyed_match"),
            ("222221001", "verification_missing_owners"),
            ("222221002", "verification_missing_directors"),
            ("222221003", "verification_missing_owners"),
            ("222221004", "verification_missing_directors"),
            ("222221005", None),
        )
    ),
    _british(
        "mismatch_business_name",
        "registry_match",
        "verification_failed_name_match",
        registered_name="mismatch_business_name",
    ),
    _british("match_name_relationships", "owners_match", registered_name="match_name_relationships"),
    _british("match_name_only", "owners_match", "verification_failed_name_match", registered_name="match_name_only"),
    *(
        _british(name, kind, code, {"given_name": name})
        for name, kind, code in (
            ("mismatch_director", "directors_match", "verification_directors_mismatch"),
            ("missing_director", "directors_match", "verification_missing_directors"),
            ("extraneous_director", "directors_match", "verification_extraneous_directors"),
            ("mismatch_owner", "owners_match", "verification_missing_owners"),
            ("extraneous_owner", "owners_match", "verification_missing_owners"),
        )
    ),
    *(
        _british(
            file,
            "entity_document",
            code,
            id_numbers=[{"type": "gb_crn", "value": "222221000"}],
            documents=_document(file),
        )
        for file, code in (
            ("file_relationship_document_success", None),
            ("file_relationship_document_invalid", "verification_document_invalid"),
            ("file_relationship_document_mismatch", "verification_document_name_mismatch"),
            ("file_relationship_document_invalid_signer", "verification_failed_representative_authority"),
        )
    ),
    *(
        Value(
            number,
            COMPANY,
            "bank_account_match",
            "failed" if code else "passed",
            code,
            REPRESENTATIVE,
            {**BANK_ACCOUNT, "account_number": number},
        )
        for number, code in (
            ("000123456789", None),
            ("000999999991", None),
            ("000999999992", "verification_failed_name_match"),
        )
    ),
    Value("btok_us", COMPANY, "bank_account_match", person=REPRESENTATIVE, bank_account="btok_us"),
)


def _told(platform: Platform, value: Value, *, live: bool) -> tuple[int, str | None, list[Any]]:
    """Status and code of the first request that was refused, and the checks that read the value."""
    answer = platform.request("POST", "/v2/core/accounts", json=value.account, live=live)
    if answer.status_code == 200:
        account = answer.json()["id"]
        if value.person is not None:
            answer = platform.request("POST", f"/v2/core/accounts/{account}/persons", json=value.person, live=live)
        if answer.status_code == 200 and value.bank_account is not None:
            name = "external_account"
            details = value.bank_account
            form = {name: details} if isinstance(details, str) else {f"{name}[{k}]": v for k, v in details.items()}
            answer = platform.server.http.post(
                f"/v1/accounts/{account}/external_accounts",
                data=form,
                headers={"Authorization": f"Bearer {platform.live_key if live else platform.test_key}"},
            )
        if answer.status_code == 200:
            if not live:
                _minutes_pass(platform, account)
            listed = platform.request("GET", f"/v2/verification/checks?account={account}&limit=100", live=live)
            return 200, None, [check for check in listed.json()["data"] if check["kind"] == value.kind]
    return answer.status_code, answer.json()["error"]["code"], []


def _minutes_pass(platform: Platform, account: str) -> None:
    later = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
    clock = platform.request("POST", "/v2/verification/test_clocks", json={"frozen_time": later}).json()["id"]
    attached = platform.request("POST", f"/v2/verification/test_clocks/{clock}/attach", json={"account": account})
    assert attached.status_code == 200


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.name)
def test_a_published_value_is_obeyed_in_the_sandbox(platform: Platform, value: Value) -> None:
    status, code, checks = _told(platform, value, live=False)

    assert (status, code) == (200, None)
    if value.kind is not None:
        assert (value.outcome, [value.reason] if value.reason else []) in [
            (check["outcome"], check["reasons"]) for check in checks
        ]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.name)
def test_no_published_value_is_obeyed_under_a_live_key(platform: Platform, value: Value) -> None:
    """It is refused for its form, or ordinary data about which nobody has said anything yet."""
    status, code, checks = _told(platform, value, live=True)

    assert status == 200 or code in {
        "account_number_invalid",
        "date_of_birth_invalid",
        "document_invalid",
        "id_number_invalid",
        "phone_invalid",
        "resource_missing",
    }
    assert all(check["verifier"] != "sandbox" and check["outcome"] is None for check in checks)


def test_every_value_stands_in_the_table() -> None:
    obeyed = {name for row in TABLE if row.standing == DONE for name in row.names}

    assert obeyed == {value.name for value in VALUES} | {"+enforce_future_requirements@"}


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("first", ["email", "policy"])
def test_an_email_pulls_in_what_is_announced(platform: Platform, first: str, *, live: bool) -> None:
    account = platform.request("POST", "/v2/core/accounts", json=RECIPIENT, live=live).json()["id"]
    path = f"/v2/core/accounts/{account}"
    email = {"contact_email": "jenny+Enforce_Future_Requirements@rosen-gardens.com"}
    if first == "email":
        platform.request("POST", path, json=email, live=live)

    _announce(platform, live=live)
    if first == "policy":
        before = _asked(platform, path, live=live)
        assert (before[0], before[1] is not None) == ("in the future", True)
        platform.request("POST", path, json=email, live=live)

    # Under a live key it is an address like any other.
    asked, transition = _asked(platform, path, live=live)
    assert (asked, transition is not None) == (("in the future", True) if live else ("now", False))


def _announce(platform: Platform, *, live: bool) -> None:
    """Publish a policy that asks for more, and roll it out with a month of notice."""
    packs = {"name": "acme", "packs": {"acme": asking()}}
    policy = platform.request("POST", "/v2/verification/policies", json=packs, live=live).json()["id"]
    now = datetime.now(UTC)
    wave = {"share": 1, "starts_at": now.isoformat(), "transition_at": (now + timedelta(days=30)).isoformat()}
    made = platform.request(
        "POST",
        f"/v2/verification/policies/{policy}/roll_out",
        json={"waves": [wave], "allow_restricting": True},
        live=live,
    ).json()["id"]
    assert platform.server.run(finish(steps_of(platform.server.engine), made)) == "done"


def _asked(platform: Platform, path: str, *, live: bool) -> tuple[str, str | None]:
    """When the new requirement is asked for, and the date of the transition."""
    account = platform.request(
        "GET", f"{path}?include[0]=requirements&include[1]=future_requirements", live=live
    ).json()
    wanted = "identity.business_details.estimated_worker_count"
    sections = {"now": account["requirements"], "in the future": account["future_requirements"]}
    [when] = [
        name for name, section in sections.items() if wanted in {one["description"] for one in section["entries"]}
    ]
    return when, account["future_requirements"]["minimum_transition_date"]
