"""Event destinations: where platforms want their events, and what is owed to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from onboarding.storage import tables
from onboarding.storage.accounts import columns
from onboarding.storage.batch import Batch
from onboarding.storage.database import Reading, Transaction
from onboarding.storage.rows import EventDestinationRow

_COLUMNS = columns(EventDestinationRow)
_FIND = f"SELECT {_COLUMNS} FROM event_destinations t WHERE t.id = $1 AND t.platform_id = $2 AND t.livemode = $3"  # noqa: S608


async def count_alone(tx: Transaction, *, platform_id: str, livemode: bool) -> int:
    """How many a platform has in one mode; until the transaction ends, nobody else counts or adds any of its.

    Two statements, because only a snapshot taken after the lock was had shows what others added.
    """
    await tx.fetch("SELECT 1 FROM platforms WHERE id = $1 FOR NO KEY UPDATE", platform_id)
    row = await tx.fetch_one(
        "SELECT count(*) FROM event_destinations WHERE platform_id = $1 AND livemode = $2", platform_id, livemode
    )
    return 0 if row is None else int(row[0])


async def create(  # noqa: PLR0913 -- a row's columns
    tx: Transaction,
    *,
    destination_id: str,
    platform_id: str,
    livemode: bool,
    enabled_events: list[str],
    event_payload: str,
    events_from: list[str],
    sealed: bytes,
    secret: bytes,
) -> EventDestinationRow:
    """Add an enabled destination."""
    rows = await tx.fetch(
        "INSERT INTO event_destinations AS t (id, platform_id, livemode, enabled, enabled_events, event_payload,"  # noqa: S608
        " events_from, created_at, updated_at, sealed, secret)"
        " SELECT $1, $2, $3, true, to_jsonb($4::text[]), $5, $6::text[], now, now, $7, $8"
        f" FROM clock_timestamp() AS now RETURNING {_COLUMNS}",
        destination_id,
        platform_id,
        livemode,
        enabled_events,
        event_payload,
        events_from,
        sealed,
        secret,
    )
    return EventDestinationRow(*rows[0])


async def find(r: Reading, *, platform_id: str, livemode: bool, destination_id: str) -> EventDestinationRow | None:
    """A platform's destination, or None."""
    row = await r.fetch_one(_FIND, destination_id, platform_id, livemode)
    return None if row is None else EventDestinationRow(*row)


async def lock(tx: Transaction, *, platform_id: str, livemode: bool, destination_id: str) -> EventDestinationRow | None:
    """A platform's destination, locked until the transaction ends, or None."""
    row = await tx.fetch_one(f"{_FIND} FOR UPDATE", destination_id, platform_id, livemode)
    return None if row is None else EventDestinationRow(*row)


async def update(
    tx: Transaction, destination_id: str, *, enabled: bool, enabled_events: list[str], sealed: bytes | None
) -> EventDestinationRow:
    """Write what may change of a destination that is locked."""
    rows = await tx.fetch(
        "UPDATE event_destinations AS t SET enabled = $2, enabled_events = to_jsonb($3::text[]), sealed = $4,"  # noqa: S608
        f" updated_at = clock_timestamp() WHERE t.id = $1 RETURNING {_COLUMNS}",
        destination_id,
        enabled,
        enabled_events,
        sealed,
    )
    return EventDestinationRow(*rows[0])


async def delete(tx: Transaction, destination_id: str) -> None:
    """Delete a destination and what is owed to it."""
    await tx.fetch("DELETE FROM event_destinations WHERE id = $1", destination_id)
    await tx.fetch("DELETE FROM pending_deliveries WHERE destination_id = $1", destination_id)


async def add_event(tx: Transaction, destination: EventDestinationRow, *, at: datetime, **event: Any) -> None:
    """Store an event that is about a destination and no account, owed to that destination alone.

    ``event`` are its columns: ``id``, ``type``, ``related_type``, ``related_id``, ``request_id``, ``sealed``.
    """
    batch = Batch()
    batch.insert(
        tables.Event,
        platform_id=destination.platform_id,
        livemode=destination.livemode,
        sequence=0,
        effective_at=at,
        **event,
    )
    batch.insert(
        tables.PendingDelivery, event_id=event["id"], destination_id=destination.id, sequence=0, look_at=at
    )  # fmt: skip
    await tx.apply(batch)


async def purge_deliveries(tx: Transaction, *, limit: int = 1000) -> int:
    """Delete some deliveries that are owed to nobody any more; how many.

    Whoever changed an account while a destination was being deleted may still have owed it something.
    """
    row = await tx.fetch_one(_PURGE, limit)
    return 0 if row is None else int(row[0])


# The destinations that are owed something, by jumps through the index: there are few of them, and many deliveries.
_PURGE = """
WITH RECURSIVE owed AS (
  (SELECT destination_id FROM pending_deliveries ORDER BY destination_id LIMIT 1)
  UNION ALL
  SELECT (SELECT p.destination_id FROM pending_deliveries p WHERE p.destination_id > o.destination_id
          ORDER BY p.destination_id LIMIT 1)
  FROM owed o WHERE o.destination_id IS NOT NULL
), lost AS MATERIALIZED (
  SELECT o.destination_id FROM owed o WHERE o.destination_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM event_destinations d WHERE d.id = o.destination_id)
), gone AS (
  DELETE FROM pending_deliveries WHERE ctid = ANY(ARRAY(
    SELECT p.ctid FROM lost l JOIN pending_deliveries p ON p.destination_id = l.destination_id LIMIT $1))
  RETURNING 1)
SELECT count(*) FROM gone
"""
