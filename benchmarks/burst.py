"""Many accounts due at once, and whoever is onboarded meanwhile: how fast they drain, and what it costs the others.

The accounts are active; their evidence of one kind ends at one instant, so each needs a look, a new answer, a version
and an episode. The worker is a process of its own and finds them by its own sweeps, 500 at a time over ten platforms:
the interval of the sweeps is the pace. Before and meanwhile one live individual after another is onboarded: from its
creation until a worker has screened it. Both latencies are of one run on one machine; what counts is their ratio.

``python -m benchmarks.burst [--accounts 2000] [--pace 10]``
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks.officer import each
from benchmarks.onboardings import ACCOUNT, BANK_ACCOUNT
from benchmarks.program import as_program
from benchmarks.servers import servers
from benchmarks.vendor import LIVE
from onboarding.door.callers import Caller
from onboarding.engine import Engine, open_engine
from onboarding.ids import new_id
from onboarding.local.processes import free_port
from onboarding.settings import Settings
from onboarding.storage import keys
from onboarding.temporal import Nudger, connect
from workflows import options
from workflows.schedule import target

if TYPE_CHECKING:
    from collections.abc import Mapping

PLATFORMS = 10
"""So many that a sweep takes as many as it may: 50 of each."""
KIND = "screening"
PROBES = 30
QUIET = 5
"""Probes in a row that take less than a second."""
PAUSE = 0.3
PATIENCE_SECONDS = 120.0


async def fill(engine: Engine, platforms: list[str], accounts: int) -> None:
    """Active accounts of the sandbox, as many of each platform."""

    async def made(number: int) -> None:
        caller = Caller(platforms[number % PLATFORMS], livemode=False, actor="benchmark")
        view = await engine.accounts.create(caller, ACCOUNT, None)
        await engine.accounts.create_bank_account(caller, str(view.account["id"]), BANK_ACCOUNT, None)

    await each(accounts, made)
    [[active]] = await rows(engine, "SELECT count(*) FROM accounts WHERE stage = 'active'")
    if active != accounts:
        raise RuntimeError(f"{active} of {accounts} are active")


async def rows(engine: Engine, sql: str, *parameters: object) -> list[Any]:
    """What a statement finds."""
    async with engine.database.reading() as r:
        return await r.fetch(sql, *parameters)


async def probe(engine: Engine, caller: Caller) -> float:
    """Seconds from the creation of a live individual until a worker has screened it."""
    started = time.perf_counter()
    view = await engine.accounts.create(caller, LIVE, None)
    account_id = str(view.account["id"])
    while time.perf_counter() - started < PATIENCE_SECONDS:
        found = await rows(engine, "SELECT 1 FROM evidence WHERE account_id = $1 AND kind = $2", account_id, KIND)
        if found:
            return time.perf_counter() - started
        await asyncio.sleep(0.01)
    raise RuntimeError("nobody answered")


async def drain(engine: Engine, caller: Caller, accounts: int) -> tuple[float, list[float]]:
    """Let all of them fall due; the seconds until the last was answered anew, and what the probes took meanwhile."""
    [[began]] = await rows(engine, "SELECT date_trunc('milliseconds', clock_timestamp())")
    async with engine.database.transaction() as tx:
        await tx.fetch("UPDATE evidence SET valid_until = $1 WHERE kind = $2 AND verifier = 'sandbox'", began, KIND)
        await tx.fetch("UPDATE accounts SET wake_at = $1, look_at = $1 WHERE stage = 'active' AND NOT livemode", began)
    started, taken = time.perf_counter(), []
    while True:
        taken.append(await probe(engine, caller))
        [[done]] = await rows(
            engine, "SELECT count(DISTINCT account_id) FROM evidence WHERE verifier = 'sandbox' AND kind = $1"
            " AND recorded_at >= $2", KIND, began,
        )  # fmt: skip
        if done == accounts:
            return time.perf_counter() - started, taken
        sys.stderr.write(f"\r{done} of {accounts}")
        await asyncio.sleep(PAUSE)


async def measure(settings: Settings, accounts: int) -> dict[str, Any]:
    """Probes alone, then the burst with probes."""
    client = await connect(settings, lazy=False)
    nudger = Nudger(client, task_queue=settings.task_queue, target=target)
    engine = await open_engine(settings, nudge=nudger.nudge, name="benchmark")
    try:
        platforms = [new_id("plat_") for _ in range(PLATFORMS + 1)]
        async with engine.database.transaction() as tx:
            for platform_id in platforms:
                await keys.create_platform(tx, platform_id=platform_id)
        await fill(engine, platforms[:PLATFORMS], accounts)
        caller = Caller(platforms[-1], livemode=True, actor="benchmark")
        quick = 0
        while quick < QUIET:  # the worker has all that were just made to look at first
            quick = quick + 1 if await probe(engine, caller) < 1 else 0
        idle = []
        for _ in range(PROBES):
            idle.append(await probe(engine, caller))
            await asyncio.sleep(PAUSE)
        seconds, meanwhile = await drain(engine, caller, accounts)
        await asyncio.sleep(2)
        [[active]] = await rows(engine, "SELECT count(*) FROM accounts WHERE stage = 'active' AND NOT livemode")
        [[looked]] = await rows(
            engine, "SELECT max(n) FROM (SELECT count(*) AS n FROM evidence WHERE verifier = 'sandbox' AND kind = $1"
            " GROUP BY account_id) e", KIND,
        )  # fmt: skip
    finally:
        await nudger.close()
        await engine.close()
    return {
        "accounts": accounts,
        "drained_in_s": round(seconds, 1),
        "drained_per_s": round(accounts / seconds, 1),
        "lost": accounts - active,
        "answers_of_one_at_most": looked,
        "idle_ms": _milliseconds(idle),
        "draining_ms": _milliseconds(meanwhile),
        "ratio_of_medians": round(statistics.median(meanwhile) / statistics.median(idle), 2),
    }


def _milliseconds(taken: list[float]) -> dict[str, float]:
    ordered = sorted(taken)
    return {
        "median": round(1000 * statistics.median(ordered)),
        "tenth_slowest": round(1000 * ordered[len(ordered) * 9 // 10]),
        "most": round(1000 * ordered[-1]),
    }


def worker_environment(environment: Mapping[str, str], interval: float, rate: float = 50) -> dict[str, str]:
    """Of a worker that screens with the bundled list, and leaves the other questions about live accounts to people."""
    return {
        **environment,
        "ONBOARDING_SWEEP_INTERVAL": str(interval),
        "ONBOARDING_SWEEP_RATE": str(rate),
        "ONBOARDING_SCREENING_LISTS": "bundled",
        "ONBOARDING_MANUAL_CHECKS": "address_match,id_number_match,keyed_identity",
        "ONBOARDING_WORKER_HEALTH_PORT": str(free_port()),
    }


def main() -> None:
    """Start everything, measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=2_000)
    parser.add_argument("--pace", type=float, default=10.0, help="accounts a second that the sweeps offer")
    arguments = parser.parse_args()
    with servers() as running:
        interval, rate = options.SWEEP_SIZE / arguments.pace, max(15.0, 1.2 * arguments.pace)
        environment = worker_environment(running.environment, interval, rate)
        port = int(environment["ONBOARDING_WORKER_HEALTH_PORT"])
        running.parts.start(running.child("worker", [sys.executable, "worker.py"], port, "/ready", environment))
        found = asyncio.run(measure(Settings.model_validate(running.environment), arguments.accounts))
    print(json.dumps({"pace": arguments.pace, **found}, indent=2))


if __name__ == "__main__":
    as_program(main)
