"""The API: sessions, reports, keys, and the official SDK against it."""

from __future__ import annotations

import threading
import time
from typing import Any
from uuid import uuid4

import httpx
import pytest
import stripe

from tests.simulators.identity import KEY, REPORTS, SESSIONS, Simulator, eventually


def test_a_new_session_waits_for_its_user(simulator: Simulator) -> None:
    shown = simulator.create(
        "ref-shape",
        **{
            "options[document][require_id_number]": "true",
            "options[document][allowed_types][]": "passport",
            "metadata[check]": "check_1",
            "return_url": "https://example.com/back",
        },
    )

    assert shown["id"].startswith("vs_")
    assert shown["client_secret"].startswith(shown["id"] + "_secret_")
    assert shown["url"].startswith(simulator.url + "/start/")
    assert abs(shown["created"] - time.time()) < 5
    rest = {name: value for name, value in shown.items() if name not in {"id", "client_secret", "url", "created"}}
    assert rest == {
        "object": "identity.verification_session",
        "client_reference_id": "ref-shape",
        "last_error": None,
        "last_verification_report": None,
        "livemode": False,
        "metadata": {"check": "check_1"},
        "options": {"document": {"require_id_number": True, "allowed_types": ["passport"]}},
        "provided_details": None,
        "redaction": None,
        "related_customer": None,
        "status": "requires_input",
        "type": "document",
        "verification_flow": None,
    }


@pytest.mark.parametrize("headers", [{"Authorization": ""}, {"Authorization": "Bearer wrong"}])
def test_a_caller_without_the_key_is_turned_away(simulator: Simulator, headers: dict[str, str]) -> None:
    answer = simulator.http.post(SESSIONS, data={"type": "document"}, headers=headers)

    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert "wrong" not in answer.text


@pytest.mark.parametrize(
    ("form", "param", "code"),
    [
        ({}, "type", "parameter_missing"),
        ({"type": "face"}, "type", None),
        ({"type": "document", "colour": "red"}, "colour", "parameter_unknown"),
        ({"type": "document", "options[document][require_id_number]": "yes"}, None, None),
        ({"type": "document", "options[document][allowed_types][]": "diary"}, None, None),
        ({"type": "document", "return_url": "javascript:alert(1)"}, "return_url", "url_invalid"),
        ({"type": "document", "metadata[a]": "x" * 501}, "metadata", None),
        ({"type": "document", "metadata": "x", "metadata[a]": "x"}, "metadata", None),
        ({"type[a]": "document"}, "type", None),
    ],
)
def test_a_parameter_that_is_of_no_use_is_named(
    simulator: Simulator, form: dict[str, str], param: str | None, code: str | None
) -> None:
    answer = simulator.http.post(SESSIONS, data=form)

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert param is None or error["param"] == param
    assert error.get("code") == code


def test_unknown_objects_and_addresses_are_missing(simulator: Simulator) -> None:
    for path in (f"{SESSIONS}/vs_none", f"{REPORTS}/vr_none"):
        answer = simulator.http.get(path)
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "resource_missing"
    assert simulator.http.get("/v1/charges").json()["error"]["type"] == "invalid_request_error"
    assert simulator.http.get("/_control/health").json() == {"status": "ok"}


def test_a_key_gives_the_same_answer_again(simulator: Simulator) -> None:
    reference, key = f"ref-{uuid4()}", str(uuid4())
    first = simulator.post_session(reference, key)
    again = simulator.post_session(reference, key)

    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Original-Request"] == first.headers["Request-Id"] != again.headers["Request-Id"]
    assert again.json() == first.json()
    assert simulator.charges(reference) == 1

    simulator.create(reference)
    assert simulator.charges(reference) == 2


def test_a_key_serves_one_set_of_parameters(simulator: Simulator) -> None:
    reference, key = f"ref-{uuid4()}", str(uuid4())
    simulator.create(reference, key)

    for other in (
        simulator.post_session(reference, key, **{"metadata[a]": "b"}),
        simulator.http.post(f"{SESSIONS}/vs_1/cancel", headers={"Idempotency-Key": key}),
    ):
        assert other.status_code == 400
        assert other.json()["error"]["type"] == "idempotency_error"
    assert simulator.charges(reference) == 1


