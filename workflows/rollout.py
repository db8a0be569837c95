"""A policy on its way to many accounts."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.messages import RolloutLook, RolloutStep
    from activities.policies import PolicyActivities
    from workflows import names, options
    from workflows.messages import RolloutInput


@workflow.defn(name=names.ROLLOUT_WORKFLOW)
class RolloutWorkflow:
    """Takes one step after the other, waits for the next wave, and ends when nothing is left to do.

    Where the roll-out stands is in its row, which every step reads: whoever pauses it or takes it back writes there,
    and the signal says only "look again". A paused one has no run; the next signal starts it.
    """

    @workflow.init
    def __init__(self, rollout: RolloutInput) -> None:
        self._look = RolloutLook(rollout.rollout_id)
        self._changed = False

    @workflow.signal(name=names.ROLLOUT_CHANGED, description="Look at the roll-out again")
    def rollout_changed(self) -> None:
        """Note that the row may say something new."""
        self._changed = True

    @workflow.run
    async def run(self, rollout: RolloutInput) -> str:
        """See the class; answers where it stands."""
        steps = 0
        while True:
            self._changed = False
            step = await self._step()
            steps += 1
            if step.wait_seconds is None and not self._changed and workflow.all_handlers_finished():
                return step.state
            if step.wait_seconds:
                await self._wait(step)
            # What a signal said meanwhile needs no handing on: the next run begins with a step.
            options.continue_if_due(rollout, is_due=steps >= options.ROLLOUT_STEPS_A_RUN)

    async def _step(self) -> RolloutStep:
        step = await workflow.execute_activity_method(PolicyActivities.step_rollout, self._look, **options.ROLLOUT_STEP)
        workflow.set_current_details(step.details)
        return step

    async def _wait(self, step: RolloutStep) -> None:
        """Until a signal or the next wave, whichever comes first."""
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._changed,
                timeout=timedelta(seconds=step.wait_seconds or 0),
                timeout_summary=f"{step.state}: until the next wave",
            )
