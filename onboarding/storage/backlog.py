"""How many questions each verifier has in hand, and the checks that are held back for it."""

from __future__ import annotations

from dataclasses import dataclass

from onboarding.storage.database import Reading
from onboarding.storage.tables import OPEN_CHECK


@dataclass(frozen=True, slots=True)
class InHand:
    """Questions of one verifier.

    Attributes:
        running: attempts that were begun and have not ended; not those that wait for the end user at its page.
        unavailable: those of them that could not be put to it.
        held: checks that are held back for it.
    """

    running: int = 0
    unavailable: int = 0
    held: int = 0


async def in_hand(r: Reading) -> dict[str, InHand]:
    """By the verifier's name; those with nothing are left out."""
    rows = await r.fetch(_IN_HAND)
    return {row[0]: InHand(*row[1:]) for row in rows}


async def claimed_by_kind(r: Reading) -> dict[str, int]:
    """Checks that a plan has given to a run, which has not begun to ask yet."""
    rows = await r.fetch(
        "SELECT kind, count(*) FROM checks WHERE lease_run IS NOT NULL AND ended_at IS NULL"
        " AND lease_until > statement_timestamp() GROUP BY kind"
    )
    return {row[0]: row[1] for row in rows}


async def release(r: Reading, verifier: str, limit: int) -> list[str]:
    """Let so many held checks go, and answer their accounts, which are due now.

    Fair: the longest held of each platform first, then the second of each, and so on. Accounts that somebody holds
    locked are left out.
    """
    rows = await r.fetch(_RELEASE, verifier, limit)
    return [row[0] for row in rows]


_IN_HAND = f"""
SELECT verifier, sum(running)::int, sum(unavailable)::int, sum(held)::int FROM (
  SELECT verifier, count(*) AS running, count(*) FILTER (WHERE state = 'starting' AND error_code IS NOT NULL)
    AS unavailable, 0 AS held FROM attempts WHERE ended_at IS NULL AND next_action IS NULL GROUP BY verifier
  UNION ALL
  SELECT held_for, 0, 0, count(*) FROM checks WHERE held_for IS NOT NULL AND {OPEN_CHECK} GROUP BY held_for
) AS counted GROUP BY verifier ORDER BY verifier
"""  # noqa: S608 -- our own names

# The account first, as everywhere: whoever changes one locks it before its checks.
_RELEASE = f"""
WITH chosen AS (
  SELECT c.id, c.account_id, row_number() OVER (PARTITION BY a.platform_id ORDER BY c.opened_at, c.id) AS place,
    c.opened_at
  FROM checks c JOIN accounts a ON a.id = c.account_id WHERE c.held_for = $1 AND c.{OPEN_CHECK}
  ORDER BY place, c.opened_at LIMIT $2
), locked AS (
  SELECT a.id FROM accounts a WHERE a.id IN (SELECT account_id FROM chosen) FOR UPDATE SKIP LOCKED
), freed AS (
  UPDATE checks c SET held_for = NULL, lease_until = NULL FROM chosen, locked
  WHERE c.id = chosen.id AND chosen.account_id = locked.id AND c.held_for = $1 RETURNING c.account_id
)
UPDATE accounts SET look_at = statement_timestamp(), look_tries = 0 WHERE id IN (SELECT account_id FROM freed)
RETURNING id
"""  # noqa: S608 -- our own names
