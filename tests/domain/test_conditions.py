"""Conditions and volumes at their edges, read against shapes and small policies made for one line each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from onboarding.crypto import AccountKeys
from onboarding.domain.conditions import (
    AllOf,
    Always,
    Among,
    AnyOf,
    Condition,
    Crossed,
    HeldBy,
    Known,
    Not,
    OwnedBelow,
    Requested,
    Situation,
    Threshold,
    Younger,
)
from onboarding.domain.evaluate import evaluate
from onboarding.domain.horizon import Horizon
from onboarding.domain.policy import (
    Capability,
    CheckKind,
    Falls,
    FieldNeed,
    Policies,
    Policy,
    ProofNeed,
    Remedy,
    Restriction,
    Role,
    Rule,
)
from onboarding.domain.state import ACCOUNT, Age, Fact, MarkKind, Outcome, Person, Shape, State
from onboarding.door.draft import Draft, Subject
from tests.domain.stories import CARD, DAY, MICROSECOND, START, Story, World, facts, fails, mark_set, person, requesting

NOTHING = Shape()
MONTH = ("usd", "month", "2026-02")
LIMIT = Threshold("usd", 100_000, "month")
LEAF = "some.leaf"
ACTIVE = "active"
PAST_DUE = "restricted/requirements_past_due/provide_info"
WAITING = "pending/requirements_pending_verification/no_resolution"


def read(condition: Condition, shape: Shape = NOTHING, at: datetime = START) -> tuple[bool, datetime | None]:
    """Whether it holds, and until when what was read stays true."""
    horizon = Horizon(at)
    return condition.holds(Situation(shape, horizon, {})), horizon.holds_until


def holds(condition: Condition, shape: Shape = NOTHING) -> bool:
    """Of a condition that time does not change."""
    answer, until = read(condition, shape)
    assert until is None
    return answer


def among(*persons: Person) -> Shape:
    return Shape(persons=persons)


def aged(name: str, roles: str, *ahead: tuple[int, datetime]) -> Person:
    return person(name, roles, age=Age(ahead))


class TestThreshold:
    @pytest.mark.parametrize(("total", "reached"), [(99_999, False), (100_000, True), (100_001, True), (0, False)])
    def test_it_is_reached_at_the_amount(self, total: int, *, reached: bool) -> None:
        assert LIMIT.is_reached({MONTH: total}) is reached

    @pytest.mark.parametrize(
        "other", [("eur", "month", "2026-02"), ("usd", "year", "2026"), ("usd", "lifetime", "lifetime")]
    )
    def test_another_currency_or_kind_of_period_says_nothing(self, other: tuple[str, str, str]) -> None:
        assert not LIMIT.is_reached({other: 10**9})

    def test_any_period_of_its_kind_does(self) -> None:
        assert LIMIT.is_reached({MONTH: 1, ("usd", "month", "2019-07"): 100_000})

    def test_periods_are_not_added_up(self) -> None:
        assert not LIMIT.is_reached({MONTH: 60_000, ("usd", "month", "2026-01"): 60_000})

    def test_nothing_reported_reaches_nothing(self) -> None:
        assert not LIMIT.is_reached({})

    def test_its_key_tells_it_from_every_other(self) -> None:
        others = [Threshold("eur", 100_000, "month"), Threshold("usd", 100_000, "year"), Threshold("usd", 1, "month")]

        assert len({one.key for one in (LIMIT, *others)}) == 4


class TestCrossed:
    def test_it_is_what_was_crossed_and_not_what_is_reported(self) -> None:
        """A mark says so; the totals are read when the mark is made."""
        reported = Shape(activity={MONTH: 10**9})

        assert not holds(Crossed(LIMIT), reported)
        assert Crossed(LIMIT).holds(Situation(NOTHING, Horizon(START), {LIMIT.key: START}))
        assert not Crossed(LIMIT).holds(Situation(NOTHING, Horizon(START), {"usd|month|100001": START}))


class TestAttributes:
    def test_always_holds_and_its_opposite_never(self) -> None:
        assert holds(Always())
        assert not holds(Not(Always()))

    def test_among_needs_the_attribute(self) -> None:
        condition = Among("country", frozenset({"US", "CA"}))

        assert holds(condition, Shape(attributes={"country": "CA"}))
        assert not holds(condition, Shape(attributes={"country": "GB"}))
        assert not holds(condition)

    def test_known_is_of_attributes_and_of_the_accounts_leaves(self) -> None:
        assert holds(Known("country"), Shape(attributes={"country": "US"}))
        assert holds(Known("email"), Shape(facts=facts(["email"])))
        assert not holds(Known("email"), among(person("person_1", "owner", ["email"])))

    def test_requested_is_any_of_them(self) -> None:
        condition = Requested(frozenset({"a.one", "a.two"}))

        assert holds(condition, requesting(NOTHING, "a.two", "b.three"))
        assert not holds(condition, requesting(NOTHING, "b.three"))
        assert not holds(condition)


class TestPersons:
    def test_a_flag_is_held_by_anybody(self) -> None:
        condition = HeldBy("director")

        assert holds(condition, among(person("person_1", "owner"), person("person_2", "owner director")))
        assert not holds(condition, among(person("person_1", "owner")))
        assert not holds(condition)

    def test_shares_of_the_holders_are_added_up(self) -> None:
        half = person("person_1", "owner", percent=50)
        quarter = person("person_2", "owner director", percent=25)
        no_owner = person("person_3", "director", percent=90)
        unsaid = person("person_4", "owner")

        assert holds(OwnedBelow("owner", 75), among(half, no_owner, unsaid))
        assert not holds(OwnedBelow("owner", 75), among(half, quarter))
        assert holds(OwnedBelow("owner", 76), among(half, quarter))
        assert holds(OwnedBelow("owner", 1))

    def test_shares_are_exact(self) -> None:
        third = replace(person("person_1", "owner"), percent=Decimal("33.3"))
        owned = among(third, replace(third, id="person_2"), replace(third, id="person_3", percent=Decimal("33.4")))

        assert not holds(OwnedBelow("owner", 100), owned)


class TestYounger:
    BIRTHDAY = datetime(2026, 6, 9, tzinfo=UTC)
    SHAPE = among(aged("person_1", "owner", (18, BIRTHDAY), (21, BIRTHDAY.replace(year=2029))))

    def test_until_the_birthday_and_not_on_it(self) -> None:
        condition = Younger("owner", 18)

        assert read(condition, self.SHAPE) == (True, self.BIRTHDAY)
        assert read(condition, self.SHAPE, self.BIRTHDAY - MICROSECOND) == (True, self.BIRTHDAY)
        assert read(condition, self.SHAPE, self.BIRTHDAY) == (False, None)
        assert read(condition, self.SHAPE, self.BIRTHDAY + DAY) == (False, None)

    def test_the_opposite_begins_with_the_birthday(self) -> None:
        condition = Not(Younger("owner", 18))

        assert read(condition, self.SHAPE) == (False, self.BIRTHDAY)
        assert read(condition, self.SHAPE, self.BIRTHDAY) == (True, None)

    def test_a_limit_that_is_not_listed_was_reached_before(self) -> None:
        assert not holds(Younger("owner", 16), self.SHAPE)

    def test_of_another_role_and_of_an_unknown_age_nothing_is_said(self) -> None:
        assert not holds(Younger("representative", 18), self.SHAPE)
        assert not holds(Younger("owner", 18), among(person("person_1", "owner")))

    def test_one_is_enough_and_the_first_birthday_is_the_next_look(self) -> None:
        later = self.BIRTHDAY + 40 * DAY
        shape = among(aged("person_1", "owner", (18, later)), aged("person_2", "owner", (18, self.BIRTHDAY)))

        assert read(Younger("owner", 18), shape) == (True, self.BIRTHDAY)
        assert read(Younger("owner", 18), shape, self.BIRTHDAY) == (True, later)
        assert read(Younger("owner", 18), shape, later) == (False, None)

    @pytest.mark.parametrize(
        ("born", "years", "reached"),
        [
            (date(2010, 6, 9), 18, datetime(2028, 6, 9, tzinfo=UTC)),
            (date(2012, 2, 29), 16, datetime(2028, 2, 29, tzinfo=UTC)),
            (date(2008, 2, 29), 18, datetime(2026, 3, 1, tzinfo=UTC)),
            (date(2008, 2, 29), 21, datetime(2029, 3, 1, tzinfo=UTC)),
        ],
    )
    def test_who_was_born_on_29_february_comes_of_age_on_1_march_of_a_common_year(
        self, born: date, years: int, reached: datetime
    ) -> None:
        shape = made(born, datetime(2026, 2, 1, tzinfo=UTC))
        condition = Younger("owner", years)

        assert read(condition, shape, reached - MICROSECOND) == (True, reached)
        assert read(condition, shape, reached) == (False, None)

    def test_a_shape_made_on_the_birthday_does_not_list_it(self) -> None:
        birthday = datetime(2026, 3, 1, tzinfo=UTC)
        before, on = (made(date(2008, 2, 29), at) for at in (birthday - MICROSECOND, birthday))

        assert [person.age for person in on.persons] == [Age(((21, birthday.replace(year=2029)),))]
        assert read(Younger("owner", 18), before, birthday - MICROSECOND) == (True, birthday)
        assert read(Younger("owner", 18), on, birthday) == read(Younger("owner", 18), before, birthday) == (False, None)


def made(born: date, at: datetime) -> Shape:
    """The shape that the door makes at an instant of an account with one owner."""
    draft = Draft(
        record=None,
        account_id="acct_1",
        platform_id="plat_1",
        livemode=False,
        keys=AccountKeys(bytes(32), bytes(32)),
        policies=policies(),
        created_at=at,
        database_now=at,
        as_of=at,
    )
    birth_date = {"day": born.day, "month": born.month, "year": born.year}
    values = {"date_of_birth": birth_date, "relationship": {"owner": True}}
    draft.persons["person_1"] = Subject("person_1", values)
    draft.reshape()
    return draft.state.shape


class TestCombined:
    LATER = START + 9 * DAY
    MINOR = among(aged("person_1", "owner", (18, LATER)), aged("person_2", "director", (18, START + DAY)))

    def test_any_of_needs_one(self) -> None:
        assert holds(AnyOf((Not(Always()), Always())))
        assert not holds(AnyOf((Not(Always()), Not(Always()))))
        assert not holds(AnyOf(()))

    def test_all_of_needs_every_one(self) -> None:
        assert holds(AllOf((Always(), Always())))
        assert not holds(AllOf((Always(), Not(Always()))))
        assert holds(AllOf(()))

    def test_any_of_holds_as_long_as_its_first_that_is_true(self) -> None:
        """What comes after it can't change the answer before it does, so it is no reason to look."""
        either = AnyOf((Younger("owner", 18), Younger("director", 18)))

        assert read(either, self.MINOR) == (True, self.LATER)
        assert read(either, self.MINOR, self.LATER) == (False, None)

    def test_any_of_that_is_false_depends_on_every_part(self) -> None:
        either = AnyOf((Not(Younger("owner", 18)), Not(Younger("director", 18))))

        assert read(either, self.MINOR) == (False, START + DAY)
        assert read(either, self.MINOR, START + DAY) == (True, self.LATER)

    def test_all_of_that_is_false_holds_as_long_as_its_first_that_is_false(self) -> None:
        assert read(AllOf((Always(), HeldBy("nobody"), Younger("owner", 18))), self.MINOR) == (False, None)

    def test_any_of_among_others_is_read_with_them(self) -> None:
        country = Among("country", frozenset({"US"}))
        condition = AllOf((country, AnyOf((HeldBy("owner"), Requested(frozenset({CARD}))))))
        american = Shape(attributes={"country": "US"})

        assert not holds(condition, american)
        assert holds(condition, requesting(american, CARD))
        assert not holds(condition, requesting(NOTHING, CARD))
        assert holds(condition, replace(american, persons=(person("person_1", "owner"),)))


