"""How a sweep's nudges are spread over time."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from onboarding.temporal import NUDGE_DEADLINE, Nudger, Target


class Noting(Nudger):
    """Sends nothing, and notes what it would send, when."""

    def __init__(self) -> None:
        client: Any = None
        super().__init__(client, task_queue="", target=lambda *ids: Target(ids[-1], "changed"))
        self.times: dict[str, float] = {}

    async def send(self, target: Target, *, deadline: timedelta = NUDGE_DEADLINE) -> bool:
        assert deadline
        self.times[target.workflow_id] = time.monotonic()
        return True


async def test_accounts_come_at_the_pace_and_nothing_else_waits_for_them() -> None:
    nudger, accounts = Noting(), [f"acct_{number}" for number in range(6)]
    began = time.monotonic()
    assert await nudger.nudge_all(accounts, [("acct_9", "check_1")], per_second=20) == 7
    assert list(nudger.times).index("check_1") <= 1  # it does not wait for accounts
    for place, account_id in enumerate(accounts):
        assert nudger.times[account_id] - began >= place / 20

    nudger = Noting()
    began = time.monotonic()
    await nudger.nudge_all(accounts)
    assert max(nudger.times.values()) - began < 5 / 20
