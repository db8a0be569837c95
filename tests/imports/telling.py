"""Books of accounts, and imports that are taken to their end without Temporal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from api.schemas.imports import lines_of
from onboarding.door.callers import Caller
from onboarding.engine import Engine
from onboarding.imports import ImportSteps, Pace
from tests.stories.telling import fetch
from tests.support.samples import BANK_ACCOUNT, RECIPIENT, patched

QUICK = 100.0
"""Accounts a second: as many as an import may make."""

SWIFT = Pace(at_once=8)


def shop(number: int, **changes: Any) -> Any:
    """A line that is an individual of whom little is known; ``number`` is what the old system called it."""
    return {"account": patched(RECIPIENT, metadata={"old_id": str(number)}, **changes)}


def bank(**changes: Any) -> Any:
    """A bank account of a line."""
    return {"external_account": {**BANK_ACCOUNT, **changes}}


def book(lines: Iterable[Any]) -> bytes:
    """The bytes of a file; a line may be bytes already."""
    return b"\n".join(one if isinstance(one, bytes) else orjson.dumps(one) for one in lines) + b"\n"


async def received(engine: Engine, caller: Caller, lines: Iterable[Any], pace: float = QUICK) -> str:
    """The id of a new import with these lines."""
    made: str = (await engine.imports.create(caller, pace, None))["id"]
    await engine.imports.receive(caller, made, lines_of(book(lines), 1))
    return made


async def started(engine: Engine, caller: Caller, lines: Iterable[Any], pace: float = QUICK, **options: Any) -> str:
    """The same, started."""
    made = await received(engine, caller, lines, pace)
    await engine.imports.start(caller, made, None, **{"is_dry_run": False, **options})
    return made


def steps_of(engine: Engine, pace: Pace = SWIFT) -> ImportSteps:
    """Steps as a worker of its own would take them."""
    return ImportSteps(engine.database, engine.ring, engine.door, engine.verifiers, pace)


async def finish(steps: ImportSteps, import_id: str, most: int = 50) -> str:
    """Take steps until nothing is left to do; answers where the import stands."""
    for _ in range(most):
        step = await steps.step(import_id)
        if step.wait is None:
            return step.state
    raise AssertionError("it does not end")


async def made_of(engine: Engine, caller: Caller) -> list[Any]:
    """The platform's accounts, in the order in which they were made."""
    return await fetch(
        engine, "SELECT * FROM accounts WHERE platform_id = $1 ORDER BY created_at, id", caller.platform_id
    )


async def report(engine: Engine, caller: Caller, import_id: str, status: str | None = None) -> dict[int, Any]:
    """What became of the lines, by their numbers."""
    page = await engine.imports.lines(caller, import_id, status=status, limit=100)
    return {one["line"]: one for one in page.data}
