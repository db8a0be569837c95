"""Finding accounts that nobody looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio import activity

from activities.messages import Sweep, Swept
from activities.stepping import beating

if TYPE_CHECKING:
    from onboarding.engine import Engine
    from onboarding.temporal import Nudger


@dataclass(frozen=True)
class SweepActivities:
    """Activities of ``SweepWorkflow``. ``per_second``: accounts that are nudged; without it as fast as it goes."""

    engine: Engine
    nudger: Nudger
    per_second: float | None = None

    @activity.defn
    async def sweep_accounts(self, sweep: Sweep) -> Swept:
        """Nudge due accounts and batches, checks about which the inbox holds something, and reviews without a run.

        What a nudge does not reach is due again after its back-off. Then the lists that this worker has loaded are
        noted, if they are new ones. Test clocks come last: no live account waits for the sandbox.
        """
        async with beating():
            accounts, others = await self.engine.due(sweep.limit)
            nudged = await self.nudger.nudge_all(accounts, others, per_second=self.per_second)
            await self.engine.list_deltas.note()
            await self.engine.work.swept()
            await self.engine.clocks.resume_all()
        return Swept(due=len(accounts) + len(others), nudged=nudged)
