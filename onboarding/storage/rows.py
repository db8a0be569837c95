"""Rows as the repositories answer them: plain values, one class per table, columns in one order.

A class lists columns by the names of its table; the statements are made from these lists, so a class may leave
columns out but not invent any (a test compares them with the tables).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class AccountRow:
    """All columns of an account."""

    id: str
    platform_id: str
    livemode: bool
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    country: str | None
    configurations: list[str]
    shape: dict[str, Any]
    evaluation: dict[str, Any] | None
    policy_hash: str | None
    announced_hash: str | None
    transition_at: datetime | None
    evaluator_version: int
    version: int
    digest: str | None
    event_sequence: int
    audit_count: int
    audit_head: str | None
    last_as_of: datetime | None
    wake_at: datetime | None
    look_at: datetime | None
    look_tries: int
    test_clock_id: str | None
    stage: str | None
    view_digest: str | None
    run_lease_until: datetime | None
    run_epoch: int
    silent_at: datetime | None
    waiting_since: datetime | None
    remind_at: datetime | None
    reminders: int
    abandoned_at: datetime | None
    stuck_code: str | None
    stuck_since: datetime | None
    stuck_retry_at: datetime | None
    stuck_engine: int | None
    data_key: bytes | None
    digest_key: bytes | None


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person of an account."""

    id: str
    individual: bool
    created_at: datetime
    updated_at: datetime
    position: int


@dataclass(frozen=True, slots=True)
class SealedRow:
    """A sealed field group; ``version`` is part of what it is bound to."""

    version: int
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class CheckRow:
    """All columns of a check."""

    id: str
    account_id: str
    kind: str
    subject: str
    digest: str
    state: str
    verifier: str | None
    opened_at: datetime
    answer_at: datetime | None
    retry_at: datetime | None
    deadline_at: datetime | None
    ended_at: datetime | None
    lease_until: datetime | None
    lease_epoch: int
    lease_run: str | None
    held_for: str | None


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """A sandbox answer that is not known yet."""

    check_id: str
    answer_at: datetime
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One call of one verifier."""

    id: str
    check_id: str
    number: int
    verifier: str
    our_reference: str
    idempotency_key: str
    vendor_reference: bytes | None
    state: str
    error_code: str | None
    started_at: datetime
    ended_at: datetime | None
    poll_at: datetime | None
    next_action: bytes | None = None
    vendor_digest: str | None = None
    maybe_taken: bool = False


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """A check that a person answers."""

    id: str
    account_id: str
    check_id: str | None
    queue: str
    reason_code: str
    state: str
    opened_at: datetime
    sla_at: datetime | None
    look_at: datetime | None
    claimed_by: str | None
    decided_at: datetime | None
    decision: str | None
    priority: int
    assignee: str | None
    claimed_reviewer: str | None
    claimed_until: datetime | None
    escalated_at: datetime | None
    proposals: list[Any]


@dataclass(frozen=True, slots=True)
class ReviewNoteRow:
    """What somebody noted about a review."""

    id: str
    account_id: str
    review_id: str
    actor: str
    reviewer: str | None
    created_at: datetime
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class BankAccountRow:
    """A bank account without its details, which are sealed with its id as subject."""

    id: str
    created_at: datetime
    country: str
    currency: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class DestinationRow:
    """An enabled event destination for thin events, of the account's platform and mode."""

    id: str
    enabled_events: list[str]


@dataclass(frozen=True, slots=True)
class EventDestinationRow:
    """An event destination but for its secret; ``sealed`` is its address, labels and API version."""

    id: str
    platform_id: str
    livemode: bool
    enabled: bool
    enabled_events: list[str]
    event_payload: str
    events_from: list[str]
    created_at: datetime
    updated_at: datetime
    sealed: bytes | None


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event; ``(xid, sequence, id)`` is its place in the list. Without account it is the platform's own."""

    id: str
    account_id: str | None
    platform_id: str
    livemode: bool
    sequence: int
    xid: int
    type: str
    created_at: datetime
    effective_at: datetime
    related_type: str | None
    related_id: str | None
    request_id: str | None
    data: dict[str, Any]
    sealed: bytes | None


@dataclass(frozen=True, slots=True)
class KeyRow:
    """An API key that is in force, with its platform's country where that is known."""

    id: str
    platform_id: str
    livemode: bool
    kind: str = "secret"
    scopes: list[str] | None = None
    platform_country: str | None = None


@dataclass(frozen=True, slots=True)
class ListedKeyRow:
    """An API key, revoked and expired ones too."""

    id: str
    platform_id: str
    livemode: bool
    kind: str
    scopes: list[str] | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class TokenRow:
    """All columns of a token."""

    id: str
    platform_id: str
    livemode: bool
    kind: str
    account_id: str | None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    sealed: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """A published policy; ``platform_id`` None is for all platforms."""

    hash: str
    name: str
    version: str
    document: bytes
    published_at: datetime
    platform_id: str | None = None


@dataclass(frozen=True, slots=True)
class ClockRow:
    """A test clock."""

    id: str
    platform_id: str
    created_at: datetime
    now: datetime
    state: str
    target: datetime | None
    sealed: bytes | None


@dataclass(frozen=True, slots=True)
class ClockAccountRow:
    """An account on a test clock: when time alone changes it, and whether work is owed for it."""

    id: str
    wake_at: datetime | None
    look_at: datetime | None
    last_as_of: datetime | None


@dataclass(frozen=True, slots=True)
class BookRow:
    """The one row about the whole."""

    book_epoch: int
    namespace_id: str | None
    last_sweep_at: datetime | None


@dataclass(frozen=True, slots=True)
class FileRow:
    """An uploaded file."""

    id: str
    platform_id: str
    livemode: bool
    account_id: str | None
    purpose: str
    type: str
    size: int
    part_bytes: int
    digest: str
    created_at: datetime
    sealed: bytes
