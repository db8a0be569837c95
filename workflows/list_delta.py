"""New entries of screening lists, held against everybody who was passed before."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.messages import BatchStep, ListDeltaLook
    from activities.screening import ScreeningActivities
    from workflows import names, options
    from workflows.batches import Steps
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
        self._steps = Steps()

    @workflow.signal(name=names.LIST_DELTA_CHANGED, description="Look at the delta again")
    def list_delta_changed(self) -> None:
        """Note that the row may say something new."""
        self._steps.changed()

    @workflow.run
    async def run(self, delta: ListDeltaInput) -> str:
        """See the class; answers where it stands."""
        return await self._steps.take(self._step, lambda: delta, "the next pass")

    async def _step(self) -> BatchStep:
        return await workflow.execute_activity_method(
            ScreeningActivities.step_list_delta, self._look, **options.LIST_DELTA_STEP
        )
