"""From what went wrong to an answer. No answer and no log line holds a value that a caller sent, or a traceback."""

from __future__ import annotations

import re
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.limits import REASON_HEADER, RateLimited
from api.responses import JSON
from onboarding.domain.errors import EngineFault, Refusal, RefusalKind
from onboarding.door.callers import Replayed
from onboarding.door.door import OlderThanRow
from onboarding.objects import StoreUnavailable
from onboarding.storage.faults import ConnectionLost
from onboarding.telemetry import place_of

STATUSES = {
    RefusalKind.INVALID: 400,
    RefusalKind.UNAUTHENTICATED: 401,
    RefusalKind.FORBIDDEN: 403,
    RefusalKind.NOT_FOUND: 404,
    RefusalKind.METHOD: 405,
    RefusalKind.CONFLICT: 409,
    RefusalKind.TOO_LARGE: 413,
    RefusalKind.BUSY: 429,
}
SHOULD_RETRY = "Stripe-Should-Retry"
"""What the official SDKs obey before their own rules (Accounts v2 contract, responses)."""

REPLAYED = "Idempotent-Replayed"
"""Says, under v1, that an answer is the first one of its idempotency key."""

V1 = "/v1/"
"""How the paths begin that are answered in v1's way."""
_LOCK_TIMEOUT = "lock_timeout"
_IDEMPOTENCY_ERROR = "idempotency_error"
_API_ERROR = "api_error"
_SERVER_ERROR = 500
_METHODS_THAT_CHANGE_NOTHING = frozenset({"GET", "HEAD"})

_log = structlog.stdlib.get_logger("api")


def not_found() -> Refusal:
    """The refusal for an id that doesn't exist, or that is another platform's: the two must look the same."""
    return Refusal("not_found", "There is no such object.", kind=RefusalKind.NOT_FOUND)


def too_large(limit: int) -> Refusal:
    """The refusal for a body of more than ``limit`` bytes."""
    return Refusal(
        "request_too_large",
        f"The request's body must not have more than {limit} bytes.",
        kind=RefusalKind.TOO_LARGE,
        type="invalid_request_error",
    )


async def handle(request: Request, error: Exception) -> Response:
    """The framework's exception handler for everything that is expected."""
    return answer(request, error)


def answer(request: Request, error: Exception) -> Response:
    """What a caller is told about any exception."""
    if isinstance(error, HTTPException):
        return _framework_refusal(request, error)
    if isinstance(error, Refusal):
        return _refusal(request, error)
    if isinstance(error, Replayed):
        return Response(error.body, media_type="application/json", headers={REPLAYED: "true"})
    _note(request, error)
    if isinstance(error, ConnectionLost | OlderThanRow | StoreUnavailable):
        # Nobody knows whether a commit under way was lost too: a change without a key must not be sent again blindly.
        harmless = (
            isinstance(error, OlderThanRow | StoreUnavailable)
            or request.method in _METHODS_THAT_CHANGE_NOTHING
            or "idempotency-key" in request.headers
        )
        body = {"code": "service_unavailable", "message": "The service is unavailable for a moment. Try again."}
        headers = {SHOULD_RETRY: "true" if harmless else "false", "Retry-After": "1"}
        return JSON({"error": {"type": _API_ERROR, **body}}, status_code=503, headers=headers)
    body = {"code": _API_ERROR, "message": "Something went wrong on our side. The request had no effect."}
    # The engine refuses an account that it can't decide about until somebody mends it: trying again is no use.
    headers = {SHOULD_RETRY: "false"} if isinstance(error, EngineFault) else {}
    return JSON({"error": {"type": _API_ERROR, **body}}, status_code=_SERVER_ERROR, headers=headers)


def _refusal(request: Request, refusal: Refusal) -> Response:
    status = STATUSES[refusal.kind]
    headers = {}
    if refusal.kind is RefusalKind.CONFLICT:
        headers[SHOULD_RETRY] = "false"
    elif refusal.kind is RefusalKind.BUSY:
        headers[SHOULD_RETRY] = "true"
        if isinstance(refusal, RateLimited):
            headers[REASON_HEADER] = refusal.reason
    elif refusal.kind is RefusalKind.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = "Bearer"
    error: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
    if refusal.type is not None:
        error["type"] = refusal.type
    if refusal.param is not None:
        error["param"] = refusal.param
    error |= refusal.extra
    if f"{request.scope['path']}/".startswith(V1):
        status, error = _as_v1(status, error)
    return JSON({"error": error}, status_code=status, headers=headers)


def _as_v1(status: int, error: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """The same as v1 tells it: always a type, a reused key is a 400, parameters in brackets."""
    if status == STATUSES[RefusalKind.BUSY]:
        error["type"] = "invalid_request_error"
        if error["code"] == "account_rate_limit_exceeded":
            error["code"] = _LOCK_TIMEOUT
    error.setdefault("type", "invalid_request_error")
    if error["type"] == _IDEMPOTENCY_ERROR:
        status = STATUSES[RefusalKind.INVALID]
    if "param" in error:
        first, *rest = error["param"].split(".")
        error["param"] = first + "".join(re.sub(r"^[^\[]*", r"[\g<0>]", part, count=1) for part in rest)
    return status, error


def _framework_refusal(request: Request, error: HTTPException) -> Response:
    """Routing knows no such path or method; anything else the framework may refuse is a malformed request."""
    if error.status_code == STATUSES[RefusalKind.NOT_FOUND]:
        return _refusal(request, Refusal("not_found", "There is no such path.", kind=RefusalKind.NOT_FOUND))
    if error.status_code == STATUSES[RefusalKind.METHOD]:
        message = "This path can't be asked with this method."
        response = _refusal(request, Refusal("method_not_allowed", message, kind=RefusalKind.METHOD))
        response.headers.update(error.headers or {})
        return response
    return _refusal(request, Refusal("request_invalid", "The request can't be understood."))


def _note(request: Request, error: Exception) -> None:
    """One log line: messages of exceptions hold values, so only their types' names are told."""
    cause = error.__cause__
    route = request.scope.get("route")
    _log.error(
        "request_failed",
        error=type(error).__name__,
        code=getattr(error, "code", None) if isinstance(error, EngineFault) else None,
        cause=type(cause).__name__ if cause is not None else None,
        where=place_of(error),
        method=request.method,
        route=getattr(route, "path", None),
        request_id=request.scope.get("state", {}).get("request_id"),
    )
