"""Test clocks: a sandbox account lives by a clock that its platform moves."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import stripe
from stripe.v2.core import Account

from examples.example import Differs

BEHIND_SECONDS = 30
"""How long an advance may take, should it wait for work that others do."""


def put_on_clock(client: stripe.StripeClient, account: Account) -> str:
    """Let the account live by a new test clock.

    Returns:
        The clock's id. It shows a minute after the account was created: no clock may be behind its accounts.
    """
    start = datetime.fromisoformat(account.created) + timedelta(minutes=1)
    clock = client.raw_request("post", "/v2/verification/test_clocks", frozen_time=start.isoformat()).data
    client.raw_request("post", f"/v2/verification/test_clocks/{clock['id']}/attach", account=account.id)
    return str(clock["id"])


def advance(client: stripe.StripeClient, clock_id: str, until: datetime) -> None:
    """Move the clock, and everything that happens on the way happens at its time.

    Raises:
        Differs: the clock did not get there in time.
    """
    path = f"/v2/verification/test_clocks/{clock_id}"
    clock = client.raw_request("post", f"{path}/advance", frozen_time=until.isoformat()).data
    give_up = time.monotonic() + BEHIND_SECONDS
    while clock["status"] != "ready":
        if time.monotonic() > give_up:
            raise Differs(f"the test clock is still {clock['status']} after {BEHIND_SECONDS} s")
        time.sleep(0.25)
        clock = client.raw_request("get", path).data
