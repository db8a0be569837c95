"""Events: what is sent, how it is signed, and what goes wrong on the way."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest
import stripe

from tests.simulators.identity import SECRET, SESSIONS, Delivery, Receiver, Simulator, eventually


def is_authentic(delivery: Delivery) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(delivery.body.decode(), delivery.signature, SECRET, 300))
    except stripe.SignatureVerificationError:
        return False


def test_every_step_is_told_and_signed(simulator: Simulator, receiver: Receiver) -> None:
    key = str(uuid4())
    session = simulator.create(key=key)
    simulator.submit(session, "document_expired")
    simulator.until(session["id"], "requires_input")
    simulator.submit(session)
    simulator.until(session["id"], "verified")
    simulator.http.post(f"{SESSIONS}/{session['id']}/redact")
    cancelled = simulator.create()
    simulator.http.post(f"{SESSIONS}/{cancelled['id']}/cancel")

    kinds = ["created", "processing", "processing", "redacted", "requires_input", "verified"]
    eventually(lambda: sorted(receiver.kinds(session)) == kinds)
    eventually(lambda: sorted(receiver.kinds(cancelled)) == ["canceled", "created"])
    assert all(map(is_authentic, receiver.about(session)))
    events = [delivery.event for delivery in receiver.about(session)]
    assert len({event["id"] for event in events}) == len(kinds)
    created = next(event for event in events if event["type"] == "identity.verification_session.created")
    assert created["id"].startswith("evt_")
    assert (created["object"], created["livemode"]) == ("event", False)
    assert created["request"]["id"].startswith("req_")
    assert created["request"]["idempotency_key"] == key
    assert created["data"]["object"] == session
    assert abs(created["created"] - time.time()) < 10
    failed = next(event for event in events if event["type"].endswith("requires_input"))
    assert failed["data"]["object"]["last_error"]["code"] == "document_expired"
    assert failed["request"] == {"id": None, "idempotency_key": None}
    assert not any(b"Quillfeather" in delivery.body for delivery in receiver.about(session))


def test_what_is_refused_is_sent_again_with_growing_distance(simulator: Simulator, receiver: Receiver) -> None:
    reference = f"ref-{uuid4()}"
    receiver.refusals[reference] = 2
    before = simulator.ledger()["webhooks"]
    session = simulator.create(reference)

    eventually(lambda: len(receiver.about(session)) == 3)
    sent = receiver.about(session)
    assert [delivery.status for delivery in sent] == [500, 500, 200]
    assert len({delivery.event["id"] for delivery in sent}) == 1
    assert sent[1].at - sent[0].at > 0.45
    assert sent[2].at - sent[1].at > 0.95
    after = eventually(lambda: (now := simulator.ledger()["webhooks"])["acknowledged"] > before["acknowledged"] and now)
    assert after
    assert {name: after[name] - before[name] for name in after} == {"sent": 3, "acknowledged": 1, "failed": 2}


@pytest.mark.parametrize("do", ["wrong_signature", "old_signature"])
def test_a_signature_that_is_not_good(simulator: Simulator, receiver: Receiver, do: str) -> None:
    reference = f"ref-{uuid4()}"
    receiver.refusals[reference] = 1
    simulator.fault({"on": "webhook", "do": do, "reference": reference})
    session = simulator.create(reference)

    eventually(lambda: len(receiver.about(session)) == 2)
    bad, good = receiver.about(session)
    assert (is_authentic(bad), is_authentic(good)) == (False, True)
    age = time.time() - int(bad.signature.partition(",")[0].removeprefix("t="))
    if do == "old_signature":
        assert 350 < age < 400
        assert stripe.WebhookSignature.verify_header(bad.body.decode(), bad.signature, SECRET, None)
    else:
        assert age < 10


def test_an_event_is_sent_twice(simulator: Simulator, receiver: Receiver) -> None:
    simulator.fault({"on": "webhook", "do": "duplicate", "reference": "ref-duplicate"})
    session = simulator.create("ref-duplicate")

    eventually(lambda: len(receiver.about(session)) == 2)
    first, second = receiver.about(session)
    assert first.body == second.body
    assert is_authentic(second)


def test_an_event_is_overtaken_by_the_next(simulator: Simulator, receiver: Receiver) -> None:
    reference = f"ref-{uuid4()}"
    simulator.fault({"on": "webhook", "do": "reorder", "reference": reference})
    session = simulator.create(reference)
    simulator.http.post(f"{SESSIONS}/{session['id']}/cancel")

    eventually(lambda: len(receiver.about(session)) == 2)
    assert receiver.kinds(session) == ["canceled", "created"]
    assert receiver.about(session)[1].at - receiver.about(session)[0].at < 1.9


def test_an_event_that_nothing_follows_is_held_two_seconds(simulator: Simulator, receiver: Receiver) -> None:
    reference, late = f"ref-{uuid4()}", f"ref-{uuid4()}"
    simulator.fault(
        {"on": "webhook", "do": "reorder", "reference": reference},
        {"on": "webhook", "do": "late", "seconds": 0.7, "reference": late},
    )
    start = time.time()
    held, delayed = simulator.create(reference), simulator.create(late)

    eventually(lambda: receiver.about(held) and receiver.about(delayed))
    assert receiver.about(delayed)[0].at - start >= 0.7
    assert receiver.about(held)[0].at - start >= 2.0


def test_an_event_that_never_comes(simulator: Simulator, receiver: Receiver) -> None:
    reference = f"ref-{uuid4()}"
    simulator.fault({"on": "webhook", "do": "never", "reference": reference})
    session = simulator.create(reference)
    simulator.http.post(f"{SESSIONS}/{session['id']}/cancel")

    eventually(lambda: receiver.kinds(session) == ["canceled"])
    time.sleep(0.7)
    assert receiver.kinds(session) == ["canceled"]


def test_the_event_comes_before_the_answer(simulator: Simulator, receiver: Receiver) -> None:
    reference = f"ref-{uuid4()}"
    receiver.refusals[reference] = 1
    simulator.fault({"on": "create", "do": "before_response", "reference": reference})
    session = simulator.create(reference)

    assert [delivery.status for delivery in receiver.about(session)] == [500, 200]
    assert session["status"] == "requires_input"


@pytest.mark.parametrize("do", ["bad_shape", "huge"])
def test_a_signed_body_that_nobody_expects(simulator: Simulator, receiver: Receiver, do: str) -> None:
    reference = f"ref-{uuid4()}"
    known = len(receiver.deliveries)
    simulator.fault({"on": "webhook", "do": do, "reference": reference})
    simulator.create(reference)

    odd = eventually(lambda: receiver.deliveries[known:])[0]
    assert is_authentic(odd)
    assert (len(odd.body) > 5_000_000) == (do == "huge")
    assert ("data" in odd.event) == (do == "huge")


def test_nothing_is_sent_while_it_is_down(simulator: Simulator, receiver: Receiver) -> None:
    session = simulator.create()
    eventually(lambda: receiver.kinds(session) == ["created"])
    simulator.http.put("/_control/down", json={"down": True})
    simulator.submit(session)
    time.sleep(0.4)
    assert receiver.kinds(session) == ["created"]

    simulator.http.put("/_control/down", json={"down": False})
    eventually(lambda: sorted(receiver.kinds(session)) == ["created", "processing", "verified"])


def test_wrong_signatures_drawn_at_random_are_right_the_second_time(simulator: Simulator, receiver: Receiver) -> None:
    references = [f"ref-{uuid4()}" for _ in range(5)]
    simulator.http.put("/_control/rates", json={"seed": 7, "webhook": {"wrong_signature": 1.0}})
    receiver.refusals.update(references)
    sessions = [simulator.create(reference) for reference in references]

    for session in sessions:
        eventually(lambda session=session: len(receiver.about(session)) == 2)  # type: ignore[misc]  # bound now
        assert [is_authentic(delivery) for delivery in receiver.about(session)] == [False, True]
