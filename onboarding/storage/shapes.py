"""The shape of an account as JSON: compact, canonical, and exact both ways.

::

    {"attributes": {"country": "us"},
     "activity": [["usd", "year", "2026", 150000]],                     absent if none was reported
     "closed": true,                                                    absent if false
     "facts": {"identity.business_details.phone": ["<digest>", "2026-01-02T03:04:05+00:00"]},
     "persons": [{"id": "person_1",
                  "roles": ["owner"],
                  "facts": {...},
                  "percent": "25.00",                                   absent if unsaid
                  "age": [[18, "2030-05-06T00:00:00+00:00"]]}],         absent if unknown; [] for an adult
     "requested": ["merchant.card_payments"]}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

import orjson

from onboarding.domain.policy import Announced
from onboarding.domain.state import (
    Acknowledgement,
    Age,
    Check,
    CheckState,
    Fact,
    Order,
    OrderKind,
    Person,
    Shape,
    State,
)


def encode_shape(shape: Shape) -> dict[str, Any]:
    """The shape as a JSON object; equal shapes give equal objects with keys and sets in one order."""
    encoded: dict[str, Any] = {
        "attributes": dict(sorted(shape.attributes.items())),
        "facts": _encoded_facts(shape.facts),
        "persons": [_encoded_person(person) for person in shape.persons],
        "requested": sorted(shape.requested),
    }
    if shape.closed:
        encoded["closed"] = True
    if shape.activity:
        encoded["activity"] = sorted([*period, total] for period, total in shape.activity.items())
    return encoded


def decode_shape(encoded: Mapping[str, Any]) -> Shape:
    """The shape that :func:`encode_shape` encoded; an empty object is an empty shape."""
    return Shape(
        attributes=encoded.get("attributes", {}),
        facts=_decoded_facts(encoded.get("facts", {})),
        persons=tuple(_decoded_person(person) for person in encoded.get("persons", ())),
        requested=frozenset(encoded.get("requested", ())),
        closed=encoded.get("closed", False),
        activity={(currency, kind, period): total for currency, kind, period, total in encoded.get("activity", ())},
    )


def encode_inputs(state: State, announced: Announced | None) -> dict[str, Any]:
    """What a decision was made from that no other row keeps as it was: open checks, orders, acknowledgements.

    Orders stand in the order in which they were read: the first rejection names the reason, and the first hold comes
    first among the requirements.

    ::

        {"checks": [["check_1", "screening", "account", "<digest>", "due", "<opened>", null, null, null]],
         "orders": [["ord_1", "hold", ...]],
         "acknowledgements": [["merchant.card_payments", true, "<at>"]],
         "announced": ["<hash of the policy>", "<transition at>"]}     absent if none was ahead
    """
    encoded: dict[str, Any] = {
        "checks": [_encoded_row(check) for check in sorted(state.checks, key=attrgetter("id"))],
        "orders": [_encoded_row(order) for order in state.orders],
        "acknowledgements": [
            _encoded_row(known) for known in sorted(state.acknowledgements, key=attrgetter("capability"))
        ],
    }
    if announced is not None:
        encoded["announced"] = [announced.policy.hash, announced.transition_at.isoformat()]
    return encoded


def decode_inputs(encoded: Mapping[str, Any], state: State) -> State:
    """The state with the checks, orders and acknowledgements that :func:`encode_inputs` encoded."""
    checks, orders, known = encoded["checks"], encoded["orders"], encoded["acknowledgements"]
    return replace(
        state,
        checks=tuple(Check(**_decoded_row(Check, row, state=CheckState)) for row in checks),
        orders=tuple(Order(**_decoded_row(Order, row, kind=OrderKind)) for row in orders),
        acknowledgements=tuple(Acknowledgement(**_decoded_row(Acknowledgement, row)) for row in known),
    )


def _decoded_row(row_type: type, values: list[Any], **enums: type) -> dict[str, Any]:
    """The fields that were stored; a field that was added since has its default."""
    decoded: dict[str, Any] = {}
    for field, value in zip(fields(row_type), values, strict=False):
        if value is not None and field.name in enums:
            decoded[field.name] = enums[field.name](value)
        elif value is not None and (field.name == "at" or field.name.endswith("_at")):
            decoded[field.name] = datetime.fromisoformat(value)
        else:
            decoded[field.name] = value
    return decoded


def _encoded_row(row: Check | Order | Acknowledgement) -> list[Any]:
    values = (getattr(row, field.name) for field in fields(row))
    return [value.isoformat() if isinstance(value, datetime) else value for value in values]


def canonical(document: object) -> bytes:
    """JSON text with sorted keys: equal documents give equal bytes, to be digested or stored."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def _encoded_person(person: Person) -> dict[str, Any]:
    encoded: dict[str, Any] = {
        "id": person.id,
        "roles": sorted(person.roles),
        "facts": _encoded_facts(person.facts),
    }
    if person.percent is not None:
        encoded["percent"] = str(person.percent)
    if person.age is not None:
        encoded["age"] = [[limit, reached.isoformat()] for limit, reached in person.age.ahead]
    return encoded


def _decoded_person(encoded: Mapping[str, Any]) -> Person:
    percent, age = encoded.get("percent"), encoded.get("age")
    return Person(
        id=encoded["id"],
        roles=frozenset(encoded["roles"]),
        facts=_decoded_facts(encoded["facts"]),
        percent=None if percent is None else Decimal(percent),
        age=None if age is None else Age(tuple((limit, datetime.fromisoformat(reached)) for limit, reached in age)),
    )


def _encoded_facts(facts: Mapping[str, Fact]) -> dict[str, list[str]]:
    return {path: [fact.digest, fact.supplied_at.isoformat()] for path, fact in sorted(facts.items())}


def _decoded_facts(encoded: Mapping[str, list[str]]) -> dict[str, Fact]:
    read = datetime.fromisoformat
    return {path: Fact(digest, read(supplied_at)) for path, (digest, supplied_at) in encoded.items()}
