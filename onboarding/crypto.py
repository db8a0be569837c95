"""Keys: what is sealed with which, and how values become digests.

::

    root key (settings, several during a rotation)
      ├─ HKDF "account-keys"          wraps each account's data key and digest key
      ├─ HKDF "platform:<purpose>"    seals what belongs to a platform (names, signing secrets)
      └─ HKDF "digest:<purpose>"      digests of API keys, idempotency keys and request fingerprints
    account data key                  seals the values of one account; destroyed by an erasure
    account digest key                keys the digests of one account's values; never rotated; destroyed with the other

One envelope for all: ``0x01 | key id (2 bytes, 0 for an account's own key) | nonce (12) | ciphertext and tag``. What a
value belongs to is authenticated with it, so a ciphertext moved to another row does not open.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from onboarding.shape import NORMALISER_VERSION

KEY_BYTES = 32
DIGEST_CHARACTERS = 32
"""128 bits in hex: enough against collisions, and short in indexes."""

_VERSION = 1
_NONCE_BYTES = 12
_TAG_BYTES = 16
_HEADER_BYTES = 3
_MAX_KEY_ID = 0xFFFF
_OWN_KEY = 0


class SealBroken(Exception):  # noqa: N818 -- says what happened to the seal
    """A sealed value does not open: another row's, altered, or its key is gone. Holds no value."""


@dataclass(frozen=True, slots=True, repr=False)
class AccountKeys:
    """The two keys of one account, in memory only."""

    data_key: bytes
    digest_key: bytes
    _cipher: AESGCM = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_cipher", AESGCM(self.data_key))

    def seal(self, plain: bytes, *, account: str, subject: str, group: str, version: int) -> bytes:
        """Seal one field group of one subject; ``version`` is that of the value, so that an old one can't come back."""
        return _seal(self._cipher, _OWN_KEY, plain, _bound("value", account, subject, group, str(version)))

    def open(self, sealed: bytes, *, account: str, subject: str, group: str, version: int) -> bytes:
        """The value that :meth:`seal` sealed with the same four names.

        Raises:
            SealBroken: other names, another account's key, or altered bytes.
        """
        return _open(self._cipher, sealed, _bound("value", account, subject, group, str(version)))

    def try_open(self, sealed: bytes, *, account: str, subject: str, group: str, version: int) -> bytes | None:
        """What :meth:`open` answers, or None where the seal is broken: for what is shown as far as it can be read."""
        try:
            return self.open(sealed, account=account, subject=subject, group=group, version=version)
        except SealBroken:
            return None

    def digest(self, label: str, value: str) -> str:
        """Keyed digest of a normalised value, 32 characters of hex.

        The same value under another label, in another account, or by other rules of normalisation gives another
        digest.
        """
        return _mac(self.digest_key, f"n{NORMALISER_VERSION}", label, value)


@dataclass(frozen=True, slots=True)
class WrappedKeys:
    """An account's keys as its row holds them."""

    data_key: bytes = field(repr=False)
    digest_key: bytes = field(repr=False)


