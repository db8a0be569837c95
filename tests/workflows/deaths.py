"""Stories whose worker is a process of its own that may be killed, and what is left of each in the end.

A story has an account (or a roll-out), a task queue and a worker process to itself, so it dies at the point that is
meant and at no other. Everybody else is in the process of the tests and goes on: the platform, the reviewer, the sweep,
and in the end the worker that takes the dead one's place.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError, RPCStatusCode

from onboarding.checks import Checks
from onboarding.domain.errors import Refusal
from onboarding.domain.state import OrderKind
from onboarding.door.callers import Caller
from onboarding.engine import Engine, open_engine
from onboarding.ids import new_id
from onboarding.inspection import inspect
from onboarding.settings import Settings
from onboarding.storage import keys
from onboarding.storage.faults import ConnectionLost, StatementFailed
from onboarding.temporal import SWEEP_DEADLINE, Nudger, Target
from onboarding.verifiers.port import Report
from tests.policies.telling import NOTICE, accounts, announcements, bound, published, rolled_out
from tests.support.dying import ASKED, Address, Orders, downstream_of, paced, verifiers_of, work
from tests.support.http_vendor import HttpVendor, HttpVerifier
from tests.support.receiver import Receiver
from tests.support.samples import BANK_ACCOUNT, RECIPIENT, RECIPIENT_DETAILS, patched
from tests.support.temporal import QUICK as CHECK_PACE
from tests.support.temporal import Bench, made_worker, sweep
from tests.workflows.recording import replay
from workflows import names
from workflows.schedule import account_target, check_target, review_target, rollout_target

TRANSFERS, PAYOUTS = "recipient.stripe_balance.stripe_transfers", "recipient.stripe_balance.payouts"
HIT = {"day": 1, "month": 1, "year": 1900}
"""Born on that day, somebody is found by the sandbox's screening."""

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
    _processes.set_forkserver_preload(["tests.support.dying"])
    first = _processes.Process(target=time.sleep, args=(0,), daemon=True)
    first.start()
    first.join()


class Routed(Nudger):
    """Nudges for the stories: each has a task queue of its own, and what belongs to none of them is left alone."""

    def __init__(self, client: Client) -> None:
        targets: dict[str, Any] = {
            "account": account_target, "check": check_target, "rollout": rollout_target, "review": review_target,
        }  # fmt: skip
        super().__init__(client, task_queue="", **targets)
        self._targets = targets
        self._queues: dict[str, Nudger] = {}

    def route(self, ids: Iterable[str], task_queue: str) -> None:
        """From now on nudges about these accounts or roll-outs go to that queue, and one goes at once."""
        nudger = Nudger(self._client, task_queue=task_queue, **self._targets)
        for one in ids:
            self._queues[one] = nudger
            (self.nudge_rollout if one.startswith("rol_") else self.nudge)(one)

    async def send(self, target: Target, *, deadline: timedelta = SWEEP_DEADLINE) -> bool:
        """By the queue of whom it is about."""
        about = getattr(target.input, "account_id", "") or getattr(target.input, "rollout_id", "")
        nudger = self._queues.get(about)
        return nudger is not None and await nudger.send(target, deadline=deadline)


