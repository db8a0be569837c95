"""RolloutWorkflow on the real engine and a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from temporalio.client import Client, WorkflowExecutionStatus

from onboarding.policies import Pace, RolloutSteps
from onboarding.settings import Settings
from tests.policies.telling import DAY, NOTICE, accounts, announcements, bound, published, rolled_out
from tests.support.temporal import Bench, bench, event_names, eventually, made_worker
from tests.workflows.recording import record
from workflows import names, options
from workflows.schedule import rollout_target

SOON = timedelta(seconds=2)
PAGE = 3
QUICK = Pace(page=PAGE, at_once=2, at_least=timedelta(), closing=timedelta(milliseconds=500))


@asynccontextmanager
async def quick_bench(settings: Settings, client: Client) -> AsyncIterator[Bench]:
    """A bench whose roll-outs have small pages and short pauses; its worker is started by the test."""
    async with bench(settings, client, working=False) as made:
        engine = made.engine
        steps = RolloutSteps(engine.database, engine.door, engine.policies, QUICK)
        made.engine = replace(engine, rollout_steps=steps)
        yield made


async def status(made: Bench, rollout: str) -> str:
    [row] = await made.fetch("SELECT state FROM rollouts WHERE id = $1", rollout)
    return str(row["state"])


async def has_ended(made: Bench, rollout: str) -> bool:
    return await made.status(names.rollout_workflow_id(rollout)) is WorkflowExecutionStatus.COMPLETED


async def test_waves_follow_one_another_and_the_run_ends(temporal_settings: Settings, client: Client) -> None:
    async with quick_bench(temporal_settings, client) as made, made_worker(made):
        caller = await made.platform()
        ids = await accounts(made.engine, caller, 8)
        policy = await published(made.engine, caller.platform_id)
        waves = [(0.3, timedelta(), NOTICE), (0.3, SOON, NOTICE), (0.4, 2 * SOON, NOTICE)]
        rollout = await rolled_out(made.engine, caller, policy, *waves)

        await eventually(lambda: has_ended(made, rollout), 30)
        assert await status(made, rollout) == "done"
        assert {found[1] for found in (await bound(made.engine, ids)).values()} == {policy}
        assert await announcements(made.engine, ids) == dict.fromkeys(ids, 1)
        history = await made.history(names.rollout_workflow_id(rollout))
        assert event_names(history).count("TIMER_STARTED") == 3  # before two waves and the last pass
        await record("rollout_waves", history)


async def test_paused_one_has_no_run_until_it_is_resumed_or_taken_back(
    temporal_settings: Settings, client: Client
) -> None:
    async with quick_bench(temporal_settings, client) as made, made_worker(made):
        engine, caller = made.engine, await made.platform()
        ids = await accounts(engine, caller, 6)
        policy, builtin = await published(engine, caller.platform_id), engine.policies.current.hash
        rollout = await rolled_out(engine, caller, policy, (0.5, timedelta(), NOTICE), (0.5, DAY, NOTICE))

        async def waits() -> bool:
            [row] = await made.fetch("SELECT wave FROM rollouts WHERE id = $1", rollout)
            return bool(row["wave"] == 1)

        await eventually(waits)
        await engine.rollouts.pause(caller, rollout)
        await eventually(lambda: has_ended(made, rollout))
        await record("rollout_paused", await made.history(names.rollout_workflow_id(rollout)))

        await engine.rollouts.resume(caller, rollout)

        async def runs() -> bool:
            return await made.status(names.rollout_workflow_id(rollout)) is WorkflowExecutionStatus.RUNNING

        await eventually(runs)
        await engine.rollouts.roll_back(caller, rollout)
        await eventually(lambda: has_ended(made, rollout))
        assert await status(made, rollout) == "rolled_back"
        assert await bound(engine, ids) == dict.fromkeys(ids, (builtin, None, None))


async def test_sweep_starts_a_run_that_was_lost(temporal_settings: Settings, client: Client) -> None:
    async with quick_bench(temporal_settings, client) as made:
        engine, caller = made.engine, await made.platform()
        ids = await accounts(engine, caller, 4)
        await made.nudger.close()  # no nudge arrives
        policy = await published(engine, caller.platform_id)
        rollout = await rolled_out(engine, caller, policy, (1.0, timedelta(), NOTICE))
        async with bench(temporal_settings, client, working=False) as other, made_worker(made):
            assert await made.status(names.rollout_workflow_id(rollout)) is None
            nudger = other.nudger
            nudger._task_queue = made.task_queue
            await made.sweep(nudger)
            await eventually(lambda: has_ended(made, rollout))
        assert await announcements(engine, ids) == dict.fromkeys(ids, 1)


async def test_long_one_continues_as_new(temporal_settings: Settings, client: Client) -> None:
    async with quick_bench(temporal_settings, client) as made:
        caller = await made.platform()
        pages = options.BATCH_STEPS_A_RUN + 2
        ids = await accounts(made.engine, caller, 2)
        policy = await published(made.engine, caller.platform_id)
        await made.nudger.close()
        rollout = await rolled_out(made.engine, caller, policy, (1.0, timedelta(), NOTICE))

        class Slow(RolloutSteps):
            """Comes to the accounts after many pages in which there was nothing to do."""

            left = pages

            async def step(self, rollout_id: str) -> object:  # type: ignore[override]  # a step, or the like of one
                self.left -= 1
                if self.left > 0:
                    found = await RolloutSteps.step(self, "rol_of_nobody")
                    return replace(found, state="running", wait=timedelta())
                return await RolloutSteps.step(self, rollout_id)

        slow = Slow(made.engine.database, made.engine.door, made.engine.policies, QUICK)
        made.engine = replace(made.engine, rollout_steps=slow)
        async with bench(temporal_settings, client, working=False) as other, made_worker(made):
            other.nudger._task_queue = made.task_queue
            assert await other.nudger.send(rollout_target(rollout))
            first = (await client.get_workflow_handle(names.rollout_workflow_id(rollout)).describe()).run_id
            await eventually(lambda: has_ended(made, rollout), 40)
        last = await client.get_workflow_handle(names.rollout_workflow_id(rollout)).describe()
        assert last.run_id != first
        history = await client.get_workflow_handle(names.rollout_workflow_id(rollout), run_id=first).fetch_history()
        assert event_names(history)[-1] == "WORKFLOW_EXECUTION_CONTINUED_AS_NEW"
        assert len(history.events) < 600
        assert await announcements(made.engine, ids) == dict.fromkeys(ids, 1)
