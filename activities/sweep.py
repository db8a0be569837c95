"""Finding accounts that nobody looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio import activity

from activities.messages import Sweep, Swept

if TYPE_CHECKING:
    from onboarding.imports import ImportSteps
    from onboarding.inbox import Inbox
    from onboarding.policies import RolloutSteps
    from onboarding.reviews import Reviews
    from onboarding.temporal import Nudger
    from onboarding.work import Work


@dataclass(frozen=True)
class SweepActivities:
    """Activities of ``SweepWorkflow``."""

    work: Work
    inbox: Inbox
    nudger: Nudger
    rollouts: RolloutSteps
    reviews: Reviews
    imports: ImportSteps

    @activity.defn
    async def sweep_accounts(self, sweep: Sweep) -> Swept:
        """Nudge due accounts, roll-outs, imports, checks about which the inbox holds something, reviews without a run.

        What a nudge does not reach is due again after its back-off.
        """
        due = await self.work.sweep(sweep.limit)
        checks = {*await self.inbox.due(sweep.limit), *await self.work.leftovers(sweep.limit)}
        rollouts = await self.rollouts.due(sweep.limit)
        reviews = await self.reviews.due(sweep.limit)
        imports = await self.imports.due(sweep.limit)
        nudged = await self.nudger.nudge_all(due, checks, rollouts, reviews, imports)
        await self.work.swept()
        found = len(due) + len(checks) + len(rollouts) + len(reviews) + len(imports)
        return Swept(due=found, nudged=nudged)
