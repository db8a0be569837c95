"""Roll-outs, and the accounts that they are about."""

from __future__ import annotations

import hashlib
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
"""A roll-out whose run says nothing for so long is given to another."""

_CREATING = 7_239_150_441_885
"""Any number, but the same everywhere: of two overlapping roll-outs made at once, one must see the other."""


class RolloutState(StrEnum):
    """Where a roll-out stands."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"


TAKEN_BACK = (RolloutState.ROLLING_BACK, RolloutState.ROLLED_BACK)
UNDER_WAY = (RolloutState.SCHEDULED, RolloutState.RUNNING, RolloutState.PAUSED, RolloutState.ROLLING_BACK)


@dataclass(frozen=True, slots=True)
class RolloutScope:
    """Which accounts: of one platform, of one mode, bound by policies of this name; None is any of them.

    Without a platform only those bound by policies that are for all: a platform's own policy is not taken from it.
    """

    platform_id: str | None = None
    livemode: bool | None = None
    from_name: str | None = None


@dataclass(frozen=True, slots=True)
class Wave:
    """A part of the accounts: when they are told, and from when on the policy decides."""

    share: float
    starts_at: datetime
    transition_at: datetime

    @property
    def document(self) -> dict[str, Any]:
        """What is stored."""
        return {
            "share": self.share,
            "starts_at": self.starts_at.isoformat(),
            "transition_at": self.transition_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class RolloutRow:
    """All columns of a roll-out."""

    id: str
    to_hash: str
    platform_id: str | None
    livemode: bool | None
    from_name: str | None
    waves: list[dict[str, Any]]
    state: str
    wave: int
    cursor: str
    closes_at: datetime | None
    before: list[Any]
    current_at: datetime | None
    created_at: datetime
    actor: str
    look_at: datetime | None

    @property
    def scope(self) -> RolloutScope:
        """Which accounts it is about."""
        return RolloutScope(self.platform_id, self.livemode, self.from_name)

    @property
    def planned(self) -> list[Wave]:
        """Its waves."""
        return [
            Wave(one["share"], *(datetime.fromisoformat(one[name]) for name in ("starts_at", "transition_at")))
            for one in self.waves
        ]

    @property
    def share(self) -> float:
        """What part of the accounts the waves up to the next one are about, which is all from the last one on."""
        if self.wave >= len(self.waves) - 1:
            return 1.0
        return float(sum(one["share"] for one in self.waves[: self.wave + 1]))

    @property
    def modes(self) -> tuple[bool, ...]:
        """The modes of its accounts."""
        return (False, True) if self.livemode is None else (self.livemode,)


@dataclass(slots=True)
class Counts:
    """Accounts of one roll-out. ``moved`` are those announced whose transition is past; ``failed`` by code."""

    announced: int = 0
    moved: int = 0
    undone: int = 0
    waves: dict[int, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Touched:
    """An account that a roll-out has told or moved; ``wave`` None where it has no row of the roll-out's yet."""

    account_id: str
    platform_id: str
    livemode: bool
    wave: int | None
    from_hash: str | None


_COLUMNS = columns(RolloutRow)
_FIND = f"SELECT {_COLUMNS} FROM rollouts t WHERE t.id = $1"  # noqa: S608 -- our own names


def place_of(rollout_id: str, account_id: str) -> float:
    """Where an account stands among those of a roll-out, from 0 to 1: the same for ever, and another in each."""
    digest = hashlib.sha256(f"{rollout_id}/{account_id}".encode()).hexdigest()
    return float(int(digest[:13], 16) / 2**52)


_PLACE = "('x' || left(encode(sha256(convert_to($1 || '/' || a.id, 'UTF8')), 'hex'), 13))::bit(52)::bigint / 2^52"
"""The same in Postgres; ``$1`` is the roll-out."""

_SCOPE = (
    "($2::text IS NOT NULL OR p.platform_id IS NULL) AND ($2::text IS NULL OR a.platform_id = $2)"
    " AND ($3::boolean IS NULL OR a.livemode = $3) AND ($4::text IS NULL OR p.name = $4)"
)
"""Accounts ``a`` with their policies ``p``; ``$2`` to ``$4`` are the scope."""


async def find(r: Reading, rollout_id: str) -> RolloutRow | None:
    """A roll-out, or None."""
    row = await r.fetch_one(_FIND, rollout_id)
    return None if row is None else RolloutRow(*row)


async def lock(tx: Transaction, rollout_id: str) -> RolloutRow | None:
    """A roll-out, locked until the transaction ends, or None."""
    row = await tx.fetch_one(f"{_FIND} FOR UPDATE", rollout_id)
    return None if row is None else RolloutRow(*row)


