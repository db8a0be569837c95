"""For each leaf of the SDK's parameters a request that says it, and nothing else that it needn't."""

from __future__ import annotations

import re
import types
from copy import deepcopy
from decimal import Decimal
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from typing_extensions import is_typeddict

from tests.contract.sdk import PARAMETERS, Leaf
from tests.support.samples import CONTROLLED

# By the end of a leaf's path; the first that fits counts.
_VALUES: tuple[tuple[str, Any], ...] = (
    (r"kana\.country|kanji\.country", "JP"),
    (r"kana\.postal_code|kanji\.postal_code", "1500001"),
    (r"kana\.descriptor", "ローゼンエンゲイ"),
    (r"kanji\.descriptor", "東京園芸店"),
    (r"kana\.prefix", "ローゼン"),
    (r"kanji\.prefix", "園芸"),
    (r"kana\.\w+", "トウキョウ"),
    (r"kanji\.\w+", "東京"),
    (r"additional_addresses\[\]\.country|shipping\.address\.country|support\.address\.country", "US"),
    (r"address\.country|identity\.country", "US"),
    (r"nationalities\[\]", "CA"),
    (r"postal_code", "94103"),
    (r"state", "CA"),
    (r"account\.date|declaration\.date|money_manager\.date", "2026-03-01T12:00:00.000Z"),
    (r"\.ip|ip_address", "203.0.113.7"),
    (r"fiscal_year_end", "2025-12-31"),
    (r"currency", "usd"),
    (r"locales\[\]", "de-DE"),
    (r"payout_methods", {"usd": "usba_test"}),
    (r"metadata", {"colour": "green"}),
    (r"email", "somebody@rosen-gardens.com"),
    (r"phone", "+14155550123"),
    (r"business_url|support\.url", "https://accessible.stripe.com"),
    (r"mcc", "5734"),
    (r"statement_descriptor\.descriptor", "ROSEN GARDENS"),
    (r"statement_descriptor\.prefix", "ROSEN"),
    (r"primary_color|secondary_color", "#336699"),
    (r"start_time", "09:00"),
    (r"end_time", "17:30"),
    (r"icon|logo|files\[\]|front|back", "file_identity_document_success"),
    (r"signer\.person", "person_1"),
    (r"date_of_birth\.day|registration_date\.day", 1),
    (r"date_of_birth\.month|registration_date\.month", 1),
    (r"date_of_birth\.year", 1902),
    (r"registration_date\.year", 2011),
    (r"business_details\.id_numbers\[\]\.type", "us_ein"),
    (r"business_details\.id_numbers\[\]\.value", "222222222"),
    (r"business_details\.id_numbers\[\]\.registrar", "Amtsgericht Bonn"),
    (r"id_numbers\[\]\.type", "us_ssn"),
    (r"id_numbers\[\]\.value", "222222222"),
    (r"structure", "single_member_llc"),
    (r"entity_type", "company"),
    (r"percent_ownership", "25.5"),
    (r"creditor_id", "DE98ZZZ09999999999"),
    (r"responsibilities\.(fees|losses)_collector", "application"),
    (r"dashboard", "none"),
    (r"test_clock", "clock_1"),
)
# What else a request must say, by the beginning of a leaf's path: all that fit.
_BESIDE: tuple[tuple[str, dict[str, Any]], ...] = (
    (r"(configuration\.(merchant|recipient)|dashboard|defaults\.responsibilities)", {**CONTROLLED}),
    (r"configuration\.(merchant|recipient)", {"identity.country": "US"}),
    (
        r"configuration\.merchant\.capabilities\.(cartes_bancaires|jcb)_payments",
        {"configuration.merchant.capabilities.card_payments": {"requested": True}},
    ),
    (r"configuration\.customer\.shipping", {"configuration.customer.shipping.name": None}),
    (r"configuration\.customer\.shipping", {"configuration.customer.shipping.address.city": None}),
    (r"identity\.individual", {"identity.country": "US", "identity.entity_type": "individual"}),
    (r"identity\.individual\.script_", {"identity.country": "JP"}),
    (r"identity\.business_details", {"identity.country": "US", "identity.entity_type": "company"}),
    (r"identity\.business_details\.script_", {"identity.country": "JP"}),
    (
        r"identity\.business_details\.id_numbers\[\]\.registrar",
        {
            "identity.country": "DE",
            "identity.business_details.id_numbers": [{"type": "de_hrn", "value": "HRB 12345", "registrar": ""}],
        },
    ),
    (r"(?!configuration\.customer).*\b(address|additional_addresses\[\])\.", {"@.country": "US"}),
    (r".*id_numbers\[\]\.(type|value)", {"@.type": None, "@.value": None}),
    (r".*(date_of_birth|registration_date)\.", {"@.day": None, "@.month": None, "@.year": None}),
    (r".*terms_of_service\.account\.", {"@.date": None, "@.ip": None}),
    (r".*(script_)?address(es)?\.(kana|kanji)\.", {"@.postal_code": None}),
    (r".*front_back\.back", {"@.front": "file_identity_document_success"}),
    (r".*(primary|secondary)_verification\.type", {"@.front_back.front": "file_identity_document_success"}),
    (r"additional_terms_of_service", {"relationship.legal_guardian": True}),
)


