"""What each official SDK does about answers that are no success, and what that does here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sdks.programs import drive_all, sdks
from tests.sdks.steps import Step, call
from tests.support.fields import FIELDS, at, nested
from tests.support.proxy import Answer, Exchange, Fate, Proxy
from tests.support.samples import ALL, BARE, COMPANY
from tests.support.serving import ApiServer, Platform, new_platform

NAMES = ["python", "python-async", "node"]
MANY_RETRIES = 6
LOCK_SECONDS = 120
BUSY = 429

pytestmark = pytest.mark.timeout(300)  # the first test waits for all of them

STRANGE_ANSWERS = {
    "gateway-500": Answer(500, arrives=True),
    "gateway-502": Answer(502, arrives=False),
    "gateway-409": Answer(409, arrives=False),
    "gateway-told-to": Answer(400, arrives=True, headers=(("Stripe-Should-Retry", "true"),)),
    "gateway-told-not-to": Answer(500, arrives=True, headers=(("Stripe-Should-Retry", "false"),)),
}
"""What a gateway in front of the API answers to the first attempt under a key."""


def strange_at_first(exchange: Exchange) -> Fate | Answer:
    key = exchange.key[1] if exchange.key is not None else ""
    return STRANGE_ANSWERS.get(key, Fate.PASS) if exchange.attempt == 1 else Fate.PASS


class Scene:
    """The SDKs behind a gateway with strange answers, and changing accounts that others change too."""

    def __init__(self, api: ApiServer, proxy: Proxy) -> None:
        self.platforms: dict[str, Platform] = {name: api.run(new_platform(api)) for name in NAMES}
        self.accounts = {name: each.sdk().v2.core.accounts.create(COMPANY).id for name, each in self.platforms.items()}
        self.proxy = proxy
        self.gateway: dict[str, list[Any]] = {}
        self.busy: dict[str, list[Any]] = {}

    def play(self) -> None:
        told = drive_all(
            sdks(),
            lambda sdk: [
                self._job(sdk.name, 2, behind_a_gateway()),
                self._job(sdk.name, MANY_RETRIES, busy(self.accounts[sdk.name])),
            ],
        )
        for name, records in told.items():
            self.gateway[name], self.busy[name] = records

    def attempts(self, sdk: str) -> dict[str, list[int | None]]:
        """The API's statuses by idempotency key."""
        caller = f"Bearer {self.platforms[sdk].test_key}"
        keyed = [(exchanges[0].key or ("", ""), exchanges) for exchanges in self.proxy.attempts()]
        return {key[1]: [each.status for each in exchanges] for key, exchanges in keyed if key[0] == caller}

    def _job(self, sdk: str, retries: int, steps: list[Step]) -> dict[str, Any]:
        return {"api": self.proxy.url, "key": self.platforms[sdk].test_key, "retries": retries, "steps": steps}


def behind_a_gateway() -> list[Step]:
    """An account through each strange answer; then one key for two different accounts."""
    names = [(key, key) for key in STRANGE_ANSWERS] + [("one-key", "first"), ("one-key", "second")]
    return [
        call(name, "v2.core.accounts.create", {**BARE, "display_name": name}, options={"idempotency_key": key})
        for key, name in names
    ]


def busy(account: str) -> list[Step]:
    """One change of an account that somebody else holds; then twenty at once."""
    held = {"metadata": {"held": "no"}}
    changes = [call(path, "v2.core.accounts.update", account, nested(path, value)) for path, value in FIELDS]
    return [
        call("held", "v2.core.accounts.update", account, held, options={"idempotency_key": "held"}),
        {"name": "twenty at once", "together": changes},
        call("all of them", "v2.core.accounts.retrieve", account, {"include": ALL}),
    ]


async def hold(api: ApiServer, accounts: list[str], refused: asyncio.Event) -> None:
    """Lock accounts until a change of each was refused."""
    async with api.engine.database.transaction() as tx:
        await tx.fetch("SELECT 1 FROM accounts WHERE id = ANY($1) FOR UPDATE", accounts)
        async with asyncio.timeout(LOCK_SECONDS):
            await refused.wait()


@pytest.fixture(scope="module")
def scene(api: ApiServer) -> Iterator[Scene]:
    refused = asyncio.Event()

    def decide(exchange: Exchange) -> Fate | Answer:
        if len({each.path for each in proxy.exchanges if each.status == BUSY}) == len(NAMES):
            refused.set()
        return strange_at_first(exchange)

    with Proxy(api, decide) as proxy:
        played = Scene(api, proxy)
        holding = asyncio.run_coroutine_threadsafe(hold(api, list(played.accounts.values()), refused), api.loop)
        played.play()
        holding.result(LOCK_SECONDS)
        yield played


@pytest.mark.parametrize("sdk", NAMES)
def test_what_a_gateway_answers_is_repeated_and_has_one_effect(scene: Scene, sdk: str) -> None:
    repeated = {"gateway-500", "gateway-502", "gateway-409", "gateway-told-to"}
    records = {each["name"]: each for each in scene.gateway[sdk]}

    assert {name for name in STRANGE_ANSWERS if "value" in records[name]} == repeated
    attempts = scene.attempts(sdk)
    assert {name: attempts[name] for name in STRANGE_ANSWERS} == {
        "gateway-500": [200, 200],
        "gateway-502": [None, 200],
        "gateway-409": [None, 200],
        "gateway-told-to": [200, 200],
        "gateway-told-not-to": [200],
    }
    listed = scene.platforms[sdk].sdk().v2.core.accounts.list({"limit": 100}).data
    names = [one.display_name for one in listed if one.display_name in STRANGE_ANSWERS]
    assert sorted(names) == sorted(STRANGE_ANSWERS)


@pytest.mark.parametrize("sdk", NAMES)
def test_a_reused_key_is_not_tried_again(scene: Scene, sdk: str) -> None:
    first, second = scene.gateway[sdk][-2:]

    assert first["value"]["display_name"] == "first"
    assert (second["error"]["class"], second["error"]["status"], second["error"]["code"]) == (
        "IdempotencyError",
        409,
        "idempotency_error",
    )
    assert scene.attempts(sdk)["one-key"] == [200, 409]


@pytest.mark.parametrize("sdk", NAMES)
def test_a_busy_account_is_tried_again_as_the_answer_says(scene: Scene, sdk: str) -> None:
    statuses = scene.attempts(sdk)["held"]

    assert set(statuses[:-1]) == {BUSY}
    assert statuses[-1] == 200
    assert scene.busy[sdk][0]["value"]["metadata"] == {"held": "no"}


@pytest.mark.parametrize("sdk", NAMES)
def test_twenty_changes_at_once_are_all_kept(scene: Scene, sdk: str) -> None:
    _, twenty, now = scene.busy[sdk]

    assert [each["name"] for each in twenty["together"] if "error" in each] == []
    assert {path: at(now["value"], path) for path, _ in FIELDS} == dict(FIELDS)
