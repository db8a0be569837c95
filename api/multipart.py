"""``multipart/form-data`` with one file in it, read as it comes in: the file is handed on and never held whole."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from api.schemas.parse import INVALID_REQUEST, nested, path_of
from onboarding.domain.errors import Refusal

FIELD_BYTES = 65_536
"""All fields together, names included."""

_MAX_PARTS = 100

# It quotes what it can't parse.
logging.getLogger("python_multipart.multipart").disabled = True


@dataclass(frozen=True, slots=True)
class Form:
    """The fields, nested as in any v1 form, and what the client calls the file."""

    fields: dict[str, Any] = field(repr=False)
    file_name: bytes = field(repr=False)


async def read_form(request: Request, file: str, sink: Callable[[bytes], Awaitable[None]]) -> Form:
    """Read a form; the content of the part ``file`` goes to ``sink``, piece by piece.

    Parts may come in any order. Raises whatever the sink raises, at once.

    Raises:
        Refusal: ``parameter_missing``, ``parameter_unknown`` or ``parameter_invalid``: the body is no such form, ends
            too early, has the file not at all or twice, another file, or too much beside it.
    """
    parts = _Parts(file)
    parser = _parser(request, parts)
    async for chunk in request.stream():
        try:
            parser.write(chunk)
        except FormParserError:
            raise _not_a_form() from None
        for content in parts.taken():
            await sink(content)
    if not parts.is_complete:
        raise _refusal("The request's body is cut off: it is not a complete form.")
    if parts.file_name is None:
        raise Refusal("parameter_missing", "This parameter is required.", param=file, type=INVALID_REQUEST)
    return Form(nested(parts.pairs), parts.file_name)


class _Parts:
    """What the parser calls: it knows no waiting, so content is laid by until the end of each chunk."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._content: list[bytes] = []
        self._header = bytearray(), bytearray()
        self._disposition: bytes | None = None
        self._value: bytearray | None = None
        self._name = ""
        self._count = 0
        self._bytes = 0
        self.pairs: list[tuple[str, str]] = []
        self.file_name: bytes | None = None
        self.is_complete = False

    def taken(self) -> list[bytes]:
        """The file's content since the last call."""
        content, self._content = self._content, []
        return content

    def on_part_begin(self) -> None:
        """Called by the parser, like all that follow."""
        self._disposition = None
        self._count += 1
        if self._count > _MAX_PARTS:
            raise _refusal("The form has too many parts.")

    def on_header_begin(self) -> None:
        self._header = bytearray(), bytearray()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def on_header_end(self) -> None:
        name, value = self._header
        if name.lower() == b"content-disposition":
            self._disposition = bytes(value)

    def on_headers_finished(self) -> None:
        disposition, options = parse_options_header(self._disposition)
        if disposition != b"form-data" or b"name" not in options:
            raise _not_a_form()
        name = options[b"name"].decode("utf-8", "replace")
        self._name = name
        self._value = None
        file_name = options.get(b"filename")
        if name == self._file:
            if file_name is None:
                raise _refusal("Must be a file, sent with its name.", name)
            if self.file_name is not None:
                raise _refusal("There must be one file.", name)
            self.file_name = file_name
        elif file_name is not None:
            raise Refusal(
                "parameter_unknown", "There is no such file parameter.", param=path_of([name]), type=INVALID_REQUEST
            )
        else:
            self._value = bytearray()
            self._add(len(name))

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._value is None:
            self._content.append(data[start:end])
            return
        self._add(end - start)
        self._value += data[start:end]

    def on_part_end(self) -> None:
        if self._value is None:
            return
        try:
            value = self._value.decode("utf-8")
        except UnicodeDecodeError:
            raise _refusal("Must be text in UTF-8.", self._name) from None
        if any(name == self._name for name, _ in self.pairs):
            raise _refusal("This parameter is sent twice.", self._name)
        self.pairs.append((self._name, value))

    def on_end(self) -> None:
        self.is_complete = True

    def _add(self, count: int) -> None:
        self._bytes += count
        if self._bytes > FIELD_BYTES:
            raise _refusal("The form's fields are too long.")


def _parser(request: Request, parts: _Parts) -> MultipartParser:
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise _refusal("The request's body must be multipart/form-data, with its boundary in the Content-Type.")
    names = (
        "on_part_begin",
        "on_part_data",
        "on_part_end",
        "on_header_begin",
        "on_header_field",
        "on_header_value",
        "on_header_end",
        "on_headers_finished",
        "on_end",
    )
    callbacks: Any = {name: getattr(parts, name) for name in names}
    try:
        return MultipartParser(boundary, callbacks)
    except FormParserError:
        raise _not_a_form() from None


def _not_a_form() -> Refusal:
    return _refusal("The request's body is not a valid form.")


def _refusal(message: str, param: str | None = None) -> Refusal:
    return Refusal("parameter_invalid", message, param=path_of([param]) if param else None, type=INVALID_REQUEST)
