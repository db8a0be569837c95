"""Many onboardings while a vendor fails at random and parts are killed at random, all drawn from a seed."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.faults.lives import SCRIPTS, Life, Platform
from tests.faults.stack import NotInTimeError, Stack

SHARE = 0.1
"""Of each fault."""
REQUEST_FAULTS = ("error", "error_after", "rate_limit", "reset", "reset_after", "latency")
WEBHOOK_FAULTS = ("duplicate", "late", "never", "reorder", "wrong_signature")
WEIGHTS = {
    "passes": 40, "declines": 10, "differs": 5, "blurred": 15, "listed": 10, "blocked": 5, "company": 15
}  # fmt: skip
"""How many of a hundred accounts follow each script."""

PARTS = {"worker": 3, "api": 3, "temporal": 3, "postgres": 3, "simulator": 3, "storage": 1}
"""How likely each is killed; ``storage`` is Temporal with its storage deleted."""

AT_ONCE_TWO = 0.2
FOREVER = 86_400.0


@dataclass(frozen=True)
class Plan:
    """What to do to a stack.

    Attributes:
        seed: decides everything that is drawn.
        accounts: how many in all.
        at_once: how many at a time.
        kills: how often to kill at most; killing stops when nine of ten accounts have ended.
        pause: seconds between two kills, at least and at most.
        calm: seconds after the last kill from which on the vendor fails no more.
        bound: seconds that the accounts have from then on: what failed long is tried again after half of its age.
    """

    seed: int
    accounts: int
    at_once: int = 60
    kills: int = 30
    pause: tuple[float, float] = (1.0, 8.0)
    calm: float = 30.0
    bound: float = 300.0


@dataclass
class Told:
    """What came of it; ``wrong`` is empty where all is well."""

    seconds: float = 0.0
    after_last_kill: float = 0.0
    ended: int = 0
    killed: Counter[str] = field(default_factory=Counter)
    callbacks: dict[str, int] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


class Chaos:
    """One run on a stack that nobody else uses."""

    def __init__(self, stack: Stack, plan: Plan) -> None:
        self.stack = stack
        self.plan = plan
        self._random = random.Random(plan.seed)  # noqa: S311 -- repeatable faults, nothing secret
        self._ended = 0
        self._last_kill = time.monotonic()
        self._lives: list[Life] = []

    async def run(self) -> Told:
        """Onboard, kill, wait, and look what is wrong."""
        started, before = time.monotonic(), Counter(self.stack.killed)
        await self.stack.set_rates(
            {
                "seed": self.plan.seed,
                "request": dict.fromkeys(REQUEST_FAULTS, SHARE),
                "webhook": dict.fromkeys(WEBHOOK_FAULTS, SHARE),
            }
        )
        platform, slots = Platform(self.stack), asyncio.Semaphore(self.plan.at_once)
        names = self._random.choices(list(WEIGHTS), list(WEIGHTS.values()), k=self.plan.accounts)
        self._lives = [
            Life(platform, SCRIPTS[name], self.plan.seed * 1000 + number) for number, name in enumerate(names)
        ]
        tasks = [asyncio.create_task(self._live(life, slots)) for life in self._lives]
        told = Told()
        try:
            told.wrong += await self._kill_now_and_then()
            await asyncio.wait(tasks, timeout=self.plan.calm)
            await self.stack.set_rates(None)
            done, late = await asyncio.wait(tasks, timeout=self.plan.bound)
            told.seconds = time.monotonic() - started
            told.after_last_kill = time.monotonic() - self._last_kill
        finally:
            for task in tasks:
                task.cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
        told.wrong += [f"{type(answer).__name__}: {answer}" for answer in answers if isinstance(answer, Exception)]
        told.wrong += [f"still open after {self.plan.bound:g} s: {life.trouble}" for life in await self._troubled(late)]
        told.ended = sum(task in done for task in tasks)
        told.killed = self.stack.killed - before
        told.wrong += await self._looked_at(told)
        return told

    async def _live(self, life: Life, slots: asyncio.Semaphore) -> None:
        async with slots:
            # Not all at the same instant, as people don't.
            await asyncio.sleep(life.number % 10 / 10)
            await life.run(FOREVER, pause=1.0)
        self._ended += 1

    async def _kill_now_and_then(self) -> list[str]:
        rows, at_least = 0, self._random.randint(0, min(4, self.plan.kills - 1))
        while rows < self.plan.kills and self._ended < 0.9 * self.plan.accounts:
            await asyncio.sleep(self._random.uniform(*self.plan.pause))
            chosen = {self._random.choices(list(PARTS), list(PARTS.values()))[0]}
            if rows == at_least:
                chosen = {"storage"}
            elif self._random.random() < AT_ONCE_TWO:
                chosen |= {self._random.choices(list(PARTS), list(PARTS.values()))[0]}
            if {"storage", "temporal"} <= chosen:
                chosen -= {"temporal"}
            killed = [
                ("temporal", self.stack.lose_temporal()) if part == "storage" else (part, self.stack.kill(part))
                for part in sorted(chosen)
            ]
            self._last_kill = time.monotonic()
            rows += 1
            try:
                await self.stack.until_back(*killed)
            except NotInTimeError as error:
                return [f"after {sorted(chosen)} were killed: {error}"]
        return []

    async def _troubled(self, late: set[asyncio.Task[None]]) -> list[Life]:
        if not late:
            return []
        open_ones = [life for life in self._lives if life.id and not await life.finish(0)]
        return open_ones[:20]

    async def _looked_at(self, told: Told) -> list[str]:
        """Let callbacks arrive that were sent to an API that was away, then look at everything."""
        await asyncio.sleep(2)
        ledger = await self.stack.vendor("GET", "ledger")
        [row] = await self.stack.fetch(
            "SELECT count(*) FILTER (WHERE state <> 'refused'), count(*) FILTER (WHERE state = 'refused'),"
            " coalesce(sum(deliveries - 1) FILTER (WHERE event_digest IS NOT NULL), 0),"
            " count(*) FILTER (WHERE state = 'pending') FROM inbox"
        )
        told.callbacks = {
            **ledger["webhooks"],
            "kept": row[0],
            "refused": row[1],
            "doubled": int(row[2]),
            "pending": row[3],
        }
        told.counted = (await self.stack.inspect()).counted | {"sessions": ledger["sessions_created"]}
        return await self.stack.wrong()
