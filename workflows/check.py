"""The life of one check that cannot be answered at once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.checks import CheckActivities
    from activities.messages import CheckLook, CheckStep
    from workflows import names, options
    from workflows.messages import CheckInput


@workflow.defn(name=names.CHECK_WORKFLOW)
class CheckWorkflow:
    """Takes the check step by step to its end.

    The first step reads the check's row, starts an attempt, and says how long to wait; after the wait, or as soon as a
    report came in, the next step asks the vendor again. A step that comes after the deadline goes on to the next
    verifier, and without one to a review. It ends when the check has ended, or when only a person or a later plan of
    the account can carry it on.
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
        while True:
            self._changed = False
            step = await workflow.execute_activity_method(CheckActivities.advance_check, self._look, **options.ADVANCE)
            workflow.set_current_details(_details(step))
            if step.wait_seconds is None:
                if not self._changed and workflow.all_handlers_finished():
                    return step.state
                continue
            if workflow.info().is_continue_as_new_suggested() and not self._changed:
                workflow.continue_as_new(check)
            await self._wait(step, step.wait_seconds)

    async def _wait(self, step: CheckStep, seconds: float) -> None:
        """Until a report, or until the vendor is asked again."""
        try:
            await workflow.wait_condition(
                lambda: self._changed,
                timeout=timedelta(seconds=seconds),
                timeout_summary=f"{step.state}: {step.verifier}, attempt {step.attempt}",
            )
        except asyncio.TimeoutError:  # noqa: UP041 -- the SDK's documented name
            return


def _details(step: CheckStep) -> str:
    who = f" for {step.verifier}, attempt {step.attempt}" if step.verifier else ""
    return f"**{step.state}**{who}"
