"""The simulated system downstream: who may tell it, what it obeys, and what it remembers."""

from __future__ import annotations

import hashlib
import hmac
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.receiver import SECRET, Receiver


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with Receiver(tmp_path_factory.mktemp("receiver") / "state") as receiver:
        yield receiver


def tell(
    receiver: Receiver, *, secret: str = SECRET, age: float = 0, key: str | None = None, **changes: Any
) -> httpx.Response:
    told = {"account": "m1", "capability": "cards", "step": "enable", "on": True, "version": 1, "valid_until": None}
    body = json.dumps(told | changes).encode()
    at = str(int(time.time() - age))
    signature = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    named = {**told, **changes}
    name = key or "/".join(str(named[part]) for part in ("account", "capability", "version", "step", "on"))
    headers = {"Stripe-Signature": f"t={at},v1={signature}", "Idempotency-Key": name}
    return receiver.http.post("/switches", content=body, headers=headers)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def test_only_who_knows_the_secret_is_obeyed(receiver: Receiver) -> None:
    assert code(tell(receiver, account="stranger", secret="whsec_other")) == (401, "signature_wrong")
    assert code(tell(receiver, account="stranger", age=400)) == (401, "signature_wrong")
    assert code(receiver.http.post("/switches", content=b"{}")) == (401, "signature_wrong")
    assert code(tell(receiver, account="stranger", on="yes")) == (400, "unreadable")
    assert receiver.switches("stranger") == {}


def test_fence_key_and_state_survive_a_kill(receiver: Receiver) -> None:
    owned: Any = {"account": "m2"}
    assert tell(receiver, **owned, version=4).status_code == 200
    assert tell(receiver, **owned, version=4, step="limits").status_code == 200
    assert tell(receiver, **owned, version=4).status_code == 200
    assert receiver.done("m2") == [("enable", "open", 4), ("limits", "open", 4)]
    assert code(tell(receiver, **owned, version=4, on=False, key="m2/cards/4/enable/True")) == (409, "key_reused")
    receiver.end(signal.SIGKILL)
    receiver.start()
    answer = tell(receiver, **owned, version=3, on=False)
    assert (answer.status_code, answer.json()) == (409, {"code": "version_outrun", "version": 4})
    assert tell(receiver, **owned, version=4).status_code == 200
    assert receiver.done("m2") == []  # what was done before is not done again
    assert receiver.switches("m2")["cards"]["parts"] == ["enable", "limits"]
    assert tell(receiver, **owned, version=5, on=False).status_code == 200
    # What was said yes to once is too old by now.
    assert code(tell(receiver, **owned, version=4)) == (409, "version_outrun")
    assert receiver.switches("m2")["cards"]["parts"] == ["limits"]


def test_faults_come_once_each_for_the_calls_that_they_are_about(receiver: Receiver) -> None:
    owned: Any = {"account": "m3"}
    receiver.script(
        {"do": "refuse", "code": "over_limit", "merchant": "m3", "feature": "cards"},
        {"do": "lose", "merchant": "m3", "open": False},
        {"do": "busy", "seconds": 9, "merchant": "m4"},
    )
    assert code(tell(receiver, **owned)) == (422, "over_limit")
    assert code(tell(receiver, **owned)) == (422, "over_limit")  # under the same key it is the same answer
    assert tell(receiver, **owned, version=2).status_code == 200
    with pytest.raises(httpx.TransportError):
        tell(receiver, **owned, version=3, on=False)
    assert receiver.switches("m3")["cards"] == {"version": 3, "parts": [], "good_until": None}
    busy = tell(receiver, account="m4")
    assert (busy.status_code, busy.headers["retry-after"]) == (429, "9")
    assert tell(receiver, account="m4").status_code == 200
    assert receiver.http.post("/_control/faults", json=[{"do": "burn"}]).status_code == 422


def test_it_does_not_start_without_its_secret(tmp_path: Path) -> None:
    ended = subprocess.run(  # noqa: S603 -- this project's own module
        [sys.executable, "-m", "simulators.receiver", "--port", "0", "--state", str(tmp_path)],
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (1, "receiver simulator: RECEIVER_SIMULATOR_SECRET is not set\n")
