"""The simulated system downstream as a process of its own, and an engine's side of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import httpx

from onboarding.activators.http import HttpActivator
from onboarding.activators.port import Downstream
from onboarding.domain.activations import Rhythm

SECRET = "whsec_of_the_receiver"

QUICK = Rhythm(
    first=timedelta(milliseconds=100),
    longest=timedelta(milliseconds=400),
    call=timedelta(seconds=1),
    refused=timedelta(milliseconds=300),
    refused_longest=timedelta(seconds=2),
)
"""Seconds where the product waits for minutes."""


class Receiver:
    """One process from start to end; the same state folder, and the same port, may serve another afterwards."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._process: subprocess.Popen[str]
        self.port = 0
        self.http: httpx.Client

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def start(self) -> None:
        """Start it, on the port that it had before."""
        self._process = subprocess.Popen(  # noqa: S603 -- this project's own module
            [sys.executable, "-m", "simulators.receiver", "--port", str(self.port), "--state", str(self._state)],
            env={**os.environ, "RECEIVER_SIMULATOR_SECRET": SECRET, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        assert said.startswith("listening on http://"), said
        url = said.split()[-1]
        self.port = int(url.rpartition(":")[2])
        self.http = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it."""
        self.http.close()
        self._process.send_signal(number)
        self._process.communicate(timeout=10)

    @property
    def address(self) -> str:
        """Where calls are posted to."""
        return f"http://127.0.0.1:{self.port}/switches"

    def downstream(self, *steps: str) -> Downstream:
        """An engine's side of it, for sandbox accounts too."""
        return Downstream(HttpActivator(self.address, [SECRET]), steps or ("enable",), serve_sandbox=True)

    def script(self, *faults: dict[str, Any]) -> None:
        """Have calls go wrong."""
        answer = self.http.post("/_control/faults", json=faults)
        assert answer.status_code == 200, answer.text

    def set_down(self, *, down: bool) -> None:
        """Answer nothing but 503, or come back."""
        assert self.http.put("/_control/down", json={"down": down}).status_code == 200

    def switches(self, account_id: str) -> dict[str, Any]:
        """What it holds of an account, by capability."""
        return dict(self.http.get(f"/merchants/{account_id}").json())

    def done(self, account_id: str) -> list[tuple[str, str, int]]:
        """What it did for an account, in order: ``(part, open or closed, version)``."""
        orders = self.http.get("/_control/done").json()
        return [
            (one["part"], "open" if one["open"] else "closed", one["version"])
            for one in orders
            if one["merchant"] == account_id
        ]
