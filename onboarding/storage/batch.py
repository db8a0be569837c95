"""Everything one transaction writes, sent as one statement.

::

    batch = Batch()
    batch.insert(tables.Person, id=person_id, account_id=account_id, created_at=now, updated_at=now, position=0)
    batch.update(tables.Account, {"id": account_id}, version=3, wake_at=None)
    await tx.apply(batch)

One data-modifying CTE per table and kind, each fed by one ``jsonb`` parameter, so the text depends only on which
tables are touched in which way, and Postgres plans it once per connection.

**The rule:** one row may be touched once per batch. All parts of the statement see the rows as they were before it,
so a second change of a row would be lost or would hide the first; a second touch raises :class:`BatchMisuse` here.
Within one table deletes and updates run before inserts, so a check may be closed and asked anew in one batch.

Values: ``bytes`` for ``bytea``; aware ``datetime``; for ``jsonb`` any JSON value, or its text as ``bytes``; lists of
strings for ``text[]``. A column that is not given gets its default from the table's class. A column with a server
default is the database's alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, cast

import orjson
from pydantic_core import PydanticUndefined
from sqlalchemy import DateTime, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB

from onboarding.storage.tables import Table

Key = tuple[Any, ...]


class BatchMisuse(Exception):  # noqa: N818 -- a mistake in the calling code
    """The batch breaks the rule above, or names a column wrongly. A mistake of the caller's code."""


class _Kind(StrEnum):
    DELETE = "delete"
    UPDATE = "update"
    UPSERT = "upsert"
    INSERT = "insert"


