"""How long a sweep takes among 1,000,000 dormant accounts, and by which plan; and that nobody is starved.

One platform has nine accounts of ten. Of it 5,000 are due, of each of nine others 50; the rest sleeps. Each sweep takes
500 of all and 50 of one platform. ``--plan`` prints what Postgres did, as docs/sweep-plan.md shows it.

``python -m benchmarks.sweep [--accounts 1000000] [--plan]``
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from benchmarks.program import as_program
from benchmarks.requests import ACCOUNT
from onboarding.door.callers import Caller
from onboarding.engine import open_engine
from onboarding.ids import new_id
from onboarding.local import LocalPostgres
from onboarding.settings import Settings
from onboarding.storage import keys, migrate, work
from onboarding.storage.database import Database, Reading

PLATFORMS = 10
DUE_OF_THE_LARGE, DUE_OF_ANOTHER = 5_000, 50
SWEEPS = 20
LIMIT, OF_ONE = 500, 50


async def fill(database: Database, accounts: int, settings: Settings) -> list[str]:
    """Copies of one account; the ids of the platforms, the large one first."""
    platforms = [new_id("plat_") for _ in range(PLATFORMS)]
    engine = await open_engine(settings)
    try:
        async with engine.database.transaction() as tx:
            for platform_id in platforms:
                await keys.create_platform(tx, platform_id=platform_id)
        caller = Caller(platforms[0], livemode=False, actor="key_benchmark")
        patch = {name: value for name, value in ACCOUNT.items() if name != "include"}
        made = (await engine.accounts.create(caller, patch, None)).account["id"]
    finally:
        await engine.close()
    async with database.reading() as r:
        rows = await r.fetch("SELECT column_name FROM information_schema.columns WHERE table_name = 'accounts'")
        names = [row[0] for row in rows]
        copied = ", ".join(
            {"id": "'acct_' || n", "platform_id": "p", "look_at": "l", "wake_at": "NULL", "look_tries": "0"}.get(
                name, f"a.{name}"
            )
            for name in names
        )
        each = accounts // PLATFORMS // (PLATFORMS - 1)
        for place, platform_id in enumerate(platforms):
            number = accounts - each * (PLATFORMS - 1) if place == 0 else each
            due = DUE_OF_THE_LARGE if place == 0 else DUE_OF_ANOTHER
            for begin in range(0, number, 50_000):
                await r.fetch(
                    f"INSERT INTO accounts ({', '.join(names)}) SELECT {copied} FROM accounts a,"  # noqa: S608 -- our own names
                    " (SELECT $2 || '_' || s AS n, $3::text AS p,"
                    "   CASE WHEN s < $4 THEN clock_timestamp() - s * interval '1 ms' END AS l"
                    "  FROM generate_series($5::int, $6::int) s) made WHERE a.id = $1",
                    made, f"{place}", platform_id, due, begin, min(begin + 50_000, number) - 1,
                )  # fmt: skip
        await r.fetch("UPDATE accounts SET look_at = NULL WHERE id = $1", made)
        await r.send("ANALYZE accounts; ANALYZE platforms")
    return platforms


async def plan_of(r: Reading) -> list[str]:
    """What Postgres does for a sweep that finds nothing due: the usual one."""
    sql = work._DUE.replace("{per_platform}", str(OF_ONE))  # noqa: SLF001 -- the statement itself
    for place, value in enumerate((LIMIT, "'10 min'", "'1 min'", "'1 h'"), 1):
        sql = sql.replace(f"${place}::interval", f"interval {value}").replace(f"${place}", str(value))
    rows = await r.fetch(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, BUFFERS OFF) {sql}")
    return [row[0] for row in rows]


async def _run(postgres: LocalPostgres, accounts: int, *, is_telling: bool) -> None:
    url = postgres.url()
    migrate.upgrade(url)
    key = base64.b64encode(os.urandom(32)).decode()
    settings = Settings.model_validate({"DATABASE_URL": url, "ONBOARDING_ROOT_KEYS": f"1:{key}"})
    database = Database(url, statement_timeout=timedelta(minutes=10))
    try:
        platforms = await fill(database, accounts, settings)
        taken: list[float] = []
        order: list[str] = []
        async with database.reading() as r:
            for _ in range(SWEEPS):
                begun = time.perf_counter()
                order += await work.due_accounts(r, limit=LIMIT, per_platform=OF_ONE)
                taken.append((time.perf_counter() - begun) * 1000)
            plan = await plan_of(r)
            owners = {
                row[0]: row[1] for row in await r.fetch("SELECT id, platform_id FROM accounts WHERE look_tries > 0")
            }
    finally:
        await database.close()
    first = [owners[account_id] for account_id in order[:LIMIT]]
    found = {
        "sweep_ms_median": statistics.median(taken),
        "sweep_ms_largest": max(taken),
        "platforms_in_the_first": len(set(first)),
        "of_the_large_in_the_first": first.count(platforms[0]),
        "found_in_all": len(set(order)),
    }
    for name, value in found.items():
        sys.stdout.write(f"{name:26} {value:8.1f}\n")
    if is_telling:
        sys.stdout.write("\n".join(["", *plan, ""]))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--plan", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="onboarding-bench-") as folder:
        Path(folder).chmod(0o755)  # the server may run as another user
        with LocalPostgres(Path(folder) / "data", durable=False) as postgres:
            asyncio.run(_run(postgres, arguments.accounts, is_telling=arguments.plan))


if __name__ == "__main__":
    as_program(main)
