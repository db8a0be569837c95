"""Uploaded files, as calls.

An upload is written part by part as it comes in: first a row that says that it is under way, then its parts, sealed,
then in one transaction the idempotency key, the file's row and the end of the first row. So a file is there as a whole
or not at all, and what a crash leaves is known by its row and removed by the sweep.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from onboarding.crypto import SealBroken
from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.files.means import Means, StoredFile
from onboarding.files.parts import FileCipher, count_of, name_of, prefix_of
from onboarding.files.upload import Upload
from onboarding.objects import ObjectMissing
from onboarding.storage import files, listing
from onboarding.storage.listing import Cursor, Page, Scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from onboarding.crypto import AccountKeys, KeyRing
    from onboarding.door.callers import Caller
    from onboarding.door.door import Door
    from onboarding.objects import Objects
    from onboarding.storage.database import Database, Reading
    from onboarding.storage.files import FoundFile
    from onboarding.storage.rows import FileRow

LEFT_AFTER = timedelta(hours=1)
"""An upload that is older than this was left by a crash: the longest that one may take is far less."""

_log = structlog.stdlib.get_logger("files")


class FileDamaged(Exception):  # noqa: N818 -- says what is
    """A part of a file is gone, or is not the one that was stored. Nothing of it was shown."""


@dataclass(frozen=True, slots=True)
class Contents:
    """A file and its plain bytes, part by part; the first part has been opened already."""

    file: StoredFile
    parts: AsyncIterator[bytes] = field(repr=False)


class Files:
    """Every method answers only about files of the caller's platform and mode; anything else is ``not_found``.

    ``account_id`` is the account that the caller acts for, or empty: an account's files and its platform's own are
    kept apart.
    """

    def __init__(self, database: Database, ring: KeyRing, door: Door, objects: Objects) -> None:
        self._means = Means(database, ring, door, objects)

    @asynccontextmanager
    async def upload(self, caller: Caller, account_id: str = "") -> AsyncIterator[Upload]:
        """Take in one file. Whatever was stored of it is removed again unless :meth:`Upload.commit` was reached.

        Raises:
            Refusal: ``not_found``: no such account; ``account_closed``.
        """
        scope = _scope(caller, account_id)
        keys = await self._open_account(scope)
        upload = Upload(self._means, caller, scope, keys)
        try:
            yield upload
        finally:
            if upload.is_begun and not upload.is_done:
                await self._give_up(upload.file_id)

    async def get(self, caller: Caller, file_id: str, account_id: str = "") -> StoredFile:
        """One file."""
        return self._stored(await self._find(_scope(caller, account_id), file_id))

    async def list(
        self,
        caller: Caller,
        account_id: str = "",
        *,
        limit: int = 10,
        starting_after: str | None = None,
        ending_before: str | None = None,
        purpose: str | None = None,
        since: datetime | None = None,
        before: datetime | None = None,
    ) -> tuple[list[StoredFile], bool]:
        """Files, newest first, and whether there are more in that direction.

        Raises:
            Refusal: ``not_found``: no such account; ``parameter_invalid``: no such file to start from.
        """
        scope = _scope(caller, account_id)
        keys = await self._open_account(scope, closed=True)
        async with self._means.database.reading() as r:
            after, upto = [
                await self._cursor(r, scope, file_id, name)
                for file_id, name in ((starting_after, "starting_after"), (ending_before, "ending_before"))
            ]
            page = Page(limit + 1, after, upto)
            rows = await listing.list_files(r, scope, page, purpose=purpose, since=since, before=before)
        more = len(rows) > limit
        kept = rows[-limit:] if ending_before is not None else rows[:limit]
        return [self._means.opened(row, keys) for row in kept], more

    async def contents(self, caller: Caller, file_id: str, account_id: str = "") -> Contents:
        """A file with its bytes.

        Raises:
            FileDamaged: its first part; a later one is found while the parts are read.
            StoreUnavailable: the store can't be asked.
        """
        return await self._contents(await self._find(_scope(caller, account_id), file_id))

    async def contents_for(self, account_id: str, file_id: str) -> Contents:
        """The same for an account that may use the file: its own, or its platform's."""
        async with self._means.database.reading() as r:
            found = await files.find_usable(r, account_id, file_id)
        if found is None:
            raise _not_found()
        return await self._contents(found)

    async def purge(self, limit: int = 20) -> int:
        """Remove some of what crashed uploads left; how many of them. The sweep calls it.

        It ends with the first one that can't be removed: a store that is down must not hold up a sweep for each.
        """
        async with self._means.database.reading() as r:
            left = await files.left_over(r, older_than=LEFT_AFTER, limit=limit)
        for count, file_id in enumerate(left):
            if not await self._give_up(file_id):
                return count
        return len(left)

    async def _give_up(self, file_id: str) -> bool:
        """Remove what there is of an upload, unless it was finished after all.

        Its row is locked meanwhile: where nobody knows whether a commit under way was lost, this waits for it.
        """
        try:
            async with self._means.database.transaction() as tx:
                if not await files.lock_upload(tx, file_id):
                    return False
                await self._means.objects.remove(prefix_of(file_id))
                return await files.end(tx, file_id)
        except Exception as error:  # noqa: BLE001 -- whatever it was, its row stays and the sweep tries again
            _log.warning("upload_left", error=type(error).__name__)
            return False

    async def _open_account(self, scope: Scope, *, closed: bool = False) -> AccountKeys | None:
        """The keys of the account that is acted for; None for the platform itself."""
        if scope.account_id is None:
            return None
        async with self._means.database.reading() as r:
            owner = await files.find_owner(r, scope)
        if owner is None or owner.keys is None:
            raise Refusal("not_found", "No such account.", kind=RefusalKind.NOT_FOUND)
        if owner.closed and not closed:
            raise Refusal("account_closed", "The account is closed and can't be changed.")
        return self._means.door.unwrap(scope.account_id, owner.keys)

    async def _find(self, scope: Scope, file_id: str) -> FoundFile:
        async with self._means.database.reading() as r:
            found = await files.find(r, scope, file_id)
        if found is None:
            raise _not_found()
        return found

    async def _cursor(self, r: Reading, scope: Scope, file_id: str | None, param: str) -> Cursor | None:
        if file_id is None:
            return None
        found = await files.find(r, scope, file_id)
        if found is None:
            raise Refusal("parameter_invalid", "There is no such file.", param=param, type="invalid_request_error")
        return Cursor(found.row.created_at, found.row.id)

    def _stored(self, found: FoundFile) -> StoredFile:
        """The file; ``not_found`` where its account was erased."""
        row = found.row
        if row.account_id is None:
            return self._means.opened(row, None)
        if found.keys is None:
            raise _not_found()
        return self._means.opened(row, self._means.door.unwrap(row.account_id, found.keys))

    async def _contents(self, found: FoundFile) -> Contents:
        stored = self._stored(found)
        parts = self._parts(stored.row, stored.key)
        first = await anext(parts)

        async def all_parts() -> AsyncIterator[bytes]:
            yield first
            async for part in parts:
                yield part

        return Contents(stored, all_parts())

    async def _parts(self, row: FileRow, key: bytes) -> AsyncIterator[bytes]:
        cipher = FileCipher(key, row.id)
        count = count_of(row.size, row.part_bytes)
        for number in range(count):
            try:
                sealed = await self._means.objects.get(name_of(row.id, number))
                yield cipher.open(number, sealed, last=number == count - 1)
            except (ObjectMissing, SealBroken) as error:
                _log.error("file_damaged", file=row.id, part=number, error=type(error).__name__)
                raise FileDamaged from None


def _scope(caller: Caller, account_id: str) -> Scope:
    return Scope(caller.platform_id, caller.livemode, account_id or None)


def _not_found() -> Refusal:
    return Refusal("not_found", "No such file.", kind=RefusalKind.NOT_FOUND)