@dataclass
class World:
    """What all stories share.

    Attributes:
        engines: by the vendor that is asked; "" is one where the sandbox answers, and no system downstream is told.
        silent: a vendor that keeps keys, and never reports by itself.
        polled: one that keeps none, can be asked for our reference, and has an answer at the second poll.
    """

    settings: Settings
    client: Client
    nudger: Routed
    folder: Path
    engines: dict[str, Engine]
    silent: HttpVendor
    polled: HttpVendor
    receiver: Receiver
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    @property
    def sandboxed(self) -> Engine:
        """The engine where the sandbox answers."""
        return self.engines[""]

    def orders(self, task_queue: str, vendor: str, **more: Any) -> Orders:
        """What a worker is told."""
        made = Orders(self.settings, task_queue, self.folder / (task_queue or "nobody"), **more)
        if not vendor:
            return made
        asked: HttpVendor = getattr(self, vendor)
        return replace(made, vendor=asked.url, keeps_keys=asked.keeps_keys, receiver=self.receiver.address)

    def worker(self, task_queue: str, vendor: str, cached: int) -> Any:
        """A worker in this process, as a context manager."""
        engine = self.engines[vendor]
        checks = Checks(engine.door, engine.database, engine.verifiers, engine.inbox, CHECK_PACE)
        return made_worker(Bench(engine, self.client, self.nudger, checks, task_queue), cached)

    async def fetch(self, sql: str, *parameters: object) -> list[Any]:
        """Rows of one statement."""
        async with self.sandboxed.database.reading() as reading:
            return await reading.fetch(sql, *parameters)

    async def caller(self) -> Caller:
        """Of a new platform."""
        platform_id = new_id("plat_")
        async with self.sandboxed.database.transaction() as tx:
            await keys.create_platform(tx, platform_id=platform_id)
        return Caller(platform_id, livemode=False, actor="key_test")

    async def status(self, workflow_id: str) -> WorkflowExecutionStatus | None:
        """How the newest run stands; None if there was none."""
        try:
            return (await self.client.get_workflow_handle(workflow_id).describe()).status
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise


@asynccontextmanager
async def opened(settings: Settings, client: Client, folder: Path) -> AsyncIterator[World]:
    """A world that sweeps until the block ends."""
    nudger = Routed(client)
    nudges: dict[str, Any] = {
        "nudge": nudger.nudge,
        "nudge_check": nudger.nudge_check,
        "nudge_rollout": nudger.nudge_rollout,
        "nudge_review": nudger.nudge_review,
    }
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
        )
        for vendor in ("", "silent", "polled"):
            orders = world.orders("", vendor)
            known, told = verifiers_of(orders), downstream_of(orders)
            engines[vendor] = paced(await open_engine(settings, verifiers=known, downstream=told, **nudges))
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
        found = await inspect(self.world.sandboxed.database, self.world.sandboxed.ring, account_id=self.id)
        problems = [f"{one.rule} {one.object_id}: {one.says}" for one in found.findings]
        for run in await self.runs():
            history = await self.world.client.get_workflow_handle(run).fetch_history()
            await replay(history)
            causes = {
                event.workflow_task_failed_event_attributes.cause
                for event in history.events
                if event.HasField("workflow_task_failed_event_attributes")
            }
            # A nudge that comes while a run ends.
            causes -= {WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND}
            problems += [f"{run}: {WorkflowTaskFailedCause.Name(cause)}" for cause in causes]
        return problems

    async def runs(self) -> list[str]:
        """Ids of all runs that it had."""
        fetch = self.world.fetch
        checks = await fetch("SELECT check_id FROM attempts WHERE account_id = $1", self.id)
        told = await fetch("SELECT capability FROM activations WHERE account_id = $1", self.id)
        reviews = await fetch("SELECT id FROM reviews WHERE account_id = $1", self.id)
        return [
            names.account_workflow_id(self.id),
            *(names.check_workflow_id(row[0]) for row in checks),
            *(names.activation_workflow_id(self.id, row[0]) for row in told),
            *(names.review_workflow_id(row[0]) for row in reviews),
        ]

    async def have_ended(self) -> bool:
        """Whether nothing runs any more, and nobody owes a look."""
        owed = "SELECT 1 FROM accounts WHERE id = $1 AND look_at <= clock_timestamp() + interval '1 day'"
        if await self.world.fetch(owed, self.id):
            return False
        found = [await self.world.status(run) for run in await self.runs()]
        return WorkflowExecutionStatus.RUNNING not in found and found[0] is not None

    async def stage(self) -> str:
        """Of the account."""
        [row] = await self.world.fetch("SELECT stage FROM accounts WHERE id = $1", self.id)
        return str(row[0])

    async def rows(self) -> dict[str, Any]:
        """Everything of an account that tells how it ended and what it cost."""
        [account] = await self.world.fetch("SELECT stage, evaluation FROM accounts WHERE id = $1", self.id)
        capabilities = account["evaluation"]["capabilities"]
        told: dict[str, Any] = {
            "stage": account["stage"],
            "capabilities": {name: one["status"] for name, one in capabilities.items()},
        }
        for name, sql in _ROWS.items():
            told[name] = [tuple(row) for row in await self.world.fetch(sql, self.id)]
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


