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
from onboarding.door.callers import Caller, KeyKind, RequestKey
from onboarding.engine import Engine

# All ids of ours look so. Anything else can't exist, and some of it (NUL) no database takes as text.
_ID = re.compile(r"[a-z]+_[A-Za-z0-9_]{1,100}")
# What of a body says how the answer is shown, not what is to be done.
_PRESENTATION = frozenset({"include", "expand"})


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
    """Who calls, for the account of the path if it names one.

    Raises:
        Refusal: no known key, one that may not do this, an id that can't exist, or a context that is not the path's
            account.
    """
    return await _call(request, _context)


async def acting(request: Request) -> Call:
    """Who calls, for the account that the context names: the path names none.

    Raises:
        Refusal: as ``authenticated``; no context, or two.
    """
    return await _call(request, _acting_for)


Authenticated = Annotated[Call, Depends(authenticated)]
Acting = Annotated[Call, Depends(acting)]


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
    _refuse_unpermitted(caller, request)
    for value in request.path_params.values():
        if _ID.fullmatch(value) is None:
            raise not_found()
    return Call(engine, replace(caller, request_id=request.state.request_id), context(request), request)


def _refuse_unpermitted(caller: Caller, request: Request) -> None:
    """The one place that says what a key may do.

    A publishable key stands in a page that anybody can read: it makes tokens, and nothing else. A live account's token
    holds what its platform need not see, so a live secret key makes none.

    Raises:
        Refusal: ``secret_key_required`` or ``publishable_key_required``.
    """
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


def _context(request: Request) -> str:
    """The account of the path, where the call says that it acts for it, else empty.

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


def _acting_for(request: Request) -> str:
    """The account that the context names.

    Raises:
        Refusal: it names none, or two; ``not_found`` for an id that can't exist.
    """
    named = _named(request)
    if len(named) != 1:
        raise Refusal(
            "parameter_missing" if not named else "parameter_invalid",
            "Name the account that the call acts for in Stripe-Context.",
            type=INVALID_REQUEST,
        )
    (account_id,) = named
    if _ID.fullmatch(account_id) is None:
        raise not_found()
    return account_id


def _named(request: Request) -> set[str]:
    """The accounts that the headers name; of a path the last one acts."""
    return {
        value.rpartition("/")[2]
        for header in ("stripe-context", "stripe-account")
        if (value := request.headers.get(header, ""))
    }
