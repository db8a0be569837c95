"""Expected refusals.

::

    Refusal                 somebody asked for what can't be done; carries a stable code
    EngineFault             the engine can't decide; the change is rolled back and the account marked stuck
"""

from __future__ import annotations

from enum import StrEnum


class RefusalKind(StrEnum):
    """Why a request was refused; the API maps each kind to one HTTP status."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD = "method"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    BUSY = "busy"


class Refusal(Exception):  # noqa: N818 -- a refusal is an answer, not a fault
    """An expected refusal.

    Args:
        code: stable, lower_snake, one of the wire contract's codes.
        message: one sentence for the developer; never contains a value that the caller sent.
        param: dotted path of the offending parameter, ``[i]`` for list items.
        kind: what sort of refusal it is.
        type: the wire's error ``type`` where the contract gives one.
        extra: further keys of the wire's error object.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        param: str | None = None,
        kind: RefusalKind = RefusalKind.INVALID,
        type: str | None = None,  # noqa: A002 -- the wire's word
        extra: dict[str, object] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.param = param
        self.kind = kind
        self.type = type
        self.extra = extra or {}


class EngineFault(Exception):  # noqa: N818 -- a fault is the engine's own, not an error of the caller
    """The engine could not decide about an account. ``code`` is stable and holds no value of the account."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
