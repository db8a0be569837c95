"""The state of an account: all that :func:`onboarding.domain.evaluate.evaluate` reads.

No plaintext value is here. A *fact* is the presence of a leaf with the keyed digest of its normalised value, so a
decision can be reproduced after the values themselves were erased. All instants are aware UTC datetimes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from decimal import Decimal

ACCOUNT = "account"
"""Subject of a check about the account's entity; every other subject is a person's id."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A leaf that was supplied: the keyed digest of its value, and when it was last supplied."""

    digest: str
    supplied_at: datetime


@dataclass(frozen=True, slots=True)
class Age:
    """What is known of a person's age: the catalogue's age limits still ahead, each with the instant it is reached.

    A limit that is not listed was reached before the birth date was stored, so an adult's row tells nothing about
    the birth date.
    """

    ahead: tuple[tuple[int, datetime], ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """One person of an account. ``roles`` are relationship flags; ``percent`` is the share owned, None if unsaid."""

    id: str
    roles: frozenset[str] = frozenset()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    percent: Decimal | None = None
    age: Age | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """The facts of an account without their values.

    Attributes:
        attributes: the few plain enums that rules distinguish (country, entity type, structure, responsibilities).
        facts: account-level leaves by path.
        persons: in the order of their creation.
        requested: capabilities asked for, as ``configuration.capability``.
        closed: the platform closed the account.
        activity: what the account turned over, in the currency's smallest unit, by currency, kind of period and
            period. Totals as they were last reported.
    """

    attributes: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Fact] = field(default_factory=dict)
    persons: tuple[Person, ...] = ()
    requested: frozenset[str] = frozenset()
    closed: bool = False
    activity: Mapping[tuple[str, str, str], int] = field(default_factory=dict)


class Outcome(StrEnum):
    """What an attempt answered. Only ``passed`` and ``failed`` are decisive."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    UNAVAILABLE = "unavailable"

    @property
    def is_decisive(self) -> bool:
        """Whether it answers the question."""
        return self is Outcome.PASSED or self is Outcome.FAILED


@dataclass(frozen=True, slots=True)
class Evidence:
    """One recorded answer, immutable.

    ``occurred_at`` is the verifier's own time, ``recorded_at`` the account's. ``valid_until`` None means for ever.
    A ``contested`` row contradicts an earlier decisive one of its check and is ignored until its review decides.
    ``basis`` is the digest of what was found: the same finding needs no second decision of a person.
    """

    id: str
    check_id: str
    kind: str
    subject: str
    digest: str
    outcome: Outcome
    reasons: tuple[str, ...]
    verifier: str
    verifier_version: str
    occurred_at: datetime
    recorded_at: datetime
    valid_until: datetime | None = None
    attempt: int = 1
    contested: bool = False
    basis: str | None = None


class CheckState(StrEnum):
    """Where a check stands. ``due`` to ``in_review`` are open; the rest are ends."""

    DUE = "due"
    STARTED = "started"
    UNAVAILABLE = "unavailable"
    IN_REVIEW = "in_review"
    CONCLUDED = "concluded"
    SUPERSEDED = "superseded"
    CANCELED = "canceled"

    @property
    def is_open(self) -> bool:
        """Whether the check still waits for an answer."""
        return self not in (CheckState.CONCLUDED, CheckState.SUPERSEDED, CheckState.CANCELED)


@dataclass(frozen=True, slots=True)
class Check:
    """One question to one verifier about one subject with given inputs.

    ``answer_at`` is when an answer that is already sealed in the account's rows becomes known (sandbox); ``retry_at``
    and ``deadline_at`` are the next attempt and the latest report. All three feed the account's wake time.
    """

    id: str
    kind: str
    subject: str
    digest: str
    state: CheckState
    opened_at: datetime
    answer_at: datetime | None = None
    retry_at: datetime | None = None
    deadline_at: datetime | None = None


class OrderKind(StrEnum):
    """What a person may decide about an account."""

    HOLD = "hold"
    REJECT = "reject"
    RECHECK = "recheck"
    EXTEND_DEADLINE = "extend_deadline"
    OVERRIDE_CAPABILITY = "override_capability"
    REQUEST_INFORMATION = "request_information"
    SET_RISK_CLASS = "set_risk_class"


@dataclass(frozen=True, slots=True)
class Order:
    """A decision of a person.

    Attributes:
        reason: a code; of a request for information the error code that the user is shown.
        ends_at: when it has no effect any more; of an extension the deadline that it gives.
        capability: which one it is about; None for all.
        target: the check kind of a recheck, the demand of an extension as ``rule/need``, None for all; of a request for
            information its check and a leaf (:func:`onboarding.domain.reviews.target_of`); the risk class that is set.
        subject: about whom a recheck asks; None for all.
    """

    id: str
    kind: OrderKind
    reason: str
    actor: str
    starts_at: datetime
    ends_at: datetime | None = None
    capability: str | None = None
    target: str | None = None
    audience: str = "internal"
    undone_at: datetime | None = None
    subject: str | None = None


class MarkKind(StrEnum):
    """Immutable facts of history on which the future depends."""

    DEADLINE = "deadline"
    FIRST_ACTIVE = "first_active"
    EXPIRED = "expired"
    TERMS_BOUND = "terms_bound"
    THRESHOLD = "threshold"
    REVIEW_DUE = "review_due"
    REVIEW_DONE = "review_done"


@dataclass(frozen=True, slots=True)
class Mark:
    """One fact of history, unique by (kind, key).

    ``at`` is what the mark says (a deadline, the first activation); ``set_at`` when it was made; ``value`` a digest
    or a hash where the kind has one.
    """

    kind: MarkKind
    key: str
    at: datetime
    set_at: datetime
    value: str = ""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Whether a capability counts as on: the downstream system confirmed it, and nothing was decided otherwise since.

    Off counts from the look that decides it, told or not.
    """

    capability: str
    on: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class State:
    """Everything that decides about one account."""

    account_id: str
    shape: Shape = field(default_factory=Shape)
    evidence: tuple[Evidence, ...] = ()
    checks: tuple[Check, ...] = ()
    orders: tuple[Order, ...] = ()
    marks: tuple[Mark, ...] = ()
    acknowledgements: tuple[Acknowledgement, ...] = ()

    def with_marks(self, new: Iterable[Mark]) -> State:
        """The state with ``new`` marks added; a mark whose (kind, key) exists already is left as it was."""
        known = {(mark.kind, mark.key) for mark in self.marks}
        added = tuple(mark for mark in new if (mark.kind, mark.key) not in known)
        return replace(self, marks=self.marks + added) if added else self

    def acknowledge(self, capability: str, *, on: bool, at: datetime) -> State:
        """The state after the downstream system confirmed ``capability`` as on or off."""
        kept = tuple(known for known in self.acknowledgements if known.capability != capability)
        return replace(self, acknowledgements=(*kept, Acknowledgement(capability, on, at)))
