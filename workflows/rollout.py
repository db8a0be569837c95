"""A policy on its way to many accounts."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.messages import BatchStep, RolloutLook
    from activities.policies import PolicyActivities
    from workflows import names, options
    from workflows.batches import Steps
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
        self._steps = Steps()

    @workflow.signal(name=names.ROLLOUT_CHANGED, description="Look at the roll-out again")
    def rollout_changed(self) -> None:
        """Note that the row may say something new."""
        self._steps.changed()

    @workflow.run
    async def run(self, rollout: RolloutInput) -> str:
        """See the class; answers where it stands."""
        return await self._steps.take(self._step, lambda: rollout, "the next wave")

    async def _step(self) -> BatchStep:
        return await workflow.execute_activity_method(PolicyActivities.step_rollout, self._look, **options.ROLLOUT_STEP)
