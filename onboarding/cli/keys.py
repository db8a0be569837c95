"""Making API keys."""

from __future__ import annotations

import asyncio
import secrets
import string
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from onboarding.api_keys import API_KEY_DIGEST
from onboarding.crypto import KeyRing
from onboarding.door.callers import KeyKind
from onboarding.ids import new_id
from onboarding.settings import load_settings
from onboarding.storage import keys
from onboarding.storage.database import Database, Reading

LOCAL_PLATFORM = "local"
"""Name of the platform that ``make run`` uses."""

_BASE62 = string.digits + string.ascii_letters
_SECRET_LENGTH = 40
"""238 bits of chance: nobody guesses one, so its digest needs no slow hash."""

T = TypeVar("T")


PREFIXES = {KeyKind.SECRET: "sk", KeyKind.PUBLISHABLE: "pk", KeyKind.RESTRICTED: "rk"}
"""How keys of each kind begin."""


@dataclass(frozen=True, slots=True)
class MadeKeys:
    """A platform and its secret and publishable keys, which are known nowhere else."""

    platform_id: str
    test_key: str = field(repr=False)
    live_key: str = field(repr=False)
    publishable_test_key: str = field(repr=False)
    publishable_live_key: str = field(repr=False)


def new_secret(*, livemode: bool, kind: KeyKind = KeyKind.SECRET) -> str:
    """A new key: ``sk_test_`` or whatever its kind and mode are, and 40 characters of base 62."""
    tail = "".join(secrets.choice(_BASE62) for _ in range(_SECRET_LENGTH))
    return f"{PREFIXES[kind]}_{'live' if livemode else 'test'}_{tail}"


async def make_platform(database: Database, ring: KeyRing, name: str, country: str | None = None) -> MadeKeys:
    """A new platform of that name in that country, with a secret and a publishable key of each mode."""
    platform_id = new_id("plat_")
    sealed = ring.seal_platform(name.encode(), platform=platform_id, purpose="name", ref=platform_id)
    async with database.transaction() as tx:
        await keys.create_platform(tx, platform_id=platform_id, sealed=sealed, country=country)
        made = [
            await make_key(tx, ring, platform_id, kind, livemode=livemode)
            for kind in (KeyKind.SECRET, KeyKind.PUBLISHABLE)
            for livemode in (False, True)
        ]
    return MadeKeys(platform_id, *made)


async def make_key(r: Reading, ring: KeyRing, platform_id: str, kind: KeyKind, *, livemode: bool) -> str:
    """A new key of a platform.

    Raises:
        StatementFailed: ``23503``: no such platform.
    """
    secret = new_secret(livemode=livemode, kind=kind)
    await keys.create_key(
        r,
        key_id=new_id("key_"),
        platform_id=platform_id,
        livemode=livemode,
        digest=ring.platform_digest(API_KEY_DIGEST, secret),
        kind=kind,
    )
    return secret


def ensure_local_keys(database_url: str, previous: Mapping[str, str] | None) -> dict[str, str]:
    """``test_key`` and ``live_key`` of one platform: the previous ones if this database knows both, else new ones.

    Usable with and without a running event loop. Needs ``ONBOARDING_ROOT_KEYS``.
    """
    ring = load_settings().key_ring()

    async def ensure(database: Database) -> dict[str, str]:
        if previous and await _is_known(database, ring, previous):
            return {"test_key": previous["test_key"], "live_key": previous["live_key"]}
        made = await make_platform(database, ring, LOCAL_PLATFORM)
        return {"test_key": made.test_key, "live_key": made.live_key}

    return with_database(database_url, ensure)


async def _is_known(database: Database, ring: KeyRing, previous: Mapping[str, str]) -> bool:
    found = []
    async with database.reading() as reading:
        for name, livemode in (("test_key", False), ("live_key", True)):
            row = await keys.find_key(reading, ring.platform_digest(API_KEY_DIGEST, previous.get(name, "")))
            found.append(row is not None and row.livemode is livemode and row.platform_id)
    # Two good keys of two platforms would show the examples only half of what they made.
    return all(found) and len(set(found)) == 1


def with_database(database_url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    """Run ``await work(database)`` from synchronous code."""

    async def run() -> T:
        database = Database(database_url, pool_size=1, application_name="onboarding-cli")
        try:
            return await work(database)
        finally:
            await database.close()

    return run_apart(run())


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in a thread of its own: the caller may have a running loop."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="onboarding-cli") as threads:
        return threads.submit(asyncio.run, work).result()
