"""The page that a user is sent to."""

from __future__ import annotations

import httpx
import pytest

from tests.simulators.identity import SESSIONS, Simulator

FAILURES = {
    "document_unverified_other": "document",
    "document_expired": "document",
    "selfie_face_mismatch": "selfie",
    "consent_declined": None,
    "under_supported_age": None,
}


def page(simulator: Simulator, url: str) -> httpx.Response:
    return simulator.http.get(url)


def test_a_user_is_verified_and_led_back(simulator: Simulator) -> None:
    session = simulator.create(return_url='https://example.com/back?a="b"&c=d')
    form = page(simulator, session["url"])
    submitted = simulator.submit(session)
    waiting = simulator.http.get(submitted.headers["Location"])
    simulator.until(session["id"], "verified")
    done = page(simulator, session["url"])

    for name in ("document_type", "first_name", "last_name", "dob", "line1", "country"):
        assert f'name="{name}"' in form.text
        assert f'<label for="{name}">' in form.text
    for outcome in ("verified", *FAILURES):
        assert f'name="outcome" value="{outcome}"' in form.text
    assert "<script" not in form.text
    assert (form.status_code, submitted.status_code) == (200, 303)
    assert 'http-equiv="refresh"' in waiting.text
    assert "being checked" in waiting.text
    assert "Thank you" in done.text
    assert 'href="https://example.com/back?a=&quot;b&quot;&amp;c=d"' in done.text
    assert 'http-equiv="refresh"' not in done.text


@pytest.mark.parametrize("outcome", FAILURES)
def test_a_failure_is_explained_and_the_session_used_again(simulator: Simulator, outcome: str) -> None:
    session = simulator.create()
    simulator.submit(session, outcome)
    failed = simulator.until(session["id"], "requires_input")
    shown = page(simulator, failed["url"])
    report = simulator.retrieve(session["id"], "last_verification_report")["last_verification_report"]

    assert failed["last_error"]["code"] == outcome
    assert failed["last_error"]["reason"] in shown.text
    assert "You can try again" in shown.text
    assert 'name="outcome" value="verified"' in shown.text
    check = FAILURES[outcome]
    if check is None:
        assert report is None
    else:
        assert (report[check]["status"], report[check]["error"]["code"]) == ("unverified", outcome)

    simulator.submit(session)
    verified = simulator.until(session["id"], "verified")
    assert verified["id"] == session["id"]
    assert verified["last_error"] is None
    assert verified["last_verification_report"] != failed["last_verification_report"]


def test_no_consent_needs_no_name(simulator: Simulator) -> None:
    session = simulator.create()

    assert simulator.http.post(session["url"], data={"outcome": "consent_declined"}).status_code == 303


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"first_name": ""}, "Enter this as your document says it."),
        ({"last_name": "   "}, "Enter this as your document says it."),
        ({"dob": "2026-02-31"}, "There is no such date."),
        ({"dob": "03.02.1990"}, "There is no such date."),
        ({"dob": "2990-01-01"}, "Enter a date from 1900 to today."),
        ({"first_name": "x" * 101}, "Use at most 100 characters."),
        ({"first_name": "a\x00b"}, "Use letters, digits and signs only."),
        ({"country": "usa"}, "two capital letters"),
        ({"document_type": "diary"}, "Choose one of the documents."),
        ({"outcome": "maybe"}, "Choose one of the buttons."),
    ],
)
def test_what_can_not_be_used_is_asked_for_again(simulator: Simulator, typed: dict[str, str], said: str) -> None:
    session = simulator.create()
    answer = simulator.http.post(
        session["url"],
        data={"document_type": "id_card", "first_name": "Ada", "last_name": "<script>\"'&", "dob": "1990-02-03"}
        | {"outcome": "verified"}
        | typed,
    )

    assert answer.status_code == 400
    assert said in answer.text
    assert "<script" not in answer.text
    if "last_name" not in typed:
        assert 'value="&lt;script&gt;&quot;&#x27;&amp;"' in answer.text
    if "document_type" not in typed:
        assert '<option value="id_card" selected>' in answer.text
    assert simulator.retrieve(session["id"])["status"] == "requires_input"


def test_only_documents_that_a_session_takes_are_offered(simulator: Simulator) -> None:
    session = simulator.create(**{"options[document][allowed_types][]": "id_card"})

    assert 'value="passport"' not in page(simulator, session["url"]).text
    assert simulator.submit(session).status_code == 400
    assert simulator.submit(session, document_type="id_card").status_code == 303


def test_a_link_that_leads_nowhere_says_so(simulator: Simulator) -> None:
    cancelled = simulator.create(return_url="https://example.com/back")
    simulator.http.post(f"{SESSIONS}/{cancelled['id']}/cancel")
    unknown = f"{simulator.url}/start/nobody"

    assert page(simulator, unknown).status_code == 404
    assert simulator.http.post(unknown, data={"outcome": "verified"}).status_code == 404
    for shown in (page(simulator, cancelled["url"]), simulator.submit(cancelled)):
        assert shown.status_code == 410
        assert "cancelled" in shown.text
        assert "https://example.com/back" in shown.text


def test_a_finished_session_takes_nothing_more(simulator: Simulator) -> None:
    session = simulator.create()
    simulator.submit(session)
    twice = simulator.submit(session, first_name="Eve")
    simulator.until(session["id"], "verified")
    late = simulator.submit(session, first_name="Eve")

    assert twice.status_code == 200
    assert "Thank you" in late.text
    outputs = simulator.retrieve(session["id"], "verified_outputs")["verified_outputs"]
    assert outputs["first_name"] == "Ada"


def test_a_huge_form_is_not_read(simulator: Simulator) -> None:
    session = simulator.create()

    assert simulator.submit(session, first_name="x" * 100_000).status_code == 413
