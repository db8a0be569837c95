"""New entries of screening lists: whoever could be meant is asked again, nobody else is touched, and nobody twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from onboarding.door.callers import Caller
from onboarding.door.door import Door
from onboarding.door.orders import PlaceOrder
from onboarding.door.reviews import Decision
from onboarding.engine import Engine, open_engine
from onboarding.list_deltas import BEHIND, ListDeltas, Pace
from onboarding.settings import Settings
from onboarding.verifiers.lists import ListVerifier, sources_in
from onboarding.verifiers.port import VerifierUnavailable
from onboarding.verifiers.registry import Verifiers
from tests.stories.telling import Life, fetch, individual, new_caller
from tests.stories.test_local_verifiers import ORDINARY, UNSCREENED, Local

QUICK = Pace(per_second=1e9, page=7, at_once=3, settles_in=timedelta(), reviews=timedelta())
BASE = [{"id": "h-1", "name": "Casimir Thornwood"}, {"id": "h-2", "name": "Ysolde Varkentin"}]
BRANDLIK = {"id": "h-3", "name": "Oskar Brandlik", "born": ["1958-09-30"], "programs": ["fraud"]}
SYLLABLES = ("ba", "do", "fe", "gi", "ko", "lu", "ma", "ne", "pi", "ro", "sa", "tu", "vo", "wi")


@dataclass
class Book:
    """A book of its own with one house list, and engines as several workers would have them."""

    settings: Settings
    folder: Path
    stack: AsyncExitStack
    caller: Caller | None = None

    def write(self, *entries: dict[str, Any], published: str = "2026-11-20", name: str = "house") -> None:
        document = {"published": published, "entries": entries, "count": len(entries)}
        (self.folder / f"{name}.yaml").write_text(json.dumps(document) + "\n")

    async def worker(self) -> Worker:
        screening = ListVerifier(sources_in(self.folder))
        screening.refresh()
        local: Any = (screening, Local(UNSCREENED))
        engine = await open_engine(self.settings, verifiers=Verifiers(local=local, serve_sandbox=True))
        self.stack.push_async_callback(engine.close)
        return Worker(engine, screening, ListDeltas(engine.database, engine.door, screening, QUICK))


@dataclass
class Worker:
    engine: Engine
    screening: ListVerifier
    deltas: ListDeltas

    async def reload(self) -> str | None:
        """Take the files as they are now, and note them; the delta that this makes."""
        self.screening.refresh()
        return await self.deltas.note()

    async def finish(self, delta_id: str) -> None:
        """Take steps until nothing is left to do now."""
        for _ in range(200):
            step = await self.deltas.step(delta_id)
            if step.wait is None or step.wait:
                return
        raise AssertionError("it does not end")

    async def life(self, caller: Caller, given_name: str, surname: str, **changes: Any) -> Life:
        """An account that was told all, and answered."""
        born = {"day": 7, "month": 6, "year": 1980}
        patch = individual(**ORDINARY | {"given_name": given_name, "surname": surname, "date_of_birth": born} | changes)
        life = await Life.now(self.engine, patch, caller)
        await life.plan()
        return life

    async def written(self) -> dict[str, tuple[Any, ...]]:
        """What a write would change of each account: the row's own transaction among it."""
        rows = await fetch(
            self.engine,
            "SELECT a.id, a.xmin::text, a.version, a.look_at, a.audit_count, a.event_sequence,"
            " (SELECT count(*) FROM checks c WHERE c.account_id = a.id),"
            " (SELECT count(*) FROM evidence e WHERE e.account_id = a.id) FROM accounts a",
        )
        return {row[0]: tuple(row[1:]) for row in rows}

    async def orders(self) -> dict[str, list[tuple[str, ...]]]:
        """Orders by account."""
        found: dict[str, list[tuple[str, ...]]] = {}
        for row in await fetch(
            self.engine, "SELECT account_id, kind, reason, actor, target, campaign FROM orders ORDER BY id"
        ):
            found.setdefault(row[0], []).append(tuple(row)[1:])
        return found

    async def delta(self, delta_id: str) -> tuple[str, int, int, int]:
        """State, entries, accounts looked at, accounts asked again."""
        _, deltas = await self.deltas.state()
        [found] = [one for one in deltas if one.row.id == delta_id]
        return found.row.state, found.entries, found.row.looked, found.affected


