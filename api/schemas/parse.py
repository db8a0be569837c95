"""From the bytes of a request to a plain nested dict of exactly the keys that the caller sent.

Every error is a ``Refusal`` of type ``invalid_request_error`` (Accounts v2 contract, parse errors: a choice of this
engine) with one of the codes ``invalid_json``, ``parameter_unknown``, ``parameter_missing``, ``parameter_invalid``, and
with ``param``: the dotted path of the parameter, ``[i]`` for items of a list (its last part alone where a key is sent
twice). No message holds a value of the request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import orjson
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from onboarding.domain.errors import Refusal

INVALID_REQUEST = "invalid_request_error"

# A union's error names the branch it took; the branches of our unions are named so, and are no part of the path.
UNION_BRANCHES = frozenset({"<token>", "<object>"})

_UNKNOWN = "There is no such parameter."
_INVALID_MESSAGES = {
    "string_type": "Must be a string.",
    "int_type": "Must be an integer.",
    "bool_type": "Must be true or false.",
    "bool_parsing": "Must be true or false.",
    "list_type": "Must be a list.",
    "dict_type": "Must be an object.",
    "model_type": "Must be an object.",
    "model_attributes_type": "Must be an object.",
}
_JSON_DEPTH = 64  # the deepest request that means anything has 9 levels
_SEGMENT_LENGTH = 64  # a caller's own key is repeated in `param`, but not at any length
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]')
_NUL = "The names of parameters must not contain the NUL character."
_FORM_PAIRS = 1000
_FORM_DEPTH = 12
_FORM_LIST = 1000


def parse(
    model: type[BaseModel], raw: bytes, translate: Callable[[dict[str, Any]], dict[str, Any]] = lambda fields: fields
) -> dict[str, Any]:
    """Parse the JSON body of a request.

    Args:
        model: what the request may say.
        raw: the body; an empty one counts as ``{}``.
        translate: puts what an older version of the wire says into the words of the model.

    Returns:
        A nested dict of the keys that were sent; a null stays ``None``, which means "unset".

    Raises:
        Refusal: see the module.
    """
    try:
        fields = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError:
        raise _refusal("invalid_json", "The request's body is not valid JSON.", None) from None
    if not isinstance(fields, dict):
        raise _refusal("invalid_json", "The request's body must be a JSON object.", None)
    _refuse_deep(raw)
    # orjson takes the last of two equal keys, silently; the standard library shows every object as it is written.
    json.loads(raw or b"{}", object_pairs_hook=_refuse_doubtful_keys)
    return parse_fields(model, translate(fields))


def parse_fields(model: type[BaseModel], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Check parameters that are a nested dict already, such as those of ``parse_form``.

    Returns:
        As ``parse``.

    Raises:
        Refusal: see the module.
    """
    try:
        parameters = model.model_validate(fields)
    except ValidationError as error:
        # Not chained: pydantic's error holds the values.
        raise _first_refusal(error.errors(include_url=False, include_input=False)) from None
    sent = parameters.model_dump(exclude_unset=True)
    _refuse_update_only(sent, getattr(model, "update_only", ()))
    _refuse_incomplete(sent, getattr(model, "complete", {}))
    return sent


def parse_form(raw: bytes) -> dict[str, Any]:
    """Decode a v1 body, ``application/x-www-form-urlencoded`` with brackets, to a nested dict of strings.

    ``a[b][c]=x`` is ``{"a": {"b": {"c": "x"}}}``; ``a[0]=x&a[1]=y`` and ``a[]=x&a[]=y`` are ``{"a": ["x", "y"]}``. An
    empty string stays an empty string (v1's word for "unset"), and the last of two equal keys counts.

    Raises:
        Refusal: code ``parameter_invalid``, for a body that is no form or whose keys contradict each other.
    """
    try:
        pairs = parse_qsl(
            raw.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=_FORM_PAIRS, separator="&"
        )
    except ValueError:
        raise _refusal("parameter_invalid", "The request's body is not a valid form.", None) from None
    return nested(pairs)


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The keys and values of a form as ``parse_form`` gives them.

    Raises:
        Refusal: as there.
    """
    tree: dict[str, Any] = {}
    for key, value in pairs:
        if "\x00" in key:
            raise _refusal("parameter_invalid", _NUL, None)
        _plant(tree, _segments(key), value)
    return {key: _listed(value) for key, value in tree.items()}


def path_of(segments: Sequence[str | int]) -> str | None:
    """The dotted path of a parameter: ``("a", 0, "b")`` is ``a[0].b``; None for the request as a whole."""
    path = ""
    for segment in segments:
        if isinstance(segment, int):
            path += f"[{segment}]"
        elif segment not in UNION_BRANCHES:
            path += f".{segment[:_SEGMENT_LENGTH]}" if path else segment[:_SEGMENT_LENGTH]
    return path or None


def _refusal(code: str, message: str, param: str | None) -> Refusal:
    return Refusal(code, message, param=param, type=INVALID_REQUEST)


def _first_refusal(errors: Sequence[ErrorDetails]) -> Refusal:
    """The refusal for the first error, in the order of the model's fields; unknown keys come after them."""
    error = errors[0]
    context = error.get("ctx", {})
    location = (*error["loc"], *context.get("path", ()))
    kind = error["type"]
    if kind == "missing":
        return _refusal("parameter_missing", "This parameter is required.", path_of(location))
    if kind == "extra_forbidden":
        return _refusal("parameter_unknown", _UNKNOWN, path_of(location))
    if kind.startswith("parameter_"):
        return _refusal(kind, str(context["message"]), path_of(location))
    if kind == "literal_error":
        # `expected` is our own list of what is allowed.
        return _refusal("parameter_invalid", f"Must be one of {context['expected']}.", path_of(location))
    if kind in {"string_too_long", "too_long"}:
        unit = "characters" if kind == "string_too_long" else "items"
        message = f"Must have at most {context['max_length']} {unit}."
        return _refusal("parameter_invalid", message, path_of(location))
    return _refusal(
        "parameter_invalid", _INVALID_MESSAGES.get(kind, "This parameter's value is not valid."), path_of(location)
    )


