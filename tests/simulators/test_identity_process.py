"""The process: how it starts and ends, and what survives it."""

from __future__ import annotations

import signal
import socket
import stat
import subprocess
import time
from pathlib import Path
from uuid import uuid4

import pytest

from simulators.identity.storage import Storage
from tests.simulators.identity import (
    PERSON,
    REPORTS,
    SESSIONS,
    Receiver,
    Simulator,
    command,
    environment,
    eventually,
)


def refused(state: Path, *, port: int = 0, changes: dict[str, str] | None = None) -> str:
    """What a process that can't start says."""
    ran = subprocess.run(  # noqa: S603 -- this project's own module
        command(state, port=port),
        env=environment() | (changes or {}),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.count("\n") == 1
    return ran.stderr


@pytest.mark.parametrize("name", ["IDENTITY_SIMULATOR_KEY", "IDENTITY_SIMULATOR_WEBHOOK_SECRET"])
def test_it_says_which_setting_is_missing(tmp_path: Path, name: str) -> None:
    assert refused(tmp_path, changes={name: ""}) == f"identity simulator: {name} is not set\n"


def test_it_says_that_its_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "cannot listen on" in refused(tmp_path, port=taken.getsockname()[1])


def test_it_keeps_to_its_own_state_folder(tmp_path: Path) -> None:
    with Simulator(tmp_path):
        assert "in use by another process" in refused(tmp_path)
    log = tmp_path / "state.log"
    log.write_bytes(b"nonsense\n")
    assert "damaged" in refused(tmp_path)
    (tmp_path / "state.key").unlink()
    assert "lost its key" in refused(tmp_path)


def test_it_ends_in_good_time_with_a_call_still_open(tmp_path: Path) -> None:
    with Simulator(tmp_path) as simulator:
        simulator.fault({"on": "create", "do": "latency", "seconds": 60})
        with socket.create_connection(("127.0.0.1", int(simulator.url.rpartition(":")[2]))) as open_call:
            body = b"type=document"
            open_call.sendall(
                b"POST /v1/identity/verification_sessions HTTP/1.1\r\nHost: a\r\n"
                b"Authorization: Bearer sk_test_simulated\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            )
            eventually(lambda: not simulator.http.get("/_control/faults").json())
            start = time.monotonic()
            assert simulator.end() == 0
            assert time.monotonic() - start < 5


def test_what_was_done_survives_a_kill(tmp_path: Path) -> None:
    reference, key = f"ref-{uuid4()}", str(uuid4())
    with Receiver() as receiver:
        receiver.refusals[reference] = 1000
        options = ("--webhook-url", receiver.url, "--delay", "0.5")
        with Simulator(tmp_path, *options) as before:
            verified = before.verified(reference)
            keyed = before.create(reference, key)
            checked = before.create(reference)
            before.submit(checked)
            ledger = before.ledger()
            before.end(signal.SIGKILL)
        with (tmp_path / "state.log").open("ab") as log:
            log.write(b"gAAAAABhalf a line")

        with Simulator(tmp_path, *options) as after:
            assert after.retrieve(verified["id"]) == verified
            outputs = after.retrieve(verified["id"], "verified_outputs")["verified_outputs"]
            assert outputs["last_name"] == PERSON["last_name"]
            assert after.http.get(f"{REPORTS}/{verified['last_verification_report']}").status_code == 200
            again = after.post_session(reference, key)
            assert (again.headers["Idempotent-Replayed"], again.json()) == ("true", keyed)
            assert after.ledger()["by_reference"] == ledger["by_reference"] == {reference: 3}
            assert after.ledger()["webhooks"]["sent"] >= ledger["webhooks"]["sent"]
            assert after.until(checked["id"], "verified")["client_reference_id"] == reference

            receiver.refusals.clear()
            for session in (verified, checked):
                eventually(
                    lambda session=session: (  # type: ignore[misc]  # bound now
                        {delivery.kind for delivery in receiver.about(session) if delivery.status == 200}
                        == {"created", "processing", "verified"}
                    )
                )


def test_webhooks_wait_for_a_receiver_that_is_not_there(tmp_path: Path) -> None:
    with Receiver() as absent:
        port = absent.port
    options = ("--webhook-url", f"http://127.0.0.1:{port}/webhooks")
    with Simulator(tmp_path, *options) as before:
        session = before.create()
        eventually(lambda: before.ledger()["webhooks"]["failed"] > 0)
        before.end(signal.SIGKILL)

    with Receiver(port) as receiver, Simulator(tmp_path, *options) as after:
        eventually(lambda: receiver.kinds(session) == ["created"])
        eventually(lambda: after.ledger()["webhooks"]["acknowledged"] == 1)
    with Receiver(port) as receiver, Simulator(tmp_path, *options):
        time.sleep(0.3)
        assert receiver.deliveries == []


def test_nothing_that_was_typed_can_be_read_in_the_folder_or_the_output(tmp_path: Path) -> None:
    words = ["Wolkenstein", "Xanthippe", "Ulmenallee", "metavalue", "refvalue", "sk_test", "whsec"]
    state = tmp_path / "state"
    with Simulator(state) as simulator:
        session = simulator.create("refvalue", **{"metadata[a]": "metavalue"})
        typed = {"first_name": "Xanthippe", "last_name": "Wolkenstein", "line1": "Ulmenallee 5"}
        simulator.submit(session, **typed, dob="1951-02-30")
        simulator.submit(session, **typed, dob="1951-02-03")
        simulator.until(session["id"], "verified")
        simulator.http.get("/v1/Wolkenstein")
        simulator.http.post("/_control/faults", content=b"\xff")
        held = [path.read_bytes() for path in state.iterdir()]
        modes = {stat.S_IMODE(path.stat().st_mode) for path in state.iterdir()}
        simulator.http.post(f"{SESSIONS}/{session['id']}/redact")
        eventually(lambda: simulator.retrieve(session["id"])["redaction"]["status"] == "redacted")
        simulator.end()

    assert len(held) == 2
    assert modes == {0o600}
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    held += [path.read_bytes() for path in state.iterdir()]
    for word in [*words, "1951"]:
        assert not any(word.encode() in content for content in held)
        assert word not in simulator.said
    assert simulator.said.count("\n") == 1


def test_the_file_does_not_grow_with_what_is_replaced(tmp_path: Path) -> None:
    log = tmp_path / "state.log"
    storage = Storage(tmp_path)
    for number in range(5000):
        storage.put("numbers", "one", {"number": number})
    storage.put("numbers", "two", {})
    storage.remove("numbers", "two")
    assert len(log.read_bytes().splitlines()) < 2500
    storage.close()

    again = Storage(tmp_path)
    assert again.table("numbers") == {"one": {"number": 4999}}
    assert len(log.read_bytes().splitlines()) == 1
    again.close()


def test_dates_are_shown_by_name_where_it_is_told_so(tmp_path: Path) -> None:
    with Simulator(tmp_path, "--sensitive-by-expand", "--public-url", "https://id.example/") as simulator:
        session = simulator.create()
        assert session["url"].startswith("https://id.example/start/")
        simulator.http.post("/start/" + session["url"].rpartition("/")[2], data={**PERSON, "outcome": "verified"})
        simulator.until(session["id"], "verified")

        plain = simulator.retrieve(session["id"], "verified_outputs", "last_verification_report")
        named = simulator.retrieve(
            session["id"], "verified_outputs.dob", "last_verification_report.document.expiration_date"
        )
        assert "dob" not in plain["verified_outputs"]
        assert "expiration_date" not in plain["last_verification_report"]["document"]
        assert named["verified_outputs"]["dob"] == {"day": 3, "month": 2, "year": 1990}
        assert "expiration_date" in named["last_verification_report"]["document"]
        assert "dob" not in named["last_verification_report"]["document"]
