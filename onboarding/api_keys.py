"""Who an API key stands for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from onboarding.door.callers import Caller, KeyKind
from onboarding.storage.keys import find_key

if TYPE_CHECKING:
    from datetime import timedelta

    from onboarding.crypto import KeyRing
    from onboarding.storage.database import Database

API_KEY_DIGEST = "api-key"
"""Purpose of the keyed digest under which an API key is stored."""

REMEMBERED = 1000
"""Keys at most that a process remembers."""


class ApiKeys:
    """Finds the caller of a key, and remembers it for a moment: asking costs a request as much as answering it.

    So a key that was revoked is good for that moment still, in a process that has just seen it. A key that is not known
    is never remembered.

    Args:
        database: where keys are.
        ring: makes their digests.
        moment: how long one is remembered; zero to ask every time.
    """

    def __init__(self, database: Database, ring: KeyRing, moment: timedelta) -> None:
        self._database = database
        self._ring = ring
        self._seconds = moment.total_seconds()
        self._known: dict[str, tuple[float, Caller]] = {}

    async def caller(self, secret: str) -> Caller | None:
        """The caller that an API key stands for; None if there is no such key, it was revoked or it has ended."""
        digest = self._ring.platform_digest(API_KEY_DIGEST, secret)
        now = time.monotonic()
        until, known = self._known.get(digest, (now, None))
        if until > now:
            return known
        async with self._database.reading() as r:
            row = await find_key(r, digest)
        if row is None:
            self._known.pop(digest, None)
            return None
        kind = KeyKind(row.kind)
        caller = Caller(
            row.platform_id,
            row.livemode,
            row.id,
            scopes=frozenset(row.scopes or ()) if kind is KeyKind.RESTRICTED else None,
            kind=kind,
            country=row.platform_country,
        )
        if self._seconds:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[digest] = (now + self._seconds, caller)
        return caller
