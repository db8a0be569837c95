"""A sealed value opens only where it belongs, and only unaltered."""

from __future__ import annotations

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.crypto import AccountKeys, KeyRing, SealBroken, WrappedKeys

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
RING = KeyRing({1: OLD})
KEYS = RING.new_account_keys()
NAMES = {"account": "acct_1", "subject": "person_1", "group": "name", "version": 1}


@given(st.binary(max_size=200))
def test_what_was_sealed_opens(plain: bytes) -> None:
    sealed = KEYS.seal(plain, account="acct_1", subject="person_1", group="name", version=1)

    assert KEYS.open(sealed, account="acct_1", subject="person_1", group="name", version=1) == plain
    assert plain not in sealed or len(plain) < 4


@pytest.mark.parametrize(
    "other",
    [
        {"account": "acct_2"},
        {"subject": "person_2"},
        {"group": "address"},
        {"version": 2},
        {"account": "acct_1person_1", "subject": ""},
        {"subject": "person_1name", "group": ""},
    ],
)
def test_a_value_moved_elsewhere_does_not_open(other: dict[str, str | int]) -> None:
    sealed = KEYS.seal(b"secret", account="acct_1", subject="person_1", group="name", version=1)
    with pytest.raises(SealBroken):
        KEYS.open(sealed, **{**NAMES, **other})  # type: ignore[arg-type]  # mixed values


def test_any_altered_or_missing_byte_breaks_the_seal() -> None:
    sealed = KEYS.seal(b"secret", account="acct_1", subject="person_1", group="name", version=1)
    altered = [sealed[:at] + bytes((sealed[at] ^ 1,)) + sealed[at + 1 :] for at in range(len(sealed))]
    cut = [sealed[:length] for length in range(len(sealed))]

    for broken in (*altered, *cut, sealed + b"\0"):
        with pytest.raises(SealBroken) as failure:
            KEYS.open(broken, account="acct_1", subject="person_1", group="name", version=1)
        assert failure.value.args == ()


def test_another_accounts_keys_do_not_open() -> None:
    sealed = KEYS.seal(b"secret", account="acct_1", subject="person_1", group="name", version=1)
    with pytest.raises(SealBroken):
        RING.new_account_keys().open(sealed, account="acct_1", subject="person_1", group="name", version=1)


def test_wrapped_keys_belong_to_one_account_and_one_use() -> None:
    wrapped = RING.wrap(KEYS, account="acct_1")

    assert RING.unwrap(wrapped, account="acct_1") == KEYS
    for moved, account in (
        (wrapped, "acct_2"),
        (WrappedKeys(wrapped.digest_key, wrapped.data_key), "acct_1"),
        (WrappedKeys(wrapped.data_key, wrapped.data_key), "acct_1"),
        (WrappedKeys(b"", b""), "acct_1"),
    ):
        with pytest.raises(SealBroken):
            RING.unwrap(moved, account=account)


def test_a_rotation_seals_with_the_new_key_and_opens_with_both() -> None:
    before = RING.wrap(KEYS, account="acct_1")
    sealed = RING.seal_platform(b"whsec", platform="plat_1", purpose="secret", ref="ed_1")
    rotated = KeyRing({1: OLD, 2: NEW})

    assert rotated.current_id == 2
    assert rotated.unwrap(before, account="acct_1") == KEYS
    assert rotated.open_platform(sealed, platform="plat_1", purpose="secret", ref="ed_1") == b"whsec"
    after = rotated.wrap(KEYS, account="acct_1")
    assert KeyRing({2: NEW}).unwrap(after, account="acct_1") == KEYS
    with pytest.raises(SealBroken):
        RING.unwrap(after, account="acct_1")


def test_a_platforms_value_opens_only_in_its_place() -> None:
    sealed = RING.seal_platform(b"whsec", platform="plat_1", purpose="secret", ref="ed_1")
    for platform, purpose, ref in (
        ("plat_2", "secret", "ed_1"),
        ("plat_1", "name", "ed_1"),
        ("plat_1", "secret", "ed_2"),
    ):
        with pytest.raises(SealBroken):
            RING.open_platform(sealed, platform=platform, purpose=purpose, ref=ref)


def test_digests_differ_by_key_label_and_value_only() -> None:
    same_keys = AccountKeys(KEYS.data_key, KEYS.digest_key)

    assert KEYS.digest("email", "a@b.c") == same_keys.digest("email", "a@b.c")
    assert len(KEYS.digest("email", "a@b.c")) == 32
    others = {
        KEYS.digest("email", "a@b.c"),
        KEYS.digest("email", "a@b.d"),
        KEYS.digest("phone", "a@b.c"),
        KEYS.digest("emaila", "@b.c"),
        RING.new_account_keys().digest("email", "a@b.c"),
    }
    assert len(others) == 5


def test_platform_digests_survive_a_rotation() -> None:
    rotated = KeyRing({1: OLD, 2: NEW})

    assert rotated.platform_digest("api_key", "sk_test_1") == RING.platform_digest("api_key", "sk_test_1")
    assert RING.platform_digest("api_key", "a", "b") != RING.platform_digest("api_key", "ab")
    assert RING.platform_digest("api_key", "a") != RING.platform_digest("idempotency", "a")


def test_keys_are_not_printed() -> None:
    wrapped = RING.wrap(KEYS, account="acct_1")

    assert KEYS.data_key.hex() not in repr(KEYS)
    assert repr(wrapped) == "WrappedKeys()"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "part 1 is not"),
        ("abc", "part 1 is not"),
        ("x:AAAA", "part 1 is not"),
        ("1:AAAA", "must be 32 bytes"),
        ("1:*", "key 1 is not base64"),
        ("0:" + base64.b64encode(OLD).decode(), "not between"),
        ("70000:" + base64.b64encode(OLD).decode(), "not between"),
        (",".join(["1:" + base64.b64encode(OLD).decode()] * 2), "twice"),
    ],
)
def test_an_unusable_key_ring_is_refused_without_its_keys(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        KeyRing.parse(text)
    assert base64.b64encode(OLD).decode() not in str(refused.value)


def test_a_key_ring_is_read_from_text() -> None:
    first, second = os.urandom(32), os.urandom(32)
    text = f" 1:{base64.b64encode(first).decode()}, 2:{base64.b64encode(second).decode()}"

    assert KeyRing.parse(text).current_id == 2
