"""A compliance officer's afternoon: the US pack gets a requirement, and it is told to a whole book in three waves.

A book of accounts is created through the door; the worker runs beside it. Then come the commands that an officer types,
as processes of their own: ``policies copy``, ``lint``, ``publish``, ``diff``, ``dry-run``, ``roll-out``, ``rollouts``.
When the last wave is told, every account is read, and what it shows as ``future_requirements`` is held against what the
forecast had said about it. Any difference, or a command that fails, is the benchmark's failure.

``python -m benchmarks.officer [--accounts 10000]``
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import resource
import subprocess
import sys
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

from benchmarks.onboardings import ACCOUNT, BANK_ACCOUNT
from benchmarks.program import as_program
from benchmarks.servers import servers
from onboarding.door.callers import Caller
from onboarding.engine import Engine, open_engine
from onboarding.forecast import Scope, forecast
from onboarding.ids import new_id
from onboarding.local.processes import free_port
from onboarding.settings import Settings
from onboarding.storage import keys
from onboarding.storage.rollouts import place_of

AT_ONCE = 8
SHARES = (10, 30, 60)
"""Of the waves, in per cent; each starts a minute after the one before."""
NOTICE = timedelta(days=30)
WORKERS = "identity.business_details.estimated_worker_count"
RULE = """
  - name: us.worker_count
    source: decision of the risk committee, from the next quarter on
    of: account
    when: {{country: [US]}}
    from: {start}
    needs: [identity.business_details.estimated_worker_count]
    restricts: [{{capabilities: [all], falls: at_request, grace_days: 30}}]
"""
PATIENCE_SECONDS = 1800.0
ROLLOUT_ID = re.compile(r"rol_\w+")

COMPANY: dict[str, Any] = {
    "contact_email": "office@benchmark-shop.com",
    "dashboard": "none",
    "defaults": {"responsibilities": {"fees_collector": "application", "losses_collector": "application"}},
    "configuration": {"merchant": {"capabilities": {"card_payments": {"requested": True}}}},
    "identity": {
        "country": "US",
        "entity_type": "company",
        "business_details": {
            "registered_name": "Benchmark Shop",
            "phone": "0000000000",
            "structure": "private_corporation",
        },
    },
}
BARE = {key: value for key, value in ACCOUNT.items() if key != "identity"} | {"identity": {"country": "US"}}
ELSEWHERE = BARE | {"identity": {"country": "DE", "entity_type": "individual"}}


class Officer:
    """The command line, as a process for each command."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._environment = {**os.environ, **environment}
        self._folder = folder
        self.seconds: dict[str, float] = {}

    def __call__(self, *arguments: str, show: bool = True) -> str:
        """What the command printed; it must succeed."""
        command = [sys.executable, "-c", "from onboarding.cli import main; main()", "policies", *arguments]
        started = time.perf_counter()
        done = subprocess.run(  # noqa: S603 -- our own command line
            command, cwd=self._folder, env=self._environment, capture_output=True, text=True, check=False
        )
        self.seconds[arguments[0]] = round(time.perf_counter() - started, 1)
        if show or done.returncode:
            sys.stderr.write(f"\n$ onboarding policies {' '.join(arguments)}\n{done.stdout}{done.stderr}")
        if done.returncode:
            raise RuntimeError(f"{arguments[0]} ended with {done.returncode}")
        return done.stdout


async def made(engine: Engine, caller: Caller, number: int) -> None:
    """One of five sorts of account."""
    sort = number % 5
    document = (ACCOUNT, ACCOUNT, COMPANY, BARE, ELSEWHERE)[sort]
    view = await engine.accounts.create(caller, document, None)
    if sort == 0:
        await engine.accounts.create_bank_account(caller, str(view.account["id"]), BANK_ACCOUNT, None)


async def each(count: int, work: Callable[[int], Awaitable[None]]) -> None:
    """So many at once."""
    numbers = iter(range(count))

    async def lane() -> None:
        for number in numbers:
            await work(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(lane())


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Engine]:
    """The engine, for the time of a block."""
    engine = await open_engine(settings, name="benchmark")
    try:
        yield engine
    finally:
        await engine.close()


async def fill(settings: Settings, caller: Caller, accounts: int) -> float:
    """Create the book; accounts per second."""
    async with opened(settings) as engine:
        async with engine.database.transaction() as tx:
            await keys.create_platform(tx, platform_id=caller.platform_id)
        started = time.perf_counter()
        await each(accounts, lambda number: made(engine, caller, number))
        return accounts / (time.perf_counter() - started)


async def foretold(settings: Settings, at: datetime) -> dict[str, tuple[str, ...]]:
    """What the forecast says that each account will be asked for, should it move then."""
    async with opened(settings) as engine:
        row = await engine.policy_book.find(None, "acme")
    found = forecast(settings.database_url, row.document, at=at, until=at + timedelta(days=90), scope=Scope())
    async with aclosing(found) as told:
        return {one.account_id: one.becomes_due async for one in told}


