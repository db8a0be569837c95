"""The same steps by each official SDK, compared with each other and with what was written down.

``TRANSCRIPTS=write`` writes ``transcripts/*.json`` anew: read what changed before you commit.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import stripe

from onboarding.storage.tables import Table
from tests.sdks.programs import drive_all, older_sdk, sdks
from tests.sdks.scenario import AWAITED, PREPARED, ROUTES, groups, node_name, routes, served
from tests.sdks.transcript import FOLDER, normalised, text_of, without_classes
from tests.support.proxy import Proxy, lose_each_change_twice
from tests.support.serving import ApiServer, Platform, new_platform

GROUPS = groups()
NAMES = ["python", "python-async", "node"]
OLDER = "python-15"
BUSY = 429
RETRIES = 5
"""Two are enough, one for each loss; the rest is for a machine that is busy with other things."""

pytestmark = pytest.mark.timeout(300)  # the first test waits for all of them


class Run:
    """All groups by one SDK on one way to the API: each group on a platform of its own."""

    def __init__(self, api: ApiServer, url: str) -> None:
        self._api = api
        self._url = url
        self.platforms = {group: api.run(new_platform(api)) for group in GROUPS}
        self.records: dict[str, list[Any]] = {}

    def jobs(self) -> list[dict[str, Any]]:
        """What the SDK is told to do."""
        return [
            {"api": self._url, "key": platform.test_key, "retries": RETRIES, "steps": GROUPS[group]}
            for group, platform in self.platforms.items()
        ]

    def hear(self, records: list[list[Any]]) -> None:
        """What the SDK did."""
        self.records = dict(zip(GROUPS, records, strict=True))

    def rows(self, group: str) -> dict[str, int]:
        """How many rows of each table it left."""
        return rows_of(self._api, self.platforms[group])


@dataclass(frozen=True)
class Runs:
    """What the SDKs did, by their names: where nothing is lost, and where every change is lost once each way."""

    direct: dict[str, Run]
    lossy: dict[str, Run]
    proxy: Proxy


def rows_of(api: ApiServer, platform: Platform) -> dict[str, int]:
    """How many rows each table has of a platform and its accounts."""
    counts = []
    for name, table in sorted(Table.metadata.tables.items()):
        if "platform_id" in table.columns:
            counts.append(f'(SELECT count(*) FROM "{name}" WHERE platform_id = $1) AS "{name}"')  # noqa: S608 -- ours
        elif "account_id" in table.columns:
            counts.append(
                f'(SELECT count(*) FROM "{name}" WHERE account_id IN'  # noqa: S608 -- ours
                f' (SELECT id FROM accounts WHERE platform_id = $1)) AS "{name}"'
            )
    return dict(api.fetch(f"SELECT {', '.join(counts)}", platform.id)[0].items())


@pytest.fixture(scope="module")
def runs(api: ApiServer) -> Iterator[Runs]:
    with Proxy(api, lose_each_change_twice) as proxy:
        direct = {name: Run(api, api.url) for name in (*NAMES, OLDER)}
        lossy = {name: Run(api, proxy.url) for name in NAMES}
        ways = {name: [way[name] for way in (direct, lossy) if name in way] for name in direct}
        told = drive_all([*sdks(), older_sdk()], lambda sdk: [job for run in ways[sdk.name] for job in run.jobs()])
        for name, records in told.items():
            for number, run in enumerate(ways[name]):
                run.hear(records[number * len(GROUPS) :][: len(GROUPS)])
        yield Runs(direct, lossy, proxy)


def test_every_route_of_stripe_has_its_steps() -> None:
    prepared = routes(step for steps in PREPARED.values() for step in steps)
    run = routes(step for steps in GROUPS.values() for step in steps)

    assert set(ROUTES.values()) <= prepared, "an operation is in no step"
    assert served() - prepared == set(), "a route has no step: add its operation to ROUTES and to a group"
    assert served() & AWAITED == set(), "a route has landed: take it off AWAITED, and write its transcript"
    assert run == served(), "a group waits for a route: divide it"


@pytest.mark.parametrize("operation", ROUTES)
def test_operation_is_one_of_the_sdk(operation: str) -> None:
    service: Any = stripe.StripeClient("sk_test_unused")
    for name in operation.split("."):
        service = getattr(service, name)

    assert callable(service)
    assert node_name(operation)


@pytest.mark.parametrize("group", GROUPS)
def test_sdk_is_answered_as_was_written_down(runs: Runs, group: str) -> None:
    told = text_of(normalised(runs.direct["python"].records[group]))
    file = FOLDER / f"{group}.json"
    if os.environ.get("TRANSCRIPTS") == "write":
        file.write_text(told, encoding="utf-8")

    assert told == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("sdk", ["python-async", "node"])
def test_sdks_are_answered_alike(runs: Runs, sdk: str, group: str) -> None:
    written = json.loads((FOLDER / f"{group}.json").read_text(encoding="utf-8"))
    told = normalised(runs.direct[sdk].records[group])

    if sdk == "node":
        written = without_classes(written)
    assert told == written


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("sdk", NAMES)
def test_what_is_lost_on_the_way_changes_nothing(runs: Runs, sdk: str, group: str) -> None:
    expected, told = runs.direct[sdk], runs.lossy[sdk]

    assert normalised(told.records[group]) == normalised(expected.records[group])
    assert told.rows(group) == expected.rows(group)
    assert told.rows(group)["idempotency_keys"] > 0


def test_every_change_was_lost_once_and_answered_alike_twice(runs: Runs) -> None:
    changes = [exchange for exchange in runs.proxy.exchanges if exchange.method in {"POST", "DELETE"}]

    assert all(exchange.key is not None for exchange in changes)
    for lost, *arrived in runs.proxy.attempts():
        assert lost.status is None
        # A machine that is too busy to get at an account in two seconds says so, and is asked again.
        statuses = [exchange.status for exchange in arrived if exchange.status != BUSY]
        assert len(arrived) >= 2
        # The key that is used again on purpose is refused in the end.
        assert len(set(statuses)) == 1 or statuses == [200, 200, 200, 409]


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("sdk", ["python", "python-async"])
def test_objects_are_what_the_sdk_announces(runs: Runs, sdk: str, group: str) -> None:
    told = list(objects(runs.direct[sdk].records[group]))

    assert told
    assert [each["odd"] for each in told if "odd" in each and not is_v1_account(each)] == []


@pytest.mark.parametrize("group", GROUPS)
def test_older_sdk_finds_every_attribute(runs: Runs, group: str) -> None:
    current, older = (normalised(runs.direct[name].records[group]) for name in ("python", OLDER))

    assert without_classes(older) == without_classes(current)
    absent = [odd for each in objects(older) if not is_v1_account(each) for odd in each.get("odd", ())]
    # Words that came later, and a method of that SDK's objects that hides what is of the same name.
    assert [odd for odd in absent if not re.search(r"none of the announced words|reason\.request: method", odd)] == []


def objects(records: list[Any]) -> Iterator[Any]:
    """All objects that the SDK made, those of walks too."""
    for record in records:
        value = record.get("value")
        yield from value if isinstance(value, list) else [record] if "class" in record else []


def is_v1_account(told: Any) -> bool:
    """Of v1's account there is only what docs/api.md tells."""
    return bool(told["value"].get("object") == "account")
