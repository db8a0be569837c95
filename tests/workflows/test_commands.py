"""The command line, and the Schedule that worker processes keep."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.client import Client, ScheduleActionStartWorkflow

from onboarding.cli.keys import ensure_local_keys
from onboarding.door.callers import KeyKind
from onboarding.engine import open_engine
from onboarding.settings import Settings
from onboarding.temporal import connect
from tests.support.commands import command, environment
from tests.support.temporal import bench
from tests.workflows.conftest import start_temporal
from workflows import names, options
from workflows.schedule import ensure_sweeps

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def root_keys(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)


async def test_made_keys_authenticate_and_name_their_mode(temporal_settings: Settings) -> None:
    # As it is installed; the other commands here are started faster.
    done = await asyncio.to_thread(
        subprocess.run,
        [str(Path(sys.executable).with_name("onboarding")), "keys", "create", "--platform", "Zelmira's shop"],
        env=environment(temporal_settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    secrets = re.findall(r"sk_(?:test|live)_[0-9A-Za-z]{32,}", done.stdout)
    engine = await open_engine(temporal_settings)
    try:
        test, live = [await engine.authenticate(secret) for secret in secrets]
        assert test is not None
        assert live is not None
        assert (test.livemode, live.livemode) == (False, True)
        assert test.platform_id == live.platform_id
        async with engine.database.reading() as reading:
            rows = await reading.fetch("SELECT * FROM platforms WHERE id = $1", test.platform_id)
        assert "Zelmira" not in str(rows)
    finally:
        await engine.close()


async def test_publishable_keys_are_made_with_a_platform_and_later(temporal_settings: Settings) -> None:
    made = await command(temporal_settings, "keys", "create", "--platform", "Zelmira's shop", "--country", "fr")
    assert made.returncode == 0, made.stderr
    platform_id = re.findall(r"plat_[0-9a-z]+", made.stdout)[0]
    more = await command(temporal_settings, "keys", "publishable", platform_id)
    assert more.returncode == 0, more.stderr
    nobody = await command(temporal_settings, "keys", "publishable", "plat_0")
    assert (nobody.returncode, nobody.stderr) == (1, "onboarding: no platform has this id\n")
    nowhere = await command(temporal_settings, "keys", "create", "--platform", "x", "--country", "France")
    assert (nowhere.returncode, "two letters" in nowhere.stderr) == (1, True)

    secrets = re.findall(r"pk_(?:test|live)_[0-9A-Za-z]{32,}", made.stdout + more.stdout)
    engine = await open_engine(temporal_settings)
    try:
        callers = [await engine.authenticate(secret) for secret in secrets]
        told = [(one.platform_id, one.livemode, one.kind, one.country) for one in callers if one is not None]
        assert told == [(platform_id, livemode, KeyKind.PUBLISHABLE, "FR") for livemode in (False, True)] * 2
    finally:
        await engine.close()


@pytest.mark.usefixtures("root_keys")
async def test_local_keys_are_kept_as_long_as_the_database_knows_them(settings: Settings) -> None:
    made = ensure_local_keys(settings.database_url, None)  # in a running loop, as well as without
    assert await asyncio.to_thread(ensure_local_keys, settings.database_url, made) == made
    other = ensure_local_keys(settings.database_url, None)
    assert other != made
    assert ensure_local_keys(settings.database_url, {**made, "live_key": other["live_key"]}) not in (made, other)
    assert ensure_local_keys(settings.database_url, {"test_key": "sk_test_unknown", "live_key": "sk_live_no"}) != made


async def test_commands_say_in_one_line_what_to_mend(settings: Settings) -> None:
    away = "postgresql://app@127.0.0.1:1/none"
    for arguments in (["migrate"], ["sweep"], ["keys", "create", "--platform", "x"]):
        done = await command(settings, *arguments, DATABASE_URL=away)
        assert done.returncode == 1
        assert done.stderr == "onboarding: the database in DATABASE_URL does not answer\n"
    done = await command(settings, "sweep", ONBOARDING_ROOT_KEYS="nonsense")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "nonsense" not in done.stderr


async def test_sweep_by_hand_nudges_what_is_due(temporal_settings: Settings, client: Client) -> None:
    async with bench(temporal_settings, client, working=False) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await made.nudger.close()
        await made.fetch("UPDATE accounts SET look_at = clock_timestamp() WHERE id = $1", account_id)
        clock = await made.engine.clocks.create(caller, datetime(2030, 1, 1, tzinfo=UTC), None, None)
        left = "UPDATE test_clocks SET state = 'advancing', target = now + interval '1 day' WHERE id = $1"
        await made.fetch(left, clock["id"])
        done = await command(temporal_settings, "sweep")
        assert done.returncode == 0, done.stderr
        assert (await made.engine.clocks.get(caller, clock["id"]))["frozen_time"] == "2030-01-02T00:00:00.000Z"
    found = re.fullmatch(r"due: (\d+), nudged: (\d+)\n", done.stdout)
    assert found is not None
    assert int(found[1]) == int(found[2]) >= 1
    assert (await command(temporal_settings, "migrate")).returncode == 0


async def test_schedule_is_repaired_and_a_paused_one_stays_paused(settings: Settings, tmp_path: Path) -> None:
    server = await asyncio.to_thread(start_temporal, tmp_path)  # of its own: there is one Schedule in a namespace
    try:
        client = await connect(settings.model_copy(update={"temporal_address": server.address}), lazy=False)
        await ensure_sweeps(client, task_queue="first", every=timedelta(minutes=1))
        handle = client.get_schedule_handle(names.SWEEP_SCHEDULE)
        await handle.pause(note="maintenance")
        info = (await handle.describe()).info
        await ensure_sweeps(client, task_queue="second", every=timedelta(seconds=30))
        schedule = (await handle.describe()).schedule
        assert schedule.state.paused
        assert schedule.spec.intervals[0].every == timedelta(seconds=30)
        assert isinstance(schedule.action, ScheduleActionStartWorkflow)
        assert schedule.action.task_queue == "second"
        assert schedule.action.execution_timeout == options.SWEEP_RUN_LIMIT
        assert schedule.policy.catchup_window == options.SWEEP_CATCH_UP
        assert schedule.policy.overlap.name == "SKIP"
        later = (await handle.describe()).info
        assert (later.num_actions, later.num_actions_skipped_overlap) == (
            info.num_actions,
            info.num_actions_skipped_overlap,
        )
    finally:
        server.stop()
