"""Conditions under which a rule applies: typed objects, never evaluated strings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from onboarding.domain.horizon import Horizon
    from onboarding.domain.state import Shape


@dataclass(frozen=True, slots=True)
class Threshold:
    """An amount turned over, in the smallest unit of ``currency``, in one period of a kind.

    Once it is crossed it stays crossed: that is a mark, and a total that is corrected later takes nothing back.
    """

    currency: str
    amount: int
    period: str
    key: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", f"{self.currency}|{self.period}|{self.amount}")

    def is_reached(self, activity: Mapping[tuple[str, str, str], int]) -> bool:
        """Whether the reported totals say so, of any period of its kind."""
        return any(
            total >= self.amount
            for (currency, period, _), total in activity.items()
            if currency == self.currency and period == self.period
        )


@dataclass(frozen=True, slots=True)
class Situation:
    """What conditions are read against.

    Attributes:
        crossed: when each threshold was crossed, by its key.
        review: the risk class whose periodic review is open; None while none is.
    """

    shape: Shape
    horizon: Horizon
    crossed: Mapping[str, datetime]
    review: str | None = None
    _known: dict[int, bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    def holds(self, condition: Condition) -> bool:
        """Whether a condition of a policy holds, which is read once: rules and capabilities share their conditions."""
        known = self._known.get(id(condition))
        if known is None:
            known = self._known[id(condition)] = condition.holds(self)
        return known


class Condition(Protocol):
    """Something that is true or false of a situation."""

    def holds(self, now: Situation) -> bool:
        """Whether it is true at the horizon's instant; what time will change is noted in the horizon."""
        ...


@dataclass(frozen=True, slots=True)
class Always:
    """True of every account."""

    def holds(self, now: Situation) -> bool:  # noqa: ARG002 -- the protocol's signature
        """See :class:`Condition`."""
        return True


@dataclass(frozen=True, slots=True)
class Among:
    """The attribute has one of ``values``; an attribute that is not known has none."""

    attribute: str
    values: frozenset[str]

    def holds(self, now: Situation) -> bool:
        """See :class:`Condition`."""
        return now.shape.attributes.get(self.attribute) in self.values


@dataclass(frozen=True, slots=True)
class Known:
    """The attribute, or the account leaf, was supplied."""

    name: str

    def holds(self, now: Situation) -> bool:
        """See :class:`Condition`."""
        return self.name in now.shape.attributes or self.name in now.shape.facts


@dataclass(frozen=True, slots=True)
class Requested:
    """The platform asked for one of ``capabilities``."""

    capabilities: frozenset[str]

    def holds(self, now: Situation) -> bool:
        """See :class:`Condition`."""
        return not self.capabilities.isdisjoint(now.shape.requested)


@dataclass(frozen=True, slots=True)
class HeldBy:
    """Some person carries ``flag``."""

    flag: str

    def holds(self, now: Situation) -> bool:
        """See :class:`Condition`."""
        return any(self.flag in person.roles for person in now.shape.persons)


@dataclass(frozen=True, slots=True)
class OwnedBelow:
    """The shares of the persons with ``flag`` add up to less than ``percent``; an unsaid share adds nothing."""

    flag: str
    percent: int

    def holds(self, now: Situation) -> bool:
        """See :class:`Condition`."""
        owned = sum(person.percent for person in now.shape.persons if self.flag in person.roles and person.percent)
        return owned < self.percent


@dataclass(frozen=True, slots=True)
class Younger:
    """Some person with ``flag`` has not reached ``years``; of an unknown age nothing is said."""

    flag: str
    years: int

    def holds(self, now: Situation) -> bool:
        """See :class:`Condition`."""
        ahead = [
            instant
            for person in now.shape.persons
            if self.flag in person.roles and person.age is not None
            for years, instant in person.age.ahead
            if years == self.years
        ]
        return any([not now.horizon.passed(instant) for instant in ahead])  # noqa: C419 -- each must be noted


@dataclass(frozen=True, slots=True)
class Crossed:
    """The threshold was crossed."""

    threshold: Threshold

    def holds(self, now: Situation) -> bool:
        """See :class:`Condition`."""
        return self.threshold.key in now.crossed


@dataclass(frozen=True, slots=True)
class UnderReview:
    """The periodic review of accounts of a risk class is open."""

    risk_class: str

    def holds(self, now: Situation) -> bool:
        """See :class:`Condition`."""
        return now.review == self.risk_class


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    condition: Condition

    def holds(self, now: Situation) -> bool:
        """See :class:`Condition`."""
        return not self.condition.holds(now)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one of them; reading stops at the first that is false."""

    conditions: tuple[Condition, ...]

    def holds(self, now: Situation) -> bool:
        """See :class:`Condition`."""
        for condition in self.conditions:  # noqa: SIM110 -- all() costs a generator where most of the time goes
            if not condition.holds(now):
                return False
        return True


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of them; reading stops at the first that is true."""

    conditions: tuple[Condition, ...]

    def holds(self, now: Situation) -> bool:
        """See :class:`Condition`."""
        return any(condition.holds(now) for condition in self.conditions)


def decided(condition: Condition, attributes: Mapping[str, str]) -> bool | None:
    """Whether it holds of every account with these attributes, or of none; None where it needs more than them."""
    match condition:
        case Always():
            return True
        case Among(attribute, values):
            return attributes.get(attribute) in values
        case Known(name) if name in attributes:
            return True
        case Not(inner):
            denied = decided(inner, attributes)
            return None if denied is None else not denied
        case AllOf(parts) | AnyOf(parts):
            # One part alone decides that not all are true, or that any is.
            settles = isinstance(condition, AnyOf)
            found = {decided(part, attributes) for part in parts}
            return settles if settles in found else None if None in found else not settles
        case _:
            return None
