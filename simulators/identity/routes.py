"""The API under ``/v1/identity``: who may call, keys, faults, and what is answered."""

from __future__ import annotations

import asyncio
import hmac
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from simulators.identity.errors import VendorError
from simulators.identity.faults import Fault, Faults
from simulators.identity.forms import Form, parse
from simulators.identity.idempotency import Keys, digest
from simulators.identity.sessions import new_id
from simulators.identity.vendor import Vendor
from simulators.identity.webhooks import Webhooks

_SESSIONS = "/v1/identity/verification_sessions"
_REPORTS = "/v1/identity/verification_reports"
# A receiver that waits for the create call's answer before it acknowledges would wait for ever.
_ACKNOWLEDGED_SECONDS = 5.0
_LATENCY_SECONDS = 1.0
# The key of the connection's transport in a request's state.
TRANSPORT = "transport"


class CutConnection(Response):
    """No answer: the client's connection is reset."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 -- ASGI's signature
        """Reset, and return once the connection is gone."""
        transport = scope["state"][TRANSPORT]
        # Lingering for no time at all: what is closed this way is reset instead of ended in good order.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass


@dataclass(frozen=True)
class Call:
    """One call: its own id, what it asks for, and its parameters."""

    id: str
    kind: str
    method: str
    path: str
    object_id: str
    form: Form
    key: str | None

    @property
    def cause(self) -> dict[str, str | None]:
        """How an event names it."""
        return {"id": self.id, "idempotency_key": self.key}


Work = Callable[[Call], dict[str, Any]]


class Api:
    """The routes.

    Args:
        vendor: what does the work.
        keys: idempotency keys.
        faults: what goes wrong.
        webhooks: to wait for, where a fault says so.
        secret_key: what callers have to show.
    """

    def __init__(self, vendor: Vendor, keys: Keys, faults: Faults, webhooks: Webhooks, secret_key: str) -> None:
        self._vendor = vendor
        self._keys = keys
        self._faults = faults
        self._webhooks = webhooks
        self._secret_key = secret_key

    def routes(self) -> list[Route]:
        """All of ``/v1``."""
        vendor = self._vendor
        one = _SESSIONS + "/{id}"
        return [
            self._route("POST", _SESSIONS, "create", lambda call: vendor.create(call.form, call.cause)),
            self._route("GET", _SESSIONS, "list", lambda call: vendor.find(call.form)),
            self._route("GET", one, "retrieve", lambda call: vendor.retrieve(call.object_id, call.form)),
            self._route(
                *("POST", one + "/cancel", "cancel"), lambda call: vendor.cancel(call.object_id, call.form, call.cause)
            ),
            self._route(
                *("POST", one + "/redact", "redact"), lambda call: vendor.redact(call.object_id, call.form, call.cause)
            ),
            self._route("GET", _REPORTS + "/{id}", "report", lambda call: vendor.report(call.object_id, call.form)),
            Route("/v1/{rest:path}", self._unknown, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]

    def _route(self, method: str, path: str, kind: str, work: Work) -> Route:
        async def endpoint(request: Request) -> Response:
            return await self._serve(request, kind, work)

        return Route(path, endpoint, methods=[method])

    async def _unknown(self, request: Request) -> Response:
        def work(_: Call) -> dict[str, Any]:
            raise VendorError(404, f"Unrecognized request URL ({request.method})")

        return await self._serve(request, "unknown", work)

    async def _serve(self, request: Request, kind: str, work: Work) -> Response:
        id_ = new_id("req", 14)
        try:
            self._admit(request)
            has_body = request.method == "POST"
            call = Call(
                id=id_,
                kind=kind,
                method=request.method,
                path=request.url.path,
                object_id=request.path_params.get("id", ""),
                form=parse(await request.body() if has_body else request.url.query),
                key=(request.headers.get("idempotency-key") or None) if has_body else None,
            )
            with self._keys.running(call.key):
                response = await self._carry_out(call, work)
        except VendorError as error:
            response = _refusal(error)
        response.headers["Request-Id"] = id_
        return response

    def _admit(self, request: Request) -> None:
        if self._faults.is_down:
            raise VendorError(503, "The service is unavailable at the moment", type_="api_error")
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise VendorError(401, "You did not provide an API key. Send it as: Authorization: Bearer YOUR_SECRET_KEY")
        if not hmac.compare_digest(key.strip().encode(), self._secret_key.encode()):
            raise VendorError(401, "Invalid API Key provided", code="api_key_invalid")

    async def _carry_out(self, call: Call, work: Work) -> Response:
        fault = self._faults.of_request(call.kind, self._reference(call))
        refused = await _before(fault)
        if refused is not None:
            return refused
        response, body = self._answer(call, work)
        if fault is not None and fault.do == "before_response":
            await self._webhooks.settled(body.get("id", ""), _ACKNOWLEDGED_SECONDS)
        return _after(fault) or response

    def _reference(self, call: Call) -> str | None:
        if call.object_id:
            return self._vendor.reference_of(call.object_id)
        given = call.form.get("client_reference_id")
        return given if isinstance(given, str) else None

    def _answer(self, call: Call, work: Work) -> tuple[Response, dict[str, Any]]:
        asked = digest(call.method, call.path, call.form)
        try:
            kept = self._keys.find(call.key, asked)
            body = work(call) if kept is None else kept["body"]
        except VendorError as error:
            return _refusal(error), {}
        headers = {"Idempotency-Key": call.key} if call.key else {}
        if kept is None:
            self._keys.keep(call.key, asked, body, call.id)
        else:
            headers |= {"Idempotent-Replayed": "true", "Original-Request": kept["request"]}
        return JSONResponse(body, headers=headers), body


def _refusal(error: VendorError) -> Response:
    return JSONResponse(error.shown(), error.status, error.headers)


def _broken(status: int | None) -> Response:
    return _refusal(VendorError(status or 500, "An unknown error occurred", type_="api_error"))


async def _before(fault: Fault | None) -> Response | None:
    """What a fault makes of a call before anything is done."""
    if fault is None:
        return None
    if fault.do == "latency":
        await asyncio.sleep(_LATENCY_SECONDS if fault.seconds is None else fault.seconds)
    if fault.do == "error":
        return _broken(fault.status)
    if fault.do == "rate_limit":
        headers = {"Stripe-Rate-Limited-Reason": "global-rate"}
        if fault.seconds is not None:
            headers["Retry-After"] = f"{fault.seconds:g}"
        return _refusal(VendorError(429, "Request rate limit exceeded", code="rate_limit", headers=headers))
    return CutConnection() if fault.do == "reset" else None


def _after(fault: Fault | None) -> Response | None:
    """What a fault makes of an answer once the work is done."""
    if fault is None:
        return None
    if fault.do == "error_after":
        return _broken(fault.status)
    if fault.do == "bad_shape":
        return JSONResponse({"result": {"ok": True, "items": [1, None]}, "version": "next"})
    return CutConnection() if fault.do == "reset_after" else None
