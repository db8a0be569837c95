"""What each route is about, and whether a request may act for an account by a header.

A router, or one of its routes, says it beside its path::

    router = APIRouter(prefix="/v2/core/accounts", dependencies=[about(Resource.ACCOUNTS)])

The nearest declaration counts. A route without one answers no restricted key (``tests/api/test_access.py`` finds it).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fastapi import Depends
from starlette.requests import Request

from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.door.callers import Caller
from onboarding.scopes import Level, Resource, allows, scope

READING = frozenset({"GET", "HEAD"})
_USE = "use"


class ContextUse(StrEnum):
    """What a route makes of ``Stripe-Context`` and ``Stripe-Account``.

    ``PATH``: they may only repeat the account that the path names. ``OPTIONAL``: they may name an account of the
    platform. ``REQUIRED``: they must.
    """

    PATH = "path"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Use:
    """A route's declaration."""

    resource: Resource
    context: ContextUse = ContextUse.PATH

    async def __call__(self, request: Request) -> None:
        """Note it for :func:`api.dependencies.authenticated`; what is noted later is nearer to the route."""
        setattr(request.state, _USE, self)


def about(resource: Resource, context: ContextUse = ContextUse.PATH) -> Any:
    """A dependency for ``dependencies=[...]`` of a router or a route."""
    return Depends(Use(resource, context))


def use_of(request: Request) -> Use | None:
    """What the route declared."""
    use: Use | None = getattr(request.state, _USE, None)
    return use


def refuse_outside(request: Request, caller: Caller, use: Use | None) -> None:
    """Refuse what the caller's key has no scope for.

    Raises:
        Refusal: ``permission_denied``; the message names the scope.
    """
    if caller.scopes is None:
        return
    level = Level.READ if request.method in READING else Level.WRITE
    if use is None or not allows(caller.scopes, use.resource, level):
        needed = scope(use.resource, level) if use is not None else "that of an unrestricted key"
        raise Refusal(
            "permission_denied",
            f"This restricted key lacks the scope that the request needs: {needed}.",
            kind=RefusalKind.FORBIDDEN,
        )
