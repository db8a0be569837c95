"""Memory of a worker over many episodes: each is a run of an account that looks, finds nothing to do and ends.

The worker is a process of its own, as operators start it; what is read is its resident memory after every thousand.

``python -m benchmarks.episodes [--episodes 10000] [--at-once 20] [--seconds 900]``
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from typing import Any

from benchmarks.burst import fill, worker_environment
from benchmarks.files import resident
from benchmarks.program import as_program
from benchmarks.servers import servers
from onboarding.engine import open_engine
from onboarding.ids import new_id
from onboarding.settings import Settings
from onboarding.storage import keys
from onboarding.temporal import Nudger, connect
from workflows import names
from workflows.schedule import target

ACCOUNTS = 100
EVERY = 1_000
"""Episodes between two readings."""


async def measure(settings: Settings, worker: int, episodes: int, at_once: int, seconds: float) -> Any:
    """Resident megabytes by the number of episodes."""
    client = await connect(settings, lazy=False)
    nudger = Nudger(client, task_queue=settings.task_queue, target=target)
    engine = await open_engine(settings, name="benchmark")
    try:
        platforms = [new_id("plat_") for _ in range(10)]
        async with engine.database.transaction() as tx:
            for platform_id in platforms:
                await keys.create_platform(tx, platform_id=platform_id)
        await fill(engine, platforms, ACCOUNTS)
        async with engine.database.reading() as r:
            ids = [row[0] for row in await r.fetch("SELECT id FROM accounts ORDER BY id")]
    finally:
        await engine.close()
    done, megabytes = 0, {}
    started = time.perf_counter()

    async def lane(place: int) -> None:
        nonlocal done
        number = place
        while done < episodes and time.perf_counter() - started < seconds:
            account_id = ids[number % len(ids)]
            number += at_once
            if not await nudger.send(target(account_id)):
                continue
            await client.get_workflow_handle(names.account_workflow_id(account_id)).result()
            done += 1
            if done % EVERY == 0:
                megabytes[done] = round(resident(worker) / 1e6, 1)

    try:
        await asyncio.gather(*(lane(place) for place in range(at_once)))
    finally:
        await nudger.close()
    taken = time.perf_counter() - started
    return {"episodes": done, "per_second": round(done / taken, 1), "resident_mb": megabytes}


def main() -> None:
    """Start everything, measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=900)
    arguments = parser.parse_args()
    with servers() as running:
        environment = worker_environment(running.environment, 60)
        port = int(environment["ONBOARDING_WORKER_HEALTH_PORT"])
        child = running.child("worker", [sys.executable, "worker.py"], port, "/ready", environment)
        running.parts.start(child)
        found = asyncio.run(
            measure(
                Settings.model_validate(running.environment),
                child.pid or 0,
                arguments.episodes,
                arguments.at_once,
                arguments.seconds,
            )
        )
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    as_program(main)
