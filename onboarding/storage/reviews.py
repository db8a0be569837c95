"""The queues of reviews: which comes next, whose account a review belongs to, and which must be looked at."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from onboarding.storage.tables import OPEN_REVIEW

if TYPE_CHECKING:
    from onboarding.storage.database import Reading
    from onboarding.storage.listing import Scope

AGAIN_AFTER = timedelta(minutes=5)
"""A review whose run was nudged and did not look is nudged again after so long."""


async def next_in_queue(
    r: Reading, scope: Scope | None, queue: str, reviewer: str | None, limit: int
) -> list[tuple[str, str]]:
    """Reviews that somebody may claim, the most urgent first, as pairs of account and review.

    A scope of None is every platform's. Those assigned to the reviewer come first, those assigned to others not at all.
    Whether two persons are needed, and one of them is the reviewer, the door finds out.
    """
    if scope is None:
        rows = await r.fetch(_NEXT, queue, reviewer, limit)
    else:
        rows = await r.fetch(_NEXT_OF_PLATFORM, queue, reviewer, limit, scope.platform_id, scope.livemode)
    return [(row[0], row[1]) for row in rows]


async def owner(r: Reading, review_id: str) -> tuple[str, str, bool] | None:
    """The account of a review with its platform and mode; None where there is no such review."""
    row = await r.fetch_one(
        "SELECT a.id, a.platform_id, a.livemode FROM reviews t JOIN accounts a ON a.id = t.account_id WHERE t.id = $1",
        review_id,
    )
    return None if row is None else (row[0], row[1], row[2])


async def state_of(r: Reading, review_id: str) -> str | None:
    """Where a review stands in its row."""
    row = await r.fetch_one("SELECT state FROM reviews WHERE id = $1", review_id)
    return None if row is None else str(row[0])


async def put_away(r: Reading, review_id: str, *, is_gone: bool = False) -> None:
    """Nobody must look at a review any more that has ended, or whose account is gone."""
    await r.fetch(_PUT_AWAY, review_id, is_gone)


async def due(r: Reading, *, limit: int) -> list[tuple[str, str]]:
    """Reviews that have no run, or one that shows what is no longer so, as pairs of account and review.

    Each is offered again later.
    """
    rows = await r.fetch(_DUE, limit, AGAIN_AFTER)
    return [(row[0], row[1]) for row in rows]


_NEXT = """
SELECT t.account_id, t.id FROM reviews t JOIN accounts a ON a.id = t.account_id
WHERE t.queue = $1 AND t.{open}
  AND t.state <> 'waiting' AND coalesce(t.claimed_until <= statement_timestamp(), true)
  AND (t.assignee IS NULL OR t.assignee = $2)
ORDER BY t.assignee NULLS LAST, t.priority, t.sla_at NULLS LAST, t.id LIMIT $3
""".replace("{open}", OPEN_REVIEW)
_NEXT_OF_PLATFORM = _NEXT.replace("WHERE ", "WHERE a.platform_id = $4 AND a.livemode = $5 AND ")
_PUT_AWAY = """
UPDATE reviews t SET look_at = NULL WHERE t.id = $1 AND t.look_at IS NOT NULL AND ($2::boolean OR NOT t.{open})
""".replace("{open}", OPEN_REVIEW)
_DUE = """
WITH due AS (
  SELECT t.id FROM reviews t WHERE t.look_at <= statement_timestamp() ORDER BY t.look_at LIMIT $1
  FOR UPDATE SKIP LOCKED
)
UPDATE reviews t SET look_at = statement_timestamp() + $2::interval FROM due WHERE t.id = due.id
RETURNING t.account_id, t.id
"""
