"""Bytes on a socket, for what no HTTP client would send."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import orjson

WAIT_SECONDS = 30


@dataclass(frozen=True)
class Answer:
    """What came back. ``headers`` are by their names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> Any:
        """The error object of a JSON body."""
        return orjson.loads(self.body)["error"]


class Wire:
    """One connection."""

    def __init__(self, url: str) -> None:
        at = urlsplit(url)
        self._socket = socket.create_connection((at.hostname, at.port), timeout=WAIT_SECONDS)
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def send(self, data: bytes) -> bool:
        """Send bytes; False if the server has hung up."""
        try:
            self._socket.sendall(data)
        except ConnectionError:
            return False
        return True

    def line(self) -> bytes:
        """Read one interim answer, which is a line and an empty one."""
        line = self._file.readline()
        assert self._file.readline() == b"\r\n"
        return line

    def end(self) -> None:
        """Say that nothing more comes."""
        self._socket.shutdown(socket.SHUT_WR)

    def answer(self) -> Answer | None:
        """Read one answer; None if the server hung up without one."""
        try:
            first = self._file.readline()
            if not first:
                return None
            status = int(first.split(b" ")[1])
            headers: dict[str, str] = {}
            while (line := self._file.readline()) not in {b"\r\n", b""}:
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.strip().lower()] = value.strip()
            length = headers.get("content-length")
            body = self._file.read(int(length)) if length is not None else self._file.read()
        except ConnectionResetError:
            return None
        return Answer(status, headers, body)


def request(method: str, target: str | bytes, key: str, body: bytes = b"", *headers: str | bytes) -> bytes:
    """A request with an API key; ``headers`` are whole lines. A length is sent unless they say something about it."""
    lines = [b"Host: 127.0.0.1", b"Authorization: Bearer " + key.encode()]
    lines += [line if isinstance(line, bytes) else line.encode("latin-1") for line in headers]
    names = {line.partition(b":")[0].lower() for line in lines}
    if not names & {b"content-length", b"transfer-encoding"}:
        lines.append(b"Content-Length: " + str(len(body)).encode())
    path = target if isinstance(target, bytes) else target.encode("latin-1")
    return b"\r\n".join([method.encode() + b" " + path + b" HTTP/1.1", *lines, b"", body])


def ask(url: str, data: bytes) -> Answer | None:
    """Send one request on a connection of its own."""
    with Wire(url) as wire:
        wire.send(data)
        return wire.answer()
