"""What every validation needs: the exemption's type, and reading nested objects that may be absent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Exempt = Callable[[str, str], bool]
"""``exempt(kind, value)``: whether the value passes whatever its form."""

INVALID_REQUEST = "invalid_request_error"


def nothing_exempt(_kind: str, _value: str) -> bool:
    """The exemption of live data: none."""
    return False


def at(values: Mapping[str, Any], *path: str) -> Any:
    """The value at a path of nested objects; None where any of them is absent or null."""
    found: Any = values
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def object_at(values: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The object at a path of nested objects; an empty one where there is none."""
    found = at(values, *path)
    return found if isinstance(found, Mapping) else {}


def words(text: str) -> frozenset[str]:
    """A set written as words with spaces between them: the tables of the contract's names are long."""
    return frozenset(text.split())
