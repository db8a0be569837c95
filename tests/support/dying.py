"""A worker process that dies by SIGKILL at one chosen point of one account's or roll-out's work.

Points, each with a number behind it for the second and every later time::

    AccountWorkflow task begins     a workflow task was given to the worker
                    task ends       its commands are known, and the server was not told
                    task is over    the server was told, and the worker waits for what comes
    plan_account begins             an activity, or a local one, was given to the worker
                 ends               it is done, and the server was not told
    ClaimWork before its commit     a transaction of an activity, named for the change that is made
              after its commit

What leaves the process in between leaves it after one commit and before the next one, so the points around a call are
points of those.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.client import Client
from temporalio.plugin import SimplePlugin
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    WorkflowInstance,
    WorkflowInstanceDetails,
    WorkflowRunner,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from onboarding.activations import Activations
from onboarding.activators.http import HttpActivator
from onboarding.activators.port import Downstream
from onboarding.domain.settle import Answer
from onboarding.domain.state import Outcome
from onboarding.door.door import Door
from onboarding.engine import Engine
from onboarding.imports import ImportSteps
from onboarding.imports import Pace as ImportPace
from onboarding.list_deltas import ListDeltas
from onboarding.list_deltas import Pace as ListDeltaPace
from onboarding.policies import Pace as RolloutPace
from onboarding.policies import RolloutSteps
from onboarding.settings import Settings
from onboarding.storage.database import Database
from onboarding.temporal import connect
from onboarding.verifiers.lists import ListVerifier, sources_in
from onboarding.verifiers.port import Question, RepeatedStart
from onboarding.verifiers.registry import Verifiers
from onboarding.verifiers.sandbox import is_test_value
from tests.support.http_vendor import HttpVerifier
from tests.support.receiver import QUICK, SECRET
from tests.support.temporal import QUICK as CHECK_PACE
from tests.support.temporal import bench, made_worker

ASKED = "screening"
"""The kind of check that a vendor answers; a local verifier answers all others."""

STEPS = ("limits", "enable")
SETTLED_SECONDS = 0.3
"""After a task's commands are known: the server was told long ago."""

PAGES = RolloutPace(page=2, at_once=1, at_least=timedelta(), closing=timedelta(milliseconds=500))
LINES = ImportPace(page=2, at_once=1)
COMPARED = ListDeltaPace(per_second=30, page=3, at_once=1, settles_in=timedelta())


@dataclass(frozen=True)
class Orders:
    """What a process is to work on, and how it dies.

    Attributes:
        points: the file to which each point is appended as it is reached.
        vendor: where the vendor is; without one the sandbox answers everything.
        keeps_keys: whether the vendor keeps keys; else it is asked for our reference.
        receiver: where the system downstream is; without one nobody is told.
        lists: a folder of lists against which people are screened; without one by the sandbox or the vendor.
        die_at: the point at which the process ends; none if empty.
    """

    settings: Settings
    task_queue: str
    points: Path
    vendor: str = ""
    keeps_keys: bool = True
    receiver: str = ""
    lists: Path | None = None
    max_cached_workflows: int = 1000
    die_at: str = ""


@dataclass(frozen=True)
class Address:
    """Where a vendor is."""

    url: str
    page: str | None = None


class Local:
    """Passes whatever the vendor is not asked."""

    name = "local"
    version = "1"

    def answer(self, question: Question) -> Answer | None:
        """Passed, by the question's own time."""
        if question.kind == ASKED:
            return None
        return Answer(Outcome.PASSED, (), self.name, self.version, question.as_of)


def verifiers_of(orders: Orders) -> Verifiers | None:
    """Who answers what."""
    if orders.lists is not None:
        screening = ListVerifier(sources_in(orders.lists))
        screening.refresh()
        return Verifiers(exempt=is_test_value, local=(screening, Local()), serve_sandbox=True)
    if not orders.vendor:
        return None
    how = RepeatedStart.KEY if orders.keeps_keys else RepeatedStart.LOOK_UP
    asked = HttpVerifier(Address(orders.vendor), frozenset({ASKED}), repeated_start=how)
    return Verifiers(exempt=is_test_value, local=(Local(),), outward=(asked,), serve_sandbox=True)


def downstream_of(orders: Orders) -> Downstream | None:
    """Who is told."""
    if not orders.receiver:
        return None
    return Downstream(HttpActivator(orders.receiver, [SECRET]), STEPS, serve_sandbox=True)


def paced(engine: Engine) -> Engine:
    """An engine that waits for seconds where the product waits for minutes, and whose batches have small steps."""
    screening = next((one for one in engine.verifiers.local if isinstance(one, ListVerifier)), None)
    return replace(
        engine,
        import_steps=ImportSteps(engine.database, engine.ring, engine.door, engine.verifiers, LINES),
        list_deltas=ListDeltas(engine.database, engine.door, screening, COMPARED),
        rollout_steps=RolloutSteps(engine.database, engine.door, engine.policies, PAGES),
        activations=Activations(engine.door, engine.database, engine.downstream, QUICK),
    )


