"""The life of one check that cannot be answered at once."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.checks import CheckActivities
    from activities.messages import CheckLook
    from workflows import names, options
    from workflows.messages import CheckInput


@workflow.defn(name=names.CHECK_WORKFLOW)
class CheckWorkflow:
    """Has the verifiers asked until the check has ended.

    One activity, tried again and again: its first step reads the check's row and starts an attempt, each later one
    polls the vendor. A step after the deadline goes on to the next verifier, and without one to a review. The pauses
    are the server's, so a check that waits for days costs as many events as one that is answered in seconds. A report
    that comes in takes a step at once, inside the workflow task, which is five events instead of fourteen; only one
    that leaves something to wait for has the activity begin anew. The run ends when the check has ended, or when only a
    person or a later plan of the account can carry it on.
    """

    @workflow.init
    def __init__(self, check: CheckInput) -> None:
        self._look = CheckLook(check.account_id, check.check_id)
        self._changed = False

    @workflow.signal(name=names.CHECK_CHANGED, description="Look at the check again: a report came in")
    def check_changed(self) -> None:
        """Note that the check's row may say something new."""
        self._changed = True

    @workflow.run
    async def run(self, check: CheckInput) -> str:
        """See the class; answers how the check stands."""
        workflow.set_current_details(
            f"check `{check.check_id}`: the pending activity says who is asked, and when again"
        )
        while True:
            self._changed = False
            stands = await self._advance()
            if stands is not None and not self._changed and workflow.all_handlers_finished():
                return stands

    async def _advance(self) -> str | None:
        """How the check stands in the end; None if a report came in before."""
        advancing = workflow.start_activity_method(CheckActivities.advance_check, self._look, **options.ADVANCE)
        await workflow.wait_condition(lambda: self._changed or advancing.done())
        if self._changed and not advancing.done():
            self._changed = False
            stands = await self._step_here()
            if stands is not None:
                return stands  # the activity ends with the run, a step of it that is under way by itself
            self._changed = True
            advancing.cancel()
        try:
            return await advancing
        except ActivityError:
            if self._changed:
                return None
            raise

    async def _step_here(self) -> str | None:
        """One step, as a part of the workflow task; None where something is left to wait for, or it did not work."""
        try:
            return await workflow.execute_local_activity_method(
                CheckActivities.advance_check, self._look, **options.STEP_HERE
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            return None