def test_a_key_is_held_while_its_call_runs(simulator: Simulator) -> None:
    reference, key = f"ref-{uuid4()}", str(uuid4())
    simulator.fault({"on": "create", "do": "latency", "seconds": 0.6, "reference": reference})
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(simulator.post_session(reference, key)))
    thread.start()
    eventually(lambda: not simulator.http.get("/_control/faults").json())

    during = simulator.post_session(reference, key)
    thread.join()
    after = simulator.post_session(reference, key)

    assert during.status_code == 409
    assert during.json()["error"]["code"] == "idempotency_key_in_use"
    assert answers[0].status_code == 200
    assert after.json() == answers[0].json()
    assert simulator.charges(reference) == 1


def test_a_refusal_leaves_its_key_free(simulator: Simulator) -> None:
    reference, key = f"ref-{uuid4()}", str(uuid4())

    assert simulator.post_session(reference, key, type="face").status_code == 400
    assert simulator.post_session(reference, key).status_code == 200


def test_sessions_are_listed_by_reference_the_newest_first(simulator: Simulator) -> None:
    reference = f"ref-{uuid4()}"
    ids = [simulator.create(reference)["id"] for _ in range(3)]
    simulator.create()

    def listed(**asked: str) -> dict[str, Any]:
        return dict(simulator.http.get(SESSIONS, params={"client_reference_id": reference, **asked}).json())

    assert [session["id"] for session in listed()["data"]] == ids[::-1]
    assert (listed()["object"], listed()["has_more"]) == ("list", False)
    page = listed(limit="2")
    assert page["has_more"]
    assert [session["id"] for session in listed(limit="2", starting_after=page["data"][-1]["id"])["data"]] == ids[:1]
    assert listed(status="canceled")["data"] == []
    assert simulator.http.get(SESSIONS, params={"limit": "0"}).status_code == 400


def test_a_session_is_cancelled_once_and_only_while_it_waits(simulator: Simulator) -> None:
    session = simulator.create()
    cancelled = simulator.http.post(f"{SESSIONS}/{session['id']}/cancel")

    assert cancelled.status_code == 200
    shown = cancelled.json()
    assert (shown["status"], shown["url"], shown["client_secret"]) == ("canceled", None, None)
    for id_ in (session["id"], simulator.verified()["id"]):
        again = simulator.http.post(f"{SESSIONS}/{id_}/cancel")
        assert again.status_code == 400
        assert "You cannot cancel this VerificationSession" in again.json()["error"]["message"]


def test_what_a_document_says_is_shown_where_it_is_asked_for(simulator: Simulator) -> None:
    asked = {"options[document][require_matching_selfie]": "true", "options[document][require_id_number]": "true"}
    session = simulator.create(**asked)
    simulator.submit(session, line1="1 Main St", city="Springfield", country="US")
    plain = simulator.until(session["id"], "verified")
    full = simulator.retrieve(session["id"], "verified_outputs", "last_verification_report")

    assert "verified_outputs" not in plain
    assert plain["last_verification_report"].startswith("vr_")
    assert (plain["url"], plain["client_secret"], plain["last_error"]) == (None, None, None)
    address = {"line1": "1 Main St", "line2": None, "city": "Springfield", "state": None} | {
        "postal_code": None,
        "country": "US",
    }
    assert full["verified_outputs"] == {
        "address": address,
        "dob": {"day": 3, "month": 2, "year": 1990},
        "email": None,
        "first_name": "Ada",
        "id_number_type": "us_ssn",
        "last_name": "Quillfeather",
        "phone": None,
    }
    report = simulator.http.get(f"{REPORTS}/{plain['last_verification_report']}").json()
    assert full["last_verification_report"] == report
    assert report["verification_session"] == session["id"]
    assert (report["type"], report["options"]) == ("document", session["options"])
    document = report["document"]
    assert (document["status"], document["type"], document["error"]) == ("verified", "passport", None)
    assert (document["first_name"], document["last_name"]) == ("Ada", "Quillfeather")
    assert (document["issuing_country"], document["dob"]) == ("US", {"day": 3, "month": 2, "year": 1990})
    assert document["expiration_date"]["year"] > time.gmtime().tm_year
    assert (report["selfie"]["status"], report["id_number"]["status"]) == ("verified", "verified")


