"""The life of one check that cannot be answered at once."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.checks import CheckActivities
    from activities.messages import CheckLook
    from onboarding import runs
    from workflows import names, options
    from workflows.advancing import Advance
    from workflows.messages import CheckInput


@workflow.defn(name=names.CHECK_WORKFLOW)
class CheckWorkflow:
    """Has the verifiers asked until the check has ended.

    One activity, tried again and again: its first step reads the check's row and starts an attempt, each later one
    polls the vendor. A step after the deadline goes on to the next verifier, and without one to a review. So a check
    that waits for days costs as many events as one that is answered in seconds. A report that comes in takes a step at
    once. The run ends when the check has ended, or when only a person or a later plan of the account can carry it on.
    """

    @workflow.init
    def __init__(self, check: CheckInput) -> None:
        look = CheckLook(check.account_id, check.check_id)
        self._advance = Advance(
            lambda: workflow.start_activity_method(CheckActivities.advance_check, look, **options.ADVANCE),
            lambda: workflow.execute_local_activity_method(CheckActivities.advance_check, look, **options.STEP_HERE),
            check,
        )

    @workflow.signal(name=names.CHECK_CHANGED, description="Look at the check again: a report came in")
    def check_changed(self) -> None:
        """Note that the check's row may say something new."""
        self._advance.note_change()

    @workflow.run
    async def run(self, check: CheckInput) -> str:
        """See the class; answers how the check stands."""
        workflow.set_current_details(_details(check))
        return await self._advance.to_the_end()


def _details(check: CheckInput) -> str:
    """What an operator reads first. All that changes is told by the pending activity, or by the account's own run."""
    account = runs.link(f"`{check.account_id}`", runs.account_run(check.account_id))
    kind = check.kind or check.check_id
    row = (
        kind,
        runs.minute(check.since),
        "report due: see the account's run",
        "a verifier, or the end user at its page: see there",
    )
    return (
        f"**{kind}** of account {account}: waits for **a verifier**\n\n"
        f"{runs.table([row])}\n\n"
        "- who is asked, and how that stands: the last failure of the pending activity `advance_check`,"
        " such as `waiting: vendor, attempt 1`; to wait is no failure\n"
        "- asked again: with the next attempt of that activity, and at once when a report comes in"
    )
