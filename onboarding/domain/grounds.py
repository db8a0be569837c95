"""Why a condition is true or false: the leaves that decide it, each with what was found.

Not another reading of conditions: every leaf says itself whether it holds (:class:`onboarding.domain.conditions`), and
here is only chosen which of them the answer rests on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from onboarding.domain.conditions import (
    AllOf,
    Always,
    Among,
    AnyOf,
    Crossed,
    HeldBy,
    Known,
    Not,
    OwnedBelow,
    Requested,
    UnderReview,
    Younger,
)
from onboarding.domain.instants import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from onboarding.domain.conditions import Condition, Situation, Threshold
    from onboarding.domain.state import Shape

Found = dict[str, object]


@dataclass(frozen=True, slots=True)
class Ground:
    """One leaf of a condition: its type, whether it holds, and what was found, in JSON's types."""

    type: str
    holds: bool
    found: Mapping[str, object]


def grounds(condition: Condition, now: Situation) -> tuple[Ground, ...]:
    """The leaves on which it rests that ``condition`` is true, or false, of a situation."""
    match condition:
        case Always():
            return ()
        case Not(inner):
            return grounds(inner, now)
        case AllOf(parts) | AnyOf(parts):
            # One part alone decides that not all are true, or that any is; else it rests on every one.
            is_any, holds = isinstance(condition, AnyOf), condition.holds(now)
            deciding = [part for part in parts if part.holds(now) is holds]
            return tuple(one for part in deciding[: 1 if is_any is holds else None] for one in grounds(part, now))
    kind, found = _leaf(condition, now)
    return (Ground(kind, condition.holds(now), found),)


def crossing(threshold: Threshold, crossed: Mapping[str, datetime]) -> Ground:
    """What is known of a threshold: ``crossed_at`` is null where it was not crossed."""
    at = crossed.get(threshold.key)
    found: Found = {
        "currency": threshold.currency,
        "amount": threshold.amount,
        "period": threshold.period,
        "crossed_at": rfc3339(at) if at is not None else None,
    }
    return Ground("threshold", at is not None, found)


def _leaf(leaf: Condition, now: Situation) -> tuple[str, Found]:
    shape = now.shape
    match leaf:
        case Among(attribute, values):
            kind = "attribute"
            found: Found = {"fact": attribute, "value": shape.attributes.get(attribute), "among": sorted(values)}
        case Known(name):
            kind, found = "known", {"fact": name, "value": shape.attributes.get(name)}
        case Requested(capabilities):
            asked = sorted(capabilities & shape.requested)
            kind, found = "requested", {"capabilities": asked or sorted(capabilities)}
        case HeldBy(flag):
            kind, found = "role", {"role": flag, "persons": _holders(shape, flag)}
        case OwnedBelow(flag, percent):
            shares = [person.percent for person in shape.persons if flag in person.roles and person.percent]
            owned = format(sum(shares), "f") if shares else "0"
            kind, found = "owned_below", {"role": flag, "percent": percent, "owned": owned}
        case Younger(flag, years):
            kind, found = "younger", {"role": flag, "years": years, "persons": _younger(now, flag, years)}
        case Crossed(threshold):
            ground = crossing(threshold, now.crossed)
            kind, found = ground.type, dict(ground.found)
        case UnderReview(risk_class):
            kind, found = "periodic_review", {"class": risk_class}
        case _:
            kind, found = "condition", {"class": type(leaf).__name__}
    return kind, found


def _holders(shape: Shape, flag: str) -> list[str]:
    return [person.id for person in shape.persons if flag in person.roles]


def _younger(now: Situation, flag: str, years: int) -> list[str]:
    """Persons with the flag who have not reached the age."""
    return [
        person.id
        for person in now.shape.persons
        if flag in person.roles
        and person.age is not None
        and any(limit == years and not now.horizon.passed(instant) for limit, instant in person.age.ahead)
    ]
