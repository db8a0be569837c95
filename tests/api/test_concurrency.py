"""Many clients at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from tests.support.fields import FIELDS, at, nested
from tests.support.samples import ALL, COMPANY, REPRESENTATIVE
from tests.support.serving import Platform

CLIENTS = 20
RETRIES = 6


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def test_twenty_clients_change_twenty_fields_and_none_is_lost(platform: Platform) -> None:
    account = platform.sdk().v2.core.accounts.create(COMPANY)

    def change(number: int) -> Any:
        path, value = FIELDS[number]
        return platform.sdk(retries=RETRIES).v2.core.accounts.update(account.id, nested(path, value))

    answers = at_once(CLIENTS, change)

    now = platform.request("GET", account_path(account.id)).json()
    assert {answer.id for answer in answers} == {account.id}
    assert {path: at(now, path) for path, _ in FIELDS} == dict(FIELDS)
    versions = [
        row["version"]
        for row in platform.server.fetch(
            "SELECT version FROM versions WHERE account_id = $1 ORDER BY version", account.id
        )
    ]
    assert versions == list(range(1, len(versions) + 1))
    # Metadata is no fact: it makes events and no versions.
    assert len(versions) == 1 + sum(not path.startswith("metadata.") for path, _ in FIELDS)
    assert events_tell_the_whole_story(platform, account.id) == now


def test_events_of_persons_and_capabilities_are_one_chain(platform: Platform) -> None:
    accounts = platform.sdk().v2.core.accounts
    account = accounts.create(COMPANY)
    person = accounts.persons.create(account.id, REPRESENTATIVE)
    accounts.update(account.id, {"metadata": {"a": "1"}, "identity": {"business_details": {"phone": None}}})
    accounts.persons.delete(account.id, person.id)
    accounts.close(account.id, {"applied_configurations": ["merchant"]})

    now = platform.request("GET", account_path(account.id)).json()
    assert events_tell_the_whole_story(platform, account.id) == now


def test_one_create_sent_twenty_times_makes_one_account(platform: Platform) -> None:
    before = platform.server.count_rows()

    def create(_number: int) -> Any:
        return platform.sdk(retries=RETRIES).v2.core.accounts.create(COMPANY, {"idempotency_key": "all-of-us"})

    answers = at_once(CLIENTS, create)

    assert len(answers) == CLIENTS
    assert len({answer.id for answer in answers}) == 1
    after = platform.server.count_rows()
    assert (after["accounts"] - before["accounts"], after["idempotency_keys"] - before["idempotency_keys"]) == (1, 1)
    assert [one.id for one in platform.sdk().v2.core.accounts.list().data] == [answers[0].id]


def test_many_different_accounts_at_once(platform: Platform) -> None:
    answers = at_once(CLIENTS, lambda _number: platform.sdk().v2.core.accounts.create(COMPANY).id)

    assert len(set(answers)) == CLIENTS
    assert {one.id for one in platform.sdk().v2.core.accounts.list({"limit": 100}).data} == set(answers)


def account_path(account_id: str) -> str:
    return f"/v2/core/accounts/{account_id}?" + "&".join(f"include={section}" for section in ALL)


def events_tell_the_whole_story(platform: Platform, account_id: str) -> Any:
    """Check that each event's ``before`` is the last told state, and return the state after the last event."""
    stored = platform.server.fetch(
        "SELECT id, sequence FROM events WHERE account_id = $1 ORDER BY sequence", account_id
    )
    assert [row["sequence"] for row in stored] == list(range(1, len(stored) + 1))
    order = [row["id"] for row in stored]
    shown = _listed(platform, account_id, len(order))
    assert sorted(shown) == sorted(order)
    told: dict[str, dict[str, Any]] = {}
    for event_id in order:
        event = shown[event_id]
        known = told.setdefault(event["related_object"]["id"], {})
        before, after = event["changes"]["before"], event["changes"]["after"]
        for name, value in (before or {}).items():
            assert _same(known.get(name), value), (event["type"], name)
        known.update(after or {})
    return told[account_id]


def _listed(platform: Platform, account_id: str, expected: int) -> dict[str, Any]:
    """The account's events as the list shows them, its persons' and checks' included."""
    until = time.monotonic() + 5
    while True:
        shown: dict[str, Any] = {}
        url = "/v2/core/events?limit=100"
        while url is not None:
            page = platform.request("GET", url).json()
            shown |= {
                event["id"]: event
                for event in page["data"]
                if account_id in (event["related_object"]["id"], event["data"].get("account_id"))
            }
            url = page["next_page_url"]
        if len(shown) >= expected or time.monotonic() > until:
            return shown
        time.sleep(0.05)


def _same(one: Any, other: Any) -> bool:
    return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)
