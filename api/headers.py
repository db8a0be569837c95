"""Headers that leave a doubt about what is asked are refused before anything else is done."""

from __future__ import annotations

from starlette.requests import Request

from onboarding.domain.errors import Refusal

INVALID_REQUEST = "invalid_request_error"
KEY_LIMIT = 255
"""Longest idempotency key, and so the longest that is sent back."""

JSON_TYPES = frozenset({"application/json"})
FORM_TYPES = frozenset({"application/x-www-form-urlencoded"})
NDJSON_TYPES = frozenset({"application/x-ndjson"})

_ONCE = (
    b"authorization",
    b"content-encoding",
    b"content-type",
    b"idempotency-key",
    b"stripe-account",
    b"stripe-context",
    b"stripe-version",
    b"transfer-encoding",
)
_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})


def is_idempotency_key(value: str) -> bool:
    """Whether a header's value can be an idempotency key: 1 to 255 printable ASCII characters."""
    return 0 < len(value) <= KEY_LIMIT and value.isascii() and value.isprintable()


def refuse_doubtful(request: Request) -> None:
    """Refuse a header that is sent twice, since nobody can know which is meant, and a body in an encoding.

    Raises:
        Refusal: ``header_repeated``, ``content_encoding_unsupported`` or ``transfer_encoding_unsupported``.
    """
    seen = set()
    for name, _ in request.headers.raw:
        if name in _ONCE:
            if name in seen:
                shown = name.decode().title()
                raise Refusal("header_repeated", f"The header {shown} was sent more than once.", type=INVALID_REQUEST)
            seen.add(name)
    if b"content-encoding" in seen and request.headers["content-encoding"].lower() not in {"", "identity"}:
        message = "The body must be sent as it is, without a Content-Encoding."
        raise Refusal("content_encoding_unsupported", message, type=INVALID_REQUEST)
    if b"transfer-encoding" in seen and request.headers["transfer-encoding"].lower() != "chunked":
        message = "The only Transfer-Encoding is chunked."
        raise Refusal("transfer_encoding_unsupported", message, type=INVALID_REQUEST)


def require_content_type(request: Request, allowed: frozenset[str]) -> None:
    """Refuse a body that says it is something else than what the path takes. Saying nothing is no lie.

    Raises:
        Refusal: ``content_type_unsupported``.
    """
    content_type = request.headers.get("content-type")
    if not content_type:
        return
    kind, _, parameters = content_type.partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if kind.strip().lower() not in allowed or (parameters.strip() and charset not in _CHARSETS):
        message = f"This path takes a body of Content-Type {', '.join(sorted(allowed))} in UTF-8."
        raise Refusal("content_type_unsupported", message, type=INVALID_REQUEST)
