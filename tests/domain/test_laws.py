"""The laws of the evaluation, over generated accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from onboarding.domain.capabilities import ACTIVE, DETERMINING, Status
from onboarding.domain.demands import Cause
from onboarding.domain.evaluate import Evaluation, evaluate
from onboarding.domain.policy import Falls, Policies, Rule, need_name
from onboarding.domain.requirements import future_requirements, requirements
from onboarding.domain.settle import play, settle
from onboarding.domain.state import ACCOUNT, Evidence, Fact, Mark, MarkKind, Order, OrderKind, Outcome, State
from tests.domain.generated import (
    ACCOUNT_LEAVES,
    LAWS,
    PERSON_LEAVES,
    Chance,
    accounts,
    activities,
    edited,
    on_policies,
    questions,
    view,
)
from tests.domain.stories import BUILTIN, CARD, DAY, MICROSECOND, START, TRANSFERS, World, mark_set, statuses

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
def test_every_stretch_between_wake_times_is_constant(account: Account) -> None:
    """What is far ahead, such as a birthday, is the next thing to happen only once all that is nearer has passed."""
    policies, state = account
    seen = evaluate(policies, state, START)
    for _ in range(15):
        state = state.with_marks(seen.new_marks)
        end = seen.wake_at or seen.as_of + 1000 * DAY

        last = evaluate(policies, state, end - MICROSECOND)

        assert (view(last), last.new_marks, last.wake_at) == (view(seen), (), seen.wake_at)
        if seen.wake_at is None:
            return
        seen = evaluate(policies, state, end)


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


@LAWS
@given(account=accounts())
def test_every_demand_has_the_name_of_a_need_of_its_rule(account: Account) -> None:
    policies, state = account
    names = {(rule.name, need_name(need)) for rule in policies.current.rules for need in rule.needs}

    found = evaluate(Policies(policies.current), state, START)

    assert {(opening.rule, opening.need) for opening, _ in found.demands} <= names


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


@LAWS
@given(account=accounts(), data=st.data())
def test_reading_the_rules_of_ones_own_kind_reads_all(account: Account, data: st.DataObject) -> None:
    """Leaving out what the attributes rule out is no more than a shortcut, of which the wake time tells nothing too."""
    policies, state = account
    countries = st.sampled_from(("US", "DE", "GB", "FR", "NO", "CA", "XX", ""))
    country = data.draw(st.one_of(st.just(state.shape.attributes.get("country", "")), countries))
    attributes = {**state.shape.attributes, "country": country}
    if not country:
        del attributes["country"]
    state = replace(state, shape=replace(state.shape, attributes=attributes))
    short = evaluate(policies, state, START)

    full = evaluate(on_policies(policies, edited), state, START)

    assert short == replace(full, policy=short.policy)


@LAWS
@given(account=accounts(), data=st.data())
def test_rows_say_the_same_in_any_order(account: Account, data: st.DataObject) -> None:
    policies, state = account
    first = evaluate(policies, state, START)
    parts = ("evidence", "checks", "orders", "marks", "acknowledgements")
    shuffled: Any = {part: tuple(data.draw(st.permutations(getattr(state, part)))) for part in parts}

    after = evaluate(policies, replace(state, **shuffled), START)

    assert after.capabilities == first.capabilities
    assert (after.demands, after.future, after.checks_due) == (first.demands, first.future, first.checks_due)
    assert set(after.superseded) == set(first.superseded)
    assert set(after.activations_due) == set(first.activations_due)
    assert {one.order.id: one.capabilities for one in after.inquiries} == {
        one.order.id: one.capabilities for one in first.inquiries
    }
    assert after.new_marks == first.new_marks
    assert after.wake_at == first.wake_at


@LAWS
@given(account=accounts(), data=st.data())
def test_persons_say_the_same_in_any_order(account: Account, data: st.DataObject) -> None:
    """But for the marks that are of a place among the persons: a question about several has no first one."""
    policies, state = account
    kept = (MarkKind.FIRST_ACTIVE, MarkKind.THRESHOLD)
    state = replace(state, marks=tuple(mark for mark in state.marks if mark.kind in kept))
    first = evaluate(policies, state, START)
    shuffled = tuple(data.draw(st.permutations(state.shape.persons)))

    other = replace(state.shape, persons=shuffled)
    after = evaluate(policies, replace(state, shape=other), START)

    assert set(questions(first.policy, other)) == set(questions(first.policy, state.shape))
    assert after.capabilities == first.capabilities
    assert set(after.checks_due) == set(first.checks_due)
    assert set(after.superseded) == set(first.superseded)
    assert after.activations_due == first.activations_due
    assert after.wake_at == first.wake_at
    for told in (requirements, future_requirements):
        assert _unordered(told("acct_1", after)) == _unordered(told("acct_1", first))
    assert {mark for mark in after.new_marks if mark.kind in kept} == {
        mark for mark in first.new_marks if mark.kind in kept
    }


def _unordered(document: Any) -> Any:
    """A document of which nothing says what came first."""
    if isinstance(document, dict):
        return {key: _unordered(value) for key, value in document.items()}
    return sorted(map(_unordered, document), key=repr) if isinstance(document, list) else document


@LAWS
@given(account=accounts(), data=st.data())
def test_what_was_crossed_stays_crossed(account: Account, data: st.DataObject) -> None:
    policies, state = account
    first = evaluate(policies, state, START)
    bound = [first.policy, *([] if (ahead := policies.ahead(START)) is None else [ahead.policy])]
    known = _crossed(state.marks)
    reached = {
        threshold.key
        for policy in bound
        for threshold in policy.thresholds
        for (currency, period, _), total in state.shape.activity.items()
        if (currency, period) == (threshold.currency, threshold.period) and total >= threshold.amount
    }
    assert _crossed(first.new_marks) == dict.fromkeys(reached - set(known), START)

    state = state.with_marks(first.new_marks)
    lower = {key: data.draw(st.integers(0, total)) for key, total in state.shape.activity.items()}
    later = evaluate(policies, _reporting(state, lower), START)
    assert view(later) == view(first)
    assert later.wake_at == first.wake_at
    assert later.new_marks == ()

    at = START + DAY * data.draw(st.integers(0, 200))
    grown = evaluate(policies, _reporting(state, data.draw(activities)), at)
    assert not set(_crossed(grown.new_marks)) & set(_crossed(state.marks))


def _crossed(marks: Iterable[Mark]) -> dict[str, datetime]:
    return {mark.key: mark.at for mark in marks if mark.kind is MarkKind.THRESHOLD}


def _reporting(state: State, activity: Mapping[tuple[str, str, str], int]) -> State:
    return replace(state, shape=replace(state.shape, activity=activity))


@LAWS
@given(account=accounts())
def test_the_first_clock_that_runs_out_decides(account: Account) -> None:
    """What each need does to each capability, of accounts whose clocks all begin with this look and nobody moves."""
    policies, state = account
    moving = (OrderKind.EXTEND_DEADLINE, OrderKind.OVERRIDE_CAPABILITY)
    state = replace(
        state,
        marks=tuple(mark for mark in state.marks if mark.kind is not MarkKind.DEADLINE),
        orders=tuple(order for order in state.orders if order.kind not in moving),
    )
    evaluation = evaluate(policies, state, START)
    crossed = {*_crossed(state.marks), *_crossed(evaluation.new_marks)}
    marks = (*state.marks, *evaluation.new_marks)
    was_active = {mark.key for mark in marks if mark.kind is MarkKind.FIRST_ACTIVE}

    for opening, impacts in evaluation.demands:
        assert [impact.capability for impact in impacts] == [one.capability for one in opening.restricts]
        for restriction, impact in zip(opening.restricts, impacts, strict=True):
            over = restriction.volume is not None and restriction.volume.key in crossed
            deadline = None
            blocks = over or restriction.falls is Falls.AT_REQUEST
            if opening.starts_at is not None and opening.starts_at > START:
                blocks = False
            elif opening.at_once:
                blocks = True
            elif restriction.capability in was_active:
                clocks = [restriction.grace, restriction.volume_grace if over else None]
                running = [clock for clock in clocks if clock is not None]
                if running and opening.cause is not Cause.PENDING:
                    deadline = START + min(running)
                blocks = deadline is not None and deadline <= START
            assert (impact.deadline, impact.blocks) == (deadline, blocks)


@LAWS
@given(account=accounts(), part=st.floats(0, 1))
def test_before_its_start_a_rule_takes_nothing_and_after_it_is_as_any_other(account: Account, part: float) -> None:
    policies, state = account
    starts = {
        rule.starts_at
        for policy in (policies.current, *([policies.announced.policy] if policies.announced else []))
        for rule in policy.rules
        if rule.starts_at is not None
    }
    at = START + part * 90 * DAY
    for instant in (START, at, *(start - MICROSECOND for start in starts), *starts):
        ahead = evaluate(policies, state, instant).capabilities

        def begun(rule: Rule, instant: datetime = instant) -> Rule | None:
            """The rule without its start, or none where that is ahead."""
            is_ahead = rule.starts_at is not None and rule.starts_at > instant
            return None if is_ahead else replace(rule, starts_at=None)

        assert evaluate(on_policies(policies, partial(edited, edit=begun)), state, instant).capabilities == ahead


@LAWS
@given(account=accounts(), days=st.integers(-90, 90))
def test_what_is_announced_decides_nothing_before_its_time_and_everything_after(account: Account, days: int) -> None:
    policies, state = account
    at = START + days * DAY
    evaluation = evaluate(policies, state, at)
    ahead = policies.ahead(at)
    alone = evaluate(Policies(policies.in_force(at)), state, at)

    assert evaluation.policy == (policies.current if ahead or policies.announced is None else policies.announced.policy)
    assert evaluation.capabilities == alone.capabilities
    assert evaluation.demands == alone.demands
    assert evaluation.findings == alone.findings
    assert evaluation.checks_due == alone.checks_due
    assert evaluation.superseded == alone.superseded
    assert evaluation.activations_due == alone.activations_due
    assert evaluation.transition_at == (ahead and ahead.transition_at)
    if ahead is None:
        assert evaluation == alone
        return
    assert evaluation.wake_at is not None
    assert evaluation.wake_at <= ahead.transition_at
    assert not any(impact.blocks for demand in evaluation.future for impact in demand.impacts)


@LAWS
@given(account=accounts(), days=st.integers(-90, 90))
def test_an_order_counts_from_its_start_to_its_end(account: Account, days: int) -> None:
    """One that is not in force is as good as none; one that holds keeps off all that it names."""
    policies, state = account
    at = START + days * DAY
    first = evaluate(policies, state, at)
    in_force = [
        order
        for order in state.orders
        if order.undone_at is None and order.starts_at <= at and (order.ends_at is None or order.ends_at > at)
    ]
    rechecks = [order for order in state.orders if order.kind is OrderKind.RECHECK]  # have no end: an answer is theirs
    kept = tuple(order for order in state.orders if order in in_force or order in rechecks)

    assert view(evaluate(policies, replace(state, orders=kept), at)) == view(first)
    for order in in_force:
        if order.kind in (OrderKind.HOLD, OrderKind.REJECT):
            held = [one for name, one in first.capabilities.items() if order.capability in (None, name)]
            assert all(one.status is not Status.ACTIVE for one in held)


@LAWS
@given(account=accounts(), days=st.integers(1, 90), capability=st.sampled_from((CARD, TRANSFERS, None)))
def test_an_override_lifts_demands_and_nothing_that_is_stronger(
    account: Account, days: int, capability: str | None
) -> None:
    """What stands worse without it is on until it ends, and nothing that it may not touch stands otherwise."""
    policies, state = account
    ends_at = START + days * DAY
    order = Order("ord_z", OrderKind.OVERRIDE_CAPABILITY, "other", "ops", START, ends_at, capability=capability)
    without = evaluate(policies, state, START)
    found = evaluate(policies, replace(state, orders=(*state.orders, order)), START)

    held = {name for inquiry in without.inquiries for name in inquiry.capabilities}
    listed = {
        impact.capability
        for opening, impacts in without.demands
        for impact in impacts
        if opening.sanctionable and impact.blocks
    }
    final = (Status.REJECTED, Status.UNSUPPORTED)
    for name, before in without.capabilities.items():
        stands = state.shape.closed or before.status in final or name in held | listed
        if stands or capability not in (None, name):
            assert found.capabilities[name] == before or name in listed  # of a hit only the detail may say less
            assert found.capabilities[name].status is not Status.ACTIVE or before.status is Status.ACTIVE
        else:
            assert found.capabilities[name] in (ACTIVE, DETERMINING)  # on, or on as soon as it is confirmed
            if name in _blocked(without):
                assert found.wake_at is not None
                assert found.wake_at <= ends_at
    for opening, impacts in found.demands:
        for impact in impacts:
            is_lifted = not opening.sanctionable and capability in (None, impact.capability)
            assert not (impact.blocks and is_lifted)
    new_first = {mark.key for mark in found.new_marks if mark.kind is MarkKind.FIRST_ACTIVE}
    assert not new_first & _blocked(without)


def _blocked(evaluation: Evaluation) -> set[str]:
    return {impact.capability for demand in evaluation.demands for impact in demand.impacts if impact.blocks}


@LAWS
@given(account=accounts(ordered=False), days=st.integers(1, 90))
def test_an_extension_moves_the_deadlines_that_ran_and_leaves_no_trace(account: Account, days: int) -> None:
    policies, state = account
    until = START + days * DAY
    state = state.with_marks(evaluate(policies, state, START - DAY).new_marks)
    order = Order("ord_z", OrderKind.EXTEND_DEADLINE, "other", "ops", START, until)
    extended = replace(state, orders=(order,))
    before, after = evaluate(policies, state, START), evaluate(policies, extended, START)

    # A mark says what the rule gave; the order moves what comes of it, also of marks that are set with it.
    assert after.new_marks == before.new_marks
    assert _deadlines(after) == {key: max(deadline, until) for key, deadline in _deadlines(before).items()}
    assert not any(impact.blocks for _, impacts in after.demands for impact in impacts if impact.deadline is not None)
    assert view(evaluate(policies, extended, until)) == view(evaluate(policies, state, until))

    later = START + DAY / 2
    new = evaluate(policies, extended, later).new_marks
    set_since = {mark.key: mark.at for mark in new if mark.kind is MarkKind.DEADLINE}
    for (key, capability), deadline in _deadlines(evaluate(policies, extended, later)).items():
        since = [at for name, at in set_since.items() if name.startswith(f"{key}|{capability}")]
        assert not since or deadline <= min(since)


def _deadlines(evaluation: Evaluation) -> dict[tuple[str, str], datetime]:
    return {
        (demand.opening.key, impact.capability): impact.deadline
        for demand in evaluation.demands
        for impact in demand.impacts
        if impact.deadline is not None
    }


def test_the_same_question_twice_gives_the_same_answer() -> None:
    state = State("acct_1")

    assert evaluate(BUILTIN, state, START) == evaluate(BUILTIN, state, START)
