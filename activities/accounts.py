"""Planning an account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio import activity

from activities.messages import AccountLook, AccountPlan, OpenCheck
from activities.stepping import in_seconds
from onboarding.domain.errors import Refusal

if TYPE_CHECKING:
    from onboarding.work import Work


@dataclass(frozen=True)
class AccountActivities:
    """Activities of ``AccountWorkflow``."""

    work: Work

    @activity.defn
    async def plan_account(self, look: AccountLook) -> AccountPlan | None:
        """What is to be done now; claims it for the run that asks. None for an account that does not exist."""
        try:
            plan = await self.work.plan(look.account_id, look.run_id)
        except Refusal as refusal:
            if refusal.code == "not_found":
                return None
            raise
        return AccountPlan(
            stage=plan.stage,
            checks=plan.checks,
            wake_seconds=in_seconds(plan.wake_in),
            done=plan.done,
            platform=plan.platform,
            country=plan.country,
            waiting_for=plan.waiting_for,
            review_queue=plan.review_queue,
            next_due=plan.next_due,
            stuck=plan.stuck,
            details=plan.details,
            since=plan.since,
            open_checks=tuple(
                OpenCheck(check.id, check.kind, check.state.value, check.opened_at) for check in plan.open_checks
            ),
            activations=plan.activations,
            changed=plan.changed,
            reviews=plan.reviews,
            risk=plan.risk,
        )