def test_an_id_number_session_has_no_document(simulator: Simulator) -> None:
    session = simulator.create(type="id_number")
    simulator.submit(session, "id_number_mismatch")
    failed = eventually(lambda: simulator.retrieve(session["id"], "last_verification_report")["last_error"])
    report = simulator.retrieve(session["id"], "last_verification_report")["last_verification_report"]

    assert failed["code"] == "id_number_mismatch"
    assert "document" not in report
    assert report["id_number"]["error"]["code"] == "id_number_mismatch"
    assert (session["options"], report["type"]) == ({"id_number": {}}, "id_number")


def test_redaction_takes_its_time_and_forgets(simulator: Simulator) -> None:
    session = simulator.verified(**{"metadata[check]": "check_9"})
    answered = simulator.http.post(f"{SESSIONS}/{session['id']}/redact").json()
    eventually(lambda: simulator.retrieve(session["id"])["redaction"]["status"] == "redacted")
    shown = simulator.retrieve(session["id"], "verified_outputs", "last_verification_report")

    assert (answered["redaction"], answered["status"]) == ({"status": "processing"}, "verified")
    assert (shown["metadata"], shown["verified_outputs"]["first_name"]) == ({}, "[redacted]")
    assert (shown["verified_outputs"]["dob"], shown["verified_outputs"]["address"]) == (None, None)
    assert shown["last_verification_report"]["document"]["last_name"] == "[redacted]"

    waiting = simulator.create()
    assert simulator.http.post(f"{SESSIONS}/{waiting['id']}/redact").json()["status"] == "canceled"


class TestOfficialSdk:
    """The official SDK, unchanged but for its base address."""

    @staticmethod
    def client(simulator: Simulator, key: str = KEY) -> Any:
        return stripe.StripeClient(key, base_addresses={"api": simulator.url})

    def test_a_session_from_creation_to_cancellation(self, simulator: Simulator) -> None:
        sessions = self.client(simulator).v1.identity.verification_sessions
        made = sessions.create(
            {
                "type": "document",
                "options": {"document": {"require_matching_selfie": True, "allowed_types": ["passport", "id_card"]}},
                "metadata": {"check": "check_sdk"},
                "client_reference_id": "ref-sdk",
                "return_url": "https://example.com/back",
            },
            {"idempotency_key": str(uuid4())},
        )

        assert (made.status, made.metadata["check"]) == ("requires_input", "check_sdk")
        assert made.options.document.allowed_types == ["passport", "id_card"]
        assert sessions.retrieve(made.id, {"expand": ["verified_outputs"]}).verified_outputs is None
        assert [found.id for found in sessions.list({"client_reference_id": "ref-sdk"}).data] == [made.id]
        assert sessions.cancel(made.id).status == "canceled"
        with pytest.raises(stripe.InvalidRequestError):
            sessions.cancel(made.id)

    def test_a_verified_session_and_its_report(self, simulator: Simulator) -> None:
        client = self.client(simulator)
        session = simulator.verified()
        shown = client.v1.identity.verification_sessions.retrieve(
            session["id"], {"expand": ["verified_outputs", "verified_outputs.dob", "last_verification_report"]}
        )
        report = client.v1.identity.verification_reports.retrieve(session["last_verification_report"])

        assert (shown.verified_outputs.first_name, shown.verified_outputs.dob.year) == ("Ada", 1990)
        assert shown.last_verification_report.id == report.id
        assert report.document.last_name == "Quillfeather"

    def test_errors_are_those_that_the_sdk_knows(self, simulator: Simulator) -> None:
        reference, options = f"ref-{uuid4()}", {"idempotency_key": str(uuid4())}
        sessions = self.client(simulator).v1.identity.verification_sessions
        asked = {"type": "document", "client_reference_id": reference}
        sessions.create(asked, options)

        with pytest.raises(stripe.IdempotencyError):
            sessions.create({**asked, "metadata": {"a": "b"}}, options)
        with pytest.raises(stripe.AuthenticationError):
            self.client(simulator, "sk_test_other").v1.identity.verification_sessions.retrieve("vs_1")
        for do, error in (
            ("rate_limit", stripe.RateLimitError),
            ("error", stripe.APIError),
            ("reset", stripe.APIConnectionError),
        ):
            simulator.fault({"on": "create", "do": do, "reference": reference})
            with pytest.raises(error):
                sessions.create(asked)
