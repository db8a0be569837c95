"""What goes wrong with calls: scripted, drawn, or all of it at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.simulators.identity import SESSIONS, Simulator

STATUSES = {"error": 500, "error_after": 500, "rate_limit": 429}


@pytest.mark.parametrize(
    ("do", "created"),
    [
        ("latency", 1),
        ("error", 0),
        ("error_after", 1),
        ("rate_limit", 0),
        ("reset", 0),
        ("reset_after", 1),
        ("bad_shape", 1),
    ],
)
def test_a_call_fails_and_its_repetition_by_key_counts_once(simulator: Simulator, do: str, created: int) -> None:
    reference, key = f"ref-{uuid4()}", str(uuid4())
    simulator.fault({"on": "create", "do": do, "seconds": 0.2, "reference": reference})
    simulator.create()

    before = time.monotonic()
    if do.startswith("reset"):
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            simulator.post_session(reference, key)
    else:
        answer = simulator.post_session(reference, key)
        assert answer.status_code == STATUSES.get(do, 200)
        assert do != "latency" or time.monotonic() - before >= 0.2
        assert ("id" in answer.json()) == (do == "latency")
        if do == "rate_limit":
            assert answer.headers["Retry-After"] == "0.2"
            assert answer.headers["Stripe-Rate-Limited-Reason"]

    assert simulator.charges(reference) == created
    again = simulator.post_session(reference, key)
    assert again.status_code == 200
    assert ("Idempotent-Replayed" in again.headers) == (created == 1)
    assert simulator.charges(reference) == 1


@pytest.mark.parametrize("on", ["retrieve", "cancel", "list", "any_request"])
def test_a_fault_waits_for_its_call(simulator: Simulator, on: str) -> None:
    session = simulator.create("ref-waiting")
    simulator.fault({"on": on, "do": "error", "status": 502, "reference": "ref-waiting"})
    calls: dict[str, Callable[[], httpx.Response]] = {
        "retrieve": lambda: simulator.http.get(f"{SESSIONS}/{session['id']}"),
        "list": lambda: simulator.http.get(SESSIONS, params={"client_reference_id": "ref-waiting"}),
        "cancel": lambda: simulator.http.post(f"{SESSIONS}/{session['id']}/cancel"),
    }

    for name, call in calls.items():
        hit = name == on or (on == "any_request" and name == "retrieve")
        assert call().status_code == (502 if hit else 200)


def test_faults_are_taken_in_order_and_can_be_cleared(simulator: Simulator) -> None:
    session = simulator.create()
    simulator.fault(*({"on": "retrieve", "do": "error", "status": status} for status in (500, 502, 503)))
    address = f"{SESSIONS}/{session['id']}"

    assert [simulator.http.get(address).status_code for _ in range(2)] == [500, 502]
    assert simulator.http.get("/_control/faults").json() == [{"on": "retrieve", "do": "error", "status": 503}]
    assert simulator.http.delete("/_control/faults").json() == []
    assert simulator.http.get(address).status_code == 200


@pytest.mark.parametrize(
    "faults",
    [
        {"on": "create", "do": "error"},
        ["error"],
        [{"on": "create"}],
        [{"on": "create", "do": "explode"}],
        [{"on": "webhook", "do": "reset"}],
        [{"on": "retrieve", "do": "before_response"}],
        [{"on": "create", "do": "error", "status": 200}],
        [{"on": "create", "do": "latency", "seconds": "1"}],
        [{"on": "create", "do": "error", "colour": "red"}],
        [{"on": "create", "do": "error"}, {"on": "nothing", "do": "error"}],
    ],
)
def test_a_fault_that_is_not_known_is_refused(simulator: Simulator, faults: Any) -> None:
    answer = simulator.http.post("/_control/faults", json=faults)

    assert answer.status_code == 400
    assert answer.json()["message"]
    assert simulator.http.get("/_control/faults").json() == []


@pytest.mark.parametrize(
    "rates", [{"request": {"error": 0.6, "reset": 0.6}}, {"request": {"bad_shape": 0.1}}, {"colour": 1}, {"seed": "a"}]
)
def test_rates_that_make_no_sense_are_refused(simulator: Simulator, rates: Any) -> None:
    assert simulator.http.put("/_control/rates", json=rates).status_code == 400
    assert simulator.http.put("/_control/rates", content=b"{").status_code == 400


def test_faults_drawn_with_one_seed_are_the_same(simulator: Simulator) -> None:
    session = simulator.create()

    def outcomes(seed: int) -> list[int]:
        drawn = {"error": 0.2, "error_after": 0.1, "rate_limit": 0.2, "reset": 0.1, "reset_after": 0.1}
        assert simulator.http.put("/_control/rates", json={"seed": seed, "request": drawn}).status_code == 200
        found = []
        for _ in range(60):
            try:
                found.append(simulator.http.get(f"{SESSIONS}/{session['id']}").status_code)
            except httpx.TransportError:
                found.append(0)
        return found

    first = outcomes(1)

    assert set(first) == {0, 200, 429, 500}
    assert outcomes(1) == first
    assert outcomes(2) != first


def test_nothing_is_answered_while_it_is_down(simulator: Simulator) -> None:
    session = simulator.create()
    assert simulator.http.put("/_control/down", json={"down": True}).json() == {"down": True}
    down = simulator.http.get(f"{SESSIONS}/{session['id']}")
    assert simulator.http.get("/_control/health").status_code == 200
    simulator.http.put("/_control/down", json={"down": False})

    assert (down.status_code, down.json()["error"]["type"]) == (503, "api_error")
    assert simulator.retrieve(session["id"])["status"] == "requires_input"
    assert simulator.http.put("/_control/down", json={"down": 1}).status_code == 400


def test_the_overview_shows_every_session(simulator: Simulator) -> None:
    session = simulator.create("ref-overview", **{"metadata[check]": "check_2"})

    names = ("id", "status", "client_reference_id", "metadata", "url", "created")
    assert simulator.http.get("/_control/sessions").json()[-1] == {name: session[name] for name in names}
