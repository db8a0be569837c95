"""Rounds of telling: whatever arrives late, twice or never, what is settled is what the receiver holds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onboarding.domain.activations import (
    Activation,
    ActivationState,
    Instruction,
    Rhythm,
    carried_out,
    desire,
    desires,
    instruct,
    is_current,
    outrun,
    refused,
    unanswered,
)
from onboarding.domain.state import OrderKind
from tests.domain.stories import CARD, CARD_PAYOUTS, DAY, START, Story, World, individual

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
STEPS = ("limits", "enable")
RHYTHM = Rhythm(SECOND, 900 * SECOND, 30 * SECOND, 300 * SECOND, DAY)


@dataclass
class Fenced:
    """The receiver as the contract wants it: which steps are in force, and the highest version that it obeyed.

    To what it has refused it says no again, however late it comes.
    """

    version: int = 0
    on: list[str] = field(default_factory=list)
    said_no: set[tuple[int, str]] = field(default_factory=set)

    def refuse(self, told: Instruction) -> None:
        self.said_no.add((told.version, told.step))

    def obey(self, told: Instruction) -> bool:
        """Whether it did; not where it has obeyed a higher version."""
        if told.version < self.version or (told.version, told.step) in self.said_no:
            return False
        self.version = told.version
        self.on = [step for step in self.on if step != told.step] + ([told.step] if told.on else [])
        return True


@dataclass
class Telling:
    """A row, its receiver, and the calls that are somewhere between them."""

    row: Activation | None = None
    is_acknowledged: bool = False
    now: datetime = NOW
    receiver: Fenced = field(default_factory=Fenced)
    under_way: list[Instruction] = field(default_factory=list)
    valid_until: datetime | None = None

    def desire(self, *, on: bool) -> None:
        if not on:
            self.is_acknowledged = False  # as the look does that decides it
        self.row = desire(
            self.row, CARD, on=on, valid_until=self.valid_until, is_acknowledged=self.is_acknowledged, now=self.now
        )

    def turn(self) -> Instruction | None:
        assert self.row is not None
        self.row, told = instruct(self.row, STEPS, RHYTHM, self.now)
        if told is not None:
            self.under_way.append(told)
        return told

    def hear(self, told: Instruction, answer: str) -> None:
        if self.row is None or not is_current(self.row, told):
            return
        match answer:
            case "done":
                self.row = carried_out(self.row, told, STEPS, RHYTHM, self.now)
            case "outrun":
                self.row = outrun(self.row, self.receiver.version, self.now)
            case "refused":
                is_on = self.is_acknowledged
                self.row = refused(self.row, told, "no", RHYTHM, self.now, is_acknowledged=is_on)
            case _:
                self.row = unanswered(self.row, answer, RHYTHM, self.now)
        if self.row.state is ActivationState.SETTLED and self.row.desired:
            self.is_acknowledged = True

    def tell(self, answer: str = "done") -> Instruction:
        """A turn whose call arrives, and whose answer is heard."""
        self.now += timedelta(days=2)
        told = self.turn()
        assert told is not None
        if answer == "done":
            answer = "done" if self.receiver.obey(told) else "outrun"
        self.hear(told, answer)
        return told

    def settle(self) -> None:
        for _ in range(40):
            assert self.row is not None
            if not self.row.is_owed:
                return
            self.tell()
        raise AssertionError(self.row)


def telling(*, on: bool = True) -> Telling:
    made = Telling()
    made.desire(on=on)
    return made


def test_late_answer_of_an_older_round_confirms_nothing_newer() -> None:
    story = telling()
    first = story.turn()
    assert first is not None
    story.desire(on=False)
    story.desire(on=True)
    assert story.row is not None
    before = story.row
    story.receiver.obey(first)
    story.hear(first, "done")
    assert story.row == before
    assert not story.is_acknowledged
    story.settle()
    assert (story.is_acknowledged, story.receiver.on) == (True, ["limits", "enable"])


def test_off_while_on_is_under_way_outranks_it_whichever_arrives_last() -> None:
    story = telling()
    story.tell()
    second = story.turn()  # enable: sent, and somewhere on the way
    story.desire(on=False)
    story.settle()
    assert story.receiver.on == []
    assert second is not None
    assert not story.receiver.obey(second)
    assert story.receiver.on == []


def test_nothing_is_called_to_take_back_what_was_never_told() -> None:
    story = telling()
    story.desire(on=False)
    assert story.row is not None
    assert (story.row.state, story.row.acknowledged, story.turn()) == (ActivationState.SETTLED, False, None)


def test_no_second_call_is_made_while_one_may_be_under_way() -> None:
    story = telling()
    assert story.turn() is not None
    story.now += RHYTHM.call - SECOND
    assert story.turn() is None
    story.now += SECOND
    assert story.turn() == replace(story.under_way[0], is_first=False)


def test_refused_step_has_the_steps_before_it_taken_back_and_is_told_again_later() -> None:
    story = telling()
    story.tell()
    story.tell("refused")
    assert story.row is not None
    assert (story.row.state, story.row.error_code, story.row.applied) == (ActivationState.UNDOING, "no", ("limits",))
    undo = story.tell()
    assert (undo.step, undo.on) == ("limits", False)
    assert (story.row.state, story.row.error_code) == (ActivationState.REFUSED, "no")
    assert story.receiver.on == []
    waits = []
    for _ in range(3):
        assert story.row.call_at is not None
        waits.append(story.row.call_at - story.now)
        story.tell()
        story.tell("refused")
        story.tell()
    assert waits == [RHYTHM.refused, 2 * RHYTHM.refused, 4 * RHYTHM.refused]
    story.settle()
    assert (story.is_acknowledged, story.row.refusals, story.row.error_code) == (True, 0, None)


def test_step_that_may_have_been_done_before_it_was_refused_is_taken_back_too() -> None:
    story = telling()
    story.tell()
    told = story.tell("timed_out")
    story.receiver.obey(told)  # it had arrived
    story.tell("refused")
    story.tell()
    story.tell()
    assert story.row is not None
    assert (story.receiver.on, story.row.state) == ([], ActivationState.REFUSED)


def test_refused_renewal_takes_nothing_away() -> None:
    story = telling()
    story.settle()
    story.valid_until = NOW + timedelta(days=9)
    story.desire(on=True)
    assert story.row is not None
    assert (story.row.version, story.row.is_owed) == (2, True)
    story.tell("refused")
    assert (story.row.state, story.receiver.on) == (ActivationState.REFUSED, ["limits", "enable"])
    assert story.is_acknowledged


def test_same_desire_again_tells_nothing() -> None:
    story = telling()
    story.settle()
    before = story.row
    story.desire(on=True)
    assert story.row == before


def test_what_went_off_and_on_again_between_two_looks_is_confirmed_anew() -> None:
    story = telling()
    story.settle()
    story.is_acknowledged = False  # a look that time owed decided it, and a later one the other way round
    story.desire(on=True)
    assert story.row is not None
    assert (story.row.version, story.row.is_owed) == (2, True)
    story.settle()
    assert story.is_acknowledged


def test_what_was_on_before_anybody_was_told_stays_on_and_is_told() -> None:
    story = Telling(is_acknowledged=True)
    story.desire(on=True)
    assert story.row is not None
    assert (story.row.acknowledged, story.row.acknowledged_version, story.row.is_owed) == (True, 0, True)
    story.tell("refused")
    assert story.is_acknowledged


def test_receiver_that_knows_a_future_that_the_database_has_lost_is_caught_up_with() -> None:
    story = telling()
    story.receiver.version = 7
    story.settle()
    assert story.row is not None
    assert (story.row.version, story.receiver.on) == (8, ["limits", "enable"])


def test_wait_after_unanswered_calls_grows_and_obeys_the_receiver() -> None:
    story = telling()
    waits = []
    for answer in ("away",) * 3:
        story.tell(answer)
        assert story.row is not None
        assert story.row.call_at is not None
        waits.append(story.row.call_at - story.now)
    assert waits == [SECOND, 2 * SECOND, 4 * SECOND]
    assert story.row is not None
    asked = unanswered(story.row, "busy", RHYTHM, story.now, timedelta(minutes=30))
    assert asked.call_at == story.now + timedelta(minutes=30)


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("desire"), st.booleans()),
        st.tuples(st.just("renew"), st.integers(1, 3)),
        st.tuples(st.just("tell"), st.sampled_from(("done", "refused", "lost", "never"))),
        st.tuples(st.just("late_or_twice"), st.integers(0, 5)),
        st.tuples(st.just("stale_answer"), st.sampled_from(("done", "refused", "away"))),
    ),
    max_size=25,
)


def happen(story: Telling, what: str, value: object) -> None:
    assert story.row is not None
    match what:
        case "desire":
            story.desire(on=bool(value))
        case "renew":
            story.valid_until = NOW + timedelta(days=int(str(value)))
            story.desire(on=story.row.desired)
        case "tell":
            call(story, str(value))
        case "stale_answer":
            before = story.row
            for told in [one for one in story.under_way if one.version < before.version]:
                story.hear(told, str(value))
                assert story.row == before
        case _ if story.under_way:  # late or twice
            story.receiver.obey(story.under_way[int(str(value)) % len(story.under_way)])


def call(story: Telling, end: str) -> None:
    told = story.turn()
    if told is None or end == "never":
        return
    if end == "refused":
        story.receiver.refuse(told)
        story.hear(told, "refused")
        return
    obeyed = story.receiver.obey(told)
    story.hear(told, "timed_out" if end == "lost" else "done" if obeyed else "outrun")


@given(ACTIONS)
@settings(max_examples=400)
def test_whatever_happens_on_the_way_the_receiver_ends_as_desired(actions: list[tuple[str, object]]) -> None:
    story = telling()
    versions = [0]
    for what, value in actions:
        story.now += timedelta(hours=30)
        happen(story, what, value)
        assert story.row is not None
        versions.append(story.row.version)
        if story.is_acknowledged:
            # Shown as on only where a round of on was carried out and nothing was taken back since.
            assert set(story.receiver.on) == set(STEPS)
    assert versions == sorted(versions)
    story.settle()
    assert story.row is not None
    for told in story.under_way:  # every call once more, as late as can be
        story.receiver.obey(told)
    assert set(story.receiver.on) == (set(STEPS) if story.row.desired else set())
    assert story.is_acknowledged is story.row.desired


# --- what is desired --------------------------------------------------------------------------------------------------


def desired(story: Story) -> dict[str, datetime | None]:
    return desires(story.evaluation, story.state)


@pytest.mark.parametrize("confirms", [True, False])
def test_capability_that_nothing_blocks_is_to_be_on_confirmed_or_not(confirms: bool) -> None:  # noqa: FBT001 -- a case
    story = Story(individual(), World(confirms=confirms))
    assert set(desired(story)) == {CARD, CARD_PAYOUTS}
    assert desired(story.order(OrderKind.HOLD, "suspicion", capability=CARD)).keys() == {CARD_PAYOUTS}


def test_approval_holds_until_the_first_evidence_expires_and_then_until_the_deadline() -> None:
    story = Story(individual())
    assert desired(story) == {CARD: None, CARD_PAYOUTS: None}
    *others, last = story.state.evidence
    story.change(evidence=(*others, replace(last, valid_until=START + 40 * DAY)))
    assert desired(story)[CARD] == START + 40 * DAY
    story.unset("email", of="person_i")
    assert desired(story)[CARD] == START + 30 * DAY
    story.supply("email", of="person_i")
    assert desired(story)[CARD] == START + 40 * DAY
