"""What goes wrong in the middle of a change: nothing is half done, and what can be repaired is."""

from __future__ import annotations

import asyncio
import base64
import threading
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from onboarding.domain import settle as settling
from onboarding.domain.errors import EngineFault, Refusal, RefusalKind
from onboarding.domain.evaluate import EVALUATOR_VERSION, Evaluation, evaluate
from onboarding.door.door import Look, OlderThanRow
from onboarding.door.draft import Draft
from onboarding.door.policies import PolicyUnavailable
from onboarding.engine import Engine, WrongRootKeys, open_engine
from onboarding.settings import Settings
from onboarding.storage import book
from onboarding.storage.faults import ConnectionLost
from onboarding.storage.work import due_accounts
from tests.stories import telling
from tests.stories.telling import (
    ACTIVE,
    CARD,
    DAY,
    PAST_DUE,
    TRANSFERS,
    Life,
    fetch,
    individual,
    key,
    new_caller,
    statuses,
)

UNSET_MCC: Any = {"configuration": {"merchant": {"mcc": None}}}


class Breakable:
    """The evaluator, which raises while it is broken."""

    def __init__(self) -> None:
        self.is_broken = False
        self._whole = evaluate

    def __call__(self, *arguments: Any) -> Evaluation:
        if self.is_broken:
            raise KeyError("Zelmira Quastenberger")
        return self._whole(*arguments)


@pytest.fixture
def evaluator(monkeypatch: pytest.MonkeyPatch) -> Breakable:
    broken = Breakable()
    monkeypatch.setattr(settling, "evaluate", broken)
    return broken


@pytest.fixture
async def life(engine: Engine) -> Life:
    """An active account with a deadline on day 30."""
    life = await Life.begin(engine)
    await life.put(individual())
    await life.put(UNSET_MCC)
    return life


async def test_an_engine_that_can_t_decide_undoes_the_change_and_marks_the_account(
    life: Life, engine: Engine, evaluator: Breakable
) -> None:
    document, events, row = await life.account(), await life.events(), await life.row()
    evaluator.is_broken = True
    mine = key("stuck")

    with pytest.raises(EngineFault) as fault:
        await engine.accounts.update(life.caller, life.id, {"display_name": "Another"}, mine)

    assert fault.value.code == "engine_KeyError"
    assert "Zelmira" not in str(fault.value)
    stuck = await life.row()
    assert (stuck["stuck_code"], stuck["stuck_engine"]) == ("engine_KeyError", EVALUATOR_VERSION)
    assert stuck["stuck_retry_at"] - stuck["stuck_since"] == timedelta(minutes=5)
    # No sweep offers it before, though it looks ten minutes ahead.
    assert life.id not in await engine.work.sweep(10_000)
    async with engine.database.reading() as r:
        assert life.id not in await due_accounts(r, limit=10_000, per_platform=10_000, ahead=timedelta(minutes=14))
        assert life.id in await due_accounts(r, limit=10_000, per_platform=10_000, ahead=timedelta(minutes=16))
    noted = ("stuck_code", "stuck_since", "stuck_retry_at", "stuck_engine", "look_at", "view_digest")
    assert {**dict(stuck), **dict.fromkeys(noted)} == {**dict(row), **dict.fromkeys(noted)}
    assert await life.events() == events
    assert await life.account() == document

    # The distance grows.
    old = "UPDATE accounts SET stuck_since = stuck_since - interval '1 hour' WHERE id = $1"
    await life.rows(old, life.id)
    with pytest.raises(EngineFault):
        await life.plan()
    again = await life.row()
    assert again["stuck_retry_at"] - again["stuck_since"] >= timedelta(hours=2)

    # The key is free, and the next good look ends it.
    evaluator.is_broken = False
    view = await engine.accounts.update(life.caller, life.id, {"display_name": "Another"}, mine)
    assert view.account["display_name"] == "Another"
    assert [value for name, value in (await life.row()).items() if name.startswith("stuck_")] == [None] * 4


async def test_an_account_that_is_decided_again_has_a_run_that_says_so(engine: Engine, evaluator: Breakable) -> None:
    """Whoever mended it may be a request or a command: the run that showed it as stuck has ended."""
    life = await Life.now(engine, {**individual(), "identity": {"country": "US", "entity_type": "individual"}})
    plan = await life.plan()
    assert (plan.stage, plan.done) == ("collecting", False)
    evaluator.is_broken = True
    with pytest.raises(EngineFault):
        await life.plan()
    assert life.id not in await engine.work.sweep(10_000)

    evaluator.is_broken = False
    await engine.accounts.update(life.caller, life.id, {"metadata": {"shelf": "7"}}, None)

    assert life.id in await engine.work.sweep(10_000)
    await life.plan()
    assert life.id not in await engine.work.sweep(10_000)


