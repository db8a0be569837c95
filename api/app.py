"""The HTTP application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache

from fastapi import FastAPI
from starlette.exceptions import HTTPException

from api.errors import handle
from api.limits import limiter_from
from api.middleware import Envelope
from api.openapi import document_bytes
from api.routes import (
    account_links,
    accounts,
    activity,
    callbacks,
    description,
    event_destinations,
    events,
    explanation,
    external_accounts,
    files,
    health,
    imports,
    orders,
    people,
    persons,
    policies,
    reviews,
    test_clocks,
    timeline,
    tokens,
    vault,
    verification,
)
from onboarding.domain.errors import Refusal
from onboarding.door.callers import Replayed
from onboarding.engine import Engine, open_engine
from onboarding.settings import Settings, SettingsError
from onboarding.telemetry import instrument_app
from onboarding.temporal import Nudger, connect
from workflows.schedule import target

ROUTERS = (
    accounts.router,
    persons.router,
    events.router,
    event_destinations.router,
    account_links.router,
    external_accounts.router,
    tokens.router,
    vault.router,
    files.router,
    timeline.router,
    people.router,
    explanation.router,
    orders.router,
    activity.router,
    policies.router,
    imports.router,
    verification.router,
    reviews.router,
    test_clocks.router,
    callbacks.router,
    health.router,
    description.router,
)


class StartFailed(Exception):  # noqa: N818 -- says what happened
    """The engine could not be opened. Names the type of what went wrong: its message may hold a password."""


def create_app(settings: Settings, *, engine: Engine | None = None) -> FastAPI:
    """The application.

    Args:
        settings: of this process.
        engine: one that is open already, and stays the caller's to close; by default the application opens its own,
            with nudges to Temporal, when it starts.
    """
    app = FastAPI(
        title="Onboarding",
        lifespan=_lifespan(settings, engine),
        # Routes take the request apart themselves, so the framework knows nothing of them: see api/openapi.
        openapi_url=None,
        redirect_slashes=False,
        # The keys are exceptions as the framework looks them up: by class, the nearest one.
        exception_handlers={Refusal: handle, Replayed: handle, HTTPException: handle},
    )
    app.state.limiter = limiter_from(settings)
    app.add_middleware(Envelope)
    for router in ROUTERS:
        app.include_router(router)
    app.state.description = _description
    instrument_app(app)
    return app


@cache
def _description() -> bytes:
    """The description of the API; made when it is first asked for."""
    return document_bytes(ROUTERS)


def _lifespan(
    settings: Settings, engine: Engine | None
) -> Callable[[FastAPI], AbstractAsyncContextManager[dict[str, Engine]]]:
    @asynccontextmanager
    async def given(_app: FastAPI) -> AsyncIterator[dict[str, Engine]]:
        if engine is not None:
            yield {"engine": engine}

    @asynccontextmanager
    async def own(_app: FastAPI) -> AsyncIterator[dict[str, Engine]]:
        # Connects when the first nudge is sent: requests are served without Temporal.
        client = await connect(settings)
        nudger = Nudger(client, task_queue=settings.task_queue, target=target)
        try:
            opened = await _opened(settings, nudger)
            try:
                yield {"engine": opened}
            finally:
                await opened.close()
        finally:
            await nudger.close()

    return own if engine is None else given


async def _opened(settings: Settings, nudger: Nudger) -> Engine:
    try:
        return await open_engine(settings, nudge=nudger.nudge)
    except SettingsError as error:
        raise StartFailed(str(error)) from None
    except Exception as error:  # noqa: BLE001 -- the server prints it, and the message of any may hold a password
        raise StartFailed(type(error).__name__) from None
