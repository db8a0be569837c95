"""Onboardings per second, end to end, beside minimal workflows with as many activities on the same server.

An onboarding: an individual is created with everything but a bank account, its run sees that it must wait for one,
it gets one, and the run ends with transfers active. Engine, worker, client, Postgres and Temporal's development server
share the machine, as all sides do; they take turns, so noise hits each. The minimal sides, one with local activities as
the engine's own are and one with ordinary ones, make no requests of an API and have no database: what the ratios show
is the engine's whole work, not Temporal's. No rate says what a cluster can do. Run it with bytecode caching on:
without, the sandbox compiles the workflow's modules at each start (5 ms).

``python -m benchmarks.onboardings [--accounts 100] [--at-once 20] [--rounds 3]``
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker

from benchmarks.minimal import MinimalWorkflow, nothing
from benchmarks.program import as_program
from benchmarks.servers import servers
from onboarding.checks import Checks
from onboarding.door.callers import Caller
from onboarding.engine import Engine, open_engine
from onboarding.ids import new_id
from onboarding.settings import Settings
from onboarding.storage import keys
from onboarding.temporal import Nudger, connect
from onboarding.work import Plan, Work
from worker import make_worker
from workflows import names
from workflows.schedule import target

REQUESTS = 2
"""Of one onboarding, each of which nudges its run: so many signals and plans, and as many on the other side."""

ACCOUNT: dict[str, Any] = {
    "contact_email": "owner@benchmark-shop.com",
    "dashboard": "none",
    "defaults": {"responsibilities": {"fees_collector": "application", "losses_collector": "application"}},
    "configuration": {"recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": {"requested": True}}}}},
    "identity": {
        "country": "US",
        "entity_type": "individual",
        "attestations": {
            "terms_of_service": {"account": {"date": "2026-03-01T12:00:00Z", "ip": "203.0.113.7", "user_agent": "b"}}
        },
        "individual": {
            "given_name": "Ada",
            "surname": "Example",
            "email": "ada@benchmark-shop.com",
            "phone": "0000000000",
            "date_of_birth": {"day": 1, "month": 1, "year": 1902},
            "address": {
                "line1": "address_full_match",
                "city": "Schenectady",
                "state": "NY",
                "postal_code": "12345",
                "country": "US",
            },
            "id_numbers": [{"type": "us_ssn", "value": "222222222"}],
        },
    },
}
BANK_ACCOUNT = {
    "external_account": {
        "object": "bank_account",
        "country": "US",
        "currency": "usd",
        "account_number": "000123456789",
        "routing_number": "110000000",
    }
}


class NoticedPlans:
    """The engine's work, and who waits for the first plan of an account: polling for it would be measured too."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._planned: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def plan(self, account_id: str, run_id: str) -> Plan:
        """As the engine's."""
        plan = await self._work.plan(account_id, run_id)
        self._planned[account_id].set()
        return plan

    async def first(self, account_id: str) -> None:
        """Until the account was planned once."""
        await self._planned[account_id].wait()


class Sides:
    """All sides on one server."""

    def __init__(self, engine: Engine, plans: NoticedPlans, client: Client, task_queue: str, caller: Caller) -> None:
        self.engine = engine
        self.plans = plans
        self.client = client
        self.task_queue = task_queue
        self.caller = caller
        self.accounts: list[str] = []

    async def onboarding(self) -> None:
        """One account, until its run has ended."""
        view = await self.engine.accounts.create(self.caller, ACCOUNT, None)
        account_id = str(view.account["id"])
        # Else one plan would do for both requests, as no real user's would.
        await self.plans.first(account_id)
        await self.engine.accounts.create_bank_account(self.caller, account_id, BANK_ACCOUNT, None)
        self.accounts.append(account_id)
        await self._ended(names.account_workflow_id(account_id))

    async def ordinary(self) -> None:
        """The minimal workflow with ordinary activities."""
        await self.minimal(is_local=False)

    async def minimal(self, *, is_local: bool = True) -> None:
        """One minimal workflow with as many signals and activities."""
        workflow_id = f"minimal/{uuid.uuid4()}"
        for _ in range(REQUESTS):
            await self.client.start_workflow(
                MinimalWorkflow.run, args=[REQUESTS, is_local], id=workflow_id,
                task_queue=f"{self.task_queue}-minimal", start_signal="nudge",
            )  # fmt: skip
        await self._ended(workflow_id)

    async def events(self) -> list[int]:
        """How many events each onboarding's last run has."""
        handles = [self.client.get_workflow_handle(names.account_workflow_id(one)) for one in self.accounts]
        return [(await handle.describe()).history_length for handle in handles]

    async def _ended(self, workflow_id: str) -> None:
        # A nudge is sent after the answer to the request: the run may not be there yet.
        for _ in range(200):
            try:
                await self.client.get_workflow_handle(workflow_id).result()
            except Exception:  # noqa: BLE001 -- not there yet; after the last try the check below tells
                await asyncio.sleep(0.005)
            else:
                return
        raise RuntimeError(f"{workflow_id} never ran")