# --- policies of one rule ---------------------------------------------------------------------------------------------

FULL = CheckKind(
    name="register_match",
    inputs=("name", "owners_told"),
    requires=("name", "owners_told"),
    lasts=None,
    ask_again=False,
    report_within=3 * DAY,
    persons=(("owner", ("given_name", "surname")), ("director", ("given_name",))),
)
DECLARATION = ("declaration.date", "declaration.ip")
ASKED = {"name": "Company", "owners_told": "yes"}


def policies(*rules: Rule) -> Policies:
    thresholds = {one.volume.key: one.volume for rule in rules for one in rule.restricts if one.volume is not None} | {
        rule.when.threshold.key: rule.when.threshold for rule in rules if isinstance(rule.when, Crossed)
    }
    return Policies(
        Policy(
            name="test", version=1, hash="0", capabilities={CARD: Capability(CARD)},
            roles={"owners": Role("owners", "owner", "owners", complete_by="owners_told")},
            checks={FULL.name: FULL}, rules=rules, errors={}, age_limits=(16, 18, 21),
            thresholds=tuple(thresholds.values()),
        )
    )  # fmt: skip


def needing(
    falls: Falls = Falls.EVENTUALLY,
    *,
    grace: timedelta | None = None,
    volume: Threshold | None = None,
    volume_grace: timedelta = timedelta(),
    when: Condition | None = None,
    starts_at: datetime | None = None,
) -> Policies:
    """A policy that asks for one leaf."""
    restriction = Restriction(CARD, falls, grace, volume, volume_grace)
    return policies(Rule("rule", "test", ACCOUNT, when or Always(), (FieldNeed(LEAF),), (restriction,), starts_at))


