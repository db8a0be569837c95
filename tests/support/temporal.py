"""A worker on the real engine and a real Temporal server, in this process."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities.messages import Sweep
from activities.sweep import SweepActivities
from onboarding.activations import Activations
from onboarding.activators.port import Downstream
from onboarding.attempts import Pace
from onboarding.checks import Checks
from onboarding.domain.activations import Rhythm
from onboarding.door.callers import Caller
from onboarding.engine import Engine, open_engine
from onboarding.ids import new_id
from onboarding.settings import Settings
from onboarding.storage import keys
from onboarding.temporal import Nudger
from onboarding.verifiers.registry import Verifiers
from tests.support.samples import BANK_ACCOUNT, RECIPIENT, RECIPIENT_DETAILS, patched
from worker import make_worker
from workflows import names
from workflows.schedule import target

QUICK = Pace(
    first=timedelta(milliseconds=200),
    longest=timedelta(seconds=1),
    call=timedelta(seconds=1),
    patience=timedelta(seconds=2),
)
"""Seconds where the product waits for minutes."""


async def status_of(client: Client, workflow_id: str) -> WorkflowExecutionStatus | None:
    """How the newest run of a workflow stands; None if there never was one."""
    try:
        return (await client.get_workflow_handle(workflow_id).describe()).status
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def sweep(engine: Engine, nudger: Nudger) -> None:
    """What the Schedule has done every minute."""
    await ActivityEnvironment().run(SweepActivities(engine, nudger).sweep_accounts, Sweep(500))


@dataclass
class Bench:
    """An engine, and a worker for it on a task queue of its own."""

    engine: Engine
    client: Client
    nudger: Nudger
    checks: Checks
    task_queue: str

    async def platform(self, *, livemode: bool = False) -> Caller:
        """A caller of a new platform."""
        platform_id = new_id("plat_")
        async with self.engine.database.transaction() as tx:
            await keys.create_platform(tx, platform_id=platform_id)
        return Caller(platform_id, livemode, "key_test")

    async def fetch(self, sql: str, *parameters: object) -> list[Any]:
        """Rows of one statement."""
        async with self.engine.database.reading() as reading:
            return await reading.fetch(sql, *parameters)

    async def sweep(self, nudger: Nudger | None = None) -> None:
        """What the Schedule does every minute."""
        await sweep(self.engine, nudger or self.nudger)

    async def account(self, caller: Caller) -> str:
        """A new individual of whom nothing is known yet."""
        view = await self.engine.accounts.create(caller, patched(RECIPIENT, identity__country="US"), None)
        return str(view.account["id"])

    async def supply(self, caller: Caller, account_id: str) -> None:
        """Everything that such an individual is asked for."""
        await self.engine.accounts.update(caller, account_id, patched(RECIPIENT_DETAILS), None)
        await self.engine.accounts.create_bank_account(caller, account_id, {"external_account": BANK_ACCOUNT}, None)

    async def history(self, workflow_id: str) -> WorkflowHistory:
        """The history of the newest run."""
        return await self.client.get_workflow_handle(workflow_id).fetch_history()

    async def status(self, workflow_id: str) -> WorkflowExecutionStatus | None:
        """How the newest run of a workflow stands; None if there never was one."""
        return await status_of(self.client, workflow_id)

    async def ended(self, account_id: str, within: float = 20.0) -> None:
        """Wait until no run works on the account."""

        async def has_ended() -> bool:
            status = await self.status(names.account_workflow_id(account_id))
            return status not in (None, WorkflowExecutionStatus.RUNNING)

        await eventually(has_ended, within)


@asynccontextmanager
async def bench(  # noqa: PLR0913 -- everything that a test may replace
    settings: Settings,
    client: Client,
    verifiers: Verifiers | None = None,
    *,
    pace: Pace = QUICK,
    working: bool = True,
    work: Callable[[Engine], Any] | None = None,
    orders: Callable[[Engine], Any] | None = None,
    downstream: Downstream | None = None,
    rhythm: Rhythm | None = None,
    max_cached_workflows: int = 1000,
    version: str = "",
    task_queue: str = "",
) -> AsyncIterator[Bench]:
    """A bench; ``working`` False leaves the worker out, ``work`` and ``orders`` make what it asks instead of theirs.

    ``downstream`` confirms capabilities, in its own ``rhythm``.
    """
    task_queue = task_queue or f"test-{uuid.uuid4()}"
    nudger = Nudger(client, task_queue=task_queue, target=target)
    engine = await open_engine(
        settings,
        verifiers=verifiers,
        downstream=downstream,
        nudge=nudger.nudge,
    )
    if rhythm is not None:
        telling = Activations(engine.door, engine.database, engine.downstream, rhythm)
        engine = replace(engine, activations=telling)
    if work is not None:
        engine = replace(engine, work=work(engine))
    if orders is not None:
        engine = replace(engine, orders=orders(engine))
    checks = Checks(engine.door, engine.database, engine.verifiers, engine.inbox, pace, engine.files)
    made = Bench(engine, client, nudger, checks, task_queue)
    try:
        if working:
            async with made_worker(made, max_cached_workflows, version):
                yield made
        else:
            yield made
    finally:
        await nudger.close()
        await engine.close()


@asynccontextmanager
async def made_worker(made: Bench, max_cached_workflows: int = 1000, version: str = "") -> AsyncIterator[None]:
    """The product's own worker for a bench."""
    worker = make_worker(
        made.client,
        made.engine,
        made.nudger,
        task_queue=made.task_queue,
        checks=made.checks,
        version=version,
        max_cached_workflows=max_cached_workflows,
    )
    async with worker:
        yield


def event_names(history: WorkflowHistory) -> list[str]:
    """The types of a history's events, in order."""
    return [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events]


def failed_tasks(history: WorkflowHistory) -> set[str]:
    """Why workflow tasks of a run failed; a nudge that comes while one is at work is no reason."""
    causes = {
        WorkflowTaskFailedCause.Name(event.workflow_task_failed_event_attributes.cause)
        for event in history.events
        if event.HasField("workflow_task_failed_event_attributes")
    }
    return causes - {"WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND"}


async def eventually(is_so: Callable[[], Awaitable[object]], within: float = 20.0) -> None:
    """Wait until something is so."""
    until = time.monotonic() + within
    while not await is_so():
        assert time.monotonic() < until, f"not so after {within} s"
        await asyncio.sleep(0.05)
