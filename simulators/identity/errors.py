"""Refusals in the vendor's shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class VendorError(Exception):
    """A refusal, as the vendor words it.

    Args:
        status: of the HTTP answer.
        message: for a developer; never holds a value that somebody sent.
        type_: ``invalid_request_error``, ``idempotency_error`` or ``api_error``.
        code: the vendor's short code, where it has one.
        param: the parameter at fault, where there is one.
        headers: to send with the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type_: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self._shown = {"type": type_, "code": code, "message": message, "param": param}

    def shown(self) -> dict[str, Any]:
        """The body: ``{"error": {type, code, message, param}}`` without what is not set."""
        return {"error": {name: value for name, value in self._shown.items() if value is not None}}


def missing(kind: str, param: str) -> VendorError:
    """404: there is no such object."""
    return VendorError(404, f"No such {kind}", code="resource_missing", param=param)


def invalid(message: str, param: str, code: str | None = None) -> VendorError:
    """400: a parameter can't be used."""
    return VendorError(400, message, code=code, param=param)
