"""Imports and their lines. All times are the database's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson

from onboarding.storage.accounts import columns
from onboarding.storage.database import Reading, Transaction
from onboarding.storage.listing import Page

LOOK_AGAIN = timedelta(minutes=5)
"""An import whose run says nothing for so long is given to another."""

KEPT = timedelta(days=30)
"""How long what lines say is kept where nobody carries the import on."""

EXPIRED = "import_line_expired"
"""Code of a line whose import nobody carried on: what it said is gone."""


RESET_AT_ONCE = 10_000


class ImportState(StrEnum):
    """Where an import stands."""

    RECEIVING = "receiving"
    CHECKING = "checking"
    CHECKED = "checked"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"


UNDER_WAY = (ImportState.CHECKING, ImportState.RUNNING)


class LineStatus(StrEnum):
    """What became of a line: nothing yet, a dry run found nothing wrong, it was refused, or it is an account."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class ImportRow:
    """All columns of an import."""

    id: str
    platform_id: str
    livemode: bool
    state: str
    is_dry_run: bool
    accounts_per_second: float
    created_at: datetime
    empty_at: datetime | None
    actor: str
    next_at: datetime | None
    look_at: datetime | None


@dataclass(frozen=True, slots=True)
class LineRow:
    """All columns of a line but whose it is."""

    import_id: str
    number: int
    digest: str
    status: str
    sealed: bytes | None = field(default=None, repr=False)
    code: str | None = None
    error: bytes | None = field(default=None, repr=False)
    account_id: str | None = None
    entries: int | None = None
    capabilities: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """A line that is to be played, locked.

    Attributes:
        state, is_dry_run: of its import.
        imported_as: the account that the same words were imported as before, None if they never were.
        same_as: the number of an earlier line of the import that says the same.
    """

    line: LineRow
    state: str
    is_dry_run: bool
    imported_as: str | None
    same_as: int | None


_COLUMNS = columns(ImportRow)
_LINE_COLUMNS = columns(LineRow)
_FIND = f"SELECT {_COLUMNS} FROM imports t WHERE t.id = $1"  # noqa: S608 -- our own names


async def create(tx: Transaction, row: ImportRow) -> None:
    """Store a new import."""
    await tx.fetch(
        "INSERT INTO imports (id, platform_id, livemode, state, is_dry_run, accounts_per_second, created_at,"
        " empty_at, actor) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        row.id,
        row.platform_id,
        row.livemode,
        row.state,
        row.is_dry_run,
        row.accounts_per_second,
        row.created_at,
        row.empty_at,
        row.actor,
    )


async def find(r: Reading, import_id: str) -> ImportRow | None:
    """An import, or None."""
    row = await r.fetch_one(_FIND, import_id)
    return None if row is None else ImportRow(*row)


async def lock(tx: Transaction, import_id: str) -> ImportRow | None:
    """An import, locked until the transaction ends, or None."""
    row = await tx.fetch_one(f"{_FIND} FOR UPDATE", import_id)
    return None if row is None else ImportRow(*row)


async def list_page(r: Reading, platform_id: str, page: Page, *, livemode: bool) -> list[ImportRow]:
    """Imports of a platform in one mode, newest first."""
    backwards = page.before is not None
    direction, beyond = ("ASC", ">") if backwards else ("DESC", "<")
    rows = await r.fetch(
        f"SELECT {_COLUMNS} FROM imports t WHERE t.platform_id = $1 AND t.livemode = $2"  # noqa: S608 -- our own names
        f" AND ($3::text IS NULL OR t.id {beyond} $3) ORDER BY t.id {direction} LIMIT $4",
        platform_id,
        livemode,
        page.before if backwards else page.after,
        page.limit,
    )
    found = [ImportRow(*row) for row in rows]
    return found[::-1] if backwards else found


async def put(tx: Transaction, row: ImportRow) -> None:
    """Write what changes in the life of an import; whoever does so has locked it. What it holds is kept on from now."""
    await tx.fetch(
        "UPDATE imports SET state = $2, is_dry_run = $3, next_at = $4, look_at = $5,"
        " empty_at = clock_timestamp() + $6::interval WHERE id = $1",
        row.id,
        row.state,
        row.is_dry_run,
        row.next_at,
        row.look_at,
        KEPT,
    )


