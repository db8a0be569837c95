"""Reading whole accounts for an inspection: page by page, and each account's rows in one snapshot.

A page is one statement, so that no change of a living system comes between two rows of an account. Nothing is locked
and nothing is written.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import starmap
from operator import attrgetter
from typing import Any, TypeVar

from onboarding.domain.activations import Activation
from onboarding.storage.accounts import columns, decode_activation
from onboarding.storage.database import Database, Row
from onboarding.storage.rows import AccountRow, AttemptRow, CheckRow, ReviewRow

ACCOUNTS_PER_PAGE = 50
INBOX_PER_PAGE = 1000

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One link of an account's chain."""

    position: int
    at: datetime
    actor: str
    action: str
    digest: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class EventOwner:
    """An event's place, and whose it is."""

    id: str
    platform_id: str
    livemode: bool
    sequence: int


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version without its documents."""

    version: int
    effective_at: datetime
    recorded_at: datetime
    evaluator_version: int
    digest: str


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """A recorded answer without its reasons."""

    id: str
    check_id: str
    kind: str
    subject: str
    digest: str
    outcome: str
    verifier: str
    occurred_at: datetime
    recorded_at: datetime
    attempt: int
    contested: bool


@dataclass(frozen=True, slots=True)
class AnswerTime:
    """A delayed answer, and when it becomes known."""

    check_id: str
    answer_at: datetime


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed value with what it is bound to, but for the account."""

    subject: str
    group: str
    version: int
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class InboxRow:
    """What a vendor sent, without its body."""

    id: str
    account_id: str | None
    state: str
    look_at: datetime | None
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class WholeAccount:
    """All rows of one account at one instant.

    Attributes:
        row: the account's own.
        versions, events, audit: in their order.
        checks, attempts, reviews: in every state, not only the open ones.
        answers, evidence: all.
        marks: kind, key, instant and value of each; ``orders`` the ids of those that were not undone;
            ``acknowledgements`` capability and whether it is on.
        activations: what a downstream system was told, or must be.
        differs: columns in which the account's row is not what its last version says.
        values: the sealed field groups of account, persons and bank accounts; empty unless asked for.
        sealed: id and bytes of the other sealed columns, by column; empty unless asked for.
        clock_now, clock_state: of its test clock, if it is on one.
        book_epoch: claims of an older epoch are void.
        database_now: the database's clock when the snapshot was taken.
    """

    row: AccountRow
    versions: tuple[VersionRow, ...]
    events: tuple[EventOwner, ...]
    audit: tuple[AuditRow, ...]
    checks: tuple[CheckRow, ...]
    attempts: tuple[AttemptRow, ...]
    reviews: tuple[ReviewRow, ...]
    evidence: tuple[EvidenceRow, ...]
    answers: tuple[AnswerTime, ...]
    marks: tuple[tuple[str, str, datetime, str], ...]
    orders: tuple[str, ...]
    acknowledgements: tuple[tuple[str, bool], ...]
    activations: tuple[Activation, ...]
    differs: tuple[str, ...]
    values: tuple[Sealed, ...]
    sealed: dict[str, tuple[tuple[str, bytes], ...]]
    clock_now: datetime | None
    clock_state: str | None
    book_epoch: int
    database_now: datetime


async def whole_accounts(
    database: Database, account_id: str | None = None, *, with_sealed: bool = False
) -> AsyncIterator[list[WholeAccount]]:
    """All accounts in the order of their ids, or one of them, in pages. No connection is kept between two pages."""
    if account_id is not None:
        async with database.reading() as r:
            rows = await r.fetch(_statement("a.id = $1", with_sealed=with_sealed), account_id)
        yield [_decoded(row) for row in rows]
        return
    after, sql = "", _statement("a.id > $1", with_sealed=with_sealed) + " ORDER BY a.id LIMIT $2"
    while True:
        async with database.reading() as r:
            rows = await r.fetch(sql, after, ACCOUNTS_PER_PAGE)
        if not rows:
            return
        page = [_decoded(row) for row in rows]
        del rows
        yield page
        after = page[-1].row.id


async def inbox_items(database: Database, account_id: str | None = None) -> AsyncIterator[list[InboxRow]]:
    """All inbox items in the order of their ids, or those of one account, in pages."""
    after, whose = "", "" if account_id is None else " AND t.account_id = $3"
    sql = (
        f"SELECT {columns(InboxRow)} FROM inbox t WHERE t.id > $1{whose}"  # noqa: S608 -- our own names
        " ORDER BY t.id LIMIT $2"
    )
    whom = () if account_id is None else (account_id,)
    while True:
        async with database.reading() as r:
            rows = await r.fetch(sql, after, INBOX_PER_PAGE, *whom)
        if not rows:
            return
        yield list(starmap(InboxRow, rows))
        after = rows[-1][0]


async def count_accounts(database: Database) -> int:
    """About how many accounts there are, for whoever waits: the planner's estimate."""
    async with database.reading() as r:
        row = await r.fetch_one("SELECT reltuples::bigint FROM pg_class WHERE oid = 'accounts'::regclass")
    return 0 if row is None else max(0, row[0])


