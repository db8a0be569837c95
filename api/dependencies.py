"""What routes are given: who calls, with which body, under which idempotency key."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any

import orjson
from fastapi import Depends
from pydantic import BaseModel
from starlette.requests import Request

from api.errors import not_found
from api.middleware import KEY_LIMIT
from api.schemas.parse import INVALID_REQUEST, parse, parse_fields, parse_form
from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.door.callers import Caller, RequestKey
from onboarding.engine import Engine

# All ids of ours look so. Anything else can't exist, and some of it (NUL) no database takes as text.
_ID = re.compile(r"[a-z]+_[A-Za-z0-9_]{1,100}")
# What of a body says how the answer is shown, not what is to be done.
_PRESENTATION = frozenset({"include", "expand"})


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request.

    Attributes:
        engine: what it is about to use.
        caller: the platform and mode of its key.
        context: the account it acts for, or empty.
    """

    engine: Engine
    caller: Caller
    context: str
    request: Request

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
            Refusal: see ``api.schemas.parse``.
        """
        return parse(model, await self.request.body())

    async def form(self, model: type[BaseModel]) -> dict[str, Any]:
        """A v1 body, checked.

        Raises:
            Refusal: see ``api.schemas.parse``.
        """
        return parse_fields(model, parse_form(await self.request.body()))

    def key(self, parameters: dict[str, Any] | None = None) -> RequestKey | None:
        """The idempotency key of this request, bound to what it asks for; None if it has none.

        Raises:
            Refusal: the key is empty or too long.
        """
        key = self.request.headers.get("idempotency-key")
        if key is None:
            return None
        if not 0 < len(key) <= KEY_LIMIT:
            raise Refusal(
                "parameter_invalid", f"An Idempotency-Key has 1 to {KEY_LIMIT} characters.", type=INVALID_REQUEST
            )
        asked = {name: value for name, value in (parameters or {}).items() if name not in _PRESENTATION}
        return RequestKey(
            operation=f"{self.request.method} {self.path}",
            context=self.context,
            key=key,
            fingerprint=orjson.dumps(asked, option=orjson.OPT_SORT_KEYS),
        )


async def authenticated(request: Request) -> Call:
    """Who calls.

    Raises:
        Refusal: no known key, an id that can't exist, or a context that is not the path's account.
    """
    return await _call(request, _context)


async def acting(request: Request) -> Call:
    """Who calls, where the context alone says for which account: whether it is the caller's is not looked at here.

    Raises:
        Refusal: no known key, an id that can't exist, or two contexts.
    """
    return await _call(request, _acted_for)


async def _call(request: Request, context: Callable[[Request], str]) -> Call:
    engine: Engine = request.state.engine
    secret = _secret(request.headers.get("authorization", ""))
    caller = await engine.authenticate(secret) if secret else None
    if caller is None:
        raise Refusal(
            "unauthorized",
            "No valid API key was given. Send it as 'Authorization: Bearer sk_...'.",
            kind=RefusalKind.UNAUTHENTICATED,
        )
    for value in request.path_params.values():
        if _ID.fullmatch(value) is None:
            raise not_found()
    return Call(engine, replace(caller, request_id=request.state.request_id), context(request), request)


Authenticated = Annotated[Call, Depends(authenticated)]
Acting = Annotated[Call, Depends(acting)]


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


def _context(request: Request) -> str:
    """The account that the call acts for.

    An account has no accounts of its own here, so a call can only act for the one its path names. Doing anything else
    under the platform's own name instead would surprise.

    Raises:
        Refusal: it names another one.
    """
    named = _named(request)
    if not named:
        return ""
    account_id = request.path_params.get("account_id")
    if named != {account_id}:
        raise Refusal(
            "parameter_invalid",
            "Stripe-Context and Stripe-Account may only name the account of the request's path.",
            type=INVALID_REQUEST,
        )
    return str(account_id)


def _acted_for(request: Request) -> str:
    """The account that the headers name, or empty.

    Raises:
        Refusal: they name two, or one that can't exist.
    """
    named = _named(request)
    if len(named) > 1:
        raise Refusal(
            "parameter_invalid", "Stripe-Context and Stripe-Account must name one account.", type=INVALID_REQUEST
        )
    if any(_ID.fullmatch(account_id) is None for account_id in named):
        raise not_found()
    return next(iter(named), "")


def _named(request: Request) -> set[str]:
    """The accounts that the headers name; of a path of accounts the last one."""
    return {
        value.rpartition("/")[2]
        for header in ("stripe-context", "stripe-account")
        if (value := request.headers.get(header, ""))
    }
