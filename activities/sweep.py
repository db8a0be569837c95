"""Finding accounts that nobody looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio import activity

from activities.messages import Sweep, Swept

if TYPE_CHECKING:
    from onboarding.temporal import Nudger
    from onboarding.work import Work


@dataclass(frozen=True)
class SweepActivities:
    """Activities of ``SweepWorkflow``."""

    work: Work
    nudger: Nudger

    @activity.defn
    async def sweep_accounts(self, sweep: Sweep) -> Swept:
        """Nudge the accounts that are due. One that a nudge does not reach is due again after its back-off."""
        due = await self.work.sweep(sweep.limit)
        nudged = await self.nudger.nudge_all(due)
        await self.work.swept()
        return Swept(due=len(due), nudged=nudged)
