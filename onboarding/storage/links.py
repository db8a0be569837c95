"""Account links: each lets its bearer in once. Their times are the database's, never a test clock's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from onboarding.storage.database import Reading, Transaction


class Opening(StrEnum):
    """What came of opening a link. Only ``opened`` lets anybody in, and only once."""

    OPENED = "opened"
    REVOKED = "revoked"
    USED = "used"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class LinkRow:
    """An account link but for its digest, and whose account it is for; ``sealed`` is bound to its id."""

    id: str
    account_id: str
    platform_id: str
    livemode: bool
    use_case: str
    created_at: datetime
    expires_at: datetime
    opened_at: datetime | None
    sealed: bytes
    is_expired: bool


async def find(r: Reading, link_id: str) -> LinkRow | None:
    """A link by its id, or None."""
    row = await r.fetch_one(_FIND, link_id)
    return None if row is None else LinkRow(*row)


async def open_link(r: Reading, *, account_id: str, digest: str) -> tuple[LinkRow, Opening] | None:
    """Use a link up, in one statement: of any number of callers at once, one is answered ``opened``.

    Whoever is not let in is told why, with the link's row, which says where to send the bearer. A closed account's
    links are revoked. None: there is no such link of this account.
    """
    row = await r.fetch_one(_OPEN, account_id, digest)
    if row is not None:
        return LinkRow(*row), Opening.OPENED
    # Another statement: what this one waited for, if it waited, only a new snapshot shows.
    row = await r.fetch_one(_WHY, account_id, digest)
    return None if row is None else (LinkRow(*row[:-1]), Opening(row[-1]))


async def purge(tx: Transaction, *, limit: int = 1000) -> int:
    """Delete some links that expired over 30 days ago; how many. Until then they lead their bearers back."""
    row = await tx.fetch_one(_PURGE, limit)
    return 0 if row is None else int(row[0])


_COLUMNS = """
t.id, t.account_id, a.platform_id, a.livemode, t.use_case, t.created_at, t.expires_at, t.opened_at, t.sealed,
t.expires_at <= clock_timestamp()
"""
_FIND = f"SELECT {_COLUMNS} FROM account_links t JOIN accounts a ON a.id = t.account_id WHERE t.id = $1"  # noqa: S608
_OPEN = f"""
UPDATE account_links AS t SET opened_at = clock_timestamp() FROM accounts a
WHERE t.digest = $2 AND t.account_id = $1 AND t.opened_at IS NULL AND t.expires_at > clock_timestamp()
  AND a.id = t.account_id AND a.closed_at IS NULL
RETURNING {_COLUMNS}
"""  # noqa: S608 -- our own names
_WHY = f"""
SELECT {_COLUMNS},
  CASE WHEN a.closed_at IS NOT NULL THEN 'revoked' WHEN t.opened_at IS NOT NULL THEN 'used' ELSE 'expired' END
FROM account_links t JOIN accounts a ON a.id = t.account_id WHERE t.digest = $2 AND t.account_id = $1
"""  # noqa: S608 -- our own names
_PURGE = """
WITH gone AS (
  DELETE FROM account_links WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM account_links WHERE expires_at < clock_timestamp() - interval '30 days' LIMIT $1))
  RETURNING 1)
SELECT count(*) FROM gone
"""
