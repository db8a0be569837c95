"""What survives: named tables of JSON values in one sealed, append-only file.

Each change is one line, sealed with a key of this folder's own and handed to the operating system before the caller
goes on: nothing is lost if the process is killed, and nothing that people typed can be read in the file. The file is
written anew (a temporary file, synced, renamed) at each start, and while running once it has grown far beyond what it
holds or something has to be forgotten for good.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

_KEY_FILE = "state.key"
_LOG_FILE = "state.log"
_SPARE_LINES = 2000


class StateUnreadableError(Exception):
    """The state folder can't be used: in use, not writable, or damaged."""


class Storage:
    """Tables in memory that are also in a folder. One process may use a folder at a time.

    Raises:
        StateUnreadableError: where the folder can't be used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables: dict[str, dict[str, Any]] = {}
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = self._open(_KEY_FILE, os.O_RDWR | os.O_CREAT)
            self._take_lock()
            self._fernet = Fernet(self._key())
            self._read()
            self._log, self._lines = -1, 0
            self.compact()
        except OSError as error:
            raise StateUnreadableError(f"the state folder can't be used: {error.strerror}") from None

    def table(self, name: str) -> dict[str, Any]:
        """What a table holds, by id; not to be changed."""
        return dict(self._tables.get(name, {}))

    def put(self, table: str, id_: str, value: Any) -> None:
        """Keep a value, in place of an earlier one."""
        self._apply(table, id_, value)
        os.write(self._log, self._sealed(table, id_, value))
        self._lines += 1
        if self._lines > _SPARE_LINES + 4 * sum(map(len, self._tables.values())):
            self.compact()

    def remove(self, table: str, id_: str) -> None:
        """Keep a value no longer; the next :meth:`compact` forgets it."""
        self.put(table, id_, None)

    def compact(self) -> None:
        """Write only what the tables hold: what was replaced or removed is gone from the folder."""
        temporary = f"{_LOG_FILE}.new"
        lines = [self._sealed(name, id_, value) for name, held in self._tables.items() for id_, value in held.items()]
        new = self._open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        with os.fdopen(os.dup(new), "wb") as file:
            file.writelines(lines)
        os.fsync(new)
        (self._folder / temporary).rename(self._folder / _LOG_FILE)
        folder = os.open(self._folder, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        if self._log >= 0:
            os.close(self._log)
        self._log = new
        self._lines = len(lines)

    def close(self) -> None:
        """Sync and let go of the folder."""
        os.fsync(self._log)
        os.close(self._log)
        os.close(self._lock)

    def _open(self, name: str, flags: int) -> int:
        return os.open(self._folder / name, flags | os.O_CLOEXEC, 0o600)

    def _take_lock(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateUnreadableError("the state folder is in use by another process") from None

    def _key(self) -> bytes:
        key = os.read(self._lock, 100)
        if key:
            return key
        if (self._folder / _LOG_FILE).exists():
            raise StateUnreadableError("the state folder has lost its key")
        key = Fernet.generate_key()
        os.write(self._lock, key)
        os.fsync(self._lock)
        return key

    def _read(self) -> None:
        path = self._folder / _LOG_FILE
        if not path.exists():
            return
        # What follows the last line break is a line that was being written when the process was killed.
        *lines, _ = path.read_bytes().split(b"\n")
        try:
            for line in lines:
                self._apply(*json.loads(self._fernet.decrypt(line)))
        except (InvalidToken, ValueError, TypeError):
            raise StateUnreadableError("the state folder is damaged, or its key is of another folder") from None

    def _apply(self, table: str, id_: str, value: Any) -> None:
        held = self._tables.setdefault(table, {})
        if value is None:
            held.pop(id_, None)
        else:
            held[id_] = value

    def _sealed(self, table: str, id_: str, value: Any) -> bytes:
        return self._fernet.encrypt(json.dumps([table, id_, value]).encode()) + b"\n"
