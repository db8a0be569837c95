"""The least that a workflow of so many activities can be: what an onboarding is measured against."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity, workflow


@activity.defn
async def nothing() -> None:
    """Do nothing."""


@workflow.defn
class MinimalWorkflow:
    """Runs an empty activity for each signal it gets, local or ordinary, and ends after the last."""

    def __init__(self) -> None:
        self._nudges = 0

    @workflow.signal
    def nudge(self) -> None:
        """One more."""
        self._nudges += 1

    @workflow.run
    async def run(self, nudges: int, is_local: bool = True) -> None:  # noqa: FBT001, FBT002 -- Temporal's arguments
        """See the class."""
        run = workflow.execute_local_activity if is_local else workflow.execute_activity
        for number in range(1, nudges + 1):
            await workflow.wait_condition(lambda number=number: self._nudges >= number)  # type: ignore[misc]
            await run(nothing, start_to_close_timeout=timedelta(seconds=5))
