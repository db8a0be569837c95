"""The one row about the whole: which Temporal storage belongs to this database, and when it was last swept."""

from __future__ import annotations

from datetime import datetime

from onboarding.storage.accounts import columns
from onboarding.storage.database import Reading
from onboarding.storage.rows import BookRow
from onboarding.storage.tables import OWED_ACTIVATION

_COLUMNS = columns(BookRow)


async def get(r: Reading) -> BookRow:
    """The row; before anything was written to it, epoch 1 and nothing else."""
    row = await r.fetch_one(f"SELECT {_COLUMNS} FROM book t WHERE t.id = 1")  # noqa: S608 -- our own names
    return BookRow(1, None, None) if row is None else BookRow(*row)


async def meet_namespace(r: Reading, namespace_id: str) -> BookRow:
    """Note the Temporal namespace's own id; another one than before raises the epoch, so that all claims are void.

    One statement: several workers that start at once raise it once. The first id ever noted raises nothing.
    """
    row = await r.fetch_one(_MEET, namespace_id)
    if row is None:
        return await get(r)
    return BookRow(*row)


async def void_claims(r: Reading) -> None:
    """Have every claimed account looked at now: what claimed it is gone with the Temporal storage it ran in.

    So are the runs of reviews.
    """
    await r.fetch("UPDATE accounts SET look_at = clock_timestamp() WHERE run_lease_until IS NOT NULL")
    await r.fetch(
        "UPDATE accounts SET look_at = clock_timestamp() WHERE id IN"
        " (SELECT account_id FROM checks WHERE ended_at IS NULL AND lease_until IS NOT NULL)"
    )
    await r.fetch(
        "UPDATE accounts SET look_at = clock_timestamp() WHERE id IN"  # noqa: S608 -- our own names
        f" (SELECT account_id FROM activations WHERE {OWED_ACTIVATION} AND lease_until IS NOT NULL)"
    )
    await r.fetch("UPDATE reviews SET look_at = clock_timestamp() WHERE look_at IS NOT NULL")


async def database_now(r: Reading) -> datetime:
    """The database's clock, the one clock of all processes."""
    row = await r.fetch_one("SELECT clock_timestamp()")
    if row is None:  # a SELECT without FROM has one row
        raise LookupError("no row")
    now: datetime = row[0]
    return now


async def set_last_sweep(r: Reading) -> None:
    """Note that a sweep ended now, by the database's clock."""
    await r.fetch(
        "INSERT INTO book (id, book_epoch, last_sweep_at) VALUES (1, 1, clock_timestamp())"
        " ON CONFLICT (id) DO UPDATE SET last_sweep_at = excluded.last_sweep_at"
    )


_MEET = f"""
INSERT INTO book AS t (id, book_epoch, namespace_id) VALUES (1, 1, $1)
ON CONFLICT (id) DO UPDATE SET
  book_epoch = t.book_epoch + CASE WHEN t.namespace_id IS NULL THEN 0 ELSE 1 END,
  namespace_id = excluded.namespace_id
WHERE t.namespace_id IS DISTINCT FROM excluded.namespace_id
RETURNING {_COLUMNS}
"""  # noqa: S608 -- our own names
