"""What a create call may say."""

from __future__ import annotations

import secrets
import time
from typing import Any
from urllib.parse import urlsplit

from simulators.identity.errors import VendorError, invalid
from simulators.identity.forms import Form, flag, hash_, only, text, texts
from simulators.identity.sessions import Session, new_id

DOCUMENT_TYPES = ("driving_license", "id_card", "passport")
_TYPES = ("document", "id_number")
_FLAGS = ("require_id_number", "require_live_capture", "require_matching_selfie")
_MOST_KEYS, _LONGEST_KEY, _LONGEST_VALUE = 50, 40, 500
_LONGEST_TEXT = 5000


def read_session(form: Form) -> Session:
    """A new session as a create call describes it.

    Raises:
        VendorError: 400 where a parameter is missing, unknown or of no use.
    """
    only(
        form,
        *("type", "options", "metadata", "client_reference_id", "return_url", "provided_details", "expand"),
    )
    type_ = text(form, "type")
    if type_ is None:
        raise VendorError(400, "Missing required param: type.", code="parameter_missing", param="type")
    if type_ not in _TYPES:
        raise invalid(f"Invalid type: must be one of {' or '.join(_TYPES)}", "type")
    return Session(
        id=new_id("vs"),
        token=secrets.token_urlsafe(24),
        secret=secrets.token_urlsafe(24),
        type=type_,
        options=_options(hash_(form, "options"), type_),
        metadata=_metadata(hash_(form, "metadata")),
        client_reference_id=_short(form, "client_reference_id"),
        return_url=_url(form, "return_url"),
        provided_details=_provided(hash_(form, "provided_details")),
        created=int(time.time()),
    )


def _options(form: Form, type_: str) -> dict[str, Any]:
    only(form, "document")
    given = hash_(form, "document")
    only(given, "allowed_types", *_FLAGS)
    if type_ == "id_number":
        if given:
            raise invalid("options[document] can only be used with type document", "options[document]")
        return {"id_number": {}}
    document: dict[str, Any] = {
        name: flag(given, name, f"options[document][{name}]") for name in _FLAGS if name in given
    }
    allowed = texts(given, "allowed_types")
    if not set(allowed) <= set(DOCUMENT_TYPES):
        raise invalid(
            f"Invalid allowed_types: must be of {', '.join(DOCUMENT_TYPES)}", "options[document][allowed_types]"
        )
    if allowed:
        document["allowed_types"] = allowed
    return {"document": document}


def _metadata(form: Form) -> dict[str, str]:
    if len(form) > _MOST_KEYS:
        raise invalid(f"Metadata may have at most {_MOST_KEYS} keys", "metadata")
    for key, value in form.items():
        if not isinstance(value, str):
            raise invalid("Metadata values must be strings", "metadata")
        if len(key) > _LONGEST_KEY or len(value) > _LONGEST_VALUE:
            raise invalid(
                f"Metadata keys may have up to {_LONGEST_KEY} characters, values up to {_LONGEST_VALUE}", "metadata"
            )
    return {key: value for key, value in form.items() if value}


def _provided(form: Form) -> dict[str, str] | None:
    only(form, "email", "phone")
    given = {name: text(form, name) for name in form}
    return {name: value for name, value in given.items() if value} or None


def _short(form: Form, name: str) -> str | None:
    value = text(form, name)
    if value is not None and len(value) > _LONGEST_TEXT:
        raise invalid(f"Invalid string: {name} must be at most {_LONGEST_TEXT} characters", name)
    return value


def _url(form: Form, name: str) -> str | None:
    value = _short(form, name)
    if value is None:
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        raise invalid("Not a valid URL", name, "url_invalid") from None
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise invalid("Not a valid URL", name, "url_invalid")
    return value
