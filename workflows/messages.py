"""What workflows are started with: one frozen dataclass each, so that fields can be added with a default.

Nothing but ids, codes and times. Plain dataclasses, since the SDK's own converter reads them, and pydantic would print
what it refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from activities.messages import OpenCheck


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
    risk: str = ""


@dataclass(frozen=True)
class AccountStatus:
    """What the query of an account's run answers: codes, ids and times.

    Attributes:
        since: since when it waits for whomever it waits for.
        next_look: when the run looks again by itself.
        planned_at: when it last looked; None before the first time.
        last_plan: ids of the checks that the last plan started.
        done: that plan left nothing to do.
    """

    stage: str = ""
    waiting_for: str = ""
    since: datetime | None = None
    next_due: datetime | None = None
    next_look: datetime | None = None
    stuck: bool = False
    open_checks: tuple[OpenCheck, ...] = ()
    planned_at: datetime | None = None
    last_plan: tuple[str, ...] = ()
    done: bool = False


@dataclass(frozen=True)
class OrderDone:
    """What an update answers: the order, and how it stands."""

    order: str
    status: str


@dataclass(frozen=True)
class AccountInput:
    """An episode of one account; ``shown`` is handed on when it continues as new."""

    account_id: str
    shown: Shown | None = None


@dataclass(frozen=True)
class CheckInput:
    """A check that cannot be answered at once. ``kind`` and ``since`` are for operators, where who starts it knows."""

    account_id: str
    check_id: str
    kind: str = ""
    since: datetime | None = None


@dataclass(frozen=True)
class ActivationInput:
    """A capability about which the downstream system must be told something."""

    account_id: str
    capability: str


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
class ImportInput:
    """A book of accounts on its way in; ``stage``, what the search attributes say, is handed on by each run."""

    import_id: str
    stage: str = ""


@dataclass(frozen=True)
class ListDeltaInput:
    """New entries of the screening lists."""

    delta_id: str


@dataclass(frozen=True)
class SweepInput:
    """One sweep: at most ``limit`` due accounts."""

    limit: int = 500
