"""An episode of work on one account."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from temporalio import workflow
from temporalio.common import SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes
from temporalio.exceptions import (
    ApplicationError,
    FailureError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from activities.accounts import AccountActivities
    from activities.errors import ENGINE_FAULT
    from activities.messages import AccountLook, AccountPlan, OrderAnswer
    from activities.orders import OrderActivities
    from onboarding.domain.state import OrderKind
    from workflows import names, options, static_details
    from workflows.activation import ActivationWorkflow
    from workflows.alarm import Alarm
    from workflows.check import CheckWorkflow
    from workflows.failures import code_of
    from workflows.messages import (
        AccountInput,
        AccountStatus,
        ActivationInput,
        CheckInput,
        OrderDone,
        ReviewInput,
        Shown,
    )
    from workflows.order_payloads import (
        Payload,
        order_asked,
        order_undoing,
        refuse_wrong_order,
        refuse_wrong_undoing,
    )
    from workflows.review import ReviewWorkflow
    from workflows.updates import update_key

if TYPE_CHECKING:
    from collections.abc import Awaitable


STUCK_DETAILS = """**stuck**: the engine cannot decide about this account

- what platforms read is the last good decision, with every deadline that has passed since
- tried again at growing distances, and at once by a worker of a newer engine
- `onboarding stuck list` says with which code, `onboarding stuck retry` tries again now
"""


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
        self._told: dict[str, workflow.ChildWorkflowHandle[ActivationWorkflow, str]] = {}
        self._status = AccountStatus()

    @workflow.query(name=names.STATUS, description="What the account waits for, since when, until when")
    def status(self) -> AccountStatus:
        """Where the account stood when this run last looked."""
        return self._status

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
                # An update that is under way has its answer first: the run would take it along.
                await workflow.wait_condition(workflow.all_handlers_finished)
                return
            self._show(plan)
            await self._start(plan)
            await self._tell(plan)
            await self._start_reviews(plan.reviews)
            if plan.done and self._may_end():
                return
            if self._may_end():
                options.continue_if_due(AccountInput(account.account_id, self._shown))
            await self._wait(plan)

    # --- orders from Temporal's own UI --------------------------------------------------------------------------------

    @workflow.update(name=names.HOLD, description='Hold the account: {"reason", "capability"?, "ends_at"?, "ticket"?}')
    async def hold(self, payload: Any = None) -> OrderDone:
        """Restrict capabilities until the hold is released or ends."""
        return await self._order(OrderKind.HOLD, payload)

    @hold.validator
    def validate_hold(self, payload: Any = None) -> None:
        """Refuse what is no such order."""
        refuse_wrong_order(OrderKind.HOLD, payload)

    @workflow.update(
        name=names.RECHECK, description='Ask the verifiers again: {"reason", "target"?, "person"?, "ticket"?}'
    )
    async def recheck(self, payload: Any = None) -> OrderDone:
        """Ask again what has been answered."""
        return await self._order(OrderKind.RECHECK, payload)

    @recheck.validator
    def validate_recheck(self, payload: Any = None) -> None:
        """Refuse what is no such order."""
        refuse_wrong_order(OrderKind.RECHECK, payload)

    @workflow.update(
        name=names.EXTEND_DEADLINE,
        description='Move deadlines that run: {"reason", "ends_at", "target"?, "capability"?, "ticket"?}',
    )
    async def extend_deadline(self, payload: Any = None) -> OrderDone:
        """Give deadlines that run a later time."""
        return await self._order(OrderKind.EXTEND_DEADLINE, payload)

    @extend_deadline.validator
    def validate_extend_deadline(self, payload: Any = None) -> None:
        """Refuse what is no such order."""
        refuse_wrong_order(OrderKind.EXTEND_DEADLINE, payload)

    @workflow.update(
        name=names.OVERRIDE_CAPABILITY,
        description='Lift the demands of a capability for a while: {"reason", "capability", "ends_at", "ticket"?}',
    )
    async def override_capability(self, payload: Any = None) -> OrderDone:
        """Have a capability on though demands are open."""
        return await self._order(OrderKind.OVERRIDE_CAPABILITY, payload)

    @override_capability.validator
    def validate_override_capability(self, payload: Any = None) -> None:
        """Refuse what is no such order."""
        refuse_wrong_order(OrderKind.OVERRIDE_CAPABILITY, payload)

    @workflow.update(name=names.RELEASE, description='Undo an order, such as a hold: {"order"}')
    async def release(self, payload: Any = None) -> OrderDone:
        """Undo an order."""
        undoing = order_undoing(payload, self._account.account_id, update_key())
        return await self._through(
            workflow.execute_activity_method(OrderActivities.undo_order, undoing, **options.ORDER)
        )

    @release.validator
    def validate_release(self, payload: Any = None) -> None:
        """Refuse what names no order."""
        refuse_wrong_undoing(payload)

    async def _order(self, kind: OrderKind, payload: Payload) -> OrderDone:
        asked = order_asked(kind, payload, self._account.account_id, update_key())
        return await self._through(
            workflow.execute_activity_method(OrderActivities.place_order, asked, **options.ORDER)
        )

    async def _through(self, ordering: Awaitable[OrderAnswer]) -> OrderDone:
        """An order through the door; whatever keeps it out fails the update with its code, and nothing else."""
        try:
            answer = await ordering
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            code = code_of(error) or "unavailable"
            raise ApplicationError(code, type=code) from None
        finally:
            self._dirty = True
        if answer.refused:
            where = f": {answer.param}" if answer.param else ""
            raise ApplicationError(f"{answer.refused}{where}", type=answer.refused)
        return OrderDone(answer.order_id, answer.status)

    # --- the episode --------------------------------------------------------------------------------------------------

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
        workflow.set_current_details(STUCK_DETAILS)
        self._status = replace(self._status, stuck=True, planned_at=workflow.now(), next_look=None)

    async def _start(self, plan: AccountPlan) -> None:
        """A run for each check that was claimed; one that has a run already counts as started.

        A plan names a check until the check's run has taken it over, so it may name one that was started just now.
        """
        account_id = self._account.account_id
        self._runs = {check_id: run for check_id, run in self._runs.items() if not run.done()}
        known = {check.id: check for check in plan.open_checks}

        async def start(check_id: str) -> None:
            check = known.get(check_id)
            kind, since = (check.kind, check.opened_at) if check is not None else ("", None)
            try:
                self._runs[check_id] = await workflow.start_child_workflow(
                    CheckWorkflow.run,
                    CheckInput(account_id, check_id, kind, since),
                    id=names.check_workflow_id(check_id),
                    # It outlives this episode, and finds its way by its own row.
                    parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                    static_summary=names.check_summary(account_id, kind),
                    static_details=static_details.CHECK,
                    search_attributes=_found_by(plan),
                )
            except WorkflowAlreadyStartedError:
                workflow.logger.debug("check runs already")

        await asyncio.gather(*(start(check_id) for check_id in plan.checks if check_id not in self._runs))

    async def _tell(self, plan: AccountPlan) -> None:
        """A run for each activation that was claimed; where one waits though nobody had claimed it, it looks again."""
        account_id = self._account.account_id
        self._told = {capability: run for capability, run in self._told.items() if not run.done()}

        async def start(capability: str) -> None:
            run = names.activation_workflow_id(account_id, capability)
            try:
                if capability not in self._told:
                    self._told[capability] = await workflow.start_child_workflow(
                        ActivationWorkflow.run,
                        ActivationInput(account_id, capability),
                        id=run,
                        parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                        static_summary=names.activation_summary(account_id, capability),
                        static_details=static_details.ACTIVATION,
                        search_attributes=_found_by(plan),
                    )
                    return
            except WorkflowAlreadyStartedError:
                workflow.logger.debug("activation runs already")
            if capability in plan.changed:
                await look_again(run)

        async def look_again(run: str) -> None:
            handle = workflow.get_external_workflow_handle_for(ActivationWorkflow.run, run)
            try:
                await handle.signal(ActivationWorkflow.activation_changed)
            except FailureError as error:
                if is_cancelled_exception(error):
                    raise
                self._dirty = True  # it has just ended: the next plan gives it to a new run

        await asyncio.gather(*map(start, plan.activations))

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
                    static_details=static_details.REVIEW,
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
            risk=plan.risk,
        )
        workflow.set_current_details(plan.details)
        now = workflow.now()
        self._status = AccountStatus(
            stage=plan.stage,
            waiting_for=plan.waiting_for,
            since=plan.since,
            next_due=plan.next_due,
            next_look=None if plan.wake_seconds is None else now + timedelta(seconds=plan.wake_seconds),
            stuck=plan.stuck,
            open_checks=plan.open_checks,
            planned_at=now,
            last_plan=plan.checks,
            done=plan.done,
        )
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
            (names.RISK, before.risk, shown.risk),
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


def _found_by(plan: AccountPlan) -> TypedSearchAttributes:
    """What an operator finds an account's other runs by."""
    known = ((names.PLATFORM, plan.platform), (names.COUNTRY, plan.country))
    return TypedSearchAttributes([SearchAttributePair(key, value) for key, value in known if value])
