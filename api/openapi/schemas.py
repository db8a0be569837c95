"""Words of JSON Schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Schema = dict[str, Any]

COMPONENTS = "#/components/schemas/"
TEXT: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
BOOLEAN: Schema = {"type": "boolean"}
INSTANT: Schema = {"type": "string", "format": "date-time"}
DAY: Schema = {"type": "string", "format": "date"}
URL: Schema = {"type": "string", "format": "uri"}
METADATA: Schema = {"type": "object", "additionalProperties": TEXT}
OPEN_OBJECT: Schema = {"type": "object"}


def ref(name: str) -> Schema:
    """The component of that name."""
    return {"$ref": COMPONENTS + name}


def ident(prefix: str) -> Schema:
    """An id of that prefix."""
    return {"type": "string", "pattern": f"^{prefix}[A-Za-z0-9_]{{1,100}}$"}


def one_of(*values: str) -> Schema:
    """A string out of a closed list."""
    return {"type": "string", "enum": list(values)}


def constant(value: str) -> Schema:
    """Always the same string."""
    return {"type": "string", "const": value}


def listed(items: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": items}


def counted(items: Schema) -> Schema:
    """An object used as a map."""
    return {"type": "object", "additionalProperties": items}


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    kind = schema.get("type")
    if kind is None or "const" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    if kind == "null" or "null" in kind:
        return schema
    kinds = [kind] if isinstance(kind, str) else list(kind)
    found = {**schema, "type": [*kinds, "null"]}
    if "enum" in schema:
        found["enum"] = [*schema["enum"], None]
    return found


def record(
    properties: Mapping[str, Schema],
    description: str | None = None,
    *,
    optional: Iterable[str] = (),
    others: Schema | None = None,
) -> Schema:
    """An object of an answer: all of its properties are always there, and no others.

    Args:
        properties: by name.
        description: in Markdown.
        optional: names of properties that may be absent.
        others: schema of further properties, whose names nobody knows beforehand.
    """
    left_out = frozenset(optional)
    schema: Schema = {"type": "object"}
    if description is not None:
        schema["description"] = description
    return schema | {
        "properties": dict(properties),
        "required": [name for name in properties if name not in left_out],
        "additionalProperties": False if others is None else others,
    }