def living(binding: Policies, activity: Mapping[tuple[str, str, str], int] | None = None) -> Story:
    return Story(Shape(requested=frozenset({CARD}), activity=activity or {}), policies=binding)


def wake(story: Story) -> datetime | None:
    return story.evaluation.wake_at


class TestVolume:
    def test_below_nothing_is_due(self) -> None:
        story = living(needing(volume=LIMIT), {MONTH: 99_999})

        assert story.due == {LEAF: "eventually_due"}
        assert story.capabilities == {CARD: ACTIVE}
        assert wake(story) is None

    @pytest.mark.parametrize("total", [100_000, 100_001])
    def test_at_it_the_need_is_due_at_once(self, total: int) -> None:
        story = living(needing(volume=LIMIT)).wait(DAY).change_shape(activity={MONTH: total})

        assert story.due == {LEAF: "past_due"}
        assert story.capabilities == {CARD: PAST_DUE}
        assert ("threshold", LIMIT.key, story.now, "") in story.marks()

    def test_what_was_never_active_has_no_grace(self) -> None:
        story = living(needing(volume=LIMIT, volume_grace=30 * DAY), {MONTH: 100_000})

        assert story.due == {LEAF: "past_due"}
        assert story.capabilities == {CARD: PAST_DUE}

    def test_another_currency_makes_nothing_due(self) -> None:
        story = living(needing(volume=LIMIT), {("eur", "month", "2026-02"): 10**9})

        assert story.capabilities == {CARD: ACTIVE}

    def test_its_grace_runs_from_the_crossing(self) -> None:
        story = living(needing(volume=LIMIT, volume_grace=7 * DAY)).wait(20 * DAY)
        story.change_shape(activity={MONTH: 100_000})
        ends = story.now + 7 * DAY

        assert story.due == {LEAF: "currently_due"}
        assert story.capabilities == {CARD: ACTIVE}
        assert wake(story) == ends
        assert story.wait_until(ends - MICROSECOND).capabilities == {CARD: ACTIVE}
        assert story.wait_until(ends).capabilities == {CARD: PAST_DUE}

    def test_a_later_grace_leaves_an_earlier_deadline(self) -> None:
        story = living(needing(Falls.AFTER_ACTIVATION, grace=10 * DAY, volume=LIMIT, volume_grace=7 * DAY))
        story.wait(8 * DAY).change_shape(activity={MONTH: 100_000})

        assert wake(story) == START + 10 * DAY

    def test_an_earlier_grace_brings_the_deadline_forward(self) -> None:
        story = living(needing(Falls.AFTER_ACTIVATION, grace=30 * DAY, volume=LIMIT, volume_grace=7 * DAY))
        story.wait(2 * DAY).change_shape(activity={MONTH: 100_000})

        assert wake(story) == START + 9 * DAY

    def test_a_corrected_total_takes_nothing_back(self) -> None:
        story = living(needing(volume=LIMIT, volume_grace=7 * DAY)).change_shape(activity={MONTH: 100_000})
        marks = story.marks()
        story.wait(DAY).change_shape(activity={MONTH: 0})

        assert story.marks() == marks
        assert story.due == {LEAF: "currently_due"}
        assert story.wait(6 * DAY).capabilities == {CARD: PAST_DUE}

    def test_supplying_it_activates_again(self) -> None:
        story = living(needing(volume=LIMIT), {MONTH: 100_000}).supply(LEAF)

        assert story.due == {}
        assert story.capabilities == {CARD: ACTIVE}

    def test_a_rule_may_begin_with_a_volume(self) -> None:
        story = living(needing(Falls.AFTER_ACTIVATION, grace=5 * DAY, when=Crossed(LIMIT)), {MONTH: 99_999})
        assert story.due == {}

        story.wait(DAY).change_shape(activity={MONTH: 100_000})
        assert story.due == {LEAF: "currently_due"}
        assert wake(story) == START + 6 * DAY

        assert story.change_shape(activity={}).due == {LEAF: "currently_due"}