def value_of(leaf: Leaf) -> Any:
    """A value that is right for the leaf, and as its answer shows it."""
    for pattern, value in _VALUES:
        if re.search(rf"({pattern})$", leaf.path):
            return deepcopy(value)
    return _of_type(leaf.hint, leaf.name)


def _of_type(hint: Any, name: str) -> Any:
    if get_origin(hint) in {Union, types.UnionType}:
        return _of_type(get_args(hint)[0], name)
    if get_origin(hint) is Literal:
        return get_args(hint)[0]
    return {bool: True, int: 7, str: f"Some {name}", Decimal: "7"}[hint]


def request_for(kind: str, leaf: Leaf) -> dict[str, Any]:
    """A request of this kind (a key of ``PARAMETERS``) that says the leaf, with what must stand beside it."""
    request: dict[str, Any] = {}
    _put(request, _steps(leaf.path), value_of(leaf))
    _complete(request, PARAMETERS[kind], "")
    for pattern, beside in _BESIDE:
        if re.match(pattern, leaf.path):
            for path, value in deepcopy(beside).items():
                full = path.replace("@", leaf.path.rpartition(".")[0])
                said = value_of(Leaf(full, str)) if value is None else value
                if path == "identity.business_details.id_numbers":
                    said[0]["registrar"] = value_of(leaf)
                    request["identity"]["business_details"]["id_numbers"] = said
                elif kind.startswith("account") or not path.startswith("identity"):
                    _put(request, _steps(full), said, replace=path == "identity.country")
    return request


def together(requests: dict[str, dict[str, Any]]) -> list[tuple[dict[str, Any], list[str]]]:
    """The same said in fewer requests: each with the names of those that are in it, none of which says otherwise."""
    groups: list[tuple[dict[str, Any], list[str]]] = []
    for name, request in requests.items():
        for at, (known, names) in enumerate(groups):
            try:
                groups[at] = (_merged(known, request), [*names, name])
            except ValueError:
                continue
            break
        else:
            groups.append((request, [name]))
    return groups


def _merged(one: Any, other: Any) -> Any:
    """Both, or ``ValueError`` where they contradict each other."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {
            key: _merged(one[key], other[key])
            if key in one and key in other
            else deepcopy(one.get(key, other.get(key)))
            for key in [*one, *(key for key in other if key not in one)]
        }
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other) == 1:
        return [_merged(one[0], other[0])]
    if one != other:
        raise ValueError
    return one


def read(document: Any, path: str) -> Any:
    """What an answer says at a leaf's path: of lists the first item. Raises ``KeyError`` where a key is absent."""
    for step in _steps(path):
        if document is None:
            return None
        document = document[step]
    return document


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    for name in path.split("."):
        steps.append(name.removesuffix("[]"))
        if name.endswith("[]"):
            steps.append(0)
    return steps


def _put(node: Any, steps: list[str | int], value: Any, *, replace: bool = False) -> None:
    """Put a value at a place, making what leads there; what is there stays."""
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        empty: Any = value if after is None else [] if isinstance(after, int) else {}
        if isinstance(step, int):
            if not node:
                node.append(empty)
        elif step not in node or (after is None and replace):
            node[step] = empty
        if after is None and isinstance(node[step], dict) and isinstance(value, dict):
            node[step] = {**value, **node[step]}
        node = node[step]


def _complete(node: Any, hint: Any, path: str) -> None:
    """Add what the typed dicts on the way require."""
    while get_origin(hint) in {Union, types.UnionType}:
        hint = get_args(hint)[0]
    if isinstance(node, list):
        for item in node:
            _complete(item, get_args(hint)[0], f"{path}[]")
    elif isinstance(node, dict) and is_typeddict(hint):
        hints = get_type_hints(hint)
        for name in hint.__required_keys__ - node.keys():
            inner = f"{path}.{name}" if path else name
            if get_origin(hints[name]) is list:
                node[name] = [value_of(Leaf(f"{inner}[]", get_args(hints[name])[0]))]
            elif not is_typeddict(hints[name]):
                node[name] = value_of(Leaf(inner, hints[name]))
            else:
                node[name] = {}
        for name, inner_node in node.items():
            if name in hints:
                _complete(inner_node, hints[name], f"{path}.{name}" if path else name)


def pairs_of(leaf: Leaf) -> list[tuple[str, str]]:
    """The leaf as items of a query or a form, in the SDK's writing: ``created[gte]=…``, ``types[0]=…``."""
    first, *steps = _steps(leaf.path)
    said = value_of(leaf)
    text = {True: "true", False: "false"}.get(said, str(said)) if isinstance(said, bool) else str(said)
    return [(str(first) + "".join(f"[{step}]" for step in steps), text)]


def body_of(leaf: Leaf) -> dict[str, Any]:
    """The leaf alone, as a body of JSON."""
    body: dict[str, Any] = {}
    _put(body, _steps(leaf.path), value_of(leaf))
    return body
