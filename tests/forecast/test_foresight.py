"""Two futures of generated accounts: played as the door plays time, and what is told of their difference."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from onboarding.catalogue import builtin_policy, compile_policy
from onboarding.catalogue.loader import builtin_bytes, policy_bytes
from onboarding.domain import foresight
from onboarding.domain.evaluate import Evaluation
from onboarding.domain.foresight import NOTHING, Difference, Foresight, Outlook
from onboarding.domain.policy import Announced, Policies, Policy
from onboarding.domain.settle import play
from onboarding.domain.state import Check, CheckState, Mark, MarkKind, State
from tests.domain.generated import EXPIRING, LAWS, STRICTER, accounts, view
from tests.domain.stories import (
    CARD,
    DAY,
    MCC,
    PERSON,
    SILENT,
    SSN,
    START,
    TERMS_DATE,
    Story,
    World,
    company,
    individual,
)

Account = tuple[Policies, State]

BUILTIN = builtin_policy()
AT = START + 10 * DAY
UNTIL = START + 100 * DAY


def made(*rules: dict[str, Any], **edits: Any) -> Policy:
    """The built-in policy with more rules, and without or with other parts of those it has."""
    document = json.loads(builtin_bytes())["document"]
    document["rules"] = [
        {**rule, **(edits.get(rule["name"]) or {})}
        for rule in document["rules"]
        if edits.get(rule["name"], rule) is not None
    ]
    document["rules"] += rules
    return compile_policy(policy_bytes("made", 1, document))


def asking(when: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A rule that asks every account it applies to for a leaf that none has."""
    restricts = {"capabilities": ["all"], "falls": "at_request", "grace_days": 20}
    return {
        "name": "made.worker_count",
        "source": "test",
        "of": "account",
        "when": when,
        "needs": ["identity.business_details.estimated_worker_count"],
        "restricts": [restricts],
        **parts,
    }


WORKERS = "identity.business_details.estimated_worker_count"
NARROW = made(asking({"country": ["US"], "structure": ["llc"]}))
WITHOUT_MCC = made(**{"us.mcc": None})
POLICIES = (BUILTIN, EXPIRING, STRICTER, NARROW, WITHOUT_MCC)


def outlook(story: Story, policies: Policies | None = None) -> Outlook:
    return Outlook(story.state, policies or story.policies, story.evaluation.wake_at, story.now)


def told(story: Story, target: Policy, at: datetime = AT, until: datetime = UNTIL) -> Difference:
    return Foresight(story.policies.current, target).difference(outlook(story), at, until)


# --- the same life as the door's --------------------------------------------------------------------------------------


@LAWS
@given(account=accounts(sealed=False))
def test_time_is_played_as_the_door_plays_it(account: Account) -> None:
    policies, state = account
    expected = list(play(policies, state, START, UNTIL, World(otherwise=lambda _: SILENT)))

    found = list(foresight._looks(policies, state, START, UNTIL))

    assert [one.as_of for _, one in found] == [step.as_of for step in expected]
    assert [shown(one) for _, one in found] == [shown(step.evaluation) for step in expected]
    for (after, _), step in zip(found, expected, strict=True):
        assert set(after.marks) == set(step.state.marks)
        assert questions(after) == questions(step.state)
        assert set(after.acknowledgements) == set(step.state.acknowledgements)


def shown(evaluation: Evaluation) -> dict[str, Any]:
    """All that can be read of a look; what is done at once is not owed after it."""
    seen = view(evaluation)
    return {name: seen[name] for name in ("capabilities", "requirements", "future", "policy", "findings")}


def questions(state: State) -> list[tuple[str, str, str]]:
    return sorted((check.kind, check.subject, check.digest) for check in state.checks)


@LAWS
@given(account=accounts(), target=st.sampled_from(POLICIES), current=st.sampled_from(POLICIES))
def test_what_is_not_played_would_not_have_differed(account: Account, target: Policy, current: Policy) -> None:
    seen = Foresight(current, target)
    seen_whole = Foresight(current, target)
    seen_whole._is_otherwise_for_all = True
    asked = Outlook(account[1], Policies(current), START, START)

    assert seen.difference(asked, AT, UNTIL) == seen_whole.difference(asked, AT, UNTIL)


@LAWS
@given(account=accounts(), current=st.sampled_from(POLICIES))
def test_the_same_policy_changes_nothing(account: Account, current: Policy) -> None:
    other = Foresight(current, replace(current, hash="of another version"))
    other._is_otherwise_for_all = True

    assert other.difference(Outlook(account[1], Policies(current), START, START), AT, UNTIL) == NOTHING


@LAWS
@given(account=accounts(), target=st.sampled_from(POLICIES), early=st.integers(1, 9))
def test_a_look_before_changes_no_forecast(account: Account, target: Policy, early: int) -> None:
    _, state = account
    seen = Foresight(BUILTIN, target)
    state = replace(state, checks=tuple(replace(check, answer_at=None) for check in state.checks))
    noted = START + early * DAY
    looked, wake_at = foresight._played(Policies(BUILTIN), state, START, noted)

    later = seen.difference(Outlook(looked, Policies(BUILTIN), wake_at, noted), AT, UNTIL)

    assert later == seen.difference(Outlook(state, Policies(BUILTIN), START, START), AT, UNTIL)


# --- what is told -----------------------------------------------------------------------------------------------------


