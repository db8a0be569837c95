"""The shape of an account as JSON: compact, canonical, and exact both ways.

::

    {"attributes": {"country": "us"},
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
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from onboarding.domain.state import Age, Fact, Person, Shape


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
    return encoded


def decode_shape(encoded: Mapping[str, Any]) -> Shape:
    """The shape that :func:`encode_shape` encoded; an empty object is an empty shape."""
    return Shape(
        attributes=encoded.get("attributes", {}),
        facts=_decoded_facts(encoded.get("facts", {})),
        persons=tuple(_decoded_person(person) for person in encoded.get("persons", ())),
        requested=frozenset(encoded.get("requested", ())),
        closed=encoded.get("closed", False),
    )


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
