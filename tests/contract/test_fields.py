"""Every parameter of accounts and persons that the SDK knows makes a round trip, or stands in a table with the reason.

Both ways: a line of the table about a parameter that does not exist, or that does make a round trip, fails too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contract.document import DIFFERS, LEFT_OUT, Row, rows
from tests.contract.samples import read, request_for, together, value_of
from tests.contract.sdk import ANSWERS, PARAMETERS, Leaf, answer_leaves, object_class, parameter_leaves
from tests.support.samples import ALL, BANK_ACCOUNT, BARE, COMPANY, REPRESENTATIVE, patched
from tests.support.serving import ApiServer, Platform, new_platform

# What to include is no field: it chooses what the answer holds, and every trip here says it.
LEAVES = [
    (kind, leaf)
    for kind, parameters in PARAMETERS.items()
    for leaf in parameter_leaves(parameters)
    if leaf.path != "include[]"
]
TABLE = rows("Fields")
ACCOUNTS = "/v2/core/accounts"

_ANNOUNCED = "future_requirements"
_ROLES = ("relationship", "additional_terms_of_service")
EXTRA_KEYS = {"identity.individual.livemode", "requirements.entries[].id", "future_requirements.entries[].id"}
"""Keys of answers that are this engine's own."""


@dataclass(frozen=True)
class Trip:
    """What came of a request: the status, and what is stored afterwards."""

    status: int
    code: str | None
    stored: Any
    bodies: str


class Trips:
    """Requests that say one leaf each, or many that don't contradict each other; sent once."""

    def __init__(self, caller: Platform) -> None:
        self.caller = caller
        self._known: dict[tuple[str, str], Trip] = {}
        self._stored: list[tuple[str, Any]] = []

    def of(self, kind: str, leaf: Leaf) -> Trip:
        """The trip that said the leaf. One of many that is refused is told by sending each alone."""
        if not any(known == kind for known, _ in self._known):
            ordinary = [
                one
                for of, one in LEAVES
                # Roles exclude each other.
                if of == kind and _row(kind, one) is None and not one.path.startswith(_ROLES)
            ]
            for request, paths in together({one.path: request_for(kind, one) for one in ordinary}):
                trip = self._sent(kind, request)
                if trip.status == 200:
                    self._known |= {(kind, path): trip for path in paths}
        if (kind, leaf.path) not in self._known:
            self._known[kind, leaf.path] = self._sent(kind, request_for(kind, leaf))
        return self._known[kind, leaf.path]

    def documents(self, kind: str) -> list[Any]:
        """What was stored by all requests of a kind."""
        for of, leaf in LEAVES:
            if of == kind:
                self.of(kind, leaf)
        return [document for of, document in self._stored if of == kind]

    def _sent(self, kind: str, request: Any) -> Trip:
        include = "?" + "&".join(f"include[{at}]={one}" for at, one in enumerate(ALL))
        at, shown = ACCOUNTS, ""
        if kind == "account update":
            # A location is validated once there is a customer.
            is_customer = "validate_location" in json.dumps(request)
            begun = {**BARE, "configuration": {"customer": {}}} if is_customer else BARE
            at = f"{ACCOUNTS}/{self.made(ACCOUNTS, begun)}"
            shown = at + include
        elif kind.startswith("person"):
            at = f"{ACCOUNTS}/{self.made(ACCOUNTS, {**BARE, 'identity': {'entity_type': 'company'}})}/persons"
            if request.get("relationship", {}).get("legal_guardian"):
                self.made(at, {"relationship": {"representative": True}})
            if kind == "person update":
                at = shown = f"{at}/{self.made(at, {'surname': 'Rosen'})}"
        answer = self.caller.request("POST", at, json=request)
        if answer.status_code != 200:
            return Trip(answer.status_code, answer.json()["error"]["code"], None, answer.text)
        shown = shown or f"{at}/{answer.json()['id']}" + (include if kind == "account create" else "")
        stored = self.caller.request("GET", shown)
        self._stored.append((kind, stored.json()))
        return Trip(200, None, stored.json(), answer.text + stored.text)

    def made(self, path: str, parameters: Any) -> str:
        """The id of a new object."""
        return str(self.caller.request("POST", path, json=parameters).json()["id"])


def _row(kind: str, leaf: Leaf) -> Row | None:
    """The line about a leaf, whose name begins with ``account`` or ``person``, or with either request's own name."""
    names = (f"{kind.partition(' ')[0]}: {leaf.path}", f"{kind}: {leaf.path}")
    found = [row for row in TABLE if any(row.is_about(name) for name in names)]
    assert len(found) < 2, f"{names[1]} stands in more than one line"
    return found[0] if found else None


@pytest.fixture(scope="module")
def trips(api: ApiServer) -> Trips:
    return Trips(api.run(new_platform(api)))


def _read_back(document: Any, leaf: Leaf) -> Any:
    """A capability that was requested has a status; everything else is shown as it was sent."""
    parent, _, name = leaf.path.rpartition(".")
    try:
        if name == "requested":
            return read(document, f"{parent}.status") is not None
        return read(document, leaf.path)
    except KeyError:
        return None


