"""The stories in which a worker dies: each workflow's way from its begin to its end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, ClassVar

from temporalio.client import WorkflowExecutionStatus

from onboarding.checks import Checks
from onboarding.domain.state import OrderKind
from onboarding.engine import Engine, open_engine
from onboarding.verifiers.lists import ListVerifier
from onboarding.verifiers.port import Report
from tests.imports.telling import shop, started
from tests.policies.telling import NOTICE, accounts, announcements, bound, published, rolled_out
from tests.stories.telling import individual
from tests.stories.test_local_verifiers import ORDINARY
from tests.support.dying import ASKED, Address, downstream_of, paced, verifiers_of
from tests.support.http_vendor import HttpVendor, HttpVerifier
from tests.support.samples import BANK_ACCOUNT, RECIPIENT, RECIPIENT_DETAILS, patched
from tests.workflows.deaths import Story
from tests.workflows.recording import replay
from tests.workflows.test_list_delta import write
from workflows import names, options
from workflows.messages import SweepInput

TRANSFERS, PAYOUTS = "recipient.stripe_balance.stripe_transfers", "recipient.stripe_balance.payouts"
HIT = {"day": 1, "month": 1, "year": 1900}
"""Born on that day, somebody is found by the sandbox's screening."""


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
        """An account with all that is asked for."""
        await self.make()
        self.world.nudger.route([self.id], self.orders.task_queue)

    async def make(self) -> None:
        """The account, as one request and another."""
        engine = self.engine
        caller = await self.caller()
        whole = patched(RECIPIENT, identity={**RECIPIENT["identity"], "country": "US", **RECIPIENT_DETAILS["identity"]})
        self.id = str((await engine.accounts.create(caller, whole, None)).account["id"])
        await engine.accounts.create_bank_account(caller, self.id, {"external_account": BANK_ACCOUNT}, None)

    async def go_on(self) -> bool:
        """The vendor calls back once it was asked."""
        if not self.said:
            rows = await self.fetch(
                "SELECT check_id FROM attempts WHERE account_id = $1 AND state = 'started'", self.id
            )
            if rows:
                self.said.append("reported")
                await self.report(rows[0][0])
        return await self.stage() == "active" and await self.have_ended()

    async def report(self, check_id: str) -> None:
        """What the API does with a callback, without its inbox."""
        engine = self.engine
        adapter = HttpVerifier(Address(self.orders.vendor), frozenset({ASKED}))
        report = adapter._report({"result": "clear"})
        assert isinstance(report, Report)
        checks = Checks(engine.door, engine.database, engine.verifiers, engine.inbox)
        await checks.report(self.id, check_id, 1, report)
        self.world.nudger.nudge(self.id, check_id)

    async def left(self) -> dict[str, Any]:
        """Rows, what the vendor charged, and what the receiver did, in order."""
        references = await self.fetch("SELECT our_reference FROM attempts WHERE account_id = $1", self.id)
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
                engine = self.engine
                operator = await engine.orders.operator(self.id, "ann")
                await engine.orders.place(
                    operator, self.id, None, kind=OrderKind.HOLD, reason="credit_review", capability=TRANSFERS
                )
            return False
        rows = await self.fetch(
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
        engine = self.engine
        caller = await self.caller()
        details = patched(RECIPIENT_DETAILS, identity__individual__date_of_birth=HIT)["identity"]
        whole = patched(RECIPIENT, identity={**RECIPIENT["identity"], "country": "US", **details})
        self.id = str((await engine.accounts.create(caller, whole, None)).account["id"])
        await engine.accounts.create_bank_account(caller, self.id, {"external_account": BANK_ACCOUNT}, None)
        self.world.nudger.route([self.id], self.orders.task_queue)
        # A sweep that came before has told nobody, and would come again after five minutes.
        await self.fetch("UPDATE reviews SET look_at = clock_timestamp() WHERE account_id = $1", self.id)

    async def go_on(self) -> bool:
        """Decide once the review's run is there."""
        [row] = await self.fetch("SELECT id FROM reviews WHERE account_id = $1", self.id)
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
        caller = await self.caller()
        asked = patched(RECIPIENT, identity__country="US")
        self.id = str((await self.engine.accounts.create(caller, asked, None)).account["id"])
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


class Batch(Story):
    """A story of many accounts; ``table`` is where it stands. Its run is its only one: those of its accounts go on."""

    table: ClassVar[str] = ""

    async def accounts(self) -> Sequence[str]:
        """Ids of its accounts."""
        raise NotImplementedError

    async def go_on(self) -> bool:
        """It goes by itself."""
        [row] = await self.fetch(f"SELECT state FROM {self.table} WHERE id = $1", self.id)  # noqa: S608 -- our own name
        [run] = await self.runs()
        return row[0] == "done" and await self.world.status(run) is not WorkflowExecutionStatus.RUNNING

    async def wrong(self) -> list[str]:
        """Of its accounts."""
        [run] = await self.runs()
        await replay(await self.world.client.get_workflow_handle(run).fetch_history())
        return await self.inspected(*await self.accounts())


class RolledOut(Batch):
    """A policy goes to three accounts in two waves."""

    kinds: ClassVar[tuple[str, ...]] = ("RolloutWorkflow", "step_rollout", "AnnouncePolicy", "a step")
    expected: ClassVar[dict[str, Any]] = {"policies": [True, True, True], "told": [1, 1, 1]}
    table = "rollouts"
    ids: Sequence[str] = ()
    policy: str = ""

    async def accounts(self) -> Sequence[str]:
        """Those that it began with."""
        return self.ids

    async def begin(self) -> None:
        """Accounts, a policy, and its roll-out."""
        engine = self.engine
        caller = await self.caller()
        self.ids = await accounts(engine, caller, 3)
        self.policy = await published(engine, caller.platform_id)
        waves = ((0.5, timedelta(), NOTICE), (0.5, timedelta(seconds=1), NOTICE))
        self.id = await rolled_out(engine, caller, self.policy, *waves)
        self.world.nudger.route([self.id, *self.ids], self.orders.task_queue)

    async def runs(self) -> list[str]:
        """Its own. Those of its accounts go on: they wait for what the policy asks."""
        return [names.rollout_workflow_id(self.id)]

    async def left(self) -> dict[str, Any]:
        """Which policy each account has, and how often it was told of it; which wave one is in, its id decides."""
        engine = self.engine
        rows = await self.fetch("SELECT error_code, undone_at FROM rollout_accounts WHERE rollout_id = $1", self.id)
        events = await self.fetch(
            "SELECT type, count(*) FROM events WHERE account_id = ANY($1::text[]) GROUP BY 1 ORDER BY 1", list(self.ids)
        )
        return {
            "policies": [one[1] == self.policy for one in (await bound(engine, self.ids)).values()],
            "told": sorted((await announcements(engine, self.ids)).values()),
            "rows": [tuple(row) for row in rows],
            "events": [tuple(row) for row in events],
        }


class Imported(Batch):
    """A platform's book of five accounts, one of which is refused, in steps of two lines."""

    kinds: ClassVar[tuple[str, ...]] = ("ImportWorkflow", "step_import", "PlayLine", "a step")
    expected: ClassVar[dict[str, Any]] = {"lines": [("imported", 5), ("refused", 1)], "accounts": 5, "state": "done"}
    table = "imports"
    platform: str = ""

    async def begin(self) -> None:
        """Lines, and their import."""
        caller = await self.caller()
        self.platform = caller.platform_id
        lines = [*map(shop, range(5)), shop(5, contact_email="nobody")]
        self.id = await started(self.engine, caller, lines)
        self.world.nudger.route([self.id], self.orders.task_queue)

    async def runs(self) -> list[str]:
        """Its own. Those of its accounts go on: they wait for what their users are asked."""
        return [names.import_workflow_id(self.id)]

    async def accounts(self) -> Sequence[str]:
        """The platform's."""
        return [row[0] for row in await self.fetch("SELECT id FROM accounts WHERE platform_id = $1", self.platform)]

    async def left(self) -> dict[str, Any]:
        """What became of its lines, and how many accounts there are, of which each was told once that it is there."""
        lines = "SELECT status, count(*) FROM import_lines WHERE import_id = $1 GROUP BY 1 ORDER BY 1"
        made = "SELECT count(*) FROM events WHERE platform_id = $1 AND type = 'v2.core.account.created'"
        told = "SELECT DISTINCT account_id FROM import_lines WHERE import_id = $1 AND status = 'imported'"
        [state], [created] = (
            await self.fetch("SELECT state FROM imports WHERE id = $1", self.id),
            await self.fetch(made, self.platform),
        )
        ids = await self.accounts()
        return {
            "state": state[0],
            "lines": [tuple(row) for row in await self.fetch(lines, self.id)],
            "accounts": len(ids),
            "created": created[0],
            "told": {row[0] for row in await self.fetch(told, self.id)} == set(ids),
        }


@dataclass
class Apart(Story):
    """A story that is about a whole book, and has one of its own."""

    own: Engine | None = None

    @property
    def engine(self) -> Engine:
        """On its own book."""
        assert self.own is not None
        return self.own

    async def open(self, **changes: Any) -> None:
        """Make the book; ``changes`` are to what its worker is told."""
        settings = await self.world.book()
        self.orders = replace(self.orders, settings=settings, **changes)
        known, told = verifiers_of(self.orders), downstream_of(self.orders)
        nudge = self.world.nudger.nudge
        self.own = paced(await open_engine(settings, verifiers=known, downstream=told, nudge=nudge))

    async def close(self) -> None:
        """The book is left behind."""
        if self.own is not None:
            await self.own.close()


class Screened(Apart, Batch):
    """A list gets a name that is that of every other account, of which a page has three."""

    kinds: ClassVar[tuple[str, ...]] = ("ListDeltaWorkflow", "step_list_delta", "PlaceOrder", "a step")
    expected: ClassVar[dict[str, Any]] = {"state": "done", "looked": 8, "asked": [0, 1] * 4}
    table = "list_deltas"
    ids: Sequence[str] = ()

    async def accounts(self) -> Sequence[str]:
        """Those that it began with."""
        return self.ids

    async def begin(self) -> None:
        """Accounts that were passed by an older list, and the newer one."""
        lists = self.world.folder / f"lists-{self.orders.task_queue}"
        lists.mkdir()
        write(lists, "Ysolde Varkentin")
        await self.open(lists=lists)
        screening = next(one for one in self.engine.verifiers.local if isinstance(one, ListVerifier))
        await self.engine.list_deltas.note()
        caller = await self.caller()
        for number in range(8):
            given, surname = ("Teodrique", "Ombolo") if number % 2 else ("Jenny", "Rosen")
            patch = individual(**ORDINARY | {"given_name": given, "surname": surname})
            made = (await self.engine.accounts.create(caller, patch, None)).account["id"]
            self.ids = [*self.ids, str(made)]
            await self.engine.work.plan(made, "run")
        write(lists, "Ysolde Varkentin", "Teodrique Ombolo")
        screening.refresh()
        self.id = str(await self.engine.list_deltas.note())
        self.world.nudger.route([self.id], self.orders.task_queue)

    async def runs(self) -> list[str]:
        """Its own."""
        return [names.list_delta_workflow_id(self.id)]

    async def left(self) -> dict[str, Any]:
        """Who was asked again, and how often."""
        [delta] = await self.fetch("SELECT state, looked FROM list_deltas WHERE id = $1", self.id)
        rows = await self.fetch("SELECT account_id, count(*) FROM orders WHERE campaign = $1 GROUP BY 1", self.id)
        asked = {row[0]: row[1] for row in rows}
        return {"state": delta[0], "looked": delta[1], "asked": [asked.get(one, 0) for one in self.ids]}


class Swept(Apart, Onboarded):
    """Nobody nudges an account about which a vendor must be asked: the sweep finds it."""

    kinds: ClassVar[tuple[str, ...]] = ("SweepWorkflow", "sweep_accounts", "a step")
    vendor = "polled"
    sweeps: int = 0

    async def begin(self) -> None:
        """The account, in a book of its own."""
        await self.open()
        await self.make()
        self.world.nudger.expect([self.id], self.orders.task_queue)  # the sweeps of the worker that comes after it

    def sweep(self) -> str:
        """The newest sweep's run."""
        return f"sweep-{self.id}-{self.sweeps}"

    async def go_on(self) -> bool:
        """Sweep as the Schedule does, which starts none while one is under way; but nobody waits for its minute."""
        if await self.stage() == "active":
            return await self.have_ended()
        if self.sweeps == 0 or await self.world.status(self.sweep()) is not WorkflowExecutionStatus.RUNNING:
            await self.fetch("UPDATE accounts SET look_at = clock_timestamp() WHERE id = $1", self.id)
            self.sweeps += 1
            await self.world.client.start_workflow(
                names.SWEEP_WORKFLOW,
                SweepInput(options.SWEEP_SIZE),
                id=self.sweep(),
                task_queue=self.orders.task_queue,
                execution_timeout=options.SWEEP_RUN_LIMIT,
            )
        return False


STORIES: tuple[type[Story], ...] = (
    Onboarded,
    SwitchedOff,
    Reviewed,
    ReviewedAnew,
    Ordered,
    RolledOut,
    Imported,
    Screened,
    Swept,
)