async def rate(side: Callable[[], Awaitable[None]], times: int, at_once: int) -> float:
    """How often a second, so many at a time."""
    slots = asyncio.Semaphore(at_once)

    async def one() -> None:
        async with slots:
            await side()

    started = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(times)))
    return times / (time.perf_counter() - started)


async def measure(settings: Settings, accounts: int, at_once: int, rounds: int) -> dict[str, Any]:
    """Rates of all sides, round by round, and the events of the onboardings."""
    client = await connect(settings, lazy=False)
    nudger = Nudger(client, task_queue=settings.task_queue, target=target)
    engine = await open_engine(settings, nudge=nudger.nudge, name="benchmark")
    checks = Checks(engine.door, engine.database, engine.verifiers, engine.inbox)
    plans: Any = NoticedPlans(engine.work)
    product = make_worker(client, replace(engine, work=plans), nudger, task_queue=settings.task_queue, checks=checks)
    minimal = Worker(
        client, task_queue=f"{settings.task_queue}-minimal", workflows=[MinimalWorkflow], activities=[nothing]
    )
    platform_id = new_id("plat_")
    async with engine.database.transaction() as tx:
        await keys.create_platform(tx, platform_id=platform_id)
    caller = Caller(platform_id, livemode=False, actor="benchmark")
    sides = Sides(engine, plans, client, settings.task_queue, caller)
    all_sides = {"onboarding": sides.onboarding, "minimal": sides.minimal, "ordinary": sides.ordinary}
    found: dict[str, list[float]] = {name: [] for name in all_sides}
    spent = dict.fromkeys(all_sides, 0.0)
    try:
        async with product, minimal:
            for side in all_sides.values():
                await rate(side, at_once, at_once)  # warm
            for _ in range(rounds):
                for name, side in all_sides.items():
                    before = time.process_time()
                    found[name].append(await rate(side, accounts, at_once))
                    spent[name] += time.process_time() - before
            events = await sides.events()
            active = await _active(engine, sides.accounts)
    finally:
        await nudger.close()
        await engine.close()
    rates = {name: statistics.median(one) for name, one in found.items()}
    return {
        "at_once": at_once,
        "per_second": {name: round(one, 1) for name, one in rates.items()},
        "ratio": {name: round(rates["onboarding"] / rates[name], 2) for name in ("minimal", "ordinary")},
        "events_per_onboarding": {"median": statistics.median(events), "most": max(events)},
        "process_ms_each": {name: round(1000 * one / rounds / accounts, 1) for name, one in spent.items()},
        "active": f"{active} of {len(sides.accounts)}",
        "rounds": {name: [round(one, 1) for one in rates] for name, rates in found.items()},
    }


async def _active(engine: Engine, account_ids: list[str]) -> int:
    async with engine.database.reading() as reading:
        rows = await reading.fetch("SELECT count(*) FROM accounts WHERE id = ANY($1) AND stage = 'active'", account_ids)
    return int(rows[0][0])


def main() -> None:
    """Start Postgres and Temporal, measure one at a time and many at a time, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with servers() as running:
        settings = Settings.model_validate(running.environment)
        for at_once in (1, options.at_once):
            accounts = options.accounts if at_once > 1 else max(10, options.accounts // 5)
            found = asyncio.run(measure(settings, accounts, at_once, options.rounds))
            print(json.dumps(found, indent=2))


if __name__ == "__main__":
    as_program(main)
