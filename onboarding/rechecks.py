"""Asking again about many accounts: a campaign places one recheck on each account of its scope, at a given pace.

What is left to do is found in rows, and an account has one order of a campaign at most, ever. So a campaign that was
interrupted, or that two people run at the same time, goes on where it is and orders nothing twice. Checks are asked as
vendors' own limits allow; the pace keeps the queue behind them short.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from onboarding.domain.errors import EngineFault, Refusal, RefusalKind
from onboarding.domain.state import OrderKind
from onboarding.order_rules import RECHECKS
from onboarding.storage import rechecks
from onboarding.storage.faults import StatementFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from onboarding.orders import Orders
    from onboarding.storage.database import Database
    from onboarding.storage.rechecks import RecheckScope

PAGE = 500
"""Accounts that are looked up at a time."""

CAMPAIGN = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
"""Names of campaigns: stored in plain, so they are codes."""

DUPLICATE = "23505"
"""Postgres' code for a second order of the campaign on one account: somebody else was quicker."""

LONGEST_BURST = 1.0
"""Seconds of the pace that are caught up at once where accounts kept a campaign waiting."""


@dataclass(slots=True)
class Ordered:
    """How a campaign went.

    Attributes:
        before: accounts that had their order already.
        left: accounts that were to get one when it began.
        placed: orders placed now.
        refused: codes of what kept orders from being placed, such as answers about values that have changed since.
    """

    before: int
    left: int
    placed: int = 0
    refused: Counter[str] = field(default_factory=Counter)


class Rechecks:
    """Runs campaigns, in the name of whoever runs this."""

    def __init__(self, database: Database, orders: Orders) -> None:
        self._database = database
        self._orders = orders

    async def count(self, scope: RecheckScope) -> Ordered:
        """What a campaign would do. Only reads."""
        async with self._database.reading() as r:
            left, before = await rechecks.count(r, scope)
        return Ordered(before, left)

    async def run(
        self,
        scope: RecheckScope,
        *,
        reason: str,
        name: str,
        per_second: float,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> Ordered:
        """Order the rechecks that are left.

        Args:
            scope: the accounts, the kind and the campaign.
            reason: one of ``RECHECKS``.
            name: whose orders they are, as operators are called.
            per_second: orders a second at most.
            progress: called after every account with the number of those done, and of all.

        Raises:
            Refusal: ``parameter_invalid`` for a reason or a name of a campaign that are none.
        """
        if reason not in RECHECKS:
            raise _invalid("reason", f"Must be one of {', '.join(RECHECKS)}.")
        if CAMPAIGN.fullmatch(scope.campaign) is None:
            raise _invalid("campaign", "Must be lower-case letters, digits, dots, dashes or underscores, at most 64.")
        found, after, done = await self.count(scope), "", 0
        loop = asyncio.get_running_loop()
        turn = loop.time()
        while True:
            async with self._database.reading() as r:
                page = await rechecks.following(r, scope, after, PAGE)
            for account_id in page:
                turn = max(turn + 1 / per_second, loop.time() - LONGEST_BURST)
                await asyncio.sleep(max(0.0, turn - loop.time()))
                code = await self._place(account_id, scope, reason, name)
                if code is None:
                    found.placed += 1
                else:
                    found.refused[code] += 1
                done += 1
                progress(done, max(done, found.left))
            if not page:
                return found
            after = page[-1]

    async def _place(self, account_id: str, scope: RecheckScope, reason: str, name: str) -> str | None:
        """The code of why an account got no order; one that is kept busy is tried again by the next run."""
        try:
            caller = await self._orders.operator(account_id, name)
            await self._orders.place(
                caller,
                account_id,
                None,
                kind=OrderKind.RECHECK,
                reason=reason,
                target=scope.kind,
                campaign=scope.campaign,
            )
        except Refusal as refusal:
            # Answers about values that have changed since are asked anew anyway.
            is_stale = refusal.kind is RefusalKind.INVALID and refusal.param == "target"
            return "nothing_to_ask_again" if is_stale else refusal.code
        except EngineFault as fault:
            return fault.code
        except StatementFailed as error:
            if error.sqlstate != DUPLICATE:
                raise
            return "ordered_already"
        return None


def _invalid(param: str, message: str) -> Refusal:
    return Refusal("parameter_invalid", message, param=param, type="invalid_request_error")
