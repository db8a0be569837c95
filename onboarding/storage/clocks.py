"""Test clocks: the time of sandbox accounts, moved by their platform."""

from __future__ import annotations

from datetime import datetime

from onboarding.storage.accounts import columns
from onboarding.storage.database import Reading, Transaction
from onboarding.storage.rows import ClockAccountRow, ClockRow

_COLUMNS = columns(ClockRow)


async def create(
    r: Reading, *, clock_id: str, platform_id: str, now: datetime, sealed: bytes | None = None
) -> ClockRow:
    """Make a clock that shows ``now``; ``sealed`` holds its name."""
    rows = await r.fetch(
        "INSERT INTO test_clocks AS t (id, platform_id, created_at, now, state, sealed)"  # noqa: S608 -- our own names
        f" VALUES ($1, $2, clock_timestamp(), $3, 'ready', $4) RETURNING {_COLUMNS}",
        clock_id,
        platform_id,
        now,
        sealed,
    )
    return ClockRow(*rows[0])


async def find(r: Reading, *, platform_id: str, clock_id: str) -> ClockRow | None:
    """A platform's clock, or None."""
    row = await r.fetch_one(_FIND, clock_id, platform_id)
    return None if row is None else ClockRow(*row)


async def lock(tx: Transaction, *, platform_id: str, clock_id: str) -> ClockRow | None:
    """A platform's clock, locked until the transaction ends, or None.

    Whoever needs both locks the account first (design, §4).
    """
    row = await tx.fetch_one(f"{_FIND} FOR UPDATE", clock_id, platform_id)
    return None if row is None else ClockRow(*row)


async def start_advancing(tx: Transaction, clock_id: str, target: datetime) -> None:
    """Note where the clock goes; it stays ``advancing`` until :func:`finish`, also if this process ends meanwhile."""
    await tx.fetch("UPDATE test_clocks SET state = 'advancing', target = $2 WHERE id = $1", clock_id, target)


async def move(r: Reading, clock_id: str, now: datetime) -> bool:
    """Set the clock to ``now``; False, and nothing changed, if it shows a later time already."""
    row = await r.fetch_one("UPDATE test_clocks SET now = $2 WHERE id = $1 AND now <= $2 RETURNING 1", clock_id, now)
    return row is not None


async def finish(r: Reading, clock_id: str, target: datetime) -> bool:
    """Make the clock show its target and be ``ready`` again; False, and nothing changed, if it goes elsewhere now."""
    row = await r.fetch_one(
        "UPDATE test_clocks SET now = target, state = 'ready', target = NULL WHERE id = $1 AND target = $2 RETURNING 1",
        clock_id,
        target,
    )
    return row is not None


async def advancing(r: Reading) -> list[ClockRow]:
    """Clocks whose advance is under way, or was left in the middle, each of them in front at times."""
    rows = await r.fetch(f"SELECT {_COLUMNS} FROM test_clocks t WHERE t.state = 'advancing' ORDER BY random()")  # noqa: S608
    return [ClockRow(*row) for row in rows]


async def accounts_on(r: Reading, clock_id: str) -> list[ClockAccountRow]:
    """The accounts on a clock, the one that time changes first in front."""
    rows = await r.fetch(
        f"SELECT {columns(ClockAccountRow)} FROM accounts t"  # noqa: S608 -- our own names
        " WHERE t.test_clock_id = $1 ORDER BY t.wake_at NULLS LAST, t.id",
        clock_id,
    )
    return [ClockAccountRow(*row) for row in rows]


_FIND = f"SELECT {_COLUMNS} FROM test_clocks t WHERE t.id = $1 AND t.platform_id = $2"  # noqa: S608 -- our own names
