"""What is asked of Stripe Identity, and what its answers come to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import stripe

from onboarding.domain.state import Outcome
from onboarding.verifiers.port import CallsBack, Report, Started, Verifier, VerifierUnavailable
from onboarding.verifiers.stripe_identity import StripeIdentity
from onboarding.verifiers.stripe_identity.adapter import FINAL_ERRORS
from onboarding.verifiers.stripe_identity.shapes import API_VERSION
from tests.verifiers.stripe_identity.canned import (
    CREATED,
    CREATED_AT,
    OUTPUTS,
    QUESTION,
    REFERENCE,
    REPORTED_AT,
    SESSION,
    URL,
    Canned,
    failed,
    listed,
    report,
    session,
    verified,
)

SESSIONS = "/v1/identity/verification_sessions"
REPLAYED = {"Idempotent-Replayed": "true"}
FAILED = ("verification_failed_keyed_identity",)
INCONCLUSIVE = ("verification_failed_other",)
OTHER_ERRORS = (
    "abandoned", "device_not_supported", "document_expired", "document_type_not_supported", "document_unverified_other",
    "email_unverified_other", "email_verification_declined", "id_number_insufficient_document_data",
    "id_number_mismatch", "id_number_unverified_other", "phone_unverified_other", "phone_verification_declined",
    "selfie_document_missing_photo", "selfie_face_mismatch", "selfie_unverified_other", "from_next_year", None,
)  # fmt: skip
SAME = {"given_name": "same", "surname": "same", "date_of_birth": "same"}


async def _start(adapter: StripeIdentity) -> Started | Report:
    return await adapter.start(QUESTION, our_reference=REFERENCE, idempotency_key=f"{REFERENCE}.start")


def _compared(**differences: str) -> dict[str, Any]:
    return {"compared": SAME | differences}


def test_is_an_outward_verifier_that_calls_back() -> None:
    adapter = StripeIdentity(api_key="rk_1", webhook_secrets=["whsec_1"])

    assert isinstance(adapter, Verifier)
    assert isinstance(adapter, CallsBack)


def test_pinned_version_is_that_of_the_official_client() -> None:
    assert stripe.api_version == API_VERSION


@pytest.mark.parametrize("wrong", [{"api_key": ""}, {"api_key": "rk 1"}, {"webhook_secrets": [""]}])
def test_empty_secrets_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="empty"):
        StripeIdentity(**{"api_key": "rk_1", "webhook_secrets": ["whsec_1"]} | wrong)


class TestStart:
    async def test_sends_no_personal_data(self, stripe_api: Canned, adapter: StripeIdentity) -> None:
        stripe_api.will_answer(session())

        assert await _start(adapter) == Started(SESSION, URL)

        (asked,) = stripe_api.asked
        assert (asked.method, asked.path) == ("POST", SESSIONS)
        assert asked.form == {
            "type": ["document"],
            "client_reference_id": [REFERENCE],
            "metadata[check]": ["check_1"],
            "options[document][require_matching_selfie]": ["true"],
        }
        assert asked.headers["authorization"] == "Bearer rk_test_1"
        assert asked.headers["idempotency-key"] == f"{REFERENCE}.start"
        assert asked.headers["stripe-version"] == API_VERSION
        assert asked.headers["content-type"] == "application/x-www-form-urlencoded"

    async def test_options_are_sent(self, stripe_api: Canned) -> None:
        adapter = stripe_api.adapter(return_url="https://platform.example/back", require_selfie=False)
        stripe_api.will_answer(session())

        await _start(adapter)
        await adapter.aclose()

        form = stripe_api.asked[0].form
        assert form["return_url"] == ["https://platform.example/back"]
        assert form["options[document][require_matching_selfie]"] == ["false"]

    async def test_replayed_answer_is_read_again(self, stripe_api: Canned, adapter: StripeIdentity) -> None:
        stripe_api.will_answer(session(), headers=REPLAYED)
        stripe_api.will_answer(verified(OUTPUTS))

        assert await _start(adapter) == Report(Outcome.PASSED, (), REPORTED_AT, _compared())

        assert [(asked.method, asked.path) for asked in stripe_api.asked] == [
            ("POST", SESSIONS),
            ("GET", f"{SESSIONS}/{SESSION}"),
        ]

    @pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
    async def test_replayed_session_is_never_lost(
        self, stripe_api: Canned, adapter: StripeIdentity, status: int
    ) -> None:
        """A code that says «not accepted» would allow another start after the key's lifetime."""
        stripe_api.will_answer(session(), headers=REPLAYED)
        stripe_api.will_answer({}, status)

        assert await _start(adapter) == Started(SESSION)

    @pytest.mark.parametrize(
        "kept",
        [
            {"status": 500, "headers": REPLAYED},
            {"status": 400, "body": {"error": {"type": "idempotency_error", "message": "…"}}},
        ],
    )
    async def test_session_behind_a_kept_error_is_found(
        self, stripe_api: Canned, adapter: StripeIdentity, kept: dict[str, Any]
    ) -> None:
        stripe_api.will_answer(**kept)
        stripe_api.will_answer(listed(session()))
        stripe_api.will_answer(session("processing"))

        assert await _start(adapter) == Started(SESSION)

    @pytest.mark.parametrize(
        "kept",
        [
            {"status": 500, "headers": REPLAYED},
            {"status": 400, "body": {"error": {"type": "idempotency_error", "message": "…"}}},
        ],
    )
    @pytest.mark.parametrize("look_up", [{"body": {"object": "list", "data": []}}, {"status": 429}, {"status": 403}])
    async def test_kept_error_without_a_session_stays_uncertain(
        self, stripe_api: Canned, adapter: StripeIdentity, kept: dict[str, Any], look_up: dict[str, Any]
    ) -> None:
        stripe_api.will_answer(**kept)
        stripe_api.will_answer(**look_up)

        with pytest.raises(VerifierUnavailable, match=r"^vendor_error$"):
            await _start(adapter)

    async def test_session_of_another_attempt_is_not_taken(self, stripe_api: Canned, adapter: StripeIdentity) -> None:
        stripe_api.will_answer(session(client_reference_id="att_" + "1" * 27))

        with pytest.raises(VerifierUnavailable, match=r"^unreadable$"):
            await _start(adapter)


