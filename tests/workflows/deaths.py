"""What a story needs whose worker is a process of its own that may be killed, and what is left of it in the end.

A story has an account (or a batch of them), a task queue and a worker process to itself, so it dies at the point that
is meant and at no other. Everybody else is in the process of the tests and goes on: the platform, the reviewer, the
sweep, and in the end the worker that takes the dead one's place. The stories are in ``dying_stories``.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import time
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError

from onboarding.checks import Checks
from onboarding.domain.errors import Refusal
from onboarding.door.callers import Caller
from onboarding.engine import Engine, open_engine
from onboarding.ids import new_id
from onboarding.inspection import inspect
from onboarding.settings import Settings
from onboarding.storage import keys
from onboarding.storage.faults import ConnectionLost, StatementFailed
from onboarding.temporal import SWEEP_DEADLINE, Nudger, Target
from tests.support.dying import Orders, downstream_of, paced, verifiers_of, work
from tests.support.http_vendor import HttpVendor
from tests.support.receiver import Receiver
from tests.support.temporal import QUICK as CHECK_PACE
from tests.support.temporal import Bench, failed_tasks, made_worker, status_of, sweep
from tests.workflows.recording import replay
from workflows import names
from workflows.schedule import target

LOOK_SECONDS = 0.3
END_SECONDS = 240.0
"""A step under way in a killed worker is begun anew after 10 to 20 s; some stories need it twice."""

SWEEP_SECONDS = 1.0
MOST = 3
"""Points of one name, where a story says nothing else."""

AT_ONCE = 6
"""Stories, each of which has a worker process."""

_processes = multiprocessing.get_context("forkserver")


def prepare_processes() -> None:
    """Load what worker processes need once, in the process that all of them are copies of; takes seconds."""
    _processes.set_forkserver_preload(["tests.support.dying", "tests.support.warm"])
    first = _processes.Process(target=time.sleep, args=(0,), daemon=True)
    first.start()
    first.join()


class Routed(Nudger):
    """Nudges for the stories: each has a task queue of its own, and what belongs to none of them is left alone."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, task_queue="", target=target)
        self._queues: dict[str, Nudger] = {}

    def route(self, ids: Collection[str], task_queue: str) -> None:
        """From now on nudges about these accounts or batches go to that queue, and one goes at once."""
        self.expect(ids, task_queue)
        for one in ids:
            self.nudge(one)

    def expect(self, ids: Iterable[str], task_queue: str) -> None:
        """From now on nudges about these go to that queue."""
        self._queues |= dict.fromkeys(ids, Nudger(self._client, task_queue=task_queue, target=target))

    async def send(self, target: Target, *, deadline: timedelta = SWEEP_DEADLINE) -> bool:
        """By the queue of whom it is about."""
        about = [getattr(target.input, name, "") for name in ("account_id", "rollout_id", "import_id", "delta_id")]
        nudger = next((self._queues[one] for one in about if one in self._queues), None)
        return nudger is not None and await nudger.send(target, deadline=deadline)


@dataclass
class World:
    """What all stories share.

    Attributes:
        engines: by the vendor that is asked; "" is one where the sandbox answers, and no system downstream is told.
        silent: a vendor that keeps keys, and never reports by itself.
        polled: one that keeps none, can be asked for our reference, and has an answer at the second poll.
        new_book: makes a database for a story that needs one of its own.
    """

    settings: Settings
    client: Client
    nudger: Routed
    folder: Path
    engines: dict[str, Engine]
    silent: HttpVendor
    polled: HttpVendor
    receiver: Receiver
    new_book: Callable[[], str]
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _books: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def sandboxed(self) -> Engine:
        """The engine where the sandbox answers."""
        return self.engines[""]

    async def book(self) -> Settings:
        """Settings of a new database; migrations run one at a time in a process."""
        async with self._books:
            return self.settings.model_copy(update={"database_url": await asyncio.to_thread(self.new_book)})

    def orders(self, task_queue: str, vendor: str, **more: Any) -> Orders:
        """What a worker is told."""
        made = Orders(self.settings, task_queue, self.folder / (task_queue or "nobody"), **more)
        if not vendor:
            return made
        asked: HttpVendor = getattr(self, vendor)
        return replace(made, vendor=asked.url, keeps_keys=asked.keeps_keys, receiver=self.receiver.address)

    def worker(self, engine: Engine, task_queue: str, cached: int) -> Any:
        """A worker in this process, as a context manager."""
        checks = Checks(engine.door, engine.database, engine.verifiers, engine.inbox, CHECK_PACE)
        return made_worker(Bench(engine, self.client, self.nudger, checks, task_queue), cached)

    async def status(self, workflow_id: str) -> WorkflowExecutionStatus | None:
        """How the newest run stands; None if there was none."""
        return await status_of(self.client, workflow_id)


