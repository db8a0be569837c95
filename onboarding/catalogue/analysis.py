"""What can be said of conditions without an account: which can never hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onboarding.domain.conditions import AllOf, Always, Among, AnyOf, Known, Not

if TYPE_CHECKING:
    from onboarding.domain.conditions import Condition


def _distinguished(condition: Condition) -> dict[str, frozenset[str]]:
    """Attributes that must have one of these values for the condition to hold."""
    parts = condition.conditions if isinstance(condition, AllOf) else (condition,)
    found: dict[str, frozenset[str]] = {}
    for part in parts:
        if isinstance(part, Among):
            found[part.attribute] = found.get(part.attribute, part.values) & part.values
    return found


def contradiction(condition: Condition) -> str:
    """Why a condition can never hold; empty where nothing speaks against it."""
    if isinstance(condition, AnyOf):
        reasons = [contradiction(one) for one in condition.conditions]
        return reasons[0] if all(reasons) else ""
    parts = condition.conditions if isinstance(condition, AllOf) else (condition,)
    required = _distinguished(condition)
    empty = next((attribute for attribute, values in required.items() if not values), None)
    if empty is not None:
        return f"no {empty} is left"
    inner = (contradiction(part) for part in parts if isinstance(part, AnyOf))
    denied = (_denied(part.condition, parts, required) for part in parts if isinstance(part, Not))
    return next((reason for reason in (*inner, *denied) if reason), "")


def _denied(denied: Condition, parts: tuple[Condition, ...], required: dict[str, frozenset[str]]) -> str:
    """Why nothing is left when ``denied`` is taken from what all the ``parts`` hold for."""
    if isinstance(denied, Always):
        return "it denies what always holds"
    if denied in parts:
        return "it asks for what it denies"
    if isinstance(denied, Among) and denied.attribute in required and required[denied.attribute] <= denied.values:
        return f"every {denied.attribute} that it asks for is denied"
    if isinstance(denied, Known) and denied.name in required:
        return f"it asks for a {denied.name} and that there is none"
    return ""
