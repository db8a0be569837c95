"""Importing a book of accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio import activity

from activities.messages import BatchStep, ImportLook
from activities.stepping import beating, in_seconds

if TYPE_CHECKING:
    from onboarding.imports import ImportSteps, Step

_ACTS = {"receiving": "the platform", "checked": "the platform", "paused": "the platform", "done": "nobody"}


@dataclass(frozen=True)
class ImportActivities:
    """Activities of ``ImportWorkflow``."""

    imports: ImportSteps

    @activity.defn
    async def step_import(self, look: ImportLook) -> BatchStep:
        """Play the lines that are due now. Safe to run twice: rows tell which are played, and from when on."""
        async with beating():
            step = await self.imports.step(look.import_id)
        return BatchStep(
            state=step.state,
            wait_seconds=in_seconds(step.wait),
            platform=step.platform_id,
            details=_details(step),
        )


def _details(step: Step) -> str:
    """What an operator reads: numbers and codes only."""
    if step.lines is None:
        return f"**{step.state}**"
    lines = [
        f"**{step.state}**: waits for **{_ACTS.get(step.state, 'nobody')}**",
        "",
        *(f"- {status}: {number}" for status, number in step.lines.items()),
        f"- accounts a second, at most: {step.accounts_per_second:g}",
    ]
    return "\n".join(lines)
