"""A forecast is what the roll-out then does: told of a generated book, done through the door, compared.

The book is lived twice from the same rows. In one copy every account is told of the new policy and time passes through
its transition; in the other time passes only. Nobody answers checks meanwhile. What the stored documents of both say
from the transition on is compared here with words of its own, and must be the forecast, account by account.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest

from onboarding.catalogue.loader import compile_policy
from onboarding.domain.policy import Announced, Policies
from onboarding.domain.state import Order, OrderKind
from onboarding.door.callers import Caller
from onboarding.door.door import Look
from onboarding.door.draft import Draft
from onboarding.engine import Engine, open_engine
from onboarding.forecast import AccountForecast, Scope, forecast
from onboarding.ids import new_id
from onboarding.settings import Settings
from onboarding.storage import clocks, tables
from onboarding.storage import policies as published
from onboarding.verifiers.registry import Verifiers
from tests.forecast.conftest import copied
from tests.forecast.policies import CURRENT, EARLIER, MILDER, STRICTER
from tests.stories.telling import DAY, HOUR, START, born, company, individual, new_caller
from tests.support import samples

ACCOUNTS = 102
"""For each of two policies."""

NOW = 70 * DAY
ANNOUNCED = 72 * DAY
AT = 80 * DAY
UNTIL = 170 * DAY

PASSING = {"front_back": {"front": "file_identity_document_success"}, "type": "front_back"}


compiled = cache(compile_policy)

# --- what happens to accounts -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Announce:
    """What a roll-out does to one account."""

    policy: bytes
    at: datetime
    cause: str = "policy.announced"

    def apply(self, draft: Draft) -> None:
        draft.policies = Policies(draft.policy, Announced(compiled(self.policy), self.at))


@dataclass(frozen=True)
class Ordered:
    """Somebody orders something."""

    kind: OrderKind
    ends_after: timedelta | None = None
    capability: str | None = None
    cause: str = "order.placed"

    def apply(self, draft: Draft) -> None:
        ends_at = draft.as_of + self.ends_after if self.ends_after else None
        order = Order(
            new_id("ord_"), self.kind, "platform_other", "test", draft.as_of, ends_at, self.capability, "screening"
        )
        draft.state = replace(draft.state, orders=(*draft.state.orders, order))
        draft.batch.insert(
            tables.Order,
            **{name: getattr(order, name) for name in Order.__slots__ if name not in ("kind", "undone_at")},
            account_id=draft.account_id,
            kind=order.kind.value,
        )


@dataclass(frozen=True)
class TurnedOver:
    """The account's volume."""

    amount: int
    cause: str = "activity.reported"

    def apply(self, draft: Draft) -> None:
        shape = draft.state.shape
        draft.state = replace(draft.state, shape=replace(shape, activity={("usd", "year", "2026"): self.amount}))


@dataclass(frozen=True)
class Close:
    """The platform closes it."""

    cause: str = "account.closed"

    def apply(self, draft: Draft) -> None:
        draft.close()


@dataclass
class Book:
    """The accounts of one platform, all on one clock."""

    engine: Engine
    caller: Caller
    clock: str
    policy: bytes
    chance: random.Random

    async def passes(self, distance: timedelta) -> None:
        async with self.engine.database.reading() as r:
            assert await clocks.move(r, self.clock, START + distance)

    async def account(self, number: int) -> str:
        """An account with a life of its own, as its number and chance have it."""
        accounts, chance = self.engine.accounts, self.chance
        is_company = number % 3 == 2
        patch = _company(chance) if is_company else _individual(chance)
        if chance.random() < 0.15:
            patch = _without(patch, chance.choice(("identity.attestations", "configuration.merchant.mcc")))
        made = (await accounts.create(self.caller, patch, None)).account["id"]
        await self.engine.clocks.attach(self.caller, self.clock, made, None)
        if chance.random() < 0.85:
            params = {"external_account": samples.BANK_ACCOUNT}
            await accounts.create_bank_account(self.caller, made, params, None)
        for place in range(chance.choice((0, 1, 1, 2, 3)) if is_company else 0):
            await accounts.create_person(self.caller, made, _owner(chance, place), None)
        return str(made)

    async def befalls(self, account_id: str) -> None:
        """What happens to it once it has lived for a while."""
        change: Any = self.chance.choice(
            (
                None, None, None, "unset mcc", "unset url",
                Ordered(OrderKind.HOLD), Ordered(OrderKind.HOLD, 30 * DAY), Ordered(OrderKind.HOLD, 95 * DAY),
                Ordered(OrderKind.REJECT), Ordered(OrderKind.REJECT, capability="merchant.card_payments"),
                Ordered(OrderKind.RECHECK), Close(),
                TurnedOver(300_000), TurnedOver(900_000),
                Announce(EARLIER, START + 90 * DAY), Announce(EARLIER, START + 75 * DAY),
            )
        )  # fmt: skip
        if change is None:
            return
        if isinstance(change, str):
            await self.engine.accounts.update(self.caller, account_id, _UNSET[change], None)
        else:
            await self.engine.door.revise(account_id, change)


