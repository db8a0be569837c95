"""What is owed to an account: when somebody must look at it, and when somebody is told so at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onboarding.clocks import Clocks
from onboarding.documents import rfc3339
from onboarding.domain.settle import Answer, Later
from onboarding.domain.state import OrderKind
from onboarding.engine import Engine, open_engine
from onboarding.settings import Settings
from onboarding.storage import book
from onboarding.storage import clocks as stored_clocks
from onboarding.storage.database import Reading
from onboarding.storage.rows import ClockAccountRow
from onboarding.temporal import NUDGE_DEADLINE, Nudger, Target
from onboarding.verifiers import sandbox
from onboarding.verifiers.port import Question
from onboarding.verifiers.registry import Verifiers
from onboarding.work import RUN_LEASE
from tests.stories.telling import ACTIVE, CARD, DAY, HOUR, PAST_DUE, START, Life, fetch, individual, new_caller, noting
from tests.support import samples
from tests.support.temporal import sweep

UNSET_MCC: Any = {"configuration": {"merchant": {"mcc": None}}}
RECIPIENT: Any = samples.patched(
    samples.RECIPIENT,
    identity={
        **samples.RECIPIENT_DETAILS["identity"], "country": "US", "entity_type": "individual",
    },
)  # fmt: skip
"""Complete: settled at once, if the bank account is there too."""


@dataclass
class Desk:
    """An engine whose nudges are kept. Whatever the sandbox is not to answer is a worker's."""

    engine: Engine
    nudged: list[str]
    unanswered: set[str] = field(default_factory=set)

    async def settled(self) -> Life:
        """An account with nothing open, whose run has ended."""
        life = await Life.now(self.engine, RECIPIENT)
        await life.pays_into()
        plan = await life.plan()
        assert (plan.done, plan.stage) == (True, "active")
        self.nudged.clear()
        return life

    async def collecting(self) -> Life:
        """An account that waits for its user, with a run that works on it."""
        life = await Life.now(self.engine, {**individual(), "identity": {"country": "US", "entity_type": "individual"}})
        plan = await life.plan()
        assert (plan.done, plan.stage, plan.waiting_for) == (False, "collecting", "user")
        self.nudged.clear()
        return life


@pytest.fixture
async def desk(settings: Settings) -> AsyncIterator[Desk]:
    nudged: list[str] = []
    unanswered: set[str] = set()
    verifier = sandbox.SandboxVerifier()

    class SomeSandbox:
        name, version = verifier.name, verifier.version

        def answer(self, question: Question) -> Answer | Later | None:
            return None if question.kind in unanswered else verifier.answer(question)

    verifiers = Verifiers(sandbox=SomeSandbox(), exempt=sandbox.is_test_value, bank_tokens=sandbox.BANK_TOKENS)
    engine = await open_engine(settings, verifiers=verifiers, nudge=noting(nudged))
    yield Desk(engine, nudged, unanswered)
    await engine.close()


async def database_now(engine: Engine) -> Any:
    async with engine.database.reading() as r:
        return await book.database_now(r)


def near(instant: Any, expected: Any) -> bool:
    return bool(abs(instant - expected) < timedelta(seconds=20))


@dataclass(frozen=True)
class ToReview:
    """What a worker does with a check that nobody answered."""

    cause = "check.attempt_heard"

    def apply(self, draft: Any) -> None:
        draft.open_review(draft.state.checks[0], "no_report")


# --- nudges -----------------------------------------------------------------------------------------------------------


async def test_renames_and_metadata_nudge_nobody(desk: Desk) -> None:
    for life in (await desk.settled(), await desk.collecting()):
        await life.supply(display_name="Another", metadata={"shelf": "7"})
        await life.put({"contact_email": "other@rosen-gardens.com"})
        await life.look()
        await life.account()
        assert desk.nudged == []


async def test_owed_work_nudges(desk: Desk) -> None:
    life = await desk.settled()
    desk.unanswered.add("address_match")
    await life.supply(identity__individual__address__line1="12 Ordinary Road")
    assert desk.nudged == [life.id]

    # Claimed, it is somebody's: no more nudges.
    plan = await life.plan()
    assert (len(plan.checks), plan.done) == (1, False)
    desk.nudged.clear()
    await life.supply(display_name="Another")
    assert desk.nudged == []
    assert (await life.plan("another")).checks == ()

    # Withdrawn: whoever works on it is told, once.
    desk.unanswered.clear()
    await life.supply(identity__individual__address__line1="address_full_match")
    assert desk.nudged == [life.id]
    await life.plan()
    desk.nudged.clear()
    await life.supply(display_name="Once more")
    assert desk.nudged == []