def _refuse_update_only(sent: Mapping[str, Any], paths: Sequence[str]) -> None:
    for path in paths:
        *parents, name = path.split(".")
        if name in (_object_at(sent, parents) or {}):
            raise _refusal("parameter_unknown", "This parameter can only be sent with an update.", path)


def _refuse_incomplete(sent: Mapping[str, Any], complete: Mapping[str, Sequence[str]]) -> None:
    for path, names in complete.items():
        found = _object_at(sent, path.split("."))
        for name in names if found is not None else ():
            if found is not None and found.get(name) is None:
                raise _refusal("parameter_missing", "This parameter is required.", f"{path}.{name}")


def _refuse_deep(raw: bytes) -> None:
    """Refuse nesting that no request has. Valid JSON only: then a quote that is not escaped begins or ends a string."""
    if raw.count(b"{") + raw.count(b"[") <= _JSON_DEPTH:
        return
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(raw):
        bracket = found[0]
        if bracket in {b"{", b"["}:
            depth += 1
            if depth > _JSON_DEPTH:
                message = f"The request's body is nested more than {_JSON_DEPTH} levels deep."
                raise _refusal("invalid_json", message, None)
        elif bracket in {b"}", b"]"}:
            depth -= 1


def _refuse_doubtful_keys(pairs: list[tuple[str, Any]]) -> None:
    """Refuse an object with a key twice, because nobody knows which is meant, or with a NUL in a key."""
    seen = set()
    for key, _ in pairs:
        if key in seen:
            raise _refusal("parameter_invalid", "This parameter is sent twice in one object.", path_of([key]))
        if "\x00" in key:
            raise _refusal("parameter_invalid", _NUL, None)
        seen.add(key)


def _object_at(sent: Mapping[str, Any], path: Sequence[str]) -> Mapping[str, Any] | None:
    found: Any = sent
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _segments(key: str) -> list[str]:
    """``a[b][]`` is ``["a", "b", ""]``."""
    name, bracket, rest = key.partition("[")
    if not bracket:
        return [name]
    if not name or not rest.endswith("]"):
        raise _refusal("parameter_invalid", "A form key's brackets don't match.", path_of([name]))
    segments = [name, *rest[:-1].split("][")]
    if len(segments) > _FORM_DEPTH or any("[" in segment or "]" in segment for segment in segments):
        raise _refusal("parameter_invalid", "A form key's brackets don't match.", path_of([name]))
    return segments


def _plant(tree: dict[str, Any], segments: Sequence[str], value: str) -> None:
    """Put a value at its place; list items wait under their index as a string until ``_listed``."""
    node = tree
    for segment in segments[:-1]:
        child = node.setdefault(segment or str(len(node)), {})
        if not isinstance(child, dict):
            raise _refusal("parameter_invalid", "This parameter is sent both with and without brackets.", segments[0])
        node = child
    last = segments[-1] or str(len(node))
    if isinstance(node.get(last), dict):
        raise _refusal("parameter_invalid", "This parameter is sent both with and without brackets.", segments[0])
    node[last] = value


def _listed(node: Any) -> Any:
    """Turn each dict with nothing but indices for keys into a list, in the order of the indices."""
    if not isinstance(node, dict):
        return node
    if node and all(key.isascii() and key.isdigit() and len(key) <= len(str(_FORM_LIST)) for key in node):
        return [_listed(node[key]) for key in sorted(node, key=int)]
    return {key: _listed(value) for key, value in node.items()}
