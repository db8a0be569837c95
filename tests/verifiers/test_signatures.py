"""The signature scheme that Stripe and Persona share; Stripe's own client signs and checks."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from onboarding.verifiers.port import CallbackRefused
from onboarding.verifiers.signatures import MAX_HEADER, MAX_SIGNATURES, check_secrets, verify_signature

BODY = b'{"id": "evt_1"}'
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD, NEW = "whsec_old", "whsec_new"


def _signed(body: bytes = BODY, secret: str = NEW, at: datetime = NOW) -> str:
    header = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, int(at.timestamp()))
    assert isinstance(header, str)
    return header


def _hex(header: str) -> str:
    return header.partition("v1=")[2]


def _refused(header: str | None, body: bytes = BODY, secrets: tuple[str, ...] = (NEW,), at: datetime = NOW) -> str:
    with pytest.raises(CallbackRefused) as caught:
        verify_signature(header, body, secrets, at)
    assert str(caught.value) == caught.value.code
    assert caught.value.__context__ is None
    return caught.value.code


def test_good() -> None:
    verify_signature(_signed(), BODY, (NEW,), NOW)


@given(st.text(), st.text(min_size=1).filter(lambda secret: secret.strip() != ""))
def test_what_stripes_client_signs_is_good(body: str, secret: str) -> None:
    header = stripe.WebhookSignature.generate_signature_header(body, secret, int(NOW.timestamp()))

    verify_signature(header, body.encode(), (secret,), NOW)
    assert stripe.WebhookSignature.verify_header(body, header, secret)


def test_known_value() -> None:
    """Computed with ``openssl dgst -sha256 -hmac whsec_new`` over ``1772366400.{"id": "evt_1"}``."""
    header = "t=1772366400,v1=8328cc4e7938993ffb0e82b3d7b71fc37f1cdf2661c7dbd388ae91dc5f5b7133"

    verify_signature(header, BODY, (NEW,), NOW)


@pytest.mark.parametrize("position", range(len(BODY)))
def test_one_byte_off(position: int) -> None:
    for bit in range(8):
        body = bytearray(BODY)
        body[position] ^= 1 << bit

        assert _refused(_signed(), bytes(body)) == "signature_wrong"


@pytest.mark.parametrize("position", range(64))
def test_one_digit_of_the_signature_off(position: int) -> None:
    header, signature = _signed(), _hex(_signed())
    other = "0" if signature[position] != "0" else "1"
    changed = signature[:position] + other + signature[position + 1 :]

    assert _refused(header.replace(signature, changed)) == "signature_wrong"


@pytest.mark.parametrize("body", [b"", BODY[:-1], BODY + b" ", b"\xff\xfe"])
def test_another_body(body: bytes) -> None:
    assert _refused(_signed(), body) == "signature_wrong"


def test_another_time() -> None:
    seconds = int(NOW.timestamp())

    assert _refused(_signed().replace(f"t={seconds}", f"t={seconds + 1}")) == "signature_wrong"


@pytest.mark.parametrize("minutes", [-6, 6])
def test_six_minutes_off(minutes: int) -> None:
    header = _signed(at=NOW + timedelta(minutes=minutes))

    assert _refused(header) == "signature_old"
    assert _refused(header, BODY + b" ") == "signature_wrong"


@pytest.mark.parametrize("seconds", [-300, 300])
def test_tolerance_is_inclusive(seconds: int) -> None:
    verify_signature(_signed(at=NOW + timedelta(seconds=seconds)), BODY, (NEW,), NOW)

    assert _refused(_signed(at=NOW + timedelta(seconds=seconds + seconds // 300))) == "signature_old"


def test_age_is_measured_against_the_arrival() -> None:
    """A replay of years later decides the same."""
    verify_signature(_signed(at=NOW - timedelta(days=900)), BODY, (NEW,), NOW - timedelta(days=900))


def test_rotation_either_secret_signs() -> None:
    verify_signature(_signed(secret=OLD), BODY, (NEW, OLD), NOW)
    verify_signature(_signed(secret=NEW), BODY, (NEW, OLD), NOW)
    verify_signature(f"{_signed(secret=OLD)},v1={_hex(_signed())}", BODY, (NEW,), NOW)

    assert _refused(_signed(secret=OLD)) == "signature_wrong"


def test_rotation_with_pairs_between_spaces() -> None:
    earlier = NOW - timedelta(minutes=10)

    verify_signature(f"{_signed(secret=OLD)} {_signed()}", BODY, (NEW,), NOW)
    verify_signature(f"{_signed(secret=OLD, at=earlier)} {_signed()}", BODY, (NEW, OLD), NOW)
    assert _refused(f"{_signed(secret=OLD)} {_signed(at=earlier)}") == "signature_old"


def test_signature_belongs_to_the_time_before_it() -> None:
    """A fresh time in the header does not make an old signature fresh."""
    old = _signed(at=NOW - timedelta(minutes=10))

    assert _refused(f"t={int(NOW.timestamp())},{old}") == "signature_old"
    assert _refused(f"{old},t={int(NOW.timestamp())}") == "signature_old"


def test_other_schemes_are_ignored() -> None:
    verify_signature(f"{_signed()},v0={'0' * 64},v2=x", BODY, (NEW,), NOW)

    assert _refused(_signed().replace("v1=", "v0=")) == "signature_wrong"


@pytest.mark.parametrize("header", [None, ""])
def test_missing(header: str | None) -> None:
    assert _refused(header) == "signature_missing"


def test_without_secrets_nothing_is_authentic() -> None:
    assert _refused(_signed(), secrets=()) == "signature_wrong"


@pytest.mark.parametrize(
    "header",
    [
        "x", ",", "=", "t=", "t=1", "v1=", "t=,v1=", "t=now,v1=" + "0" * 64, "t=-1,v1=" + "0" * 64, "\x00", "t=٣,v1=x",
        "v1=" + "é" * 64, "t=1772366400,v1=" + "é" * 64, "t=1772366400,v1=" + "0" * 63, "t=" + "9" * 5000,
        "t=999999999999,v1=" + "0" * 64, "\ud800",
    ],
)  # fmt: skip
def test_garbage(header: str) -> None:
    assert _refused(header) == "signature_wrong"


@given(st.text(min_size=1))
def test_any_header_is_survived(header: str) -> None:
    assert _refused(header) == "signature_wrong"


def test_signature_without_its_time_is_wrong() -> None:
    assert _refused(f"v1={_hex(_signed())}") == "signature_wrong"
    assert _refused(f"v1={_hex(_signed())},t={int(NOW.timestamp())}") == "signature_wrong"


def test_upper_case_is_another_signature() -> None:
    assert _refused(re.sub("v1=.*", lambda found: "v1=" + found[0][3:].upper(), _signed())) == "signature_wrong"


def test_huge_header_is_not_read() -> None:
    padded = _signed() + "," + "x" * MAX_HEADER

    assert _refused(padded) == "signature_wrong"
    verify_signature(padded[:MAX_HEADER], BODY, (NEW,), NOW)


def test_number_of_signatures_is_bounded() -> None:
    others = "".join(f",v1={number:064x}" for number in range(MAX_SIGNATURES))

    verify_signature(_signed() + others[: 68 * (MAX_SIGNATURES - 1)], BODY, (NEW,), NOW)
    assert _refused(_signed() + others) == "signature_wrong"


def test_secrets_are_checked() -> None:
    assert check_secrets([NEW, OLD]) == (NEW, OLD)
    assert check_secrets([]) == ()
    for wrong in ([NEW, ""], [" "], NEW):
        with pytest.raises(ValueError, match="webhook secret"):
            check_secrets(wrong)
