"""What every adapter that speaks HTTP shares: one client, bounded answers, and one reading of what went wrong.

The codes of :class:`VerifierUnavailable`. Those of the first three say that the vendor certainly did not take the
request; after any other one nobody knows.

=================  =====================================================================================
``not_connected``  no connection: refused, no such name, no handshake, not in time, none free
``rate_limited``   429
``refused``        any other 4xx
``not_found``      404, for a request about something that the vendor once had; only adapters know which
``vendor_busy``    409: the same request is still under way, or another one about the same thing
``vendor_error``   5xx, and 424: something that the vendor itself depends on failed
``no_answer``      408, no answer in time, or one that broke off
``unreadable``     an answer that is too long, compressed though nobody asked for it, or not of the expected shape
=================  =====================================================================================

What a vendor says is never part of an exception: each is raised where no other is being handled, so that nothing hangs
on it as its context either.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import orjson
from pydantic import BaseModel, ValidationError

from onboarding.verifiers.port import VerifierUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

CONNECT = timedelta(seconds=5)
"""To get a connection."""

WHOLE_CALL = timedelta(seconds=20)
"""All requests of one call of a verifier together: well before its caller gives up (``Pace.call``)."""

MAX_BODY = 1_000_000
"""Bytes of an answer. Every answer that an adapter reads is a few kilobytes."""

MAX_RETRY_AFTER = timedelta(hours=1)
"""A vendor that wants to be left alone for longer is asked all the same."""

_OK, _NO_MORE_OK = 200, 300
_CLIENT_ERROR, _SERVER_ERROR = 400, 500
_CODES = {408: "no_answer", 409: "vendor_busy", 424: "vendor_error", 429: "rate_limited"}
_MAX_SECONDS_DIGITS = 9
_NEVER_SENT = (
    httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL,
)  # fmt: skip

Shape = TypeVar("Shape", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Reply:
    """A vendor's answer, whatever its status."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def checked(self) -> Reply:
        """This answer, if the vendor did what was asked.

        Raises:
            VerifierUnavailable: it did not.
        """
        if _OK <= self.status < _NO_MORE_OK:
            return self
        raise VerifierUnavailable(self._code(), _retry_after(self.headers.get("retry-after", ""), datetime.now(UTC)))

    def read(self, shape: type[Shape]) -> Shape:
        """What it says, if the vendor did what was asked.

        Raises:
            VerifierUnavailable: it did not, or the answer is not of that shape.
        """
        read = read_shape(self.checked().body, shape)
        if read is None:
            raise VerifierUnavailable("unreadable")
        return read

    def _code(self) -> str:
        if self.status >= _SERVER_ERROR:
            return "vendor_error"
        return _CODES.get(self.status, "refused" if self.status >= _CLIENT_ERROR else "unreadable")


class VendorHttp:
    """Requests to one vendor, over connections that are kept.

    The client is made by the first request, in the loop that runs then, and again if that is another loop. No
    settings of the environment apply (proxies, certificates, netrc), no redirect is followed.

    Args:
        base_url: of the vendor, without a slash at the end.
        headers: sent with every request; credentials among them.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        self._base_url = base_url.rstrip("/")
        # Not compressed: a small answer that unpacks to a huge one would not be noticed in time.
        self._headers = {"accept": "application/json", "accept-encoding": "identity", **headers}
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request, with a form or with content of its own; answers whatever status came.

        Raises:
            VerifierUnavailable: no answer came, or one that is too long.
        """
        try:
            return await self._exchange(method, path, query, form, content, headers)
        except _NEVER_SENT:
            code = "not_connected"
        except _Unreadable:
            code = "unreadable"
        except (httpx.HTTPError, httpx.StreamError, OSError):
            code = "no_answer"
        raise VerifierUnavailable(code)

    async def aclose(self) -> None:
        """Close the connections. A later request opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _exchange(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        form: Mapping[str, str] | None,
        content: bytes | None,
        headers: Mapping[str, str] | None,
    ) -> Reply:
        url = self._base_url + path
        sent: dict[str, Any] = {"params": list(query)} if query else {}
        async with self._open().stream(method, url, **sent, data=form, content=content, headers=headers) as response:
            body = bytearray()
            if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
                raise _Unreadable
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_BODY:
                    raise _Unreadable
            return Reply(response.status_code, response.headers, bytes(body))

    def _open(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            # These would write every address, and with it the vendor's references, to the log.
            for name in ("httpx", "httpcore"):
                logging.getLogger(name).setLevel(logging.WARNING)
            timeout = httpx.Timeout(WHOLE_CALL.total_seconds(), connect=CONNECT.total_seconds())
            self._client = httpx.AsyncClient(headers=self._headers, timeout=timeout, trust_env=False)
            self._loop = loop
        return self._client


class _Unreadable(Exception):  # noqa: N818 -- says what the answer is
    """An answer that is not read to its end."""


@asynccontextmanager
async def whole_call() -> AsyncIterator[None]:
    """Bound everything inside, however many requests it is.

    Raises:
        VerifierUnavailable: ``no_answer``, when the time is over.
    """
    try:
        async with asyncio.timeout(WHOLE_CALL.total_seconds()):
            yield
    except TimeoutError:
        pass
    else:
        return
    raise VerifierUnavailable("no_answer")


def read_json(content: bytes) -> Any:
    """The JSON value, None if it is none: strict UTF-8, no NaN, nesting bounded."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None


def read_shape(content: bytes, shape: type[Shape]) -> Shape | None:
    """The JSON value if it is of that shape, else None."""
    return as_shape(read_json(content), shape)


def as_shape(value: object, shape: type[Shape]) -> Shape | None:
    """The value if it is of that shape, else None: a validation error would name what was found."""
    try:
        return shape.model_validate(value)
    except ValidationError:
        return None


def _retry_after(text: str, now: datetime) -> timedelta | None:
    """The header's seconds or date, bounded; None where it says neither."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        seconds = int(text) if len(text) <= _MAX_SECONDS_DIGITS else MAX_RETRY_AFTER.total_seconds()
        return min(timedelta(seconds=seconds), MAX_RETRY_AFTER)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return min(max(until - now, timedelta()), MAX_RETRY_AFTER)
