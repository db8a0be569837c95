"""What workflows are started with: one frozen dataclass each, so that fields can be added with a default.

Nothing but ids, codes and times. Plain dataclasses, since the SDK's own converter reads them, and pydantic would print
what it refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Shown:
    """What the search attributes say; compared, so that they are written only when one changed."""

    platform: str = ""
    stage: str = ""
    country: str = ""
    waiting_for: str = ""
    review_queue: str = ""
    next_due: datetime | None = None
    stuck: bool = False


@dataclass(frozen=True)
class AccountInput:
    """An episode of one account; ``shown`` is handed on when it continues as new."""

    account_id: str
    shown: Shown | None = None


@dataclass(frozen=True)
class CheckInput:
    """A check that cannot be answered at once."""

    account_id: str
    check_id: str


@dataclass(frozen=True)
class ReviewInput:
    """A check that a person answers."""

    account_id: str
    review_id: str


@dataclass(frozen=True)
class RolloutInput:
    """A policy on its way to many accounts."""

    rollout_id: str


@dataclass(frozen=True)
class SweepInput:
    """One sweep: at most ``limit`` due accounts."""

    limit: int = 500
