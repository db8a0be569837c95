"""The API on a free port in a thread of this process, and the platforms that call it."""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import stripe
import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.server import Protocol
from onboarding.api_keys import API_KEY_DIGEST
from onboarding.engine import Engine, open_engine
from onboarding.ids import new_id
from onboarding.settings import Settings
from onboarding.storage import keys
from onboarding.storage.tables import Table

T = TypeVar("T")

START_SECONDS = 30
CALL_SECONDS = 60


class ApiServer:
    """The real server on the real engine. Tests block on the SDK, so it has a thread and an event loop of its own."""

    def __init__(self, settings: Settings, app: Callable[[Engine], FastAPI] | None = None) -> None:
        self._settings = settings
        self._app = app or (lambda engine: create_app(settings, engine=engine))
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="api")
        self._server: uvicorn.Server | None = None
        # One for all tests: making a client takes longer than a request.
        self.http = httpx.Client(base_url=self.url, timeout=CALL_SECONDS)
        self.loop: asyncio.AbstractEventLoop
        self.engine: Engine
        self.app: FastAPI

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._socket.getsockname()
        return f"http://{host}:{port}"

    def start(self) -> None:
        """Start, and return when it answers."""
        self._thread.start()
        if not self._ready.wait(START_SECONDS):
            raise TimeoutError("the API did not start")
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End it and close the engine."""
        self.http.close()
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join(START_SECONDS)
        self._socket.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the server's event loop, where its connections live."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(CALL_SECONDS)

    def fetch(self, sql: str, *parameters: object) -> list[Any]:
        """Rows of one statement."""

        async def rows() -> list[Any]:
            async with self.engine.database.reading() as reading:
                found: list[Any] = await reading.fetch(sql, *parameters)
                return found

        return self.run(rows())

    def count_rows(self) -> dict[str, int]:
        """How many rows each table has."""
        names = sorted(Table.metadata.tables)
        counted = ", ".join(f'(SELECT count(*) FROM "{name}") AS "{name}"' for name in names)  # noqa: S608 -- ours
        return dict(self.fetch(f"SELECT {counted}")[0].items())

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:
            self._failure = failure
            self._ready.set()
            raise

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.engine = await open_engine(self._settings)
        try:
            self.app = self._app(self.engine)
            config = uvicorn.Config(
                self.app, http=Protocol, ws="none", lifespan="on", log_config=None, access_log=False
            )
            self._server = _Announcing(config, self._ready.set)
            await self._server.serve(sockets=[self._socket])
        finally:
            await self.engine.close()


class _Announcing(uvicorn.Server):
    """Says when it is listening."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._say_ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._say_ready()


@dataclass(frozen=True)
class Platform:
    """A platform with a key of each mode; nothing but its own accounts is ever seen through it."""

    server: ApiServer
    id: str
    test_key: str
    live_key: str

    def sdk(self, *, live: bool = False, retries: int = 0) -> Any:
        """The official SDK, unchanged, but for its base address. Untyped: tests look into what may be null."""
        return stripe.StripeClient(
            self.live_key if live else self.test_key,
            base_addresses={"api": self.server.url, "files": self.server.url},
            max_network_retries=retries,
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        content: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        live: bool = False,
    ) -> httpx.Response:
        """One raw request, for what the SDK would never send."""
        sent = {"Authorization": f"Bearer {self.live_key if live else self.test_key}", **(headers or {})}
        return self.server.http.request(method, path, json=json, content=content, params=params, headers=sent)


async def new_platform(server: ApiServer) -> Platform:
    """A platform that has nothing but its keys."""
    engine = server.engine
    made = Platform(server, new_id("plat_"), new_secret(live=False), new_secret(live=True))
    async with engine.database.reading() as reading:
        await keys.create_platform(reading, platform_id=made.id)
        for secret, livemode in ((made.test_key, False), (made.live_key, True)):
            digest = engine.ring.platform_digest(API_KEY_DIGEST, secret)
            await keys.create_key(reading, key_id=new_id("key_"), platform_id=made.id, livemode=livemode, digest=digest)
    return made


def new_secret(*, live: bool) -> str:
    """A made-up API key."""
    return f"sk_{'live' if live else 'test'}_{secrets.token_hex(12)}"
