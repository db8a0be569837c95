"""Finding accounts that somebody must look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from onboarding.storage.database import Reading

FIRST_WAIT = timedelta(minutes=1)
"""After the first nudge that led to nothing; doubled by each further one."""
LEFT_OVER_AFTER = timedelta(minutes=2)
"""An attempt of an ended check is somebody's to tell its vendor about; after so long, that somebody is gone."""
LONGEST_WAIT = timedelta(hours=1)
AHEAD = timedelta(minutes=10)
"""How far a sweep looks ahead: whoever is to be looked at no earlier than at an instant is due so long after it."""


async def due_accounts(r: Reading, *, limit: int, per_platform: int, ahead: timedelta = AHEAD) -> list[str]:
    """Pick the accounts whose ``look_at`` comes within ``ahead``, and move it on.

    Fair: the longest waiting account of each platform first, then the second of each, and so on, ``per_platform`` of
    each; what is then left of ``limit`` is shared in the same way by those that have more. Accounts that somebody holds
    locked are left out: they are being looked at. Concurrent callers get different accounts.

    A picked account that nobody then looks at is picked again after 1, 2, 4, … minutes, an hour at most: its
    ``look_at`` is moved ``ahead`` further than that, since this function looks so far ahead.
    """
    found: list[str] = []
    while len(found) < limit:
        left = limit - len(found)
        share = min(left, per_platform)
        # A number in the text, not a parameter: the planner must know that it is small, or it sorts a whole backlog.
        sql = _DUE.replace("{per_platform}", str(int(share)))
        rows = await r.fetch(sql, left, ahead, FIRST_WAIT, LONGEST_WAIT)
        found += [row[0] for row in rows]
        if len(rows) < share:  # no platform has more
            break
    return found


async def leftover_checks(r: Reading, *, limit: int) -> list[tuple[str, str]]:
    """Checks that ended a while ago with an attempt still running, by account: their vendors are to be told."""
    rows = await r.fetch(
        "SELECT DISTINCT c.account_id, c.id FROM attempts t JOIN checks c ON c.id = t.check_id"
        " WHERE t.ended_at IS NULL AND c.ended_at IS NOT NULL AND t.started_at < statement_timestamp() - $2::interval"
        " ORDER BY c.id LIMIT $1",
        limit,
        LEFT_OVER_AFTER,
    )
    return [(row[0], row[1]) for row in rows]


@dataclass(frozen=True, slots=True)
class StuckRow:
    """An account that the engine ``engine`` could not decide about."""

    account_id: str
    platform_id: str
    code: str
    engine: int
    since: datetime
    retry_at: datetime


async def stuck_accounts(r: Reading, *, code: str | None, limit: int) -> list[StuckRow]:
    """Accounts that could not be decided, with this code or with any; the longest ones first."""
    rows = await r.fetch(
        "SELECT id, platform_id, stuck_code, stuck_engine, stuck_since, stuck_retry_at FROM accounts"
        " WHERE stuck_code IS NOT NULL AND ($1::text IS NULL OR stuck_code = $1) ORDER BY stuck_since, id LIMIT $2",
        code,
        limit,
    )
    return [StuckRow(*row) for row in rows]


async def retry_stuck(r: Reading, *, engine: int) -> None:
    """Have accounts that an older engine could not decide looked at now: this one may."""
    await r.fetch(
        "UPDATE accounts SET look_at = clock_timestamp() WHERE stuck_code IS NOT NULL AND stuck_engine < $1", engine
    )


# statement_timestamp(), because clock_timestamp() may change within a statement and so can't be looked up in an index.
_DUE = """
WITH candidates AS (
  SELECT due.id, due.look_at, due.place
  FROM platforms p CROSS JOIN LATERAL (
    SELECT first.id, first.look_at, row_number() OVER (ORDER BY first.look_at, first.id) AS place FROM (
      SELECT a.id, a.look_at FROM accounts a
      WHERE a.platform_id = p.id AND a.look_at <= statement_timestamp() + $2::interval
      ORDER BY a.look_at LIMIT {per_platform}
    ) AS first
  ) AS due
  ORDER BY due.place, due.look_at LIMIT $1
), picked AS (
  SELECT a.id, c.place, c.look_at FROM accounts a JOIN candidates c ON c.id = a.id
  WHERE a.look_at <= statement_timestamp() + $2::interval
  FOR UPDATE OF a SKIP LOCKED
), moved AS (
  UPDATE accounts a SET
    look_at = statement_timestamp() + $2::interval + least($3::interval * 2 ^ least(a.look_tries, 16), $4::interval),
    look_tries = a.look_tries + 1
  FROM picked WHERE a.id = picked.id
  RETURNING a.id, picked.place, picked.look_at
)
SELECT id FROM moved ORDER BY place, look_at
"""
