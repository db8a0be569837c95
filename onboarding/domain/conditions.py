"""Conditions under which a rule applies: typed objects, never evaluated strings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from onboarding.domain.horizon import Horizon
    from onboarding.domain.state import Shape


class Condition(Protocol):
    """Something that is true or false of a shape at an instant."""

    def holds(self, shape: Shape, horizon: Horizon) -> bool:
        """Whether it is true at the horizon's instant; what time will change is noted in the horizon."""
        ...


@dataclass(frozen=True, slots=True)
class Always:
    """True of every account."""

    def holds(self, shape: Shape, horizon: Horizon) -> bool:  # noqa: ARG002 -- the protocol's signature
        """See :class:`Condition`."""
        return True


@dataclass(frozen=True, slots=True)
class Among:
    """The attribute has one of ``values``; an attribute that is not known has none."""

    attribute: str
    values: frozenset[str]

    def holds(self, shape: Shape, horizon: Horizon) -> bool:  # noqa: ARG002 -- the protocol's signature
        """See :class:`Condition`."""
        return shape.attributes.get(self.attribute) in self.values


@dataclass(frozen=True, slots=True)
class Known:
    """The attribute, or the account leaf, was supplied."""

    name: str

    def holds(self, shape: Shape, horizon: Horizon) -> bool:  # noqa: ARG002 -- the protocol's signature
        """See :class:`Condition`."""
        return self.name in shape.attributes or self.name in shape.facts


@dataclass(frozen=True, slots=True)
class OwnedBelow:
    """The shares of the persons with ``flag`` add up to less than ``percent``; an unsaid share adds nothing."""

    flag: str
    percent: int

    def holds(self, shape: Shape, horizon: Horizon) -> bool:  # noqa: ARG002 -- the protocol's signature
        """See :class:`Condition`."""
        owned = sum(person.percent for person in shape.persons if self.flag in person.roles and person.percent)
        return owned < self.percent


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    condition: Condition

    def holds(self, shape: Shape, horizon: Horizon) -> bool:
        """See :class:`Condition`."""
        return not self.condition.holds(shape, horizon)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one of them; reading stops at the first that is false."""

    conditions: tuple[Condition, ...]

    def holds(self, shape: Shape, horizon: Horizon) -> bool:
        """See :class:`Condition`."""
        for condition in self.conditions:  # noqa: SIM110 -- all() costs a generator where most of the time goes
            if not condition.holds(shape, horizon):
                return False
        return True
