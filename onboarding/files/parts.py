"""How a file is sealed: in parts of one size, each an object of its own, under a key of the file's own.

::

    account data key, or the platform's           seals the file's row: its name and
      └─ file key (32 random bytes)               seals the parts
           part n of the file                     AES-GCM; nonce: 7 zero bytes | n (4 bytes) | 1 for the last, else 0

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance", 2015): a part that was altered, left out, repeated, swapped with another or taken from another file
does not open, and neither does a file that ends too early. No nonce is used twice, since no file has another's key.
Destroying the account's key makes the row unreadable, and with it the key of every part. Parts without a row (an upload
that was not finished) are unreadable at once: their key was in memory only.
"""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from onboarding.crypto import KEY_BYTES, SealBroken

PART_BYTES = 256 * 1024
"""Plain bytes of every part but the last: what one upload holds in memory, twice."""

_PREFIX = bytes(7)
_SHARD_CHARACTERS = 2


class FileCipher:
    """Seals and opens the parts of one file."""

    def __init__(self, key: bytes, file_id: str) -> None:
        self._cipher = AESGCM(key)
        self._bound = b"onboarding/v1/file/" + file_id.encode()

    def seal(self, number: int, plain: bytes | bytearray, *, last: bool) -> bytes:
        """Seal part ``number``, counted from 0; each number once."""
        return self._cipher.encrypt(_nonce(number, last=last), plain, self._bound)

    def open(self, number: int, sealed: bytes, *, last: bool) -> bytes:
        """The part that was sealed as this one.

        Raises:
            SealBroken: it was not.
        """
        try:
            return self._cipher.decrypt(_nonce(number, last=last), sealed, self._bound)
        except InvalidTag:
            raise SealBroken from None


def new_key() -> bytes:
    """A fresh random key for one file."""
    return secrets.token_bytes(KEY_BYTES)


def prefix_of(file_id: str) -> str:
    """Where the parts of a file are: in one of 1024 shards, by the random tail of its id."""
    return f"{file_id[-_SHARD_CHARACTERS:]}/{file_id}"


def name_of(file_id: str, number: int) -> str:
    """The object that holds a part."""
    return f"{prefix_of(file_id)}/{number:03}"


def count_of(size: int, part_bytes: int) -> int:
    """How many parts a file of ``size`` bytes has, at least 1."""
    return max(1, -(-size // part_bytes))


def _nonce(number: int, *, last: bool) -> bytes:
    return _PREFIX + number.to_bytes(4, "big") + bytes((last,))