@asynccontextmanager
async def opened(settings: Settings, client: Client, folder: Path, new_book: Callable[[], str]) -> AsyncIterator[World]:
    """A world that sweeps until the block ends."""
    nudger = Routed(client)
    settings = settings.model_copy(update={"database_pool_size": 15})  # a worker process has a small pool of its own
    with (
        HttpVendor(reports_after=None) as silent,
        HttpVendor(reports_after=2, keeps_keys=False) as polled,
        Receiver(folder / "receiver") as receiver,
    ):
        engines: dict[str, Engine] = {}
        world = World(
            settings.model_copy(update={"database_pool_size": 5}),
            client,
            nudger,
            folder,
            engines,
            silent,
            polled,
            receiver,
            new_book,
        )
        for vendor in ("", "silent", "polled"):
            orders = world.orders("", vendor)
            known, told = verifiers_of(orders), downstream_of(orders)
            engines[vendor] = paced(await open_engine(settings, verifiers=known, downstream=told, nudge=nudger.nudge))
        sweeping = asyncio.create_task(_sweep(world))
        try:
            yield world
        finally:
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)
            await nudger.close()
            for engine in engines.values():
                await engine.close()


async def _sweep(world: World) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        with suppress(Refusal, ConnectionLost, StatementFailed):  # the next one is due soon
            await sweep(world.sandboxed, world.nudger)


@dataclass
class Story:
    """One life, from its begin to its end.

    Attributes:
        kinds: how the names of the points begin that are this story's own; others tell the rest.
        at_most: how many points of one name, by how the name begins: polls and looks go on for as long as one waits.
        cached: runs that its worker keeps between two tasks; 0 has every task replay its run.
        vendor: which vendor of the world is asked; where one is, the receiver is told, too.
        expected: of what is left.
    """

    world: World
    orders: Orders
    kinds: ClassVar[tuple[str, ...]] = ()
    cached: ClassVar[int] = 1000
    vendor: ClassVar[str] = ""
    at_most: ClassVar[dict[str, int]] = {}
    expected: ClassVar[dict[str, Any]] = {}
    id: str = ""
    said: list[str] = field(default_factory=list)

    @classmethod
    def chosen(cls, points: Iterable[str]) -> list[str]:
        """Points at which its worker is to die, of those that it came to."""
        found = []
        for point in dict.fromkeys(points):
            if point.startswith(cls.kinds):
                number = int(point.rpartition(" ")[2]) if point[-1].isdigit() else 1
                limit = next((most for begin, most in cls.at_most.items() if point.startswith(begin)), MOST)
                found += [point] if number <= limit else []
        return found

    @property
    def engine(self) -> Engine:
        """What everybody but its worker process works with."""
        return self.world.engines[self.vendor]

    async def fetch(self, sql: str, *parameters: object) -> list[Any]:
        """Rows of one statement."""
        async with self.engine.database.reading() as reading:
            return await reading.fetch(sql, *parameters)

    async def caller(self) -> Caller:
        """Of a new platform."""
        platform_id = new_id("plat_")
        async with self.engine.database.transaction() as tx:
            await keys.create_platform(tx, platform_id=platform_id)
        return Caller(platform_id, livemode=False, actor="key_test")

    async def begin(self) -> None:
        """What the platform does at first."""
        raise NotImplementedError

    async def go_on(self) -> bool:
        """Do what people and systems outside do now; whether it is over."""
        raise NotImplementedError

    async def left(self) -> dict[str, Any]:
        """What is left of it, without ids and times."""
        raise NotImplementedError

    async def wrong(self) -> list[str]:
        """What must not be, whatever happened."""
        problems = await self.inspected(self.id)
        for run in await self.runs():
            history = await self.world.client.get_workflow_handle(run).fetch_history()
            await replay(history)
            problems += [f"{run}: {cause}" for cause in failed_tasks(history)]
        return problems

    async def inspected(self, *account_ids: str) -> list[str]:
        """What an inspection finds about accounts."""
        found = [await inspect(self.engine.database, self.engine.ring, account_id=one) for one in account_ids]
        return [f"{one.rule} {one.object_id}: {one.says}" for each in found for one in each.findings]

    async def close(self) -> None:
        """Let go of what is its own."""

    async def runs(self) -> list[str]:
        """Ids of all runs that it had."""
        fetch = self.fetch
        checks = await fetch("SELECT check_id FROM attempts WHERE account_id = $1", self.id)
        told = await fetch("SELECT capability FROM activations WHERE account_id = $1", self.id)
        reviews = await fetch("SELECT id FROM reviews WHERE account_id = $1", self.id)
        return [
            names.account_workflow_id(self.id),
            *(names.check_workflow_id(row[0]) for row in checks),
            *(names.activation_workflow_id(self.id, row[0]) for row in told),
            *(names.review_workflow_id(row[0]) for row in reviews),
        ]

    async def awaited(self) -> list[str]:
        """What is still to come: runs that have not ended, and whoever owes a look."""
        owed = "SELECT look_at FROM accounts WHERE id = $1 AND look_at <= clock_timestamp() + interval '1 day'"
        looks = [f"a look at {row[0]:%H:%M:%S}" for row in await self.fetch(owed, self.id)]
        found = {run: await self.world.status(run) for run in await self.runs()}
        none_yet = [] if found[names.account_workflow_id(self.id)] else ["the account's first run"]
        return [*looks, *none_yet, *(run for run, one in found.items() if one is WorkflowExecutionStatus.RUNNING)]

    async def have_ended(self) -> bool:
        """Whether nothing runs any more, and nobody owes a look."""
        return not await self.awaited()

    async def stage(self) -> str:
        """Of the account."""
        [row] = await self.fetch("SELECT stage FROM accounts WHERE id = $1", self.id)
        return str(row[0])

    async def rows(self) -> dict[str, Any]:
        """Everything of an account that tells how it ended and what it cost."""
        [account] = await self.fetch("SELECT stage, evaluation FROM accounts WHERE id = $1", self.id)
        capabilities = account["evaluation"]["capabilities"]
        told: dict[str, Any] = {
            "stage": account["stage"],
            "capabilities": {name: one["status"] for name, one in capabilities.items()},
        }
        for name, sql in _ROWS.items():
            told[name] = [tuple(row) for row in await self.fetch(sql, self.id)]
        return told

    async def update(self, run: str, update: str, payload: Any, update_id: str) -> Any:
        """Send an update as the UI does, again while nobody answers; its answer, or the code of its refusal."""
        handle = self.world.client.get_workflow_handle(run)
        while True:
            try:
                return await handle.execute_update(update, payload, id=update_id, rpc_timeout=timedelta(seconds=20))
            except WorkflowUpdateFailedError as error:
                return f"refused: {getattr(error.cause, 'type', None)}"
            except (WorkflowUpdateRPCTimeoutOrCancelledError, RPCError):
                await asyncio.sleep(LOOK_SECONDS)


