"""Requests that are wrong in ways nobody thought of: refused or served, but never a fault of the server."""

from __future__ import annotations

import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import urlencode

import pytest
from stripe._encode import _api_encode

from tests.support.samples import BANK_ACCOUNT, COMPANY, RECIPIENT, RECIPIENT_DETAILS, REPRESENTATIVE, patched
from tests.support.serving import Platform

REQUESTS = 60

STRANGE: list[Any] = [
    None,
    "",
    " ",
    "\x00",
    "\u202eé",
    "x" * 6000,
    "١٢٣٤٥٦٧٨٩",
    "ﬀ",
    "NaN",
    "1e5",
    "http://[",
    "https://xn--",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    0,
    -1,
    1.5,
    2**63,
    1e308,
    True,
    [],
    [None],
    [{}],
    {},
    {"": 1},
    {"a": None},
]

PERSON = patched(
    REPRESENTATIVE,
    additional_names=[{"purpose": "alias", "full_name": "J. Rosen"}],
    additional_addresses=[{"purpose": "registered", "country": "US"}],
    documents={
        "primary_verification": {"type": "front_back", "front_back": {"front": "file_identity_document_success"}}
    },
    nationalities=["US"],
    metadata={"a": "b"},
)
ACCOUNT = patched(
    COMPANY,
    identity__business_details__registration_date={"day": 1, "month": 1, "year": 2020},
    identity__business_details__annual_revenue={"amount": {"value": 1, "currency": "usd"}},
    identity__business_details__documents={
        "proof_of_address": {"type": "files", "files": ["file_relationship_document_success"]}
    },
    configuration__merchant__support={"address": {"country": "US"}, "phone": "+14155550123"},
    configuration__merchant__branding={"icon": "file_identity_document_success", "primary_color": "#ffffff"},
    metadata={"a": "b"},
    include=["identity"],
)


def places(node: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from places(value, (*at, key))


def mutated(sample: Any, chance: random.Random) -> Any:
    """A copy with something strange in one to three places."""
    copy = deepcopy(sample)
    for _ in range(chance.choice([1, 1, 2, 3])):
        *parents, last = chance.choice(list(places(copy)) or [()]) or (None,)
        node = copy
        for key in parents:
            node = node[key]
        if last is not None:
            node[last] = deepcopy(chance.choice(STRANGE))
    return copy


@pytest.mark.parametrize("what", ["create", "update", "individual", "person", "person_update", "bank_account"])
def test_strange_values_are_no_fault_of_the_server(platform: Platform, what: str) -> None:
    accounts = platform.sdk().v2.core.accounts
    company, individual = accounts.create(COMPANY), accounts.create(RECIPIENT)
    person = accounts.persons.create(company.id, REPRESENTATIVE)
    path, sample = {
        "create": ("/v2/core/accounts", ACCOUNT),
        "update": (f"/v2/core/accounts/{company.id}", ACCOUNT),
        "individual": (f"/v2/core/accounts/{individual.id}", RECIPIENT_DETAILS),
        "person": (f"/v2/core/accounts/{company.id}/persons", PERSON),
        "person_update": (f"/v2/core/accounts/{company.id}/persons/{person.id}", PERSON),
        "bank_account": (f"/v1/accounts/{company.id}/external_accounts", {"external_account": BANK_ACCOUNT}),
    }[what]
    chance = random.Random(what)  # noqa: S311 -- the same requests every time

    for _ in range(REQUESTS):
        body = mutated(sample, chance)
        sent = {"content": urlencode(list(_api_encode(body)))} if what == "bank_account" else {"json": body}

        answer = platform.request("POST", path, **sent)

        assert answer.status_code in {200, 400}, body
        assert answer.status_code == 200 or answer.json()["error"]["code"]
    for account in (company, individual):
        assert platform.request("GET", f"/v2/core/accounts/{account.id}?include=identity").status_code == 200
