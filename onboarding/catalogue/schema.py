"""The shape of a catalogue document. Anything unknown or missing is refused with its place."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

Names = tuple[str, ...]
AGE_LIMITS = (13, 14, 16, 18, 21)
"""Ages, in years, that a rule may ask for. Shapes keep when each is reached and no birth date, so there is one list for
every policy."""
AgeLimit = Literal[13, 14, 16, 18, 21]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SetRef(_Strict):
    """All leaves of a named set."""

    set: str


def _kind_of_leaf(value: object) -> str:
    return "set" if isinstance(value, (dict, SetRef)) else "leaf"


# The tags keep the place of a problem precise: without them the first member of the union would be blamed.
Leaf = Annotated[Annotated[str, Tag("leaf")] | Annotated[SetRef, Tag("set")], Discriminator(_kind_of_leaf)]
Leaves = tuple[Leaf, ...]


class OwnedBelowDoc(_Strict):
    """The shares of the holders of ``flag`` add up to less than ``percent``."""

    flag: str
    percent: int = Field(gt=0, le=100)


class YoungerDoc(_Strict):
    """Some person with ``flag`` has not reached the age ``than``, in years."""

    flag: str
    than: AgeLimit


class VolumeDoc(_Strict):
    """An amount turned over, in the smallest unit of the currency, in a calendar period or ever."""

    currency: str = Field(pattern="^[a-z]{3}$")
    amount: int = Field(gt=0)
    period: Literal["lifetime", "year", "month"] = "lifetime"


class ConditionDoc(BaseModel):
    """Conditions that must all hold. Every further key is an attribute with the values it may have."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)
    __pydantic_extra__: dict[str, Names]

    known: Names = ()
    requested: Names = ()
    held_by: str | None = None
    owned_below: OwnedBelowDoc | None = None
    younger: YoungerDoc | None = None
    volume: VolumeDoc | None = None
    either: tuple[ConditionDoc, ...] = ()
    negated: ConditionDoc | None = Field(default=None, alias="not")


class RestrictionDoc(_Strict):
    """What a need does to capabilities, named singly or by group."""

    capabilities: Names = Field(min_length=1)
    falls: Literal["at_request", "after_activation", "eventually"]
    grace_days: int | None = Field(default=None, gt=0)
    at_volume: VolumeDoc | None = None
    volume_grace_days: int = Field(default=0, ge=0)


class FieldDoc(_Strict):
    """A leaf that must be supplied."""

    field: str
    implied_by: Names = ()
    options: tuple[Names, ...] = ()
    bound_to: str | None = None
    error: str | None = None

    @model_validator(mode="after")
    def _is_bound_with_error(self) -> FieldDoc:
        if (self.bound_to is None) != (self.error is None):
            raise ValueError("bound_to and error go together")
        return self


class RemedyDoc(_Strict):
    """What a failure raises."""

    raises: Leaves
    options: tuple[Names, ...] = ()
    restricts: tuple[RestrictionDoc, ...] | None = None


class ProofDoc(_Strict):
    """A check that must pass."""

    check: str
    alternatives: Names = ()
    accepts: tuple[Names, ...] = ()
    pending: Leaves
    remedies: dict[str, RemedyDoc]


class AgeDoc(_Strict):
    """An age, in years, that must be reached."""

    age: AgeLimit
    raises: Leaves
    error: str


def _as_field(value: Any) -> Any:
    return {"field": value} if isinstance(value, str) else value


def _kind_of_need(value: object) -> str | None:
    keys = value if isinstance(value, dict) else {}
    return next((key for key in ("field", "set", "check", "age") if key in keys), None)


NeedDoc = Annotated[
    Annotated[FieldDoc, Tag("field")]
    | Annotated[SetRef, Tag("set")]
    | Annotated[ProofDoc, Tag("check")]
    | Annotated[AgeDoc, Tag("age")],
    Discriminator(
        _kind_of_need,
        custom_error_type="need",
        custom_error_message="a need is a leaf, or has one of the keys field, set, check, age",
    ),
    BeforeValidator(_as_field),
]


class RuleDoc(_Strict):
    """One rule; ``from`` is the day, in UTC, from which on it is in force."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: str = Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$")
    source: str = Field(min_length=1)
    of: str
    starts_on: date | None = Field(default=None, alias="from")
    when: ConditionDoc
    needs: tuple[NeedDoc, ...] = Field(min_length=1)
    restricts: tuple[RestrictionDoc, ...] = Field(min_length=1)


class AvailabilityDoc(_Strict):
    """When a capability is unsupported."""

    code: Literal["unsupported_business", "unsupported_country", "unsupported_entity_type"]
    when: ConditionDoc


class CapabilityDoc(_Strict):
    """A capability; one that names none in ``granted_with`` is requested by the platform, with all it ``requires``."""

    granted_with: Names = ()
    requires: Names = ()
    unsupported: tuple[AvailabilityDoc, ...] = ()


class RoleDoc(_Strict):
    """A role that persons hold."""

    flag: str
    prefix: str
    refers: bool = True
    complete_by: str | None = None
    at_least_percent: int | None = Field(default=None, gt=0, le=100)


class PersonInputsDoc(_Strict):
    """Leaves of every person with ``flag``."""

    flag: str
    inputs: Leaves


class CheckDoc(_Strict):
    """A kind of check."""

    inputs: Leaves
    persons: tuple[PersonInputsDoc, ...] = ()
    requires: Leaves
    requires_any: Leaves = ()
    lasts_days: int | None = Field(default=None, gt=0)
    ask_again: bool = False
    report_within_hours: int = Field(gt=0)
    sanctionable: bool = False
    queue: str = "general"


class ReviewQueueDoc(_Strict):
    """A queue of reviews. A check names the one where its reviews wait; what it does not say has these defaults."""

    sla_hours: int = Field(default=24, gt=0, le=24 * 366)
    priority: int = Field(default=50, ge=1, le=100)
    four_eyes: bool = False
    sample_share: float = Field(default=0.0, ge=0.0, le=1.0)


class ConfirmationDoc(_Strict):
    """What a periodic review has supplied again, be it with the same values, of an account or of a role's holders."""

    of: str
    when: ConditionDoc = ConditionDoc()
    fields: Leaves = Field(min_length=1)


class RiskClassDoc(_Strict):
    """Accounts that are reviewed alike; the one without ``when`` has every account that no class before it has."""

    rank: int = Field(gt=0)
    source: str = Field(min_length=1)
    when: ConditionDoc | None = None
    every_days: int = Field(gt=0)
    grace_days: int = Field(gt=0)
    confirms: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")], ConfirmationDoc] = {}
    checks: Names = ()
    asks: Names = ()


class Pack(_Strict):
    """One file of the catalogue; a policy is several of them together."""

    capabilities: dict[str, CapabilityDoc] = {}
    groups: dict[str, Names] = {}
    roles: dict[str, RoleDoc] = {}
    sets: dict[str, Leaves] = {}
    checks: dict[str, CheckDoc] = {}
    reviews: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")], ReviewQueueDoc] = {}
    risk: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")], RiskClassDoc] = {}
    errors: dict[str, str] = {}
    rules: tuple[RuleDoc, ...] = ()