@pytest.mark.parametrize(
    ("kind", "leaf"), [pytest.param(kind, leaf, id=f"{kind}: {leaf.path}") for kind, leaf in LEAVES]
)
def test_every_field_makes_a_round_trip_or_is_told_why_not(trips: Trips, kind: str, leaf: Leaf) -> None:
    row, value = _row(kind, leaf), value_of(leaf)

    trip = trips.of(kind, leaf)

    found = _read_back(trip.stored, leaf)
    if row is None:
        assert (trip.status, trip.code, found) == (200, None, value)
    elif row.standing == LEFT_OUT:
        assert trip.code == "parameter_unknown"
    else:
        # Refused with the code that the line names, or accepted and shown by no answer.
        assert row.standing == DIFFERS
        assert found is None
        assert trip.code is None or f"`{trip.code}`" in row.why
        assert json.dumps(value) not in trip.bodies


def test_every_line_is_about_a_field_that_exists() -> None:
    names = {
        name for kind, leaf in LEAVES for name in (f"{kind.partition(' ')[0]}: {leaf.path}", f"{kind}: {leaf.path}")
    }
    names |= {f"{kind} answer: {path}" for kind, cls in ANSWERS.items() for path in answer_leaves(cls)}

    for row in TABLE:
        assert row.standing in {DIFFERS, LEFT_OUT}
        for name in row.names:
            assert any(Row((name,), "", "").is_about(one) for one in names), name


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def answers(trips: Trips) -> dict[str, list[Any]]:
    """Documents of accounts and persons that between them say everything there is to say."""
    caller = trips.caller
    wrong = {
        **REPRESENTATIVE,
        "id_numbers": [{"type": "us_ssn", "value": "111111111"}],
        "documents": {
            "primary_verification": {"type": "front_back", "front_back": {"front": "file_identity_document_failure"}}
        },
    }
    held = trips.made(ACCOUNTS, {**COMPANY, "configuration": {**COMPANY["configuration"], "recipient": {}}})
    trips.made(f"{ACCOUNTS}/{held}/persons", wrong)
    order = {"kind": "hold", "reason": "credit_review", "audience": "user"}
    trips.made(f"/v2/verification/accounts/{held}/orders", order)
    # Active, and asked for its tax ID again.
    asked = trips.made(
        ACCOUNTS, patched(COMPANY, identity__business_details__id_numbers=[{"type": "us_ein", "value": "111111111"}])
    )
    trips.made(f"{ACCOUNTS}/{asked}/persons", REPRESENTATIVE)
    caller.sdk().v1.accounts.external_accounts.create(asked, {"external_account": BANK_ACCOUNT})
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    clock = trips.made("/v2/verification/test_clocks", {"frozen_time": tomorrow.isoformat()})
    for account in (held, asked):
        caller.request("POST", f"/v2/verification/test_clocks/{clock}/attach", json={"account": account})
    included = "&".join(f"include[{at}]={one}" for at, one in enumerate(ALL))
    documents = [caller.request("GET", f"{ACCOUNTS}/{account}?{included}").json() for account in (held, asked)]
    return {
        "account": [*documents, *trips.documents("account create"), *trips.documents("account update")],
        "person": [*trips.documents("person create"), *trips.documents("person update")],
    }


@pytest.mark.parametrize("kind", sorted(ANSWERS))
def test_no_answer_lacks_a_key_that_the_sdk_reads_or_has_one_that_it_does_not_know(
    answers: dict[str, list[Any]], kind: str
) -> None:
    for document in answers[kind]:
        assert list(_wrong_keys(document, ANSWERS[kind], "")) == []


@pytest.mark.parametrize("kind", sorted(ANSWERS))
def test_everything_that_an_answer_can_say_is_said_by_some(answers: dict[str, list[Any]], kind: str) -> None:
    said = {path for document in answers[kind] for path in _said(document, "")}

    silent = {path for path in answer_leaves(ANSWERS[kind]) if path not in said and not path.startswith(_ANNOUNCED)}

    assert silent == {
        path for path in answer_leaves(ANSWERS[kind]) if any(row.is_about(f"{kind} answer: {path}") for row in TABLE)
    }


def test_what_is_announced_is_told_as_what_is_asked() -> None:
    """Accounts to which something is announced: ``tests/contract/test_test_values.py`` and ``tests/policies``."""
    asked, announced = (
        {path.removeprefix(section) for path in answer_leaves(ANSWERS["account"]) if path.startswith(section)}
        for section in ("requirements", _ANNOUNCED)
    )

    assert announced - asked == {".minimum_transition_date"}
    assert asked <= announced


def _wrong_keys(document: Any, cls: Any, path: str) -> Iterator[str]:
    """Keys that are missing, and keys that are too many, at any depth."""
    if isinstance(document, list):
        for item in document:
            yield from _wrong_keys(item, cls, f"{path}[]")
    elif isinstance(document, dict):
        known = {name for name in answer_leaves(cls) if "." not in name}
        for name in known ^ document.keys():
            full = f"{path}.{name}".removeprefix(".")
            if full not in EXTRA_KEYS:
                yield f"{'missing' if name in known else 'extra'}: {full}"
        for name in known & document.keys():
            inner = object_class(cls, name)
            if inner is not None:
                yield from _wrong_keys(document[name], inner, f"{path}.{name}".removeprefix("."))


def _said(document: Any, path: str) -> Iterator[str]:
    """Paths at which there is something, lists that may be empty included."""
    if isinstance(document, dict):
        for name, part in document.items():
            if part is not None:
                yield f"{path}.{name}".removeprefix(".")
                yield from _said(part, f"{path}.{name}".removeprefix("."))
    elif isinstance(document, list):
        for item in document:
            yield from _said(item, f"{path}[]")
