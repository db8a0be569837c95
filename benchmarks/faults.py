"""Onboardings while the vendor fails at random and parts are killed at random: ``python -m benchmarks.faults``.

Each seed has a stack of its own. A tenth of the vendor's requests fail in each of six ways, a tenth of its callbacks in
each of five, and every few seconds the worker, the API, Temporal, Postgres or the vendor's stand-in is ended by
``kill -9``, at least once with Temporal's storage deleted. Every account must come to the end that its script expects;
then the book is inspected with every seal opened and compared with what the vendor charged and sent.

``python -m benchmarks.faults [--seeds 10] [--first 1] [--accounts 200] [--at-once 60]``
"""

from __future__ import annotations

import argparse
import asyncio

from benchmarks.program import as_program
from tests.faults.chaos import Chaos, Plan, Told
from tests.faults.stack import Stack

SHOWN = 20


async def run(plan: Plan) -> Told:
    """One seed on a fresh stack."""
    async with Stack() as stack:
        return await Chaos(stack, plan).run()


def line(plan: Plan, told: Told) -> str:
    """What is printed of a seed."""
    parts = {
        "seconds": f"{told.seconds:.0f}",
        "per second": f"{told.ended / told.seconds:.1f}" if told.seconds else "-",
        "ended": f"{told.ended} of {plan.accounts}",
        "after the last kill": f"{told.after_last_kill:.0f} s",
        "killed": " ".join(f"{name} {count}" for name, count in sorted(told.killed.items())),
        "callbacks": " ".join(f"{name} {count}" for name, count in told.callbacks.items()),
        "rows": " ".join(f"{name} {count}" for name, count in told.counted.items()),
        "wrong": str(len(told.wrong)),
    }
    return f"seed {plan.seed}: " + "; ".join(f"{name} {value}" for name, value in parts.items())


def main() -> int:
    """Run the seeds one after the other; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=60)
    options = parser.parse_args()
    is_wrong = False
    for seed in range(options.first, options.first + options.seeds):
        plan = Plan(seed, options.accounts, at_once=options.at_once)
        told = asyncio.run(run(plan))
        print(line(plan, told), flush=True)
        for one in told.wrong[:SHOWN]:
            print(f"  {one}", flush=True)
        is_wrong |= bool(told.wrong)
    return int(is_wrong)


if __name__ == "__main__":
    as_program(main)
