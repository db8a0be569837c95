"""One file on its way in."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.files.content import Inspection, unsupported
from onboarding.files.means import GROUP
from onboarding.files.parts import PART_BYTES, FileCipher, name_of, new_key, prefix_of
from onboarding.files.purposes import MAX_BYTES, UPLOADED
from onboarding.ids import new_id
from onboarding.storage import files

if TYPE_CHECKING:
    from collections.abc import Callable

    from onboarding.crypto import AccountKeys
    from onboarding.door.callers import Caller, RequestKey
    from onboarding.files.means import Means, StoredFile
    from onboarding.storage.listing import Scope

LONGEST = timedelta(minutes=30)
"""How long an upload may take."""


class Upload:
    """One file on its way in. Holds one part of it in memory, and once more while that is sealed and stored.

    Attributes:
        file_id: the id that the file gets.
        is_begun: something of it may be stored.
        is_done: it was committed.
    """

    def __init__(self, means: Means, caller: Caller, scope: Scope, keys: AccountKeys | None) -> None:
        self._means = means
        self._caller = caller
        self._scope = scope
        self._keys = keys
        self.file_id = new_id("file_")
        self.is_begun = False
        self.is_done = False
        self._key = new_key()
        self._cipher = FileCipher(self._key, self.file_id)
        self._inspection = Inspection()
        self._hash = hashlib.sha256()
        self._buffer = bytearray()
        self._size = 0
        self._number = 0
        self._ends = time.monotonic() + LONGEST.total_seconds()

    async def write(self, content: bytes) -> None:
        """The next bytes, however few or many.

        Raises:
            Refusal: the file is too large, or nothing that is accepted.
            StoreUnavailable: the store can't be asked.
        """
        self._size += len(content)
        if self._size > MAX_BYTES:
            raise too_large(MAX_BYTES)
        if time.monotonic() > self._ends:
            raise _invalid("The upload took too long.")
        self._buffer += content
        # One part is kept back, since the last one is sealed as the last.
        while len(self._buffer) > PART_BYTES:
            await self._store(PART_BYTES, last=False)

    async def commit(
        self,
        purpose: str,
        name: str | None,
        key: RequestKey | None,
        answer: Callable[[StoredFile], dict[str, Any]],
    ) -> dict[str, Any]:
        """The file is whole: keep it for this purpose; ``key`` must be bound to everything but its content.

        What ``answer`` makes of the file is answered, and kept with the key.

        Raises:
            Refusal: it is empty, of a type or size that the purpose does not accept; ``idempotency_error``.
        """
        accepted = UPLOADED[purpose]
        if not self._size:
            raise _invalid("The file is empty.")
        if self._size > accepted.max_bytes:
            raise too_large(accepted.max_bytes)
        if not self.is_begun:
            self._inspection.look(self._buffer, last=True)
            self._refuse_type(accepted.types)
        await self._store(len(self._buffer), last=True)
        self._refuse_type(accepted.types)
        await self._means.objects.settle(prefix_of(self.file_id))
        if key is not None:
            key = replace(key, fingerprint=key.fingerprint + self._hash.digest())
        async with self._means.database.transaction() as tx:
            # A repeated request ends here: v1's door answers it (onboarding.door.callers.Replayed).
            await self._means.door.claim(tx, self._caller, key, self._scope.account_id, self.file_id, self._keys)
            if not await files.end(tx, self.file_id):
                raise _invalid("The upload took too long.")
            row = await files.create(
                tx,
                file_id=self.file_id,
                scope=self._scope,
                purpose=purpose,
                kind=self._inspection.type or "",
                size=self._size,
                part_bytes=PART_BYTES,
                digest=self._digest(),
                sealed=self._means.seal(self.file_id, self._scope, self._keys, self._key, name),
            )
            document = answer(self._means.opened(row, self._keys))
            await self._means.door.keep(tx, self._caller, key, document, self._keys)
        self.is_done = True
        return document

    async def _store(self, count: int, *, last: bool) -> None:
        part = bytes(memoryview(self._buffer)[:count])
        del self._buffer[:count]
        self._inspection.look(part, last=last)
        self._hash.update(part)
        if not self.is_begun:
            self.is_begun = True
            async with self._means.database.reading() as r:
                await files.begin(r, self.file_id)
        sealed = self._cipher.seal(self._number, part, last=last)
        await self._means.objects.put(name_of(self.file_id, self._number), sealed)
        self._number += 1

    def _refuse_type(self, types: tuple[str, ...]) -> None:
        if self._inspection.type not in types:
            raise unsupported(types)

    def _digest(self) -> str:
        content = self._hash.hexdigest()
        if self._keys is not None:
            return self._keys.digest(GROUP, content)
        return self._means.ring.platform_digest(GROUP, self._scope.platform_id, content)


def too_large(limit: int) -> Refusal:
    """The refusal of a file of more than ``limit`` bytes."""
    return Refusal(
        "request_too_large",
        f"The file must not have more than {limit} bytes.",
        param="file",
        kind=RefusalKind.TOO_LARGE,
        type="invalid_request_error",
    )


def _invalid(message: str) -> Refusal:
    return Refusal("parameter_invalid", message, param="file", type="invalid_request_error")
