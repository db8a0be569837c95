"""Tokens: values that wait, sealed, for the one request that uses them. All times are the database's."""

from __future__ import annotations

from datetime import datetime, timedelta

from onboarding.storage.accounts import columns
from onboarding.storage.database import Reading, Transaction
from onboarding.storage.idempotency import LIFETIME as KEY_LIFETIME
from onboarding.storage.rows import TokenRow

KEPT = KEY_LIFETIME + timedelta(days=1)
"""How long the row of an expired token stays: the request that made it can be repeated as long as its key lives."""

_COLUMNS = columns(TokenRow)


async def create(tx: Transaction, row: TokenRow) -> None:
    """Store a new token."""
    await tx.fetch(
        "INSERT INTO tokens (id, platform_id, livemode, kind, account_id, created_at, expires_at, sealed)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        row.id,
        row.platform_id,
        row.livemode,
        row.kind,
        row.account_id,
        row.created_at,
        row.expires_at,
        row.sealed,
    )


async def find(r: Reading, token_id: str, *, platform_id: str, livemode: bool) -> TokenRow | None:
    """A platform's token, or None."""
    row = await r.fetch_one(_FIND, token_id, platform_id, livemode)
    return None if row is None else TokenRow(*row)


async def lock(tx: Transaction, token_id: str, *, platform_id: str, livemode: bool) -> tuple[TokenRow, datetime] | None:
    """A platform's token and the database's time, the token locked until the transaction ends; None if there is none.

    The last lock of a transaction: after that of the account and that of the idempotency key.

    Raises:
        Refusal: ``account_rate_limit_exceeded``: somebody else has had it for too long.
    """
    if await tx.fetch_one(f"{_FIND} FOR UPDATE", token_id, platform_id, livemode) is None:
        return None
    # Another statement, and so another snapshot: the time is not before the lock was had.
    row = await tx.fetch_one(f"SELECT {_COLUMNS}, clock_timestamp() FROM tokens t WHERE t.id = $1", token_id)  # noqa: S608
    return None if row is None else (TokenRow(*row[:-1]), row[-1])


async def use(tx: Transaction, token_id: str) -> None:
    """Note that a token was used, and destroy what it holds."""
    await tx.fetch("UPDATE tokens SET used_at = clock_timestamp(), sealed = NULL WHERE id = $1", token_id)


async def purge(tx: Transaction, *, limit: int = 1000) -> None:
    """Destroy what some of the expired tokens hold, and delete some that nobody can ask for any more."""
    await tx.fetch(_EMPTY, limit)
    await tx.fetch(_DELETE, KEPT, limit)


_FIND = f"SELECT {_COLUMNS} FROM tokens t WHERE t.id = $1 AND t.platform_id = $2 AND t.livemode = $3"  # noqa: S608
# One that is being used right now is left to whoever uses it.
_EMPTY = """
UPDATE tokens SET sealed = NULL WHERE id = ANY(ARRAY(
  SELECT id FROM tokens WHERE sealed IS NOT NULL AND expires_at <= clock_timestamp()
  LIMIT $1 FOR UPDATE SKIP LOCKED))
"""
_DELETE = """
DELETE FROM tokens WHERE id = ANY(ARRAY(
  SELECT id FROM tokens WHERE expires_at <= clock_timestamp() - $1::interval LIMIT $2 FOR UPDATE SKIP LOCKED))
"""
