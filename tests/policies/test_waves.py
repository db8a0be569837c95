"""Roll-outs through the door: waves, pauses, crashes, taking back."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from onboarding.domain.errors import EngineFault, Refusal, RefusalKind
from onboarding.door.callers import Caller
from onboarding.door.door import Change, Look
from onboarding.engine import Engine
from onboarding.policies import RolloutSteps
from onboarding.settings import Settings
from onboarding.storage import accounts as stored
from onboarding.storage.faults import ConnectionLost
from onboarding.storage.rollouts import place_of
from tests.policies.telling import (
    DAY,
    NOTICE,
    QUICK,
    WORKERS,
    accounts,
    announcements,
    asking,
    bound,
    finish,
    published,
    rolled_out,
    row_of,
    steps_of,
    time_passes,
)
from tests.stories.telling import Life, fetch, individual, new_caller
from tests.support.temporal import eventually

BOOK = 60
ROOT = Path(__file__).resolve().parents[2]


async def future(engine: Engine, caller: Caller, account_id: str) -> dict[str, str]:
    """What will be asked for, and when."""
    account = (await engine.reader.account(caller, account_id)).account
    shown = account["future_requirements"]
    return {entry["description"]: shown["minimum_transition_date"] for entry in shown["entries"]}


async def counted(engine: Engine, caller: Caller, rollout_id: str) -> dict[str, int]:
    found: dict[str, int] = (await engine.rollouts.get(caller, rollout_id))["accounts"]
    return found


async def test_three_waves_with_a_pause_and_back_again(engine: Engine, caller: Caller) -> None:
    ids = await accounts(engine, caller, BOOK)
    policy, steps = await published(engine, caller.platform_id), steps_of(engine)
    before = engine.policies.current.hash
    waves = [(0.2, timedelta(), NOTICE), (0.3, 2 * DAY, NOTICE), (0.5, 4 * DAY, NOTICE)]
    rollout = await rolled_out(engine, caller, policy, *waves)
    place = {account_id: place_of(rollout, account_id) for account_id in ids}
    untouched = (await engine.reader.account(caller, min(ids, key=place.__getitem__))).account

    assert await finish(steps, rollout) == "running"
    row = await row_of(engine, rollout)
    told = {account_id for account_id, (_, ahead, _) in (await bound(engine, ids)).items() if ahead == policy}
    assert told == {account_id for account_id in ids if place[account_id] < 0.2}
    one, other = untouched["id"], max(set(ids) - told)
    assert (await bound(engine, [one]))[one] == (before, policy, row.planned[0].transition_at)
    date = row.planned[0].transition_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert await future(engine, caller, one) == {WORKERS: date}
    assert await future(engine, caller, other) == {}

    await time_passes(engine, rollout, 2 * DAY)
    await steps.step(rollout)  # one page of seven
    await engine.rollouts.pause(caller, rollout)
    paused = await counted(engine, caller, rollout)
    assert len(told) < paused["announced"] < sum(one < 0.5 for one in place.values())
    assert await finish(steps, rollout) == "paused"
    await time_passes(engine, rollout, 3 * DAY)
    await engine.rollouts.resume(caller, rollout)
    delayed = (await row_of(engine, rollout)).planned
    assert [wave.transition_at - wave.starts_at for wave in delayed] == [NOTICE] * 3
    assert await finish(steps, rollout) == "done"
    assert await counted(engine, caller, rollout) == {"announced": BOOK, "moved": 0, "failed": 0, "rolled_back": 0}
    assert await announcements(engine, ids) == dict.fromkeys(ids, 1)

    await time_passes(engine, rollout, 26 * DAY)  # the first wave's transition has come, and no other
    assert (await counted(engine, caller, rollout))["moved"] == len(told)
    await engine.door.revise(one, Look())
    assert (await bound(engine, [one]))[one] == (policy, None, None)
    account = (await engine.reader.account(caller, one)).account
    assert WORKERS in {entry["description"] for entry in account["requirements"]["entries"]}

    await engine.rollouts.roll_back(caller, rollout)
    assert await finish(steps, rollout) == "rolled_back"
    assert await bound(engine, ids) == dict.fromkeys(ids, (before, None, None))
    assert await counted(engine, caller, rollout) == {"announced": 0, "moved": 0, "failed": 0, "rolled_back": BOOK}
    assert (await engine.reader.account(caller, one)).account["requirements"] == untouched["requirements"]
    assert await future(engine, caller, one) == {}


class Dying:
    """A door behind which a process dies after some accounts."""

    def __init__(self, engine: Engine, after: int) -> None:
        self._engine, self._left = engine, after

    async def revise(self, account_id: str, change: Change) -> Any:
        self._left -= 1
        result = await self._engine.door.revise(account_id, change)
        if self._left < 0:
            raise ConnectionLost("it died")
        return result


async def test_death_within_a_page_tells_nobody_twice_and_leaves_nobody_out(engine: Engine, caller: Caller) -> None:
    ids = await accounts(engine, caller, 20)
    policy = await published(engine, caller.platform_id)
    rollout = await rolled_out(engine, caller, policy, (1.0, timedelta(), NOTICE))
    for after in (0, 3, 5):
        door: Any = Dying(engine, after)
        with pytest.raises(ConnectionLost):
            await RolloutSteps(engine.database, door, engine.policies, QUICK).step(rollout)
    assert (await row_of(engine, rollout)).cursor == ""
    assert 0 < (await counted(engine, caller, rollout))["announced"] < 20
    assert await finish(steps_of(engine), rollout) == "done"
    assert await announcements(engine, ids) == dict.fromkeys(ids, 1)
    assert (await counted(engine, caller, rollout))["announced"] == 20


STEPS = """
import asyncio, sys
from datetime import timedelta
from onboarding.engine import open_engine
from onboarding.policies import Pace, RolloutSteps
from onboarding.settings import load_settings

