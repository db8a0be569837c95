"""What is refused: exactly how, and that nothing is left of it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest
import stripe

from tests.support.samples import BANK_ACCOUNT, BARE, COMPANY, MARKER, RECIPIENT, REPRESENTATIVE, patched
from tests.support.serving import Platform, new_secret

INVALID = "invalid_request_error"
PERSONS = "/v2/core/accounts/{company}/persons"
ACCOUNT = "/v2/core/accounts/{company}"
EXTERNAL = "/v1/accounts/{company}/external_accounts"


@dataclass(frozen=True)
class Bad:
    """A request that must be refused, and the answer it must get."""

    method: str
    path: str
    status: int
    code: str
    param: str | None = None
    type: str | None = None
    json: Any = None
    content: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def _individual(**details: Any) -> Any:
    return {"identity": {"country": "US", "entity_type": "individual", "individual": details}}


def _date(year: int) -> dict[str, int]:
    return {"day": 1, "month": 6, "year": year}


def _page(name: str, place: list[Any]) -> str:
    """The address of a page whose cursor was made up."""
    return f"/v2/core/{name}?page=" + base64.urlsafe_b64encode(orjson.dumps(["n", place])).decode().rstrip("=")


# Twelve years old for the whole of the year in which this is read.
_CHILD = {"day": 31, "month": 12, "year": datetime.now(UTC).year - 12}

BAD = {
    "malformed JSON": Bad("POST", "/v2/core/accounts", 400, "invalid_json", type=INVALID, content=b'{"display_name": '),
    "JSON that is no object": Bad("POST", "/v2/core/accounts", 400, "invalid_json", type=INVALID, content=b"[1]"),
    "bytes that are no text": Bad(
        "POST", ACCOUNT, 400, "invalid_json", type=INVALID, content=b'{"display_name":"\xff"}'
    ),
    "unknown field": Bad(
        "POST", "/v2/core/accounts", 400, "parameter_unknown", "colour", INVALID, json={**BARE, "colour": MARKER}
    ),
    "unknown field deep inside": Bad(
        "POST",
        ACCOUNT,
        400,
        "parameter_unknown",
        "identity.business_details.colour",
        INVALID,
        json={"identity": {"business_details": {"colour": MARKER}}},
    ),
    "wrong type": Bad("POST", ACCOUNT, 400, "parameter_invalid", "display_name", INVALID, json={"display_name": 7}),
    "wrong type in a list": Bad(
        "POST",
        "/v2/core/accounts",
        400,
        "parameter_invalid",
        "identity.individual.id_numbers[1].value",
        INVALID,
        json=_individual(id_numbers=[{"type": "us_ssn", "value": "222222222"}, {"type": "us_ssn", "value": 7}]),
    ),
    "unknown section to include": Bad(
        "POST", ACCOUNT, 400, "parameter_invalid", "include[1]", INVALID, json={"include": ["identity", MARKER]}
    ),
    "unknown section in a query": Bad(
        "GET", ACCOUNT + "?include[0]=colour", 400, "parameter_invalid", "include[0]", INVALID
    ),
    "unknown query": Bad("GET", ACCOUNT + "?colour=red", 400, "parameter_unknown", "colour", INVALID),
    "limit that is none": Bad("GET", "/v2/core/accounts?limit=0", 400, "parameter_invalid", "limit", INVALID),
    "limit too high": Bad("GET", "/v2/core/events?limit=101", 400, "parameter_invalid", "limit", INVALID),
    "page that is none": Bad("GET", "/v2/core/accounts?page=colour", 400, "parameter_invalid", "page", INVALID),
    "pages that no database takes": Bad(
        "GET", _page("events", [2**64 - 1, 1, "evt_1"]), 400, "parameter_invalid", "page", INVALID
    ),
    "page of events with a wrong number": Bad(
        "GET", _page("events", [1, 2**40, "evt_1"]), 400, "parameter_invalid", "page", INVALID
    ),
    "page of accounts with a wrong time": Bad(
        "GET", _page("accounts", ["0001-01-01T00:00:00+14:00", "acct_1"]), 400, "parameter_invalid", "page", INVALID
    ),
    "page of accounts with a wrong id": Bad(
        "GET", _page("accounts", ["2026-01-01T00:00:00+00:00", "\x00"]), 400, "parameter_invalid", "page", INVALID
    ),
    "page of events that is none": Bad("GET", "/v2/core/events?page=%00", 400, "parameter_invalid", "page", INVALID),
    "page of persons that is none": Bad("GET", PERSONS + "?page=*", 400, "parameter_invalid", "page", INVALID),
    "unknown id": Bad("GET", "/v2/core/accounts/acct_0000", 404, "not_found"),
    "unknown id to change": Bad("POST", "/v2/core/accounts/acct_0000", 404, "not_found", json=BARE),
    "id that can't exist": Bad("GET", "/v2/core/accounts/%00", 404, "not_found"),
    "foreign id": Bad("GET", "/v2/core/accounts/{foreign}", 404, "not_found"),
    "foreign id to change": Bad("POST", "/v2/core/accounts/{foreign}", 404, "not_found", json={"display_name": MARKER}),
    "foreign id to close": Bad("POST", "/v2/core/accounts/{foreign}/close", 404, "not_found", json={}),
    "foreign person": Bad("GET", PERSONS + "/{foreign_person}", 404, "not_found"),
    "foreign person to change": Bad("POST", PERSONS + "/{foreign_person}", 404, "not_found", json={"surname": MARKER}),
    "foreign person to delete": Bad("DELETE", PERSONS + "/{foreign_person}", 404, "not_found"),
    "unknown event": Bad("GET", "/v2/core/events/evt_0000", 404, "not_found"),
    "unknown check": Bad("GET", "/v2/verification/checks/check_0000", 404, "not_found"),
    "unknown review": Bad("GET", "/v2/verification/reviews/rev_0000", 404, "not_found"),
    "unknown clock": Bad("GET", "/v2/verification/test_clocks/clock_0000", 404, "not_found"),
    "no key": Bad("POST", "/v2/core/accounts", 401, "unauthorized", json=BARE, headers={"Authorization": ""}),
    "unknown key": Bad(
        "POST",
        "/v2/core/accounts",
        401,
        "unauthorized",
        json=BARE,
        headers={"Authorization": f"Bearer {new_secret(live=False)}"},
    ),
    "key in words": Bad("GET", ACCOUNT, 401, "unauthorized", headers={"Authorization": "Bearer of bad news"}),
    "Basic without a key": Bad("GET", ACCOUNT, 401, "unauthorized", headers={"Authorization": "Basic Og=="}),
    "Basic that is no base64": Bad("GET", ACCOUNT, 401, "unauthorized", headers={"Authorization": "Basic ???"}),
    "idempotency key too long": Bad(
        "POST",
        "/v2/core/accounts",
        400,
        "parameter_invalid",
        None,
        INVALID,
        json=BARE,
        headers={"Idempotency-Key": "k" * 256},
    ),
    "context of another account": Bad(
        "POST",
        "/v2/core/accounts",
        400,
        "parameter_invalid",
        None,
        INVALID,
        json=BARE,
        headers={"Stripe-Context": "acct_1"},
    ),
    "id number of a wrong length": Bad(
        "POST",
        "/v2/core/accounts",
        400,
        "id_number_invalid",
        "identity.individual.id_numbers[0].value",
        json=_individual(id_numbers=[{"type": "us_ssn", "value": "12345678"}]),
    ),
    "person who is twelve": Bad(
        "POST", PERSONS, 400, "date_of_birth_age_restriction", "date_of_birth", json={"date_of_birth": _CHILD}
    ),
    "person born in the future": Bad(
        "POST", PERSONS, 400, "date_of_birth_invalid", "date_of_birth", json={"date_of_birth": _date(2999)}
    ),
    "ownership above the whole": Bad(
        "POST",
        PERSONS,
        400,
        "total_person_ownership_exceeded",
        "relationship.percent_ownership",
        json={"surname": MARKER, "relationship": {"owner": True, "percent_ownership": "40.01"}},
    ),
    "second representative": Bad(
        "POST",
        PERSONS,
        400,
        "additional_representative_not_allowed",
        "relationship.representative",
        json={"relationship": {"representative": True}},
    ),
    "capability that the policy doesn't know": Bad(
        "POST",
        ACCOUNT,
        400,
        "parameter_unknown",
        "configuration.merchant.capabilities.colour_payments",
        INVALID,
        json={"configuration": {"merchant": {"capabilities": {"colour_payments": {"requested": True}}}}},
    ),
    "website of nobody": Bad(
        "POST",
        ACCOUNT,
        400,
        "url_invalid",
        "defaults.profile.business_url",
        json={"defaults": {"profile": {"business_url": "https://example.com"}}},
    ),
    "body that is too large": Bad(
        "POST",
        "/v2/core/accounts",
        413,
        "request_too_large",
        None,
        INVALID,
        content=b'{"display_name": "' + b"x" * 10_000_000 + b'"}',
    ),
    "unknown path": Bad("POST", "/v2/core/colours", 404, "not_found", json={}),
    "wrong method": Bad("DELETE", ACCOUNT, 405, "method_not_allowed"),
    "bank account without a number": Bad(
        "POST",
        EXTERNAL,
        400,
        "parameter_missing",
        "external_account[account_number]",
        INVALID,
        content=b"external_account[object]=bank_account&external_account[country]=US",
    ),
    "wrong routing number": Bad(
        "POST",
        EXTERNAL,
        400,
        "routing_number_invalid",
        "external_account[routing_number]",
        INVALID,
        content="&".join(
            f"external_account[{key}]={value}" for key, value in {**BANK_ACCOUNT, "routing_number": "110000001"}.items()
        ).encode(),
    ),
    "bank account of a foreign account": Bad(
        "POST",
        "/v1/accounts/{foreign}/external_accounts",
        404,
        "not_found",
        None,
        INVALID,
        content="&".join(f"external_account[{key}]={value}" for key, value in BANK_ACCOUNT.items()).encode(),
    ),
    "clock without a time": Bad(
        "POST", "/v2/verification/test_clocks", 400, "parameter_missing", "frozen_time", INVALID, json={}
    ),
}


@pytest.fixture
def ids(platform: Platform, other_platform: Platform) -> dict[str, str]:
    """A company with one owner of 60 percent, and somebody else's."""
    sdk, other = platform.sdk().v2.core.accounts, other_platform.sdk().v2.core.accounts
    company, foreign = sdk.create(COMPANY), other.create(COMPANY)
    sdk.persons.create(company.id, REPRESENTATIVE)
    person = other.persons.create(foreign.id, REPRESENTATIVE)
    return {"company": company.id, "foreign": foreign.id, "foreign_person": person.id}