class TestStart:
    STARTS = START + 20 * DAY

    def test_before_it_the_need_is_known_and_due_of_nobody(self) -> None:
        story = living(needing(Falls.AT_REQUEST, grace=5 * DAY, starts_at=self.STARTS))

        assert story.due == {LEAF: "eventually_due"}
        assert story.capabilities == {CARD: ACTIVE}
        assert wake(story) == self.STARTS
        assert not [mark for mark in story.state.marks if mark.kind is MarkKind.DEADLINE]

    def test_at_it_the_grace_begins(self) -> None:
        story = living(needing(Falls.AT_REQUEST, grace=5 * DAY, starts_at=self.STARTS))

        assert story.wait_until(self.STARTS - MICROSECOND).due == {LEAF: "eventually_due"}
        assert story.wait_until(self.STARTS).due == {LEAF: "currently_due"}
        assert wake(story) == self.STARTS + 5 * DAY
        assert story.wait(5 * DAY).capabilities == {CARD: PAST_DUE}

    @pytest.mark.parametrize("starts_at", [START, START - MICROSECOND, None])
    def test_after_it_a_rule_is_as_any_other(self, starts_at: datetime | None) -> None:
        story = living(needing(Falls.AT_REQUEST, grace=5 * DAY, starts_at=starts_at))

        assert story.due == {LEAF: "past_due"}
        assert story.capabilities == {CARD: PAST_DUE}

    def test_a_volume_crossed_before_it_counts_from_it_on(self) -> None:
        binding = needing(volume=LIMIT, volume_grace=3 * DAY, starts_at=self.STARTS)
        story = living(binding, {MONTH: 100_000})

        assert story.capabilities == {CARD: ACTIVE}
        story.wait_until(self.STARTS)
        assert story.due == {LEAF: "currently_due"}
        assert wake(story) == self.STARTS + 3 * DAY