@pytest.fixture
async def book(own_settings: Settings, tmp_path: Path) -> AsyncIterator[Book]:
    async with AsyncExitStack() as stack:
        made = Book(own_settings, tmp_path, stack)
        made.write(*BASE)
        yield made


def ordinary(number: int) -> tuple[str, str]:
    """A made-up name that is like no other."""
    first, rest = divmod(number, len(SYLLABLES))
    second = SYLLABLES[first % len(SYLLABLES)]
    return f"{SYLLABLES[rest]}{second}l".title(), f"{second}{SYLLABLES[rest]}{SYLLABLES[-1 - rest]}n".title()


async def test_two_hundred_accounts_and_one_new_name(book: Book) -> None:
    worker = await book.worker()
    caller = await new_caller(worker.engine)
    assert await worker.deltas.note() is None  # the first lists of all
    everybody = [await worker.life(caller, *ordinary(number)) for number in range(197)]
    affected = [
        await worker.life(caller, "Oskar", "Brandlik"),
        await worker.life(caller, "Oscar", "Brandlik", date_of_birth={"day": 30, "month": 9, "year": 1958}),
        await worker.life(caller, "Brandlik", "Oskar"),
    ]
    assert len(everybody) + len(affected) == 200
    assert await worker.orders() == {}
    before = await worker.written()

    book.write(*BASE, BRANDLIK, published="2026-11-27")
    delta_id = await worker.reload()
    assert delta_id is not None
    await worker.finish(delta_id)

    assert await worker.delta(delta_id) == ("done", 1, 200, 3)
    order = ("recheck", "list_changed", "worker", "screening", delta_id)
    assert await worker.orders() == {life.id: [order] for life in affected}
    after = await worker.written()
    assert {account_id for account_id in before if before[account_id] != after[account_id]} == {
        life.id for life in affected
    }

    for life in affected:
        await life.plan()
    reviews = await fetch(worker.engine, "SELECT account_id, reason_code FROM reviews WHERE state = 'open'")
    assert sorted(map(tuple, reviews)) == sorted((life.id, "screening_hit") for life in affected)

    before = await worker.written()
    assert await worker.reload() is None  # the same files
    await worker.finish(delta_id)
    assert await worker.written() == before


async def test_what_was_interrupted_goes_on_and_asks_nobody_twice(book: Book) -> None:
    worker = await book.worker()
    caller = await new_caller(worker.engine)
    await worker.deltas.note()
    namesakes = [await worker.life(caller, "Oskar", "Brandlik") for _ in range(5)]
    others = [await worker.life(caller, *ordinary(number)) for number in range(11)]
    book.write(*BASE, BRANDLIK)
    delta_id = await worker.reload()
    assert delta_id is not None

    dying = ListDeltas(worker.engine.database, DyingDoor(worker.engine.door, lives=2), worker.screening, QUICK)
    with pytest.raises(Killed):
        await Worker(worker.engine, worker.screening, dying).finish(delta_id)
    assert len(await worker.orders()) == 2

    other = await book.worker()
    await other.finish(delta_id)
    assert {account_id: len(found) for account_id, found in (await other.orders()).items()} == {
        life.id: 1 for life in namesakes
    }
    assert (await other.delta(delta_id))[2:] == (len(namesakes) + len(others), len(namesakes))


async def test_two_workers_at_once_do_it_once(book: Book) -> None:
    one, two = await book.worker(), await book.worker()
    caller = await new_caller(one.engine)
    await asyncio.gather(one.deltas.note(), two.deltas.note())
    namesakes = [await one.life(caller, "Oskar", "Brandlik") for _ in range(6)]
    for number in range(4):
        await one.life(caller, *ordinary(number))
    book.write(*BASE, BRANDLIK)

    made = await asyncio.gather(one.reload(), two.reload())
    [delta_id] = [found for found in made if found is not None]
    await asyncio.gather(one.finish(delta_id), two.finish(delta_id))

    assert {account_id: len(found) for account_id, found in (await one.orders()).items()} == {
        life.id: 1 for life in namesakes
    }
    assert await one.delta(delta_id) == ("done", 1, 10, 6)


