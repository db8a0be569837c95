"""A book of accounts on its way in."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.imports import ImportActivities
    from activities.messages import ImportLook, ImportStep
    from workflows import names, options
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
        self._changed = False

    @workflow.signal(name=names.IMPORT_CHANGED, description="Look at the import again")
    def import_changed(self) -> None:
        """Note that the rows may say something new."""
        self._changed = True

    @workflow.run
    async def run(self, imported: ImportInput) -> str:
        """See the class; answers where it stands."""
        steps = 0
        while True:
            self._changed = False
            step = await self._step()
            steps += 1
            if step.wait_seconds is None and not self._changed and workflow.all_handlers_finished():
                return step.state
            if step.wait_seconds:
                await self._wait(step.wait_seconds, step.state)
            # What a signal said meanwhile needs no handing on: the next run begins with a step.
            again = ImportInput(imported.import_id, self._stage)
            options.continue_if_due(again, is_due=steps >= options.IMPORT_STEPS_A_RUN)

    async def _step(self) -> ImportStep:
        step = await workflow.execute_activity_method(ImportActivities.step_import, self._look, **options.IMPORT_STEP)
        workflow.set_current_details(step.details)
        if step.state != self._stage and step.platform:
            self._stage = step.state
            platform = names.PLATFORM.value_set(step.platform)
            workflow.upsert_search_attributes([platform, names.STAGE.value_set(step.state)])
        return step

    async def _wait(self, seconds: float, state: str) -> None:
        """Until a signal or the next line's time, whichever comes first."""
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._changed,
                timeout=timedelta(seconds=seconds),
                timeout_summary=f"{state}: until the next line",
            )
