"""Holding back: a verifier that slows down is not given more and more questions that nobody waits for.

For each verifier there is a bound of questions in hand, read off rows: attempts that have not ended, and checks that
were given to a run. Beyond it the checks of *dormant* accounts are held: opened, told of and due, but without a run
and an attempt. Whatever a platform or a user has just asked for still goes. The sweep lets held checks go again as the
number falls, fair between platforms.

What time does to an account is told in time all the same: an account is looked at, and only its check waits.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from onboarding import telemetry
from onboarding.storage import backlog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onboarding.storage.backlog import InHand
    from onboarding.storage.database import Database
    from onboarding.verifiers.registry import Verifiers

READ_EVERY = 1.0
"""Seconds between two looks at the rows; in between a process counts what it gives away itself."""

HELD = timedelta(hours=1)
"""A held check is planned again after so long at the latest, should nobody let it go."""

_log = structlog.stdlib.get_logger("backlog")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many questions a verifier may have in hand before checks are held back; ``own`` are those of single ones."""

    usual: int = 500
    own: Mapping[str, int] | None = None

    def of(self, verifier: str) -> int:
        """The bound of a verifier."""
        return (self.own or {}).get(verifier, self.usual)


class Backlog:
    """What the plans of one process know of the questions that verifiers have in hand."""

    def __init__(self, database: Database, verifiers: Verifiers, bounds: Bounds | None = None) -> None:
        self._database = database
        self._verifiers = verifiers
        self._bounds = bounds or Bounds()
        self._in_hand: Counter[str] = Counter()
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def refresh(self) -> None:
        """Read the rows, unless that was done just now. Nothing to do where nobody outward is asked."""
        if not self._verifiers.outward or not self._is_old:
            return
        async with self._reading:
            if self._is_old:
                await self._read()

    def is_full(self, verifier: str) -> bool:
        """Whether a verifier has as many questions in hand as it may."""
        return self._in_hand[verifier] >= self._bounds.of(verifier)

    def take(self, verifier: str) -> None:
        """Count a check that was given to a run now."""
        self._in_hand[verifier] += 1

    def hold(self, verifier: str) -> None:
        """Count a check that was held back."""
        telemetry.held_checks.add(1, {"verifier": verifier, "outcome": "held"})

    async def release(self) -> int:
        """Let held checks go, as many as there is room for; how many accounts are due because of it."""
        async with self._database.reading() as r:
            rows = await backlog.in_hand(r)
        held = {name: row.held for name, row in rows.items() if row.held}
        if not held:
            return 0
        await self._read()
        freed = 0
        for name, number in held.items():
            room = self._bounds.of(name) - self._in_hand[name]
            if self._verifiers.named(name) is None:
                room = number  # it is not configured any more: the plan finds the next one
            account_ids: list[str] = []
            if room > 0:
                async with self._database.transaction() as tx:
                    account_ids = await backlog.release(tx, name, room)
                telemetry.held_checks.add(len(account_ids), {"verifier": name, "outcome": "released"})
            row = rows[name]
            _log.warning("verifier_backlog", verifier=name, running=row.running, held=number, released=len(account_ids))
            freed += len(account_ids)
        return freed

    async def state(self) -> list[tuple[str, InHand, int]]:
        """Verifiers with something in hand or held back, each with its bound."""
        async with self._database.reading() as r:
            rows = await backlog.in_hand(r)
        return [(name, row, self._bounds.of(name)) for name, row in rows.items()]

    @property
    def _is_old(self) -> bool:
        return asyncio.get_running_loop().time() - self._read_at > READ_EVERY

    async def _read(self) -> None:
        async with self._database.reading() as r:
            running = await backlog.in_hand(r)
            claimed = await backlog.claimed_by_kind(r)
        found = Counter({name: row.running for name, row in running.items()})
        for kind, number in claimed.items():
            # Of accounts of both modes: where the sandbox is not served, none of its checks is given to a run for long.
            for verifier in self._verifiers.outward_for(kind, livemode=True)[:1]:
                found[verifier.name] += number
        self._in_hand = found
        self._read_at = asyncio.get_running_loop().time()