class TestFind:
    async def test_newest_that_was_not_cancelled(self, stripe_api: Canned, adapter: StripeIdentity) -> None:
        stripe_api.will_answer(
            listed(
                session("canceled", id="vs_4", created=CREATED + 4),
                session(id="vs_2", created=CREATED + 2),
                session("processing", id="vs_3", created=CREATED + 3),
                session(id="vs_5", created=CREATED + 5, client_reference_id="another"),
            )
        )

        assert await adapter.find(REFERENCE) == Started("vs_3")

        (asked,) = stripe_api.asked
        assert (asked.method, asked.path) == ("GET", SESSIONS)
        assert asked.query == {"client_reference_id": [REFERENCE], "limit": ["100"]}

    async def test_nothing(self, stripe_api: Canned, adapter: StripeIdentity) -> None:
        stripe_api.will_answer(listed(session("canceled")))

        assert await adapter.find(REFERENCE) is None


class TestPoll:
    async def test_asks_for_the_sensitive_results(self, stripe_api: Canned, adapter: StripeIdentity) -> None:
        stripe_api.will_answer(session())

        assert await adapter.poll(SESSION, QUESTION) == Started(SESSION, URL)

        (asked,) = stripe_api.asked
        assert (asked.method, asked.path) == ("GET", f"{SESSIONS}/{SESSION}")
        expanded = ["verified_outputs", "verified_outputs.dob", "last_verification_report"]
        assert asked.query == {"expand[]": expanded}

    @pytest.mark.parametrize("code", OTHER_ERRORS)
    async def test_user_may_go_on_after_most_errors(
        self, stripe_api: Canned, adapter: StripeIdentity, code: str | None
    ) -> None:
        stripe_api.will_answer(failed(code))

        assert await adapter.poll(SESSION, QUESTION) == Started(SESSION, URL)

    @pytest.mark.parametrize("code", sorted(FINAL_ERRORS))
    async def test_final_errors_fail(self, stripe_api: Canned, adapter: StripeIdentity, code: str) -> None:
        stripe_api.will_answer(failed(code, last_verification_report=report()))
        stripe_api.will_answer(failed(code))

        detail = {"vendor_code": code}
        assert await adapter.poll(SESSION, QUESTION) == Report(Outcome.FAILED, FAILED, REPORTED_AT, detail)
        assert await adapter.poll(SESSION, None) == Report(Outcome.FAILED, FAILED, CREATED_AT, detail)

    async def test_nobody_has_to_do_anything_while_it_is_processed(
        self, stripe_api: Canned, adapter: StripeIdentity
    ) -> None:
        """Also where an earlier submission had a final error."""
        last = {"code": "selfie_manipulated", "reason": "…"}
        stripe_api.will_answer(session("processing", url=URL, last_error=last))

        assert await adapter.poll(SESSION, QUESTION) == Started(SESSION)

    @pytest.mark.parametrize(
        ("shown", "outcome", "reasons", "detail"),
        [
            ({}, Outcome.PASSED, (), _compared()),
            ({"first_name": "JENNY MARIE"}, Outcome.PASSED, (), _compared()),
            ({"first_name": "Joan"}, Outcome.FAILED, FAILED, _compared(given_name="different")),
            ({"last_name": "Rose"}, Outcome.FAILED, FAILED, _compared(surname="different")),
            (
                {"dob": {"day": 28, "month": 2, "year": 1980}},
                Outcome.FAILED, FAILED, _compared(date_of_birth="different"),
            ),
            ({"dob": None}, Outcome.INCONCLUSIVE, INCONCLUSIVE, _compared(date_of_birth="missing")),
            ({"last_name": None}, Outcome.INCONCLUSIVE, INCONCLUSIVE, _compared(surname="missing")),
            (
                {"first_name": "Joan", "dob": {"day": None, "month": None, "year": None}},
                Outcome.FAILED, FAILED, _compared(given_name="different", date_of_birth="missing"),
            ),
        ],
    )  # fmt: skip
    async def test_verified_document_is_compared(
        self,
        stripe_api: Canned,
        adapter: StripeIdentity,
        shown: dict[str, Any],
        outcome: Outcome,
        reasons: tuple[str, ...],
        detail: Mapping[str, Any],
    ) -> None:
        stripe_api.will_answer(verified(OUTPUTS | shown))

        assert await adapter.poll(SESSION, QUESTION) == Report(outcome, reasons, REPORTED_AT, detail)

    async def test_report_that_is_not_expanded_dates_it_by_the_session(
        self, stripe_api: Canned, adapter: StripeIdentity
    ) -> None:
        stripe_api.will_answer(verified(OUTPUTS) | {"last_verification_report": "vr_1"})

        assert await adapter.poll(SESSION, QUESTION) == Report(Outcome.PASSED, (), CREATED_AT, _compared())

    async def test_question_that_is_gone_is_inconclusive(self, stripe_api: Canned, adapter: StripeIdentity) -> None:
        stripe_api.will_answer(verified(OUTPUTS))

        detail = {"vendor_status": "verified"}
        assert await adapter.poll(SESSION, None) == Report(Outcome.INCONCLUSIVE, INCONCLUSIVE, REPORTED_AT, detail)

    @pytest.mark.parametrize("status", ["processing", "redacted", "validated"])
    async def test_placeholders_are_never_compared(
        self, stripe_api: Canned, adapter: StripeIdentity, status: str
    ) -> None:
        redacted = {"first_name": "[redacted]", "last_name": "[redacted]", "dob": {"day": 1, "month": 1, "year": 1}}
        stripe_api.will_answer(verified(redacted, redaction={"status": status}, metadata={}))

        detail = {"vendor_status": "redacted"}
        assert await adapter.poll(SESSION, QUESTION) == Report(Outcome.INCONCLUSIVE, INCONCLUSIVE, REPORTED_AT, detail)

    async def test_cancelled_elsewhere_is_inconclusive(self, stripe_api: Canned, adapter: StripeIdentity) -> None:
        stripe_api.will_answer(session("canceled"))

        detail = {"vendor_status": "canceled"}
        assert await adapter.poll(SESSION, QUESTION) == Report(Outcome.INCONCLUSIVE, INCONCLUSIVE, CREATED_AT, detail)

    async def test_session_that_is_gone(self, stripe_api: Canned, adapter: StripeIdentity) -> None:
        stripe_api.will_answer({"error": {"type": "invalid_request_error", "code": "resource_missing"}}, 404)

        with pytest.raises(VerifierUnavailable, match=r"^not_found$"):
            await adapter.poll(SESSION, QUESTION)

    @pytest.mark.parametrize("reference", ["", "vs_1/cancel", "../accounts", "vs_1?expand[]=x", "vs_1\n"])
    async def test_reference_that_stripe_never_gave_out_is_not_asked_for(
        self, stripe_api: Canned, adapter: StripeIdentity, reference: str
    ) -> None:
        with pytest.raises(VerifierUnavailable, match=r"^not_found$"):
            await adapter.poll(reference, QUESTION)

        assert stripe_api.asked == []


class TestCancel:
    async def test_cancels(self, stripe_api: Canned, adapter: StripeIdentity) -> None:
        stripe_api.will_answer(session("canceled"))

        await adapter.cancel(SESSION)

        (asked,) = stripe_api.asked
        assert (asked.method, asked.path) == ("POST", f"{SESSIONS}/{SESSION}/cancel")

    async def test_finished_already(self, stripe_api: Canned, adapter: StripeIdentity) -> None:
        stripe_api.will_answer({"error": {"type": "invalid_request_error"}}, 400)

        await adapter.cancel(SESSION)

    @pytest.mark.parametrize(("status", "code"), [(404, "not_found"), (401, "refused"), (503, "vendor_error")])
    async def test_not_done(self, stripe_api: Canned, adapter: StripeIdentity, status: int, code: str) -> None:
        stripe_api.will_answer({}, status)

        with pytest.raises(VerifierUnavailable, match=rf"^{code}$"):
            await adapter.cancel(SESSION)
