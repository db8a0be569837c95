"""What a review's row says, for whatever in the door reads or moves one."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from onboarding.domain.events import REVIEW_TYPE, Event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from onboarding.storage.rows import ReviewRow

FRONT = 0
"""Priority of a review about which the user has supplied what was asked for. Policies begin at 1."""

LATE = 0
"""Priority of a review that was escalated: as high, and its own SLA says which of them comes first."""

CONTESTED = "contested"
"""Reason of a review about a late report that contradicts the answer of its check, which has ended."""

SAMPLED = "sampled"
"""Reason of a review about a check that has passed without a person."""


class ReviewState(StrEnum):
    """Where a review stands.

    ``proposed``: one person has decided, and another must; ``waiting``: the user must supply something;
    ``superseded``: its check ended otherwise, or nobody needs the answer any more.
    """

    OPEN = "open"
    CLAIMED = "claimed"
    PROPOSED = "proposed"
    WAITING = "waiting"
    DECIDED = "decided"
    SUPERSEDED = "superseded"

    @property
    def is_open(self) -> bool:
        """Whether it still waits for a decision."""
        return self not in (ReviewState.DECIDED, ReviewState.SUPERSEDED)


def holder(row: ReviewRow, now: datetime) -> tuple[str, str | None] | None:
    """The key and the reviewer that hold a review at an instant of the database's time; a claim that ended is void."""
    if row.claimed_by is None or row.claimed_until is None or row.claimed_until <= now:
        return None
    return row.claimed_by, row.claimed_reviewer


def shown_state(row: ReviewRow, now: datetime) -> ReviewState:
    """Where a review stands for whoever asks: one whose claim has ended is open again."""
    state = ReviewState(row.state)
    return ReviewState.OPEN if state is ReviewState.CLAIMED and holder(row, now) is None else state


def moved(row: ReviewRow, changes: Mapping[str, Any], *, has_ended: bool) -> ReviewRow:
    """The row as a transaction leaves it; ``has_ended``: its check ended in it."""
    row = replace(row, **changes)
    if has_ended and row.state != ReviewState.DECIDED:
        row = replace(row, state=ReviewState.SUPERSEDED)
    return row


def awaits_decision(row: ReviewRow) -> bool:
    """Whether its SLA runs, and nobody was told yet that it has run out."""
    return ReviewState(row.state).is_open and row.sla_at is not None and row.escalated_at is None


def review_event(what: str, account_id: str, review_id: str, **data: Any) -> Event:
    """An event about a review: codes and ids only."""
    return Event(
        f"{REVIEW_TYPE}.{what}", REVIEW_TYPE, review_id, {"account_id": account_id, **data}, None, None
    )  # fmt: skip