@pytest.mark.parametrize("bad", [pytest.param(bad, id=name.replace(" ", "-")) for name, bad in BAD.items()])
def test_bad_request_is_refused_and_leaves_nothing(platform: Platform, ids: dict[str, str], bad: Bad) -> None:
    before = platform.server.count_rows()

    answer = platform.request(
        bad.method,
        bad.path.format(**ids),
        json=bad.json,
        content=bad.content,
        headers={"Idempotency-Key": "k", **bad.headers},
    )

    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("param"), error.get("type")) == (
        bad.status,
        bad.code,
        bad.param,
        bad.type,
    )
    assert MARKER not in answer.text
    assert answer.headers["request-id"].startswith("req_")
    assert platform.server.count_rows() == before


def test_foreign_and_unknown_look_the_same(platform: Platform, ids: dict[str, str]) -> None:
    for method in ("GET", "POST"):
        foreign = platform.request(method, f"/v2/core/accounts/{ids['foreign']}", json={} if method == "POST" else None)
        unknown = platform.request(method, "/v2/core/accounts/acct_000", json={} if method == "POST" else None)
        assert foreign.json() == unknown.json()


def test_keys_see_their_own_mode_only(platform: Platform) -> None:
    account = platform.sdk().v2.core.accounts.create(BARE)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        platform.sdk(live=True).v2.core.accounts.retrieve(account.id)

    assert (refused.value.http_status, refused.value.code) == (404, "not_found")
    assert platform.sdk(live=True).v2.core.accounts.list().data == []


