"""Lists that the book is screened against, and the deltas between their versions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from onboarding.storage.accounts import columns
from onboarding.storage.database import Reading, Transaction
from onboarding.storage.tables import OPEN_CHECK

LOOK_AGAIN = timedelta(minutes=5)
"""A delta whose run says nothing for so long is given to another."""

_NOTING = 7_239_150_441_886
"""Any number, but the same everywhere: workers note what they have loaded one after the other."""

Listed = tuple[str, str, str]
"""An entry as it stood at one time: its list's name, its id there, and its digest."""


class DeltaState(StrEnum):
    """Where a delta stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class KnownList:
    """All columns of a list."""

    name: str
    version: str
    digest: str
    published: str | None
    noted_at: datetime


@dataclass(frozen=True, slots=True)
class DeltaRow:
    """All columns of a delta."""

    id: str
    version: str
    state: str
    created_at: datetime
    starts_at: datetime
    pass_began_at: datetime | None
    since: datetime | None
    cursor: str
    looked: int
    ended_at: datetime | None
    look_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeltaCounts:
    """A delta in numbers: its entries, accounts that are asked again because of it, and those that could not be."""

    row: DeltaRow
    entries: int
    affected: int
    failed: int


@dataclass(frozen=True, slots=True)
class Screened:
    """By whom passes of one kind are given: the lists themselves, or a person who looked at what they had found."""

    kind: str
    lists: str
    person: str


_DELTA = columns(DeltaRow)
_LIST = columns(KnownList)
_FIND = f"SELECT {_DELTA} FROM list_deltas t WHERE t.id = $1"  # noqa: S608 -- our own names


# --- lists ------------------------------------------------------------------------------------------------------------


async def known_lists(r: Reading) -> dict[str, KnownList]:
    """The lists that the book is screened against, by name."""
    rows = await r.fetch(f"SELECT {_LIST} FROM screening_lists t ORDER BY t.name")  # noqa: S608 -- our own names
    return {row[0]: KnownList(*row) for row in rows}


async def take_turn(tx: Transaction) -> None:
    """Wait for whoever else is noting what it has loaded."""
    await tx.fetch("SELECT pg_advisory_xact_lock($1)", _NOTING)


async def entries_of(r: Reading, list_name: str) -> dict[str, str]:
    """Digests of a list's entries by their ids."""
    rows = await r.fetch("SELECT entry_id, digest FROM screening_list_entries WHERE list_name = $1", list_name)
    return {row[0]: row[1] for row in rows}


async def put_list(
    tx: Transaction,
    name: str,
    *,
    version: str,
    digest: str,
    published: str | None,
    changed: Mapping[str, str],
    removed: Collection[str],
) -> None:
    """Note a version of a list: what came or changed, by id, and what is gone."""
    await tx.fetch(
        "INSERT INTO screening_lists (name, version, digest, published, noted_at)"
        " VALUES ($1, $2, $3, $4, clock_timestamp()) ON CONFLICT (name) DO UPDATE SET version = excluded.version,"
        " digest = excluded.digest, published = excluded.published, noted_at = excluded.noted_at",
        name,
        version,
        digest,
        published,
    )
    await tx.fetch(
        "DELETE FROM screening_list_entries WHERE list_name = $1 AND entry_id = ANY($2::text[])", name, list(removed)
    )
    await tx.fetch(
        "INSERT INTO screening_list_entries (list_name, entry_id, digest)"
        " SELECT $1, e.id, e.digest FROM unnest($2::text[], $3::text[]) e(id, digest)"
        " ON CONFLICT (list_name, entry_id) DO UPDATE SET digest = excluded.digest",
        name,
        list(changed),
        list(changed.values()),
    )


async def forget_lists(tx: Transaction, names: Collection[str]) -> None:
    """Lists that nobody is screened against any more."""
    await tx.fetch("DELETE FROM screening_list_entries WHERE list_name = ANY($1::text[])", list(names))
    await tx.fetch("DELETE FROM screening_lists WHERE name = ANY($1::text[])", list(names))


# --- deltas -----------------------------------------------------------------------------------------------------------


async def create(
    tx: Transaction, *, delta_id: str, version: str, entries: Sequence[Listed], settles_in: timedelta
) -> None:
    """Make a delta that begins once it has settled."""
    await tx.fetch(
        "INSERT INTO list_deltas (id, version, state, created_at, starts_at, cursor, looked, look_at)"
        " SELECT $1, $2, 'waiting', n.now, n.now + $3::interval, '', 0, n.now + $3::interval"
        " FROM (SELECT clock_timestamp() AS now) n",
        delta_id,
        version,
        settles_in,
    )
    await tx.fetch(
        "INSERT INTO list_delta_entries (delta_id, list_name, entry_id, digest)"
        " SELECT $1, e.list, e.id, e.digest FROM unnest($2::text[], $3::text[], $4::text[]) e(list, id, digest)",
        delta_id,
        *([entry[place] for entry in entries] for place in range(3)),
    )


async def find(r: Reading, delta_id: str) -> DeltaRow | None:
    """A delta, or None."""
    row = await r.fetch_one(_FIND, delta_id)
    return None if row is None else DeltaRow(*row)


async def lock(tx: Transaction, delta_id: str) -> DeltaRow | None:
    """A delta, locked until the transaction ends, or None."""
    row = await tx.fetch_one(f"{_FIND} FOR UPDATE", delta_id)
    return None if row is None else DeltaRow(*row)


