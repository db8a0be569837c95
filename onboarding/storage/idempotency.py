"""Idempotency keys: a row per request that took effect, written in the transaction of that effect.

A refusal or a fault rolls the row back with everything else, so a retry executes again. Under v1 the row also keeps the
answer, sealed, and lives shorter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from onboarding.storage.database import Transaction

LIFETIME = timedelta(days=30)
"""As long as the wire contract promises."""

V1_LIFETIME = timedelta(hours=24)
"""The same, under v1."""


@dataclass(frozen=True, slots=True)
class KeyScope:
    """One key of one caller for one operation; ``key_digest`` is a keyed digest of what the caller sent."""

    platform_id: str
    livemode: bool
    context: str
    operation: str
    key_digest: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """The key was free: the request is to be executed."""


@dataclass(frozen=True, slots=True)
class Existing:
    """The key was used. ``sealed`` holds the answer under v1, else the one-time secret that the first answer had."""

    fingerprint: str
    account_id: str | None
    object_id: str | None
    sealed: bytes | None


async def claim(
    tx: Transaction,
    scope: KeyScope,
    *,
    fingerprint: str,
    account_id: str | None,
    object_id: str | None,
    sealed: bytes | None = None,
    lifetime: timedelta = LIFETIME,
) -> Claimed | Existing:
    """Take the key, or say what it was used for; an expired one is free again.

    While a twin is under way this waits for it, up to the transaction's lock timeout. If the twin rolls back, the key
    is ours.

    Raises:
        Refusal: ``account_rate_limit_exceeded``: the twin took longer.
    """
    key = (scope.platform_id, scope.livemode, scope.context, scope.operation, scope.key_digest)
    values = (fingerprint, account_id, object_id, sealed, lifetime)
    while True:
        if await tx.fetch_one(_INSERT, *key, *values) is not None:
            return Claimed()
        # Another statement, because only a new snapshot shows what a twin committed while this one waited.
        row = await tx.fetch_one(_FIND, *key)
        if row is not None and not row["is_expired"]:
            return Existing(*row[:4])
        if row is not None and await tx.fetch_one(_REPLACE, *key, *values) is not None:
            return Claimed()
        # Purged, or replaced by a twin, since it was in the way: begin again.


async def keep(tx: Transaction, scope: KeyScope, sealed: bytes) -> None:
    """Note the answer of a request whose key this transaction has claimed."""
    key = (scope.platform_id, scope.livemode, scope.context, scope.operation, scope.key_digest)
    await tx.fetch(f"UPDATE idempotency_keys SET sealed = $6 WHERE {_KEY}", *key, sealed)  # noqa: S608 -- our own names


async def purge(tx: Transaction, *, limit: int = 1000) -> int:
    """Delete some of the keys that expired over a day ago; how many."""
    row = await tx.fetch_one(_PURGE, limit)
    return 0 if row is None else int(row[0])


_KEY = "platform_id = $1 AND livemode = $2 AND context = $3 AND operation = $4 AND key_digest = $5"
_INSERT = """
INSERT INTO idempotency_keys (platform_id, livemode, context, operation, key_digest,
  fingerprint, account_id, object_id, sealed, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp(), clock_timestamp() + $10::interval)
ON CONFLICT DO NOTHING RETURNING 1
"""
_FIND = f"""
SELECT fingerprint, account_id, object_id, sealed, expires_at <= clock_timestamp() AS is_expired
FROM idempotency_keys WHERE {_KEY}
"""  # noqa: S608 -- our own names
_REPLACE = f"""
UPDATE idempotency_keys SET fingerprint = $6, account_id = $7, object_id = $8, sealed = $9,
  created_at = clock_timestamp(), expires_at = clock_timestamp() + $10::interval
WHERE {_KEY} AND expires_at <= clock_timestamp() RETURNING 1
"""  # noqa: S608 -- our own names
_PURGE = """
WITH gone AS (
  DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM idempotency_keys WHERE expires_at < clock_timestamp() - interval '1 day' LIMIT $1))
  AND expires_at < clock_timestamp() - interval '1 day'  -- still: it may have been replaced meanwhile
  RETURNING 1)
SELECT count(*) FROM gone
"""
