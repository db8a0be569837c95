"""Taking a roll-out further, a page of accounts at a time.

What a step does is found in rows: where the roll-out stands, and which accounts have not got its policy yet. So a step
may be done twice, or by another process than the last one, or not at all for a while. An account's announcement and the
roll-out's row about it are one transaction: whatever is interrupted, nobody is told twice and nobody is left out.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import takewhile
from typing import TYPE_CHECKING

import structlog

from onboarding.domain.errors import EngineFault, Refusal, RefusalKind
from onboarding.door.rollouts import NO_WAVE, AnnouncePolicy, WithdrawPolicy
from onboarding.storage import book, policies, rollouts
from onboarding.storage.rollouts import LOOK_AGAIN, RolloutRow, RolloutState, Touched

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from onboarding.domain.policy import Policy
    from onboarding.door.door import Change, Door
    from onboarding.door.policies import PolicyShelf
    from onboarding.storage.database import Database, Transaction

AT_REST = (RolloutState.PAUSED, RolloutState.DONE, RolloutState.ROLLED_BACK)

BUSY_TRIES = 5
"""An account that others keep busy is tried again so often before its page is: each try waits for two seconds."""

MOST_EARLIER = 20
"""Policies one before the other, all taken back, that are gone through at most: they may go round in a circle."""

_log = structlog.stdlib.get_logger("rollouts")


@dataclass(frozen=True, slots=True)
class Pace:
    """How quickly a roll-out goes.

    Attributes:
        page: accounts of one step.
        at_once: accounts that are changed at the same time, each of which takes a connection.
        at_least: how long a step takes, so that platforms' own requests and their events have room: with pages of 200,
            a million accounts in an hour and a half.
        at_most: how long a step goes on to begin with further accounts.
        closing: between the policy becoming the current one and the last pass: longer than a transaction may take that
            began to make an account before.
    """

    page: int = 200
    at_once: int = 4
    at_least: timedelta = timedelta(seconds=1)
    at_most: timedelta = timedelta(seconds=20)
    closing: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Step:
    """What a step came to: ``wait`` until the next one is due, None where nothing is left to do."""

    state: str
    wait: timedelta | None
    wave: int = 0
    waves: int = 0


class RolloutSteps:
    """What workers ask of roll-outs."""

    def __init__(self, database: Database, door: Door, shelf: PolicyShelf, pace: Pace | None = None) -> None:
        self._database = database
        self._door = door
        self._shelf = shelf
        self._pace = pace or Pace()

    async def due(self, limit: int) -> list[str]:
        """Roll-outs that nobody took further though it was time."""
        async with self._database.reading() as r:
            return await rollouts.due(r, limit=limit)

    async def step(self, rollout_id: str) -> Step:
        """Do what is due now: at most a page.

        Raises:
            PolicyUnavailable: this process can't compile a policy that it needs. Another one may.
            Refusal: ``account_rate_limit_exceeded``: accounts of the page are busy. The others are done.
        """
        async with self._database.reading() as r:
            row = await rollouts.find(r, rollout_id)
            now = await book.database_now(r)
        if row is None:
            return Step("unknown", None)
        if row.state in AT_REST:
            return _step(row, None)
        due = _due_at(row)
        if row.state != RolloutState.ROLLING_BACK and now < due:
            async with self._database.reading() as r:
                await rollouts.look_later(r, row.id, due)
            return _step(row, due - now)
        began = asyncio.get_running_loop().time()
        row = await (self._withdraw(row) if row.state == RolloutState.ROLLING_BACK else self._announce(row))
        if row.state in AT_REST:
            return _step(row, None)
        rest = self._pace.at_least.total_seconds() - (asyncio.get_running_loop().time() - began)
        await asyncio.sleep(max(0.0, rest))
        return _step(row, timedelta())

    # --- announcing ---------------------------------------------------------------------------------------------------

    async def _announce(self, row: RolloutRow) -> RolloutRow:
        policy = await self._shelf.get(row.to_hash)
        wave = row.planned[min(row.wave, len(row.waves) - 1)]
        async with self._database.reading() as r:
            account_ids = await rollouts.to_announce(r, row, self._pace.page)
        change = AnnouncePolicy(row.id, row.wave, policy, wave.transition_at)
        reached = await self._through_the_door(row, [(account_id, row.wave, change) for account_id in account_ids])
        is_over = len(reached) == len(account_ids) < self._pace.page
        cursor = reached[-1] if reached else row.cursor

        async def further(tx: Transaction, locked: RolloutRow) -> RolloutRow:
            if (locked.wave, locked.cursor) != (row.wave, row.cursor) or locked.state == RolloutState.ROLLING_BACK:
                return locked  # somebody else was here meanwhile
            if locked.state == RolloutState.PAUSED:
                return replace(locked, cursor=cursor)
            locked = replace(locked, state=RolloutState.RUNNING, cursor=cursor)
            now = await book.database_now(tx)
            return await self._next_wave(tx, locked, now) if is_over else replace(locked, look_at=now + LOOK_AGAIN)

        return await self._note(row.id, further)

    async def _next_wave(self, tx: Transaction, row: RolloutRow, now: datetime) -> RolloutRow:
        """The pass of a wave is over: the next one; behind the last one new accounts get the policy; then the end."""
        wave = row.wave + 1
        if wave > len(row.waves):
            _log.info("rollout_done", rollout=row.id)
            return replace(row, state=RolloutState.DONE, look_at=None)
        row = replace(row, wave=wave, cursor="")
        if wave < len(row.waves):
            return replace(row, look_at=row.planned[wave].starts_at)
        closes_at = now + self._pace.closing
        before = [
            [platform_id, livemode, await policies.make_current(tx, platform_id, row.to_hash, livemode=livemode)]
            for platform_id in (row.platform_id or policies.EVERYBODY,)
            for livemode in row.modes
            if await self._is_followed(tx, row, platform_id, livemode=livemode)
        ]
        return replace(row, before=before, current_at=now, closes_at=closes_at, look_at=closes_at)

    async def _is_followed(self, tx: Transaction, row: RolloutRow, platform_id: str, *, livemode: bool) -> bool:
        """Whether what new accounts get now is what the roll-out takes the place of: any, or one of its name."""
        if row.from_name is None:
            return True
        current = await policies.current(tx, platform_id, livemode=livemode)
        return (await self._shelf.get(current, tx)).name == row.from_name

    # --- taking back --------------------------------------------------------------------------------------------------

    async def _withdraw(self, row: RolloutRow) -> RolloutRow:
        async with self._database.reading() as r:
            touched = await rollouts.to_withdraw(r, row, self._pace.page)
            came_from = {one.account_id: one.from_hash for one in touched if one.from_hash is not None}
            earlier = came_from
            for _ in range(MOST_EARLIER):
                earlier = await rollouts.taken_back(r, earlier)
                came_from |= earlier
                if not earlier:
                    break
        changes: list[tuple[str, int, Change]] = []
        for one in touched:
            previous = await self._previous(one, came_from.get(one.account_id))
            change = WithdrawPolicy(row.id, one.wave, row.to_hash, previous)
            changes.append((one.account_id, NO_WAVE if one.wave is None else one.wave, change))
        reached = await self._through_the_door(row, changes)
        is_over = len(reached) == len(touched) < self._pace.page

        async def further(tx: Transaction, locked: RolloutRow) -> RolloutRow:
            if (locked.state, locked.cursor) != (row.state, row.cursor):
                return locked
            if is_over:
                _log.info("rollout_rolled_back", rollout=row.id)
                return replace(locked, state=RolloutState.ROLLED_BACK, look_at=None)
            now = await book.database_now(tx)
            return replace(locked, cursor=reached[-1] if reached else row.cursor, look_at=now + LOOK_AGAIN)

        return await self._note(row.id, further)

    async def _previous(self, one: Touched, came_from: str | None) -> Policy:
        """What bound an account before; of one that began with the policy, what it would have begun with."""
        if came_from is not None:
            return await self._shelf.get(came_from)
        return await self._shelf.current_for(one.platform_id, livemode=one.livemode)

    # --- both ---------------------------------------------------------------------------------------------------------

    async def _note(
        self, rollout_id: str, further: Callable[[Transaction, RolloutRow], Awaitable[RolloutRow]]
    ) -> RolloutRow:
        async with self._database.transaction() as tx:
            locked = await rollouts.lock(tx, rollout_id)
            if locked is None:
                raise LookupError("a roll-out is never deleted")
            after = await further(tx, locked)
            if after != locked:
                await rollouts.put(tx, after)
        return after

    async def _through_the_door(self, row: RolloutRow, changes: Sequence[tuple[str, int, Change]]) -> list[str]:
        """Change accounts, some at a time and in order; answers with those that were reached before time was up.

        An account that the engine can't decide about, or that was erased, is counted; it holds up no other.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._pace.at_most.total_seconds()
        done: set[str] = set()
        tries: defaultdict[str, int] = defaultdict(int)
        ahead = list(changes)
        while ahead and loop.time() < until:
            batch, ahead = ahead[: self._pace.at_once], ahead[self._pace.at_once :]
            found = await asyncio.gather(*(self._change(row, *one) for one in batch), return_exceptions=True)
            again = []
            for one, outcome in zip(batch, found, strict=True):
                if isinstance(outcome, Refusal) and outcome.kind is RefusalKind.BUSY and tries[one[0]] < BUSY_TRIES:
                    tries[one[0]] += 1
                    again.append(one)
                elif isinstance(outcome, BaseException):
                    raise outcome
                else:
                    done.add(one[0])
            ahead = [*again, *ahead]
        return list(takewhile(done.__contains__, (account_id for account_id, _, _ in changes)))

    async def _change(self, row: RolloutRow, account_id: str, wave: int, change: Change) -> None:
        try:
            await self._door.revise(account_id, change)
        except EngineFault as fault:
            code = fault.code
        except Refusal as refusal:
            if refusal.kind is RefusalKind.BUSY:
                raise
            code = refusal.code
        else:
            return
        async with self._database.reading() as r:
            await rollouts.note_failure(r, row.id, account_id, wave, code)


def _due_at(row: RolloutRow) -> datetime:
    """When the next page may begin."""
    if row.wave < len(row.waves):
        return row.planned[row.wave].starts_at
    return row.closes_at or row.created_at


def _step(row: RolloutRow, wait: timedelta | None) -> Step:
    return Step(row.state, wait, row.wave, len(row.waves))
