"""Working on a check that cannot be answered at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio import activity

from activities.errors import StillWaiting
from activities.messages import CheckLook
from activities.stepping import SHORTEST_WAIT, beating, finish

if TYPE_CHECKING:
    from onboarding.checks import Checks


@dataclass(frozen=True)
class CheckActivities:
    """Activities of ``CheckWorkflow``."""

    checks: Checks

    @activity.defn
    async def advance_check(self, look: CheckLook) -> str:
        """Take a check further until nothing is left for its run; answers how it stands.

        Each attempt of this activity is one step: start, repeat, poll, give up, or find that it has ended. A step that
        leaves the check waiting fails with the time of the next one, and the server tries again without an event,
        however many polls it takes: a timer and an activity for each would cost eleven.

        One activity for the whole step, though it has two transactions and a call between them: what a crash leaves
        undone is told by the rows, not by the history.
        """
        async with beating():
            step = await finish(self.checks.advance(look.account_id, look.check_id))
        if step.wait is None:
            return step.stand.value
        about = f"{step.stand.value}: {step.verifier}, attempt {step.attempt}"
        raise StillWaiting(step.stand.value, about, max(step.wait, SHORTEST_WAIT))