async def test_a_claimed_check_that_went_to_a_person_nudges_nobody_for_ever(desk: Desk) -> None:
    life = await desk.settled()
    desk.unanswered.add("address_match")
    await life.supply(identity__individual__address__line1="12 Ordinary Road")
    await life.plan()

    desk.nudged.clear()
    await life.engine.door.revise(life.id, ToReview())
    assert desk.nudged == [life.id]
    await life.plan()
    desk.nudged.clear()
    await life.supply(display_name="Another")
    await life.look()
    assert desk.nudged == []


@pytest.mark.parametrize("is_due", [False, True])
async def test_what_operators_see_nudges_while_somebody_works(desk: Desk, *, is_due: bool) -> None:
    life = await desk.collecting()
    if is_due:  # a time that comes while a run waits for it tells nobody
        await life.rows("UPDATE accounts SET look_at = clock_timestamp() - interval '1 second' WHERE id = $1", life.id)
    await life.supply(identity__individual=samples.RECIPIENT_DETAILS["identity"]["individual"])
    assert desk.nudged == [life.id]


async def test_what_a_run_shows_is_owed_until_it_has_looked_again(desk: Desk) -> None:
    """Whoever changed the account may have died before it said so, or Temporal was away."""
    life = await desk.collecting()
    await life.supply(identity__individual=samples.RECIPIENT_DETAILS["identity"]["individual"])
    now = await database_now(desk.engine)
    assert near((await life.row())["look_at"], now)

    # Nobody came. The sweep tells somebody again, later each time.
    assert life.id in await desk.engine.work.sweep(10_000)
    assert life.id not in await desk.engine.work.sweep(10_000)
    await life.look()
    assert (await life.row())["look_tries"] == 1

    # A look of the run's own is what was owed.
    plan = await life.plan()
    row = await life.row()
    assert (plan.done, plan.waiting_for) == (False, "user")
    assert row["look_at"] == row["run_lease_until"] > now + HOUR
    assert row["look_tries"] == 0


async def test_a_wake_time_that_comes_near_nudges(desk: Desk) -> None:
    life = await desk.settled()
    await life.supply(identity__individual__address__line1="12 Ordinary Road")  # answered in 5 s of real time
    assert desk.nudged == [life.id]
    plan = await life.plan()
    assert plan.wake_in is not None
    assert plan.wake_in <= timedelta(seconds=5)
    desk.nudged.clear()
    await life.supply(display_name="Another")
    assert desk.nudged == []


async def test_a_reader_of_an_account_that_is_behind_nudges(desk: Desk) -> None:
    life = await Life.begin(desk.engine)
    await life.put(individual())
    await life.put(UNSET_MCC)
    await life.plan()
    desk.nudged.clear()
    await life.passes(31 * DAY)
    await desk.engine.reader.document(life.caller, life.id)
    assert desk.nudged == [life.id]


# --- look_at ----------------------------------------------------------------------------------------------------------


async def test_look_at_is_now_while_something_is_owed_and_unclaimed(desk: Desk) -> None:
    life = await Life.now(desk.engine, individual())
    now = await database_now(desk.engine)
    assert near((await life.row())["look_at"], now)

    plan = await life.plan()
    row = await life.row()
    assert plan.done is False
    assert near(row["run_lease_until"], now + RUN_LEASE)
    assert row["look_at"] == row["run_lease_until"]

    # The claim ends without having been renewed: it is owed again, and the sweep finds it.
    past = now - HOUR
    await life.rows("UPDATE accounts SET run_lease_until = $2, look_at = $2 WHERE id = $1", life.id, past)
    await life.look()
    assert (await life.row())["look_at"] == past
    assert life.id in await desk.engine.work.sweep(10_000)
    assert life.id not in await desk.engine.work.sweep(10_000)
    assert (await life.row())["look_tries"] == 1


async def test_a_change_by_the_platform_ends_the_back_off(desk: Desk) -> None:
    life = await Life.now(desk.engine, individual())
    await desk.engine.work.sweep(10_000)
    backed_off = (await life.row())["look_at"]
    now = await database_now(desk.engine)
    assert backed_off > now + timedelta(minutes=5)

    await life.look()  # changes nothing: the back-off stands
    assert (await life.row())["look_at"] == backed_off

    await life.supply(display_name="Another")
    row = await life.row()
    assert row["look_tries"] == 0
    assert near(row["look_at"], now)