def test_a_new_leaf_becomes_due_and_takes_the_capabilities_after_its_grace() -> None:
    found = told(Story(individual()), made(asking({"country": ["US"]})))

    assert found.becomes_due == (WORKERS,)
    assert (found.no_longer_due, found.rises, found.loses_active) == ((), (), True)
    assert dict(found.falls)[CARD] == AT + 20 * DAY
    assert len({instant for _, instant in found.falls}) == 1


def test_what_falls_after_the_end_is_not_told() -> None:
    found = told(
        Story(individual()), made(asking({"country": ["US"]})), until=AT + 20 * DAY - timedelta(microseconds=1)
    )

    assert (found.becomes_due, found.falls, found.loses_active) == ((WORKERS,), (), False)


def test_a_leaf_of_a_person_is_told_with_the_person() -> None:
    rule = asking({"country": ["US"]}, of="representative", needs=["relationship.director"])

    assert told(Story(company()), made(rule)).becomes_due == ("person_r:relationship.director",)


def test_a_rule_that_goes_ends_what_it_asked_and_took() -> None:
    story = Story(individual()).unset(MCC)
    deadline = next(mark.at for mark in story.state.marks if mark.kind is MarkKind.DEADLINE)

    found = told(story, WITHOUT_MCC)

    assert found.no_longer_due == (MCC,)
    assert dict(found.rises) == {CARD: deadline, "merchant.stripe_balance.payouts": deadline}
    assert (found.becomes_due, found.falls) == ((), ())


def test_what_was_only_eventually_due_becomes_due() -> None:
    eventually = made(asking({"country": ["US"]}, restricts=[{"capabilities": ["all"], "falls": "eventually"}]))
    story = Story(individual(), policies=Policies(eventually))

    found = told(story, made(asking({"country": ["US"]})))

    assert found.becomes_due == (WORKERS,)
    assert told(Story(individual(), policies=Policies(made(asking({"country": ["US"]})))), eventually) == Difference(
        no_longer_due=(WORKERS,), rises=tuple((name, AT) for name, _ in found.falls)
    )


def test_a_capability_that_never_was_active_falls_from_pending_or_not_at_all() -> None:
    story = Story(individual(PERSON[:-1]), World(otherwise=lambda _: SILENT))

    found = told(story, made(asking({"country": ["US"]})))

    assert found.becomes_due == (WORKERS,)
    assert (found.falls, found.loses_active) == ((), False)


def test_nobody_knows_what_a_sealed_answer_says() -> None:
    story = Story(individual())
    sealed = Check("check_1", "screening", "account", "0", CheckState.STARTED, START, answer_at=START + DAY)
    story.state = replace(story.state, checks=(sealed,))

    assert told(story, STRICTER) == told(Story(individual()), STRICTER)


def test_an_account_whose_own_time_is_later_changes_at_once() -> None:
    story = Story(individual()).wait(50 * DAY)

    found = told(story, made(asking({"country": ["US"]})))

    assert dict(found.falls)[CARD] == START + 70 * DAY


def test_an_end_before_the_accounts_own_time_tells_of_that_instant_only() -> None:
    story = Story(individual()).wait(200 * DAY)

    assert told(story, made(asking({"country": ["US"]}))) == Difference(becomes_due=(WORKERS,))


def test_an_announced_policy_gives_way_to_the_new_one() -> None:
    announced = Policies(BUILTIN, Announced(made(asking({"country": ["US"]})), START + 40 * DAY))
    story = Story(individual(), policies=announced)
    title = asking({"country": ["US"]}, of="individual", needs=["relationship.title"], name="made.title")
    asked = "identity.individual.relationship.title"

    found = told(story, made(title))

    assert (found.becomes_due, found.no_longer_due) == ((asked,), (WORKERS,))
    assert dict(found.falls)[CARD] == AT + 20 * DAY
    assert dict(found.rises) == {}, "restricted by one of them either way"


def test_what_an_announced_policy_would_have_begun_by_then_does_not_begin() -> None:
    stricter = made(asking({"country": ["US"]}))
    story = Story(individual(), policies=Policies(BUILTIN, Announced(stricter, START + 2 * DAY)))

    found = told(story, stricter)

    assert dict(found.rises)[CARD] == START + 22 * DAY, "its grace begins with the new transition"
    assert (found.becomes_due, found.falls) == ((), ())


def test_a_volume_counts_that_was_turned_over_before() -> None:
    volume = made(asking({"country": ["US"], "volume": {"currency": "usd", "amount": 100}}))
    much = {("usd", "lifetime", "lifetime"): 100}
    crossed = Mark(MarkKind.THRESHOLD, "usd|lifetime|100", START, START)
    corrected = Story(individual())
    corrected.state = corrected.state.with_marks([crossed])

    assert told(Story(individual()), volume) == NOTHING
    assert told(Story(replace(individual(), activity=much)), volume).becomes_due == (WORKERS,)
    assert told(corrected, volume).becomes_due == (WORKERS,)


def test_an_announced_policy_that_is_in_force_by_then_is_what_binds() -> None:
    stricter = made(asking({"country": ["US"]}))
    story = Story(individual(), policies=Policies(BUILTIN, Announced(stricter, START + DAY))).wait(2 * DAY)

    assert told(story, stricter) == NOTHING
    assert told(story, BUILTIN).no_longer_due == (WORKERS,)


def test_leaves_that_are_bound_to_each_other_stay_bound() -> None:
    assert told(Story(individual()), STRICTER).becomes_due == (WORKERS,)
    assert SSN not in told(Story(individual()), EXPIRING).becomes_due
    assert TERMS_DATE not in told(Story(individual()), EXPIRING).becomes_due
