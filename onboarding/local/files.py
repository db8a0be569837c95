"""Locks and private files, shared by the parts."""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from onboarding.local.errors import LocalSetupError

# Only the end of a log is wanted, and a log may be large.
_TAIL_BYTES = 20_000


def write_private(path: Path, text: str) -> None:
    """Replace `path` by `text` in one step; only its owner can read it.

    Raises:
        LocalSetupError: the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # made with mode 0600
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except OSError as error:
        msg = f"{path} cannot be written ({error.strerror}): make {path.parent} writable for you"
        raise LocalSetupError(msg) from error


def try_lock(path: Path) -> IO[str] | None:
    """Take the lock file `path`, or return None if another process holds it.

    The lock lasts until the returned file is closed or this process ends, however
    it ends. The holder's process id is written into the file for messages.

    Raises:
        LocalSetupError: the file cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        msg = f"{path} cannot be written ({error.strerror}): make {path.parent} writable for you"
        raise LocalSetupError(msg) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


@contextlib.contextmanager
def locked(path: Path, *, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file `path`; `waiting` is called once if another process holds it now."""
    file = try_lock(path)
    if file is None:
        waiting()
        file = path.open("a+", encoding="utf-8")
        fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        file.close()


def last_lines(path: Path, count: int = 3, *, since: int = 0) -> str:
    """The last `count` lines of a log that say something, joined by ` | `; empty if there are none.

    Args:
        path: the log; it need not exist.
        count: how many lines.
        since: bytes at its beginning to leave out: what an earlier process wrote.
    """
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - _TAIL_BYTES, since))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return " | ".join([line.strip() for line in lines if line.strip()][-count:])
