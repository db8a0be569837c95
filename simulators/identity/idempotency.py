"""Idempotency keys: the same key and parameters give the same answer for 24 hours.

As the vendor does, only answers of calls that were carried out are kept: a refusal, or a failure before anything was
done, leaves the key free. A call whose answer was lost on its way was carried out: its repetition gives that answer.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from simulators.identity.errors import VendorError
from simulators.identity.forms import Form
from simulators.identity.storage import Storage

_KEYS = "idempotency_keys"
_LIFETIME_SECONDS = 24 * 3600
_LONGEST = 255


def digest(method: str, path: str, form: Form) -> str:
    """What tells two calls apart: nothing of their parameters can be read from it."""
    return hashlib.sha256(json.dumps([method, path, form], sort_keys=True).encode()).hexdigest()


class Keys:
    """The keys of calls that run or were answered."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._running: set[str] = set()
        self._kept: dict[str, dict[str, Any]] = storage.table(_KEYS)
        for key in [key for key, kept in self._kept.items() if self._is_old(kept)]:
            del self._kept[key]
            storage.remove(_KEYS, key)

    @contextmanager
    def running(self, key: str | None) -> Iterator[None]:
        """Hold a key while its call runs.

        Raises:
            VendorError: 409 where another call with it runs, 400 where it is too long.
        """
        if key is None:
            yield
            return
        if len(key) > _LONGEST:
            raise VendorError(400, f"Idempotency keys may not be longer than {_LONGEST} characters")
        if key in self._running:
            raise VendorError(
                409,
                "There is currently another in-progress request using this Idempotent Key. Please try again later.",
                type_="idempotency_error",
                code="idempotency_key_in_use",
            )
        self._running.add(key)
        try:
            yield
        finally:
            self._running.discard(key)

    def find(self, key: str | None, asked: str) -> dict[str, Any] | None:
        """The answer that was kept: ``{body, request}``; None where the key is new.

        Raises:
            VendorError: 400 where the key was used with other parameters.
        """
        kept = self._kept.get(key) if key is not None else None
        if kept is None or self._is_old(kept):
            return None
        if kept["asked"] != asked:
            raise VendorError(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were first used with.",
                type_="idempotency_error",
            )
        return kept

    def keep(self, key: str | None, asked: str, body: dict[str, Any], request: str) -> None:
        """Keep the answer of a call that was carried out; ``request`` is the call's own id."""
        if key is None:
            return
        self._kept[key] = {"asked": asked, "body": body, "request": request, "at": time.time()}
        self._storage.put(_KEYS, key, self._kept[key])

    @staticmethod
    def _is_old(kept: dict[str, Any]) -> bool:
        return bool(time.time() - kept["at"] > _LIFETIME_SECONDS)
