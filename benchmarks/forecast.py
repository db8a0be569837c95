"""The forecast of a policy over a whole book: accounts per second with one process and with two, and memory.

The book is generated (``benchmarks.book``). Two policies are forecast over three months: one that asks every account
for something more, so that each is played twice and most fall; and one that asks companies only, so that of the others
it is known without playing. The sides take turns, each in a process of its own, start-up included.

``python -m benchmarks.forecast [--accounts 10000] [--rounds 3] [--large 100000]``
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.book import NOW, fill
from benchmarks.program import as_program
from onboarding.catalogue.loader import builtin_bytes, policy_bytes
from onboarding.forecast import Scope, forecast, summarise
from onboarding.local import LocalPostgres
from onboarding.storage import migrate

AT = NOW + timedelta(days=30)
UNTIL = AT + timedelta(days=90)
APPLIES: dict[str, dict[str, list[str]]] = {
    "everybody": {"country": ["US"]},
    "companies": {"country": ["US"], "entity_type": ["company"]},
}
PROCESSES = (1, 2)


def target(name: str) -> bytes:
    """The package's policy with one rule more."""
    document = json.loads(builtin_bytes())["document"]
    rule = {
        "name": "benchmark.worker_count",
        "source": "benchmark",
        "of": "account",
        "when": APPLIES[name],
        "needs": ["identity.business_details.estimated_worker_count"],
        "restricts": [{"capabilities": ["all"], "falls": "at_request", "grace_days": 20}],
    }
    document["rules"].append(rule)
    return policy_bytes("benchmark", 1, document)


async def told(url: str, name: str, processes: int) -> dict[str, Any]:
    """One forecast."""
    started = time.perf_counter()
    found = await summarise(
        forecast(url, target(name), at=AT, until=UNTIL, scope=Scope(), processes=processes)
    )  # fmt: skip
    seconds = time.perf_counter() - started
    own, theirs = (resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "accounts": found.accounts,
        "per_second": round(found.accounts / seconds),
        "changed": found.changed,
        "restricted": round(found.share_restricted, 3),
        "processor_ms": round((_processor(own) + _processor(theirs)) / max(1, found.accounts) * 1000, 3),
        "peak_mb": {"parent": own.ru_maxrss // 1024, "largest process": theirs.ru_maxrss // 1024},
    }


def _processor(used: resource.struct_rusage) -> float:
    return used.ru_utime + used.ru_stime


def alone(url: str, name: str, processes: int) -> dict[str, Any]:
    """One forecast in a process of its own, so that its memory is its own."""
    command = [sys.executable, "-m", "benchmarks.forecast", "--one", url, name, str(processes)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603 -- this module
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure(url: str, rounds: int) -> dict[str, Any]:
    """Both policies, with one process and with two in turns."""
    found: dict[str, Any] = {}
    for name in APPLIES:
        runs: dict[int, list[dict[str, Any]]] = {processes: [] for processes in PROCESSES}
        for _ in range(rounds):
            for processes, mine in runs.items():
                mine.append(alone(url, name, processes))
        rates = {processes: [one["per_second"] for one in mine] for processes, mine in runs.items()}
        medians = {processes: statistics.median(mine) for processes, mine in rates.items()}
        found[name] = {
            **{key: runs[2][0][key] for key in ("accounts", "changed", "restricted")},
            "per_second": {str(processes): mine for processes, mine in rates.items()},
            "processor_ms": min(one["processor_ms"] for one in runs[1]),
            "two_beside_one": round(medians[2] / medians[1], 2),
            "peak_mb": runs[2][-1]["peak_mb"],
        }
    return found


def main() -> None:
    """Fill a book or two, measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", type=int, default=0, help="also a book of so many accounts, once")
    parser.add_argument("--one", nargs=3, metavar=("URL", "POLICY", "PROCESSES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        url, name, processes = options.one
        print(json.dumps(asyncio.run(told(url, name, int(processes)))))
        return
    found: dict[str, Any] = {"load": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory(prefix="onboarding-benchmark-") as folder:
        Path(folder).chmod(0o755)
        with LocalPostgres(Path(folder) / "data", durable=False) as postgres:
            for accounts, rounds in ((options.accounts, options.rounds), (options.large, 1)):
                if accounts:
                    postgres.create_database(f"book_{accounts}")
                    url = postgres.url(f"book_{accounts}")
                    migrate.upgrade(url)
                    asyncio.run(fill(url, accounts))
                    found[str(accounts)] = measure(url, rounds)
    found["load_after"] = os.getloadavg()[0]
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    as_program(main)
