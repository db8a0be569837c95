"""What every request gets whatever becomes of it. Plain ASGI: nothing is copied, and no task is started."""

from __future__ import annotations

import time

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import answer, too_large
from api.headers import is_idempotency_key
from api.multipart import FIELD_BYTES
from api.versions import Version
from onboarding.files.purposes import MAX_BYTES
from onboarding.ids import request_id
from onboarding.telemetry import request_duration

BODY_LIMIT = 1_000_000
UPLOAD_LIMIT = MAX_BYTES + 2 * FIELD_BYTES
"""Of a form with a file in it, which is counted by itself."""

_UPLOADS = "/v1/files"


class Envelope:
    """Gives each request an id, bounds its body, sends its idempotency key back, and answers whatever escaped.

    It stands inside the framework's own last resort, which would raise again and so write a traceback into the log.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        exchange = _Exchange(scope, receive, send)
        try:
            exchange.refuse_announced()
            await self._app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            # Nobody is there to be told.
            return
        except Exception as error:  # noqa: BLE001 -- the last resort: whatever it is, its message must not get out
            response = answer(Request(scope), error)
            if not exchange.status:
                await response(scope, receive, exchange.send)
        finally:
            leave = scope["state"].get("leave")
            if leave is not None:
                leave()
            request_duration.record(
                time.perf_counter() - started,
                {
                    "http.route": getattr(scope.get("route"), "path", "unknown"),
                    "http.request.method": scope["method"],
                    "http.response.status_code": exchange.status,
                },
            )


class _Exchange:
    """One request and its response. ``status`` is 0 until the response begins."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._received = 0
        self._announced = 0
        self._limit = UPLOAD_LIMIT if scope["path"] == _UPLOADS else BODY_LIMIT
        self._key: str | None = None
        self._id = request_id()
        self.status = 0
        self._state = scope.setdefault("state", {})
        self._state["request_id"] = self._id
        for name, value in scope["headers"]:
            if name == b"content-length":
                # The server has refused what is no number.
                self._announced = int(value)
            elif name == b"idempotency-key" and is_idempotency_key(key := value.decode("latin-1")):
                self._key = key

    def refuse_announced(self) -> None:
        """Refuse a body that says itself that it is too large, before any of it is read."""
        if self._announced > self._limit:
            raise too_large(self._limit)

    async def receive(self) -> Message:
        """A part of the body; a chunked one says nothing about its length beforehand."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            if self._received > self._limit:
                raise too_large(self._limit)
        return message

    async def send(self, message: Message) -> None:
        """A part of the response."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(raw=message["headers"])
            headers["Request-Id"] = self._id
            version: Version | None = self._state.get("version")
            if version is not None:
                headers["Stripe-Version"] = version.text
            if self._key is not None:
                headers["Idempotency-Key"] = self._key
        await self._send(message)
