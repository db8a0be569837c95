"""Tables of uploaded files; their content is kept elsewhere, sealed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from onboarding.storage.tables.base import Table, instant


class File(Table, table=True):
    """An uploaded file of a platform, or of one of its accounts.

    ``sealed`` holds its name and the key of its parts; ``digest`` is a keyed digest of its content; ``part_bytes`` is
    how much of it each part holds.
    """

    __tablename__ = "files"
    __table_args__ = (Index("ix_files_owner", "platform_id", "livemode", "account_id", "created_at", "id"),)

    id: str = Field(primary_key=True)
    platform_id: str = Field(foreign_key="platforms.id")
    livemode: bool
    account_id: str | None = Field(default=None, foreign_key="accounts.id")
    purpose: str
    type: str
    size: int
    part_bytes: int
    digest: str
    created_at: datetime = instant()
    sealed: bytes


class FileUpload(Table, table=True):
    """An upload under way, written before its first part: what a crash leaves is found by it."""

    __tablename__ = "file_uploads"
    __table_args__ = (Index(None, "created_at"),)

    id: str = Field(primary_key=True)
    created_at: datetime = instant()
