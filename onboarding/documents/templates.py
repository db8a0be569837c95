"""Templates: which keys an object of the wire has, and how values are put into them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Each:
    """A list of objects of one template; ``empty`` where the contract has a list that is never null."""

    template: Template
    empty: bool = False


# What stands under a key: None for a scalar, a plain list or a map; else the template of an object or of its list.
Template = Mapping[str, "Template | Each | None"]


def scalars(*names: str) -> dict[str, Template | Each | None]:
    """A template of keys without inner structure."""
    return dict.fromkeys(names)


ADDRESS: Template = scalars("city", "country", "line1", "line2", "postal_code", "state", "town")
PURPOSEFUL_ADDRESS: Template = {**ADDRESS, "purpose": None}
SCRIPT_ADDRESSES: Template = {"kana": ADDRESS, "kanji": ADDRESS}
ACCEPTANCE: Template = scalars("date", "ip", "user_agent")
AMOUNT: Template = scalars("currency", "value")
DATE_PARTS: Template = scalars("day", "month", "year")
FILES: Template = scalars("files", "type")
SIGNED_FILES: Template = {"files": None, "signer": scalars("person"), "type": None}
FRONT_BACK: Template = {"front_back": scalars("back", "front"), "type": None}


def render(template: Template, values: Mapping[str, Any]) -> dict[str, Any]:
    """Fill a template.

    Args:
        template: the keys of the object.
        values: what to put into them; keys that the template doesn't have are left out.

    Returns:
        A new object with exactly the template's keys; null where there is no value or an object would hold none.
    """
    document: dict[str, Any] = {}
    for key, part in template.items():
        value = values.get(key)
        if isinstance(part, Each):
            document[key] = _each(part, value)
        elif part is not None:
            document[key] = render(part, value) if isinstance(value, dict) and _holds_something(value) else None
        else:
            document[key] = _copied(value)
    return document


def _each(part: Each, value: object) -> list[dict[str, Any]] | None:
    if isinstance(value, list):
        return [render(part.template, item) for item in value]
    return [] if part.empty else None


# Values are plain JSON: asking for a dict costs a fifth of asking for a Mapping, and a document asks hundreds of times.
def _holds_something(value: object) -> bool:
    if isinstance(value, dict):
        return any(_holds_something(part) for part in value.values())
    return value is not None


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_copied(part) for part in value]
    return value
