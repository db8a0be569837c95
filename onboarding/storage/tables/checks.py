"""Tables of checking: checks, their attempts, answers on their way, evidence, reviews."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from onboarding.storage.tables.base import Table, codes, document, instant

OPEN_CHECK_STATES = ("due", "started", "unavailable", "in_review")
OPEN_REVIEW_STATES = ("open", "claimed", "proposed", "waiting")


def _one_of(column: str, values: tuple[str, ...]) -> str:
    listed = ", ".join(f"'{value}'" for value in values)
    return f"{column} IN ({listed})"


OPEN_CHECK = _one_of("state", OPEN_CHECK_STATES)
"""SQL: the check is open. Written as in the index, so that the planner knows it again."""
OPEN_REVIEW = _one_of("state", OPEN_REVIEW_STATES)
"""SQL: nobody has decided the review."""


class Check(Table, table=True):
    """One question about one subject with given inputs; unique while open.

    ``held_for`` is the verifier that has too much in hand already, while the check is held back for it.
    """

    __tablename__ = "checks"
    __table_args__ = (
        Index(
            "uq_checks_open",
            "account_id",
            "kind",
            "subject",
            "digest",
            unique=True,
            postgresql_where=text(OPEN_CHECK),
        ),
        Index(None, "account_id", "id"),
        # Those that were given to a run, and those that are held back, are few.
        Index("ix_checks_claimed", "kind", postgresql_where=text("lease_run IS NOT NULL AND ended_at IS NULL")),
        Index("ix_checks_held", "held_for", postgresql_where=text("held_for IS NOT NULL")),
    )

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id")
    kind: str
    subject: str
    digest: str
    state: str
    verifier: str | None = None
    opened_at: datetime = instant()
    answer_at: datetime | None = instant(default=None)
    retry_at: datetime | None = instant(default=None)
    deadline_at: datetime | None = instant(default=None)
    ended_at: datetime | None = instant(default=None)
    lease_until: datetime | None = instant(default=None)
    lease_epoch: int = 0
    lease_run: str | None = None
    held_for: str | None = None


class Answer(Table, table=True):
    """A sandbox answer that is not known yet: it becomes evidence at ``answer_at`` of the account's clock."""

    __tablename__ = "answers"
    __table_args__ = (Index(None, "account_id"),)

    check_id: str = Field(primary_key=True, foreign_key="checks.id")
    account_id: str = Field(foreign_key="accounts.id")
    answer_at: datetime = instant()
    ciphertext: bytes


class Attempt(Table, table=True):
    """One call of one verifier for a check, committed as ``starting`` before the call.

    ``vendor_reference`` and ``next_action`` are sealed; ``vendor_digest`` is a keyed digest of the reference.
    ``maybe_taken``: a start may have arrived without an answer, so that to start again could charge twice.
    """

    __tablename__ = "attempts"
    __table_args__ = (
        UniqueConstraint("check_id", "number"),
        Index(None, "account_id"),
        # A callback finds its attempt.
        Index("ix_attempts_vendor", "vendor_digest", postgresql_where=text("vendor_digest IS NOT NULL")),
        # Those that run are few.
        Index("ix_attempts_running", "started_at", postgresql_where=text("ended_at IS NULL")),
    )

    id: str = Field(primary_key=True)
    check_id: str = Field(foreign_key="checks.id")
    account_id: str = Field(foreign_key="accounts.id")
    number: int
    verifier: str
    our_reference: str
    idempotency_key: str
    vendor_reference: bytes | None = None
    state: str
    error_code: str | None = None
    started_at: datetime = instant()
    ended_at: datetime | None = instant(default=None)
    poll_at: datetime | None = instant(default=None)
    next_action: bytes | None = None
    vendor_digest: str | None = None
    maybe_taken: bool = False


class Evidence(Table, table=True):
    """One recorded answer, immutable. ``detail`` is what a person needs to decide about it, sealed."""

    __tablename__ = "evidence"
    __table_args__ = (Index(None, "account_id", "recorded_at", "id"), Index(None, "check_id"))

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id")
    check_id: str
    kind: str
    subject: str
    digest: str
    outcome: str
    reasons: list[str] = codes(default_factory=list)
    verifier: str
    verifier_version: str
    occurred_at: datetime = instant()
    recorded_at: datetime = instant()
    valid_until: datetime | None = instant(default=None)
    attempt: int = 1
    contested: bool = False
    basis: str | None = None
    detail: bytes | None = None
    version: int = 0


class Review(Table, table=True):
    """A check that a person answers.

    ``sla_at`` and ``escalated_at`` are in the account's time; ``claimed_until``, when a claim is void, and ``look_at``,
    when somebody must see that the review has a run that shows what is so, in the database's. ``proposals`` are the
    decisions of single persons where two are needed: ``[[actor, reviewer, decision, [reasons], time]]``.
    """

    __tablename__ = "reviews"
    __table_args__ = (
        Index(None, "account_id", "opened_at"),
        Index("ix_reviews_open", "queue", "priority", "sla_at", "id", postgresql_where=text(OPEN_REVIEW)),
        Index("ix_reviews_look", "look_at", postgresql_where=text("look_at IS NOT NULL")),
    )

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id")
    check_id: str | None = None
    queue: str
    reason_code: str
    state: str
    opened_at: datetime = instant()
    sla_at: datetime | None = instant(default=None)
    look_at: datetime | None = instant(default=None)
    claimed_by: str | None = None
    decided_at: datetime | None = instant(default=None)
    decision: str | None = None
    priority: int = 50
    assignee: str | None = None
    claimed_reviewer: str | None = None
    claimed_until: datetime | None = instant(default=None)
    escalated_at: datetime | None = instant(default=None)
    proposals: list[Any] = document(default_factory=list)


class ReviewNote(Table, table=True):
    """What somebody noted about a review; the text is sealed with ``id`` as its subject."""

    __tablename__ = "review_notes"
    __table_args__ = (Index(None, "review_id", "id"), Index(None, "account_id"))

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id")
    review_id: str = Field(foreign_key="reviews.id")
    actor: str
    reviewer: str | None = None
    created_at: datetime = instant()
    sealed: bytes
