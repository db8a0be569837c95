"""What routes are given: who calls, with which body, under which idempotency key."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import orjson
from fastapi import Depends
from pydantic import BaseModel
from starlette.requests import Request

from api.access import READING, ContextUse, Use, refuse_outside, use_of
from api.errors import V1, not_found
from api.headers import (
    FORM_TYPES,
    JSON_TYPES,
    KEY_LIMIT,
    is_idempotency_key,
    refuse_doubtful,
    require_content_type,
)
from api.limits import Limiter
from api.schemas.parse import INVALID_REQUEST, parse, parse_fields, parse_form
from api.versions import DEFAULT, Version, shown, understood, version_of
from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.door.callers import Caller, KeyKind, RequestKey
from onboarding.engine import Engine

# All ids of ours look so. Anything else can't exist, and some of it (NUL) no database takes as text.
_ID = re.compile(r"[a-z]+_[A-Za-z0-9_]{1,100}")
CONTEXT_HEADERS = ("stripe-context", "stripe-account")
# What of a body says how the answer is shown, not what is to be done.
_PRESENTATION = frozenset({"include"})
_V1_OPERATION = "v1"
# What a publishable key may do, by method and route; under a live key the latter are for nobody else (Accounts v2
# contract, tokens).
_MAKES_TOKENS = frozenset(
    {
        "POST /v1/tokens",
        "POST /v2/core/account_tokens",
        "POST /v2/core/accounts/{account_id}/person_tokens",
    }
)
_FOR_USERS_ONLY = _MAKES_TOKENS - {"POST /v1/tokens"}


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request.

    Attributes:
        engine: what it is about to use.
        caller: the platform and mode of its key.
        context: the account that a header names for the call to act for, or empty.
        version: of the wire, as the caller speaks it.
    """

    engine: Engine
    caller: Caller
    context: str
    request: Request
    version: Version = DEFAULT

    @property
    def account_context(self) -> str | None:
        """The account that ``Stripe-Context`` or ``Stripe-Account`` names; None where neither is sent.

        What it may be the route declares (``api.access.ContextUse``): with ``PATH`` nothing but the account of the
        path; with ``OPTIONAL`` and ``REQUIRED`` an account of the caller's platform and mode, closed ones too, that is
        known to exist; with ``REQUIRED`` never None.
        """
        return self.context or None

    @property
    def query(self) -> list[tuple[str, str]]:
        """The query's items, decoded, in their order."""
        return self.request.query_params.multi_items()

    @property
    def path(self) -> str:
        """The path that was asked for; its ids were checked, so there is nothing to escape."""
        return str(self.request.scope["path"])

    async def json(self, model: type[BaseModel]) -> dict[str, Any]:
        """The JSON body, checked.

        Raises:
            Refusal: see ``api.schemas.parse``; ``content_type_unsupported``.
        """
        use = use_of(self.request)
        resource, version = use.resource if use is not None else None, self.version
        return parse(model, await self.raw(JSON_TYPES), lambda fields: understood(fields, resource, version))

    async def form(self, model: type[BaseModel]) -> dict[str, Any]:
        """A v1 body, checked.

        Raises:
            Refusal: see ``api.schemas.parse``; ``content_type_unsupported``.
        """
        return parse_fields(model, parse_form(await self.raw(FORM_TYPES)))

    async def raw(self, types: frozenset[str]) -> bytes:
        """The body as it is, of one of these media types.

        Raises:
            Refusal: ``content_type_unsupported``.
        """
        body = await self.request.body()
        if body:
            require_content_type(self.request, types)
        return body

    def shown(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """A v2 document in the words of the caller's version."""
        return shown(document, self.version)

    def key(self, parameters: dict[str, Any] | None = None) -> RequestKey | None:
        """The idempotency key of this request, bound to what it asks for; None if it has none.

        Raises:
            Refusal: the key is empty or too long.
        """
        key = self.request.headers.get("idempotency-key")
        if key is None:
            return None
        if not is_idempotency_key(key):
            message = f"An Idempotency-Key has 1 to {KEY_LIMIT} printable ASCII characters."
            raise Refusal("parameter_invalid", message, type=INVALID_REQUEST)
        operation = f"{self.request.method} {self.path}"
        if self.path.startswith(V1):
            return RequestKey(
                operation=_V1_OPERATION,
                context=self.context,
                key=key,
                fingerprint=_canonical([operation, parameters or {}]),
                keeps_answer=True,
            )
        asked = {name: value for name, value in (parameters or {}).items() if name not in _PRESENTATION}
        return RequestKey(operation=operation, context=self.context, key=key, fingerprint=_canonical(asked))


def _canonical(asked: object) -> bytes:
    return orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)


