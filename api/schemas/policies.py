"""Parameters of policies and roll-outs, an interface of this engine in the style of Accounts v2."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from api.schemas.fields import Parameters, Text, Timestamp, refusal
from api.schemas.parse import INVALID_REQUEST
from api.schemas.queries import QueryItems, no_query
from onboarding.domain.errors import Refusal
from onboarding.storage.rollouts import Wave

MAX_PACKS = 50
MAX_WAVES = 20


def _yaml(text: object) -> object:
    """A pack may be longer than any other text: the body's own limit is enough."""
    if not isinstance(text, str) or "\x00" in text:
        raise refusal("parameter_invalid", "Must be a pack of rules, as YAML.")
    return text


def _packs(packs: dict[str, str]) -> dict[str, str]:
    if not 1 <= len(packs) <= MAX_PACKS:
        raise refusal("parameter_invalid", f"Must have 1 to {MAX_PACKS} packs.")
    return packs


def _share(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise refusal("parameter_invalid", "Must be a number, more than 0 and at most 1.")
    return float(value)


class PolicyPublish(Parameters):
    """``POST /v2/verification/policies``: packs by name, put together with those that ship."""

    name: Text
    packs: Annotated[
        dict[str, Annotated[str, BeforeValidator(_yaml)]],
        AfterValidator(_packs),
        Field(json_schema_extra={"minProperties": 1, "maxProperties": MAX_PACKS}),
    ]


class PolicyDryRun(Parameters):
    """``POST /v2/verification/policies/{id}/dry_run``."""

    at: Timestamp | None = None
    until: Timestamp | None = None


class RolloutWave(Parameters):
    """A part of the accounts."""

    share: Annotated[
        float,
        BeforeValidator(_share),
        WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
    ]
    starts_at: Timestamp
    transition_at: Timestamp


class PolicyRollOut(Parameters):
    """``POST /v2/verification/policies/{id}/roll_out``."""

    waves: Annotated[list[RolloutWave], Field(min_length=1, max_length=MAX_WAVES)]
    allow_restricting: bool = False
    from_name: Text | None = None


class RolloutChange(Parameters):
    """``POST /v2/verification/rollouts/{id}/pause``, ``/resume`` and ``/roll_back``: nothing but who asks."""


def waves_of(parameters: dict[str, Any]) -> list[Wave]:
    """The waves of a request."""
    return [
        Wave(wave["share"], datetime.fromisoformat(wave["starts_at"]), datetime.fromisoformat(wave["transition_at"]))
        for wave in parameters["waves"]
    ]


def instant_of(parameters: dict[str, Any], name: str) -> datetime | None:
    """A time of a request, None where it has none."""
    text = parameters.get(name)
    return datetime.fromisoformat(text) if text is not None else None


def against(query_items: QueryItems) -> str:
    """The query of a diff: ``against``, the id of the policy to compare with.

    Raises:
        Refusal: ``parameter_missing`` or ``parameter_unknown``.
    """
    items = list(query_items)
    no_query([(name, value) for name, value in items if name != "against"])
    found = [value for name, value in items if name == "against"]
    if not found:
        raise Refusal("parameter_missing", "This parameter is required.", param="against", type=INVALID_REQUEST)
    return found[-1]
