"""The SDK's own metrics, as a worker's process lets others read or sends them."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
from temporalio.client import Client

from onboarding.local.processes import answers_ok, free_port
from onboarding.settings import Settings
from tests.api.test_process import Collector
from tests.support.temporal import eventually
from tests.workflows.test_away import worker_process

FAILED = "temporal_workflow_task_execution_failed"
NOBODY_KNOWS = "NoSuchWorkflow"
"""A workflow that no worker has: each of its tasks fails."""


async def until_ready(port: int) -> None:
    async def is_ready() -> bool:
        return await asyncio.to_thread(answers_ok, "127.0.0.1", port, "/ready")

    await eventually(is_ready, within=90)


async def test_a_failing_workflow_task_can_be_read_from_the_address(
    temporal_settings: Settings, client: Client, tmp_path: Path
) -> None:
    health, port = free_port(), free_port()
    metrics = {"ONBOARDING_TEMPORAL_METRICS": f"127.0.0.1:{port}"}
    with worker_process(temporal_settings, health, tmp_path / "worker.log", **metrics):
        await until_ready(health)

        async def read() -> str:
            async with httpx.AsyncClient(trust_env=False) as http:
                return (await http.get(f"http://127.0.0.1:{port}/metrics")).text

        told = await read()
        assert re.search(r'^temporal_\w+\{[^}]*service_name="onboarding-worker"', told, re.MULTILINE), told
        failing = re.compile(rf'^{FAILED}\{{[^}}]*workflow_type="{NOBODY_KNOWS}"[^}}]*\}} [1-9]', re.MULTILINE)
        assert not failing.search(told)
        run = await client.start_workflow(NOBODY_KNOWS, id=f"nobody-{port}", task_queue=f"away-{health}")

        async def is_told() -> bool:
            return failing.search(await read()) is not None

        await eventually(is_told, within=20)
        await run.terminate()


async def test_without_an_address_they_are_sent_with_the_other_measurements(
    temporal_settings: Settings, tmp_path: Path
) -> None:
    health = free_port()
    with Collector() as collector:
        sent = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_METRIC_EXPORT_INTERVAL": "500"}
        with worker_process(temporal_settings, health, tmp_path / "worker.log", **sent):
            await until_ready(health)

            async def has_come() -> bool:
                return any(
                    path == "/v1/metrics" and b"temporal_num_pollers" in body and b"onboarding-worker" in body
                    for path, body in list(collector.bodies)
                )

            await eventually(has_come, within=30)


async def test_an_address_that_is_taken_is_said_and_the_worker_does_not_start(
    temporal_settings: Settings, tmp_path: Path
) -> None:
    holder = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    async with holder:
        port = holder.sockets[0].getsockname()[1]
        log = tmp_path / "worker.log"
        metrics = {"ONBOARDING_TEMPORAL_METRICS": f"127.0.0.1:{port}"}
        with worker_process(temporal_settings, free_port(), log, **metrics) as process:
            assert await asyncio.to_thread(process.wait, 30) == 1
    assert log.read_text().startswith("cannot start: ONBOARDING_TEMPORAL_METRICS: ")
    assert "Address already in use" in log.read_text()
