"""What the runs of roll-outs, imports and list deltas share: one step after the other, until nothing is left to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.messages import BatchStep
    from workflows import options


class Steps:
    """The steps of one run. Where its batch stands is in rows, which every step reads."""

    def __init__(self) -> None:
        self._changed = False

    def changed(self) -> None:
        """Note that the rows may say something new."""
        self._changed = True

    async def take(self, step: Callable[[], Awaitable[BatchStep]], again: Callable[[], Any], waits_for: str) -> str:
        """Take them until nothing is left to do; answers where the batch stands.

        ``again`` is what the next run begins with, ``waits_for`` what a step that is not due yet waits for.
        """
        steps = 0
        while True:
            self._changed = False
            taken = await step()
            steps += 1
            workflow.set_current_details(taken.details)
            if taken.wait_seconds is None and not self._changed and workflow.all_handlers_finished():
                return taken.state
            if taken.wait_seconds:
                with suppress(TimeoutError):
                    await workflow.wait_condition(
                        lambda: self._changed,
                        timeout=timedelta(seconds=taken.wait_seconds),
                        timeout_summary=f"{taken.state}: until {waits_for}",
                    )
            # What a signal said meanwhile needs no handing on: the next run begins with a step.
            options.continue_if_due(again(), is_due=steps >= options.BATCH_STEPS_A_RUN)
