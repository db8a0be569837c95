"""A book of accounts on its way in."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.imports import ImportActivities
    from activities.messages import BatchStep, ImportLook
    from workflows import names, options
    from workflows.batches import Steps
    from workflows.messages import ImportInput


@workflow.defn(name=names.IMPORT_WORKFLOW)
class ImportWorkflow:
    """Takes one step after the other, and ends when no line is left to play, or somebody paused the import.

    Where it stands is in its rows, which every step reads: whoever starts, pauses or resumes it writes there, and the
    signal says only "look again". A step waits for its lines' time itself, but for a pause that is long.
    """

    @workflow.init
    def __init__(self, imported: ImportInput) -> None:
        self._look = ImportLook(imported.import_id)
        self._stage = imported.stage
        self._steps = Steps()

    @workflow.signal(name=names.IMPORT_CHANGED, description="Look at the import again")
    def import_changed(self) -> None:
        """Note that the rows may say something new."""
        self._steps.changed()

    @workflow.run
    async def run(self, imported: ImportInput) -> str:
        """See the class; answers where it stands."""
        return await self._steps.take(self._step, lambda: ImportInput(imported.import_id, self._stage), "the next line")

    async def _step(self) -> BatchStep:
        step = await workflow.execute_activity_method(ImportActivities.step_import, self._look, **options.IMPORT_STEP)
        if step.state != self._stage and step.platform:
            self._stage = step.state
            platform = names.PLATFORM.value_set(step.platform)
            workflow.upsert_search_attributes([platform, names.STAGE.value_set(step.state)])
        return step
