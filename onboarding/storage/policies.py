"""Published policies: immutable, found by the hash of their bytes."""

from __future__ import annotations

from onboarding.storage.accounts import columns
from onboarding.storage.database import Reading
from onboarding.storage.rows import PolicyRow

_COLUMNS = columns(PolicyRow)


async def seed(r: Reading, *, policy_hash: str, name: str, version: str, document: bytes) -> bool:
    """Publish a policy unless its hash is there already; whether it is new.

    Raises:
        StatementFailed: ``23505``: this name and version are published with other bytes.
    """
    row = await r.fetch_one(
        "INSERT INTO policies (hash, name, version, document, published_at)"
        " VALUES ($1, $2, $3, $4, clock_timestamp()) ON CONFLICT (hash) DO NOTHING RETURNING 1",
        policy_hash,
        name,
        version,
        document,
    )
    return row is not None


async def find(r: Reading, policy_hash: str) -> PolicyRow | None:
    """The policy with this hash, or None."""
    row = await r.fetch_one(f"SELECT {_COLUMNS} FROM policies t WHERE t.hash = $1", policy_hash)  # noqa: S608
    return None if row is None else PolicyRow(*row)


async def list_all(r: Reading) -> list[PolicyRow]:
    """All published policies, newest first."""
    rows = await r.fetch(f"SELECT {_COLUMNS} FROM policies t ORDER BY t.published_at DESC, t.hash")  # noqa: S608
    return [PolicyRow(*row) for row in rows]