def _rows(row_type: type, table: str) -> str:
    """A subselect: all of an account's rows of one table; put in order here, not by Postgres."""
    return (
        f"ARRAY(SELECT ROW({columns(row_type)}) FROM {table} t"  # noqa: S608 -- names of our own schema
        " WHERE t.account_id = a.id)"
    )


def _bytes(table: str, column: str, key: str = "id") -> str:
    """A subselect: key and bytes of a sealed column of an account's rows."""
    return (
        f"ARRAY(SELECT ROW(t.{key}, t.{column}) FROM {table} t"  # noqa: S608 -- names of our own schema
        f" WHERE t.account_id = a.id AND t.{column} IS NOT NULL)"
    )


_COMPARED = ("shape", "evaluation", "policy_hash")
_SEALED_COLUMNS = (
    ("events.sealed", _bytes("events", "sealed")),
    ("answers.ciphertext", _bytes("answers", "ciphertext", "check_id")),
    ("evidence.detail", _bytes("evidence", "detail")),
    ("activity_reports.sealed", _bytes("activity_reports", "sealed")),
    ("account_links.sealed", _bytes("account_links", "sealed")),
    ("review_notes.sealed", _bytes("review_notes", "sealed")),
)
_PARTS = (
    _rows(VersionRow, "versions"),
    _rows(EventOwner, "events"),
    _rows(AuditRow, "audit_log"),
    _rows(CheckRow, "checks"),
    _rows(AttemptRow, "attempts"),
    _rows(ReviewRow, "reviews"),
    _rows(EvidenceRow, "evidence"),
    _rows(AnswerTime, "answers"),
    "ARRAY(SELECT ROW(t.kind, t.key, t.at, t.value) FROM marks t WHERE t.account_id = a.id)",
    "ARRAY(SELECT t.id FROM orders t WHERE t.account_id = a.id AND t.undone_at IS NULL)",
    "ARRAY(SELECT ROW(t.capability, t.on) FROM acknowledgements t WHERE t.account_id = a.id)",
    _rows(Activation, "activations"),
    "(SELECT ROW({}) FROM versions v WHERE v.account_id = a.id AND v.version = a.version)".format(  # noqa: S608
        ", ".join(f"v.{name} IS DISTINCT FROM a.{name}" for name in _COMPARED)
    ),
)
_TAIL = (
    "c.now",
    "c.state",
    "coalesce((SELECT book_epoch FROM book WHERE id = 1), 1)",
    "statement_timestamp()",
)
_VALUES = (
    "ARRAY(SELECT ROW(t.subject, t.field_group, t.version, t.ciphertext)"
    " FROM sealed_values t WHERE t.account_id = a.id)"
)
_WIDTH = len(columns(AccountRow).split(", "))


def _statement(condition: str, *, with_sealed: bool) -> str:
    sealed = (_VALUES, *(sql for _, sql in _SEALED_COLUMNS)) if with_sealed else ()
    listed = ", ".join((columns(AccountRow, "a"), *_PARTS, *_TAIL, *sealed))
    return (
        f"SELECT {listed} FROM accounts a"  # noqa: S608 -- names of our own schema
        f" LEFT JOIN test_clocks c ON c.id = a.test_clock_id WHERE {condition}"
    )


def _decoded(loaded: Row) -> WholeAccount:
    values: tuple[Any, ...] = tuple(loaded)
    parts, tail = values[_WIDTH : _WIDTH + len(_PARTS)], values[_WIDTH + len(_PARTS) :]
    versions, events, audit, checks, attempts, reviews, evidence, answers, marks, orders, *rest = parts
    acknowledged, activations, differs = rest
    clock_now, clock_state, book_epoch, database_now, *sealed = tail
    return WholeAccount(
        row=AccountRow(*values[:_WIDTH]),
        versions=_sorted(starmap(VersionRow, versions), "version"),
        events=_sorted(starmap(EventOwner, events), "sequence", "id"),
        audit=_sorted(starmap(AuditRow, audit), "position"),
        checks=_sorted(starmap(CheckRow, checks), "id"),
        attempts=_sorted(starmap(AttemptRow, attempts), "check_id", "number", "id"),
        reviews=_sorted(starmap(ReviewRow, reviews), "id"),
        evidence=_sorted(starmap(EvidenceRow, evidence), "id"),
        answers=_sorted(starmap(AnswerTime, answers), "check_id"),
        marks=tuple(map(tuple, marks)),
        orders=tuple(orders),
        acknowledgements=tuple(map(tuple, acknowledged)),
        activations=_sorted(map(decode_activation, activations), "capability"),
        differs=tuple(name for name, is_other in zip(_COMPARED, differs or (), strict=False) if is_other),
        values=tuple(starmap(Sealed, sealed[0])) if sealed else (),
        sealed={name: tuple(map(tuple, rows)) for (name, _), rows in zip(_SEALED_COLUMNS, sealed[1:], strict=False)},
        clock_now=clock_now,
        clock_state=clock_state,
        book_epoch=book_epoch,
        database_now=database_now,
    )


def _sorted(rows: Iterable[_Row], *names: str) -> tuple[_Row, ...]:
    return tuple(sorted(rows, key=attrgetter(*names)))
