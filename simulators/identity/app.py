"""The parts put together."""

from __future__ import annotations

import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse
from starlette.routing import Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulators.identity.control import Control
from simulators.identity.errors import VendorError
from simulators.identity.faults import Faults
from simulators.identity.idempotency import Keys
from simulators.identity.pages import Pages
from simulators.identity.routes import Api
from simulators.identity.storage import Storage
from simulators.identity.vendor import Manners, Vendor
from simulators.identity.webhooks import Webhooks


@dataclass(frozen=True)
class Options:
    """What the process was started with.

    Attributes:
        state: the folder that survives.
        secret_key: what callers of the API show.
        webhook_secret: what events are signed with.
        webhook_url: where events go; None sends none.
        manners: how the vendor behaves.
    """

    state: Path
    secret_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    webhook_url: str | None
    manners: Manners


def create_app(options: Options) -> ASGIApp:
    """The whole server; its lifespan closes the state folder.

    Raises:
        simulators.identity.storage.StateUnreadableError: where the state folder can't be used.
    """
    storage = Storage(options.state)
    faults = Faults()
    webhooks = Webhooks(storage, faults, options.webhook_url, options.webhook_secret)
    vendor = Vendor(storage, webhooks, options.manners)
    api = Api(vendor, Keys(storage), faults, webhooks, options.secret_key)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        webhooks.start()
        vendor.start()
        yield
        await vendor.stop()
        await webhooks.stop()
        storage.close()

    routes = [*Control(vendor, faults).routes(), *Pages(vendor).routes(), *api.routes()]
    return _Discreet(Router(routes, lifespan=lifespan))


class _Discreet:
    """Answers 500 where something unforeseen is raised, and says where, without a word of what was sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 -- its message may hold what somebody typed, so it goes no further
            frame = traceback.extract_tb(error.__traceback__)[-1]
            sys.stderr.write(f"{type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}\n")
            if not started:
                failed = VendorError(500, "An unknown error occurred", type_="api_error")
                await JSONResponse(failed.shown(), failed.status)(scope, receive, send)