_ROWS = {
    "checks": "SELECT kind, state FROM checks WHERE account_id = $1 ORDER BY 1, 2",
    "attempts": "SELECT c.kind, a.verifier, a.number, a.state FROM attempts a JOIN checks c ON c.id = a.check_id"
    " WHERE a.account_id = $1 ORDER BY 1, 3",
    "evidence": "SELECT kind, outcome, attempt, contested FROM evidence WHERE account_id = $1 ORDER BY 1, 2, 3",
    "orders": "SELECT kind, reason, capability, undone_at IS NOT NULL FROM orders WHERE account_id = $1",
    "activations": "SELECT capability, state, desired, acknowledged, version, acknowledged_version, done"
    " FROM activations WHERE account_id = $1 ORDER BY 1",
    "acknowledgements": 'SELECT capability, "on" FROM acknowledgements WHERE account_id = $1 ORDER BY 1',
    "reviews": "SELECT queue, state, decision FROM reviews WHERE account_id = $1 ORDER BY 1",
    "events": "SELECT type, count(*) FROM events WHERE account_id = $1 GROUP BY 1 ORDER BY 1",
    "actions": "SELECT action, count(*) FROM audit_log WHERE account_id = $1"
    " AND action LIKE ANY (ARRAY['order.%', 'review.%']) GROUP BY 1 ORDER BY 1",
}


@dataclass(frozen=True)
class Ended:
    """How a story ended: ``died`` says whether it came to the point at which its worker was to die."""

    died: bool
    left: dict[str, Any]
    wrong: list[str]
    points: tuple[str, ...]

    def difference(self, other: Ended) -> dict[str, Any]:
        """What is left of this one and is not of the other, and the other way round."""
        names = self.left.keys() | other.left.keys()
        pairs = {name: (self.left.get(name), other.left.get(name)) for name in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


async def live(world: World, kind: type[Story], die_at: str = "") -> Ended:
    """Tell a story; its worker dies at a point, if one is given, and another takes its place."""
    name = f"{kind.__name__}-{uuid.uuid4().hex[:12]}"
    orders = world.orders(name, kind.vendor, max_cached_workflows=kind.cached, die_at=die_at)
    async with world.slots, AsyncExitStack() as ends:
        story = kind(world, orders)
        ends.push_async_callback(story.close)
        async with asyncio.timeout(END_SECONDS):
            await story.begin()
        worker = _processes.Process(target=work, args=(story.orders,), daemon=True)
        worker.start()
        until, died = time.monotonic() + END_SECONDS, False
        async with AsyncExitStack() as successor:
            try:
                while not await story.go_on():
                    if not died and not worker.is_alive():
                        assert worker.exitcode == -signal.SIGKILL, f"{name}: the worker ended, {worker.exitcode}"
                        died = True
                        await successor.enter_async_context(world.worker(story.engine, name, kind.cached))
                    if time.monotonic() > until:
                        awaited, rows = await story.awaited(), await story.rows()
                        raise AssertionError(f"{name}, {die_at}: has not ended; awaits {awaited}, left {rows}")
                    await asyncio.sleep(LOOK_SECONDS)
                if die_at and not died:
                    await asyncio.sleep(2 * LOOK_SECONDS)  # a point of the very last task
                    died = not worker.is_alive()
                left, wrong = await story.left(), await story.wrong()
            finally:
                worker.kill()
                await asyncio.to_thread(worker.join)
        with suppress(RPCError):
            await world.client.get_workflow_handle((await story.runs())[0]).terminate("the story is over")
    points = tuple(orders.points.read_text().splitlines()) if orders.points.exists() else ()
    return Ended(died, left, wrong, points)