async def put(tx: Transaction, row: DeltaRow) -> None:
    """Write what changes in the life of a delta; whoever does so has locked it."""
    await tx.fetch(
        "UPDATE list_deltas SET state = $2, starts_at = $3, pass_began_at = $4, since = $5, cursor = $6, looked = $7,"
        " ended_at = $8, look_at = $9 WHERE id = $1",
        row.id,
        row.state,
        row.starts_at,
        row.pass_began_at,
        row.since,
        row.cursor,
        row.looked,
        row.ended_at,
        row.look_at,
    )


async def due(r: Reading, *, limit: int) -> list[str]:
    """Deltas that somebody must take further; each is offered again later if nobody does."""
    rows = await r.fetch(
        "UPDATE list_deltas SET look_at = statement_timestamp() + $2::interval WHERE id IN (SELECT id FROM list_deltas"
        " WHERE look_at <= statement_timestamp() ORDER BY look_at LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING id",
        limit,
        LOOK_AGAIN,
    )
    return [row[0] for row in rows]


async def look_later(r: Reading, delta_id: str, at: datetime) -> None:
    """Note when a delta that waits must be taken further; nothing else of it changes."""
    await r.fetch(
        "UPDATE list_deltas SET look_at = $2 WHERE id = $1 AND look_at IS DISTINCT FROM $2 AND state <> 'done'",
        delta_id,
        at,
    )


async def standing_entries(r: Reading, delta_id: str) -> frozenset[Listed]:
    """The entries of a delta that still stand as they did: others are gone, or are another delta's."""
    rows = await r.fetch(
        "SELECT d.list_name, d.entry_id, d.digest FROM list_delta_entries d"
        " JOIN screening_list_entries e USING (list_name, entry_id, digest) WHERE d.delta_id = $1",
        delta_id,
    )
    return frozenset((row[0], row[1], row[2]) for row in rows)


async def to_look_at(r: Reading, row: DeltaRow, screened: Screened, limit: int) -> list[tuple[str, bool]]:
    """The next accounts behind the cursor, in the order of their ids, each with whether it has its order already.

    Those that were passed by other versions than the delta's; in a later pass, those that a person passed since, and
    those that could not be decided.
    """
    rows = await r.fetch(
        "SELECT a.id, EXISTS (SELECT 1 FROM orders o WHERE o.account_id = a.id AND o.campaign = $1) FROM accounts a"
        " WHERE a.closed_at IS NULL AND a.data_key IS NOT NULL AND a.id > $2 AND (EXISTS (SELECT 1 FROM evidence e"
        "  WHERE e.account_id = a.id AND e.kind = $3 AND e.outcome = 'passed' AND NOT e.contested"
        "  AND (e.verifier = $5 AND ($7::timestamptz IS NULL OR e.recorded_at >= $7)"
        "   OR e.verifier = $4 AND e.verifier_version <> $6 AND $7::timestamptz IS NULL))"
        "  OR EXISTS (SELECT 1 FROM list_delta_failures f WHERE f.delta_id = $1 AND f.account_id = a.id))"
        " ORDER BY a.id LIMIT $8",
        row.id,
        row.cursor,
        screened.kind,
        screened.lists,
        screened.person,
        row.version,
        row.since,
        limit,
    )
    return [(found[0], found[1]) for found in rows]


async def note_failure(r: Reading, delta_id: str, account_id: str, code: str) -> None:
    """Note that an account could not be asked again."""
    await r.fetch(
        "INSERT INTO list_delta_failures (delta_id, account_id, error_code) VALUES ($1, $2, $3)"
        " ON CONFLICT (delta_id, account_id) DO UPDATE SET error_code = excluded.error_code",
        delta_id,
        account_id,
        code,
    )


async def clear_failures(r: Reading, delta_id: str, account_ids: Sequence[str]) -> None:
    """Accounts of which the engine could decide this time."""
    await r.fetch(
        "DELETE FROM list_delta_failures WHERE delta_id = $1 AND account_id = ANY($2::text[])",
        delta_id,
        list(account_ids),
    )


async def has_failures(r: Reading, delta_id: str) -> bool:
    """Whether accounts are left that could not be asked again."""
    return await r.fetch_one("SELECT 1 FROM list_delta_failures WHERE delta_id = $1 LIMIT 1", delta_id) is not None


async def is_in_review(r: Reading, row: DeltaRow, screened: Screened, until: datetime) -> bool:
    """Whether somebody still decides about what other versions than the delta's had found until then."""
    found = await r.fetch_one(
        f"SELECT 1 FROM checks WHERE {OPEN_CHECK} AND state = 'in_review' AND kind = $1"  # noqa: S608 -- our own names
        " AND EXISTS (SELECT 1 FROM evidence e WHERE e.check_id = checks.id AND e.verifier = $2"
        "  AND e.verifier_version <> $3 AND e.recorded_at < $4) LIMIT 1",
        screened.kind,
        screened.lists,
        row.version,
        until,
    )
    return found is not None


async def newest(r: Reading, limit: int) -> list[DeltaCounts]:
    """The newest deltas in numbers."""
    rows = await r.fetch(
        f"SELECT {_DELTA}, (SELECT count(*) FROM list_delta_entries d WHERE d.delta_id = t.id),"  # noqa: S608 -- ours
        " (SELECT count(*) FROM orders o WHERE o.campaign = t.id),"
        " (SELECT count(*) FROM list_delta_failures f WHERE f.delta_id = t.id)"
        " FROM list_deltas t ORDER BY t.created_at DESC, t.id DESC LIMIT $1",
        limit,
    )
    return [DeltaCounts(DeltaRow(*row[:-3]), *row[-3:]) for row in rows]
