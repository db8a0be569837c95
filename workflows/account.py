"""An episode of work on one account."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate
from temporalio.exceptions import (
    FailureError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from activities.accounts import AccountActivities
    from activities.errors import ENGINE_FAULT
    from activities.messages import AccountLook, AccountPlan
    from workflows import names, options
    from workflows.alarm import Alarm
    from workflows.check import CheckWorkflow
    from workflows.failures import code_of
    from workflows.messages import AccountInput, CheckInput, ReviewInput, Shown
    from workflows.review import ReviewWorkflow


@workflow.defn(name=names.ACCOUNT_WORKFLOW)
class AccountWorkflow:
    """Plans, starts what is due, shows where the account stands, waits, and plans again, until nothing is left to do.

    It knows nothing of the account but what the last plan said. A nudge says only "look again", so it does not matter
    how many come, or when. The next nudge after the end starts the next episode under the same id.
    """

    @workflow.init
    def __init__(self, account: AccountInput) -> None:
        self._account = account
        self._shown = account.shown or Shown()
        self._dirty = True
        self._alarm = Alarm()
        self._runs: dict[str, workflow.ChildWorkflowHandle[CheckWorkflow, str]] = {}

    @workflow.signal(name=names.ACCOUNT_CHANGED, description="Look at the account again")
    def account_changed(self) -> None:
        """Note that somebody saw a change; the loop plans again."""
        self._dirty = True

    @workflow.run
    async def run(self, account: AccountInput) -> None:
        """See the class."""
        while True:
            # Before the plan: whoever nudges from here on may know something that this plan does not.
            self._dirty = False
            plan = await self._plan()
            if plan is None:
                return
            self._show(plan)
            await self._start(plan.checks)
            await self._start_reviews(plan.reviews)
            if plan.done and self._may_end():
                return
            if workflow.info().is_continue_as_new_suggested() and self._may_end():
                workflow.continue_as_new(AccountInput(account.account_id, self._shown))
            await self._wait(plan)

    def _may_end(self) -> bool:
        return not self._dirty and workflow.all_handlers_finished()

    async def _plan(self) -> AccountPlan | None:
        """What is to be done; None where there is no account, or none that the engine can decide about now."""
        look = AccountLook(self._account.account_id, workflow.info().run_id)
        try:
            return await self._plan_with_retries(look)
        except FailureError as error:
            if code_of(error) != ENGINE_FAULT:
                raise
            self._show_stuck()
            return None

    async def _plan_with_retries(self, look: AccountLook) -> AccountPlan | None:
        try:
            return await workflow.execute_local_activity_method(
                AccountActivities.plan_account, look, **options.PLAN_HERE
            )
        except FailureError as error:
            if is_cancelled_exception(error) or code_of(error) == ENGINE_FAULT:
                raise
        return await workflow.execute_activity_method(AccountActivities.plan_account, look, **options.PLAN)

    def _show_stuck(self) -> None:
        """The account is marked stuck in its row, and the sweep brings it back: show it, and end."""
        workflow.upsert_search_attributes([names.STUCK.value_set(True)])  # noqa: FBT003 -- the value itself

    async def _start(self, check_ids: tuple[str, ...]) -> None:
        """A run for each check that was claimed; one that has a run already counts as started.

        A plan names a check until the check's run has taken it over, so it may name one that was started just now.
        """
        self._runs = {check_id: run for check_id, run in self._runs.items() if not run.done()}

        async def start(check_id: str) -> None:
            try:
                self._runs[check_id] = await workflow.start_child_workflow(
                    CheckWorkflow.run,
                    CheckInput(self._account.account_id, check_id),
                    id=names.check_workflow_id(check_id),
                    # It outlives this episode, and finds its way by its own row.
                    parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                    static_summary=names.check_summary(self._account.account_id),
                )
            except WorkflowAlreadyStartedError:
                workflow.logger.debug("check runs already")

        await asyncio.gather(*(start(check_id) for check_id in check_ids if check_id not in self._runs))

    async def _start_reviews(self, review_ids: tuple[str, ...]) -> None:
        """A run for each review that has none: it shows the review to operators, and sees that it is not late."""
        for review_id in review_ids:
            with suppress(WorkflowAlreadyStartedError):
                await workflow.start_child_workflow(
                    ReviewWorkflow.run,
                    ReviewInput(self._account.account_id, review_id),
                    id=names.review_workflow_id(review_id),
                    # It lives as long as its review.
                    parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                    static_summary=names.review_summary(self._account.account_id),
                )

    def _show(self, plan: AccountPlan) -> None:
        """Tell operators where the account stands: an event only where a search attribute changed."""
        shown = Shown(
            platform=plan.platform,
            stage=plan.stage,
            country=plan.country,
            waiting_for=plan.waiting_for,
            review_queue=plan.review_queue,
            next_due=plan.next_due,
            stuck=plan.stuck,
        )
        workflow.set_current_details(plan.details)
        if shown == self._shown:
            return
        before, self._shown = self._shown, shown
        updates: list[SearchAttributeUpdate[Any]] = []
        for key, old, new in (
            (names.PLATFORM, before.platform, shown.platform),
            (names.STAGE, before.stage, shown.stage),
            (names.COUNTRY, before.country, shown.country),
            (names.WAITING_FOR, before.waiting_for, shown.waiting_for),
            (names.REVIEW_QUEUE, before.review_queue, shown.review_queue),
        ):
            if new != old:
                updates.append(key.value_set(new) if new else key.value_unset())
        if shown.next_due != before.next_due:
            due = shown.next_due
            updates.append(names.NEXT_DUE.value_unset() if due is None else names.NEXT_DUE.value_set(due))
        if shown.stuck != before.stuck:
            updates.append(names.STUCK.value_set(shown.stuck))
        workflow.upsert_search_attributes(updates)

    async def _wait(self, plan: AccountPlan) -> None:
        """Until a nudge or the plan's time, whichever comes first."""
        if self._dirty:
            return
        if plan.wake_seconds is not None:
            self._alarm.set(plan.wake_seconds, f"look again, waiting for {plan.waiting_for or 'nobody'}")
        else:
            self._alarm.clear()
        await workflow.wait_condition(lambda: self._dirty or self._alarm.rings)