class Onboarded(Story):
    """An individual about whom a vendor is asked, who calls back; then the system downstream is told."""

    kinds: ClassVar[tuple[str, ...]] = (
        "AccountWorkflow", "plan_account", "ClaimWork", "CheckWorkflow", "advance_check", "TakeTurn", "Hear",
        "ActivationWorkflow", "advance_activation",
    )  # fmt: skip
    at_most: ClassVar[dict[str, int]] = {"AccountWorkflow": 4, "Hear": 2, "TakeTurn": 2, "advance": 2}
    vendor = "silent"
    expected: ClassVar[dict[str, Any]] = {"stage": "active", "charges": [1]}

    async def begin(self) -> None:
        """An account with all that is asked for, as one request and another."""
        engine = self.world.engines[self.vendor]
        caller = await self.world.caller()
        whole = patched(RECIPIENT, identity={**RECIPIENT["identity"], "country": "US", **RECIPIENT_DETAILS["identity"]})
        self.id = str((await engine.accounts.create(caller, whole, None)).account["id"])
        await engine.accounts.create_bank_account(caller, self.id, {"external_account": BANK_ACCOUNT}, None)
        self.world.nudger.route([self.id], self.orders.task_queue)

    async def go_on(self) -> bool:
        """The vendor calls back once it was asked."""
        if not self.said:
            rows = await self.world.fetch(
                "SELECT check_id FROM attempts WHERE account_id = $1 AND state = 'started'", self.id
            )
            if rows:
                self.said.append("reported")
                await self.report(rows[0][0])
        return await self.stage() == "active" and await self.have_ended()

    async def report(self, check_id: str) -> None:
        """What the API does with a callback, without its inbox."""
        engine = self.world.engines[self.vendor]
        adapter = HttpVerifier(Address(self.orders.vendor), frozenset({ASKED}))
        report = adapter._report({"result": "clear"})
        assert isinstance(report, Report)
        checks = Checks(engine.door, engine.database, engine.verifiers, engine.inbox)
        await checks.report(self.id, check_id, 1, report)
        self.world.nudger.nudge_check(self.id, check_id)

    async def left(self) -> dict[str, Any]:
        """Rows, what the vendor charged, and what the receiver did, in order."""
        references = await self.world.fetch("SELECT our_reference FROM attempts WHERE account_id = $1", self.id)
        vendor: HttpVendor = getattr(self.world, self.vendor)
        charged = Counter(case.reference for case in vendor.cases.values())
        done = await asyncio.to_thread(self._done)
        return {**await self.rows(), "charges": [charged[row[0]] for row in references], "done": done}

    async def rows(self) -> dict[str, Any]:
        """As of all, but for how often it was polled, which time alone decides."""
        told = await super().rows()
        return {**told, "events": [row for row in told["events"] if row[0] != "v2.verification.check.updated"]}

    async def wrong(self) -> list[str]:
        """Also an order to the receiver that is not above or beside the one before."""
        problems = await super().wrong()
        for capability, orders in (await asyncio.to_thread(self._done)).items():
            versions = [version for _, _, version in orders]
            if versions != sorted(versions) or len(orders) != len(set(orders)):
                problems.append(f"{capability} was told {orders}")
        return problems

    def _done(self) -> dict[str, list[tuple[str, str, int]]]:
        done: dict[str, list[tuple[str, str, int]]] = {}
        for one in self.world.receiver.http.get("/_control/done").json():
            if one["merchant"] == self.id:
                told = (one["part"], "open" if one["open"] else "closed", one["version"])
                done.setdefault(one["feature"], []).append(told)
        return dict(sorted(done.items()))


