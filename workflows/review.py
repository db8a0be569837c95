"""A review as operators see it, until somebody has decided it."""

from __future__ import annotations

from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.messages import ReviewDecision, ReviewLook, ReviewStand
    from activities.reviews import ReviewActivities, problem_of
    from workflows import names, options
    from workflows.alarm import Alarm
    from workflows.failures import code_of
    from workflows.messages import ReviewInput
    from workflows.updates import update_key


@workflow.defn(name=names.REVIEW_WORKFLOW)
class ReviewWorkflow:
    """Shows where a review stands, looks when it becomes late, and ends when it is decided or nobody needs it.

    What is decided is in the review's row, and what makes it late is the row's own time: a review without a run loses
    nothing but its page. Each look is one local activity.
    """

    @workflow.init
    def __init__(self, review: ReviewInput) -> None:
        self._review = review
        self._look = ReviewLook(review.account_id, review.review_id)
        self._stand: ReviewStand | None = None
        self._changed = False
        self._alarm = Alarm()

    @workflow.signal(name=names.REVIEW_CHANGED, description="Look at the review again")
    def review_changed(self) -> None:
        """Note that the review's row may say something new."""
        self._changed = True

    @workflow.update(
        name=names.DECIDE,
        description=(
            'Decide. Data: {"decision": "passed"}, or "failed", or "ask_again";'
            ' a failure may have more: "reasons": ["an error code"]'
        ),
    )
    async def decide(self, decision: Any = None) -> str:
        """Decide for whoever is at the Temporal UI, of whom nothing is known; answers the decision.

        Raises only ApplicationError, with the refusal's code as its type: no mistake of theirs may hold up the run.
        """
        asked = ReviewDecision(
            self._review.account_id,
            self._review.review_id,
            decision["decision"],
            tuple(decision.get("reasons", ())),
            update_key(),
        )
        try:
            decided = await workflow.execute_local_activity_method(
                ReviewActivities.decide_review, asked, **options.DECIDE_HERE
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            code = code_of(error) or "review_not_decided"
            raise ApplicationError(code, type=code) from None
        self._changed = True
        return decided

    @decide.validator
    def _refuse(self, decision: Any = None) -> None:
        """What is refused here leaves no event: nothing but a known decision and known codes is ever kept."""
        problem = problem_of(decision, self._stand)
        if problem is not None:
            raise ApplicationError(problem.says, type=problem.code)

    @workflow.run
    async def run(self, review: ReviewInput) -> str:
        """See the class; answers how the review ended."""
        while True:
            self._changed = False
            stand = await self._see()
            self._show(stand)
            if stand.wait_seconds is None:
                await workflow.wait_condition(workflow.all_handlers_finished)
                return stand.status
            if not self._changed and workflow.all_handlers_finished():
                options.continue_if_due(review)
            self._alarm.set(stand.wait_seconds, f"look at the review again, {stand.status}")
            await workflow.wait_condition(lambda: self._changed or self._alarm.rings)

    async def _see(self) -> ReviewStand:
        try:
            return await workflow.execute_local_activity_method(
                ReviewActivities.see_review, self._look, **options.SEE_HERE
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
        return await workflow.execute_activity_method(ReviewActivities.see_review, self._look, **options.SEE)

    def _show(self, stand: ReviewStand) -> None:
        """Tell operators where it stands: an event only where a search attribute changed."""
        before, self._stand = self._stand or ReviewStand(""), stand
        if stand.details:
            workflow.set_current_details(stand.details)
        updates: list[SearchAttributeUpdate[Any]] = [
            key.value_set(new) if new else key.value_unset()
            for key, old, new in (
                (names.PLATFORM, before.platform, stand.platform or before.platform),
                (names.COUNTRY, before.country, stand.country or before.country),
                (names.REVIEW_QUEUE, before.queue, stand.queue or before.queue),
                (names.STAGE, before.status, stand.status),
            )
            if new != old
        ]
        if stand.sla_at != before.sla_at:
            due = stand.sla_at
            updates.append(names.NEXT_DUE.value_unset() if due is None else names.NEXT_DUE.value_set(due))
        if updates:
            workflow.upsert_search_attributes(updates)
