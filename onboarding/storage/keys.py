"""Platforms and their API keys. A key is stored as a keyed digest only."""

from __future__ import annotations

from onboarding.storage.database import Reading
from onboarding.storage.rows import KeyRow


async def find_key(r: Reading, digest: str) -> KeyRow | None:
    """The key with this digest, or None if there is none or it was revoked."""
    row = await r.fetch_one(
        "SELECT t.id, t.platform_id, t.livemode, t.kind, p.country FROM api_keys t"
        " JOIN platforms p ON p.id = t.platform_id WHERE t.digest = $1 AND t.revoked_at IS NULL",
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
    r: Reading, *, key_id: str, platform_id: str, livemode: bool, digest: str, kind: str = "secret"
) -> bool:
    """Add a key of a platform unless its digest is there; whether it is new.

    Raises:
        StatementFailed: ``23503``: no such platform.
    """
    row = await r.fetch_one(
        "INSERT INTO api_keys (id, platform_id, livemode, digest, kind, created_at)"
        " VALUES ($1, $2, $3, $4, $5, clock_timestamp()) ON CONFLICT (digest) DO NOTHING RETURNING 1",
        key_id,
        platform_id,
        livemode,
        digest,
        kind,
    )
    return row is not None


async def revoke_key(r: Reading, key_id: str) -> bool:
    """Revoke a key for good; whether it was valid until now."""
    row = await r.fetch_one(
        "UPDATE api_keys SET revoked_at = clock_timestamp() WHERE id = $1 AND revoked_at IS NULL RETURNING 1", key_id
    )
    return row is not None
