"""Time that a platform moves for its sandbox accounts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onboarding.clocks import EARLIEST, LATEST
from onboarding.documents import rfc3339
from tests.support.samples import COMPANY, RECIPIENT, REPRESENTATIVE
from tests.support.serving import Platform

CLOCKS = "/v2/verification/test_clocks"
START = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)


def new_clock(platform: Platform, **details: Any) -> Any:
    answer = platform.request("POST", CLOCKS, json={"frozen_time": rfc3339(START), **details})
    assert answer.status_code == 200, answer.text
    return answer.json()


def attach(platform: Platform, clock: Any, account_id: str) -> Any:
    return platform.request("POST", f"{CLOCKS}/{clock['id']}/attach", json={"account": account_id})


def advance(platform: Platform, clock: Any, until: datetime) -> Any:
    return platform.request("POST", f"{CLOCKS}/{clock['id']}/advance", json={"frozen_time": rfc3339(until)})


def test_clock_is_created_listed_and_retrieved(platform: Platform, other_platform: Platform) -> None:
    made = [new_clock(platform, name=f"Clock {number}") for number in range(3)]

    assert (made[0]["name"], made[0]["frozen_time"]) == ("Clock 0", rfc3339(START))
    assert platform.request("GET", f"{CLOCKS}/{made[0]['id']}").json() == made[0]
    first = platform.request("GET", f"{CLOCKS}?limit=2").json()
    second = platform.request("GET", first["next_page_url"]).json()
    assert [one["id"] for one in first["data"] + second["data"]] == [one["id"] for one in made][::-1]
    assert other_platform.request("GET", f"{CLOCKS}/{made[0]['id']}").status_code == 404
    assert other_platform.request("GET", CLOCKS).json()["data"] == []


def test_deadline_passes_when_the_clock_goes_past_it(platform: Platform) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY)
    person = sdk.v2.core.accounts.persons.create(company.id, REPRESENTATIVE)
    clock = new_clock(platform)
    assert attach(platform, clock, company.id).status_code == 200
    # An active company loses its representative: it has 30 days to name another one.
    sdk.v2.core.accounts.persons.delete(company.id, person.id)

    def status() -> str:
        account = sdk.v2.core.accounts.retrieve(company.id, {"include": ["configuration.merchant"]})
        return str(account.configuration.merchant.capabilities.card_payments.status)

    assert advance(platform, clock, START + timedelta(days=29)).status_code == 200
    assert status() == "active"
    moved = advance(platform, clock, START + timedelta(days=31))
    assert (moved.status_code, moved.json()["frozen_time"]) == (200, rfc3339(START + timedelta(days=31)))
    assert status() == "restricted"


def test_clock_does_not_go_back(platform: Platform) -> None:
    clock = new_clock(platform)

    answer = advance(platform, clock, START - timedelta(seconds=1))

    assert answer.status_code == 400
    assert platform.request("GET", f"{CLOCKS}/{clock['id']}").json() == clock


OUT_OF_BOUNDS = (
    "0001-01-01T00:00:00Z",
    rfc3339(EARLIEST - timedelta(milliseconds=1)),
    rfc3339(LATEST + timedelta(milliseconds=1)),
    "9999-12-31T23:59:59Z",
)


@pytest.mark.parametrize("outside", OUT_OF_BOUNDS)
def test_no_clock_is_made_or_moved_out_of_bounds(platform: Platform, outside: str) -> None:
    clock = new_clock(platform)
    key = {"Idempotency-Key": "bounds"}

    made = platform.request("POST", CLOCKS, json={"frozen_time": outside}, headers=key)
    moved = platform.request("POST", f"{CLOCKS}/{clock['id']}/advance", json={"frozen_time": outside}, headers=key)

    for answer in (made, moved):
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (400, "parameter_invalid", "frozen_time")
        assert error["message"] == "A test clock stands between 1970-01-01 and 2100-01-01 (UTC)."
    assert platform.request("GET", CLOCKS).json()["data"] == [clock]


def test_account_is_onboarded_where_the_last_clock_stands(platform: Platform) -> None:
    sdk = platform.sdk()
    early, late = (new_clock(platform, frozen_time=rfc3339(at)) for at in (EARLIEST, LATEST - timedelta(days=1)))
    account = sdk.v2.core.accounts.create({"display_name": "Rosen"})
    assert attach(platform, early, account.id).status_code == 400
    assert attach(platform, late, account.id).status_code == 200

    def card_payments() -> str:
        found = sdk.v2.core.accounts.retrieve(account.id, {"include": ["configuration.merchant"]})
        return str(found.configuration.merchant.capabilities.card_payments.status)

    sdk.v2.core.accounts.update(account.id, COMPANY)
    person = sdk.v2.core.accounts.persons.create(account.id, REPRESENTATIVE)
    assert card_payments() == "active"
    sdk.v2.core.accounts.persons.delete(account.id, person.id)
    moved = advance(platform, late, LATEST)

    assert (moved.status_code, moved.json()["frozen_time"], moved.json()["status"]) == (200, rfc3339(LATEST), "ready")
    sdk.v2.core.accounts.persons.create(account.id, REPRESENTATIVE)
    assert card_payments() == "active"
    assert advance(platform, early, LATEST).status_code == 200


def test_live_accounts_live_by_no_clock(platform: Platform) -> None:
    clock = new_clock(platform)
    live = platform.sdk(live=True).v2.core.accounts.create(RECIPIENT)

    assert attach(platform, clock, live.id).status_code in {400, 404}
    assert platform.request("POST", CLOCKS, json={"frozen_time": rfc3339(START)}, live=True).status_code in {400, 403}


def test_foreign_account_is_not_found(platform: Platform, other_platform: Platform) -> None:
    clock = new_clock(platform)
    foreign = other_platform.sdk().v2.core.accounts.create(RECIPIENT)

    answer = attach(platform, clock, foreign.id)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_clock_is_made_once_per_key(platform: Platform) -> None:
    made = [
        platform.request(
            "POST", CLOCKS, json={"frozen_time": rfc3339(START)}, headers={"Idempotency-Key": "clock"}
        ).json()["id"]
        for _ in range(2)
    ]

    assert made[0] == made[1]
