"""Form-encoded parameters in bracket notation: ``options[document][require_id_number]=true``, ``expand[]=…``."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from simulators.identity.errors import VendorError, invalid

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")

Form = dict[str, Any]


def parse(encoded: bytes | str) -> Form:
    """Nested parameters: each value a string or another such dict; a list's items have their index for a name.

    Raises:
        VendorError: 400 where names contradict each other or the encoding is broken.
    """
    text = encoded.decode("utf-8", "replace") if isinstance(encoded, bytes) else encoded
    form: Form = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        raise VendorError(400, "The request's parameters can't be read") from None
    for name, value in pairs:
        _place(form, name, value)
    return form


def _place(form: Form, name: str, value: str) -> None:
    match = _KEY.fullmatch(name)
    if match is None:
        raise VendorError(400, "A parameter's name can't be read")
    path = [match[1], *_PART.findall(match[2])]
    node = form
    for part in path[:-1]:
        inner = node.setdefault(part or str(len(node)), {})
        if not isinstance(inner, dict):
            raise invalid(f"Invalid {path[0]}: both a value and a hash", path[0])
        node = inner
    node[path[-1] or str(len(node))] = value


def text(form: Form, name: str) -> str | None:
    """One string; None where it is absent or empty."""
    value = form.get(name)
    if isinstance(value, dict):
        raise invalid(f"Invalid string: {name} must be a string", name)
    return value or None


def texts(form: Form, name: str) -> list[str]:
    """A list of strings, as ``name[]=``, ``name[0]=`` or a single ``name=``."""
    value = form.get(name)
    if not isinstance(value, dict):
        return [value] if value else []
    if not all(isinstance(item, str) for item in value.values()):
        raise invalid(f"Invalid array: {name} must hold strings", name)
    return list(value.values())


def hash_(form: Form, name: str) -> Form:
    """A hash of parameters; empty where it is absent."""
    value = form.get(name) or {}
    if not isinstance(value, dict):
        raise invalid(f"Invalid hash: {name} must be a hash", name)
    return value


def flag(form: Form, name: str, param: str) -> bool:
    """A boolean."""
    value = form.get(name)
    if value not in {"true", "false"}:
        raise invalid(f"Invalid boolean: {param} must be either true or false", param)
    return bool(value == "true")


def whole(form: Form, name: str, default: int, lowest: int, highest: int) -> int:
    """A whole number within bounds."""
    value = form.get(name, str(default))
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,9}", value):
        raise invalid(f"Invalid integer: {name}", name, "parameter_invalid_integer")
    if not lowest <= int(value) <= highest:
        raise invalid(f"{name} must be between {lowest} and {highest}", name)
    return int(value)


def only(form: Form, *known: str) -> None:
    """Refuse parameters that the vendor does not know."""
    for name in form:
        if name not in known:
            raise invalid(f"Received unknown parameter: {name}", name, "parameter_unknown")
