"""Deciding the past again: every stored version of accounts with random histories, half of them erased.

The accounts live on test clocks: updates, failures, deadlines, orders, volumes, announced policies, contested reports.
Then another catalogue version is current and half of the keys are gone, and every version is read and decided again by
the same code: all must be the same to the last byte. A changed evaluator of a higher version must be told from that.
The rates are those of one process beside its database.

``python -m benchmarks.reproduction [--accounts 1000]``
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import tempfile
import time
from collections import Counter
from pathlib import Path
from unittest.mock import patch

from benchmarks.program import as_program
from onboarding import reproduction
from onboarding.domain.evaluate import EVALUATOR_VERSION, evaluate
from onboarding.engine import Engine, open_engine
from onboarding.local import LocalPostgres
from onboarding.reproduction import Reproducer, Result
from onboarding.settings import Settings
from onboarding.storage import migrate, versions
from tests.explanation.lives import SECOND_BYTES, SECOND_POLICY, changed_evaluator, opened, random_lives

EXPLAINED = 200


async def decide_all_again(engine: Engine, account_ids: list[str]) -> tuple[Counter[Result], float]:
    """What came of every version, and how many were decided a second."""
    reproducer, counted = Reproducer(engine.database, engine.policies), Counter[Result]()
    started = time.perf_counter()
    for account_id in account_ids:
        async with engine.database.reading() as r:
            stored = await versions.all_of(r, account_id)
        for version in stored:
            counted[(await reproducer.reproduce(version)).result] += 1
    return counted, sum(counted.values()) / (time.perf_counter() - started)


async def run(url: str, accounts: int) -> bool:
    """Whether all came out as it must."""
    key = base64.b64encode(bytes(range(32))).decode()
    settings = Settings.model_validate({"DATABASE_URL": url, "ONBOARDING_ROOT_KEYS": f"1:{key}"})
    async with opened(settings) as engine:
        lived = await random_lives(engine, accounts)
    engine = await open_engine(settings, policy=SECOND_POLICY, policy_bytes=SECOND_BYTES, name="benchmark")
    ids = [life.id for life in lived]
    try:
        async with engine.database.reading() as r:
            erase = "UPDATE accounts SET data_key = NULL, digest_key = NULL WHERE id = ANY($1::text[])"
            await r.fetch(erase, ids[::2])
        same, rate = await decide_all_again(engine, ids)
        print(f"{accounts} accounts, {same.total()} versions, {rate:.0f} versions/s: {_told(same)}")
        started = time.perf_counter()
        for life in lived[:EXPLAINED]:
            await engine.explanations.explain(life.caller, life.id)
        taken = (time.perf_counter() - started) / min(EXPLAINED, accounts)
        print(f"one explanation, read and decided again: {taken * 1000:.1f} ms")
        with (
            patch.object(reproduction, "evaluate", changed_evaluator(evaluate)),
            patch.object(reproduction, "EVALUATOR_VERSION", EVALUATOR_VERSION + 1),
        ):
            changed, _ = await decide_all_again(engine, ids)
        print(f"with a changed evaluator: {_told(changed)}")
    finally:
        await engine.close()
    return set(same) == {Result.REPRODUCED} and set(changed) == {Result.EVALUATOR_CHANGED}


def _told(counted: Counter[Result]) -> str:
    return ", ".join(f"{number} {result.value}" for result, number in sorted(counted.items()))


def main() -> int:
    """0 if everything was reproduced."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=1000)
    accounts = parser.parse_args().accounts
    with tempfile.TemporaryDirectory(prefix="onboarding-benchmark-") as folder:
        Path(folder).chmod(0o755)  # the server may run as another user
        with LocalPostgres(Path(folder) / "data", durable=False) as server:
            server.create_database("benchmark")
            url = server.url("benchmark")
            migrate.upgrade(url)
            is_right = asyncio.run(run(url, accounts))
    return 0 if is_right else 1


if __name__ == "__main__":
    as_program(main)
