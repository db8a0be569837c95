"""What activities share whose work goes on after them, as most are: steps of something that lasts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

from temporalio import activity

T = TypeVar("T")

BEAT_SECONDS = 4.0
"""Between two signs of life of a step: three of them fit into the time after which the server gives it up."""

SHORTEST_WAIT = timedelta(milliseconds=100)
"""Zero would mean the retry policy's own interval."""


@asynccontextmanager
async def beating() -> AsyncIterator[None]:
    """Tell the server that the step is alive; it is asked again elsewhere soon after its worker was killed."""
    if activity.info().is_local:  # a part of its workflow task, which has a timeout of its own
        yield
        return

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(BEAT_SECONDS)

    beats = asyncio.create_task(beat())
    try:
        yield
    finally:
        beats.cancel()


async def finish(step: Awaitable[T]) -> T:
    """The step, also if its run does not need it any more: what a vendor was just asked for must be written down.

    Only the end of the process cuts it short, and is made good like a crash.
    """
    under_way = asyncio.ensure_future(step)
    try:
        return await asyncio.shield(under_way)
    except asyncio.CancelledError:
        details = activity.cancellation_details()
        if details is None or details.worker_shutdown or activity.info().is_local:
            under_way.cancel()
        await asyncio.wait([under_way])
        raise


def in_seconds(wait: timedelta | None) -> float | None:
    """What a workflow is told of the time until the next step; None when there is none to wait for."""
    return None if wait is None else wait.total_seconds()