class KeyRing:
    """The root keys, by id. The highest id seals; every id opens.

    The lowest id makes the platform digests, so that they outlive a rotation: it must stay in the ring as long as API
    keys that were made under it are in use.

    Args:
        keys: id (1 to 65535) to 32 random bytes.

    Raises:
        ValueError: no key, an id out of range, or a key of another length; the message holds no key.
    """

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        if not keys:
            raise ValueError("a key ring needs at least one key")
        for key_id, key in keys.items():
            if not 1 <= key_id <= _MAX_KEY_ID:
                raise ValueError(f"key id {key_id} is not between 1 and {_MAX_KEY_ID}")
            if len(key) != KEY_BYTES:
                raise ValueError(f"key {key_id} must be {KEY_BYTES} bytes long, is {len(key)}")
        self._keys = dict(keys)
        self._current = max(keys)
        self._oldest = min(keys)
        self._ciphers: dict[tuple[int, str], AESGCM] = {}
        self._digest_keys: dict[str, bytes] = {}

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """Read ``"1:base64,2:base64"``.

        Raises:
            ValueError: another form; the message holds no key.
        """
        keys: dict[int, bytes] = {}
        for number, part in enumerate(text.split(","), start=1):
            key_id, colon, encoded = part.strip().partition(":")
            if not colon or not key_id.isascii() or not key_id.isdigit():
                raise ValueError(f"part {number} is not <id>:<base64>")
            if int(key_id) in keys:
                raise ValueError(f"key id {int(key_id)} is there twice")
            try:
                keys[int(key_id)] = base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                raise ValueError(f"key {int(key_id)} is not base64") from None
        return cls(keys)

    @property
    def current_id(self) -> int:
        """Id of the key that seals."""
        return self._current

    def new_account_keys(self) -> AccountKeys:
        """Fresh random keys for a new account."""
        return AccountKeys(secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES))

    def wrap(self, keys: AccountKeys, *, account: str) -> WrappedKeys:
        """Seal an account's keys under the current root key, bound to the account."""
        cipher = self._cipher(self._current, "account-keys")
        return WrappedKeys(
            _seal(cipher, self._current, keys.data_key, _bound("data-key", account)),
            _seal(cipher, self._current, keys.digest_key, _bound("digest-key", account)),
        )

    def unwrap(self, wrapped: WrappedKeys, *, account: str) -> AccountKeys:
        """The keys that :meth:`wrap` sealed for this account.

        Raises:
            SealBroken: another account's, altered, or the root key is not in the ring.
        """
        return AccountKeys(
            self._unseal("account-keys", wrapped.data_key, _bound("data-key", account)),
            self._unseal("account-keys", wrapped.digest_key, _bound("digest-key", account)),
        )

    def platform_digest(self, purpose: str, *parts: str) -> str:
        """Keyed digest of ``parts`` for one purpose, 32 characters of hex; no account's key is involved."""
        key = self._digest_keys.get(purpose)
        if key is None:
            key = self._digest_keys[purpose] = _derived(self._keys[self._oldest], f"digest:{purpose}")
        return _mac(key, *parts)

    def seal_platform(self, plain: bytes, *, platform: str, purpose: str, ref: str) -> bytes:
        """Seal what belongs to a platform; ``ref`` is the id of the row that holds it."""
        cipher = self._cipher(self._current, f"platform:{purpose}")
        return _seal(cipher, self._current, plain, _bound("platform", platform, purpose, ref))

    def open_platform(self, sealed: bytes, *, platform: str, purpose: str, ref: str) -> bytes:
        """The value that :meth:`seal_platform` sealed with the same three names.

        Raises:
            SealBroken: other names, altered bytes, or the root key is not in the ring.
        """
        return self._unseal(f"platform:{purpose}", sealed, _bound("platform", platform, purpose, ref))

    def _unseal(self, purpose: str, sealed: bytes, bound: bytes) -> bytes:
        key_id = int.from_bytes(sealed[1:_HEADER_BYTES], "big")
        if key_id not in self._keys:
            raise SealBroken
        return _open(self._cipher(key_id, purpose), sealed, bound)

    def _cipher(self, key_id: int, purpose: str) -> AESGCM:
        cipher = self._ciphers.get((key_id, purpose))
        if cipher is None:
            cipher = self._ciphers[key_id, purpose] = AESGCM(_derived(self._keys[key_id], purpose))
        return cipher


def _derived(root: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"onboarding/v1/{purpose}".encode()).derive(root)


def _seal(cipher: AESGCM, key_id: int, plain: bytes, bound: bytes) -> bytes:
    header = bytes((_VERSION,)) + key_id.to_bytes(2, "big")
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return header + nonce + cipher.encrypt(nonce, plain, header + bound)


def _open(cipher: AESGCM, sealed: bytes, bound: bytes) -> bytes:
    if len(sealed) < _HEADER_BYTES + _NONCE_BYTES + _TAG_BYTES or sealed[0] != _VERSION:
        raise SealBroken
    header, nonce = sealed[:_HEADER_BYTES], sealed[_HEADER_BYTES : _HEADER_BYTES + _NONCE_BYTES]
    try:
        return cipher.decrypt(nonce, sealed[_HEADER_BYTES + _NONCE_BYTES :], header + bound)
    except InvalidTag:
        raise SealBroken from None


def _bound(*parts: str) -> bytes:
    """The parts as one byte string, each with its length in front: no two lists of parts give the same one."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


def _mac(key: bytes, *parts: str) -> str:
    return hmac.new(key, _bound(*parts), sha256).hexdigest()[:DIGEST_CHARACTERS]
