"""A small one of the long runs of ``python -m benchmarks.faults``."""

from __future__ import annotations

import pytest

from tests.faults.chaos import Chaos, Plan
from tests.faults.stack import Stack


@pytest.mark.timeout(300)
async def test_random_faults_and_kills(stack: Stack) -> None:
    plan = Plan(seed=7, accounts=20, at_once=20, kills=3, pause=(0.5, 2.0), calm=10, bound=200)
    told = await Chaos(stack, plan).run()
    assert told.wrong == []
    assert told.ended == plan.accounts
    assert sum(told.killed.values()) >= plan.kills