async def compared(
    settings: Settings, caller: Caller, rollout_id: str, expected: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    """Every account as it is shown now, held against what was foretold."""
    differing: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    async with opened(settings) as engine:
        waves = (await engine.rollouts.get(caller, rollout_id))["waves"]
        bounds = list(accumulate(wave["share"] for wave in waves))[:-1]

        async def look(account_id: str) -> None:
            view = await engine.reader.account(caller, account_id)
            ahead = view.account["future_requirements"]
            moments = (await engine.timeline.read(caller, account_id)).data
            told = [change for one in moments for change in one["changes"] if change["type"] == "policy.announced"]
            place = bisect_right(bounds, place_of(rollout_id, account_id))
            moves = datetime.fromisoformat(waves[place]["transition_at"])
            wanted = {label.rpartition(":")[2] for label in expected[account_id]}
            shown = {entry["description"] for entry in ahead["entries"]} if ahead else set()
            new = {WORKERS} & shown
            if new != wanted:
                differing["asked for something else"] += 1
            if [datetime.fromisoformat(one["at"]) for one in told] != [moves]:
                differing["told at another time, or not once"] += 1
            if new and datetime.fromisoformat(ahead["minimum_transition_date"]) != moves:
                differing[f"another date: {ahead['minimum_transition_date']} for {moves}"] += 1
            counted["told what will be asked" if new else "told, and asked for nothing more"] += 1
            counted[f"of wave {place + 1}"] += 1

        ids = sorted(expected)
        await each(len(ids), lambda number: look(ids[number]))
    return {"accounts": len(expected), **dict(sorted(counted.items())), "differing": dict(differing)}


@contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """How long something took."""
    started = time.perf_counter()
    yield
    seconds[name] = round(time.perf_counter() - started, 1)


def next_quarter(now: datetime) -> datetime:
    """Its first instant."""
    month = (now.month - 1) // 3 * 3 + 4
    return datetime(now.year + month // 13, month % 12, 1, tzinfo=UTC)


def walk(environment: dict[str, str], folder: Path, accounts: int) -> dict[str, Any]:
    """All of it, while the parts run."""
    settings = Settings.model_validate(environment)
    caller = Caller(new_id("plat_"), livemode=False, actor="operator:benchmark")
    officer = Officer(environment, folder)
    seconds: dict[str, float] = {}
    found: dict[str, Any] = {"created_per_second": round(asyncio.run(fill(settings, caller, accounts)), 1)}
    start = next_quarter(datetime.now(UTC))

    officer("copy", "packs", "us")
    pack = folder / "packs" / "us.yaml"
    pack.write_text(pack.read_text() + RULE.format(start=start.date()))
    packs = ["packs/us.yaml", "--with-builtin"]
    officer("lint", *packs)
    officer("publish", "--name", "acme", *packs)
    officer("diff", "builtin", "acme")
    officer("dry-run", "acme", "--at", f"{start:%Y-%m-%d}")
    with timed(seconds, "forecast"):
        expected = asyncio.run(foretold(settings, start))

    days = NOTICE.days
    starts = ["now", *(f"+{place}m" for place in range(1, len(SHARES)))]
    waves = [f"{share}%@{begin}:+{days}d" for share, begin in zip(SHARES, starts, strict=True)]
    rollout_id = ROLLOUT_ID.search(officer("roll-out", "acme", *(part for wave in waves for part in ("--wave", wave))))
    if rollout_id is None:
        raise RuntimeError("the roll-out has no id")
    with timed(seconds, "roll-out"):
        _until_done(officer, rollout_id[0])
    officer("rollouts", rollout_id[0])
    with timed(seconds, "comparison"):
        found["compared"] = asyncio.run(compared(settings, caller, rollout_id[0], expected))
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        **found,
        "seconds": {**{f"policies {name}": spent for name, spent in officer.seconds.items()}, **seconds},
        "largest_process_mb": children.ru_maxrss // 1024,
    }


def _until_done(officer: Officer, rollout_id: str) -> None:
    ends = time.monotonic() + PATIENCE_SECONDS
    while f"{rollout_id}  done" not in officer("rollouts", rollout_id, show=False):
        if time.monotonic() > ends:
            raise RuntimeError("the roll-out does not end")
        time.sleep(5)


def main() -> int:
    """Start everything, walk, print what was found; 1 if an account is otherwise than was foretold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=10_000)
    options = parser.parse_args()
    with servers() as running:
        health_port = free_port()
        environment = {
            **running.environment,
            "ONBOARDING_WORKER_HEALTH_PORT": str(health_port),
            "ONBOARDING_SWEEP_INTERVAL": "10",
        }
        command = [sys.executable, "worker.py"]
        running.parts.start(running.child("worker", command, health_port, "/ready", environment))
        found = walk(environment, running.folder, options.accounts)
    print(json.dumps(found, indent=2))
    return 1 if found["compared"]["differing"] else 0


if __name__ == "__main__":
    as_program(main)
