"""The table of tokens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field

from onboarding.storage.tables.base import Table, instant


class Token(Table, table=True):
    """What somebody supplied for one later request of a platform, for at most ten minutes.

    ``account_id`` is the account that a person's token is for. ``sealed`` holds the values, and is null as soon as the
    token was used or has expired: what became of them is sealed with an account's own key, and goes with that.
    """

    __tablename__ = "tokens"
    __table_args__ = (
        Index(None, "expires_at"),
        Index("ix_tokens_sealed", "expires_at", postgresql_where=text("sealed IS NOT NULL")),
    )

    id: str = Field(primary_key=True)
    platform_id: str = Field(foreign_key="platforms.id")
    livemode: bool
    kind: str
    account_id: str | None = Field(default=None, foreign_key="accounts.id")
    created_at: datetime = instant()
    expires_at: datetime = instant()
    used_at: datetime | None = instant(default=None)
    sealed: bytes | None = None
