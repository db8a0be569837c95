"""What the commands about API keys do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from onboarding.api_keys import API_KEY_DIGEST
from onboarding.cli.keys import new_secret, with_database
from onboarding.cli.operations import CommandFailed
from onboarding.crypto import KeyRing
from onboarding.door.callers import KeyKind
from onboarding.ids import new_id
from onboarding.scopes import SCOPES, UnknownScope, known_scopes
from onboarding.settings import load_settings
from onboarding.storage import keys
from onboarding.storage.database import Database, Reading
from onboarding.storage.faults import ConnectionLost, StatementFailed
from onboarding.storage.rows import KeyRow, ListedKeyRow

_NO_SUCH_ROW = "23503"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key, and its secret, which is known nowhere else. ``old_ends`` is when the one that it replaces ends."""

    id: str
    secret: str = field(repr=False)
    old_ends: datetime | None = None


def add_key(platform_id: str, scopes: Sequence[str], expires_at: datetime | None, *, livemode: bool) -> MadeKey:
    """One more key of a platform: restricted to the scopes, or a secret one where none are given."""
    try:
        wanted = known_scopes(scopes) if scopes else None
    except UnknownScope:
        raise CommandFailed(f"a scope is one of {', '.join(SCOPES)}") from None

    async def work(database: Database, ring: KeyRing) -> MadeKey:
        kind = KeyKind.RESTRICTED if wanted is not None else KeyKind.SECRET
        template = KeyRow("", platform_id, livemode, kind, wanted)
        async with database.transaction() as tx:
            return await _make(tx, ring, template, expires_at)

    try:
        return _on_database(work)
    except StatementFailed as error:
        if error.sqlstate != _NO_SUCH_ROW:
            raise
        raise CommandFailed("no platform has this id") from None


def roll_key(key_id: str, overlap: timedelta) -> MadeKey:
    """A new key that may do what the old one may; the old one ends after ``overlap``."""

    async def work(database: Database, ring: KeyRing) -> MadeKey:
        async with database.transaction() as tx:
            old = await keys.get_key(tx, key_id)
            if old is None:
                raise CommandFailed("no key that is in force has this id")
            made = await _make(tx, ring, old, None)
            return MadeKey(made.id, made.secret, await keys.end_key(tx, key_id, overlap))

    return _on_database(work)


def revoke_key(key_id: str) -> bool:
    """Revoke a key for good; whether it was not revoked before."""

    async def work(database: Database, _ring: KeyRing) -> bool:
        async with database.reading() as r:
            return await keys.revoke_key(r, key_id)

    return _on_database(work)


def list_keys(platform_id: str) -> list[ListedKeyRow]:
    """All keys of a platform, oldest first."""

    async def work(database: Database, _ring: KeyRing) -> list[ListedKeyRow]:
        async with database.reading() as r:
            return await keys.list_keys(r, platform_id)

    return _on_database(work)


async def _make(r: Reading, ring: KeyRing, like: KeyRow, expires_at: datetime | None) -> MadeKey:
    made = MadeKey(new_id("key_"), new_secret(livemode=like.livemode, kind=KeyKind(like.kind)))
    await keys.create_key(
        r,
        key_id=made.id,
        platform_id=like.platform_id,
        livemode=like.livemode,
        digest=ring.platform_digest(API_KEY_DIGEST, made.secret),
        kind=like.kind,
        scopes=like.scopes,
        expires_at=expires_at,
    )
    return made


def _on_database(work: Callable[[Database, KeyRing], Awaitable[T]]) -> T:
    settings = load_settings()
    ring = settings.key_ring()

    async def run(database: Database) -> T:
        return await work(database, ring)

    try:
        done: T = with_database(settings.database_url, run)
    except ConnectionLost:
        raise CommandFailed("the database in DATABASE_URL does not answer") from None
    return done
