"""What signs webhooks, held against the official SDK's own verification."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from onboarding.signing import SIGNATURE_HEADER, signature_header

OLD, NEW = "whsec_0123456789", "whsec_9876543210"
BODY = b'{"id":"evt_1","object":"v2.core.event"}'


def verify(body: bytes, header: str, secret: str, tolerance: int | None = 300) -> bool:
    return bool(stripe.WebhookSignature.verify_header(body, header, secret, tolerance))


@given(body=st.text(), secret=st.text(st.characters(codec="utf-8"), min_size=1), time=st.integers(0, 2**33))
def test_signature_is_the_sdks_own(body: str, secret: str, time: int) -> None:
    made = signature_header(body.encode("utf-8", "replace"), [secret], datetime.fromtimestamp(time, UTC))

    encoded = body.encode("utf-8", "replace").decode()
    assert made == stripe.WebhookSignature.generate_signature_header(encoded, secret, time)


def test_while_a_secret_is_rolled_either_of_both_verifies(now: datetime) -> None:
    header = signature_header(BODY, [NEW, OLD], now)

    assert header.startswith(f"t={int(now.timestamp())},v1=")
    assert header.count("v1=") == 2
    assert verify(BODY, header, NEW)
    assert verify(BODY, header, OLD)
    for body, secret in ((BODY, "whsec_another"), (BODY + b" ", NEW), (BODY, NEW.removeprefix("whsec_"))):
        with pytest.raises(stripe.SignatureVerificationError):
            verify(body, header, secret)


def test_signature_grows_old(now: datetime) -> None:
    header = signature_header(BODY, [NEW], now - timedelta(seconds=400))

    assert verify(BODY, header, NEW, tolerance=None)
    with pytest.raises(stripe.SignatureVerificationError, match="tolerance"):
        verify(BODY, header, NEW)


def test_time_can_not_be_changed_afterwards(now: datetime) -> None:
    header = signature_header(BODY, [NEW], now - timedelta(seconds=400))
    _, _, signatures = header.partition(",")

    with pytest.raises(stripe.SignatureVerificationError):
        verify(BODY, f"t={int(now.timestamp())},{signatures}", NEW)


@pytest.mark.parametrize("secrets", [[], [""], [NEW, ""]])
def test_nothing_is_signed_with_nothing(now: datetime, secrets: list[str]) -> None:
    with pytest.raises(ValueError, match="nothing to sign with"):
        signature_header(BODY, secrets, now)


def test_header_has_the_name_that_the_sdk_documents() -> None:
    assert SIGNATURE_HEADER == "Stripe-Signature"


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)
