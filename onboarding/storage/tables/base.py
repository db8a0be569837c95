"""What all tables share: one metadata with named constraints, and the column types of this schema.

Plain columns hold ids, enums, countries, times, numbers and digests only. Whatever a caller supplied is sealed
(``bytes``). Every instant is ``timestamptz``.

A column with a *server default* is filled by the database alone: :class:`onboarding.storage.batch.Batch` refuses a
value for it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ARRAY, DateTime, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Xid8(UserDefinedType[int]):
    """Postgres' 64-bit transaction id, which never wraps around."""

    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        """The type's name in SQL."""
        return "xid8"


# So that a reflected column has this type and `alembic check` compares it.
ischema_names["xid8"] = Xid8


class Table(SQLModel):
    """Base of all tables."""

    metadata = MetaData(naming_convention=NAMING)


def instant(**options: Any) -> Any:
    """A ``timestamptz`` column; options as for ``sqlmodel.Field``."""
    return Field(sa_type=DateTime(timezone=True), **options)


def document(**options: Any) -> Any:
    """A ``jsonb`` column; options as for ``sqlmodel.Field``."""
    return Field(sa_type=JSONB, **options)


def codes(**options: Any) -> Any:
    """A ``text[]`` column of codes; options as for ``sqlmodel.Field``."""
    return Field(sa_type=ARRAY(Text), **options)


def xid8(**options: Any) -> Any:
    """An ``xid8`` column; options as for ``sqlmodel.Field``."""
    return Field(sa_type=Xid8, **options)
