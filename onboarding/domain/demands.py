"""Demands: what is open, for whom, since which cause, and what it does to which capability."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from onboarding.domain.policy import Restriction
    from onboarding.domain.state import Fact, Person


class Cause(StrEnum):
    """Why a need is open."""

    MISSING = "missing"
    FAILED = "failed"
    EXPIRED = "expired"
    PENDING = "pending"
    ORDERED = "ordered"


class DueStatus(StrEnum):
    """The wire's deadline status, from the strictest to the mildest."""

    PAST_DUE = "past_due"
    CURRENTLY_DUE = "currently_due"
    EVENTUALLY_DUE = "eventually_due"

    @property
    def rank(self) -> int:
        """0 for the strictest."""
        return _RANK[self]


_RANK = {status: rank for rank, status in enumerate(DueStatus)}


class Subject(NamedTuple):
    """Whom a rule is about.

    Attributes:
        id: ``account`` or a person's id; empty for a role that nobody holds yet.
        slot: stable name of the place in the role, so that recreating a person changes no deadline.
        facts: leaves relative to the subject.
        prefix: what stands before a leaf on the wire.
        reference: the person named in the entry's reference.
    """

    id: str
    slot: str
    facts: Mapping[str, Fact]
    prefix: str = ""
    reference: str | None = None
    person: Person | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """One way to satisfy a demand other than its own entries: leaves with the errors they carry."""

    entries: tuple[tuple[str, tuple[str, ...]], ...]


class Opening(NamedTuple):
    """An unsatisfied need before it is known what it does to capabilities.

    Attributes:
        need: the leaf, the kind of check or the error that names the need within its rule.
        key: (rule, slot, need, cycle), the stem of its deadline marks.
        entries: leaves raised on the wire with their error codes; none for what must not be told.
        awaits_user: False while the answer is ours to find.
        in_review: a person of the operator decides.
        at_once: a hit: it blocks whether or not the capability was active before, and no deadline runs.
        starts_at: the rule's: before it nothing is due.
        sanctionable: about a question that a list answers: no order lifts it.
        confirms: the leaf is there, and only to be supplied again.
    """

    rule: str
    need: str
    key: str
    subject: Subject
    cause: Cause
    restricts: tuple[Restriction, ...]
    entries: tuple[tuple[str, tuple[str, ...]], ...]
    order: int
    awaits_user: bool = True
    in_review: bool = False
    options: tuple[Option, ...] = ()
    at_once: bool = False
    starts_at: datetime | None = None
    sanctionable: bool = False
    confirms: bool = False


class Impact(NamedTuple):
    """What a demand does to one capability now; ``deadline`` is the instant at which it starts to block."""

    capability: str
    status: DueStatus
    deadline: datetime | None
    blocks: bool


class Demand(NamedTuple):
    """An opening together with its impacts."""

    opening: Opening
    impacts: tuple[Impact, ...]


class Finding(NamedTuple):
    """A node of the derivation: one need of one rule for one subject, open for ``cause`` or satisfied ``by`` ids."""

    rule: str
    subject: str
    need: str
    cause: Cause | None
    by: tuple[str, ...] = ()


class CheckDue(NamedTuple):
    """A question that must be asked now."""

    kind: str
    subject: str
    digest: str


def demand_target(rule: str, need: str) -> str:
    """How an order names the demands of one need of one rule."""
    return f"{rule}/{need}"
