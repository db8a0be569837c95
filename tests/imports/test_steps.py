"""Steps of an import: at a pace, by several workers, interrupted, paused, and forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from api.schemas.imports import lines_of
from onboarding.domain.errors import EngineFault
from onboarding.door.callers import Caller
from onboarding.door.door import Door
from onboarding.engine import Engine
from onboarding.imports import ImportSteps
from onboarding.storage.faults import ConnectionLost
from tests.imports.telling import (
    SWIFT,
    book,
    finish,
    made_of,
    received,
    report,
    shop,
    started,
    steps_of,
)
from tests.stories.telling import fetch
from tests.support.temporal import eventually

SMALL = replace(SWIFT, page=6)


class Odd:
    """A door, but for what ``happens`` to the n-th account: before it is made, or behind it."""

    def __init__(self, door: Door, happens: dict[int, Exception], *, behind: bool = False) -> None:
        self._door = door
        self._happens = happens
        self._behind = behind
        self.asked = 0

    async def create(self, change: Any, caller: Caller) -> Any:
        self.asked += 1
        error = self._happens.get(self.asked)
        if error is not None and not self._behind:
            raise error
        made = await self._door.create(change, caller)
        if error is not None:
            raise error
        return made


def odd_steps(engine: Engine, happens: dict[int, Exception], *, behind: bool = False) -> ImportSteps:
    door: Any = Odd(engine.door, happens, behind=behind)
    return ImportSteps(engine.database, engine.ring, door, engine.verifiers, SMALL)


async def test_two_workers_at_once_make_each_account_once(engine: Engine, other_engine: Engine, caller: Caller) -> None:
    imported = await started(engine, caller, [shop(number) for number in range(12)])
    steps = [steps_of(one, replace(SWIFT, page=12)) for one in (engine, other_engine)]
    # Both are given the very same lines, as where the first was taken for dead.
    taken = await steps[0]._take(imported)
    assert len(taken.lines) == 12
    await asyncio.gather(*(one._play_line(taken.row, *line) for line in taken.lines for one in steps))
    assert {await finish(one, imported) for one in steps} == {"done"}
    lines = await report(engine, caller, imported)
    assert [one["status"] for one in lines.values()] == ["imported"] * 12
    assert {one["account"] for one in lines.values()} == {row["id"] for row in await made_of(engine, caller)}
    assert len(await made_of(engine, caller)) == 12


async def test_a_twin_of_another_import_is_refused_and_not_made(
    engine: Engine, other_engine: Engine, caller: Caller
) -> None:
    book = [shop(number) for number in range(8)]
    imports = [await started(engine, caller, book) for _ in range(2)]
    steps = [steps_of(one) for one in (engine, other_engine)]
    await asyncio.gather(*(finish(one, imported) for one, imported in zip(steps, imports, strict=True)))
    found = [line for imported in imports for line in (await report(engine, caller, imported)).values()]
    refused = [line for line in found if line["status"] == "refused"]
    assert {line["error"]["code"] for line in refused} == {"import_line_imported_before"}
    assert len(refused) == len(await made_of(engine, caller)) == 8
    assert {line["account"] for line in refused} == {row["id"] for row in await made_of(engine, caller)}


@pytest.mark.parametrize("behind", [False, True], ids=["before", "behind"])
async def test_killed_in_the_middle_each_account_is_made_once(engine: Engine, caller: Caller, *, behind: bool) -> None:
    imported = await started(engine, caller, [shop(number) for number in range(20)])
    # Behind: the account is there, and nobody was told.
    steps = odd_steps(engine, {number: ConnectionLost("lost") for number in (4, 5, 9)}, behind=behind)
    lost = 0
    while True:
        try:
            if (await steps.step(imported)).wait is None:
                break
        except ConnectionLost:
            lost += 1
    assert lost >= 2
    assert len(await made_of(engine, caller)) == 20
    assert {one["status"] for one in (await report(engine, caller, imported)).values()} == {"imported"}


async def test_a_line_that_can_t_be_decided_is_refused_and_stops_no_other(engine: Engine, caller: Caller) -> None:
    imported = await started(engine, caller, [shop(number) for number in range(3)])
    assert await finish(odd_steps(engine, {2: EngineFault("engine_KeyError")}), imported) == "done"
    refused = await report(engine, caller, imported, "refused")
    assert [one["error"]["code"] for one in refused.values()] == ["engine_KeyError"]
    # Once the engine is mended, it is played again.
    await engine.imports.start(caller, imported, None, is_dry_run=False)
    assert await finish(steps_of(engine), imported) == "done"
    assert len(await made_of(engine, caller)) == 3


async def test_the_pace_is_kept_by_several_workers(engine: Engine, other_engine: Engine, caller: Caller) -> None:
    pace, number = 20.0, 41
    imported = await started(engine, caller, [shop(one) for one in range(number)], pace)
    # Steps of half a second, each by another worker than the last, and by both at once.
    steps = [steps_of(one, replace(SWIFT, page=10)) for one in (engine, other_engine)]
    await asyncio.gather(*(finish(one, imported) for one in steps))
    rows = await made_of(engine, caller)
    took = (rows[-1]["created_at"] - rows[0]["created_at"]).total_seconds()
    # Never quicker; on a busy machine slower.
    assert (number - 1) / pace * 0.75 < took < (number - 1) / pace * 2.5


async def test_a_long_pause_is_left_to_the_run(engine: Engine, caller: Caller) -> None:
    imported = await started(engine, caller, [shop(1), shop(2)], 0.1)
    steps = steps_of(engine)
    assert (await steps.step(imported)).wait == timedelta()
    step = await steps.step(imported)
    assert timedelta(seconds=8) < (step.wait or timedelta()) <= timedelta(seconds=10)
    assert step.lines is not None
    assert (step.lines["imported"], step.lines["pending"]) == (1, 1)
    assert imported not in await steps.due(100)


async def test_paused_at_once_and_mended_before_it_goes_on(engine: Engine, caller: Caller) -> None:
    imported = await started(engine, caller, [shop(number) for number in range(30)], 10.0)
    steps = steps_of(engine)
    playing = asyncio.create_task(steps.step(imported))

    async def two_are_made() -> bool:
        return len(await made_of(engine, caller)) >= 2

    await eventually(two_are_made)
    await engine.imports.pause(caller, imported)
    step = await playing
    assert (step.state, step.wait) == ("running", timedelta())
    assert (await steps.step(imported)).wait is None
    made = len(await made_of(engine, caller))
    assert 2 <= made < 30
    mended = [shop(number, display_name="Mended") for number in range(30)]
    part = await engine.imports.receive(caller, imported, lines_of(book(mended), 1))
    assert part["lines"] == {"received": 30, "changed": 30 - made, "unchanged": 0, "refused": made}
    await engine.imports.resume(caller, imported)
    async with engine.database.transaction() as tx:
        await tx.fetch("UPDATE imports SET accounts_per_second = 100, next_at = NULL WHERE id = $1", imported)
    assert await finish(steps, imported) == "done"
    names = [
        (await engine.reader.account(caller, row["id"])).account["display_name"]
        for row in await made_of(engine, caller)
    ]
    assert names.count("Mended") == 30 - made


async def test_a_dry_run_that_was_overtaken_says_nothing(engine: Engine, caller: Caller) -> None:
    imported = await started(engine, caller, [shop(1), shop(2)], is_dry_run=True)
    steps = steps_of(engine)
    taken = await steps._take(imported)
    async with engine.database.transaction() as tx:
        await tx.fetch("UPDATE imports SET state = 'running', is_dry_run = false WHERE id = $1", imported)
    assert not await steps._play_line(taken.row, *taken.lines[0])
    assert {one["status"] for one in (await report(engine, caller, imported)).values()} == {"pending"}


async def test_what_nobody_carries_on_is_emptied(engine: Engine, caller: Caller) -> None:
    lines = [shop(1), shop(2, contact_email="nobody"), b"{broken"]
    imported = await received(engine, caller, lines)
    await engine.work.swept()
    sealed = "SELECT 1 FROM import_lines WHERE import_id = $1 AND sealed IS NOT NULL"
    assert len(await fetch(engine, sealed, imported)) == 2
    async with engine.database.transaction() as tx:
        await tx.fetch("UPDATE imports SET empty_at = empty_at - interval '30 days' WHERE id = $1", imported)
    await engine.work.swept()
    kept = "SELECT 1 FROM import_lines WHERE import_id = $1 AND (sealed IS NOT NULL OR error IS NOT NULL)"
    assert await fetch(engine, kept, imported) == []
    codes = {number: one["error"]["code"] for number, one in (await report(engine, caller, imported)).items()}
    assert codes == {1: "import_line_expired", 2: "import_line_expired", 3: "invalid_json"}
    # The same file again brings it all back.
    part = await engine.imports.receive(caller, imported, lines_of(book(lines), 1))
    assert part["lines"]["changed"] == 2
    await engine.imports.start(caller, imported, None, is_dry_run=False)
    assert await finish(steps_of(engine), imported) == "done"
    assert len(await made_of(engine, caller)) == 1


async def test_a_platform_that_must_use_tokens_imports_no_values(engine: Engine, caller: Caller) -> None:
    french = replace(caller, country="FR")
    imported = await received(engine, french, [shop(1), {"account": {}, "persons": [{"given_name": "Jenny"}]}])
    refused = await report(engine, french, imported, "refused")
    assert [(one["error"]["code"], one["error"]["param"]) for one in refused.values()] == [
        ("account_token_required", "account.contact_email"),
        ("person_token_required", "persons[0].given_name"),
    ]
    assert (await engine.imports.get(french, imported))["lines"]["refused"] == 2
