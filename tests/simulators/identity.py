"""The simulator as a process of its own, a receiver of its webhooks, and a user at its page."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import uuid4

import httpx

T = TypeVar("T")

KEY = "sk_test_simulated"
SECRET = "whsec_simulated"
SESSIONS = "/v1/identity/verification_sessions"
REPORTS = "/v1/identity/verification_reports"
PERSON = {"document_type": "passport", "first_name": "Ada", "last_name": "Quillfeather", "dob": "1990-02-03"}
ENVIRONMENT = {"IDENTITY_SIMULATOR_KEY": KEY, "IDENTITY_SIMULATOR_WEBHOOK_SECRET": SECRET}


def eventually(found: Callable[[], T], seconds: float = 10.0) -> T:
    end = time.monotonic() + seconds
    while not (value := found()):
        if time.monotonic() > end:
            raise AssertionError("it did not happen")
        time.sleep(0.01)
    return value


def command(state: Path, *options: str, port: int = 0) -> list[str]:
    return [sys.executable, "-m", "simulators.identity", "--port", str(port), "--state", str(state), *options]


def environment() -> dict[str, str]:
    return {**os.environ, **ENVIRONMENT, "PYTHONPATH": str(Path(__file__).parents[2])}


class Simulator:
    """One process from start to end; the same state folder may serve another afterwards."""

    def __init__(self, state: Path, *options: str) -> None:
        self.state = state
        self.said = ""
        self._options = options
        self._process: subprocess.Popen[str]
        self.url = ""
        self.http: httpx.Client

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 -- this project's own module
            command(self.state, *self._options),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        self.said = self._process.stdout.readline()
        assert self.said.startswith("listening on http://"), self.said
        self.url = self.said.split()[-1]
        self.http = httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {KEY}"}, timeout=10, trust_env=False
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.end()

    def end(self, number: int = signal.SIGTERM) -> int:
        """End the process; its status. What it said is in ``said``."""
        self._process.send_signal(number)
        said, _ = self._process.communicate(timeout=10)
        self.said += said
        return self._process.returncode

    def create(self, reference: str | None = None, key: str | None = None, **given: str) -> dict[str, Any]:
        answer = self.post_session(reference or f"ref-{uuid4()}", key, **given)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def post_session(self, reference: str, key: str | None = None, **given: str) -> httpx.Response:
        form = {"type": "document", "client_reference_id": reference, **given}
        return self.http.post(SESSIONS, data=form, headers={"Idempotency-Key": key} if key else {})

    def retrieve(self, id_: str, *expand: str) -> dict[str, Any]:
        answer = self.http.get(f"{SESSIONS}/{id_}", params={"expand[]": list(expand)})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def until(self, id_: str, status: str) -> dict[str, Any]:
        return eventually(lambda: shown if (shown := self.retrieve(id_))["status"] == status else None) or {}

    def submit(self, session: dict[str, Any], outcome: str = "verified", **typed: str) -> httpx.Response:
        return self.http.post(session["url"], data={**PERSON, "outcome": outcome, **typed})

    def verified(self, reference: str | None = None, **given: str) -> dict[str, Any]:
        session = self.create(reference, **given)
        assert self.submit(session).status_code == 303
        return self.until(session["id"], "verified")

    def fault(self, *faults: dict[str, Any]) -> None:
        assert self.http.post("/_control/faults", json=list(faults)).status_code == 200

    def ledger(self) -> dict[str, Any]:
        return dict(self.http.get("/_control/ledger").json())

    def charges(self, reference: str) -> int:
        return int(self.ledger()["by_reference"].get(reference, 0))


@dataclass(frozen=True)
class Delivery:
    """One attempt, as it came."""

    body: bytes
    signature: str
    at: float
    status: int

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def kind(self) -> str:
        return str(self.event.get("type", "")).rpartition(".")[2]


class Receiver:
    """Where webhooks go. It refuses as many deliveries of a reference as ``refusals`` says."""

    def __init__(self, port: int = 0) -> None:
        self.deliveries: list[Delivery] = []
        self.refusals: Counter[str] = Counter()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(receiver.take(body, self.headers["Stripe-Signature"]))
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/webhooks"

    def take(self, body: bytes, signature: str) -> int:
        reference = json.loads(body).get("data", {}).get("object", {}).get("client_reference_id", "")
        status = 500 if self.refusals[reference] > 0 else 200
        self.refusals[reference] -= 1
        self.deliveries.append(Delivery(body, signature, time.time(), status))
        return status

    def about(self, session: dict[str, Any]) -> list[Delivery]:
        id_ = session["id"]
        return [
            delivery
            for delivery in list(self.deliveries)
            if delivery.event.get("data", {}).get("object", {}).get("id") == id_
        ]

    def kinds(self, session: dict[str, Any]) -> list[str]:
        return [delivery.kind for delivery in self.about(session)]