class Points:
    """Counts points, writes them down, and dies at one."""

    def __init__(self, file: Path, die_at: str) -> None:
        self._file = file
        self._die_at = die_at
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reach(self, name: str, *, after: float = 0.0) -> None:
        """Note a point; one that is chosen is the process's last, ``after`` seconds if it is to be told of."""
        with self._lock:
            self._counts[name] += 1
            number = self._counts[name]
            point = name if number == 1 else f"{name} {number}"
            with self._file.open("a") as file:
                file.write(point + "\n")
        if point == self._die_at:
            if after:
                threading.Thread(target=self._die, args=(after,), daemon=True).start()
            else:
                self._die(0)

    @staticmethod
    def _die(after: float) -> None:
        time.sleep(after)
        os.kill(os.getpid(), signal.SIGKILL)


_change: ContextVar[str] = ContextVar("change", default="")


class _Activity(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, points: Points) -> None:
        super().__init__(following)
        self._points = points

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 -- the SDK's signature
        info = activity.info()
        name = f"{info.activity_type}{' here' if info.is_local else ''}"
        token = _change.set("a step")
        self._points.reach(f"{name} begins")
        try:
            return await super().execute_activity(input)
        finally:
            _change.reset(token)
            self._points.reach(f"{name} ends")


@dataclass
class Watched(Interceptor):
    """Activities whose begin and end are points."""

    points: Points

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 -- the SDK's name
        """Wrap every activity."""
        return _Activity(next, self.points)


def watch_commits(points: Points) -> None:
    """Make the transactions of activities points, for the rest of this process."""
    revise, transaction = Door.revise_whole, Database.transaction

    async def named(self: Door, account_id: str, change: Any, *rest: Any, **more: Any) -> Any:
        token = _change.set(type(change).__name__) if _change.get() else None
        try:
            return await revise(self, account_id, change, *rest, **more)
        finally:
            if token is not None:
                _change.reset(token)

    @asynccontextmanager
    async def watched(self: Database, **options: Any) -> AsyncIterator[Any]:
        name = _change.get()
        async with transaction(self, **options) as tx:
            yield tx
            if name:
                points.reach(f"{name} before its commit")
        if name:
            points.reach(f"{name} after its commit")

    Door.revise_whole = named  # type: ignore[method-assign]
    Database.transaction = watched  # type: ignore[method-assign]


class _Instance(WorkflowInstance):
    """A run whose tasks are points; a replay is none."""

    def __init__(self, inner: WorkflowInstance, name: str, points: Points) -> None:
        self._inner = inner
        self._name = name
        self._points = points

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """A task, or a part of one."""
        if act.is_replaying or all(job.HasField("query_workflow") for job in act.jobs):
            return self._inner.activate(act)
        # What a local activity answers goes on with the same task; begin and end of that activity are points already.
        if not all(job.resolve_activity.is_local for job in act.jobs):
            self._points.reach(f"{self._name} task begins")
        done = self._inner.activate(act)
        if not any(command.HasField("schedule_local_activity") for command in done.successful.commands):
            self._points.reach(f"{self._name} task ends")
            self._points.reach(f"{self._name} task is over", after=SETTLED_SECONDS)
        return done

    def get_serialization_context(self, command_info: Any) -> Any:
        """As the run's own."""
        return self._inner.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:
        """As the run's own."""
        return self._inner.get_external_store_context(command_info)

    def get_info(self) -> Any:
        """As the run's own."""
        return self._inner.get_info()

    def get_thread_id(self) -> int | None:
        """As the run's own."""
        return self._inner.get_thread_id()


class WatchedRunner(WorkflowRunner):
    """The sandbox, with runs whose tasks are points."""

    def __init__(self, points: Points) -> None:
        self._inner = SandboxedWorkflowRunner()
        self._points = points

    def prepare_workflow(self, defn: Any) -> None:
        """As the sandbox does."""
        self._inner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """As the sandbox does, and watched."""
        return _Instance(self._inner.create_instance(det), det.defn.name or "", self._points)

    def set_worker_level_failure_exception_types(self, types: Any) -> None:
        """As the sandbox does."""
        self._inner.set_worker_level_failure_exception_types(types)


def work(orders: Orders) -> None:
    """The process: a worker until it is killed, by itself or by another."""
    asyncio.run(_work(orders))


async def _work(orders: Orders) -> None:
    points = Points(orders.points, orders.die_at)
    watch_commits(points)
    plain = await connect(orders.settings, lazy=False)
    plugin = SimplePlugin("dying", interceptors=[Watched(points)], workflow_runner=WatchedRunner(points))
    config = plain.config()
    config["plugins"] = [plugin]
    client = Client(**config)
    async with bench(
        orders.settings,
        client,
        verifiers_of(orders),
        pace=CHECK_PACE,
        working=False,
        downstream=downstream_of(orders),
        task_queue=orders.task_queue,
    ) as made:
        made.engine = paced(made.engine)
        async with made_worker(made, orders.max_cached_workflows):
            await asyncio.Event().wait()