async def test_a_wake_time_does_not_wait_for_the_end_of_a_back_off(desk: Desk) -> None:
    life = await desk.settled()
    desk.unanswered.add("address_match")
    await life.supply(identity__individual__address__line1="12 Ordinary Road")
    released = await database_now(desk.engine) + timedelta(minutes=4)
    caller = await desk.engine.orders.operator(life.id, "ann")
    await desk.engine.orders.place(
        caller, life.id, None, kind=OrderKind.HOLD, reason="credit_review", ends_at=released
    )  # fmt: skip
    assert life.id in await desk.engine.work.sweep(10_000)
    assert (await life.row())["look_at"] > released

    await life.engine.door.revise(life.id, ToReview())
    assert near((await life.row())["look_at"], released)


async def test_look_at_is_the_wake_time_of_a_settled_account(desk: Desk) -> None:
    life = await desk.settled()
    row = await life.row()
    reviewed = row["wake_at"]
    assert row["look_at"] == reviewed > datetime.now(UTC) + 1000 * DAY  # its first review
    await life.supply(identity__individual__phone=None)
    await life.plan()
    row = await life.row()
    assert row["look_at"] == row["wake_at"] < reviewed


async def test_an_unsettled_account_falls_silent_after_thirty_days(desk: Desk) -> None:
    life = await Life.begin(desk.engine)
    await life.put(individual())  # payouts lack a bank account
    await life.comes(30 * DAY - HOUR)
    assert (await life.plan()).done is False
    await life.comes(30 * DAY)
    plan = await life.plan()
    assert (plan.done, plan.wake_in) == (True, None)
    assert (await life.row())["look_at"] is None
    await life.supply(display_name="Awake")
    assert (await life.plan()).done is False


async def test_an_account_on_a_clock_is_looked_at_for_owed_work_only(desk: Desk) -> None:
    life = await Life.begin(desk.engine)
    await life.put(RECIPIENT)
    await life.pays_into()
    await life.plan()
    await life.supply(identity__individual__phone=None)
    row = await life.row()
    assert row["wake_at"] == START + 30 * DAY
    assert row["look_at"] is None
    assert (await life.plan()).wake_in is None

    desk.unanswered.add("keyed_identity")
    await life.supply(identity__individual__given_name="Jane")
    assert near((await life.row())["look_at"], await database_now(desk.engine))
    assert len((await life.plan()).checks) == 1


async def test_a_new_temporal_storage_voids_every_claim(desk: Desk) -> None:
    life = await desk.collecting()
    desk.unanswered.add("screening")
    await life.supply(identity__individual=samples.RECIPIENT_DETAILS["identity"]["individual"])
    claimed = (await life.plan()).checks
    assert len(claimed) == 1
    assert (await life.plan("another")).checks == ()
    epoch = await fetch(desk.engine, "SELECT book_epoch, namespace_id FROM book")
    await desk.engine.work.meet_temporal("one")
    await life.plan()

    assert await desk.engine.work.meet_temporal("another") is True
    assert await desk.engine.work.meet_temporal("another") is False

    assert life.id in await desk.engine.work.sweep(10_000)
    assert (await life.plan()).checks == claimed
    assert (await life.plan("another")).checks == ()
    assert len(epoch) <= 1


# --- clocks that wait for workers -------------------------------------------------------------------------------------


async def test_a_clock_waits_for_owed_work_for_a_while_and_can_be_resumed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for patience in ("PATIENCE", "SWEEP_PATIENCE"):
        monkeypatch.setattr(f"onboarding.clocks.{patience}", timedelta(milliseconds=300))
    life = await Life.begin(desk.engine)
    await life.put(RECIPIENT)
    await life.pays_into()
    await life.supply(identity__individual__phone=None)
    desk.unanswered.add("address_match")
    await life.supply(identity__individual__address__line1="12 Ordinary Road")

    clocks: Clocks = desk.engine.clocks
    clock = await clocks.advance(life.caller, life.clock_id, START + 60 * DAY, None)
    assert clock["status"] == "advancing"
    assert (await life.statuses())["recipient.stripe_balance.stripe_transfers"] != ACTIVE  # the phone was due on day 30

    for _ in range(4):  # three reminders on the way, each an instant at which workers may do what they owe
        await clocks.resume_all()
    assert (await clocks.get(life.caller, life.clock_id))["status"] == "ready"
    assert (await clocks.get(life.caller, life.clock_id))["target_time"] is None


async def left_in_the_middle(life: Life, distance: timedelta) -> None:
    """An advance of whose process nothing is heard any more."""
    async with life.engine.database.transaction() as tx:
        await stored_clocks.start_advancing(tx, life.clock_id, life.start + distance)


