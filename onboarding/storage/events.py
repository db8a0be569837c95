"""Reading events, with a cursor that skips none.

Events are ordered by (transaction id, sequence, id), and only those are shown whose transaction began before every
transaction that still runs: a transaction that commits later has a higher id than all that is shown, so nothing ever
appears behind a cursor. The price: an event shows up only when transactions that began before it have ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from onboarding.storage.accounts import columns
from onboarding.storage.database import Reading
from onboarding.storage.rows import EventRow


@dataclass(frozen=True, slots=True)
class EventCursor:
    """A place in the list: that of one event."""

    xid: int
    sequence: int
    id: str


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to list; what is None (or empty) is not asked about."""

    object_id: str | None = None
    types: Sequence[str] = ()
    created_gt: datetime | None = None
    created_gte: datetime | None = None
    created_lt: datetime | None = None
    created_lte: datetime | None = None


async def list_events(
    r: Reading,
    *,
    platform_id: str,
    livemode: bool,
    where: EventFilter | None = None,
    after: EventCursor | None = None,
    descending: bool = True,
    limit: int = 20,
) -> list[EventRow]:
    """A page of a platform's events in one mode.

    Args:
        r: where to read.
        platform_id: whose events.
        livemode: of which mode.
        where: further conditions.
        after: the last event of the page before.
        descending: newest first; ``after`` is then the oldest one shown so far.
        limit: rows at most.
    """
    chosen = where or EventFilter()
    sql = [_LIST]
    parameters: list[object] = [platform_id, livemode]

    def add(condition: str, *values: object) -> None:
        parameters.extend(values)
        first = len(parameters) - len(values)
        sql.append(condition.format(*(f"${first + number}" for number in range(1, len(values) + 1))))

    if chosen.object_id is not None:
        add("AND t.related_id = {}", chosen.object_id)
    if chosen.types:
        add("AND t.type = ANY({}::text[])", list(chosen.types))
    for operator, instant in (
        (">", chosen.created_gt),
        (">=", chosen.created_gte),
        ("<", chosen.created_lt),
        ("<=", chosen.created_lte),
    ):
        if instant is not None:
            add(f"AND t.created_at {operator} {{}}", instant)
    if after is not None:
        compared = "<" if descending else ">"
        # The driver writes an xid8 as a number; the cast keeps the index usable.
        add(f"AND (t.xid, t.sequence, t.id) {compared} ({{}}::xid8, {{}}, {{}})", after.xid, after.sequence, after.id)
    direction = "DESC" if descending else "ASC"
    add(f"ORDER BY t.xid {direction}, t.sequence {direction}, t.id {direction} LIMIT {{}}", limit)
    return [EventRow(*row) for row in await r.fetch("\n".join(sql), *parameters)]


async def get_event(r: Reading, *, platform_id: str, livemode: bool, event_id: str) -> EventRow | None:
    """One event, or None. It is there as soon as it is committed, maybe before the list shows it."""
    row = await r.fetch_one(_ONE, event_id, platform_id, livemode)
    return None if row is None else EventRow(*row)


async def find_events(r: Reading, event_ids: Sequence[str]) -> list[EventRow]:
    """Events by id in order of their accounts and sequences, for delivering them."""
    return [EventRow(*row) for row in await r.fetch(_MANY, list(event_ids))]


_COLUMNS = columns(EventRow)
_LIST = f"""
SELECT {_COLUMNS} FROM events t
WHERE t.platform_id = $1 AND t.livemode = $2 AND t.xid < pg_snapshot_xmin(pg_current_snapshot())
"""  # noqa: S608 -- our own names
_ONE = f"SELECT {_COLUMNS} FROM events t WHERE t.id = $1 AND t.platform_id = $2 AND t.livemode = $3"  # noqa: S608
_MANY = f"SELECT {_COLUMNS} FROM events t WHERE t.id = ANY($1::text[]) ORDER BY t.account_id, t.sequence"  # noqa: S608
