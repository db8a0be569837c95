"""Uploaded files and uploads under way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from onboarding.crypto import WrappedKeys
from onboarding.storage.accounts import columns
from onboarding.storage.database import Reading, Row, Transaction
from onboarding.storage.listing import Scope
from onboarding.storage.rows import FileRow


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file; ``keys`` are those of its account: None where it has none, or they were destroyed."""

    row: FileRow
    keys: WrappedKeys | None


@dataclass(frozen=True, slots=True)
class Owner:
    """An account that a file can be uploaded for; ``keys`` None where it was erased."""

    closed: bool
    keys: WrappedKeys | None


async def find_owner(r: Reading, scope: Scope) -> Owner | None:
    """The scope's one account, or None."""
    row = await r.fetch_one(
        "SELECT closed_at IS NOT NULL, data_key, digest_key FROM accounts"
        " WHERE id = $1 AND platform_id = $2 AND livemode = $3",
        scope.account_id,
        scope.platform_id,
        scope.livemode,
    )
    return None if row is None else Owner(row[0], _wrapped(row[1], row[2]))


async def begin(r: Reading, file_id: str) -> None:
    """Note an upload before anything of it is stored."""
    await r.fetch("INSERT INTO file_uploads (id, created_at) VALUES ($1, clock_timestamp())", file_id)


async def lock_upload(tx: Transaction, file_id: str) -> bool:
    """Lock an upload under way; False if there is none, because it was finished, given up, or another has it."""
    found = await tx.fetch_one("SELECT 1 FROM file_uploads WHERE id = $1 FOR UPDATE", file_id)
    return found is not None


async def end(tx: Transaction, file_id: str) -> bool:
    """Forget an upload: it was finished, or nothing of it is left; False if there was none."""
    return await tx.fetch_one("DELETE FROM file_uploads WHERE id = $1 RETURNING 1", file_id) is not None


async def left_over(r: Reading, *, older_than: timedelta, limit: int) -> list[str]:
    """Uploads that nobody can still be at, the oldest first."""
    rows = await r.fetch(
        "SELECT id FROM file_uploads WHERE created_at < clock_timestamp() - $1::interval ORDER BY created_at LIMIT $2",
        older_than,
        limit,
    )
    return [row[0] for row in rows]


async def create(  # noqa: PLR0913 -- a row
    tx: Transaction,
    *,
    file_id: str,
    scope: Scope,
    purpose: str,
    kind: str,
    size: int,
    part_bytes: int,
    digest: str,
    sealed: bytes,
) -> FileRow:
    """Add a file, at the database's time."""
    rows = await tx.fetch(
        "INSERT INTO files AS t (id, platform_id, livemode, account_id, purpose, type, size, part_bytes, digest,"  # noqa: S608 -- our own names
        " sealed, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp())"
        f" RETURNING {_COLUMNS}",
        file_id,
        scope.platform_id,
        scope.livemode,
        scope.account_id,
        purpose,
        kind,
        size,
        part_bytes,
        digest,
        sealed,
    )
    return FileRow(*rows[0])


async def find(r: Reading, scope: Scope, file_id: str) -> FoundFile | None:
    """One of the scope's own files, or None."""
    row = await r.fetch_one(_FIND, file_id, scope.platform_id, scope.livemode)
    found = None if row is None else _found(row)
    return found if found is not None and found.row.account_id == scope.account_id else None


async def find_usable(r: Reading, account_id: str, file_id: str) -> FoundFile | None:
    """A file that an account may use: its own or its platform's; None if there is no such."""
    row = await r.fetch_one(_FIND_USABLE, file_id, account_id)
    return None if row is None else _found(row)


async def usable(r: Reading, scope: Scope, file_ids: Sequence[str]) -> dict[str, str]:
    """Of these files those that the scope's account may use, each with its purpose; one round trip."""
    rows = await r.fetch(
        "SELECT id, purpose FROM files WHERE id = ANY($1::text[]) AND platform_id = $2 AND livemode = $3"
        " AND (account_id IS NULL OR account_id = $4)",
        list(file_ids),
        scope.platform_id,
        scope.livemode,
        scope.account_id,
    )
    return {row[0]: row[1] for row in rows}


def _found(row: Row) -> FoundFile:
    *values, data_key, digest_key = row
    return FoundFile(FileRow(*values), _wrapped(data_key, digest_key))


def _wrapped(data_key: bytes | None, digest_key: bytes | None) -> WrappedKeys | None:
    return None if data_key is None or digest_key is None else WrappedKeys(data_key, digest_key)


_COLUMNS = columns(FileRow)
_FIND = (
    f"SELECT {_COLUMNS}, a.data_key, a.digest_key FROM files t LEFT JOIN accounts a ON a.id = t.account_id"  # noqa: S608
    " WHERE t.id = $1 AND t.platform_id = $2 AND t.livemode = $3"
)
_FIND_USABLE = (
    f"SELECT {_COLUMNS}, a.data_key, a.digest_key FROM accounts a"  # noqa: S608 -- our own names
    " JOIN files t ON t.platform_id = a.platform_id AND t.livemode = a.livemode"
    " WHERE t.id = $1 AND a.id = $2 AND (t.account_id IS NULL OR t.account_id = a.id)"
)