async def test_while_the_engine_can_t_decide_the_last_answer_is_shown_but_no_missed_deadline_as_active(
    life: Life, engine: Engine, evaluator: Breakable
) -> None:
    evaluator.is_broken = True
    await life.passes(30 * DAY)
    before = await life.written()

    # Nobody has noticed yet: the very first reader already sees it.
    assert {name: (await life.statuses())[name] for name in (CARD, TRANSFERS)} == {CARD: PAST_DUE, TRANSFERS: ACTIVE}
    assert await life.written() == before

    with pytest.raises(EngineFault):
        await engine.door.revise(life.id, Look())
    assert (await life.statuses())[CARD] == PAST_DUE
    assert (await engine.reader.accounts(life.caller)).data[0]["id"] == life.id

    evaluator.is_broken = False
    await life.look()
    story = [line for line in await life.story() if line[0].startswith(f"{CARD} ")]
    assert story[-1] == (f"{CARD} {PAST_DUE}", "30 days, 0:00:00")  # told of its own time, not of the repair's


async def test_a_creation_that_can_t_be_decided_leaves_nothing(engine: Engine, evaluator: Breakable) -> None:
    caller = await new_caller(engine)
    evaluator.is_broken = True
    with pytest.raises(EngineFault):
        await engine.accounts.create(caller, individual(), key("new"))
    assert await fetch(engine, "SELECT 1 FROM accounts WHERE platform_id = $1", caller.platform_id) == []
    assert await fetch(engine, "SELECT 1 FROM idempotency_keys WHERE platform_id = $1", caller.platform_id) == []
    evaluator.is_broken = False
    assert statuses((await engine.accounts.create(caller, individual(), key("new"))).account)[CARD] == ACTIVE


async def test_a_stuck_account_keeps_no_clock_and_no_sweep(life: Life, engine: Engine, evaluator: Breakable) -> None:
    healthy = await engine.accounts.create(life.caller, {}, None)
    other = Life(engine, life.caller, healthy.account["id"], life.clock_id)
    await engine.clocks.attach(life.caller, life.clock_id, other.id, None)
    evaluator.is_broken = True

    clock = await engine.clocks.advance(life.caller, life.clock_id, life.start + 60 * DAY, None)
    assert clock["status"] == "ready"
    assert (await life.row())["stuck_code"] == "engine_KeyError"

    # Nor does it keep the sweep, which offers it again and then carries on with clocks.
    await fetch(
        engine,
        "UPDATE test_clocks SET state = 'advancing', target = now + interval '1 day' WHERE id = $1",
        life.clock_id,
    )
    await life.rows("UPDATE accounts SET look_at = now(), look_tries = 0 WHERE id = $1", life.id)
    assert life.id in await engine.work.sweep(10_000)
    await engine.clocks.resume_all()
    assert (await engine.clocks.get(life.caller, life.clock_id))["status"] == "ready"

    evaluator.is_broken = False
    await life.look()
    story = [line for line in await life.story() if line[0].startswith(f"{CARD} ")]
    assert story[-1] == (f"{CARD} {PAST_DUE}", "30 days, 0:00:00")


async def test_a_policy_that_can_t_be_loaded_here_is_retried_not_written_over(life: Life, settings: Settings) -> None:
    policy, packed = telling.test_policy(900)
    newer = await open_engine(settings, policy=policy, policy_bytes=packed)
    try:
        theirs = await Life.now(newer, individual())
        broken = packed.replace(b'"rules"', b'"rulez"')
        await life.rows("UPDATE policies SET document = $2 WHERE hash = $1", policy.hash, broken)
        before = await theirs.written()
        with pytest.raises(PolicyUnavailable):
            await life.engine.door.revise(theirs.id, Look())
        with pytest.raises(PolicyUnavailable):
            await life.engine.reader.account(theirs.caller, theirs.id)
        assert await theirs.written() == before
    finally:
        await life.rows("UPDATE policies SET document = $2 WHERE hash = $1", policy.hash, packed)
        await newer.close()


async def test_an_older_process_does_not_write_what_a_newer_one_wrote(life: Life, engine: Engine) -> None:
    await life.rows("UPDATE accounts SET evaluator_version = 99 WHERE id = $1", life.id)
    before = await life.written()
    with pytest.raises(OlderThanRow):
        await engine.door.revise(life.id, Look())
    assert await life.written() == before


# --- Postgres ---------------------------------------------------------------------------------------------------------


@pytest.fixture
async def doomed(settings: Settings) -> AsyncIterator[Engine]:
    engine = await open_engine(settings, name="doomed")
    yield engine
    await engine.close()


class Killing:
    """A change in whose middle the backend that holds the transaction dies."""

    cause = "account.updated"

    def __init__(self, url: str) -> None:
        self._url = url

    def apply(self, draft: Draft) -> None:
        draft.put_account({**draft.account.values, "display_name": "Half"}, {"display_name": "Half"})
        killer = threading.Thread(target=lambda: asyncio.run(self._kill()))
        killer.start()
        killer.join(20)

    async def _kill(self) -> None:
        connection = await asyncpg.connect(self._url)
        killed = await connection.fetch(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'doomed' AND state = 'idle in transaction'"
        )
        await connection.close()
        assert [row[0] for row in killed] == [True]


