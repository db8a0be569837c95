"""A proxy between a client and the API that loses requests and answers as a test decides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.support.serving import ApiServer


class Fate(Enum):
    """What becomes of a request."""

    PASS = "is answered"
    LOST = "is lost before it arrives"
    UNANSWERED = "arrives, has its effect, and its answer is lost"


@dataclass(frozen=True)
class Answer:
    """An answer that a gateway gives in place of the API's. ``arrives``: the API had the request all the same."""

    status: int
    arrives: bool
    headers: tuple[tuple[str, str], ...] = ()


@dataclass
class Exchange:
    """One request.

    Attributes:
        caller: what it authenticates with.
        key: the caller and the idempotency key; of None there is no key.
        attempt: which request with this key it is, from 1; without a key, which of the caller to this path.
        status: the API's own; None if the request never arrived.
    """

    method: str
    path: str
    caller: str
    key: tuple[str, str] | None
    attempt: int
    status: int | None = None


Decide = Callable[[Exchange], Fate | Answer]


def lose_each_change_twice(exchange: Exchange) -> Fate:
    """The first attempt of every change does not arrive, the answer of the second is lost."""
    if exchange.method not in {"POST", "DELETE"}:
        return Fate.PASS
    return {1: Fate.LOST, 2: Fate.UNANSWERED}.get(exchange.attempt, Fate.PASS)


@dataclass
class Proxy:
    """Listens on a free port, in the event loop of the API."""

    api: ApiServer
    decide: Decide
    exchanges: list[Exchange] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._server = self.api.run(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.api.run(self._end())

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    def attempts(self) -> list[list[Exchange]]:
        """The exchanges of each idempotency key, in their order."""
        found: dict[tuple[str, str], list[Exchange]] = {}
        for exchange in self.exchanges:
            if exchange.key is not None:
                found.setdefault(exchange.key, []).append(exchange)
        return list(found.values())

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _end(self) -> None:
        self._server.close()
        for writer in self._connections.values():
            writer.transport.abort()
        await asyncio.gather(*self._connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client is done
        finally:
            del self._connections[task]
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; whether the connection is still there."""
        request, first, headers = await _message(reader)
        method, path, _ = first.split(" ", 2)
        caller = headers.get("authorization", "")
        key = (caller, headers["idempotency-key"]) if "idempotency-key" in headers else None
        exchange = Exchange(method, path, caller, key, attempt=0)
        exchange.attempt = 1 + sum(_are_one(each, exchange) for each in self.exchanges)
        self.exchanges.append(exchange)
        fate = self.decide(exchange)
        answer = b""
        if fate is not Fate.LOST and not (isinstance(fate, Answer) and not fate.arrives):
            answer = await self._forward(request, exchange)
        if isinstance(fate, Answer):
            answer = _gateway_answer(fate)
        elif fate is not Fate.PASS:
            return False
        writer.write(answer)
        await writer.drain()
        return True

    async def _forward(self, request: bytes, exchange: Exchange) -> bytes:
        address = urlsplit(self.api.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            writer.write(request)
            answer, first, _ = await _message(reader)
        finally:
            writer.close()
        exchange.status = int(first.split(" ", 2)[1])
        return answer


def _are_one(first: Exchange, second: Exchange) -> bool:
    """Whether two exchanges are attempts of one request."""
    if second.key is not None:
        return first.key == second.key
    return (first.method, first.path, first.caller, first.key) == (second.method, second.path, second.caller, None)


def _gateway_answer(answer: Answer) -> bytes:
    body = b'{"error": {"message": "Told by a gateway."}}'
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *answer.headers]
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {answer.status} Gateway\r\n{head}\r\n".encode() + body


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, str, dict[str, str]]:
    """A whole request or answer, its first line and its headers. None of those here is sent in chunks."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    assert "transfer-encoding" not in headers, first
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return head + body, first, headers
