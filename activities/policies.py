"""Rolling a policy out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio import activity

from activities.messages import BatchStep, RolloutLook
from activities.stepping import beating, in_seconds

if TYPE_CHECKING:
    from onboarding.policies import RolloutSteps


@dataclass(frozen=True)
class PolicyActivities:
    """Activities of ``RolloutWorkflow``."""

    rollouts: RolloutSteps

    @activity.defn
    async def step_rollout(self, look: RolloutLook) -> BatchStep:
        """Do what is due now for a roll-out: a page of accounts at most. Safe to run twice: rows tell what is done."""
        async with beating():
            step = await self.rollouts.step(look.rollout_id)
        wave = f", wave {min(step.wave + 1, step.waves)} of {step.waves}" if step.waves else ""
        return BatchStep(
            state=step.state,
            wait_seconds=in_seconds(step.wait),
            details=f"**{step.state.replace('_', ' ')}**{wave}",
        )
