"""Tables of the screening lists: which version the book was last screened against, and what came of each new one.

Entries are public, yet only their digests are kept: the lists themselves lie on disk.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field

from onboarding.storage.tables.base import Table, instant


class ScreeningList(Table, table=True):
    """The version of a list that the book is screened against. ``digest`` is that of its files."""

    __tablename__ = "screening_lists"

    name: str = Field(primary_key=True)
    version: str
    digest: str
    published: str | None = None
    noted_at: datetime = instant()


class ScreeningListEntry(Table, table=True):
    """An entry of that version: the publisher's id, and the digest of all that stands in it."""

    __tablename__ = "screening_list_entries"

    list_name: str = Field(primary_key=True)
    entry_id: str = Field(primary_key=True)
    digest: str


class ListDelta(Table, table=True):
    """Entries that came or changed, and the accounts that are looked at for them.

    ``version`` names all lists as verifiers write it to their answers. ``cursor`` is the last account that this pass
    has reached, ``pass_began_at`` when it began, and ``since`` when the one before it did: a later pass looks at what
    people decided from then on. ``looked`` counts accounts that were looked at. ``look_at`` is when somebody must take
    it further.
    """

    __tablename__ = "list_deltas"
    __table_args__ = (Index("ix_list_deltas_look", "look_at", postgresql_where=text("look_at IS NOT NULL")),)

    id: str = Field(primary_key=True)
    version: str
    state: str
    created_at: datetime = instant()
    starts_at: datetime = instant()
    pass_began_at: datetime | None = instant(default=None)
    since: datetime | None = instant(default=None)
    cursor: str = ""
    looked: int = 0
    ended_at: datetime | None = instant(default=None)
    look_at: datetime | None = instant(default=None)


class ListDeltaEntry(Table, table=True):
    """An entry of a delta, as it was when the delta was made."""

    __tablename__ = "list_delta_entries"

    delta_id: str = Field(primary_key=True, foreign_key="list_deltas.id")
    list_name: str = Field(primary_key=True)
    entry_id: str = Field(primary_key=True)
    digest: str


class ListDeltaFailure(Table, table=True):
    """An account that the engine could not decide about when it was to be asked again; looked at again until it can."""

    __tablename__ = "list_delta_failures"

    delta_id: str = Field(primary_key=True, foreign_key="list_deltas.id")
    account_id: str = Field(primary_key=True, foreign_key="accounts.id")
    error_code: str
