"""What keeps a roll-out from being made, and whose accounts it is about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from onboarding.domain.errors import Refusal
from onboarding.door.callers import Caller
from onboarding.engine import Engine, open_engine
from onboarding.settings import Settings
from onboarding.storage import rollouts
from onboarding.storage.rollouts import RolloutScope, Wave, place_of
from tests.policies.telling import (
    DAY,
    HARSH,
    NOTICE,
    accounts,
    bound,
    finish,
    now,
    published,
    rolled_out,
    row_of,
    steps_of,
    time_passes,
)
from tests.stories.telling import new_caller

OPERATOR = Caller("", livemode=True, actor="operator:kim")


async def refusal(engine: Engine, caller: Caller, policy: str, *waves: Any, **options: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await rolled_out(engine, caller, policy, *waves, **options)
    return caught.value


async def test_too_many_restricted_accounts_are_refused_with_the_numbers(engine: Engine, caller: Caller) -> None:
    await accounts(engine, caller, 8)
    harsh = await published(engine, caller.platform_id, HARSH, "harsh")
    found = await refusal(engine, caller, harsh, (1.0, timedelta(), NOTICE), allow_restricting=False)
    assert found.code == "rollout_restricts"
    assert "8 of 8 accounts (100.0%) would lose an active capability" in found.message
    numbers: Any = found.extra["dry_run"]
    assert (numbers["accounts"], numbers["losing_active"], numbers["share_restricted"]) == (8, 8, 1.0)
    assert {"capability", "date", "accounts"} == set(numbers["falling"][0])
    assert (await engine.rollouts.list(caller)).data == []

    made = await rolled_out(engine, caller, harsh, (1.0, timedelta(), NOTICE), allow_restricting=True)
    await engine.rollouts.roll_back(caller, made)
    assert await finish(steps_of(engine), made) == "rolled_back"
    await rolled_out(
        engine, caller, harsh, (1.0, timedelta(), NOTICE), allow_restricting=False, max_restricted_share=1.0
    )


async def test_policy_with_a_grace_may_be_rolled_out(engine: Engine, caller: Caller) -> None:
    await accounts(engine, caller, 4)
    mild = await published(engine, caller.platform_id)
    await rolled_out(engine, caller, mild, (1.0, timedelta(), NOTICE), allow_restricting=False)


@pytest.mark.parametrize(
    ("waves", "param"),
    [
        ((), "waves"),
        (((0.5, timedelta(), NOTICE),), "waves"),
        (((0.6, timedelta(), NOTICE), (0.6, DAY, NOTICE)), "waves"),
        (((0.0, timedelta(), NOTICE), (1.0, DAY, NOTICE)), "waves[0].share"),
        (((0.5, DAY, NOTICE), (0.5, timedelta(), NOTICE)), "waves[1].starts_at"),
        (((1.0, -DAY, NOTICE),), "waves[0].starts_at"),
        (((1.0, DAY, -DAY),), "waves[0].transition_at"),
    ],
)
async def test_odd_waves_are_refused(engine: Engine, caller: Caller, waves: Any, param: str) -> None:
    policy = engine.policies.current.hash
    found = await refusal(engine, caller, policy, *waves)
    assert (found.code, found.param) == ("parameter_invalid", param)


async def test_another_roll_out_of_the_same_accounts_waits(engine: Engine, caller: Caller) -> None:
    policy = await published(engine, caller.platform_id)
    live = Caller(caller.platform_id, livemode=True, actor="key_live")
    first = await rolled_out(engine, caller, policy, (1.0, DAY, NOTICE))
    found = await refusal(engine, caller, policy, (1.0, DAY, NOTICE))
    assert (found.code, found.extra) == ("rollout_under_way", {"rollout": first})
    await rolled_out(engine, live, policy, (1.0, DAY, NOTICE))
    await engine.rollouts.pause(caller, first)
    assert (await refusal(engine, caller, policy, (1.0, DAY, NOTICE))).code == "rollout_under_way"
    await engine.rollouts.roll_back(caller, first)
    assert await finish(steps_of(engine), first) == "rolled_back"
    await rolled_out(engine, caller, policy, (1.0, DAY, NOTICE))


async def test_nobody_changes_what_is_over_or_another_s(engine: Engine, caller: Caller) -> None:
    policy, steps = await published(engine, caller.platform_id), steps_of(engine)
    made = await rolled_out(engine, caller, policy, (1.0, timedelta(), NOTICE))
    other = await new_caller(engine)
    for who in (other, Caller(caller.platform_id, livemode=True, actor="key_live")):
        for act in (engine.rollouts.get, engine.rollouts.pause, engine.rollouts.resume, engine.rollouts.roll_back):
            with pytest.raises(Refusal, match="not_found"):
                await act(who, made)
        assert (await engine.rollouts.list(who)).data == []
        with pytest.raises(Refusal, match="not_found"):
            await engine.policy_book.get(who if who is other else other, f"pol_{policy[:24]}")
    assert await finish(steps, made) == "done"
    for act in (engine.rollouts.pause, engine.rollouts.resume):
        with pytest.raises(Refusal, match="rollout_done"):
            await act(caller, made)
    await engine.rollouts.roll_back(caller, made)
    with pytest.raises(Refusal, match="rollout_rolling_back"):
        await engine.rollouts.resume(caller, made)
    assert await finish(steps, made) == "rolled_back"
    assert (await engine.rollouts.roll_back(caller, made))["status"] == "rolled_back"


async def test_platform_changes_no_roll_out_of_an_operator(engine: Engine, caller: Caller) -> None:
    policy = await published(engine, caller.platform_id)
    made = await rolled_out(engine, OPERATOR, policy, (1.0, DAY, NOTICE))
    row = await row_of(engine, made)
    assert (row.platform_id, row.livemode) == (caller.platform_id, None)
    assert (await engine.rollouts.get(caller, made))["created_by"] == "operator"
    with pytest.raises(Refusal, match="rollout_not_yours"):
        await engine.rollouts.pause(caller, made)
    assert (await engine.rollouts.pause(OPERATOR, made))["created_by"] == "operator:kim"


async def test_platform_s_policy_goes_to_its_own_accounts_only(engine: Engine, caller: Caller) -> None:
    other = await new_caller(engine)
    policy = await published(engine, caller.platform_id)
    assert (await refusal(engine, other, policy, (1.0, DAY, NOTICE))).code == "not_found"
    scope = RolloutScope(other.platform_id)
    assert (await refusal(engine, OPERATOR, policy, (1.0, DAY, NOTICE), scope=scope)).param == "policy"
    made = await rolled_out(engine, caller, policy, (1.0, DAY, NOTICE), scope=scope)
    assert (await row_of(engine, made)).platform_id == caller.platform_id


async def test_roll_out_to_all_leaves_platforms_their_own_policies(
    settings: Settings, new_book: Callable[[], str]
) -> None:
    engine = await open_engine(settings.model_copy(update={"database_url": new_book()}), name="all")
    try:
        ours, theirs = await new_caller(engine), await new_caller(engine)
        own_policy, steps = await published(engine, theirs.platform_id), steps_of(engine)
        for_all = await published(engine, None, HARSH, "for-all")
        builtin = engine.policies.current.hash
        [mine], [stays] = await accounts(engine, ours, 1), await accounts(engine, theirs, 1)
        own = await rolled_out(engine, theirs, own_policy, (1.0, timedelta(), timedelta()))
        assert await finish(steps, own) == "done"

        found = await refusal(engine, OPERATOR, for_all, (1.0, timedelta(), DAY), allow_restricting=False)
        assert "1 of 1 accounts" in found.message
        made = await rolled_out(engine, OPERATOR, for_all, (1.0, timedelta(), NOTICE))
        assert await finish(steps, made) == "done"
        assert (await bound(engine, [mine]))[mine][:2] == (builtin, for_all)
        assert (await bound(engine, [stays]))[stays] == (own_policy, None, None)

        async def begins_with(who: Caller) -> str:
            account = (await engine.accounts.create(who, {}, None)).account["id"]
            return (await bound(engine, [account]))[account][0]

        assert [await begins_with(one) for one in (ours, theirs)] == [for_all, own_policy]
        await engine.rollouts.roll_back(OPERATOR, made)
        assert [await begins_with(one) for one in (ours, theirs)] == [builtin, own_policy]
        assert await finish(steps, made) == "rolled_back"
        assert (await bound(engine, [mine]))[mine] == (builtin, None, None)
    finally:
        await engine.close()


async def test_only_accounts_of_a_name_are_told(settings: Settings, new_book: Callable[[], str]) -> None:
    engine = await open_engine(settings.model_copy(update={"database_url": new_book()}), name="named")
    try:
        caller = await new_caller(engine)
        steps, builtin = steps_of(engine), engine.policies.current.hash
        special, newer = await published(engine, None, name="special"), await published(engine, None, HARSH, "newer")
        await accounts(engine, caller, 1)
        made = await rolled_out(engine, OPERATOR, special, (1.0, timedelta(), timedelta()))
        assert await finish(steps, made) == "done"
        scope = RolloutScope(from_name="builtin")
        nobody = await rolled_out(engine, OPERATOR, newer, (1.0, timedelta(), timedelta()), scope=scope)
        assert await finish(steps, nobody) == "done"
        assert (await engine.rollouts.get(OPERATOR, nobody))["accounts"]["announced"] == 0
        # New accounts get what takes the place of what they got, and here that was no builtin policy.
        assert (await engine.policies.current_for(caller.platform_id, livemode=False)).hash == special != builtin
    finally:
        await engine.close()


async def test_place_is_the_same_here_and_in_the_database(engine: Engine, caller: Caller) -> None:
    ids = await accounts(engine, caller, 30)
    policy = await published(engine, caller.platform_id)
    made = await rolled_out(engine, caller, policy, (0.4, timedelta(), NOTICE), (0.6, DAY, NOTICE))
    row = await row_of(engine, made)
    async with engine.database.reading() as r:
        chosen = await rollouts.to_announce(r, row, 100)
    assert chosen == [account_id for account_id in ids if place_of(made, account_id) < 0.4]
    assert all(0 <= place_of(made, account_id) < 1 for account_id in ids)


async def test_sweep_finds_a_roll_out_that_nobody_takes_further(engine: Engine, caller: Caller) -> None:
    policy, steps = await published(engine, caller.platform_id), steps_of(engine)
    made = await rolled_out(engine, caller, policy, (0.5, timedelta(), NOTICE), (0.5, DAY, NOTICE))
    assert made in await steps.due(100)
    assert made not in await steps.due(100)  # it was given to somebody
    await finish(steps, made)
    assert (await row_of(engine, made)).look_at == (await row_of(engine, made)).planned[1].starts_at
    await time_passes(engine, made, DAY)
    await steps.step(made)
    await engine.rollouts.pause(caller, made)
    assert (await row_of(engine, made)).look_at is None
    await engine.rollouts.resume(caller, made)
    assert made in await steps.due(100)
    assert await finish(steps, made) == "done"
    assert (await row_of(engine, made)).look_at is None


async def test_wave_survives_being_stored(engine: Engine) -> None:
    instant = await now(engine)
    wave = Wave(0.1, instant, instant + DAY)
    row = rollouts.RolloutRow(
        "rol_1", "h", None, None, None, [wave.document], "scheduled", 0, "", None, [], None, instant, "key_1", None
    )
    assert row.planned == [wave]
    assert (row.share, row.modes) == (1.0, (False, True))