async def test_only_what_came_or_changed_wakes_anybody(book: Book) -> None:
    worker = await book.worker()
    caller = await new_caller(worker.engine)
    assert await worker.deltas.note() is None
    listed = await worker.life(caller, "Ysolde", "Varkentin")  # a person has cleared her
    [review] = await fetch(worker.engine, "SELECT id FROM reviews WHERE account_id = $1", listed.id)
    await worker.engine.reviews.decide(caller, review["id"], Decision.PASSED, (), None)
    await worker.life(caller, "Oskar", "Brandlik")

    book.write(BASE[1])  # one is gone
    assert await worker.reload() is None
    book.write(BASE[1], {"id": "e-1", "type": "entity", "name": "Oskar Brandlik"})  # persons are not held against it
    assert await worker.reload() is None
    assert await worker.orders() == {}

    book.write({**BASE[1], "programs": ["fraud"]})  # what a person had decided about says something else now
    delta_id = await worker.reload()
    assert delta_id is not None
    await worker.finish(delta_id)
    assert list(await worker.orders()) == [listed.id]

    book.write({**BASE[1], "programs": ["fraud"]}, name="second")  # a list that nobody was screened against
    again = await book.worker()
    second = await again.deltas.note()
    assert second is not None
    assert (await again.delta(second))[:2] == ("waiting", 1)


async def test_worker_that_is_behind_brings_nothing_back_and_looks_at_nobody(
    book: Book, own_operators: Callable[..., Result]
) -> None:
    ahead, behind = await book.worker(), await book.worker()
    caller = await new_caller(ahead.engine)
    await ahead.deltas.note()
    await ahead.life(caller, "Oskar", "Brandlik")
    book.write(*BASE, BRANDLIK, published="2026-11-27")
    delta_id = await ahead.reload()
    assert delta_id is not None

    with pytest.raises(VerifierUnavailable) as caught:
        await behind.deltas.step(delta_id)
    assert caught.value.code == BEHIND
    assert await behind.deltas.note() is None
    lists, deltas = await behind.deltas.state()
    assert ([one.published for one in lists], len(deltas)) == (["2026-11-27"], 1)

    book.write(*BASE, published="2026-11-28")  # gone before anybody was looked at
    assert await ahead.reload() is None
    await behind.reload()
    await behind.finish(delta_id)
    assert await ahead.orders() == {}
    assert (await ahead.delta(delta_id))[0] == "done"
    shown = (await asyncio.to_thread(own_operators, "lists")).output.splitlines()
    assert [line.split()[0] for line in shown] == ["house", delta_id]
    assert shown[1].endswith("done     entries 1, looked at 0, asked again 0")


async def test_what_a_person_decides_later_about_older_lists_is_looked_at_then(book: Book) -> None:
    worker = await book.worker()
    caller = await new_caller(worker.engine)
    await worker.deltas.note()
    life = await worker.life(caller, "Casimir", "Thornwood")
    [review] = await fetch(worker.engine, "SELECT id FROM reviews WHERE account_id = $1", life.id)
    book.write(*BASE, {"id": "h-9", "name": "Casimir Thornwood"})
    delta_id = await worker.reload()
    assert delta_id is not None
    await worker.finish(delta_id)
    assert (await worker.delta(delta_id))[0] == "running"
    assert await worker.orders() == {}  # nothing of it is answered yet

    await worker.engine.reviews.decide(caller, review["id"], Decision.PASSED, (), None)
    step = await worker.deltas.step(delta_id)
    assert step.state == "done"
    assert [order[1] for order in (await worker.orders())[life.id]] == ["list_changed"]
    await life.plan()
    opened = await fetch(worker.engine, "SELECT id FROM reviews WHERE state = 'open' AND account_id = $1", life.id)
    assert len(opened) == 1  # of two entries, it is another finding


class Killed(Exception):  # noqa: N818 -- says what is
    """The process is gone."""


class DyingDoor(Door):
    """A door of a process that is killed before it would change one account more than ``lives``."""

    def __init__(self, door: Door, lives: int) -> None:
        self.__dict__.update(door.__dict__)
        self._lives = lives

    async def revise(self, account_id: str, change: Any, *rest: Any) -> Any:
        if isinstance(change, PlaceOrder):
            self._lives -= 1
            if self._lives < 0:
                raise Killed
        return await super().revise(account_id, change, *rest)
