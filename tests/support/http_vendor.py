"""A vendor over real HTTP, and the adapter that speaks to it.

The vendor has state (cases by its own id), words of its own (``clear``, ``consider``), and faults that a test puts in
its script. It counts what it charges: every case that it opens. It knows nothing of this project.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, Self
from urllib.parse import parse_qs, urlsplit

import httpx

from onboarding.domain.state import Outcome
from onboarding.verifiers.port import (
    CallbackRefused,
    CallbackUnreadable,
    Notice,
    Question,
    RepeatedStart,
    Report,
    Started,
    VerifierUnavailable,
)

SECRET = b"whsec_of_the_vendor"


class Crashed(Exception):  # noqa: N818 -- says what happened
    """Stands for the death of the process that made a call: nothing after it happens."""


@dataclass
class Case:
    """One question as the vendor keeps it."""

    id: str
    reference: str
    key: str
    asked: dict[str, str]
    polls: int = 0
    cancelled: bool = False


@dataclass
class HttpVendor:
    """The vendor. A context manager: it listens from start to end.

    Attributes:
        result: clear, consider or unsure.
        reports_after: how many polls find nothing; 0 answers the first request itself, None never reports.
        script: faults for the next requests: a status, ``reset`` before anything is done, ``reset_after`` the work
            was done, or seconds of latency; None for none.
        keeps_keys: whether a repeated key gives the same case.
        page: where the end user goes on with a case that has no result.
    """

    result: str = "clear"
    reports_after: int | None = 0
    keeps_keys: bool = True
    page: str | None = None
    script: deque[str | float | None] = field(default_factory=deque)
    cases: dict[str, Case] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_GET(self) -> None:
                vendor.serve(self, {})

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                vendor.serve(self, json.loads(self.rfile.read(length) or b"{}"))

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def charges(self) -> int:
        """Cases opened: each of them costs."""
        return len(self.cases)

    def serve(self, request: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        with self._lock:
            fault = self.script.popleft() if self.script else None
            self.requests.append(f"{request.command} {urlsplit(request.path).path.rpartition('/')[2]}")
        if isinstance(fault, float):
            time.sleep(fault)
        if fault == "reset":
            request.close_connection = True
            request.connection.close()
            return
        if isinstance(fault, str) and fault.isdigit():
            self._send(request, int(fault), {"error": "scripted"})
            return
        with self._lock:
            status, answer = self._answer(request, body)
        if fault == "reset_after":
            request.close_connection = True
            request.connection.close()
            return
        self._send(request, status, answer)

    def _send(self, request: BaseHTTPRequestHandler, status: int, answer: dict[str, Any]) -> None:
        content = json.dumps(answer).encode()
        try:
            request.send_response(status)
            if status == 429:
                request.send_header("Retry-After", "1")
            request.send_header("Content-Length", str(len(content)))
            request.end_headers()
            request.wfile.write(content)
        except OSError:
            pass  # the caller has gone

    def _answer(self, request: BaseHTTPRequestHandler, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        parts = urlsplit(request.path)
        path = parts.path.strip("/").split("/")
        if request.command == "POST" and path == ["cases"]:
            return 201, self._shown(self._open(str(request.headers.get("Idempotency-Key")), body))
        if request.command == "GET" and path == ["cases"]:
            wanted = parse_qs(parts.query)["reference"][0]
            return 200, {"cases": [case.id for case in self.cases.values() if case.reference == wanted]}
        case = self.cases.get(path[1])
        if case is None:
            return 404, {"error": "no such case"}
        if request.command == "POST":
            case.cancelled = True
            return 200, {}
        case.polls += 1
        return 200, self._shown(case)

    def _open(self, key: str, body: dict[str, Any]) -> Case:
        known = next((case for case in self.cases.values() if case.key == key), None)
        if known is not None and self.keeps_keys:
            return known
        case = Case(f"case-{len(self.cases) + 1}", body["reference"], key, body["about"])
        self.cases[case.id] = case
        return case

    def _shown(self, case: Case) -> dict[str, Any]:
        done = self.reports_after is not None and case.polls >= self.reports_after
        return {"id": case.id, "result": self.result if done else None, "page": None if done else self.page}

    def event(self, case_id: str, event_id: str = "event-1", **changes: Any) -> tuple[dict[str, str], bytes]:
        """What it sends when something happens to a case: headers and body. A change to None leaves a part out."""
        known = self.cases.get(case_id)
        told = {"event": event_id, "case": case_id, "reference": known.reference if known else "", "at": time.time()}
        body = json.dumps({name: value for name, value in (told | changes).items() if value is not None}).encode()
        return {"x-vendor-signature": hmac.new(SECRET, body, hashlib.sha256).hexdigest()}, body


_OUTCOMES = {
    "clear": (Outcome.PASSED, ()),
    "consider": (Outcome.FAILED, ("verification_failed_other",)),
    "unsure": (Outcome.INCONCLUSIVE, ("verification_failed_other",)),
}


class Addressed(Protocol):
    """A vendor as its adapter knows it."""

    @property
    def url(self) -> str:
        """Where it is."""

    @property
    def page(self) -> str | None:
        """Where its end users go."""


class HttpVerifier:
    """The adapter: a :class:`onboarding.verifiers.port.Verifier` over ``httpx``.

    ``before_call`` and ``after_call`` are where a test lets the process die.
    """

    version = "1"

    def __init__(
        self,
        vendor: Addressed,
        kinds: frozenset[str],
        *,
        name: str = "vendor",
        repeated_start: RepeatedStart = RepeatedStart.KEY,
        key_lifetime: timedelta = timedelta(hours=24),
    ) -> None:
        self.name = name
        self.kinds = kinds
        self.repeated_start = repeated_start
        self.key_lifetime = key_lifetime
        self.before_call: Callable[[], None] = lambda: None
        self.after_call: Callable[[], None] = lambda: None
        self._vendor = vendor

    async def start(self, question: Question, *, our_reference: str, idempotency_key: str) -> Started | Report:
        self.before_call()
        shown = await self._send(
            "POST",
            "/cases",
            json={"reference": our_reference, "about": dict(question.inputs)},
            headers={"Idempotency-Key": idempotency_key},
        )
        self.after_call()
        return self._report(shown) or Started(shown["id"])

    async def find(self, our_reference: str) -> Started | None:
        found = (await self._send("GET", "/cases", params={"reference": our_reference}))["cases"]
        return Started(found[0]) if found else None

    async def poll(self, vendor_reference: str, question: Question | None) -> Report | None:  # noqa: ARG002
        return self._report(await self._send("GET", f"/cases/{vendor_reference}"))

    async def cancel(self, vendor_reference: str) -> None:
        await self._send("POST", f"/cases/{vendor_reference}/cancel", json={})

    def _report(self, shown: dict[str, Any]) -> Report | None:
        if shown["result"] is None:
            return None
        outcome, reasons = _OUTCOMES[shown["result"]]
        return Report(outcome, reasons, datetime.now(UTC))

    async def _send(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(base_url=self._vendor.url, timeout=5, trust_env=False) as client:
                response = await client.request(method, path, **request)
        except httpx.ConnectError:
            raise VerifierUnavailable("not_connected") from None
        except httpx.HTTPError:
            raise VerifierUnavailable("no_answer") from None
        if response.status_code == 429:
            raise VerifierUnavailable("rate_limited", timedelta(seconds=int(response.headers["Retry-After"])))
        if response.status_code == 401:
            raise VerifierUnavailable("refused")
        if response.status_code >= 500:
            raise VerifierUnavailable("vendor_error")
        shown: dict[str, Any] = response.json()
        return shown


class CallingVerifier(HttpVerifier):
    """The adapter of a vendor that calls back, and that may have a page for the end user.

    ``secret`` is what a test changes, or mends.
    """

    secret = SECRET

    async def start(self, question: Question, *, our_reference: str, idempotency_key: str) -> Started | Report:
        started = await super().start(question, our_reference=our_reference, idempotency_key=idempotency_key)
        return started if isinstance(started, Report) else Started(started.vendor_reference, self._vendor.page)

    async def poll(self, vendor_reference: str, question: Question | None) -> Report | Started | None:  # type: ignore[override]  # the port's own width
        shown = await self._send("GET", f"/cases/{vendor_reference}")
        if shown.get("error"):
            raise VerifierUnavailable("not_found")
        report = self._report(shown)
        if report is not None and question is None:
            # The vendor says what it saw, and there is nothing any more to hold that against.
            return Report(Outcome.INCONCLUSIVE, ("verification_failed_other",), report.occurred_at)
        return report or (Started(vendor_reference, shown["page"]) if shown["page"] else None)

    def read_callback(self, headers: Mapping[str, str], body: bytes, received_at: datetime) -> Notice | None:  # noqa: ARG002 -- its signatures do not age
        signature = headers.get("x-vendor-signature")
        if signature is None:
            raise CallbackRefused("signature_missing")
        if not hmac.compare_digest(signature, hmac.new(self.secret, body, hashlib.sha256).hexdigest()):
            raise CallbackRefused("signature_wrong")
        told = json.loads(body)
        if "ping" in told:
            return None
        try:
            at = datetime.fromtimestamp(told["at"], UTC)
            return Notice(told["event"], at, told["case"], told.get("reference", ""))
        except KeyError:
            raise CallbackUnreadable from None
