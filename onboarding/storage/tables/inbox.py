"""What vendors sent us, as it came."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from onboarding.storage.tables.base import Table, instant


class InboxItem(Table, table=True):
    """One callback: headers and raw body sealed under the root key, and where it stands.

    ``event_digest`` is a keyed digest of the vendor's id of the event; the same event again only counts
    ``deliveries``. ``look_at`` is when somebody must look at a pending one,
    ``pending_since`` when it came or was read anew: it is given up days after that.
    """

    __tablename__ = "inbox"
    __table_args__ = (
        # Refused and unreadable ones have no event: Postgres counts nulls as different.
        UniqueConstraint("verifier", "event_digest"),
        Index("ix_inbox_look", "look_at", postgresql_where=text("look_at IS NOT NULL")),
        Index("ix_inbox_pending", "check_id", postgresql_where=text("state = 'pending'")),
        Index(None, "state", "received_at"),
    )

    id: str = Field(primary_key=True)
    verifier: str
    received_at: datetime = instant()
    state: str
    error_code: str | None = None
    event_digest: str | None = None
    vendor_digest: str | None = None
    our_reference: str | None = None
    occurred_at: datetime | None = instant(default=None)
    deliveries: int = 1
    account_id: str | None = None
    check_id: str | None = None
    attempt_id: str | None = None
    pending_since: datetime = instant()
    tries: int = 0
    look_at: datetime | None = instant(default=None)
    settled_at: datetime | None = instant(default=None)
    ciphertext: bytes
