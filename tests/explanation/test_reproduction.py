"""What is stored of a version is all that was decided from: decided again, it is the same to the last byte."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding import reproduction
from onboarding.derivation import Basis, Derivation
from onboarding.domain.evaluate import EVALUATOR_VERSION, Evaluation, evaluate
from onboarding.domain.policy import Policies
from onboarding.domain.state import Order, OrderKind, State
from onboarding.door.render import encode_evaluation
from onboarding.reproduction import Difference, Reproduction, Result, reproduce
from onboarding.storage.shapes import encode_inputs, encode_shape
from onboarding.storage.versions import StoredVersion, VersionRow
from tests.domain.generated import LAWS, accounts
from tests.domain.stories import BUILTIN, CARD, START, company

# A failing account is long to print, and worth it.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

Account = tuple[Policies, State]


def through_json(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


def stored_version(policies: Policies, state: State, evaluation: Evaluation) -> StoredVersion:
    """What the database gives back of an account at rest, its children in another order than they came in."""
    row = VersionRow(
        state.account_id,
        3,
        evaluation.as_of,
        through_json(encode_shape(state.shape)),
        through_json(encode_inputs(state, policies.ahead(evaluation.as_of))),
        through_json(encode_evaluation(state.account_id, evaluation)),
        evaluation.policy.hash,
        EVALUATOR_VERSION,
    )
    return StoredVersion(row, state.evidence[::-1], state.marks[::-1])


def bound_again(policies: Policies, stored: StoredVersion) -> Policies:
    """The policies as they are found by what is stored."""
    ahead = policies.ahead(stored.row.effective_at)
    assert stored.announced == (None if ahead is None else (ahead.policy.hash, ahead.transition_at))
    return Policies(policies.in_force(stored.row.effective_at), ahead)


@LAWS
@given(account=accounts(), wait=st.integers(0, 120 * 24 * 60))
def test_a_stored_version_is_reproduced_and_explained_as_it_was(account: Account, wait: int) -> None:
    policies, state = account
    at = START + timedelta(minutes=wait)
    state = state.with_marks(evaluate(policies, state, at).new_marks)
    fresh = evaluate(policies, state, at)

    stored = stored_version(policies, state, fresh)

    again = bound_again(policies, stored)
    assert reproduce(stored, again) == Reproduction(Result.REPRODUCED)
    made = Derivation(Basis(fresh.policy, state, encode_evaluation(state.account_id, fresh), at))
    read = Derivation(Basis(again.current, stored.state, stored.row.evaluation, at))
    for name in fresh.capabilities:
        assert through_json(read.explain(name).document) == through_json(made.explain(name).document)
        assert read.explain(name).orders == made.explain(name).orders


def _of(state: State) -> StoredVersion:
    return stored_version(BUILTIN, state, evaluate(BUILTIN, state, START))


def _bare_company() -> State:
    state = State("acct_1", company())
    return state.with_marks(evaluate(BUILTIN, state, START).new_marks)


def test_orders_are_kept_in_the_order_in_which_they_were_read() -> None:
    def rejection(order_id: str, reason: str) -> Order:
        return Order(order_id, OrderKind.REJECT, reason, "ops", START)

    state = replace(_bare_company(), orders=(rejection("ord_b", "listed"), rejection("ord_a", "other")))
    stored = _of(state)

    assert stored.row.evaluation["capabilities"][CARD]["status_details"][0]["code"] == "rejected_listed"
    assert stored.state.orders == state.orders
    assert reproduce(stored, BUILTIN).result is Result.REPRODUCED


def test_what_differs_is_named_from_the_outside_in() -> None:
    stored = _of(_bare_company())
    evaluation = {**stored.row.evaluation, "policy": "another", "extra": 1}
    evaluation["capabilities"] = {name: one for name, one in evaluation["capabilities"].items() if name != CARD}
    altered = replace(stored, row=replace(stored.row, evaluation=evaluation))

    found = reproduce(altered, BUILTIN)

    assert found.result is Result.DIFFERS
    now = stored.row.evaluation
    assert found.differences == (
        Difference(f"capabilities.{CARD}", None, now["capabilities"][CARD]),
        Difference("extra", 1, None),
        Difference("policy", "another", now["policy"]),
    )
    assert repr(found.differences[1]) == "Difference(path='extra')"


def test_at_most_ten_differences_are_told() -> None:
    stored = _of(_bare_company())
    emptied = replace(stored, row=replace(stored.row, evaluation={**stored.row.evaluation, "findings": []}))

    differences = reproduce(emptied, BUILTIN).differences

    assert [one.path for one in differences] == [f"findings[{place}]" for place in range(10)]


@pytest.mark.parametrize(("written_by", "expected"), [(0, "evaluator_changed"), (EVALUATOR_VERSION, "differs")])
def test_another_evaluator_may_say_something_else(written_by: int, expected: str) -> None:
    stored = _of(_bare_company())
    altered = replace(
        stored,
        row=replace(stored.row, evaluation={**stored.row.evaluation, "policy": ""}, evaluator_version=written_by),
    )

    assert reproduce(altered, BUILTIN).result.value == expected


def test_an_evaluator_that_stumbles_is_told_by_the_type_of_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: object) -> None:
        raise KeyError("a value")

    monkeypatch.setattr(reproduction, "evaluate", stumble)

    assert reproduce(_of(_bare_company()), BUILTIN).differences == (Difference("", None, "KeyError"),)


def test_a_version_from_before_inputs_were_stored_says_so() -> None:
    stored = _of(_bare_company())

    assert reproduce(replace(stored, row=replace(stored.row, inputs={})), BUILTIN) == Reproduction(
        Result.INPUTS_NOT_STORED
    )
