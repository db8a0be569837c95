"""What activities take and answer: frozen dataclasses of ids, codes and times. Durations are seconds: JSON has none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class AccountLook:
    """Which account to plan, and the run that asks: claims are made in its name."""

    account_id: str
    run_id: str


@dataclass(frozen=True)
class OpenCheck:
    """A check that waits for an answer: what it asks, where it stands and since when."""

    id: str
    kind: str
    state: str
    opened_at: datetime


@dataclass(frozen=True)
class AccountPlan:
    """What is to be done for an account, and what operators see of it.

    Attributes:
        since: since when it waits for whomever it waits for.
        open_checks: all that wait for an answer, claimed or not.
        checks: ids of checks that were claimed now and need a run of their own.
        wake_seconds: until the next look; None for none.
        done: nothing is left to do; the run may end if nobody nudged meanwhile.
        details: Markdown for the workflow's page: codes and times only.
        activations: capabilities that were claimed now and need a run of their own.
        changed: those of them that nobody had claimed: a run that is there all the same is to look again.
        reviews: ids of reviews that need a run of their own.
        risk: the account's risk class.
    """

    stage: str
    checks: tuple[str, ...] = ()
    wake_seconds: float | None = None
    done: bool = False
    platform: str = ""
    country: str = ""
    waiting_for: str = ""
    review_queue: str = ""
    next_due: datetime | None = None
    stuck: bool = False
    details: str = ""
    since: datetime | None = None
    open_checks: tuple[OpenCheck, ...] = ()
    activations: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    reviews: tuple[str, ...] = ()
    risk: str = ""


@dataclass(frozen=True)
class OrderAsked:
    """An order to place. ``key`` is that of its update; ``ticket`` a number, never a text."""

    account_id: str
    key: str
    kind: str
    reason: str
    capability: str | None = None
    ends_at: datetime | None = None
    target: str | None = None
    person: str | None = None
    ticket: str | None = None


@dataclass(frozen=True)
class OrderUndoing:
    """An order to undo."""

    account_id: str
    key: str
    order_id: str


@dataclass(frozen=True)
class OrderAnswer:
    """The order as it stands, or the code of why it was refused, with the field that it is about."""

    order_id: str = ""
    status: str = ""
    refused: str = ""
    param: str = ""


@dataclass(frozen=True)
class CheckLook:
    """Which check to take a step further."""

    account_id: str
    check_id: str


@dataclass(frozen=True)
class ActivationLook:
    """Which capability of an account to tell the downstream system about."""

    account_id: str
    capability: str


@dataclass(frozen=True)
class ReviewLook:
    """Which review to look at."""

    account_id: str
    review_id: str


@dataclass(frozen=True)
class ReviewStand:
    """Where a review stands.

    Attributes:
        status: as platforms see it.
        four_eyes: whether two persons must decide.
        wait_seconds: until the next look; None where it is decided or nobody needs it.
        details: Markdown for the workflow's page: codes and times only.
    """

    status: str
    platform: str = ""
    country: str = ""
    queue: str = ""
    four_eyes: bool = False
    sla_at: datetime | None = None
    wait_seconds: float | None = None
    details: str = ""


@dataclass(frozen=True)
class ReviewDecision:
    """What somebody decided in the Temporal UI. ``key`` is that of its update; without one it is decided once only."""

    account_id: str
    review_id: str
    decision: str
    reasons: tuple[str, ...] = ()
    key: str = ""


@dataclass(frozen=True)
class RolloutLook:
    """Which roll-out to take further."""

    rollout_id: str


@dataclass(frozen=True)
class ImportLook:
    """Which import to take further."""

    import_id: str


@dataclass(frozen=True)
class ListDeltaLook:
    """Which delta of the screening lists to take further."""

    delta_id: str


@dataclass(frozen=True)
class BatchStep:
    """What a step of a roll-out, an import or a list delta came to.

    Attributes:
        state: where it stands.
        wait_seconds: until the next step is due; None where nothing is left to do.
        details: Markdown for the workflow's page: codes and numbers only.
        platform: whose it is, where it is one platform's and that is shown.
    """

    state: str
    wait_seconds: float | None = None
    details: str = ""
    platform: str = ""


@dataclass(frozen=True)
class Sweep:
    """One sweep: at most ``limit`` due accounts."""

    limit: int


@dataclass(frozen=True)
class Swept:
    """How many accounts, checks, reviews and batches were due, and how many were nudged; the rest is found again."""

    due: int
    nudged: int
