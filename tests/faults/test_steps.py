"""``kill -9`` of the worker at every step of a check: the account ends as ever, and is charged for once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from tests.faults.lives import SCRIPTS, Life, Platform
from tests.faults.stack import Stack

pytestmark = pytest.mark.timeout(240)

END_SECONDS = 120.0
"""A step that was under way in a killed worker is repeated after the minute that it may take."""

LOCK_WITHIN = 6
"""Seconds in which an account's row must be locked while the vendor thinks, on a busy machine too."""

STEPS = {
    "after the attempt was committed": 1,
    "after the vendor did it": 1,
    "after the vendor's answer, before it was recorded": 1,
    "while the user is waited for": 1,
    "between a callback and its taking in": 1,
    "while the vendor is polled": 1,
    "while the report is recorded": 1,
    "while a superseded session is cancelled": 2,
}
"""Each step with the number of sessions that the vendor may charge for."""


@dataclass(frozen=True)
class Ended:
    """How a life went on after the kill."""

    trouble: str
    sessions: int
    evidence: int


class Steps:
    """Brings an account to each step, one after the other, and kills the worker there."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.platform = Platform(stack)
        self.lives: dict[str, Life] = {}

    def life(self, step: str) -> Life:
        """A new account for a step."""
        made = Life(self.platform, SCRIPTS["passes"], 40 + len(self.lives))
        self.lives[step] = made
        return made

    async def asked(self, step: str) -> tuple[Life, str]:
        """An account that waits for its user, and its attempt's reference."""
        life, before = self.life(step), await self.stack.told()
        await life.open()
        await life.until_asked()
        await self.stack.until_told(before + 1)  # that the session was created
        return life, await self.reference(life)

    async def reference(self, life: Life) -> str:
        """Our reference of the account's only attempt."""
        [row] = await self.stack.fetch("SELECT our_reference FROM attempts WHERE account_id = $1", life.id)
        return str(row[0])

    async def has_callback(self, life: Life) -> bool:
        """Whether the inbox holds an answer about the account."""
        return bool(await self.stack.fetch("SELECT 1 FROM inbox WHERE account_id = $1", life.id))

    async def is_consumed(self) -> bool:
        """Whether every scripted fault happens or has happened."""
        return not await self.stack.vendor("GET", "faults")

    async def kill(self) -> None:
        """Kill the worker and wait until another one works."""
        await self.stack.until_back(("worker", self.stack.kill("worker")))

    async def while_calls_hang(self) -> None:
        """One kill for all steps in which a call of the vendor hangs, or nobody does anything."""
        stack = self.stack
        await self.asked("while the user is waited for")
        superseded, reference = await self.asked("while a superseded session is cancelled")
        await stack.script({"on": "cancel", "do": "latency", "seconds": 30, "reference": reference})
        await superseded.change(surname="Umberfield-Rowe")
        superseded.renamed = "Umberfield-Rowe"
        await stack.until(self.is_consumed, "the cancelling")
        _, reference = await self.asked("while the vendor is polled")
        await stack.script({"on": "retrieve", "do": "latency", "seconds": 30, "reference": reference})
        await stack.until(self.is_consumed, "the poll")
        await stack.script({"on": "create", "do": "latency", "seconds": 30})
        committed = self.life("after the attempt was committed")
        await committed.open()
        await stack.until(self.is_consumed, "the start")
        # The vendor answers only once its event is acknowledged, which comes late.
        await stack.script({"on": "create", "do": "before_response"}, {"on": "webhook", "do": "late", "seconds": 20})
        done = self.life("after the vendor did it")
        await done.open()
        await stack.until(lambda: self.has_sessions(done), "the session", 4)
        assert await stack.sessions_of(committed.id) == []
        await self.kill()

    async def has_sessions(self, life: Life) -> bool:
        """Whether the vendor made one."""
        return bool(await self.stack.sessions_of(life.id))

    async def while_the_start_is_recorded(self) -> None:
        """The vendor has answered, and the account's row is locked by another transaction."""
        life = self.life("after the vendor's answer, before it was recorded")
        await self.stack.script({"on": "create", "do": "latency", "seconds": LOCK_WITHIN})
        await life.open()
        await self.stack.until(self.is_consumed, "the start")
        await self.kill_while_locked(life, lambda: self.has_sessions(life))
        [row] = await self.stack.fetch("SELECT state FROM attempts WHERE account_id = $1", life.id)
        assert row[0] == "starting"

    async def while_the_report_is_recorded(self) -> None:
        """The same with what the vendor says in the end."""
        life, reference = await self.asked("while the report is recorded")
        await self.stack.script({"on": "retrieve", "do": "latency", "seconds": LOCK_WITHIN, "reference": reference})
        assert await life.act(await life.check())
        await self.stack.until(self.is_consumed, "the poll")
        await self.kill_while_locked(life)

    async def kill_while_locked(self, life: Life, answered: Callable[[], Awaitable[bool]] | None = None) -> None:
        """Lock an account, wait until the vendor has answered and a worker waits for the lock, kill it."""
        async with self.stack.hold(life.id) as held:
            if answered is not None:  # another step of the account may wait for the lock already
                await self.stack.until(answered, "the vendor's answer")
            await self.stack.until(held.waiting, "somebody who waits for the lock")
            pid = self.stack.kill("worker")
        await self.stack.until_back(("worker", pid))

    async def before_a_callback_is_taken_in(self) -> None:
        """There is no worker when the vendor calls."""
        life, _ = await self.asked("between a callback and its taking in")
        check = await life.check()
        pid = self.stack.kill("worker")
        assert await life.act(check)
        await self.stack.until(lambda: self.has_callback(life), "the callback")
        rows = await self.stack.fetch("SELECT 1 FROM inbox WHERE account_id = $1 AND state = 'pending'", life.id)
        assert rows
        await self.stack.until_back(("worker", pid))

    async def ended(self, life: Life) -> Ended:
        """Live on to the end."""
        await life.finish(END_SECONDS)
        # What became of a session that nobody needs is recorded too, and decides nothing.
        evidence = await self.stack.fetch(
            "SELECT count(*) FROM evidence e JOIN checks c ON c.id = e.check_id"
            " WHERE c.account_id = $1 AND c.kind = 'keyed_identity' AND e.outcome IN ('passed', 'failed')",
            life.id,
        )
        return Ended(life.trouble, len(await self.stack.sessions_of(life.id)), int(evidence[0][0]))


@pytest.fixture(scope="module")
async def ends(stack: Stack) -> dict[str, Ended]:
    """How the accounts of all steps ended."""
    steps = Steps(stack)
    await steps.while_calls_hang()
    await steps.while_the_start_is_recorded()
    await steps.while_the_report_is_recorded()
    await steps.before_a_callback_is_taken_in()
    found = await asyncio.gather(*(steps.ended(life) for life in steps.lives.values()))
    return dict(zip(steps.lives, found, strict=True))


@pytest.mark.parametrize("step", STEPS)
def test_worker_is_killed(ends: dict[str, Ended], step: str) -> None:
    assert ends[step] == Ended(trouble="", sessions=STEPS[step], evidence=1)


async def test_nothing_is_wrong_afterwards(stack: Stack, ends: dict[str, Ended]) -> None:
    assert ends.keys() == STEPS.keys()
    assert await stack.wrong() == []