async def authenticated(request: Request) -> Call:
    """Who calls.

    Raises:
        Refusal: doubtful headers, no known version, no known key, too many requests, no scope for this one, an id that
            can't exist, or a context that the route does not take.
    """
    refuse_doubtful(request)
    request.state.version = version_of(request.headers.get("stripe-version"))
    engine: Engine = request.state.engine
    secret = _secret(request.headers.get("authorization", ""))
    caller = await engine.authenticate(secret) if secret else None
    if caller is None:
        raise Refusal(
            "unauthorized",
            "No valid API key was given. Send it as 'Authorization: Bearer sk_...'.",
            kind=RefusalKind.UNAUTHENTICATED,
        )
    limiter: Limiter | None = request.app.state.limiter
    if limiter is not None:
        is_reading = request.method in READING
        request.state.leave = limiter.enter(caller.actor, livemode=caller.livemode, is_reading=is_reading)
    use = use_of(request)
    _refuse_unpermitted(request, caller, use)
    for value in request.path_params.values():
        if _ID.fullmatch(value) is None:
            raise not_found()
    context = await _context(request, engine, caller, use.context if use is not None else ContextUse.PATH)
    version: Version = request.state.version
    return Call(engine, replace(caller, request_id=request.state.request_id), context, request, version)


Authenticated = Annotated[Call, Depends(authenticated)]


def _refuse_unpermitted(request: Request, caller: Caller, use: Use | None) -> None:
    """The one place that says what a key may do.

    A publishable key stands in a page that anybody can read: it makes tokens, and nothing else. A live account's token
    holds what its platform need not see, so a live secret key makes none.

    Raises:
        Refusal: ``secret_key_required``, ``publishable_key_required``, or that of :func:`api.access.refuse_outside`.
    """
    refuse_outside(request, caller, use)
    operation = f"{request.method} {request.scope['route'].path}"
    if caller.kind is KeyKind.PUBLISHABLE and operation not in _MAKES_TOKENS:
        raise Refusal(
            "secret_key_required", "A publishable key can only create tokens.", kind=RefusalKind.FORBIDDEN
        )  # fmt: skip
    if caller.livemode and caller.kind is not KeyKind.PUBLISHABLE and operation in _FOR_USERS_ONLY:
        raise Refusal(
            "publishable_key_required",
            "In live mode this token is created with a publishable key, by the user's own browser or app.",
            kind=RefusalKind.FORBIDDEN,
        )


def _secret(authorization: str) -> str | None:
    """The key of ``Bearer <key>``, or of ``Basic`` with the key as the user's name."""
    scheme, _, value = authorization.partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value or None
    if scheme.lower() != "basic":
        return None
    try:
        user, _, _ = base64.b64decode(value, validate=True).decode("latin-1").partition(":")
    except binascii.Error:
        return None
    return user or None


async def _context(request: Request, engine: Engine, caller: Caller, use: ContextUse) -> str:
    """The account that the headers name, or empty.

    Raises:
        Refusal: they contradict each other; the route needs one and none is named (``parameter_missing``); or it is not
            the path's account, where only that may be named (``parameter_invalid``), else none that the caller has
            (``not_found``). Acting under the platform's own name instead would surprise.
    """
    headers = [value for name in CONTEXT_HEADERS if (value := request.headers.get(name))]
    if not headers:
        if use is ContextUse.REQUIRED:
            message = "This request acts for an account: name it in the header Stripe-Context."
            raise Refusal("parameter_missing", message, type=INVALID_REQUEST)
        return ""
    # A Stripe-Context is a path of nested accounts. Only a platform has accounts here, so its own id may lead.
    named = {value.removeprefix(f"{caller.platform_id}/") for value in headers}
    if len(named) > 1:
        message = "Stripe-Context and Stripe-Account must name the same account."
        raise Refusal("parameter_invalid", message, type=INVALID_REQUEST)
    (account_id,) = named
    if use is ContextUse.PATH:
        if account_id != request.path_params.get("account_id"):
            message = "Stripe-Context and Stripe-Account may only name the account of the request's path."
            raise Refusal("parameter_invalid", message, type=INVALID_REQUEST)
    elif _ID.fullmatch(account_id) is None or not await engine.reader.owns(caller, account_id):
        raise not_found()
    return account_id