async def main():
    engine = await open_engine(load_settings())
    pace = Pace(page=60, at_once=1, at_least=timedelta(), closing=timedelta())
    await RolloutSteps(engine.database, engine.door, engine.policies, pace).step(sys.argv[1])

asyncio.run(main())
"""


async def test_killed_process_is_followed_by_another(engine: Engine, caller: Caller, settings: Settings) -> None:
    ids = await accounts(engine, caller, BOOK)
    policy = await published(engine, caller.platform_id)
    rollout = await rolled_out(engine, caller, policy, (1.0, timedelta(), NOTICE))
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "ONBOARDING_ROOT_KEYS": settings.root_keys.get_secret_value(),
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", STEPS, rollout, cwd=ROOT, env=environment)

    async def has_begun() -> bool:
        assert process.returncode is None
        return (await counted(engine, caller, rollout))["announced"] > 3

    await eventually(has_begun, 30)
    process.kill()
    await process.wait()
    assert (await counted(engine, caller, rollout))["announced"] < BOOK
    assert await finish(steps_of(engine), rollout) == "done"
    assert await announcements(engine, ids) == dict.fromkeys(ids, 1)


async def test_two_processes_at_once_tell_nobody_twice(engine: Engine, caller: Caller) -> None:
    ids = await accounts(engine, caller, 20)
    policy = await published(engine, caller.platform_id)
    rollout = await rolled_out(engine, caller, policy, (1.0, timedelta(), NOTICE))
    for _ in range(6):
        await asyncio.gather(*(steps_of(engine).step(rollout) for _ in range(3)))
    assert await finish(steps_of(engine), rollout) == "done"
    assert await announcements(engine, ids) == dict.fromkeys(ids, 1)


async def test_busy_account_holds_up_nothing_but_its_page(engine: Engine, caller: Caller) -> None:
    ids = await accounts(engine, caller, 10)
    policy, steps = await published(engine, caller.platform_id), steps_of(engine)
    rollout = await rolled_out(engine, caller, policy, (1.0, timedelta(), NOTICE))

    class Busy:
        tries = 0

        async def revise(self, account_id: str, change: Change) -> Any:
            if account_id == ids[2]:
                self.tries += 1
                raise Refusal("account_rate_limit_exceeded", "Busy.", kind=RefusalKind.BUSY)
            return await engine.door.revise(account_id, change)

    door: Any = Busy()
    with pytest.raises(Refusal, match="account_rate_limit_exceeded"):
        await RolloutSteps(engine.database, door, engine.policies, QUICK).step(rollout)
    assert door.tries > 1
    assert ids[2] not in await announcements(engine, ids)
    assert await finish(steps, rollout) == "done"
    assert await announcements(engine, ids) == dict.fromkeys(ids, 1)


async def test_stuck_and_erased_accounts_are_counted_and_others_are_told(engine: Engine, caller: Caller) -> None:
    ids = await accounts(engine, caller, 12)
    policy = await published(engine, caller.platform_id)
    stuck, erased = ids[3], ids[8]
    await fetch(engine, "UPDATE accounts SET data_key = NULL, digest_key = NULL WHERE id = $1", erased)
    rollout = await rolled_out(engine, caller, policy, (1.0, timedelta(), NOTICE))

    class Stumbling:
        async def revise(self, account_id: str, change: Change) -> Any:
            if account_id == stuck:
                raise EngineFault("engine_ValueError")
            return await engine.door.revise(account_id, change)

    door: Any = Stumbling()
    assert await finish(RolloutSteps(engine.database, door, engine.policies, QUICK), rollout) == "done"
    found = await engine.rollouts.get(caller, rollout)
    assert found["accounts"] == {"announced": 10, "moved": 0, "failed": 2, "rolled_back": 0}
    assert found["failures"] == {"engine_ValueError": 1, "not_found": 1}
    assert (await bound(engine, [stuck]))[stuck][1] is None


async def test_account_that_failed_is_told_by_a_later_wave(engine: Engine, caller: Caller) -> None:
    ids = await accounts(engine, caller, 12)
    policy = await published(engine, caller.platform_id)
    rollout = await rolled_out(engine, caller, policy, (0.5, timedelta(), NOTICE), (0.5, DAY, NOTICE))

    class Failing:
        async def revise(self, _account_id: str, _change: Change) -> Any:
            raise EngineFault("engine_ValueError")

    door: Any = Failing()
    await finish(RolloutSteps(engine.database, door, engine.policies, QUICK), rollout)
    failed = (await counted(engine, caller, rollout))["failed"]
    assert failed == sum(place_of(rollout, account_id) < 0.5 for account_id in ids)
    await time_passes(engine, rollout, DAY)
    assert await finish(steps_of(engine), rollout) == "done"
    assert await counted(engine, caller, rollout) == {"announced": 12, "moved": 0, "failed": 0, "rolled_back": 0}


async def test_new_accounts_get_the_right_policy(engine: Engine, caller: Caller) -> None:
    await accounts(engine, caller, 3)
    policy, steps = await published(engine, caller.platform_id), steps_of(engine)
    builtin = engine.policies.current.hash
    other = await new_caller(engine)
    live = Caller(caller.platform_id, livemode=True, actor="key_live")
    rollout = await rolled_out(engine, caller, policy, (0.5, timedelta(), NOTICE), (0.5, DAY, NOTICE))
    await finish(steps, rollout)

    async def begins_with(who: Caller) -> tuple[str, str]:
        account_id = (await engine.accounts.create(who, {"display_name": "Rosen"}, None)).account["id"]
        return account_id, (await bound(engine, [account_id]))[account_id][0]

    late, got = await begins_with(caller)
    assert got == builtin  # the roll-out is not over: it will be told
    await time_passes(engine, rollout, DAY)
    assert await finish(steps, rollout) == "done"
    assert (await bound(engine, [late]))[late][1] == policy
    new, got = await begins_with(caller)
    assert got == policy
    assert (await engine.policies.current_for(caller.platform_id, livemode=False)).hash == policy
    assert [(await begins_with(one))[1] for one in (other, live)] == [builtin, builtin]

    await engine.rollouts.roll_back(caller, rollout)
    assert (await begins_with(caller))[1] == builtin
    assert await finish(steps, rollout) == "rolled_back"
    # It began with a policy that was taken back.
    assert (await bound(engine, [new]))[new] == (builtin, None, None)


async def test_creating_an_account_costs_no_further_round_trip(engine: Engine, caller: Caller) -> None:
    async def statements() -> int:
        with engine.database.round_trips() as sent:
            await accounts(engine, caller, 1)
        return len(sent)

    before = await statements()
    rollout = await rolled_out(engine, caller, await published(engine, caller.platform_id), (1.0, timedelta(), NOTICE))
    await finish(steps_of(engine), rollout)
    await statements()  # the first one loads the policy
    assert await statements() == before


async def test_made_while_the_policy_changes_is_found_by_the_last_pass(engine: Engine, caller: Caller) -> None:
    policy, builtin = await published(engine, caller.platform_id), engine.policies.current
    rollout = await rolled_out(engine, caller, policy, (1.0, timedelta(), NOTICE))
    steps = steps_of(engine)
    await steps.step(rollout)
    assert (await row_of(engine, rollout)).current_at is not None
    original = stored.beginning

    async def as_before(*arguments: Any, **options: Any) -> stored.Beginning:
        """What a transaction read that began before the policy became the current one."""
        began = await original(*arguments, **options)
        return stored.Beginning(began.now, began.destinations, builtin.hash)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored, "beginning", as_before)
        [late] = await accounts(engine, caller, 1)
    assert (await bound(engine, [late]))[late] == (builtin.hash, None, None)
    assert await finish(steps, rollout) == "done"
    assert (await bound(engine, [late]))[late][1] == policy


async def test_later_roll_out_takes_the_place_of_what_is_ahead_and_stays_when_the_first_is_taken_back(
    engine: Engine, caller: Caller
) -> None:
    ids = await accounts(engine, caller, 4)
    builtin, steps = engine.policies.current.hash, steps_of(engine)
    first = await published(engine, caller.platform_id)
    second = await published(engine, caller.platform_id, asking("acme.other"))
    rollouts = []
    for policy in (first, second):
        rollouts.append(await rolled_out(engine, caller, policy, (1.0, timedelta(), NOTICE)))
        assert await finish(steps, rollouts[-1]) == "done"
    assert {found[:2] for found in (await bound(engine, ids)).values()} == {(builtin, second)}
    await engine.rollouts.roll_back(caller, rollouts[0])
    assert await finish(steps, rollouts[0]) == "rolled_back"
    assert {found[:2] for found in (await bound(engine, ids)).values()} == {(builtin, second)}
    assert (await engine.policies.current_for(caller.platform_id, livemode=False)).hash == second


async def test_roll_outs_may_be_taken_back_in_any_order(engine: Engine, caller: Caller) -> None:
    ids = await accounts(engine, caller, 3)
    builtin, steps = engine.policies.current.hash, steps_of(engine)
    made, hashes = [], []
    for name in ("acme.one", "acme.two", "acme.three"):
        hashes.append(await published(engine, caller.platform_id, asking(name)))
        made.append(await rolled_out(engine, caller, hashes[-1], (1.0, timedelta(), timedelta())))
        assert await finish(steps, made[-1]) == "done"
    assert await bound(engine, ids) == dict.fromkeys(ids, (hashes[2], None, None))
    for rollout, left in ((made[0], hashes[2]), (made[1], hashes[2]), (made[2], builtin)):
        await engine.rollouts.roll_back(caller, rollout)
        assert await finish(steps, rollout) == "rolled_back"
        assert await bound(engine, ids) == dict.fromkeys(ids, (left, None, None))
        assert (await engine.policies.current_for(caller.platform_id, livemode=False)).hash == left


async def test_account_on_a_test_clock_moves_in_its_own_time(engine: Engine, caller: Caller) -> None:
    life = await Life.begin(engine, caller)
    policy = await published(engine, caller.platform_id)
    await life.put(individual())
    rollout = await rolled_out(engine, caller, policy, (1.0, timedelta(), NOTICE))
    await finish(steps_of(engine), rollout)
    assert WORKERS in await future(engine, caller, life.id)
    assert WORKERS not in await life.entries()
    await life.comes(NOTICE)
    assert await future(engine, caller, life.id) == {}
    assert WORKERS in await life.entries()
    assert (await life.row())["policy_hash"] == policy
