"""Risk classes and periodic reviews: when they come due, what they ask, what they take, and how they end."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from onboarding.catalogue import compile_policy
from onboarding.catalogue.loader import builtin_bytes, policy_bytes
from onboarding.domain.demands import Cause
from onboarding.domain.evaluate import evaluate
from onboarding.domain.policy import Announced, Policies, Policy
from onboarding.domain.state import CheckState, MarkKind, OrderKind, Outcome, Shape
from tests.domain.stories import (
    CARD,
    DAY,
    ENTITY,
    MICROSECOND,
    SILENT,
    START,
    TERMS_DATE,
    Said,
    Story,
    World,
    individual,
    requesting,
)

ABOUT = ("identity.country", "identity.entity_type")
"""What the question for people is asked about."""
EMAIL = "identity.individual.email"
HELD = "restricted/restricted_other/contact_stripe"
PAST_DUE = "restricted/requirements_past_due/provide_info"
THRESHOLD = {"currency": "usd", "amount": 50_000, "period": "year"}
PERSON: dict[str, Any] = {"person": {"of": "individual", "fields": ["email"]}}


def risk_class(rank: int, every: int, grace: int, **parts: Any) -> dict[str, Any]:
    return {"rank": rank, "source": "test", "every_days": every, "grace_days": grace, "confirms": PERSON, **parts}


CLASSES = {
    "high": risk_class(
        1, 100, 10, when={"volume": THRESHOLD}, checks=["screening"], asks=["account_review"]
    ),
    "medium": risk_class(2, 200, 20, when={"structure": ["sole_proprietorship"]}, checks=["screening"]),
    "low": risk_class(3, 300, 30, checks=["screening"]),
}  # fmt: skip


def policy(classes: dict[str, Any]) -> Policy:
    document = json.loads(builtin_bytes())["document"]
    return compile_policy(policy_bytes("reviewed", 1, {**document, "risk": classes}))


REVIEWED = Policies(policy(CLASSES))


def story(world: World | None = None, shape: Shape | None = None, policies: Policies = REVIEWED) -> Story:
    return Story(shape or requesting(individual(account=(*ENTITY, *ABOUT)), CARD), world, policies)


def asked(told: Story, kind: str) -> int:
    return sum(due.kind == kind for due in told.world.asked)


def standing(told: Story) -> tuple[str, int, bool, Any]:
    """Class, number of the review, whether it is open, and the days from the start to when it came or comes due."""
    risk = told.evaluation.risk
    assert risk is not None
    return risk.known.name, risk.number, risk.is_open, risk.due_at and (risk.due_at - START) / DAY


def deadlines(told: Story) -> set[float]:
    return {
        (impact.deadline - START) / DAY
        for _, impacts in told.evaluation.demands
        for impact in impacts
        if impact.deadline is not None
    }


def test_a_review_comes_due_is_answered_and_comes_due_again() -> None:
    told = story()
    assert standing(told) == ("low", 1, False, 300)
    assert told.evaluation.wake_at == START + 300 * DAY
    assert asked(told, "screening") == 1

    told.wait(300 * DAY - MICROSECOND)
    assert (told.due, asked(told, "screening")) == ({}, 1)

    told.wait(MICROSECOND)
    assert told.due == {EMAIL: "currently_due"}
    assert told.summary == {"status": "currently_due", "time": "2027-01-25T12:00:00.000Z"}
    assert deadlines(told) == {330}
    assert told.capabilities[CARD] == "active"
    assert (standing(told), asked(told, "screening")) == (("low", 1, True, 300), 2)
    assert [demand.opening.cause for demand in told.evaluation.demands] == [Cause.EXPIRED]

    told.wait(10 * DAY).supply("email", of="person_i")
    assert (told.due, told.capabilities[CARD]) == ({}, "active")
    assert standing(told) == ("low", 2, False, 610)
    assert not [one for one in told.evaluation.findings if one.rule.startswith("risk.")]

    told.wait_until(START + 610 * DAY)
    assert told.due == {EMAIL: "currently_due"}
    assert (deadlines(told), asked(told, "screening")) == ({640}, 3)


def test_a_review_that_is_missed_takes_the_capability_and_gives_it_back() -> None:
    told = story().wait(330 * DAY - MICROSECOND)
    assert told.capabilities[CARD] == "active"

    told.wait(MICROSECOND)
    assert (told.capabilities[CARD], told.due) == (PAST_DUE, {EMAIL: "past_due"})

    told.wait(20 * DAY).supply("email", of="person_i")
    assert told.capabilities[CARD] == "active"
    assert standing(told) == ("low", 2, False, 650)


@pytest.mark.parametrize(("before", "is_open"), [(MICROSECOND, True), (0 * DAY, False)])
def test_what_was_supplied_before_a_review_came_due_confirms_nothing(before: Any, is_open: bool) -> None:  # noqa: FBT001
    told = story().wait(300 * DAY - before).supply("email", of="person_i").wait(before)

    assert standing(told)[:3] == (("low", 1, True) if is_open else ("low", 2, False))


def test_a_review_waits_for_its_answers_without_taking_anything() -> None:
    world = World()
    told = story(world)
    world.answers["screening"] = SILENT
    told.wait(300 * DAY).supply("email", of="person_i").wait(200 * DAY)

    assert (told.capabilities[CARD], told.due) == ("active", {})
    assert (standing(told), told.open_checks) == (("low", 1, True, 300), [("screening", "person_i", "due")])

    told.report("screening", Outcome.PASSED)
    assert standing(told) == ("low", 2, False, 800)


def test_an_answer_against_the_account_is_the_rules_to_judge_and_ends_the_review() -> None:
    world = World()
    told = story(world)
    world.answers["screening"] = Said(Outcome.FAILED, ("verification_failed_other",))
    told.wait(300 * DAY).supply("email", of="person_i")

    assert told.capabilities[CARD] == HELD
    assert standing(told)[1:3] == (2, False)


def test_a_class_is_the_first_that_has_the_account() -> None:
    sole = individual()
    sole = replace(sole, attributes={**sole.attributes, "structure": "sole_proprietorship"})
    told = story(shape=sole)
    assert standing(told) == ("medium", 1, False, 200)

    told.change_shape(activity={("usd", "year", "2026"): 50_000})
    assert standing(told) == ("high", 1, False, 100)


def test_a_stricter_class_makes_a_review_due_at_once_and_a_milder_one_leaves_it_open() -> None:
    told = story().wait(150 * DAY)
    told.order(OrderKind.SET_RISK_CLASS, target="high")
    assert standing(told) == ("high", 1, True, 150)
    assert (deadlines(told), told.due) == ({160}, {EMAIL: "currently_due"})

    told.wait(5 * DAY).undo_orders()
    assert standing(told) == ("low", 1, True, 150)
    assert (deadlines(told), told.due) == ({160}, {EMAIL: "currently_due"})  # a cycle has one deadline

    told.supply("email", of="person_i")
    assert standing(told) == ("low", 2, False, 455)


def test_the_newest_order_in_force_sets_the_class() -> None:
    told = story()
    told.order(OrderKind.SET_RISK_CLASS, target="high")
    told.wait(DAY).order(OrderKind.SET_RISK_CLASS, target="medium", ends_at=START + 3 * DAY)
    told.wait(DAY).order(OrderKind.SET_RISK_CLASS, target="no such class")
    assert standing(told)[0] == "medium"
    assert told.evaluation.wake_at == START + 3 * DAY

    assert standing(told.wait(DAY))[0] == "high"


def test_a_person_decides_about_a_review() -> None:
    world = World(answers={"account_review": Said(Outcome.INCONCLUSIVE, ("manual_verification",))})
    told = story(world).order(OrderKind.SET_RISK_CLASS, target="high").wait(100 * DAY).supply("email", of="person_i")
    assert told.open_checks == [("account_review", "account", CheckState.IN_REVIEW.value)]
    assert (standing(told), told.capabilities[CARD]) == (("high", 1, True, 100), "active")

    told.wait(2 * DAY).report("account_review", Outcome.PASSED)
    assert standing(told) == ("high", 2, False, 202)

    # The answer of the first review is none to the second one.
    told.wait(100 * DAY).supply("email", of="person_i")
    assert asked(told, "account_review") == 2
    assert standing(told)[2]
    told.report("account_review", Outcome.FAILED, "verification_failed_other")
    assert (told.capabilities[CARD], told.due, deadlines(told)) == ("active", {}, {212})
    told.wait(10 * DAY)
    assert told.capabilities[CARD] == HELD


def test_nobody_is_reviewed_before_a_first_activation_or_after_the_end() -> None:
    never = story(World(confirms=False)).wait(3000 * DAY)
    assert standing(never) == ("low", 1, False, None)

    closed = story().change_shape(closed=True).wait(3000 * DAY)
    assert closed.evaluation.risk is None
    assert not [mark for mark in closed.state.marks if mark.kind is MarkKind.REVIEW_DUE]


def test_a_policy_without_classes_reviews_nobody_and_one_that_is_announced_from_its_time_on() -> None:
    unreviewed = policy({})
    told = story(policies=Policies(unreviewed, Announced(REVIEWED.current, START + 400 * DAY)))
    assert told.evaluation.risk is None
    told.wait(400 * DAY - MICROSECOND)
    assert (told.due, told.future["entries"]) == ({}, [])

    told.wait(MICROSECOND)
    assert (standing(told), deadlines(told)) == (("low", 1, True, 400), {430})


def test_a_leaf_that_is_gone_is_missing_for_the_review_too() -> None:
    classes = {"low": {**CLASSES["low"], "confirms": {"terms": {"of": "account", "fields": [TERMS_DATE]}}}}
    told = story(policies=Policies(policy(classes))).wait(300 * DAY)
    assert [demand.opening.confirms for demand in told.evaluation.demands] == [True]

    told.unset(TERMS_DATE)
    assert [demand.opening.confirms for demand in told.evaluation.demands] == [False, False]
    assert told.due == {TERMS_DATE: "currently_due"}


def test_a_look_decides_the_same_again() -> None:
    told = story().wait(300 * DAY)

    again = evaluate(REVIEWED, told.state, told.now)

    assert again == replace(told.evaluation, new_marks=())