class SwitchedOff(Onboarded):
    """The same without a callback, and nothing kept between two tasks; once all is on, an operator has it off."""

    kinds: ClassVar[tuple[str, ...]] = (
        "AccountWorkflow task ends",
        "CheckWorkflow",
        "advance",
        "TakeTurn",
        "Hear",
        "ActivationWorkflow",
    )
    at_most: ClassVar[dict[str, int]] = {"ActivationWorkflow": 4}
    vendor = "polled"
    cached = 0
    expected: ClassVar[dict[str, Any]] = {"charges": [1], "orders": [("hold", "credit_review", TRANSFERS, False)]}

    async def go_on(self) -> bool:
        """A hold, once everything rests."""
        if not self.said:
            if await self.stage() == "active" and await self.have_ended():
                self.said.append("held")
                engine = self.world.engines[self.vendor]
                operator = await engine.orders.operator(self.id, "ann")
                await engine.orders.place(
                    operator, self.id, None, kind=OrderKind.HOLD, reason="credit_review", capability=TRANSFERS
                )
            return False
        rows = await self.world.fetch(
            "SELECT 1 FROM activations WHERE account_id = $1 AND NOT desired AND state = 'settled'", self.id
        )
        return bool(rows) and await self.have_ended()


class Reviewed(Story):
    """A screening found something, and somebody at the Temporal UI decides about it."""

    kinds: ClassVar[tuple[str, ...]] = ("ReviewWorkflow", "see_review", "SeeReview", "decide_review", "DecideReview")
    expected: ClassVar[dict[str, Any]] = {
        "stage": "active", "answer": "passed", "reviews": [("screening", "decided", "passed")],
    }  # fmt: skip
    deciding: asyncio.Task[Any] | None = None

    async def begin(self) -> None:
        """An account with a review."""
        engine = self.world.sandboxed
        caller = await self.world.caller()
        details = patched(RECIPIENT_DETAILS, identity__individual__date_of_birth=HIT)["identity"]
        whole = patched(RECIPIENT, identity={**RECIPIENT["identity"], "country": "US", **details})
        self.id = str((await engine.accounts.create(caller, whole, None)).account["id"])
        await engine.accounts.create_bank_account(caller, self.id, {"external_account": BANK_ACCOUNT}, None)
        self.world.nudger.route([self.id], self.orders.task_queue)

    async def go_on(self) -> bool:
        """Decide once the review's run is there."""
        [row] = await self.world.fetch("SELECT id FROM reviews WHERE account_id = $1", self.id)
        run = names.review_workflow_id(row[0])
        if self.deciding is None:
            if await self.world.status(run) is WorkflowExecutionStatus.RUNNING:
                asked = self.update(run, names.DECIDE, {"decision": "passed"}, "decision-1")
                self.deciding = asyncio.create_task(asked)
            return False
        if not self.deciding.done():
            return False
        return await self.stage() == "active" and await self.have_ended()

    async def left(self) -> dict[str, Any]:
        """Rows, and what was answered."""
        assert self.deciding is not None
        return {**await self.rows(), "answer": self.deciding.result()}


class ReviewedAnew(Reviewed):
    """The same, and nothing kept between two tasks."""

    kinds: ClassVar[tuple[str, ...]] = ("ReviewWorkflow",)
    cached = 0


class Ordered(Story):
    """An account that waits for its user is held, by somebody at the Temporal UI."""

    kinds: ClassVar[tuple[str, ...]] = ("place_order", "PlaceOrder")
    expected: ClassVar[dict[str, Any]] = {
        "answer": "in_force", "orders": [("hold", "credit_review", PAYOUTS, False)],
    }  # fmt: skip
    holding: asyncio.Task[Any] | None = None

    async def begin(self) -> None:
        """An account about which nothing is known yet."""
        caller = await self.world.caller()
        asked = patched(RECIPIENT, identity__country="US")
        self.id = str((await self.world.sandboxed.accounts.create(caller, asked, None)).account["id"])
        self.world.nudger.route([self.id], self.orders.task_queue)

    async def go_on(self) -> bool:
        """Hold it once its run is there."""
        run = names.account_workflow_id(self.id)
        if self.holding is None:
            if await self.world.status(run) is WorkflowExecutionStatus.RUNNING:
                payload = {"reason": "credit_review", "capability": PAYOUTS, "ticket": "CASE-7"}
                self.holding = asyncio.create_task(self.update(run, names.HOLD, payload, "order-1"))
            return False
        return self.holding.done()

    async def left(self) -> dict[str, Any]:
        """Rows, and what was answered."""
        assert self.holding is not None
        answer = self.holding.result()
        return {**await self.rows(), "answer": answer if isinstance(answer, str) else answer["status"]}


