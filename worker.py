"""The worker: what an operator starts beside the API, any number of times. ``python worker.py``.

It starts without Postgres and without Temporal, says so on ``/ready``, and goes on trying; it ends gracefully on
SIGTERM and SIGINT. This module puts the process together, and nothing imports it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError
from temporalio.worker import PollerBehaviorAutoscaling, Worker, WorkerDeploymentConfig

from activities.accounts import AccountActivities
from activities.activations import ActivationActivities
from activities.checks import CheckActivities
from activities.errors import Closed
from activities.imports import ImportActivities
from activities.orders import OrderActivities
from activities.policies import PolicyActivities
from activities.reviews import ReviewActivities
from activities.screening import ScreeningActivities
from activities.sweep import SweepActivities
from onboarding import telemetry
from onboarding.checks import Checks
from onboarding.engine import Engine, open_engine
from onboarding.process_exit import settle_before_exit
from onboarding.settings import Settings, SettingsError, load_settings
from onboarding.storage import book
from onboarding.temporal import Nudger, connect, export_metrics, namespace_id
from onboarding.verifiers.configured import screening_from, verifiers_from
from onboarding.verifiers.lists import ListRefused, ListVerifier
from onboarding.verifiers.registry import Verifiers
from workflows.account import AccountWorkflow
from workflows.activation import ActivationWorkflow
from workflows.check import CheckWorkflow
from workflows.imports import ImportWorkflow
from workflows.list_delta import ListDeltaWorkflow
from workflows.review import ReviewWorkflow
from workflows.rollout import RolloutWorkflow
from workflows.schedule import ensure_sweeps, target
from workflows.sweep import SweepWorkflow

RETRY_SECONDS = 2.0
"""Between two tries to reach Postgres or Temporal at the start."""

WATCH_SECONDS = 10.0
"""Between two looks at Temporal: whether it is there, and still the same storage."""

LISTS_SECONDS = 60.0
"""Between two looks at the files of the screening lists; a look at unchanged ones costs a few calls of ``stat``."""

GRACE = timedelta(seconds=10)
"""For activities under way when the worker is asked to end: less than the 30 s after which orchestrators kill."""

SWEEPS_MISSED = 3
"""The last sweep is old when so many should have come since."""

_log = structlog.stdlib.get_logger("worker")


@dataclass
class Health:
    """What ``/ready`` says: code by code, what keeps this process from working."""

    postgres: bool = False
    temporal: bool = False
    polling: bool = False
    sweeps: bool = False

    @property
    def missing(self) -> list[str]:
        """Names of what is not there."""
        return [name for name in ("postgres", "temporal", "polling", "sweeps") if not getattr(self, name)]


def make_worker(
    client: Client,
    engine: Engine,
    nudger: Nudger,
    *,
    task_queue: str,
    checks: Checks,
    version: str = "",
    max_cached_workflows: int = 1000,
) -> Worker:
    """The worker with all workflows and activities; tests and benchmarks run this one too.

    With a ``version``, ``deployment.build``, each run stays on the version that it began on and those that live long
    begin anew on the current one (docs/upgrades.md); the server gives such a worker nothing before it is told to.
    """
    reviews = ReviewActivities(engine.reviews)
    return Worker(
        client,
        task_queue=task_queue,
        workflows=[
            AccountWorkflow,
            ActivationWorkflow,
            CheckWorkflow,
            ImportWorkflow,
            ListDeltaWorkflow,
            ReviewWorkflow,
            RolloutWorkflow,
            SweepWorkflow,
        ],
        activities=[
            AccountActivities(engine.work).plan_account,
            ActivationActivities(engine.activations).advance_activation,
            OrderActivities(engine.orders).place_order,
            OrderActivities(engine.orders).undo_order,
            CheckActivities(checks).advance_check,
            ImportActivities(engine.import_steps).step_import,
            PolicyActivities(engine.rollout_steps).step_rollout,
            reviews.see_review,
            reviews.decide_review,
            ScreeningActivities(engine.list_deltas).step_list_delta,
            SweepActivities(engine, nudger, engine.settings.sweep_rate).sweep_accounts,
        ],
        interceptors=[Closed()],
        deployment_config=_deployment(version) if version else None,
        max_cached_workflows=max_cached_workflows,
        graceful_shutdown_timeout=GRACE,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
    )


def _deployment(version: str) -> WorkerDeploymentConfig:
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion.from_canonical_string(version),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.PINNED,
    )


async def serve(settings: Settings, stop: asyncio.Event, verifiers: Verifiers | None = None) -> None:
    """Run until ``stop`` is set."""
    health = Health()
    server = await asyncio.start_server(
        lambda reader, writer: _answer(health, reader, writer), "127.0.0.1", settings.worker_health_port
    )
    async with server:
        screening = screening_from(settings) if verifiers is None else None
        chosen = verifiers or verifiers_from(settings, screening)
        if screening is not None:
            await _refresh(screening)  # a screening planned without them would wait for an hour
        tasks = [asyncio.create_task(stop.wait()), asyncio.create_task(_work(settings, health, chosen))]
        if screening is not None:
            tasks.append(asyncio.create_task(_keep_lists_fresh(screening)))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _keep_lists_fresh(screening: ListVerifier) -> None:
    """Look now and then whether the files of the lists changed."""
    while True:
        await asyncio.sleep(LISTS_SECONDS)
        await _refresh(screening)


async def _refresh(screening: ListVerifier) -> None:
    try:
        if await asyncio.to_thread(screening.refresh):
            _log.info("lists_loaded", version=screening.version)
    except ListRefused as refused:
        # Whatever was loaded before stays in use.
        _log.error("list_refused", list=refused.list_name, code=refused.code)


async def _work(settings: Settings, health: Health, verifiers: Verifiers) -> None:
    client = await connect(settings)
    nudger = Nudger(client, task_queue=settings.task_queue, target=target)
    engine = await _open(settings, verifiers, nudger)
    health.postgres = True
    try:
        while True:
            try:
                await _poll(settings, health, engine, nudger, verifiers)
            except Exception as error:  # noqa: BLE001 -- a worker that ends by itself is started again, whatever it was
                _log.warning("worker_stopped_by_itself", error=type(error).__name__)
            health.polling = False
            await asyncio.sleep(RETRY_SECONDS)
    finally:
        await nudger.close()
        await engine.close()


async def _open(settings: Settings, verifiers: Verifiers, nudger: Nudger) -> Engine:
    while True:
        try:
            return await open_engine(
                settings,
                verifiers=verifiers,
                nudge=nudger.nudge,
            )
        except Exception as error:  # noqa: BLE001 -- not there, not migrated yet, or still starting: all pass with time
            _log.warning("waiting_for_postgres", error=type(error).__name__)
        await asyncio.sleep(RETRY_SECONDS)


async def _poll(settings: Settings, health: Health, engine: Engine, nudger: Nudger, verifiers: Verifiers) -> None:
    """Meet Temporal, then work until something breaks."""
    client = await _connect(settings, health)
    known = await _meet(settings, client, engine)
    checks = Checks(engine.door, engine.database, verifiers, engine.inbox, files=engine.files)
    worker = make_worker(
        client, engine, nudger, task_queue=settings.task_queue, checks=checks, version=settings.worker_version
    )
    async with worker:
        health.polling = True
        await _watch(settings, health, client, engine, known)


async def _connect(settings: Settings, health: Health) -> Client:
    while True:
        try:
            client = await connect(settings, identity=f"worker@{socket.gethostname()}:{os.getpid()}", lazy=False)
        except (RPCError, RuntimeError) as error:
            health.temporal = False
            _log.warning("waiting_for_temporal", error=type(error).__name__)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            health.temporal = True
            return client


async def _meet(settings: Settings, client: Client, engine: Engine) -> str:
    """Compare Temporal's storage with the one that is known, and see that it sweeps."""
    found = await namespace_id(client)
    if await engine.work.meet_temporal(found):
        _log.warning("temporal_storage_is_new")  # all claims of before are void
    await ensure_sweeps(client, task_queue=settings.task_queue, every=settings.sweep_interval)
    return found