async def list_page(r: Reading, platform_id: str | None, page: Page, *, livemode: bool | None) -> list[RolloutRow]:
    """Roll-outs of a platform in one mode, or without a platform all there are; newest first."""
    backwards = page.before is not None
    direction, beyond = ("ASC", ">") if backwards else ("DESC", "<")
    rows = await r.fetch(
        f"SELECT {_COLUMNS} FROM rollouts t"  # noqa: S608 -- our own names
        " WHERE ($1::text IS NULL OR t.platform_id = $1)"
        " AND ($2::boolean IS NULL OR t.livemode IS NULL OR t.livemode = $2)"
        f" AND ($3::text IS NULL OR t.id {beyond} $3) ORDER BY t.id {direction} LIMIT $4",
        platform_id,
        livemode,
        page.before if backwards else page.after,
        page.limit,
    )
    found = [RolloutRow(*row) for row in rows]
    return found[::-1] if backwards else found


async def take_turn(tx: Transaction) -> None:
    """Wait for whoever else is making a roll-out."""
    await tx.fetch("SELECT pg_advisory_xact_lock($1)", _CREATING)


async def overlapping(r: Reading, scope: RolloutScope) -> RolloutRow | None:
    """A roll-out under way that may be about some of the same accounts."""
    row = await r.fetch_one(
        f"SELECT {_COLUMNS} FROM rollouts t WHERE t.state = ANY($1::text[])"  # noqa: S608 -- our own names
        " AND ($2::text IS NULL OR t.platform_id IS NULL OR t.platform_id = $2)"
        " AND ($3::boolean IS NULL OR t.livemode IS NULL OR t.livemode = $3)"
        " AND ($4::text IS NULL OR t.from_name IS NULL OR t.from_name = $4) ORDER BY t.id LIMIT 1",
        list(UNDER_WAY),
        scope.platform_id,
        scope.livemode,
        scope.from_name,
    )
    return None if row is None else RolloutRow(*row)


async def create(
    tx: Transaction, *, rollout_id: str, to_hash: str, scope: RolloutScope, waves: Sequence[Wave], actor: str
) -> None:
    """Make a roll-out, due at once: its first step finds out what it waits for."""
    await tx.fetch(
        "INSERT INTO rollouts (id, to_hash, platform_id, livemode, from_name, waves, state, wave, cursor, before,"
        " created_at, actor, look_at) VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, 'scheduled', 0, '', '[]',"
        " clock_timestamp(), $7, clock_timestamp())",
        rollout_id,
        to_hash,
        scope.platform_id,
        scope.livemode,
        scope.from_name,
        _json([wave.document for wave in waves]),
        actor,
    )


async def put(tx: Transaction, row: RolloutRow) -> None:
    """Write what changes in the life of a roll-out; whoever does so has locked it."""
    await tx.fetch(
        "UPDATE rollouts SET waves = $2::text::jsonb, state = $3, wave = $4, cursor = $5, closes_at = $6,"
        " before = $7::text::jsonb, current_at = $8, look_at = $9 WHERE id = $1",
        row.id,
        _json(row.waves),
        row.state,
        row.wave,
        row.cursor,
        row.closes_at,
        _json(row.before),
        row.current_at,
        row.look_at,
    )


async def look_later(r: Reading, rollout_id: str, at: datetime) -> None:
    """Note when a roll-out that waits must be taken further; nothing else of it changes."""
    await r.fetch(
        "UPDATE rollouts SET look_at = $2 WHERE id = $1 AND look_at IS DISTINCT FROM $2 AND state = ANY($3::text[])",
        rollout_id,
        at,
        [RolloutState.SCHEDULED, RolloutState.RUNNING],
    )


async def due(r: Reading, *, limit: int) -> list[str]:
    """Roll-outs that somebody must take further; each is offered again later if nobody does."""
    rows = await r.fetch(
        "UPDATE rollouts SET look_at = statement_timestamp() + $2::interval WHERE id IN (SELECT id FROM rollouts"
        " WHERE look_at <= statement_timestamp() ORDER BY look_at LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING id",
        limit,
        LOOK_AGAIN,
    )
    return [row[0] for row in rows]


async def to_announce(r: Reading, row: RolloutRow, limit: int) -> list[str]:
    """The next accounts behind the cursor that are to be told, in the order of their ids.

    Every account of the waves so far that has not got the policy and was not told: also those that were made, or could
    not be told, while their own wave was under way.
    """
    scope = row.scope
    rows = await r.fetch(
        f"SELECT a.id FROM accounts a LEFT JOIN policies p ON p.hash = a.policy_hash WHERE {_SCOPE}"  # noqa: S608
        " AND a.policy_hash IS DISTINCT FROM $5 AND a.announced_hash IS DISTINCT FROM $5"
        f" AND a.id > $6 AND {_PLACE} < $7 ORDER BY a.id LIMIT $8",
        row.id,
        scope.platform_id,
        scope.livemode,
        scope.from_name,
        row.to_hash,
        row.cursor,
        row.share,
        limit,
    )
    return [found[0] for found in rows]


