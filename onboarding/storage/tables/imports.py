"""Tables of imports: a platform's book of accounts on its way in, line by line."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field

from onboarding.storage.tables.base import Table, document, instant


class Import(Table, table=True):
    """One book of accounts.

    ``is_dry_run`` says what its lines are played for. ``next_at`` is from when the next line may be played, which keeps
    the pace whoever plays it. ``empty_at`` is when what its lines still say is destroyed, if nobody carries it on
    until then, null once that is done. ``look_at`` is when somebody must take it further.
    """

    __tablename__ = "imports"
    __table_args__ = (
        Index(None, "platform_id", "id"),
        Index("ix_imports_empty", "empty_at", postgresql_where=text("empty_at IS NOT NULL")),
        Index("ix_imports_look", "look_at", postgresql_where=text("look_at IS NOT NULL")),
    )

    id: str = Field(primary_key=True)
    platform_id: str = Field(foreign_key="platforms.id")
    livemode: bool
    state: str
    is_dry_run: bool
    accounts_per_second: float
    created_at: datetime = instant()
    empty_at: datetime | None = instant(default=None)
    actor: str
    next_at: datetime | None = instant(default=None)
    look_at: datetime | None = instant(default=None)


class ImportLine(Table, table=True):
    """One line of a book, which is one account with all that belongs to it.

    ``sealed`` is what it says, until that is an account or nobody carries the import on; a line whose form is wrong
    keeps nothing. ``digest`` is that of what it says, keyed. ``error`` is which part is wrong, and how: sealed, since a
    parameter's name may be the caller's own word. ``account_id`` is the account that was made of it or, where it was
    refused as imported before, the one that was made then. ``entries`` and ``capabilities`` are what the account is
    asked for, and how its capabilities stand, when it is made or would be.
    """

    __tablename__ = "import_lines"
    __table_args__ = (
        Index(None, "import_id", "status", "number"),
        Index("ix_import_lines_digest", "import_id", "digest", "number"),
        Index(
            "uq_import_lines_imported",
            "platform_id",
            "livemode",
            "digest",
            unique=True,
            postgresql_where=text("status = 'imported'"),
        ),
    )

    import_id: str = Field(primary_key=True, foreign_key="imports.id")
    number: int = Field(primary_key=True)
    platform_id: str
    livemode: bool
    digest: str
    status: str
    sealed: bytes | None = None
    code: str | None = None
    error: bytes | None = None
    account_id: str | None = Field(default=None, foreign_key="accounts.id")
    entries: int | None = None
    capabilities: dict[str, Any] | None = document(default=None)
