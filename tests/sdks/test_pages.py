"""Lists that are walked by each official SDK while they change."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sdks.programs import drive_all, sdks
from tests.sdks.steps import Step, call, pages
from tests.support.samples import BARE, COMPANY
from tests.support.serving import ApiServer, Platform, new_platform

NAMES = ["python", "python-async", "node"]
COUNT = 11
LIMIT = {"limit": 3}

pytestmark = pytest.mark.timeout(300)  # the first test waits for all of them


class Walk:
    """A platform with eleven accounts and eleven persons, and what an SDK saw of them."""

    def __init__(self, platform: Platform) -> None:
        accounts = platform.sdk().v2.core.accounts
        self.platform = platform
        self.company = accounts.create(COMPANY).id
        self.persons = [
            accounts.persons.create(self.company, {"given_name": f"P{number}"}).id for number in range(COUNT)
        ]
        self.accounts = [accounts.create(BARE).id for _ in range(COUNT)][::-1]
        self.seen_accounts: list[str] = []
        self.seen_persons: list[str] = []

    def job(self) -> dict[str, Any]:
        """What an SDK is told to do."""
        key, url = self.platform.test_key, self.platform.server.url
        return {"api": url, "key": key, "retries": 2, "steps": [self._over_accounts(), self._over_persons()]}

    def hear(self, records: list[Any]) -> None:
        """What the SDK did."""
        self.seen_accounts, self.seen_persons = ([each["value"]["id"] for each in one["value"]] for one in records)

    def _over_accounts(self) -> Step:
        meanwhile = {
            1: [create()],
            2: [close(self.accounts[0])],
            # The last of the page: the place that the next one is to go on from.
            3: [close(self.accounts[2]), create()],
            5: [close(self.accounts[9])],
            8: [create()],
        }
        return pages("accounts", "v2.core.accounts.list", LIMIT, meanwhile=meanwhile)

    def _over_persons(self) -> Step:
        meanwhile = {
            2: [self._delete(0)],
            3: [self._delete(2), self._add()],
            4: [self._delete(9)],
            9: [self._add()],
        }
        return pages("persons", "v2.core.accounts.persons.list", self.company, LIMIT, meanwhile=meanwhile)

    def _add(self) -> Step:
        return call("another person", "v2.core.accounts.persons.create", self.company, {"given_name": "New"})

    def _delete(self, number: int) -> Step:
        return call("one less", "v2.core.accounts.persons.delete", self.company, self.persons[number])


def create() -> Step:
    return call("another account", "v2.core.accounts.create", BARE)


def close(account: str) -> Step:
    return call("one less", "v2.core.accounts.close", account, {"applied_configurations": []})


@pytest.fixture(scope="module")
def walks(api: ApiServer) -> dict[str, Walk]:
    made = {name: Walk(api.run(new_platform(api))) for name in NAMES}
    told = drive_all(sdks(), lambda sdk: [made[sdk.name].job()])
    for name, walk in made.items():
        walk.hear(told[name][0])
    return made


@pytest.mark.parametrize("sdk", NAMES)
def test_every_account_is_seen_once_while_others_come_and_go(walks: dict[str, Walk], sdk: str) -> None:
    walk = walks[sdk]

    # Newest first: what came later stands before the first page. What was closed before its page is not there.
    assert walk.seen_accounts == [*walk.accounts[:9], walk.accounts[10], walk.company]


@pytest.mark.parametrize("sdk", NAMES)
def test_every_person_is_seen_once_while_others_come_and_go(walks: dict[str, Walk], sdk: str) -> None:
    walk = walks[sdk]
    there = [one.id for one in walk.platform.sdk().v2.core.accounts.persons.list(walk.company, {"limit": 100}).data]

    # Oldest first: what came later is seen at the end.
    new = [one for one in there if one not in walk.persons]
    assert walk.seen_persons == [*walk.persons[:9], walk.persons[10], *new]
    assert len(new) == 2
