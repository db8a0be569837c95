"""Published policies: immutable, found by the hash of their bytes. And which of them new accounts get."""

from __future__ import annotations

from onboarding.storage.accounts import CURRENT_POLICY, columns
from onboarding.storage.database import Reading, Transaction
from onboarding.storage.listing import Cursor, Page
from onboarding.storage.rows import PolicyRow

_COLUMNS = columns(PolicyRow)
_LISTED = _COLUMNS.replace('t."document"', "''::bytea")
"""The same without the documents, which are large: empty ones instead."""
_PUBLISHING = 7_239_150_441_884
"""Any number, but the same everywhere: publishers take turns, so that versions are counted without a gap."""

EVERYBODY = ""
"""Stands for every platform that has no current policy of its own."""


async def seed(
    r: Reading, *, policy_hash: str, name: str, version: str, document: bytes, platform_id: str | None = None
) -> bool:
    """Publish a policy unless its hash is there already; whether it is new.

    Raises:
        StatementFailed: ``23505``: this name and version are published with other bytes.
    """
    row = await r.fetch_one(
        "INSERT INTO policies (hash, name, version, document, published_at, platform_id)"
        " VALUES ($1, $2, $3, $4, clock_timestamp(), $5) ON CONFLICT (hash) DO NOTHING RETURNING 1",
        policy_hash,
        name,
        version,
        document,
        platform_id,
    )
    return row is not None


async def take_turn(tx: Transaction) -> None:
    """Wait for whoever else is publishing."""
    await tx.fetch("SELECT pg_advisory_xact_lock($1)", _PUBLISHING)


async def find(r: Reading, policy_hash: str) -> PolicyRow | None:
    """The policy with this hash, or None."""
    row = await r.fetch_one(f"SELECT {_COLUMNS} FROM policies t WHERE t.hash = $1", policy_hash)  # noqa: S608
    return None if row is None else PolicyRow(*row)


async def beginning_with(r: Reading, digits: str) -> list[PolicyRow]:
    """Policies whose hash begins with these hexadecimal digits; two at most."""
    rows = await r.fetch(
        f"SELECT {_COLUMNS} FROM policies t WHERE t.hash >= $1 AND t.hash < $2 LIMIT 2",  # noqa: S608
        digits,
        f"{digits}g",  # sorts behind every digit
    )
    return [PolicyRow(*row) for row in rows]


async def named(r: Reading, name: str) -> list[PolicyRow]:
    """All versions of a name, of whatever platform, newest first; without their documents."""
    rows = await r.fetch(
        f"SELECT {_LISTED} FROM policies t WHERE t.name = $1 ORDER BY t.published_at DESC, t.hash",  # noqa: S608
        name,
    )
    return [PolicyRow(*row) for row in rows]


async def list_all(r: Reading) -> list[PolicyRow]:
    """All published policies, newest first."""
    rows = await r.fetch(f"SELECT {_COLUMNS} FROM policies t ORDER BY t.published_at DESC, t.hash")  # noqa: S608
    return [PolicyRow(*row) for row in rows]


async def list_page(r: Reading, platform_id: str | None, page: Page) -> list[PolicyRow]:
    """Policies that are for all and those of one platform, or without a platform all there are; newest first.

    Without their documents.
    """
    backwards = page.before is not None
    cursor = page.before if backwards else page.after
    at = (cursor.created_at, cursor.id) if isinstance(cursor, Cursor) else (None, None)
    direction, beyond = ("ASC", ">") if backwards else ("DESC", "<")
    rows = await r.fetch(
        f"SELECT {_LISTED} FROM policies t"  # noqa: S608 -- our own names
        " WHERE ($1::text IS NULL OR t.platform_id IS NULL OR t.platform_id = $1)"
        f" AND ($2::timestamptz IS NULL OR (t.published_at, t.hash) {beyond} ($2, $3))"
        f" ORDER BY t.published_at {direction}, t.hash {direction} LIMIT $4",
        platform_id,
        *at,
        page.limit,
    )
    found = [PolicyRow(*row) for row in rows]
    return found[::-1] if backwards else found


async def current(r: Reading, platform_id: str, *, livemode: bool) -> str | None:
    """Hash of the policy that a platform's new accounts get; None where none was made current."""
    row = await r.fetch_one(f"SELECT {CURRENT_POLICY}", platform_id, livemode)
    return None if row is None else row[0]


async def restore_current(
    tx: Transaction, platform_id: str, policy_hash: str | None, *, livemode: bool, instead_of: str
) -> None:
    """Have new accounts get what they got before, None for no policy of their own, where ``instead_of`` stands yet."""
    mine = "platform_id = $1 AND livemode = $2 AND policy_hash = $3"
    if policy_hash is None:
        await tx.fetch(f"DELETE FROM current_policies WHERE {mine}", platform_id, livemode, instead_of)  # noqa: S608
    else:
        await tx.fetch(
            f"UPDATE current_policies SET policy_hash = $4 WHERE {mine}",  # noqa: S608 -- our own names
            platform_id,
            livemode,
            instead_of,
            policy_hash,
        )


async def make_current(tx: Transaction, platform_id: str, policy_hash: str, *, livemode: bool) -> str | None:
    """Have new accounts get this policy; answers what stood here before, None for nothing."""
    before = await tx.fetch_one(
        "SELECT policy_hash FROM current_policies WHERE platform_id = $1 AND livemode = $2 FOR UPDATE",
        platform_id,
        livemode,
    )
    await tx.fetch(
        "INSERT INTO current_policies (platform_id, livemode, policy_hash) VALUES ($1, $2, $3)"
        " ON CONFLICT (platform_id, livemode) DO UPDATE SET policy_hash = excluded.policy_hash",
        platform_id,
        livemode,
        policy_hash,
    )
    return None if before is None else before[0]