async def look_later(r: Reading, import_id: str, at: datetime) -> None:
    """Note when an import that waits must be taken further; nothing else of it changes."""
    await r.fetch(
        "UPDATE imports SET look_at = $2 WHERE id = $1 AND look_at IS DISTINCT FROM $2 AND state = ANY($3::text[])",
        import_id,
        at,
        list(UNDER_WAY),
    )


async def due(r: Reading, *, limit: int) -> list[str]:
    """Imports that somebody must take further; each is offered again later if nobody does."""
    rows = await r.fetch(
        "UPDATE imports SET look_at = statement_timestamp() + $2::interval WHERE id IN (SELECT id FROM imports"
        " WHERE look_at <= statement_timestamp() ORDER BY look_at LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING id",
        limit,
        LOOK_AGAIN,
    )
    return [row[0] for row in rows]


async def count(r: Reading, import_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """How many lines of these imports stand how; read off one index."""
    found = {import_id: {status.value: 0 for status in LineStatus} for import_id in import_ids}
    rows = await r.fetch(
        "SELECT import_id, status, count(*) FROM import_lines WHERE import_id = ANY($1::text[])"
        " GROUP BY import_id, status",
        list(import_ids),
    )
    for import_id, status, counted in rows:
        found[import_id][status] = counted
    return found


# --- lines ------------------------------------------------------------------------------------------------------------


async def put_lines(tx: Transaction, owner: ImportRow, lines: Sequence[LineRow]) -> tuple[set[int], set[int]]:
    """Store lines, each under its number; whoever does so has locked the import.

    Returns:
        Numbers of lines that were new or said something else, and numbers of those that were imported already and said
        something else, which stay. Of any other line nothing has changed: it says the same as before.
    """
    rows = await tx.fetch(
        _PUT_LINES,
        owner.id,
        owner.platform_id,
        owner.livemode,
        [line.number for line in lines],
        [line.digest for line in lines],
        [line.status for line in lines],
        [line.sealed for line in lines],
        [line.code for line in lines],
        [line.error for line in lines],
    )
    changed = {row[0] for row in rows}
    rest = {line.number: line.digest for line in lines if line.number not in changed}
    rows = await tx.fetch(
        "SELECT number, digest FROM import_lines WHERE import_id = $1 AND number = ANY($2::int[]) AND status = $3",
        owner.id,
        list(rest),
        LineStatus.IMPORTED,
    )
    return changed, {row[0] for row in rows if rest[row[0]] != row[1]}


async def reset_lines(tx: Transaction, import_id: str) -> None:
    """Have every line played again that is no account yet; what was wrong in its form stays so.

    Some at a time: all lines of a large book in one statement would take longer than one may.
    """
    while len(await tx.fetch(_RESET, import_id, RESET_AT_ONCE)) == RESET_AT_ONCE:
        pass


async def pending(r: Reading, import_id: str, *, limit: int) -> list[tuple[int, str]]:
    """Numbers and digests of the next lines that are to be played."""
    rows = await r.fetch(
        "SELECT number, digest FROM import_lines WHERE import_id = $1 AND status = 'pending' ORDER BY number LIMIT $2",
        import_id,
        limit,
    )
    return [tuple(row) for row in rows]


async def draw(tx: Transaction, import_id: str, number: int) -> DrawnLine | None:
    """A line to play, locked until the transaction ends: of two that play it at once the second sees what became of it.

    Raises:
        Refusal: ``account_rate_limit_exceeded``: somebody else has had it for too long.
    """
    row = await tx.fetch_one(
        f"SELECT {_LINE_COLUMNS} FROM import_lines t WHERE t.import_id = $1 AND t.number = $2 FOR UPDATE",  # noqa: S608
        import_id,
        number,
    )
    if row is None:
        return None
    line = LineRow(*row)
    # Another statement: what this one waited for, if it waited, only a new snapshot shows.
    about = await tx.fetch_one(_ABOUT, import_id, number, line.digest)
    return None if about is None else DrawnLine(line, *about)


async def conclude(r: Reading, line: LineRow, *, is_dry_run: bool) -> None:
    """Note what became of a line that is no account: unless somebody mended, imported or restarted it meanwhile."""
    await r.fetch(
        "UPDATE import_lines t SET status = $3, code = $4, error = $5, account_id = $6, entries = $7,"
        " capabilities = $8::text::jsonb FROM imports i WHERE t.import_id = $1 AND t.number = $2"
        " AND t.status = 'pending' AND t.digest = $9"
        " AND i.id = t.import_id AND i.is_dry_run = $10 AND i.state = ANY($11::text[])",
        line.import_id,
        line.number,
        line.status,
        line.code,
        line.error,
        line.account_id,
        line.entries,
        _json(line.capabilities),
        line.digest,
        is_dry_run,
        list(UNDER_WAY),
    )


async def list_lines(
    r: Reading, import_id: str, *, status: str | None, limit: int, after: int | None = None, before: int | None = None
) -> list[LineRow]:
    """Lines of an import in the order of their numbers, of one status or of any."""
    direction, beyond = ("DESC", "<") if before is not None else ("ASC", ">")
    rows = await r.fetch(
        f"SELECT {_LINE_COLUMNS} FROM import_lines t WHERE t.import_id = $1"  # noqa: S608 -- our own names
        " AND ($2::text IS NULL OR t.status = $2)"
        f" AND ($3::int IS NULL OR t.number {beyond} $3) ORDER BY t.number {direction} LIMIT $4",
        import_id,
        status,
        after if before is None else before,
        limit,
    )
    found = [LineRow(*row) for row in rows]
    return found[::-1] if before is not None else found


async def purge(tx: Transaction, *, limit: int = 1000) -> None:
    """Empty some lines of an import that nobody has carried on for so long. Of what was wrong only the code stays."""
    row = await tx.fetch_one(
        "SELECT id FROM imports WHERE empty_at <= clock_timestamp() ORDER BY empty_at LIMIT 1 FOR UPDATE SKIP LOCKED"
    )
    if row is None:
        return
    emptied = await tx.fetch(_EMPTY, row[0], limit, EXPIRED)
    if len(emptied) < limit:
        await tx.fetch("UPDATE imports SET empty_at = NULL WHERE id = $1", row[0])


def _json(document: object) -> str | None:
    return None if document is None else orjson.dumps(document).decode()


_PUT_LINES = """
INSERT INTO import_lines AS t (import_id, platform_id, livemode, number, digest, status, sealed, code, error)
SELECT $1, $2, $3, r.* FROM unnest($4::int[], $5::text[], $6::text[], $7::bytea[], $8::text[], $9::bytea[]) r
ON CONFLICT (import_id, number) DO UPDATE SET digest = excluded.digest, status = excluded.status,
  sealed = excluded.sealed, code = excluded.code, error = excluded.error, account_id = NULL, entries = NULL,
  capabilities = NULL
WHERE t.status <> 'imported' AND (t.digest <> excluded.digest OR t.sealed IS NULL AND excluded.sealed IS NOT NULL)
RETURNING number
"""
_RESET = """
UPDATE import_lines SET status = 'pending', code = NULL, error = NULL, account_id = NULL, entries = NULL,
  capabilities = NULL
WHERE import_id = $1 AND number IN (
  SELECT number FROM import_lines WHERE import_id = $1 AND status = ANY('{accepted,refused}') AND sealed IS NOT NULL
  LIMIT $2)
RETURNING number
"""
_ABOUT = """
SELECT i.state, i.is_dry_run,
  (SELECT o.account_id FROM import_lines o WHERE o.platform_id = i.platform_id AND o.livemode = i.livemode
    AND o.digest = $3 AND o.status = 'imported'),
  (SELECT o.number FROM import_lines o WHERE o.import_id = $1 AND o.digest = $3 AND o.number < $2
    ORDER BY o.number LIMIT 1)
FROM imports i WHERE i.id = $1
"""
_EMPTY = """
UPDATE import_lines SET sealed = NULL, error = NULL,
  status = 'refused', code = CASE WHEN status = 'refused' THEN code ELSE $3 END
WHERE import_id = $1 AND number IN (
  SELECT number FROM import_lines WHERE import_id = $1 AND status = ANY('{pending,accepted,refused}')
    AND (sealed IS NOT NULL OR error IS NOT NULL) LIMIT $2)
RETURNING number
"""