async def test_an_advance_beyond_another_one_is_played_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    life = await Life.begin(desk.engine)
    await life.put(individual())
    await life.put(UNSET_MCC)  # due on day 30
    look = stored_clocks.accounts_on

    async def overtaken(r: Reading, clock_id: str) -> list[ClockAccountRow]:
        monkeypatch.setattr(stored_clocks, "accounts_on", look)
        found = await look(r, clock_id)
        await left_in_the_middle(life, 60 * DAY)
        return found

    monkeypatch.setattr(stored_clocks, "accounts_on", overtaken)
    clock = await desk.engine.clocks.advance(life.caller, life.clock_id, life.start + DAY, None)

    assert (clock["status"], clock["frozen_time"]) == ("ready", rfc3339(life.start + 60 * DAY))
    told = [(what, at) for what, at in await life.story() if what.startswith(f"{CARD} ")]
    assert told[-1] == (f"{CARD} {PAST_DUE}", "30 days, 0:00:00")


async def test_a_sweep_gives_clocks_so_much_time_and_no_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onboarding.clocks.SWEEP_PATIENCE", timedelta(seconds=1))
    first = await Life.begin(desk.engine)
    second = await Life.begin(desk.engine, first.caller)
    for life in (first, second):
        for _ in range(7):
            account_id = (await desk.engine.accounts.create(life.caller, {}, None)).account["id"]
            await desk.engine.clocks.attach(life.caller, life.clock_id, account_id, None)
        due = "UPDATE accounts SET wake_at = $2 WHERE test_clock_id = $1"
        await life.rows(due, life.clock_id, life.start + HOUR)
        await left_in_the_middle(life, 2 * HOUR)
    played: list[str] = []
    look = Clocks._look

    async def slow(clocks: Clocks, account_id: str, until: float = 0.0) -> bool:
        played.append(account_id)
        await asyncio.sleep(0.15)
        return await look(clocks, account_id, until)

    monkeypatch.setattr(Clocks, "_look", slow)
    for number in range(8):
        began = time.monotonic()
        await desk.engine.clocks.resume_all()
        assert time.monotonic() - began < 1.8
        if number == 0:
            on = "SELECT test_clock_id FROM accounts WHERE id = ANY($1)"
            assert {row[0] for row in await fetch(desk.engine, on, played)} >= {first.clock_id, second.clock_id}

    assert len(played) == len(set(played)) == 16
    for life in (first, second):
        clock = await desk.engine.clocks.get(life.caller, life.clock_id)
        assert (clock["status"], clock["frozen_time"]) == ("ready", rfc3339(life.start + 2 * HOUR))


class Watching(Nudger):
    """Sends nothing, and notes how a clock stands when a sweep nudges."""

    def __init__(self, life: Life) -> None:
        client: Any = None
        super().__init__(client, task_queue="", target=lambda *ids: Target(ids[-1], "changed"))
        self.life = life
        self.seen: dict[str, str] = {}

    async def send(self, target: Target, *, deadline: timedelta = NUDGE_DEADLINE) -> bool:
        assert deadline
        clock = await self.life.engine.clocks.get(self.life.caller, self.life.clock_id)
        self.seen[target.workflow_id] = clock["status"]
        return True


async def test_a_sweep_nudges_before_it_carries_on_with_clocks(desk: Desk) -> None:
    life = await Life.begin(desk.engine)
    other = await Life.now(desk.engine, individual())
    await other.rows("UPDATE accounts SET look_at = now(), look_tries = 0 WHERE id = $1", other.id)
    await left_in_the_middle(life, HOUR)
    nudger = Watching(life)

    await sweep(desk.engine, nudger)

    assert nudger.seen[other.id] == "advancing"
    clock = await desk.engine.clocks.get(life.caller, life.clock_id)
    assert (clock["status"], clock["frozen_time"]) == ("ready", rfc3339(life.start + HOUR))


async def test_one_account_of_a_sweep_is_that_of_another_platform(desk: Desk) -> None:
    """A platform with many due accounts does not starve the others."""
    await fetch(desk.engine, "UPDATE accounts SET look_at = NULL")
    many, few = await new_caller(desk.engine), await new_caller(desk.engine)
    for _ in range(4):
        await Life.now(desk.engine, individual(), many)
    last = await Life.now(desk.engine, individual(), few)
    assert last.id in await desk.engine.work.sweep(2)
    assert (await last.statuses())[CARD] == ACTIVE
