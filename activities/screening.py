"""Holding new entries of lists against everybody who was passed before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio import activity

from activities.messages import BatchStep, ListDeltaLook
from activities.stepping import beating, in_seconds

if TYPE_CHECKING:
    from onboarding.list_deltas import ListDeltas


@dataclass(frozen=True)
class ScreeningActivities:
    """Activities of ``ListDeltaWorkflow``."""

    list_deltas: ListDeltas

    @activity.defn
    async def step_list_delta(self, look: ListDeltaLook) -> BatchStep:
        """Do what is due now for a delta: a page of accounts at most. Safe to run twice: rows tell what is done."""
        async with beating():
            step = await self.list_deltas.step(look.delta_id)
        return BatchStep(
            state=step.state,
            wait_seconds=in_seconds(step.wait),
            details=f"**{step.state}**, {step.looked} accounts looked at",
        )