_UNSET: dict[str, Any] = {
    "unset mcc": {"configuration": {"merchant": {"mcc": None}}},
    "unset url": {"defaults": {"profile": {"business_url": None}}},
}


def _individual(chance: random.Random) -> Any:
    birthday = START + chance.choice((60, 85, 120, 300)) * DAY
    age = chance.choice((18, 21))
    person = chance.choice(
        (
            {},
            {},
            {"date_of_birth": born(age, birthday), "documents": {"primary_verification": PASSING}},
            {"date_of_birth": born(age, birthday), "documents": {"primary_verification": PASSING}},
            {"address__line1": "address_no_match"},
            {"id_numbers": [{"type": "us_ssn", "value": "111111111"}]},
            {"phone": None},
            {"date_of_birth": {"day": 2, "month": 3, "year": 1980}},
            {"date_of_birth": {"day": 1, "month": 1, "year": 1900}},
        )
    )
    return individual(**person)


def _company(chance: random.Random) -> Any:
    changes: Any = chance.choice(
        (
            {},
            {},
            {"identity__business_details__id_numbers": [{"type": "us_ein", "value": "111111111"}]},
            {"identity__business_details__phone": None},
            {"identity__attestations__persons_provided__owners": None},
        )
    )
    return company(**changes)


def _owner(chance: random.Random, place: int) -> Any:
    share = chance.choice(("20", "30", None))
    changes: Any = chance.choice(({}, {}, {"date_of_birth": {"day": 2, "month": 3, "year": 1980}}, {"email": None}))
    person = samples.patched(samples.REPRESENTATIVE, relationship__percent_ownership=share, **changes)
    if place:
        person["surname"] += f"-{place}"  # nobody stands on an account twice
        person["relationship"] = {"owner": True, "percent_ownership": share, "title": "Partner"}
    return person


def _without(patch: Any, path: str) -> Any:
    copy = deepcopy(patch)
    *parents, name = path.split(".")
    node = copy
    for parent in parents:
        node = node[parent]
    node.pop(name)
    return copy


# --- what was done ----------------------------------------------------------------------------------------------------


async def documents(engine: Engine, account_id: str, at: datetime, until: datetime) -> list[tuple[datetime, Any]]:
    """The stored evaluations from ``at`` on, the one that stood then first."""
    async with engine.database.reading() as r:
        rows = await r.fetch(
            "SELECT effective_at, evaluation FROM versions WHERE account_id = $1 ORDER BY version", account_id
        )
    earlier = [row["evaluation"] for row in rows if row["effective_at"] <= at]
    return [
        (at, earlier[-1]),
        *((row["effective_at"], row["evaluation"]) for row in rows if at < row["effective_at"] <= until),
    ]