def proving(*accepts: tuple[str, ...]) -> Policies:
    """A policy that asks one question about the account and its persons, and its declaration once that failed."""
    need = ProofNeed(FULL.name, (), ("owners_told",), {"*": Remedy(DECLARATION)}, accepts)
    restriction = Restriction(CARD, Falls.AT_REQUEST, 5 * DAY)
    return policies(Rule("rule", "test", ACCOUNT, Always(), (need,), (restriction,)))


def named(name: str, roles: str, **leaves: str) -> Person:
    return Person(name, frozenset(roles.split()), {path: Fact(value, START) for path, value in leaves.items()})


def of_persons(*persons: Person) -> Shape:
    known = {path: Fact(value, START) for path, value in ASKED.items()}
    return Shape(facts=known, persons=persons, requested=frozenset({CARD}))


def asked_about(*persons: Person) -> str:
    """What identifies the question about an account with these persons."""
    due = evaluate(proving(), State("acct_1", of_persons(*persons)), START).checks_due
    assert [(one.kind, one.subject) for one in due] == [(FULL.name, ACCOUNT)]
    return due[0].digest


class TestSeveralPersons:
    ANN = named("person_1", "owner", given_name="Ann", surname="Lee")
    BOB = named("person_2", "owner director", given_name="Bob", surname="Ray")

    def test_the_question_is_the_same_in_any_order(self) -> None:
        assert asked_about(self.ANN, self.BOB) == asked_about(self.BOB, self.ANN)

    def test_one_more_or_another_name_is_another_question(self) -> None:
        other = named("person_1", "owner", given_name="Anne", surname="Lee")

        assert len({asked_about(*one) for one in [(), (self.ANN,), (self.ANN, self.BOB), (other, self.BOB)]}) == 4

    def test_who_said_what_is_part_of_it(self) -> None:
        swapped = (replace(self.ANN, facts=self.BOB.facts), replace(self.BOB, facts=self.ANN.facts))

        assert asked_about(*swapped) != asked_about(self.ANN, self.BOB)

    def test_only_the_leaves_of_a_flag_that_is_held_count(self) -> None:
        director = named("person_3", "director", given_name="Cat", surname="Day")
        same = named("person_3", "director", given_name="Cat", surname="Fox", email="c")

        assert asked_about(director) == asked_about(same)
        assert asked_about(director) != asked_about(replace(director, roles=frozenset({"owner"})))
        assert asked_about(named("person_4", "executive", given_name="Dan")) == asked_about()

    def test_a_change_of_a_person_asks_anew(self) -> None:
        story = Story(of_persons(self.ANN), policies=proving())
        assert story.capabilities == {CARD: ACTIVE}

        story.world.otherwise = lambda _: fails("verification_failed_other")
        assert story.supply("email", of="person_1").due == {}
        assert story.supply("surname", of="person_1", value="Fox").due == dict.fromkeys(DECLARATION, "currently_due")
        assert len(story.world.asked) == 2


