"""Platforms and their API keys. A key is stored as a keyed digest only."""

from __future__ import annotations

from datetime import datetime, timedelta

from onboarding.storage.accounts import columns
from onboarding.storage.database import Reading
from onboarding.storage.rows import KeyRow, ListedKeyRow


async def find_key(r: Reading, digest: str) -> KeyRow | None:
    """The key with this digest, or None if there is none, it was revoked or it has ended."""
    row = await r.fetch_one(
        f"{_FIND} WHERE t.digest = $1 AND {_IN_FORCE}",
        digest,
    )
    return None if row is None else KeyRow(*row)


async def create_platform(
    r: Reading, *, platform_id: str, sealed: bytes | None = None, country: str | None = None
) -> bool:
    """Add a platform unless it is there; whether it is new. ``sealed`` holds its name, ``country`` is where it is."""
    row = await r.fetch_one(
        "INSERT INTO platforms (id, created_at, sealed, country) VALUES ($1, clock_timestamp(), $2, $3)"
        " ON CONFLICT (id) DO NOTHING RETURNING 1",
        platform_id,
        sealed,
        country,
    )
    return row is not None


async def create_key(
    r: Reading,
    *,
    key_id: str,
    platform_id: str,
    livemode: bool,
    digest: str,
    kind: str = "secret",
    scopes: list[str] | None = None,
    expires_at: datetime | None = None,
) -> bool:
    """Add a key of a platform unless its digest is there; whether it is new.

    Raises:
        StatementFailed: ``23503``: no such platform.
    """
    row = await r.fetch_one(
        "INSERT INTO api_keys (id, platform_id, livemode, digest, kind, scopes, expires_at, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp()) ON CONFLICT (digest) DO NOTHING RETURNING 1",
        key_id,
        platform_id,
        livemode,
        digest,
        kind,
        scopes,
        expires_at,
    )
    return row is not None


async def get_key(r: Reading, key_id: str) -> KeyRow | None:
    """The key with this id, or None if there is none, it was revoked or it has ended. Locked until the commit."""
    row = await r.fetch_one(
        f"{_FIND} WHERE t.id = $1 AND {_IN_FORCE} FOR UPDATE OF t",
        key_id,
    )
    return None if row is None else KeyRow(*row)


async def list_keys(r: Reading, platform_id: str) -> list[ListedKeyRow]:
    """All keys of a platform, oldest first, revoked and ended ones too."""
    rows = await r.fetch(
        f"SELECT {columns(ListedKeyRow)} FROM api_keys t WHERE t.platform_id = $1 ORDER BY t.id",  # noqa: S608
        platform_id,
    )
    return [ListedKeyRow(*row) for row in rows]


async def end_key(r: Reading, key_id: str, within: timedelta) -> datetime:
    """Let a key that is in force end after this time, or when it would have ended if that is sooner; when that is."""
    row = await r.fetch_one(
        "UPDATE api_keys SET expires_at = least(expires_at, clock_timestamp() + $2::interval) WHERE id = $1"
        " RETURNING expires_at",
        key_id,
        within,
    )
    if row is None:
        raise LookupError(key_id)
    ends: datetime = row[0]
    return ends


async def revoke_key(r: Reading, key_id: str) -> bool:
    """Revoke a key for good; whether it was valid until now."""
    row = await r.fetch_one(
        "UPDATE api_keys SET revoked_at = clock_timestamp() WHERE id = $1 AND revoked_at IS NULL RETURNING 1", key_id
    )
    return row is not None


_IN_FORCE = "t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp())"
_FIND = """
SELECT t.id, t.platform_id, t.livemode, t.kind, t.scopes, p.country
FROM api_keys t JOIN platforms p ON p.id = t.platform_id
"""
