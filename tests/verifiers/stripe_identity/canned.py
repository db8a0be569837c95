"""A server that answers what a test put down, in Stripe's shapes, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from onboarding.verifiers.port import Question
from onboarding.verifiers.stripe_identity import StripeIdentity

REFERENCE = "att_" + "0" * 27
SESSION = "vs_1PqAbCdEf"
URL = "https://verify.stripe.com/start/test_YWNjdF8x"
CREATED, REPORTED = 1_767_225_600, 1_767_229_200
REPORTED_AT = datetime(2026, 1, 1, 1, tzinfo=UTC)
CREATED_AT = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 2, tzinfo=UTC)

INPUTS = {
    "given_name": "jenny", "surname": "rosen",
    "date_of_birth.year": "1980", "date_of_birth.month": "2", "date_of_birth.day": "29",
}  # fmt: skip
QUESTION = Question("check_1", "keyed_identity", "person_1", "digest", INPUTS, NOW)
OUTPUTS = {"first_name": "Jenny", "last_name": "Rosen", "dob": {"day": 29, "month": 2, "year": 1980}, "address": None}


def session(status: str = "requires_input", **changes: Any) -> dict[str, Any]:
    """A VerificationSession as the API shows it; ``url`` only where the user may go on."""
    return {
        "id": SESSION,
        "object": "identity.verification_session",
        "client_reference_id": REFERENCE,
        "client_secret": None,
        "created": CREATED,
        "last_error": None,
        "last_verification_report": None,
        "livemode": False,
        "metadata": {"check": "check_1"},
        "options": {"document": {"require_matching_selfie": True}},
        "redaction": None,
        "status": status,
        "type": "document",
        "url": URL if status == "requires_input" else None,
        **changes,
    }


def report(**changes: Any) -> dict[str, Any]:
    """An expanded VerificationReport."""
    return {"id": "vr_1", "object": "identity.verification_report", "created": REPORTED, "type": "document", **changes}


def verified(outputs: Any, **changes: Any) -> dict[str, Any]:
    """A verified session, expanded."""
    return session("verified", last_verification_report=report(), verified_outputs=outputs, **changes)


def failed(code: str | None, **changes: Any) -> dict[str, Any]:
    """A session whose last submission was not enough."""
    return session(last_error={"code": code, "reason": "A sentence for the user."}, **changes)


def listed(*sessions: dict[str, Any]) -> dict[str, Any]:
    """A page of sessions."""
    return {"object": "list", "url": "/v1/identity/verification_sessions", "has_more": False, "data": list(sessions)}


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, list[str]]
    form: dict[str, list[str]]
    headers: dict[str, str]


@dataclass
class Answer:
    """One answer. ``raw`` replaces everything on the wire; ``delay`` comes before it, ``trickle`` before each byte."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    delay: float = 0
    trickle: float = 0


class Canned:
    """The server. A context manager: it listens from start to end."""

    def __init__(self) -> None:
        self.answers: deque[Answer] = deque()
        self.asked: list[Asked] = []
        self.is_asked = threading.Event()
        canned = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_GET(self) -> None:
                canned.serve(self)

            def do_POST(self) -> None:
                canned.serve(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

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

    def will_answer(self, body: Any = None, status: int = 200, **rest: Any) -> None:
        """Put down the next answer."""
        self.answers.append(Answer(body, status, **rest))

    def adapter(self, **settings: Any) -> StripeIdentity:
        settings = {"api_key": "rk_test_1", "webhook_secrets": ["whsec_1"], "base_url": self.url} | settings
        return StripeIdentity(**settings)

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        form = request.rfile.read(int(request.headers.get("Content-Length") or 0)).decode()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(Asked(request.command, parts.path, parse_qs(parts.query), parse_qs(form), headers))
        answer = self.answers.popleft()
        self.is_asked.set()
        time.sleep(answer.delay)
        try:
            if answer.raw is not None:
                for part in _parts(answer.raw, answer.trickle):
                    request.wfile.write(part)
                    request.wfile.flush()
                request.close_connection = True
                return
            content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            request.send_response(answer.status)
            for name, value in answer.headers.items():
                request.send_header(name, value)
            request.send_header("Content-Length", str(len(content)))
            request.end_headers()
            request.wfile.write(content)
            request.wfile.flush()
        except OSError:
            pass  # the caller has gone


def _parts(content: bytes, pause: float) -> Iterator[bytes]:
    """The content at once, or byte by byte."""
    if not pause:
        yield content
        return
    for byte in content:
        time.sleep(pause)
        yield bytes([byte])
