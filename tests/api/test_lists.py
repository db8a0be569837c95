"""Pages of accounts, events, persons, checks and reviews."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from tests.support.samples import BARE, COMPANY, RECIPIENT, RECIPIENT_DETAILS, REPRESENTATIVE, patched
from tests.support.serving import Platform

SETTLE_SECONDS = 5.0


def all_events(platform: Platform, object_id: str) -> list[Any]:
    """All events of an object, oldest first, once the list shows all that are there: it is eventually consistent."""
    (count,) = platform.server.fetch("SELECT count(*) FROM events WHERE related_id = $1", object_id)[0]
    until = time.monotonic() + SETTLE_SECONDS
    while True:
        found = list(platform.sdk().v2.core.events.list({"limit": 3, "object_id": object_id}).auto_paging_iter())
        if len(found) >= count or time.monotonic() > until:
            assert len(found) == count
            return found[::-1]
        time.sleep(0.05)


def test_sdk_pages_through_all_accounts_newest_first(platform: Platform, other_platform: Platform) -> None:
    accounts = platform.sdk().v2.core.accounts
    made = [accounts.create({**BARE, "display_name": f"Number {number}"}).id for number in range(7)]
    other_platform.sdk().v2.core.accounts.create(BARE)

    found = list(accounts.list({"limit": 3}).auto_paging_iter())

    assert [one.id for one in found] == made[::-1]
    assert {one.identity for one in found} == {None}


def test_filters_stay_on_every_page(platform: Platform) -> None:
    accounts = platform.sdk().v2.core.accounts
    both = patched(
        RECIPIENT, configuration__merchant={"capabilities": {"card_payments": {"requested": True}}, "mcc": "5734"}
    )
    wanted = []
    for _ in range(3):
        accounts.create(BARE)
        accounts.create(RECIPIENT)
        wanted.append(accounts.create(both).id)

    page = accounts.list({"limit": 1, "applied_configurations": ["merchant", "recipient"]})

    assert page.next_page_url.startswith("/v2/core/accounts?")
    assert [one.id for one in page.auto_paging_iter()] == wanted[::-1]


def test_previous_page_leads_back(platform: Platform) -> None:
    accounts = platform.sdk().v2.core.accounts
    made = [accounts.create(BARE).id for _ in range(5)][::-1]

    first = platform.request("GET", "/v2/core/accounts?limit=2").json()
    second = platform.request("GET", first["next_page_url"]).json()
    third = platform.request("GET", second["next_page_url"]).json()
    back = platform.request("GET", third["previous_page_url"]).json()

    pages = [[one["id"] for one in page["data"]] for page in (first, second, third, back)]
    assert pages == [made[:2], made[2:4], made[4:], made[2:4]]
    assert (first["previous_page_url"], third["next_page_url"]) == (None, None)


@pytest.mark.parametrize("path", ["accounts", "events"])
def test_pages_of_another_list_are_refused(platform: Platform, path: str) -> None:
    for account in [platform.sdk().v2.core.accounts.create(RECIPIENT) for _ in range(2)]:
        all_events(platform, account.id)
    other = {"accounts": "events", "events": "accounts"}[path]
    page = platform.request("GET", f"/v2/core/{other}?limit=1").json()["next_page_url"].rpartition("page=")[2]

    answer = platform.request("GET", f"/v2/core/{path}?page={page}")

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "page")


def test_events_tell_what_happened_in_order(platform: Platform) -> None:
    sdk = platform.sdk()
    account = sdk.v2.core.accounts.create(RECIPIENT, {"idempotency_key": "the-first"})
    sdk.v2.core.accounts.update(account.id, RECIPIENT_DETAILS)

    events = all_events(platform, account.id)

    types = [event.type for event in events]
    assert types[0] == "v2.core.account.created"
    assert "v2.core.account[requirements].updated" in types
    changed = [event for event in events if event.type.endswith(".capability_status_updated")]
    assert "stripe_balance.stripe_transfers" in {event.data.updated_capability for event in changed}
    assert events[0].reason.request.idempotency_key == "the-first"
    assert events[0].reason.request.id.startswith("req_")
    assert events[0].related_object.url == f"/v2/core/accounts/{account.id}"


def test_event_can_be_retrieved_and_leads_to_its_object(platform: Platform) -> None:
    sdk = platform.sdk()
    account = sdk.v2.core.accounts.create(BARE)
    (event,) = all_events(platform, account.id)

    retrieved = sdk.v2.core.events.retrieve(event.id)

    assert (retrieved.id, retrieved.type, retrieved.livemode) == (event.id, "v2.core.account.created", False)
    assert retrieved.fetch_related_object().id == account.id
    assert retrieved.changes["before"] is None
    assert retrieved.changes["after"]["display_name"] == BARE["display_name"]


def test_events_are_chosen_by_type_and_time(platform: Platform) -> None:
    sdk = platform.sdk()
    account = sdk.v2.core.accounts.create(BARE)
    sdk.v2.core.accounts.update(account.id, {"display_name": "Later"})
    created, updated = all_events(platform, account.id)

    updates = sdk.v2.core.events.list({"types": ["v2.core.account.updated", "v2.core.account.closed"]}).data
    # The wire's times have milliseconds, the stored ones more.
    after = datetime.fromisoformat(created.created) + timedelta(milliseconds=1)
    later = sdk.v2.core.events.list({"created": {"gte": after.isoformat()}}).data
    none = sdk.v2.core.events.list({"created": {"gt": datetime.now(UTC).isoformat()}}).data

    assert [event.id for event in updates] == [updated.id]
    assert [event.id for event in later] == [updated.id]
    assert none == []


def test_foreign_events_are_nobodys(platform: Platform, other_platform: Platform) -> None:
    account = platform.sdk().v2.core.accounts.create(BARE)
    (event,) = all_events(platform, account.id)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        other_platform.sdk().v2.core.events.retrieve(event.id)

    assert refused.value.http_status == 404
    assert other_platform.sdk().v2.core.events.list().data == []
    assert other_platform.sdk().v2.core.events.list({"object_id": account.id}).data == []


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("types[0]=a b", "parameter_invalid", "types[0]"),
        ("&".join(f"types[{number}]=a" for number in range(21)), "parameter_invalid", "types"),
        ("created[gte]=yesterday", "parameter_invalid", "created[gte]"),
        ("created[gte]=2026-01-01", "parameter_invalid", "created[gte]"),
        ("created[since]=2026-01-01T00:00:00Z", "parameter_unknown", "created[since]"),
        ("object_id=%00", "parameter_invalid", "object_id"),
        ("include=identity", "parameter_unknown", "include"),
    ],
)
def test_query_of_events_is_checked(platform: Platform, query: str, code: str, param: str) -> None:
    answer = platform.request("GET", f"/v2/core/events?{query}")

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)


def test_persons_are_paged_in_both_directions(platform: Platform) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY)
    persons = sdk.v2.core.accounts.persons
    made = [persons.create(company.id, {"given_name": f"P{number}"}).id for number in range(5)]

    assert [one.id for one in persons.list(company.id, {"limit": 2}).auto_paging_iter()] == made
    path = f"/v2/core/accounts/{company.id}/persons?limit=2"
    second = platform.request("GET", platform.request("GET", path).json()["next_page_url"]).json()
    third = platform.request("GET", second["next_page_url"]).json()
    back = platform.request("GET", third["previous_page_url"]).json()
    first = platform.request("GET", back["previous_page_url"]).json()
    assert [[one["id"] for one in page["data"]] for page in (second, third, back, first)] == [
        made[2:4],
        made[4:],
        made[2:4],
        made[:2],
    ]
    assert first["previous_page_url"] is None


def test_checks_and_reviews_of_an_account_can_be_read(platform: Platform) -> None:
    sdk = platform.sdk()
    hit = patched(REPRESENTATIVE, date_of_birth={"day": 1, "month": 1, "year": 1900})
    company = sdk.v2.core.accounts.create(COMPANY)
    sdk.v2.core.accounts.persons.create(company.id, hit)
    sdk.v2.core.accounts.create(RECIPIENT)

    checks = []
    url = f"/v2/verification/checks?account={company.id}&limit=2"
    while url is not None:
        page = platform.request("GET", url).json()
        checks += page["data"]
        url = page["next_page_url"]
    reviews = platform.request("GET", f"/v2/verification/reviews?account={company.id}").json()["data"]

    assert {check["account"] for check in checks} == {company.id}
    screening = next(check for check in checks if check["kind"] == "screening")
    assert platform.request("GET", f"/v2/verification/checks/{screening['id']}").json() == screening
    assert [review["check"] for review in reviews] == [screening["id"]]
    assert platform.request("GET", f"/v2/verification/reviews/{reviews[0]['id']}").json() == reviews[0]
    assert platform.request("GET", "/v2/verification/checks", live=True).json()["data"] == []
