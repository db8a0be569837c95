"""The server's HTTP protocol, where it answers by itself: what is no HTTP never gets as far as the application."""

from __future__ import annotations

from http import HTTPStatus

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from onboarding.ids import request_id

HEAD_LIMIT = 65_536
"""Bytes of a request's first line and headers. The SDKs send less than 2,000."""


class HeadTooLarge(Exception):  # noqa: N818 -- says what is
    """The first line and headers of a request, or its trailers, are longer than :data:`HEAD_LIMIT`."""


class Protocol(HttpToolsProtocol):
    """Tells in JSON, with a request id, why bytes are no request; and bounds what the parser would keep of a head."""

    _head = 0
    _unfinished = 0

    def data_received(self, data: bytes) -> None:
        """Bytes came. What is neither a finished head nor body is kept by the parser, which knows no limit."""
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > HEAD_LIMIT and not self.transport.is_closing():
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """A request begins."""
        self._head = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of the target came."""
        self._count(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header or a trailer came."""
        self._count(name + value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._unfinished = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body came."""
        self._unfinished = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is complete."""
        self._unfinished = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 -- the server's own words
        """Refuse what was sent, and hang up.

        If a complete request is still being answered, its caller would take this for the answer: then only hang up.
        """
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete or cycle.more_body:
            too_large = max(self._head, self._unfinished) > HEAD_LIMIT
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if too_large else HTTPStatus.BAD_REQUEST
            self.transport.write(_refusal(status, [*self.server_state.default_headers]))
        self.transport.close()

    def _count(self, part: bytes) -> None:
        self._head += len(part)
        if self._head > HEAD_LIMIT:
            raise HeadTooLarge


def _refusal(status: HTTPStatus, headers: list[tuple[bytes, bytes]]) -> bytes:
    """A whole response. Whether v1 or v2 was meant is not known: both can read it."""
    if status is HTTPStatus.BAD_REQUEST:
        code, message = "request_invalid", "What was sent is not a valid HTTP request."
    else:
        code, message = "headers_too_large", f"The path and the headers must not have more than {HEAD_LIMIT} bytes."
    body = orjson.dumps({"error": {"code": code, "message": message, "type": "invalid_request_error"}})
    lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
    lines += [name + b": " + value for name, value in headers]
    lines += [
        b"content-type: application/json",
        b"content-length: " + str(len(body)).encode(),
        b"request-id: " + request_id().encode(),
        b"connection: close",
    ]
    return b"\r\n".join([*lines, b"", body])
