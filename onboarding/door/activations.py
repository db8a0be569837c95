"""What the downstream system is to hold, brought up to date by every look of an account that it is told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onboarding.domain.activations import desire, desires

if TYPE_CHECKING:
    from onboarding.domain.evaluate import Evaluation
    from onboarding.door.draft import Draft


def desire_all(draft: Draft, evaluation: Evaluation) -> None:
    """Note what a look decided: a capability that goes on, goes off, or is good for another time is to be told."""
    on = desires(evaluation, draft.state)
    for capability in sorted({*on, *draft.activations}):
        known = draft.activations.get(capability)
        desired = desire(
            known,
            capability,
            on=capability in on,
            valid_until=on.get(capability),
            is_acknowledged=draft.is_acknowledged(capability),
            now=draft.database_now,
        )
        if desired is not None and desired != known:
            draft.put_activation(desired)
