"""Temporal that is away, comes back, or comes back empty."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus

from onboarding.local import LocalTemporal
from onboarding.local.processes import answers_ok, free_port
from onboarding.settings import Settings
from onboarding.temporal import connect, namespace_id
from tests.support.temporal import bench, eventually, made_worker
from tests.workflows.conftest import start_temporal
from tests.workflows.recording import record
from workflows import names
from workflows.messages import SweepInput

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def away(settings: Settings) -> Settings:
    """Settings of a process whose Temporal is not there yet."""
    return settings.model_copy(update={"temporal_address": f"127.0.0.1:{free_port()}"})


@contextmanager
def temporal(settings: Settings, folder: Path) -> Iterator[LocalTemporal]:
    """A server with fresh storage where the settings say."""
    server = start_temporal(folder, port=int(settings.temporal_address.rpartition(":")[2]))
    try:
        yield server
    finally:
        server.stop()


async def test_accounts_are_accepted_without_temporal_and_found_when_it_is_back(away: Settings, tmp_path: Path) -> None:
    async with bench(away, await connect(away), working=False) as made:
        caller = await made.platform()
        started = time.monotonic()
        account_ids = [await made.account(caller) for _ in range(10)]
        assert time.monotonic() - started < 2  # nobody waited for Temporal

        async def nobody_was_told() -> bool:
            return made.nudger.dropped == len(account_ids)

        await eventually(nobody_was_told)
        with temporal(away, tmp_path):
            made.client = client = await connect(away, lazy=False)
            async with made_worker(made):
                # As the Schedule does every minute.
                swept = await client.execute_workflow(
                    names.SWEEP_WORKFLOW, SweepInput(500), id="sweep-now", task_queue=made.task_queue
                )
                assert swept["due"] >= swept["nudged"] >= len(account_ids)
                await record("sweep", await made.history("sweep-now"))
                for account_id in account_ids:

                    async def is_collected(account_id: str = account_id) -> bool:
                        status = await made.status(names.account_workflow_id(account_id))
                        return status is WorkflowExecutionStatus.RUNNING

                    await eventually(is_collected)


async def test_nudges_never_block_and_never_fail(away: Settings) -> None:
    async with bench(away, await connect(away), working=False) as made:
        started = time.monotonic()
        for number in range(20_000):
            made.nudger.nudge(f"acct_{number % 12_000}")
        assert time.monotonic() - started < 1
        assert made.nudger.dropped > 0  # bounded
        assert await made.nudger.nudge_all(["acct_1", "acct_2"]) == 0


async def test_new_storage_voids_every_claim(away: Settings, tmp_path: Path) -> None:
    """Temporal's storage is deleted: the account's run comes again, and its row's claim does not stand in the way."""
    async with bench(away, await connect(away), working=False) as made:
        caller = await made.platform()
        with temporal(away, tmp_path):
            made.client = client = await connect(away, lazy=False)
            first = await namespace_id(client)
            await made.engine.work.meet_temporal(first)
            assert not await made.engine.work.meet_temporal(first)
            async with made_worker(made):
                account_id = await made.account(caller)

                async def is_claimed() -> object:
                    [row] = await made.fetch("SELECT run_lease_until FROM accounts WHERE id = $1", account_id)
                    return row["run_lease_until"]

                await eventually(is_claimed)
                assert account_id not in await made.engine.work.sweep(500)
        with temporal(away, tmp_path):
            made.client = client = await connect(away, lazy=False)
            assert await made.engine.work.meet_temporal(await namespace_id(client))
            assert account_id in await made.engine.work.sweep(500)


def worker_environment(settings: Settings, health_port: int) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "TEMPORAL_ADDRESS": settings.temporal_address,
        "ONBOARDING_ROOT_KEYS": settings.root_keys.get_secret_value(),
        "ONBOARDING_WORKER_HEALTH_PORT": str(health_port),
        "ONBOARDING_SWEEP_INTERVAL": "2",
        "ONBOARDING_TASK_QUEUE": f"away-{health_port}",
    }


@contextmanager
def worker_process(
    settings: Settings, health_port: int, log: Path, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "worker.py"],
            cwd=ROOT,
            env={**worker_environment(settings, health_port), **environment},
            stdout=output,
            stderr=output,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


async def test_worker_starts_without_temporal_survives_its_loss_and_ends_gracefully(
    away: Settings, tmp_path: Path
) -> None:
    port = free_port()
    async with bench(away, await connect(away), working=False) as made:
        caller = await made.platform()
        account_id = await made.account(caller)  # while nobody is there to work on it
        with worker_process(away, port, tmp_path / "worker.log") as process:

            async def lives() -> bool:
                return await asyncio.to_thread(answers_ok, "127.0.0.1", port, "/health")

            async def is_ready() -> bool:
                return await asyncio.to_thread(answers_ok, "127.0.0.1", port, "/ready")

            async def is_not_ready() -> bool:
                return not await is_ready()

            await eventually(lives, within=30)
            assert not await is_ready()
            with temporal(away, tmp_path):
                await eventually(is_ready, within=60)  # its first sweep takes ten seconds where hundreds are due
                made.client = await connect(away, lazy=False)

                async def works() -> bool:
                    status = await made.status(names.account_workflow_id(account_id))
                    return status is WorkflowExecutionStatus.RUNNING

                await eventually(works)
            await eventually(is_not_ready, within=30)
            with temporal(away, tmp_path):  # another storage: no Schedule, no runs
                await eventually(is_ready, within=60)  # its first sweep takes ten seconds where hundreds are due
                made.client = await connect(away, lazy=False)
                await eventually(works, within=30)
                process.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(process.wait, 20) == 0
    assert "Rosen" not in (tmp_path / "worker.log").read_text()
