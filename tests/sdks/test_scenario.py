"""The same steps by each official SDK, compared with each other and with what was written down.

``TRANSCRIPTS=write`` writes ``transcripts/*.json`` anew: read what changed before you commit.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pytest
import stripe

from onboarding.storage.tables import Table
from tests.sdks.programs import drive_all, older_sdk, sdks
from tests.sdks.scenario import GROUPS, served
from tests.sdks.steps import EXEMPT, ROUTES, Step, node_name, routes
from tests.sdks.transcript import FOLDER, normalised, text_of, without_classes
from tests.support.proxy import Proxy, lose_each_change_twice
from tests.support.serving import ApiServer, Platform, new_platform

NAMES = ["python", "python-async", "node"]
OLDER = "python-15"
BUSY = 429
MEANT = {
    # Not yet anybody's, so without what only an account's has.
    "token": r"bank_account\.\w+: absent",
    # docs/api.md, bank accounts: there is no directory of banks at hand.
    "v2.core.vault.us_bank_account": "bank_name: NoneType where str was announced",
    "v2.core.vault.gb_bank_account": "bank_name: NoneType where str was announced",
}
"""By object, what contradicts the SDK on purpose."""
RETRIES = 2
"""One for each loss."""

OLDER_GROUPS = [group for group in GROUPS if group != "vault"]
"""The vault came with endive."""

pytestmark = pytest.mark.timeout(300)  # the first test waits for all of them


class Run:
    """All groups by one SDK on one way to the API: each group on a platform of its own."""

    def __init__(self, api: ApiServer, url: str, groups: Mapping[str, Sequence[Step]]) -> None:
        self._api = api
        self._url = url
        self._groups = groups
        self.platforms = {group: api.run(new_platform(api)) for group in groups}
        self.records: dict[str, list[Any]] = {}

    def jobs(self) -> list[dict[str, Any]]:
        """What the SDK is told to do."""
        return [
            {"api": self._url, "key": platform.test_key, "retries": RETRIES, "steps": self._groups[group]}
            for group, platform in self.platforms.items()
        ]

    def hear(self, records: list[list[Any]]) -> None:
        """What the SDK did."""
        self.records = dict(zip(self.platforms, records, strict=True))

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
        direct = {name: Run(api, api.url, GROUPS) for name in NAMES}
        direct[OLDER] = Run(api, api.url, {group: with_configurations(GROUPS[group]) for group in OLDER_GROUPS})
        lossy = {name: Run(api, proxy.url, GROUPS) for name in NAMES}
        ways = {name: [way[name] for way in (direct, lossy) if name in way] for name in direct}
        told = drive_all([*sdks(), older_sdk()], lambda sdk: [job for run in ways[sdk.name] for job in run.jobs()])
        for name, records in told.items():
            rest = iter(records)
            for run in ways[name]:
                run.hear(list(islice(rest, len(run.platforms))))
        yield Runs(direct, lossy, proxy)


def test_every_route_of_stripe_has_its_steps() -> None:
    called = routes(step for steps in GROUPS.values() for step in steps)

    assert set(ROUTES.values()) <= called, "an operation is in no step"
    assert served() == called | set(EXEMPT), "a route has no step: add its operation to ROUTES and to a group"
    assert not called & set(EXEMPT)


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
    records = {each["name"]: each for each in expected.records[group]}
    # v1's DELETE has no key, so its repeat finds nothing to delete.
    without_key = {"the first goes": "it is gone"} if group == "payouts" else {}

    assert normalised(told.records[group]) == normalised(
        [{**records[without_key.get(name, name)], "name": name} for name in records]
    )
    assert told.rows(group) == expected.rows(group)
    assert told.rows(group)["idempotency_keys"] > 0


def test_every_change_was_lost_once_and_answered_alike_twice(runs: Runs) -> None:
    changes = [exchange for exchange in runs.proxy.exchanges if exchange.method in {"POST", "DELETE"}]

    without_key = {exchange.path.rpartition("/")[0].partition("/acct_")[0] for exchange in changes if not exchange.key}
    assert without_key == {"/v1/accounts"}
    assert all(exchange.key or exchange.method == "DELETE" for exchange in changes)
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
    assert [odd for each in told for odd in oddities(each)] == []


@pytest.mark.parametrize("group", OLDER_GROUPS)
def test_older_sdk_finds_every_attribute(runs: Runs, group: str) -> None:
    current, older = (normalised(runs.direct[name].records[group]) for name in ("python", OLDER))

    assert without_classes(older) == with_configurations(in_older_words(without_classes(current)))
    # A method of that SDK's objects hides what is of the same name.
    absent = [odd for each in objects(older) for odd in oddities(each) if "reason.request: method" not in odd]
    assert absent == []


def objects(records: list[Any]) -> Iterator[Any]:
    """All objects that the SDK made, those of walks too."""
    for record in records:
        value = record.get("value")
        yield from value if isinstance(value, list) else [record] if "class" in record else []


def oddities(told: Any) -> list[str]:
    """What contradicts the SDK, but for what is meant to."""
    value = told["value"]
    # Of v1's account there is only what docs/api.md tells; of a deleted object nothing is left.
    if value.get("object") == "account" or value.get("deleted"):
        return []
    meant = re.compile(MEANT.get(value.get("object"), "(?!)"))
    return [odd for odd in told.get("odd", ()) if not meant.fullmatch(odd)]


def in_older_words(node: Any) -> Any:
    """What was answered, as ``2026-08-26.dahlia`` says it."""
    if isinstance(node, list):
        return [in_older_words(each) for each in node]
    if not isinstance(node, dict):
        return node
    if node.get("status") == "rejected" and "status_details" in node:
        details = [{**each, "code": "restricted_other"} for each in node["status_details"]]
        return {**node, "status": "restricted", "status_details": details}
    return {name: in_older_words(value) for name, value in node.items()}


def with_configurations(node: Any) -> Any:
    """The same with the configurations of account links, which ``2026-08-26.dahlia`` asks for and tells."""
    if isinstance(node, list):
        return [with_configurations(each) for each in node]
    if not isinstance(node, dict):
        return node
    told = {name: with_configurations(value) for name, value in node.items()}
    is_use_case = "refresh_url" in told and "type" not in told
    return {**told, "configurations": ["recipient"]} if is_use_case else told