def urgency(told: list[tuple[datetime, Any]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for _, evaluation in told:
        for entry in evaluation["requirements"]["entries"]:
            if entry["awaiting_action_from"] == "user":
                reference = entry["reference"]
                label = f"{reference['resource']}:{entry['description']}" if reference else entry["description"]
                status = entry["minimum_deadline"]["status"]
                found[label] = max(found[label], 1 if status == "eventually_due" else 2)
    return found


def standing(told: list[tuple[datetime, Any]], instant: datetime) -> Mapping[str, int]:
    _, evaluation = [one for one in told if one[0] <= instant][-1]
    ranks = {"active": 2, "pending": 1}
    return Counter({name: ranks.get(one["status"], 0) for name, one in evaluation["capabilities"].items()})


def difference(account_id: str, platform_id: str, without: list[Any], with_it: list[Any]) -> AccountForecast:
    """What the documents of the two copies say, in the words of a forecast."""
    was, becomes = urgency(without), urgency(with_it)
    falls: dict[str, datetime] = {}
    rises: dict[str, datetime] = {}
    loses = False
    for instant in sorted({at for at, _ in (*without, *with_it)}):
        stood, stands = standing(without, instant), standing(with_it, instant)
        for name in {*stood, *stands}:
            if stands[name] < stood[name]:
                falls.setdefault(name, instant)
                loses |= stood[name] == 2
            if stands[name] > stood[name]:
                rises.setdefault(name, instant)
    return AccountForecast(
        account_id,
        platform_id,
        tuple(sorted(label for label in becomes if becomes[label] > was.get(label, 0))),
        tuple(sorted(label for label in was if was[label] > becomes.get(label, 0))),
        tuple(sorted(falls.items())),
        tuple(sorted(rises.items())),
        loses,
    )


# --- the test ---------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(600)
async def test_a_roll_out_does_what_was_forecast(settings: Settings, new_book: Callable[[], str]) -> None:
    url = new_book()
    ours = settings.model_copy(update={"database_url": url})
    books, ids = await _lived(ours)

    foreseen: dict[str, AccountForecast] = {}
    for book in books:
        told = forecast(url, book.policy, at=START + AT, until=START + UNTIL, scope=Scope(book.caller.platform_id))
        foreseen |= {one.account_id: one async for one in told}

    other = await copied(url)
    quiet = await open_engine(ours, verifiers=Verifiers(), name="rolled out")
    untouched = await open_engine(
        ours.model_copy(update={"database_url": other}), verifiers=Verifiers(), name="untouched"
    )
    try:
        for book in books:
            await _rolled_out(replace(book, engine=quiet), ids[book.caller.platform_id])
            await _lets_pass(replace(book, engine=untouched), ids[book.caller.platform_id], UNTIL)

        done = {
            account_id: difference(
                account_id,
                book.caller.platform_id,
                await documents(untouched, account_id, START + AT, START + UNTIL),
                await documents(quiet, account_id, START + AT, START + UNTIL),
            )
            for book in books
            for account_id in ids[book.caller.platform_id]
        }
    finally:
        await quiet.close()
        await untouched.close()

    assert len(foreseen) == 2 * ACCOUNTS
    assert foreseen.keys() == done.keys()
    for account_id, one in done.items():
        assert foreseen[account_id] == one
    _assert_varied(list(done.values()))


async def _lived(settings: Settings) -> tuple[list[Book], dict[str, list[str]]]:
    """Two platforms whose accounts have lived for a while, in a book to which nobody is connected any more."""
    sandbox = await open_engine(settings, policy=compiled(CURRENT), policy_bytes=CURRENT, name="sandbox")
    books: list[Book] = []
    ids: dict[str, list[str]] = {}
    try:
        async with sandbox.database.reading() as r:
            for bytes_, policy in ((one, compiled(one)) for one in (EARLIER, STRICTER, MILDER)):
                await published.seed(r, policy_hash=policy.hash, name=policy.name, version="1", document=bytes_)
        for seed, target in enumerate((STRICTER, MILDER)):
            caller = await new_caller(sandbox)
            clock = await sandbox.clocks.create(caller, START, None, None)
            book = Book(sandbox, caller, clock["id"], target, random.Random(seed))  # noqa: S311 -- to vary
            ids[caller.platform_id] = [await book.account(number) for number in range(ACCOUNTS)]
            await _lets_pass(book, ids[caller.platform_id], HOUR)
            books.append(book)
    finally:
        await sandbox.close()
    quiet = await open_engine(settings, policy=compiled(CURRENT), policy_bytes=CURRENT, verifiers=Verifiers())
    try:
        for book in books:
            book.engine = quiet
            await book.passes(NOW)
            for account_id in ids[book.caller.platform_id]:
                if book.chance.random() < 0.8:  # nobody has looked at the others since
                    await book.befalls(account_id)
    finally:
        await quiet.close()
    return books, ids


async def _lets_pass(book: Book, ids: list[str], distance: timedelta) -> None:
    await book.passes(distance)
    for account_id in ids:
        await book.engine.door.revise(account_id, Look())


async def _rolled_out(book: Book, ids: list[str]) -> None:
    await book.passes(ANNOUNCED)
    for account_id in ids:
        await book.engine.door.revise(account_id, Announce(book.policy, START + AT))
    await _lets_pass(book, ids[::2], AT + DAY)
    await _lets_pass(book, ids, UNTIL)


def _assert_varied(done: list[AccountForecast]) -> None:
    """The book had something of everything in it."""
    assert sum(one.differs for one in done) > 100
    assert sum(not one.differs for one in done) > 10
    assert sum(bool(one.falls) for one in done) > 20
    assert sum(bool(one.rises) for one in done) > 20
    assert sum(bool(one.no_longer_due) for one in done) > 10
    assert len({instant for one in done for _, instant in (*one.falls, *one.rises)}) > 5
    assert any(label.startswith("person_") for one in done for label in one.becomes_due)
    assert any(label.endswith("date_of_birth.year") for one in done for label in one.becomes_due)
    assert any(one.falls and not one.loses_active for one in done)