async def _watch(settings: Settings, health: Health, client: Client, engine: Engine, known: str) -> None:
    """Keep the health up to date. A namespace that came back as another one has lost the Schedule and every run."""
    started = datetime.now(UTC)
    while True:
        try:
            found = await namespace_id(client)
            health.temporal = True
            if found != known:
                known = await _meet(settings, client, engine)
        except (RPCError, RuntimeError):
            health.temporal = False
        try:
            async with engine.database.reading() as reading:
                row = await book.get(reading)
            health.postgres = True
            oldest = datetime.now(UTC) - SWEEPS_MISSED * settings.sweep_interval - timedelta(seconds=WATCH_SECONDS)
            health.sweeps = row.last_sweep_at is not None and row.last_sweep_at > oldest
        except Exception as error:  # noqa: BLE001 -- whatever it is, this process can't do its work without it
            _log.warning("postgres_away", error=type(error).__name__)
            health.postgres = False
        # Often at first, so that whoever waits for this process is not kept waiting.
        young = datetime.now(UTC) - started < timedelta(seconds=2 * WATCH_SECONDS)
        await asyncio.sleep(WATCH_SECONDS / 40 if young and not health.sweeps else WATCH_SECONDS)


async def _answer(health: Health, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request: ``/health`` says that the process lives, ``/ready`` that it works. Too little for a web server."""
    with suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
        async with asyncio.timeout(5):
            line = await reader.readline()
            while (await reader.readline()).strip():
                pass
        path = line.split(b" ")[1] if line.count(b" ") > 1 else b""
        missing = health.missing
        if path == b"/health":
            status, body = "200 OK", "ok"
        elif path == b"/ready":
            status, body = ("503 Service Unavailable", " ".join(missing)) if missing else ("200 OK", "ready")
        else:
            status, body = "404 Not Found", "not found"
        text = (
            f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write((text + body).encode())
        await writer.drain()
    writer.close()


async def _run(settings: Settings) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(settings, stop)


def main() -> int:
    """Run until asked to stop; the exit status."""
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.stderr.write(f"cannot start: {error}\n")
        return 1
    telemetry.setup_telemetry("onboarding-worker")
    telemetry.setup_logging()
    try:
        export_metrics("onboarding-worker", settings.temporal_metrics)
        asyncio.run(_run(settings))
    except SettingsError as error:
        sys.stderr.write(f"cannot start: {error}\n")
        return 1
    except ListRefused as refused:
        sys.stderr.write(f"cannot start: ONBOARDING_SCREENING_LISTS: {refused}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"cannot start: {error.strerror or type(error).__name__}\n")
        return 1
    finally:
        telemetry.shutdown_telemetry()
        settle_before_exit()
    return 0


if __name__ == "__main__":
    sys.exit(main())