async def test_a_backend_that_dies_in_the_middle_leaves_nothing_half_written(
    life: Life, doomed: Engine, database_url: str
) -> None:
    before = await life.written()
    with pytest.raises(ConnectionLost):
        await doomed.door.revise_whole(life.id, Killing(database_url), life.caller, key("killed"))
    assert await life.written() == before

    # The process goes on, and the key was not used up.
    view = await doomed.accounts.update(life.caller, life.id, {"display_name": "Whole"}, key("killed"))
    assert view.account["display_name"] == "Whole"


async def test_an_account_that_others_hold_is_refused_after_two_seconds(
    life: Life, engine: Engine, database_url: str
) -> None:
    holder = await asyncpg.connect(database_url)
    before = await life.written()
    try:
        async with holder.transaction():
            await holder.execute("SELECT 1 FROM accounts WHERE id = $1 FOR UPDATE", life.id)
            began = time.monotonic()
            # One waits for the lock, the others for their turn in this process: one budget for all of it.
            refused = await asyncio.gather(
                *(engine.accounts.update(life.caller, life.id, {}, key()) for _ in range(5)), return_exceptions=True
            )
            took = time.monotonic() - began
            assert (await life.account())["id"] == life.id  # reading waits for nobody
    finally:
        await holder.close()

    assert 1.5 < took < 4.5
    for one in refused:
        assert isinstance(one, Refusal)
        assert (one.code, one.kind, one.type) == ("account_rate_limit_exceeded", RefusalKind.BUSY, "rate_limit")
    assert await life.written() == before
    assert engine.door._turns == {}


async def test_a_twin_that_does_not_end_is_refused_after_two_seconds(engine: Engine, database_url: str) -> None:
    caller = await new_caller(engine)
    mine = key("twin")
    await engine.accounts.create(caller, {}, mine)
    holder = await asyncpg.connect(database_url)
    twin = holder.transaction()
    await twin.start()
    try:
        # As if the first request with this key were still under way.
        await holder.execute("DELETE FROM idempotency_keys WHERE platform_id = $1", caller.platform_id)
        began = time.monotonic()
        with pytest.raises(Refusal) as refused:
            await engine.accounts.create(caller, {}, mine)
        took = time.monotonic() - began
    finally:
        await twin.rollback()
        await holder.close()

    assert 1.5 < took < 4.5
    assert refused.value.code == "account_rate_limit_exceeded"
    assert len(await fetch(engine, "SELECT 1 FROM accounts WHERE platform_id = $1", caller.platform_id)) == 1


async def test_an_engine_with_other_root_keys_does_not_start(engine: Engine, settings: Settings) -> None:
    await Life.now(engine, individual())
    others = f"1:{base64.b64encode(b'another root key of 32 bytes....').decode()}"

    with pytest.raises(WrongRootKeys):
        await open_engine(settings.model_copy(update={"root_keys": SecretStr(others)}))


async def test_a_newer_engine_tries_again_at_once_and_heals(
    life: Life, engine: Engine, evaluator: Breakable, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluator.is_broken = True
    await life.passes(30 * DAY)
    with pytest.raises(EngineFault):
        await engine.door.revise(life.id, Look())
    later = (await life.row())["look_at"]
    async with engine.database.reading() as r:
        namespace = (await book.get(r)).namespace_id or "temporal of the stories"

    await engine.work.meet_temporal(namespace)  # a worker of this very engine starts: no use
    assert (await life.row())["look_at"] == later
    monkeypatch.setattr("onboarding.work.EVALUATOR_VERSION", EVALUATOR_VERSION + 1)
    await engine.work.meet_temporal(namespace)
    assert (await life.row())["look_at"] < later
    assert life.id in await engine.work.sweep(10_000)
    evaluator.is_broken = False  # as in the newer engine
    plan = await life.plan()

    row = await life.row()
    assert [value for name, value in row.items() if name.startswith("stuck_")] == [None] * 4
    assert (plan.stuck, row["stage"]) == (False, "collecting")
    assert (await life.statuses())[CARD] == PAST_DUE


async def test_operators_list_and_retry_what_is_stuck(life: Life, evaluator: Breakable, operators: Any) -> None:
    evaluator.is_broken = True
    with pytest.raises(EngineFault):
        await life.look()

    listed = operators("stuck", "list", "--code", "engine_KeyError", "--limit", "1000")
    assert [line.split()[:4] for line in listed.stdout.splitlines() if life.id in line] == [
        [life.id, life.caller.platform_id, "engine_KeyError", "engine"]
    ]
    assert operators("stuck", "list", "--code", "engine_Other").stdout == ""
    still = operators("stuck", "retry", life.id)
    assert (still.exit_code, still.stdout.splitlines()) == (
        2,
        [f"{life.id}  engine_KeyError", "decided: 0, still stuck: 1"],
    )
    evaluator.is_broken = False
    done = operators("stuck", "retry", life.id)
    assert (done.exit_code, done.stdout.splitlines()) == (0, [f"{life.id}  decided", "decided: 1, still stuck: 0"])
    assert (await life.row())["stuck_code"] is None
    nobody = operators("stuck", "retry", "acct_none")
    assert (nobody.exit_code, str(nobody.exception)) == (1, "No such account.")