def test_chunked_body_is_bounded_too(platform: Platform) -> None:
    sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        yield b'{"display_name": "'
        for _ in range(160):
            sent += 65_536
            yield b"x" * 65_536
        yield b'"}'

    before = platform.server.count_rows()

    answer = platform.request("POST", "/v2/core/accounts", content=chunks())

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")
    assert sent > 1_000_000
    assert platform.server.count_rows() == before


def test_sandbox_birth_date_is_refused_under_a_live_key(platform: Platform) -> None:
    born = _individual(date_of_birth={"day": 1, "month": 1, "year": 1901})
    assert platform.sdk().v2.core.accounts.create(born).livemode is False

    answer = platform.request("POST", "/v2/core/accounts", json=born, live=True)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "date_of_birth_invalid"
    assert answer.json()["error"]["param"] == "identity.individual.date_of_birth"


@pytest.mark.parametrize(
    ("error", "provoke"),
    [
        (
            stripe.AuthenticationError,
            lambda platform, _ids: stripe.StripeClient(
                "sk_test_wrong", base_addresses={"api": platform.server.url}
            ).v2.core.accounts.list(),
        ),
        (stripe.InvalidRequestError, lambda platform, ids: platform.sdk().v2.core.accounts.retrieve(ids["foreign"])),
        (stripe.InvalidRequestError, lambda platform, _ids: platform.sdk().v2.core.accounts.create({"colour": "red"})),
    ],
)
def test_sdk_raises_its_own_exceptions(
    platform: Platform,
    ids: dict[str, str],
    error: type[stripe.StripeError],
    provoke: Callable[[Platform, dict[str, str]], Any],
) -> None:
    with pytest.raises(error) as raised:
        provoke(platform, ids)

    assert raised.value.request_id is not None
    assert raised.value.request_id.startswith("req_")


def test_immutable_country_and_missing_responsibilities(platform: Platform) -> None:
    accounts = platform.sdk().v2.core.accounts
    account = accounts.create(RECIPIENT)

    with pytest.raises(stripe.InvalidRequestError) as moved:
        accounts.update(account.id, {"identity": {"country": "DE"}})
    with pytest.raises(stripe.InvalidRequestError) as bare:
        accounts.create(patched(RECIPIENT, dashboard=None))

    assert (moved.value.code, moved.value.param) == ("immutable_identity_param", "identity.country")
    assert (bare.value.code, bare.value.param) == ("parameter_missing", "dashboard")


def test_basic_authentication_takes_the_key_as_the_user(platform: Platform) -> None:
    account = platform.sdk().v2.core.accounts.create(BARE)

    answer = httpx.get(f"{platform.server.url}/v2/core/accounts/{account.id}", auth=(platform.test_key, ""))

    assert answer.json()["id"] == account.id


def test_sdk_is_told_that_its_body_is_too_large(platform: Platform) -> None:
    with pytest.raises(stripe.APIError) as refused:
        platform.sdk().v2.core.accounts.create({"display_name": "x" * 10_000_000})

    assert refused.value.http_status == 413
