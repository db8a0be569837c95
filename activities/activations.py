"""Telling the downstream system what is on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio import activity

from activities.errors import StillWaiting
from activities.messages import ActivationLook
from activities.stepping import SHORTEST_WAIT, beating, finish

if TYPE_CHECKING:
    from onboarding.activations import Activations

LONGEST_SECONDS = 20.0
"""No further step is begun in the same attempt after so long: the last one may take the time of a call."""


@dataclass(frozen=True)
class ActivationActivities:
    """Activities of ``ActivationWorkflow``."""

    activations: Activations

    @activity.defn
    async def advance_activation(self, look: ActivationLook) -> str:
        """Tell the downstream system until nothing is owed about the capability; answers how it stands.

        Steps that are due follow each other in one attempt. Where there is something to wait for, the attempt fails
        with the time of the next one, and the server tries again without an event.
        """
        until = time.monotonic() + LONGEST_SECONDS
        async with beating():
            while True:
                step = await finish(self.activations.advance(look.account_id, look.capability))
                if step.wait is None:
                    return step.stand
                if step.wait or time.monotonic() > until:
                    raise StillWaiting(step.stand, step.about, max(step.wait, SHORTEST_WAIT))