class RolledOut(Story):
    """A policy goes to three accounts in two waves."""

    kinds: ClassVar[tuple[str, ...]] = ("RolloutWorkflow", "step_rollout", "AnnouncePolicy", "a step")
    expected: ClassVar[dict[str, Any]] = {"policies": [True, True, True], "told": [1, 1, 1]}
    ids: Sequence[str] = ()
    policy: str = ""

    async def begin(self) -> None:
        """Accounts, a policy, and its roll-out."""
        engine = self.world.sandboxed
        caller = await self.world.caller()
        self.ids = await accounts(engine, caller, 3)
        self.policy = await published(engine, caller.platform_id)
        waves = ((0.5, timedelta(), NOTICE), (0.5, timedelta(seconds=1), NOTICE))
        self.id = await rolled_out(engine, caller, self.policy, *waves)
        self.world.nudger.route([self.id, *self.ids], self.orders.task_queue)

    async def runs(self) -> list[str]:
        """Its own. Those of its accounts go on: they wait for what the policy asks."""
        return [names.rollout_workflow_id(self.id)]

    async def go_on(self) -> bool:
        """It goes by itself."""
        [row] = await self.world.fetch("SELECT state FROM rollouts WHERE id = $1", self.id)
        [run] = await self.runs()
        return row[0] == "done" and await self.world.status(run) is not WorkflowExecutionStatus.RUNNING

    async def left(self) -> dict[str, Any]:
        """Which policy each account has, and how often it was told of it; which wave one is in, its id decides."""
        engine = self.world.sandboxed
        rows = await self.world.fetch(
            "SELECT error_code, undone_at FROM rollout_accounts WHERE rollout_id = $1", self.id
        )
        events = await self.world.fetch(
            "SELECT type, count(*) FROM events WHERE account_id = ANY($1::text[]) GROUP BY 1 ORDER BY 1", list(self.ids)
        )
        return {
            "policies": [one[1] == self.policy for one in (await bound(engine, self.ids)).values()],
            "told": sorted((await announcements(engine, self.ids)).values()),
            "rows": [tuple(row) for row in rows],
            "events": [tuple(row) for row in events],
        }

    async def wrong(self) -> list[str]:
        """Of its accounts."""
        problems: list[str] = []
        for one in self.ids:
            found = await inspect(self.world.sandboxed.database, self.world.sandboxed.ring, account_id=one)
            problems += [f"{finding.rule} {finding.object_id}: {finding.says}" for finding in found.findings]
        await replay(await self.world.client.get_workflow_handle(names.rollout_workflow_id(self.id)).fetch_history())
        return problems


STORIES: tuple[type[Story], ...] = (Onboarded, SwitchedOff, Reviewed, ReviewedAnew, Ordered, RolledOut)


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
    async with world.slots:
        story = kind(world, orders)
        await story.begin()
        worker = _processes.Process(target=work, args=(orders,), daemon=True)
        worker.start()
        until, died = time.monotonic() + END_SECONDS, False
        async with AsyncExitStack() as successor:
            try:
                while not await story.go_on():
                    if not died and not worker.is_alive():
                        assert worker.exitcode == -signal.SIGKILL, f"{name}: the worker ended, {worker.exitcode}"
                        died = True
                        await successor.enter_async_context(world.worker(name, kind.vendor, kind.cached))
                    assert time.monotonic() < until, f"{name}, {die_at}: has not ended, {await story.left()}"
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
