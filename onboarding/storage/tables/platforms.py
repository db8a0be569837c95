"""Tables of platforms and of what belongs to no single account."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from onboarding.storage.tables.base import Table, codes, document, instant


class Platform(Table, table=True):
    """Whoever has accounts. Its name is sealed; ``country`` is where it is, null if nobody said."""

    __tablename__ = "platforms"

    id: str = Field(primary_key=True)
    created_at: datetime = instant()
    country: str | None = None
    sealed: bytes | None = None


class ApiKey(Table, table=True):
    """A key of a platform, by its digest; the key itself is stored nowhere. ``kind`` says what it may do.

    ``scopes`` are codes of ``onboarding.scopes``, null but for a restricted key.
    """

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("digest"), Index(None, "platform_id"))

    id: str = Field(primary_key=True)
    platform_id: str = Field(foreign_key="platforms.id")
    livemode: bool
    digest: str
    kind: str = Field(default="secret", sa_column_kwargs={"server_default": "secret"})
    scopes: list[str] | None = codes(default=None, nullable=True)
    created_at: datetime = instant()
    expires_at: datetime | None = instant(default=None)
    revoked_at: datetime | None = instant(default=None)


class Policy(Table, table=True):
    """A published version of the requirement catalogue, immutable; ``hash`` is that of ``document``.

    ``platform_id`` is the platform whose own it is, null if it is for all.
    """

    __tablename__ = "policies"
    __table_args__ = (
        UniqueConstraint(
            "name", "version", "platform_id", name="uq_policies_name_version", postgresql_nulls_not_distinct=True
        ),
    )

    hash: str = Field(primary_key=True)
    platform_id: str | None = Field(default=None, foreign_key="platforms.id")
    name: str
    version: str
    document: bytes
    published_at: datetime = instant()


class IdempotencyKey(Table, table=True):
    """A request that took effect. Key and fingerprint are keyed digests; ``sealed`` holds a one-time secret."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index(None, "expires_at"),)

    platform_id: str = Field(primary_key=True)
    livemode: bool = Field(primary_key=True)
    context: str = Field(primary_key=True)
    operation: str = Field(primary_key=True)
    key_digest: str = Field(primary_key=True)
    fingerprint: str
    account_id: str | None = None
    object_id: str | None = None
    created_at: datetime = instant()
    expires_at: datetime = instant()
    sealed: bytes | None = None


class EventDestination(Table, table=True):
    """Where a platform wants its events. ``sealed`` holds address, labels and API version, ``secret`` what signs."""

    __tablename__ = "event_destinations"
    __table_args__ = (Index(None, "platform_id", "livemode"),)

    id: str = Field(primary_key=True)
    platform_id: str = Field(foreign_key="platforms.id")
    livemode: bool
    enabled: bool
    enabled_events: list[Any] = document()
    event_payload: str = "thin"
    events_from: list[str] = codes(default_factory=list)
    created_at: datetime = instant()
    updated_at: datetime = instant()
    sealed: bytes | None = None
    secret: bytes | None = None


class PendingDelivery(Table, table=True):
    """An event that one destination has not confirmed yet; the row goes when it has.

    ``account_id`` is null where the event is about no account. A row may outlive its destination for a moment.
    """

    __tablename__ = "pending_deliveries"
    __table_args__ = (Index(None, "destination_id", "look_at"), Index(None, "destination_id", "account_id", "sequence"))

    event_id: str = Field(primary_key=True)
    destination_id: str = Field(primary_key=True)
    account_id: str | None = None
    sequence: int
    tries: int = 0
    look_at: datetime = instant()


class TestClock(Table, table=True):
    """A clock that a platform moves for its sandbox accounts. Its name is sealed."""

    __tablename__ = "test_clocks"
    __table_args__ = (Index(None, "platform_id", "created_at", "id"),)
    __test__ = False  # nothing for pytest to collect

    id: str = Field(primary_key=True)
    platform_id: str = Field(foreign_key="platforms.id")
    created_at: datetime = instant()
    now: datetime = instant()
    state: str = "ready"
    target: datetime | None = instant(default=None)
    sealed: bytes | None = None


class Book(Table, table=True):
    """One row about the whole: which Temporal storage this database works with, and when it was last swept."""

    __tablename__ = "book"

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    book_epoch: int = 1
    namespace_id: str | None = None
    last_sweep_at: datetime | None = instant(default=None)
