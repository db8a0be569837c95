"""What files are made with, and how their rows are sealed."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from onboarding.crypto import AccountKeys, KeyRing
    from onboarding.door.door import Door
    from onboarding.objects import Objects
    from onboarding.storage.database import Database
    from onboarding.storage.listing import Scope
    from onboarding.storage.rows import FileRow

GROUP = "file"
"""Field group, and purpose of a platform's key, under which a file's name and key are sealed."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file with what its row holds sealed: its name, and the key of its parts."""

    row: FileRow
    name: str | None = field(repr=False)
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Means:
    """The parts of the process that files need."""

    database: Database
    ring: KeyRing
    door: Door
    objects: Objects

    def seal(self, file_id: str, scope: Scope, keys: AccountKeys | None, key: bytes, name: str | None) -> bytes:
        """Seal a file's name and key: under the keys of its account, or its platform's where it has none."""
        plain = orjson.dumps({"key": base64.b64encode(key).decode(), "name": name})
        if scope.account_id is None or keys is None:
            return self.ring.seal_platform(plain, platform=scope.platform_id, purpose=GROUP, ref=file_id)
        return keys.seal(plain, account=scope.account_id, subject=file_id, group=GROUP, version=1)

    def opened(self, row: FileRow, keys: AccountKeys | None) -> StoredFile:
        """A row with what :meth:`seal` sealed.

        Raises:
            SealBroken: it is another row's, or was altered.
        """
        if row.account_id is None or keys is None:
            plain = self.ring.open_platform(row.sealed, platform=row.platform_id, purpose=GROUP, ref=row.id)
        else:
            plain = keys.open(row.sealed, account=row.account_id, subject=row.id, group=GROUP, version=1)
        said: dict[str, Any] = orjson.loads(plain)
        return StoredFile(row, said["name"], base64.b64decode(said["key"]))
