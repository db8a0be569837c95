"""``kill -9`` of everything but the worker while accounts are on their way, and the loss of Temporal's storage."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.lives import SCRIPTS, Life, Platform
from tests.faults.stack import Stack

pytestmark = pytest.mark.timeout(240)

NAMES = ("passes", "blurred", "passes", "declines", "listed", "company")


async def started(stack: Stack, first: int, count: int) -> tuple[list[Life], list[asyncio.Task[bool]]]:
    """Lives under way, some further than others."""
    platform = Platform(stack)
    lives = [Life(platform, SCRIPTS[NAMES[n % len(NAMES)]], first + n) for n in range(count)]
    tasks = []
    for life in lives:
        tasks.append(asyncio.create_task(life.run(120)))
        await asyncio.sleep(0.1)
    return lives, tasks


async def test_parts_are_killed_under_load(stack: Stack) -> None:
    lives, tasks = await started(stack, 100, 6)
    for part in ("api", "temporal", "postgres", "simulator"):
        more = await started(stack, 110 + 10 * len(tasks), 2)
        lives += more[0]
        tasks += more[1]
        await stack.until_back((part, stack.kill(part)))
    await asyncio.gather(*tasks)
    assert [life.trouble for life in lives if life.trouble] == []
    assert await stack.wrong() == []


async def test_temporal_s_storage_is_lost_in_mid_flight(stack: Stack) -> None:
    platform = Platform(stack)
    waiting = [Life(platform, SCRIPTS["passes"], 300 + n) for n in range(4)]
    for life in waiting:
        await life.open()
        await life.until_asked()
    lives, tasks = await started(stack, 310, 8)
    before = await epoch(stack)
    pid = stack.lose_temporal()
    # Two users go on while nothing can be started for them.
    for life in waiting[:2]:
        await life.act(await life.check())
    await stack.until_back(("temporal", pid))
    await asyncio.gather(*tasks, *(life.finish(120) for life in waiting))
    assert [life.trouble for life in lives + waiting if life.trouble] == []

    async def is_known() -> bool:
        return await epoch(stack) == before + 1

    await stack.until(is_known, "the worker to notice that the storage is new", 20)
    assert await stack.wrong() == []


async def epoch(stack: Stack) -> int:
    """How often Temporal's storage was another one."""
    [row] = await stack.fetch("SELECT book_epoch FROM book")
    return int(row[0])
