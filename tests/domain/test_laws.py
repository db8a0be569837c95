"""The laws of the evaluation, over generated accounts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from onboarding.domain.capabilities import Status
from onboarding.domain.evaluate import Evaluation, evaluate
from onboarding.domain.policy import Policies
from onboarding.domain.requirements import future_requirements, requirements
from onboarding.domain.settle import play, settle
from onboarding.domain.state import ACCOUNT, Evidence, Fact, Outcome, State
from tests.domain.generated import ACCOUNT_LEAVES, LAWS, PERSON_LEAVES, Chance, accounts, questions, view
from tests.domain.stories import BUILTIN, DAY, MICROSECOND, START, World, mark_set, statuses

# A failing account is long to print, and worth it.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

Account = tuple[Policies, State]


@LAWS
@given(account=accounts(), parts=st.lists(st.floats(0, 1), max_size=2))
def test_an_evaluation_is_constant_until_its_wake_time(account: Account, parts: list[float]) -> None:
    policies, state = account
    first = evaluate(policies, state, START)
    state = state.with_marks(first.new_marks)
    end = first.wake_at or START + 1000 * DAY
    assert end > START

    for instant in (*(START + part * (end - START) for part in parts), end - MICROSECOND):
        if instant >= end:
            continue
        later = evaluate(policies, state, instant)

        assert view(later) == view(first)
        assert later.new_marks == ()
        assert later.wake_at == first.wake_at


@LAWS
@given(account=accounts())
def test_adding_the_new_marks_changes_nothing(account: Account) -> None:
    policies, state = account
    first = evaluate(policies, state, START)

    second = evaluate(policies, state.with_marks(first.new_marks), START)

    assert view(second) == view(first)
    assert second.wake_at == first.wake_at
    assert second.new_marks == ()
    assert len({(mark.kind, mark.key) for mark in first.new_marks}) == len(first.new_marks)


def _settled(policies: Policies, state: State, world: World, looks: list[datetime]) -> tuple[State, Evaluation]:
    """The account after looking at each instant, the looks that time owed played before."""
    step = settle(policies, state, START, world)
    for instant in looks:
        for played in play(policies, step.state, step.evaluation.wake_at, instant, world):
            assert played.evaluation.wake_at is None or played.evaluation.wake_at > played.as_of
            step = played
        step = settle(policies, step.state, instant, world)
    return step.state, step.evaluation


@LAWS
@given(
    account=accounts(sealed=False),
    seed=st.integers(0, 10_000),
    spans=st.lists(st.integers(1, 120 * 24 * 60), min_size=2, max_size=3),
)
def test_looking_more_often_leaves_the_same(account: Account, seed: int, spans: list[int]) -> None:
    policies, state = account
    looks = sorted(START + timedelta(minutes=minutes) for minutes in spans)

    often, seen_often = _settled(policies, state, World(otherwise=Chance(seed)), looks)
    once, seen_once = _settled(policies, state, World(otherwise=Chance(seed)), looks[-1:])

    assert mark_set(often.marks) == mark_set(once.marks)
    assert statuses(seen_often) == statuses(seen_once)
    assert requirements("acct_1", seen_often) == requirements("acct_1", seen_once)
    assert future_requirements("acct_1", seen_often) == future_requirements("acct_1", seen_once)
    assert often == once


@LAWS
@given(account=accounts(ordered=False, sealed=False), seed=st.integers(0, 10_000), data=st.data())
def test_the_order_of_changes_before_the_first_activation_leaves_no_trace(
    account: Account, seed: int, data: st.DataObject
) -> None:
    policies, full = account
    full = State("acct_1", full.shape, full.evidence)
    leaves = [(ACCOUNT, path) for path in full.shape.facts]
    leaves += [(person.id, path) for person in full.shape.persons for path in person.facts]
    late = data.draw(st.lists(st.sampled_from(leaves), unique=True, max_size=4)) if leaves else []
    orders = (late, list(reversed(late)), data.draw(st.permutations(late)))

    ends = []
    for order in orders:
        world = World(otherwise=Chance(seed), confirms=False)
        state = replace(full, shape=_without(full, set(order)))
        state = settle(policies, state, START, world).state
        for place in range(len(order)):
            state = replace(state, shape=_without(full, set(order[place + 1 :])))
            step = settle(policies, state, START, world)
            state = step.state
        step = settle(policies, state, START, world)
        ends.append((requirements("acct_1", step.evaluation), statuses(step.evaluation), mark_set(step.state.marks)))

    assert ends[0] == ends[1] == ends[2]


def _without(state: State, missing: set[tuple[str, str]]) -> Any:
    def kept(subject: str, facts: Any) -> dict[str, Fact]:
        return {path: fact for path, fact in facts.items() if (subject, path) not in missing}

    shape = state.shape
    persons = tuple(replace(person, facts=kept(person.id, person.facts)) for person in shape.persons)
    return replace(shape, facts=kept(ACCOUNT, shape.facts), persons=persons)


def _row(name: str, about: Any, outcome: Outcome, **parts: Any) -> Evidence:
    reasons = () if outcome is Outcome.PASSED else ("verification_failed_other",)
    return Evidence(
        name, name, about.kind, about.subject, about.digest, outcome, reasons, "test", "1", START, START, **parts
    )


@LAWS
@given(account=accounts(), data=st.data())
def test_a_later_pass_never_switches_a_capability_off(account: Account, data: st.DataObject) -> None:
    policies, state = account
    first = evaluate(policies, state, START)
    asked = questions(first.policy, state.shape)
    assume(asked)
    seen = first.capabilities

    for place, about in enumerate(data.draw(st.permutations(asked))):
        valid_until = data.draw(st.none() | st.integers(1, 100).map(lambda days: START + days * DAY))
        row = _row(f"evid_new_{place}", about, Outcome.PASSED, valid_until=valid_until)
        state = replace(state, evidence=(*state.evidence, row))
        after = evaluate(policies, state, START).capabilities

        for name, status in seen.items():
            assert status.status is not Status.ACTIVE or after[name].status is Status.ACTIVE
        seen = after


@LAWS
@given(account=accounts(sealed=False))
def test_removing_what_blocks_a_capability_activates_it(account: Account) -> None:
    policies, state = account
    fresh = {path: Fact(f"{path}=fresh", START) for path in (*ACCOUNT_LEAVES, *PERSON_LEAVES)}
    fresh["identity.business_details.estimated_worker_count"] = Fact("1", START)
    persons = tuple(replace(person, facts=fresh, age=None) for person in state.shape.persons)
    attributes = {**state.shape.attributes, "country": "US", "entity_type": "company", "structure": "llc"}
    roles = {role for person in persons for role in person.roles}
    assume("representative" in roles)
    shape = replace(state.shape, facts=fresh, persons=persons, attributes=attributes, closed=False)

    after = settle(policies, replace(state, shape=shape, orders=()), START, World()).evaluation

    assert after.capabilities
    assert {status.status for status in after.capabilities.values()} == {Status.ACTIVE}


@LAWS
@given(account=accounts(), data=st.data())
def test_only_what_is_decisive_and_uncontested_changes_anything(account: Account, data: st.DataObject) -> None:
    policies, state = account
    first = evaluate(policies, state, START)
    asked = questions(first.policy, state.shape)
    assume(asked)
    weak = st.sampled_from((Outcome.INCONCLUSIVE, Outcome.UNAVAILABLE))
    contested = st.sampled_from((Outcome.PASSED, Outcome.FAILED))
    rows = [_row(f"evid_weak_{place}", about, data.draw(weak)) for place, about in enumerate(asked)]
    rows += [
        _row(f"evid_contested_{place}", about, data.draw(contested), contested=True)
        for place, about in enumerate(asked)
    ]

    after = evaluate(policies, replace(state, evidence=(*state.evidence, *rows)), START)

    assert view(after) == view(first)
    assert after.wake_at == first.wake_at


@LAWS
@given(account=accounts())
def test_every_answer_follows_the_contract(account: Account) -> None:
    """Closed vocabularies, details empty iff active, impacts on every entry, a time only where it may stand."""
    policies, state = account
    evaluation = evaluate(policies, state, START)

    for status in evaluation.capabilities.values():
        assert (status.code is None) == (status.resolution is None) == (status.status is Status.ACTIVE)
    documents = (requirements("acct_1", evaluation), future_requirements("acct_1", evaluation))
    for document in documents:
        keys = [(entry["description"], str(entry["reference"])) for entry in document["entries"]]
        assert len(set(keys)) == len(keys)
        assert len({entry["id"] for entry in document["entries"]}) == len(keys)
        for entry in document["entries"]:
            due = [one["deadline"]["status"] for one in entry["impact"]["restricts_capabilities"]]
            strictest = next(s for s in ("past_due", "currently_due", "eventually_due") if s in due)
            assert entry["minimum_deadline"] == {"status": strictest}
            assert entry["awaiting_action_from"] == "user" or strictest == "eventually_due"
        summary = document["summary"]["minimum_deadline"]
        assert (summary is None) == (not document["entries"])
        assert summary is None or summary["time"] is None or summary["status"] != "past_due"
    assert all(entry["minimum_deadline"]["status"] == "eventually_due" for entry in documents[1]["entries"])


def test_the_same_question_twice_gives_the_same_answer() -> None:
    state = State("acct_1")

    assert evaluate(BUILTIN, state, START) == evaluate(BUILTIN, state, START)