async def to_withdraw(r: Reading, row: RolloutRow, limit: int) -> list[Touched]:
    """The next accounts behind the cursor that the roll-out told or moved, or that were made under its policy."""
    rows = await r.fetch(
        "SELECT a.id, a.platform_id, a.livemode, t.wave, t.from_hash FROM accounts a"
        " LEFT JOIN rollout_accounts t ON t.rollout_id = $1 AND t.account_id = a.id"
        " WHERE a.id > $2 AND (a.policy_hash = $3 OR a.announced_hash = $3)"
        " AND ($4::text IS NULL OR a.platform_id = $4) AND ($5::boolean IS NULL OR a.livemode = $5)"
        " AND (t.announced_at IS NOT NULL AND t.undone_at IS NULL"
        "  OR t.account_id IS NULL AND a.created_at >= date_trunc('milliseconds', $6::timestamptz))"
        " ORDER BY a.id LIMIT $7",
        row.id,
        row.cursor,
        row.to_hash,
        row.platform_id,
        row.livemode,
        row.current_at,
        limit,
    )
    return [Touched(*found) for found in rows]


async def taken_back(r: Reading, came_from: dict[str, str]) -> dict[str, str]:
    """Of accounts with a policy that bound each before: what bound it before that, where the policy was taken back.

    Two roll-outs may be taken back in any order: an account must not get back what another one took from it.
    """
    rows = await r.fetch(
        "SELECT q.account_id, o.from_hash FROM unnest($1::text[], $2::text[]) q(account_id, hash)"
        " JOIN rollouts t ON t.to_hash = q.hash AND t.state = ANY($3::text[])"
        " JOIN rollout_accounts o ON o.rollout_id = t.id AND o.account_id = q.account_id AND o.from_hash IS NOT NULL"
        " WHERE NOT EXISTS (SELECT 1 FROM rollouts n JOIN rollout_accounts m ON m.rollout_id = n.id"
        "  WHERE n.to_hash = q.hash AND NOT n.state = ANY($3::text[])"
        "  AND m.account_id = q.account_id AND m.from_hash IS NOT NULL)",
        list(came_from),
        list(came_from.values()),
        list(TAKEN_BACK),
    )
    return {found[0]: found[1] for found in rows}


async def current_before(r: Reading, platform_id: str, policy_hash: str, *, livemode: bool) -> tuple[bool, str | None]:
    """Whether the roll-out that made a policy the current one was taken back, and what was current before it."""
    row = await r.fetch_one(
        "SELECT e->>2 FROM rollouts t, jsonb_array_elements(t.before) e WHERE t.to_hash = $1 AND e->>0 = $2"
        " AND (e->>1)::boolean = $3 AND t.state = ANY($4::text[]) AND NOT EXISTS ("
        "  SELECT 1 FROM rollouts n, jsonb_array_elements(n.before) f WHERE n.to_hash = $1 AND f->>0 = $2"
        "  AND (f->>1)::boolean = $3 AND NOT n.state = ANY($4::text[])) ORDER BY t.current_at DESC LIMIT 1",
        policy_hash,
        platform_id,
        livemode,
        list(TAKEN_BACK),
    )
    return row is not None, None if row is None else row[0]


async def in_scope(r: Reading, scope: RolloutScope, account_ids: Sequence[str]) -> set[str]:
    """Which of these accounts a roll-out of this scope would be about."""
    rows = await r.fetch(
        f"SELECT a.id FROM accounts a LEFT JOIN policies p ON p.hash = a.policy_hash WHERE {_SCOPE}"  # noqa: S608
        " AND a.id = ANY($1::text[])",
        list(account_ids),
        scope.platform_id,
        scope.livemode,
        scope.from_name,
    )
    return {found[0] for found in rows}


async def note_failure(r: Reading, rollout_id: str, account_id: str, wave: int, code: str) -> None:
    """Note why nothing could be done to an account; a later pass that can takes it back."""
    await r.fetch(
        "INSERT INTO rollout_accounts (rollout_id, account_id, wave, error_code) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (rollout_id, account_id) DO UPDATE SET error_code = excluded.error_code",
        rollout_id,
        account_id,
        wave,
        code,
    )


async def count(r: Reading, rollout_ids: Sequence[str]) -> dict[str, Counts]:
    """The accounts of these roll-outs in numbers; read off one index."""
    found = {rollout_id: Counts() for rollout_id in rollout_ids}
    rows = await r.fetch(
        "SELECT rollout_id, wave, error_code,"
        " count(*) FILTER (WHERE transition_at IS NOT NULL AND undone_at IS NULL),"
        " count(*) FILTER (WHERE transition_at <= statement_timestamp() AND undone_at IS NULL),"
        " count(*) FILTER (WHERE undone_at IS NOT NULL), count(*)"
        " FROM rollout_accounts WHERE rollout_id = ANY($1::text[]) GROUP BY rollout_id, wave, error_code",
        list(rollout_ids),
    )
    for rollout_id, wave, code, announced, moved, undone, whole in rows:
        counts = found[rollout_id]
        counts.announced += announced
        counts.moved += moved
        counts.undone += undone
        counts.waves[wave] = counts.waves.get(wave, 0) + announced
        if code is not None:
            counts.failed[code] = counts.failed.get(code, 0) + whole
    return found


def _json(document: object) -> str:
    return orjson.dumps(document).decode()
