"""Finding accounts that nobody looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio import activity

from activities.messages import Sweep, Swept

if TYPE_CHECKING:
    from onboarding.imports import ImportSteps
    from onboarding.inbox import Inbox
    from onboarding.list_deltas import ListDeltas
    from onboarding.policies import RolloutSteps
    from onboarding.reviews import Reviews
    from onboarding.temporal import Nudger
    from onboarding.work import Work


@dataclass(frozen=True)
class SweepActivities:
    """Activities of ``SweepWorkflow``. ``per_second``: accounts that are nudged; without it as fast as it goes."""

    work: Work
    inbox: Inbox
    nudger: Nudger
    rollouts: RolloutSteps
    reviews: Reviews
    imports: ImportSteps
    list_deltas: ListDeltas
    per_second: float | None = None

    @activity.defn
    async def sweep_accounts(self, sweep: Sweep) -> Swept:
        """Nudge due accounts and batches, checks about which the inbox holds something, and reviews without a run.

        What a nudge does not reach is due again after its back-off. At last the lists that this worker has loaded are
        noted, if they are new ones.
        """
        due = await self.work.sweep(sweep.limit)
        checks = {*await self.inbox.due(sweep.limit), *await self.work.leftovers(sweep.limit)}
        batches = [
            due_batch
            for sort in (self.rollouts, self.imports, self.list_deltas)
            for due_batch in await sort.due(sweep.limit)
        ]
        reviews = await self.reviews.due(sweep.limit)
        nudged = await self.nudger.nudge_all(due, checks, batches, reviews, per_second=self.per_second)
        await self.list_deltas.note()
        await self.work.swept()
        return Swept(due=len(due) + len(checks) + len(batches) + len(reviews), nudged=nudged)
