"""What Stripe sends is only a notice, and only if it is authentic."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from onboarding.verifiers.port import CallbackRefused, CallbackUnreadable, Notice
from onboarding.verifiers.stripe_identity import StripeIdentity
from tests.verifiers.stripe_identity.canned import NOW, OUTPUTS, REFERENCE, REPORTED, REPORTED_AT, SESSION, session
from tests.verifiers.stripe_identity.test_errors import JSON

MARK = "PLANTED-9f3a"
SECRET = "whsec_1"
ADAPTER = StripeIdentity(api_key="rk_1", webhook_secrets=[SECRET])
ANSWERS = ("requires_input", "verified", "canceled", "redacted")


def _event(status: str = "verified", about: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "id": "evt_1PqAbC",
        "object": "event",
        "api_version": "2020-08-27",
        "created": REPORTED,
        "data": {"object": session("verified", **(about or {})), "previous_attributes": {}},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": f"identity.verification_session.{status}",
        **changes,
    }


def _read(body: bytes | object, secret: str = SECRET) -> Notice | None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    signed = content.decode()
    header = stripe.WebhookSignature.generate_signature_header(signed, secret, int(NOW.timestamp()))
    return ADAPTER.read_callback({"stripe-signature": header}, content, NOW)


@pytest.mark.parametrize("status", [*ANSWERS, "from_next_year"])
def test_event_about_a_session(status: str) -> None:
    assert _read(_event(status)) == Notice("evt_1PqAbC", REPORTED_AT, SESSION, REFERENCE)


@pytest.mark.parametrize(
    "reference", [None, "", "user-7", "att_" + "0" * 26, "att_" + "0" * 28, REFERENCE + "\n", MARK]
)
def test_reference_of_somebody_else_is_not_ours(reference: str | None) -> None:
    assert _read(_event(about={"client_reference_id": reference})) == Notice("evt_1PqAbC", REPORTED_AT, SESSION, "")


@pytest.mark.parametrize(
    "event",
    [
        _event(type="charge.succeeded"),
        _event("created"),  # we made it ourselves
        _event("processing"),  # no answer yet
        _event(type="identity.verification_report.verified"),
        {"type": "v2.core.account.updated", "object": "v2.core.event", "created": "2026-01-01T00:00:00Z"},
    ],
)
def test_other_events_hold_no_answer(event: object) -> None:
    assert _read(event) is None


@pytest.mark.parametrize(
    "event",
    [
        None, [], MARK, 7, {}, {"type": 7}, {"type": [MARK]},
        _event(id=None), _event(id=MARK + "\n"), _event(id=""), _event(created=MARK), _event(created=-1),
        _event(created=10**15), _event(object=MARK), _event(data=MARK), _event(data={}),
        _event(data={"object": [MARK]}),
        _event(about={"id": None}), _event(about={"id": "../" + MARK}), _event(about={"client_reference_id": 7}),
        b"", b"{", b"null null", b'{"type": NaN}', b"[" * 5000, MARK.encode(),
    ],
)  # fmt: skip
def test_unknown_shape(event: object) -> None:
    with pytest.raises(CallbackUnreadable) as caught:
        _read(event)

    assert caught.value.__cause__ is caught.value.__context__ is None
    assert caught.value.args == ()


def test_personal_data_is_not_read() -> None:
    notice = _read(_event(about={"verified_outputs": OUTPUTS | {"first_name": MARK}, "last_error": MARK}))

    assert MARK not in repr(notice)


def test_nothing_is_read_before_the_signature() -> None:
    for headers in ({}, {"stripe-signature": "t=1,v1=0"}, {"Stripe-Signature": "x"}):
        with pytest.raises(CallbackRefused):
            ADAPTER.read_callback(headers, MARK.encode(), NOW)
    with pytest.raises(CallbackRefused, match="signature_wrong"):
        _read(_event(), secret="whsec_2")


@given(JSON | st.builds(lambda key, value: _event(**{key: value}), st.sampled_from(sorted(_event())), JSON))
def test_any_signed_json_is_survived(body: object) -> None:
    content = json.dumps(body)
    header = stripe.WebhookSignature.generate_signature_header(content, SECRET, int(NOW.timestamp()))
    with suppress(CallbackUnreadable):
        notice = ADAPTER.read_callback({"stripe-signature": header}, content.encode(), NOW)
        assert notice is None or isinstance(notice, Notice)


@given(st.binary(), st.dictionaries(st.sampled_from(["stripe-signature", "date"]), st.text()))
def test_anything_unsigned_is_refused(body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(CallbackRefused):
        ADAPTER.read_callback(headers, body, NOW)
