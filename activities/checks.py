"""Working on a check that cannot be answered at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio import activity

from activities.messages import CheckLook, CheckStep

if TYPE_CHECKING:
    from onboarding.checks import Checks


@dataclass(frozen=True)
class CheckActivities:
    """Activities of ``CheckWorkflow``."""

    checks: Checks

    @activity.defn
    async def advance_check(self, look: CheckLook) -> CheckStep:
        """Take a check one step further: start, repeat, poll, give up, or find that it has ended.

        One activity for the whole step, though it has two transactions and a call between them: what a crash leaves
        undone is told by the rows, not by the history, and three activities would cost nine events more a step.
        """
        step = await self.checks.advance(look.account_id, look.check_id)
        return CheckStep(
            state=step.stand.value,
            verifier=step.verifier,
            attempt=step.attempt,
            wait_seconds=None if step.wait is None else step.wait.total_seconds(),
        )
