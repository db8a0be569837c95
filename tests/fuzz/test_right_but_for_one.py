"""Requests that are right but for one value: they get past every check of form, to where meaning is judged."""

from __future__ import annotations

from copy import deepcopy
from typing import Any
from urllib.parse import urlencode

import hypothesis
import jsonschema_rs
import pytest
from hypothesis import strategies as st

from tests.fuzz.conftest import FUZZ
from tests.fuzz.test_operations import few
from tests.support.samples import ALL, COMPANY, RECIPIENT, RECIPIENT_DETAILS, REPRESENTATIVE
from tests.support.walk import Walk, form_pairs, operation_of

ODD = (
    "",
    " ",
    "0",
    "-1",
    "null",
    "\x00",
    "\ud7ff\ue000",
    "a" * 5001,
    "1e400",
    "NaN",
    "9999-12-31T23:59:59.999999+00:00",
    "0001-01-01T00:00:00+14:00",
    "2026-02-30",
    "US",
    "DE",
    "JP",
    "acct_0000000000",
    "merchant.card_payments",
    "http://[::1",
    "a@b@c",
    "+999999999999999999",
    "00-0000000",
    "١٢٣",
)
"""Strings that some parser or other takes wrongly."""

STRINGS = st.one_of(st.text(max_size=12), st.sampled_from(ODD))
NUMBERS = st.one_of(
    st.integers(-2, 2),
    st.sampled_from((2**31, 2**53, 2**63 - 1, 2**63, 10**30, -(2**63))),
    st.floats(allow_nan=False, allow_infinity=False),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, STRINGS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(STRINGS, inner, max_size=3)),
    max_leaves=4,
)
ACCOUNT, PERSON = "/v2/core/accounts/{account_id}", "/v2/core/accounts/{account_id}/persons/{person_id}"
OURS = "/v2/verification"
INDIVIDUAL: Any = {**RECIPIENT, "identity": {**RECIPIENT["identity"], **RECIPIENT_DETAILS["identity"]}}
NUMBERED = {"external_account": {"object": "bank_account", "country": "US", "currency": "usd",
                                 "account_number": "000123456789", "routing_number": "110000000"}}  # fmt: skip
RIGHT: dict[str, tuple[str, Any]] = {
    "a company": ("/v2/core/accounts", {**COMPANY, "include": ALL}),
    "an individual": ("/v2/core/accounts", {**INDIVIDUAL, "include": ALL}),
    "a change of an account": (ACCOUNT, {**COMPANY, "metadata": {"shop": "7"}, "include": ALL}),
    "a person": (f"{ACCOUNT}/persons", {"given_name": "Tom", "surname": "Rosen", "relationship": {"director": True}}),
    "a change of a person": (PERSON, {**REPRESENTATIVE, "nationalities": ["US"], "metadata": {"desk": "7"}}),
    "a bank account": ("/v1/accounts/{account_id}/external_accounts", NUMBERED),
    "an order": (f"{OURS}/accounts/{{account_id}}/orders", {"kind": "hold", "reason": "credit_review", "ticket": "7",
                 "capability": "merchant.card_payments", "ends_at": "2099-01-01T00:00:00Z", "audience": "user"}),
    "a rejection": ("/v1/accounts/{account_id}/reject", {"reason": "other", "payouts_action": "none"}),
    "a report": (f"{OURS}/activity", {"id": "r", "account": "{account_id}", "currency": "usd",
                 "totals": [{"period": "2026", "amount": 1}, {"period": "lifetime", "amount": 2}]}),
    "a decision": (f"{OURS}/reviews/{{review_id}}/decide", {"decision": "failed", "reasons": []}),
    "a clock": (f"{OURS}/test_clocks", {"frozen_time": "2026-12-01T00:00:00Z", "name": "a year"}),
    "an advance": (f"{OURS}/test_clocks/{{clock_id}}/advance", {"frozen_time": "2027-01-20T00:00:00Z"}),
    "a roll-out": (f"{OURS}/policies/{{policy_id}}/roll_out", {"from_name": "builtin", "allow_restricting": False,
                   "waves": [{"share": 1.0, "starts_at": "2098-01-01T00:00:00Z",
                              "transition_at": "2099-01-01T00:00:00Z"}]}),
}  # fmt: skip
REMOVED = object()
FEW = 4


def places(body: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a body, objects and lists themselves too."""
    found = [path] if path else []
    if isinstance(body, dict):
        return found + [place for name, value in body.items() for place in places(value, (*path, name))]
    if isinstance(body, list):
        return found + [place for index, value in enumerate(body) for place in places(value, (*path, index))]
    return found


def changed(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    copy = deepcopy(body)
    node = copy
    for part in path[:-1]:
        node = node[part]
    if value is REMOVED:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return copy


@pytest.mark.parametrize("what", RIGHT)
def test_every_answer_is_described(what: str, walk: Walk, spare: dict[str, str]) -> None:
    path, body = filled(what, walk, spare)
    places_of_it = places(body)

    settings = (
        few(FUZZ, "roll_out_policy")
        if what == "a roll-out"
        else hypothesis.settings(FUZZ, max_examples=FUZZ.max_examples * 3)
    )

    @settings
    @hypothesis.given(place=st.sampled_from(places_of_it), value=st.one_of(VALUES, VALUES, st.just(REMOVED)))
    def ask(place: tuple[Any, ...], value: Any) -> None:
        check(walk, path, changed(body, place, value))

    ask()


@pytest.mark.parametrize("what", sorted(RIGHT.keys() - {"a roll-out"}))
def test_odd_strings_at_every_place(what: str, walk: Walk, spare: dict[str, str]) -> None:
    path, body = filled(what, walk, spare)
    found = places(body)
    # Of a large body each place gets one of them, in turn.
    step = 1 if len(found) <= FEW else len(ODD)
    for number, place in enumerate(found):
        for string in ODD[number % step :: step]:
            check(walk, path, changed(body, place, string))


def filled(what: str, walk: Walk, spare: dict[str, str]) -> tuple[str, Any]:
    """The path and the body of a right request, about objects that are there."""
    ids = spare if what == "a rejection" else walk.ids
    template, body = RIGHT[what]
    if what == "a report":
        body = {**body, "account": ids["account_id"]}
    return template.format(**ids), body


def check(walk: Walk, path: str, body: Any) -> None:
    """Send a request, and hold its answer against the description."""
    server = walk.platform.server
    before = server.count_rows()
    if path.startswith("/v1/"):
        form = urlencode(form_pairs(body), errors="surrogatepass")
        sent: dict[str, Any] = {"content": form, "headers": {"Content-Type": "application/x-www-form-urlencoded"}}
    else:
        sent = {"json": body}
    answer = walk.platform.request("POST", path, **sent)
    name = operation_of(walk.document, "POST", path)
    [described] = [
        one for methods in walk.document["paths"].values() for one in methods.values() if one["operationId"] == name
    ]
    response = described["responses"].get(str(answer.status_code))
    assert response is not None, (answer.status_code, answer.text, body)
    assert answer.status_code < 500, body
    if "$ref" in response:
        response = walk.document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schema = response["content"]["application/json"]["schema"]
    validator = jsonschema_rs.Draft202012Validator(
        {**schema, "components": walk.document["components"]}, validate_formats=True
    )
    problems = [f"{error.instance_path}: {error.message[:300]}" for error in validator.iter_errors(answer.json())]
    assert problems == [], body
    if answer.status_code != 200:
        assert server.count_rows() == before, body
