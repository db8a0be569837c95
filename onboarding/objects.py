"""Where the bytes of files are kept: a folder of this machine, or a bucket that speaks S3.

A small port over one maintained library, so that both behave alike: an object is there as a whole or not at all, and
nothing but its bytes is known of it. What is put here is sealed already.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

S3 = "s3://"
"""How the name of a bucket begins; anything else is a folder."""

CALL = timedelta(seconds=10)
"""The longest that one call of a bucket may take, its retries included."""

_FOLDER_MODE = 0o700


class ObjectMissing(Exception):  # noqa: N818 -- says what is
    """There is no object of this name. Holds no name."""


class StoreUnavailable(Exception):  # noqa: N818 -- says what is
    """The store can't be reached, or does not let us in: unknown, not gone. Holds no name and no address."""


class Objects:
    """Objects by name, such as ``0d/file_0d7…/00``; names are ours and hold no caller's string.

    Every method raises :class:`StoreUnavailable` where the store can't be asked.

    Args:
        open_store: makes the library's store; called when it is first needed, and again until it succeeds.
        folder: that of a store on this machine, whose file system is asked besides.
    """

    def __init__(self, open_store: Callable[[], ObjectStore], folder: Path | None = None) -> None:
        self._open_store = open_store
        self._folder = folder
        self._opened: ObjectStore | None = None

    async def put(self, name: str, content: bytes | bytearray | memoryview) -> None:
        """Write an object, in place of any of this name."""
        with _translated():
            await obstore.put_async(self._store, name, content, use_multipart=False)

    async def get(self, name: str) -> bytes:
        """An object's bytes.

        Raises:
            ObjectMissing: there is none.
        """
        with _translated():
            try:
                found = await obstore.get_async(self._store, name)
                return bytes(await found.bytes_async())
            except FileNotFoundError:
                raise ObjectMissing from None

    async def settle(self, prefix: str) -> None:
        """Return when everything below a prefix outlives a loss of power; a bucket's answer has said so already."""
        if self._folder is not None:
            with _translated():
                await asyncio.to_thread(_flush, self._folder / prefix)

    async def remove(self, prefix: str) -> None:
        """Remove everything below a prefix, what a crash left half written included; nothing there is no error."""
        with _translated():
            if self._folder is not None:
                await asyncio.to_thread(_remove_tree, self._folder / prefix)
                return
            names = [meta["path"] async for some in obstore.list(self._store, prefix) for meta in some]
            if names:
                await obstore.delete_async(self._store, names)

    @property
    def _store(self) -> ObjectStore:
        if self._opened is None:
            self._opened = self._open_store()
        return self._opened


def objects_at(location: str) -> Objects:
    """The objects at a folder, or at ``s3://bucket/prefix``.

    Credentials, region and address of a bucket come from the environment, in the names that all S3 clients share
    (``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``AWS_REGION``, ``AWS_ENDPOINT_URL``, ``AWS_ALLOW_HTTP``).
    Nothing is opened yet.
    """
    if location.startswith(S3):
        return Objects(lambda: _bucket(location))
    folder = Path(location).expanduser().absolute()
    return Objects(lambda: _in_folder(folder), folder)


def _bucket(location: str) -> ObjectStore:
    # The library reads this one itself only where it is given no other option.
    allow_http = os.environ.get("AWS_ALLOW_HTTP", "").lower() in {"1", "true"}
    return S3Store.from_url(
        location,
        client_options={"timeout": CALL, "connect_timeout": CALL / 3, "allow_http": allow_http},
        retry_config={"max_retries": 3, "retry_timeout": CALL},
    )


def _in_folder(folder: Path) -> ObjectStore:
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    return LocalStore(folder)


def _flush(folder: Path) -> None:
    """Flush the files of a folder, the folder, and the one that names it."""
    for path in (*sorted(folder.iterdir()), folder, folder.parent, folder.parent.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove_tree(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return


@contextmanager
def _translated() -> Iterator[None]:
    """The library's errors as ours, without their messages: those name addresses and credentials."""
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        raise StoreUnavailable(type(error).__name__) from None
