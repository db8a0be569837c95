"""New entries of screening lists, held against everybody who was passed before."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.messages import ListDeltaLook, ListDeltaStep
    from activities.screening import ScreeningActivities
    from workflows import names, options
    from workflows.messages import ListDeltaInput


@workflow.defn(name=names.LIST_DELTA_WORKFLOW)
class ListDeltaWorkflow:
    """Takes one page after the other, and ends when nothing is left to do.

    Where the delta stands is in its row, which every step reads. The sweep starts the run, and starts it again where
    it was lost.
    """

    @workflow.init
    def __init__(self, delta: ListDeltaInput) -> None:
        self._look = ListDeltaLook(delta.delta_id)
        self._changed = False

    @workflow.signal(name=names.LIST_DELTA_CHANGED, description="Look at the delta again")
    def list_delta_changed(self) -> None:
        """Note that the row may say something new."""
        self._changed = True

    @workflow.run
    async def run(self, delta: ListDeltaInput) -> str:
        """See the class; answers where it stands."""
        steps = 0
        while True:
            self._changed = False
            step = await self._step()
            steps += 1
            if step.wait_seconds is None and workflow.all_handlers_finished():
                return step.state
            if step.wait_seconds:
                await self._wait(step)
            options.continue_if_due(delta, is_due=steps >= options.LIST_DELTA_STEPS_A_RUN)

    async def _step(self) -> ListDeltaStep:
        step = await workflow.execute_activity_method(
            ScreeningActivities.step_list_delta, self._look, **options.LIST_DELTA_STEP
        )
        workflow.set_current_details(step.details)
        return step

    async def _wait(self, step: ListDeltaStep) -> None:
        """Until a signal or the next pass, whichever comes first."""
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._changed,
                timeout=timedelta(seconds=step.wait_seconds or 0),
                timeout_summary=f"{step.state}: until the next pass",
            )