@dataclass(frozen=True, slots=True)
class Shape:
    """What the batch must know of a table.

    Attributes:
        columns: all of them.
        key: those of the primary key.
        written: all without a server default.
        defaults: of those that need not be given.
        factories: the same, where each row needs a value of its own.
        documents, binaries, instants: the columns whose values are not JSON as they are.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    written: dict[str, None]
    defaults: dict[str, Any]
    factories: dict[str, Callable[[], Any]]
    documents: tuple[str, ...]
    binaries: tuple[str, ...]
    instants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Group:
    """Rows of one table that are written in the same way; ``key`` are the columns a delete names."""

    table: str
    kind: _Kind
    key: tuple[str, ...]


@dataclass(slots=True)
class _Touched:
    rows: set[Key] = field(default_factory=set)
    prefixes: set[Key] = field(default_factory=set)


@dataclass(slots=True)
class Batch:
    """Inserts, updates, upserts and deletes that belong together. Empty batches cost nothing."""

    _rows: dict[_Group, list[dict[str, Any]]] = field(default_factory=dict)
    _touched: dict[str, _Touched] = field(default_factory=dict)

    def insert(self, table: type[Table], **row: Any) -> None:
        """Add a new row; a row with its key must not exist."""
        self._add_whole(_Kind.INSERT, table, row)

    def upsert(self, table: type[Table], **row: Any) -> None:
        """Add a row, or replace all columns of the one with its primary key."""
        self._add_whole(_Kind.UPSERT, table, row)

    def update(self, table: type[Table], key: dict[str, Any], **changes: Any) -> None:
        """Change some columns of the row with this whole primary key; it must exist when the batch is applied."""
        shape = shape_of(table)
        if set(key) != set(shape.key):
            raise BatchMisuse(f"{shape.name}: the key of a row is {', '.join(shape.key)}")
        if strange := [name for name in changes if name not in shape.columns or name in shape.key]:
            raise BatchMisuse(f"{shape.name}: not to be changed: {', '.join(strange)}")
        if not changes:
            return
        self._touch(shape, tuple(key[name] for name in shape.key))
        self._append(_Group(shape.name, _Kind.UPDATE, ()), _encoded(shape, {**key, **changes}))

    def delete(self, table: type[Table], key: dict[str, Any]) -> None:
        """Delete the row with this primary key, or all rows that begin with this part of it; none is no error."""
        shape = shape_of(table)
        names = shape.key[: len(key)]
        if not key or set(key) != set(names):
            raise BatchMisuse(f"{shape.name}: the key of a row is {', '.join(shape.key)}, or begins so")
        prefix = tuple(key[name] for name in names)
        if len(names) == len(shape.key):
            self._touch(shape, prefix)
        else:
            self._touch_prefix(shape, prefix)
        self._append(_Group(shape.name, _Kind.DELETE, names), _encoded(shape, dict(key)))

    def inserted(self, table: type[Table]) -> list[dict[str, Any]]:
        """The rows that were added to a table, in their order."""
        return list(self._rows.get(_Group(shape_of(table).name, _Kind.INSERT, ()), ()))

    def __bool__(self) -> bool:
        return bool(self._rows)

    def statement(self) -> tuple[str, list[str]]:
        """The statement's text and its parameters, one JSON array each.

        The one row it answers counts the updated rows.
        """
        groups = sorted(self._rows, key=lambda group: (group.table, list(_Kind).index(group.kind), group.key))
        return _text(tuple(groups)), [_parameter(group, self._rows[group]) for group in groups]

    @property
    def expected_updates(self) -> int:
        """How many rows the updates must find."""
        return sum(len(rows) for group, rows in self._rows.items() if group.kind is _Kind.UPDATE)

    def _add_whole(self, kind: _Kind, table: type[Table], row: dict[str, Any]) -> None:
        shape = shape_of(table)
        if not row.keys() <= shape.written.keys():
            strange = [name for name in row if name not in shape.written]
            raise BatchMisuse(f"{shape.name}: not to be given: {', '.join(strange)}")
        whole = shape.defaults | row
        for name, make in shape.factories.items():
            if name not in row:
                whole[name] = make()
        if len(whole) != len(shape.written):
            missing = sorted(name for name in shape.written if name not in whole)
            raise BatchMisuse(f"{shape.name}: missing: {', '.join(missing)}")
        self._touch(shape, tuple([whole[name] for name in shape.key]))
        self._append(_Group(shape.name, kind, ()), _encoded(shape, whole))

    def _append(self, group: _Group, row: dict[str, Any]) -> None:
        self._rows.setdefault(group, []).append(row)

    def _touch(self, shape: Shape, key: Key) -> None:
        touched = self._touched.setdefault(shape.name, _Touched())
        if key in touched.rows or (touched.prefixes and _begins(key, touched.prefixes)):
            raise BatchMisuse(f"a row of {shape.name} is touched twice")
        touched.rows.add(key)

    def _touch_prefix(self, shape: Shape, prefix: Key) -> None:
        touched = self._touched.setdefault(shape.name, _Touched())
        known = [*touched.rows, *touched.prefixes]
        if any(key[: len(prefix)] == prefix[: len(key)] for key in known):
            raise BatchMisuse(f"a row of {shape.name} is touched twice")
        touched.prefixes.add(prefix)


def _begins(key: Key, prefixes: Iterable[Key]) -> bool:
    return any(key[: len(prefix)] == prefix for prefix in prefixes)


@lru_cache
def shape_of(table: type[Table]) -> Shape:
    """What the batch must know of a table, read off its class once."""
    columns = table.metadata.tables[str(table.__tablename__)].columns
    written = [column.name for column in columns if column.server_default is None]
    fields = {name: table.model_fields[name] for name in written}

    def of_type(kind: type) -> tuple[str, ...]:
        return tuple(column.name for column in columns if isinstance(column.type, kind))

    return Shape(
        name=str(table.__tablename__),
        columns=tuple(column.name for column in columns),
        key=tuple(column.name for column in columns if column.primary_key),
        written=dict.fromkeys(written),
        defaults={name: info.default for name, info in fields.items() if info.default is not PydanticUndefined},
        factories={
            # Ours take no argument; pydantic allows one.
            name: cast("Callable[[], Any]", info.default_factory)
            for name, info in fields.items()
            if info.default_factory is not None
        },
        documents=of_type(JSONB),
        binaries=of_type(LargeBinary),
        instants=of_type(DateTime),
    )


def _encoded(shape: Shape, row: dict[str, Any]) -> dict[str, Any]:
    """``row`` itself, with what JSON lacks written as Postgres reads it."""
    for name in shape.binaries:
        if (value := row.get(name)) is not None:
            row[name] = "\\x" + value.hex()
    for name in shape.documents:
        if isinstance(value := row.get(name), bytes):
            row[name] = orjson.Fragment(value)
    for name in shape.instants:
        if (value := row.get(name)) is not None and value.tzinfo is None:
            raise BatchMisuse(f"{shape.name}.{name}: a time without a zone")
    return row


def _parameter(group: _Group, rows: list[dict[str, Any]]) -> str:
    try:
        return orjson.dumps(rows, default=_json).decode()
    except TypeError:
        # Not the driver's own words: they may quote the value.
        raise BatchMisuse(f"{group.table}: a value that is no column value") from None


def _json(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError


_SHAPES: dict[str, type[Table]] = {}


def _by_name(name: str) -> Shape:
    if not _SHAPES:
        _SHAPES.update((str(table.__tablename__), table) for table in _all_tables(Table))
    return shape_of(_SHAPES[name])


def _all_tables(base: type[Table]) -> Iterator[type[Table]]:
    for table in base.__subclasses__():
        yield table
        yield from _all_tables(table)


@lru_cache(maxsize=1024)
def _text(groups: tuple[_Group, ...]) -> str:
    """The statement for these groups; their order is that of the parameters."""
    names = {group: f"{group.kind}_{number}" for number, group in enumerate(groups, start=1)}
    parts = []
    for number, group in enumerate(groups, start=1):
        first = [names[other] for other in groups if other.table == group.table and other.kind in _BEFORE[group.kind]]
        body = _BODIES[group.kind](_by_name(group.table), group, f"${number}::jsonb")
        # Reading another part's rows makes Postgres finish that part first.
        order = " AND ".join(f"{_count(name)} >= 0" for name in first)
        parts.append(f"{names[group]} AS ({body.replace(_ORDER, f' WHERE {order}' if order else '')} RETURNING 1)")
    updates = [_count(names[group]) for group in groups if group.kind is _Kind.UPDATE]
    return "WITH " + ",\n".join(parts) + "\nSELECT " + (" + ".join(updates) or "0") + " AS updated"


def _count(part: str) -> str:
    return f"(SELECT count(*) FROM {part})"  # noqa: S608 -- our own name


_BEFORE = {
    _Kind.DELETE: (),
    _Kind.UPDATE: (),
    _Kind.UPSERT: (_Kind.DELETE, _Kind.UPDATE),
    _Kind.INSERT: (_Kind.DELETE, _Kind.UPDATE),
}
_ORDER = "/*order*/"


def _insert(shape: Shape, _group: _Group, parameter: str) -> str:
    listed = ", ".join(f'"{name}"' for name in shape.written)
    values = ", ".join(f'r."{name}"' for name in shape.written)
    return (
        f'INSERT INTO "{shape.name}" ({listed}) SELECT {values}'  # noqa: S608 -- names of our own schema
        f' FROM jsonb_populate_recordset(NULL::"{shape.name}", {parameter}) AS r{_ORDER}'
    )


def _upsert(shape: Shape, group: _Group, parameter: str) -> str:
    changed = ", ".join(f'"{name}" = excluded."{name}"' for name in shape.written if name not in shape.key)
    key = ", ".join(f'"{name}"' for name in shape.key)
    return f"{_insert(shape, group, parameter)} ON CONFLICT ({key}) DO UPDATE SET {changed}"


def _update(shape: Shape, _group: _Group, parameter: str) -> str:
    changed = ", ".join(
        f'"{name}" = CASE WHEN e.j ? \'{name}\' THEN r."{name}" ELSE t."{name}" END'
        for name in shape.columns
        if name not in shape.key
    )
    return (
        f'UPDATE "{shape.name}" AS t SET {changed} FROM jsonb_array_elements({parameter}) AS e(j)'  # noqa: S608
        f' CROSS JOIN LATERAL jsonb_populate_record(NULL::"{shape.name}", e.j) AS r WHERE {_same(shape.key)}'
    )


def _delete(shape: Shape, group: _Group, parameter: str) -> str:
    return (
        f'DELETE FROM "{shape.name}" AS t'  # noqa: S608 -- names of our own schema
        f' USING jsonb_populate_recordset(NULL::"{shape.name}", {parameter}) AS r WHERE {_same(group.key)}'
    )


def _same(key: tuple[str, ...]) -> str:
    return " AND ".join(f't."{name}" = r."{name}"' for name in key)


_BODIES = {_Kind.INSERT: _insert, _Kind.UPSERT: _upsert, _Kind.UPDATE: _update, _Kind.DELETE: _delete}
