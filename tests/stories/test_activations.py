"""Capabilities that count only once the system downstream has confirmed them, told over real HTTP."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from onboarding.activations import Activations, Step
from onboarding.activators.http import HttpActivator
from onboarding.activators.port import Answer, Downstream
from onboarding.cli import app
from onboarding.domain.activations import ActivationState, Instruction
from onboarding.domain.errors import Refusal
from onboarding.domain.state import OrderKind
from onboarding.engine import Engine, open_engine
from onboarding.inspection import inspect
from onboarding.local.postgres import LocalPostgres
from onboarding.settings import Settings
from onboarding.storage import book, migrate
from tests.stories.telling import ACTIVE, CARD, DAY, DETERMINING, HOUR, PAST_DUE, Life, individual, new_caller, noting
from tests.support.details import rows
from tests.support.receiver import QUICK, SECRET, Receiver

STEPS = ("limits", "enable")
HELD = "restricted/restricted_other"
ON = [("limits", "open", 1), ("enable", "open", 1)]


class Crashed(Exception):  # noqa: N818 -- says what happened
    """Stands for the death of the process that made a call."""


class Watched:
    """The HTTP activator; before and after each call a test may let other things happen."""

    def __init__(self, address: str) -> None:
        self._inner = HttpActivator(address, [SECRET])
        self.before: list[Any] = []
        self.after: list[Any] = []
        self.told: list[Instruction] = []
        self._begun = asyncio.Condition()

    async def begun(self, calls: int) -> None:
        """Wait until so many calls were begun."""
        async with self._begun:
            await self._begun.wait_for(lambda: len(self.told) >= calls)

    async def tell(self, account_id: str, instruction: Instruction, *, livemode: bool) -> Answer:
        async with self._begun:
            self.told.append(instruction)
            self._begun.notify_all()
        if self.before:
            await self.before.pop(0)()
        answer = await self._inner.tell(account_id, instruction, livemode=livemode)
        if self.after:
            await self.after.pop(0)()
        return answer

    async def aclose(self) -> None:
        await self._inner.aclose()


@dataclass
class Desk:
    """An engine whose sandbox accounts are told downstream, and the process that is told."""

    engine: Engine
    receiver: Receiver
    activator: Watched
    nudged: list[str] = field(default_factory=list)

    async def pending(self) -> Life:
        """An account that nothing blocks, and that nobody has confirmed."""
        life = await Life.now(self.engine, individual())
        await life.pays_into()
        assert set((await life.statuses()).values()) == {DETERMINING}
        return life

    async def active(self) -> Life:
        life = await self.pending()
        await self.settle(life)
        assert (await life.statuses())[CARD] == ACTIVE
        return life

    async def step(self, life: Life, capability: str = CARD) -> Step:
        return await self.engine.activations.advance(life.id, capability)

    async def settle(self, life: Life, capability: str = CARD, within: float = 10.0) -> None:
        until = asyncio.get_running_loop().time() + within
        while (step := await self.step(life, capability)).wait is not None:
            assert asyncio.get_running_loop().time() < until, step
            await asyncio.sleep(min(step.wait.total_seconds(), 0.3))

    async def settle_all(self, life: Life) -> None:
        for row in await life.rows("SELECT capability FROM activations WHERE account_id = $1", life.id):
            await self.settle(life, row["capability"])

    async def until(self, life: Life, state: ActivationState, within: float = 10.0) -> Any:
        end = asyncio.get_running_loop().time() + within
        while (row := await self.row(life))["state"] != state:
            assert asyncio.get_running_loop().time() < end, dict(row)
            step = await self.step(life)
            await asyncio.sleep(min(step.wait.total_seconds(), 0.3) if step.wait else 0.01)
        return row

    async def hold(self, life: Life) -> Any:
        caller = await self.engine.orders.operator(life.id, "ann")
        kind, reason = OrderKind.HOLD, "credit_review"
        return await self.engine.orders.place(caller, life.id, None, kind=kind, reason=reason, capability=CARD)

    async def release(self, life: Life, order: Any) -> None:
        caller = await self.engine.orders.operator(life.id, "ann")
        await self.engine.orders.undo(caller, life.id, order["id"], None)

    async def row(self, life: Life) -> Any:
        [row] = await life.rows("SELECT * FROM activations WHERE account_id = $1 AND capability = $2", life.id, CARD)
        return row

    async def now(self) -> datetime:
        async with self.engine.database.reading() as r:
            return await book.database_now(r)

    def switch(self, life: Life) -> Any:
        return self.receiver.switches(life.id).get(CARD, {"parts": []})

    async def healthy(self, life: Life) -> None:
        assert (await inspect(self.engine.database, self.engine.ring, account_id=life.id)).findings == ()


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with Receiver(tmp_path_factory.mktemp("receiver") / "state") as receiver:
        yield receiver


@pytest.fixture
async def desk(settings: Settings, process: Receiver) -> AsyncIterator[Desk]:
    process.http.delete("/_control/faults")
    activator = Watched(process.address)
    downstream = Downstream(activator, STEPS, serve_sandbox=True)
    nudged: list[str] = []
    engine = await open_engine(settings, downstream=downstream, nudge=noting(nudged))
    engine = replace(engine, activations=Activations(engine.door, engine.database, downstream, QUICK))
    yield Desk(engine, process, activator, nudged)
    await engine.close()


# --- on ---------------------------------------------------------------------------------------------------------------


async def test_capability_is_active_only_after_every_step_was_confirmed(desk: Desk) -> None:
    life = await desk.pending()
    plan = await life.plan()
    assert (plan.waiting_for, plan.stage, plan.done, plan.stuck) == ("activation", "verifying", False, False)
    assert CARD in plan.activations
    [row] = [row for row in rows(plan.details) if row[0].startswith(f"[{CARD}]")]
    run = f"activation%2F{life.id}%2F{CARD}"
    assert row[0] == f"[{CARD}](namespaces/{{namespace}}/workflows/{run}): to be turned on"
    assert row[1].endswith(" UTC")
    assert row[3].startswith("the downstream system")
    first = await desk.step(life)
    assert (first.stand, first.wait is not None) == ("telling", True)
    assert (await life.statuses())[CARD] == DETERMINING
    assert (await desk.step(life)).wait is None
    assert (await life.statuses())[CARD] == ACTIVE
    assert desk.receiver.done(life.id) == ON
    row = await desk.row(life)
    assert (row["state"], row["acknowledged"], row["acknowledged_version"], row["version"]) == ("settled", True, 1, 1)
    told = [event["type"] for event in await life.events() if "capability_status" in event["type"]]
    assert told[-1].endswith("[configuration.merchant].capability_status_updated")
    await desk.healthy(life)
    assert (await desk.step(life)).stand == "settled"
    assert desk.receiver.done(life.id) == ON


async def test_where_nothing_is_downstream_nothing_is_kept_and_nobody_waits(settings: Settings) -> None:
    engine = await open_engine(settings)
    life = await Life.now(engine, individual())
    assert (await life.statuses())[CARD] == ACTIVE
    assert await life.rows("SELECT 1 FROM activations WHERE account_id = $1", life.id) == []
    assert (await engine.activations.advance(life.id, CARD)).stand == "settled"
    await engine.close()


async def test_sandbox_accounts_are_confirmed_at_once_though_something_is_downstream(
    settings: Settings, process: Receiver
) -> None:
    engine = await open_engine(settings, downstream=Downstream(HttpActivator(process.address, [SECRET]), STEPS))
    life = await Life.now(engine, individual())
    assert (await life.statuses())[CARD] == ACTIVE
    assert await life.rows("SELECT 1 FROM activations WHERE account_id = $1", life.id) == []
    await engine.close()


async def test_what_was_active_before_anything_was_downstream_stays_so_and_is_told(
    desk: Desk, settings: Settings
) -> None:
    engine = await open_engine(settings)
    before = await Life.now(engine, individual())
    await engine.close()
    life = Life(desk.engine, before.caller, before.id)
    await life.look()
    assert (await life.statuses())[CARD] == ACTIVE
    await desk.healthy(life)
    await desk.settle(life)
    assert desk.switch(life)["parts"] == list(STEPS)
    assert (await life.statuses())[CARD] == ACTIVE


# --- off outranks on --------------------------------------------------------------------------------------------------


async def test_off_is_shown_first_and_told_afterwards(desk: Desk) -> None:
    life = await desk.active()
    held = await desk.hold(life)
    assert (await life.statuses())[CARD] == HELD
    assert desk.switch(life)["parts"] == list(STEPS)
    assert (await desk.row(life))["lease_until"] is None
    assert life.id in desk.nudged
    await desk.settle(life)
    assert desk.switch(life)["parts"] == []
    assert desk.receiver.done(life.id)[2:] == [("enable", "closed", 2), ("limits", "closed", 2)]
    await desk.healthy(life)
    await desk.release(life, held)
    assert (await life.statuses())[CARD] == DETERMINING
    await desk.settle(life)
    assert (await life.statuses())[CARD] == ACTIVE


async def test_off_while_on_is_in_flight_wins_whatever_the_late_answer_says(desk: Desk) -> None:
    life = await desk.pending()
    await desk.step(life)

    async def hold() -> None:
        await desk.hold(life)
        assert (await life.statuses())[CARD] == HELD

    desk.activator.after.append(hold)  # the receiver has said yes to "enable", and nobody has heard it yet
    step = await desk.step(life)
    assert step.wait is not None
    row = await desk.row(life)
    assert (row["desired"], row["version"], row["acknowledged"]) == (False, 2, None)
    assert (await life.statuses())[CARD] == HELD
    await desk.settle(life)
    assert desk.switch(life)["parts"] == []


async def test_late_yes_to_the_only_step_does_not_stand_for_the_off_that_came_after_it(desk: Desk) -> None:
    alone = Downstream(desk.activator, ("enable",), serve_sandbox=True)
    telling = Activations(desk.engine.door, desk.engine.database, alone, QUICK)
    life = await desk.pending()

    async def hold() -> None:
        await desk.hold(life)

    desk.activator.after.append(hold)
    await telling.advance(life.id, CARD)
    row = await desk.row(life)
    assert (row["state"], row["desired"], row["acknowledged"]) == ("telling", False, None)
    assert desk.switch(life)["parts"] == ["enable"]
    assert (await telling.advance(life.id, CARD)).wait is None
    assert desk.switch(life)["parts"] == []


async def test_call_of_an_older_round_that_arrives_last_is_not_obeyed(desk: Desk) -> None:
    life = await desk.pending()
    await desk.step(life)
    late = asyncio.Event()
    desk.activator.before.append(late.wait)
    under_way = asyncio.create_task(desk.step(life))  # "enable" is on its way, for long
    await desk.activator.begun(2)
    await desk.hold(life)
    await desk.settle(life)
    assert (desk.switch(life)["parts"], (await desk.row(life))["state"]) == ([], "settled")
    late.set()
    await under_way
    assert desk.switch(life)["parts"] == []
    row = await desk.row(life)
    assert (row["state"], row["version"], row["acknowledged"]) == ("settled", 2, False)
    assert (await life.statuses())[CARD] == HELD


async def test_held_and_released_while_off_is_in_flight_is_confirmed_anew(desk: Desk) -> None:
    life = await desk.active()
    held = await desk.hold(life)

    async def release() -> None:
        await desk.release(life, held)

    desk.activator.after.append(release)
    await desk.step(life)
    # Something was taken back, so nothing that was said before counts.
    assert (await life.statuses())[CARD] == DETERMINING
    await desk.settle(life)
    assert (await life.statuses())[CARD] == ACTIVE
    assert set(desk.switch(life)["parts"]) == set(STEPS)
    assert desk.switch(life)["version"] == 3


# --- crashes, lost answers, outages -----------------------------------------------------------------------------------


async def test_death_between_the_call_and_its_record_has_it_done_once(desk: Desk) -> None:
    life = await desk.pending()

    async def die() -> None:
        raise Crashed

    desk.activator.after.append(die)
    with pytest.raises(Crashed):
        await desk.step(life)
    row = await desk.row(life)
    assert (row["applied"], row["done"]) == (["limits"], [])
    assert (await desk.step(life)).wait is not None  # it may still be under way elsewhere
    assert len(desk.activator.told) == 1
    await desk.settle(life)
    assert desk.receiver.done(life.id) == ON
    assert [told.step for told in desk.activator.told] == ["limits", "limits", "enable"]


async def test_lost_answers_and_failures_are_asked_about_again_under_the_same_key(desk: Desk) -> None:
    life = await desk.pending()
    merchant = {"merchant": life.id}
    desk.receiver.script(
        {"do": "cut", **merchant}, {"do": "error", **merchant}, {"do": "lose", **merchant},
        {"do": "lose", "part": "enable", **merchant},
    )  # fmt: skip
    assert (await desk.step(life)).about.endswith("1 calls led to nothing (no_answer)")
    await desk.settle(life)
    assert desk.receiver.done(life.id) == ON
    assert {told.version for told in desk.activator.told} == {1}
    row = await desk.row(life)
    assert (row["state"], row["attempts"], row["error_code"]) == ("settled", 0, None)


async def test_receiver_that_is_busy_is_left_alone_for_as_long_as_it_asks(desk: Desk) -> None:
    life = await desk.pending()
    desk.receiver.script({"do": "busy", "seconds": 7, "merchant": life.id})
    step = await desk.step(life)
    assert step.wait is not None
    assert 6.5 < step.wait.total_seconds() <= 7
    assert (await desk.row(life))["error_code"] == "rate_limited"


async def test_receiver_that_was_away_is_told_when_it_is_back(desk: Desk) -> None:
    life = await desk.pending()
    desk.receiver.set_down(down=True)
    waits = []
    for _ in range(3):
        step = await desk.step(life)
        assert step.wait is not None
        waits.append(step.wait.total_seconds())
        await asyncio.sleep(waits[-1])
    row = await desk.row(life)
    assert (row["state"], row["attempts"], row["error_code"]) == ("telling", 3, "vendor_error")
    assert waits[0] < waits[1] < waits[2]
    assert (await life.statuses())[CARD] == DETERMINING
    await desk.healthy(life)
    desk.receiver.set_down(down=False)
    await desk.settle(life)
    assert (await life.statuses())[CARD] == ACTIVE


async def test_receiver_that_has_obeyed_a_version_that_the_database_lost_is_caught_up_with(desk: Desk) -> None:
    life = await desk.active()
    held = await desk.hold(life)
    await desk.settle(life)
    await desk.release(life, held)
    await desk.settle(life)
    assert desk.switch(life)["version"] == 3
    await life.rows("UPDATE activations SET version = 1, acknowledged_version = 1 WHERE account_id = $1", life.id)
    await desk.hold(life)
    await desk.settle(life)
    assert (desk.switch(life)["parts"], desk.switch(life)["version"]) == ([], 4)
    assert (await desk.row(life))["version"] == 4


@pytest.mark.parametrize(("status", "code"), [(401, "status_401"), (408, "no_answer"), (503, "vendor_error")])
async def test_status_that_is_not_about_the_account_refuses_nothing(desk: Desk, status: int, code: str) -> None:
    life = await desk.pending()
    desk.receiver.script({"do": "error", "status": status, "merchant": life.id})
    await desk.step(life)
    row = await desk.row(life)
    assert (row["state"], row["attempts"], row["refusals"], row["error_code"]) == ("telling", 1, 0, code)


# --- refusals ---------------------------------------------------------------------------------------------------------


async def test_refused_step_is_compensated_in_reverse_shown_and_told_again(desk: Desk) -> None:
    life = await desk.pending()
    await life.plan()
    desk.receiver.script({"do": "refuse", "code": "over_limit", "part": "enable", "merchant": life.id, "times": 2})
    row = await desk.until(life, ActivationState.REFUSED)
    assert (row["error_code"], row["refusals"], row["applied"]) == ("over_limit", 1, [])
    assert desk.receiver.done(life.id) == [("limits", "open", 1), ("limits", "closed", 2)]
    assert (await life.statuses())[CARD] == DETERMINING
    plan = await life.plan("another")
    assert (plan.stuck, plan.waiting_for, CARD in plan.activations) == (True, "activation", False)
    assert "refused (`over_limit`)" in plan.details
    [owed] = [one for one in await desk.engine.activations.owed(only_refused=True) if one.account_id == life.id]
    assert (owed.activation.capability, owed.activation.error_code) == (CARD, "over_limit")
    await desk.healthy(life)

    first = row["call_at"] - (await desk.now())
    await desk.until(life, ActivationState.UNDOING)
    row = await desk.until(life, ActivationState.REFUSED)
    assert (row["refusals"], row["call_at"] - (await desk.now()) > first) == (2, True)
    await desk.settle(life)
    assert (await life.statuses())[CARD] == ACTIVE
    assert set(desk.switch(life)["parts"]) == set(STEPS)
    assert not (await life.plan()).stuck


async def test_refusal_that_somebody_mended_is_told_again_at_once(desk: Desk) -> None:
    patient = replace(QUICK, refused=HOUR, refused_longest=DAY)
    slow = Activations(desk.engine.door, desk.engine.database, desk.engine.downstream, patient)
    life = await desk.pending()
    desk.receiver.script({"do": "refuse", "part": "limits", "merchant": life.id})
    step = await slow.advance(life.id, CARD)
    assert (step.stand, step.wait is not None and step.wait > HOUR / 2) == ("refused", True)
    assert (await slow.advance(life.id, CARD)).stand == "refused"
    desk.nudged.clear()
    await slow.tell_again(life.id, CARD)
    assert desk.nudged == [life.id]
    await desk.settle(life)
    assert (await life.statuses())[CARD] == ACTIVE
    with pytest.raises(Refusal):
        await slow.tell_again(life.id, CARD)


async def test_refused_account_that_is_closed_needs_no_call_any_more(desk: Desk) -> None:
    life = await desk.pending()
    desk.receiver.script({"do": "refuse", "part": "limits", "merchant": life.id})
    await desk.until(life, ActivationState.REFUSED)
    await desk.engine.accounts.close(life.caller, life.id, None, None)
    row = await desk.row(life)
    assert (row["state"], row["desired"], row["refusals"]) == ("settled", False, 0)
    assert desk.receiver.done(life.id) == []


# --- until when it holds ----------------------------------------------------------------------------------------------


async def test_approval_that_ends_otherwise_is_told_once(desk: Desk) -> None:
    life = await desk.active()
    assert desk.switch(life)["good_until"] is None
    await life.supply(identity__individual__phone=None)  # asked for from now on, with a grace
    assert (await life.statuses())[CARD] == ACTIVE
    row = await desk.row(life)
    assert (row["version"], row["state"], row["desired"]) == (2, "telling", True)
    [deadline] = set((await life.marks()).values())
    assert row["valid_until"] == deadline
    assert (await life.statuses())[CARD] == ACTIVE
    await desk.healthy(life)
    await desk.settle(life)
    told = datetime.fromisoformat(desk.switch(life)["good_until"])
    assert (told, desk.switch(life)["version"]) == (deadline, 2)
    await life.look()
    await life.supply(identity__individual__email="other@rosen-gardens.com")
    assert (await desk.row(life))["version"] == 2


# --- test clocks, claims, the book ------------------------------------------------------------------------------------


async def test_clock_waits_until_what_it_switched_off_was_told(desk: Desk) -> None:
    life = await Life.begin(desk.engine)
    await life.put(individual())
    await desk.settle_all(life)
    await life.supply(identity__individual__phone=None)
    await desk.settle_all(life)
    moving = asyncio.create_task(life.comes(31 * DAY))
    done, _ = await asyncio.wait([moving], timeout=1.0)
    assert not done
    assert (await life.statuses())[CARD] == PAST_DUE
    assert desk.switch(life)["parts"] == list(STEPS)
    await desk.settle_all(life)
    await asyncio.wait_for(moving, 10)
    assert desk.switch(life)["parts"] == []


async def test_lost_temporal_storage_voids_the_claim(desk: Desk, postgres: LocalPostgres, settings: Settings) -> None:
    postgres.create_database("activations_claims")
    url = postgres.url("activations_claims")
    migrate.upgrade(url)
    own = settings.model_copy(update={"database_url": url})
    engine = await open_engine(own, downstream=desk.engine.downstream)
    life = await Life.now(engine, individual(), await new_caller(engine))
    await engine.work.meet_temporal("namespace-1")
    assert CARD in (await life.plan("run-1")).activations
    assert CARD in (await life.plan("run-1")).activations  # nobody has taken it over yet
    assert CARD not in (await life.plan("run-2")).activations
    desk.receiver.set_down(down=True)
    for capability in (await life.plan("run-1")).activations:
        await engine.activations.advance(life.id, capability)
    assert (await life.plan("run-1")).activations == ()
    assert await engine.work.sweep(10) == []
    assert await engine.work.meet_temporal("namespace-2")
    assert await engine.work.sweep(10) == [life.id]
    assert CARD in (await life.plan("run-3")).activations
    await engine.close()


BREAKS = [
    ("activation.acknowledged", "UPDATE activations SET acknowledged = false, state = 'telling' WHERE {}"),
    ("activation.settled", "UPDATE activations SET version = version + 1 WHERE {}"),
    ("activation.settled", "UPDATE activations SET state = 'telling', lease_until = now() + interval '1 day' WHERE {}"),
    ("owed.look", "UPDATE activations SET state = 'telling', version = version + 1 WHERE {}"),
]


@pytest.mark.parametrize(("rule", "sql"), BREAKS, ids=[f"{rule}-{n}" for n, (rule, _) in enumerate(BREAKS)])
async def test_book_that_does_not_fit_what_was_confirmed_is_found(desk: Desk, rule: str, sql: str) -> None:
    life = await desk.active()
    await life.rows(sql.format("account_id = $1 AND capability = $2"), life.id, CARD)
    if rule == "owed.look":
        await life.rows("UPDATE accounts SET look_at = NULL WHERE id = $1", life.id)
    found = await inspect(desk.engine.database, desk.engine.ring, account_id=life.id)
    assert (rule, CARD) in [(one.rule, one.object_id) for one in found.findings]


async def test_operators_list_what_is_owed(desk: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("ONBOARDING_ROOT_KEYS", settings.root_keys.get_secret_value())
    life = await desk.pending()
    desk.receiver.script({"do": "refuse", "code": "over_limit", "part": "limits", "merchant": life.id})
    await desk.until(life, ActivationState.REFUSED)
    listed = await asyncio.to_thread(CliRunner().invoke, app, ["activations", "list", "--refused"])
    line = next(line for line in listed.stdout.splitlines() if line.startswith(life.id))
    assert re.search(rf"  {CARD}  refused   since .*turn on, version 1, refused 1 times \(over_limit\)$", line)
    failed = await asyncio.to_thread(CliRunner().invoke, app, ["activations", "retry", "acct_none", CARD])
    assert str(failed.exception) == "no such account, or nothing is owed about this capability of it"