class TestAccepted:
    def story(self, *accepts: tuple[str, ...]) -> Story:
        shape = of_persons(TestSeveralPersons.ANN)
        return Story(shape, World({FULL.name: fails("verification_failed_other")}), proving(*accepts))

    def test_a_failure_raises_the_remedy(self) -> None:
        story = self.story(DECLARATION)

        assert story.due == dict.fromkeys(DECLARATION, "past_due")
        assert story.capabilities == {CARD: PAST_DUE}

    def test_a_declaration_settles_it(self) -> None:
        story = self.story(DECLARATION).supply(*DECLARATION)

        assert story.due == {}
        assert story.capabilities == {CARD: ACTIVE}
        assert len(story.world.asked) == 1

    def test_a_part_of_it_does_not(self) -> None:
        assert self.story(DECLARATION).supply(DECLARATION[0]).capabilities == {CARD: PAST_DUE}

    def test_any_group_does(self) -> None:
        assert self.story(("other.leaf",), DECLARATION).supply(*DECLARATION).capabilities == {CARD: ACTIVE}

    def test_what_no_group_names_does_not(self) -> None:
        assert self.story().supply(*DECLARATION).capabilities == {CARD: PAST_DUE}

    @pytest.mark.parametrize(("of", "path"), [(ACCOUNT, "name"), ("person_1", "surname")])
    def test_it_is_about_what_was_asked_and_not_about_what_comes_later(self, of: str, path: str) -> None:
        story = self.story(DECLARATION).supply(*DECLARATION).wait(DAY).supply(path, of=of, value="2")
        assert story.due == dict.fromkeys(DECLARATION, "currently_due")

        assert story.wait(DAY).supply(*DECLARATION, value="2").due == {}

    def test_made_together_with_what_is_asked_it_counts(self) -> None:
        """One request may bring both."""
        story = self.story(DECLARATION)
        story.wait(DAY).supply("name", *DECLARATION, value="2")

        assert story.capabilities == {CARD: ACTIVE}

    def test_it_does_not_stand_for_an_answer(self) -> None:
        story = Story(of_persons(), World({FULL.name: fails(after=DAY)}), proving(DECLARATION))
        story.supply(*DECLARATION)
        assert story.capabilities == {CARD: WAITING}

        assert story.wait(DAY).capabilities == {CARD: ACTIVE}
        assert [row.outcome for row in story.state.evidence] == [Outcome.FAILED]


def test_looking_at_a_volume_again_leaves_the_same() -> None:
    binding = needing(volume=LIMIT, volume_grace=7 * DAY)
    once, often = (living(binding).change_shape(activity={MONTH: 100_000}) for _ in range(2))

    for _ in range(9):
        often.wait(DAY)
    once.wait(9 * DAY)

    assert mark_set(often.state.marks) == mark_set(once.state.marks)
    assert often.capabilities == once.capabilities == {CARD: PAST_DUE}
