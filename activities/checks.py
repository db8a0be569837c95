"""Working on a check that cannot be answered at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from temporalio import activity

from activities.errors import StillWaiting
from activities.messages import CheckLook

if TYPE_CHECKING:
    from onboarding.attempts import Step
    from onboarding.checks import Checks

BEAT_SECONDS = 4.0
"""Between two signs of life of a step: three of them fit into the time after which the server gives it up."""

SHORTEST_WAIT = timedelta(milliseconds=100)
"""Zero would mean the retry policy's own interval."""


@asynccontextmanager
async def _beating() -> AsyncIterator[None]:
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


async def _finish(step: Awaitable[Step]) -> Step:
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


@dataclass(frozen=True)
class CheckActivities:
    """Activities of ``CheckWorkflow``."""

    checks: Checks

    @activity.defn
    async def advance_check(self, look: CheckLook) -> str:
        """Take a check further until nothing is left for its run; answers how it stands.

        Each attempt of this activity is one step: start, repeat, poll, give up, or find that it has ended. A step that
        leaves the check waiting fails with the time of the next one, and the server tries again without an event,
        however many polls it takes: a timer and an activity for each would cost eleven.

        One activity for the whole step, though it has two transactions and a call between them: what a crash leaves
        undone is told by the rows, not by the history.
        """
        async with _beating():
            step = await _finish(self.checks.advance(look.account_id, look.check_id))
        if step.wait is None:
            return step.stand.value
        about = f"{step.stand.value}: {step.verifier}, attempt {step.attempt}"
        raise StillWaiting(step.stand.value, about, max(step.wait, SHORTEST_WAIT))
