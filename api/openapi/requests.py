"""Schemas of requests, out of the pydantic models that parse them.

Where pydantic's own schema says less or something else than the parser does, it is mended here: defaults that are none,
parameters that only an update takes (``update_only``), and what an object must hold once it is sent (``complete``).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from pydantic import BaseModel

from api.openapi.schemas import COMPONENTS, Schema
from api.schemas.bank_accounts import FormParameters

REQUEST, PARAMETERS = "Request", "Parameters"
"""How components of requests end, so that they are none of answers: bodies, and objects in them."""

_PYDANTIC = "#/$defs/"


def request_schemas(model: type[BaseModel]) -> tuple[str, dict[str, Schema]]:
    """The name of a request's component, and all components that it needs."""
    whole = model.model_json_schema()
    found = {_name(name): schema for name, schema in whole.pop("$defs", {}).items()}
    root = model.__name__ + REQUEST
    found[root] = whole
    is_form = issubclass(model, FormParameters)
    components = {name: _mended(schema, is_form=is_form) for name, schema in found.items()}
    components[root]["description"] = inspect.cleandoc(model.__doc__ or "").replace("``", "`")
    for path in getattr(model, "update_only", ()):
        *parents, name = path.split(".")
        _own(components, root, model.__name__, parents)["properties"].pop(name)
    for path, names in getattr(model, "complete", {}).items():
        _complete(_own(components, root, model.__name__, path.split(".")), names)
    return root, _used(components, root)


def target(schema: Mapping[str, Any]) -> str | None:
    """The name of the component that a property refers to, as it is or beside null."""
    options = [schema, *schema.get("anyOf", ()), *schema.get("oneOf", ())]
    names = [one["$ref"].removeprefix(COMPONENTS) for one in options if "$ref" in one]
    return names[0] if names else None


def _name(model: str) -> str:
    return model + PARAMETERS


def _mended(schema: Any, *, is_form: bool) -> Any:
    if isinstance(schema, list):
        return [_mended(one, is_form=is_form) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": COMPONENTS + _name(schema["$ref"].removeprefix(_PYDANTIC))}
    found: Schema = {}
    for key, value in schema.items():
        if key == "properties":
            found[key] = {name: _mended(one, is_form=is_form) for name, one in value.items()}
        elif key == "description":
            found[key] = value.replace("``", "`")
        elif key == "title" and isinstance(value, str):
            continue
        elif key == "default":
            # Nothing that is absent is changed: only a form's defaults, and switches, stand for what was not sent.
            if value is False or (isinstance(value, str) and value):
                found[key] = value
        else:
            found[key] = _mended(value, is_form=is_form)
    return _unset(found, is_form=is_form)


def _unset(schema: Schema, *, is_form: bool) -> Schema:
    """Null unsets a value; in a form, which knows no null, the empty string does."""
    options = schema.get("anyOf")
    if not isinstance(options, list) or {"type": "null"} not in options:
        return schema
    others = [one for one in options if one != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if is_form:
        plain = others[0]
        if plain.get("type") == "string" and "pattern" not in plain:
            return {**plain, **rest}
        return {"anyOf": [*others, {"const": ""}], **rest}
    if len(others) == 1 and isinstance(others[0].get("type"), str) and "const" not in others[0]:
        found = {**others[0], **rest, "type": [others[0]["type"], "null"]}
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
        return found
    return {"anyOf": [*others, {"type": "null"}], **rest}


def _own(components: dict[str, Schema], root: str, owner: str, path: list[str]) -> Schema:
    """The object at a path, made this request's own where other requests share it."""
    schema = components[root]
    for name in path:
        shared = target(schema["properties"][name])
        if shared is None:
            raise LookupError(f"{root} has no object at {'.'.join(path)}")
        own = shared if shared.startswith(owner) else owner + shared
        components.setdefault(own, deepcopy(components[shared]))
        schema["properties"][name] = _renamed(schema["properties"][name], shared, own)
        schema = components[own]
    return schema


def _renamed(schema: Any, shared: str, own: str) -> Any:
    if isinstance(schema, list):
        return [_renamed(one, shared, own) for one in schema]
    if isinstance(schema, dict):
        return {key: _renamed(value, shared, own) for key, value in schema.items()}
    return COMPONENTS + own if schema == COMPONENTS + shared else schema


def _complete(schema: Schema, names: tuple[str, ...]) -> None:
    for name in names:
        kind = schema["properties"][name]["type"]
        schema["properties"][name]["type"] = next(one for one in kind if one != "null")
    schema["required"] = sorted({*schema.get("required", ()), *names})


def _used(components: dict[str, Schema], root: str) -> dict[str, Schema]:
    """Those that can be reached."""
    found: dict[str, Schema] = {}
    waiting = [root]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = components[name]
            waiting += _references(components[name])
    return found


def _references(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [name for one in schema for name in _references(one)]
    if isinstance(schema, dict):
        here = [schema["$ref"].removeprefix(COMPONENTS)] if "$ref" in schema else []
        return here + [name for value in schema.values() for name in _references(value)]
    return []
