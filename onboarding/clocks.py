"""Test clocks: a platform moves the time of its sandbox accounts.

An advance goes from wake time to wake time, through the door, so that an account lives the same life whether its clock
moves by hours or by years at once. It is resumable: until it is done the clock says ``advancing``.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from onboarding.documents import rfc3339
from onboarding.domain.errors import EngineFault, Refusal, RefusalKind
from onboarding.domain.instants import whole_milliseconds
from onboarding.door.changes import AttachClock
from onboarding.door.door import Look
from onboarding.door.owing import needs_worker
from onboarding.ids import new_id
from onboarding.paging import Page
from onboarding.reading import paged_clocks
from onboarding.storage import clocks
from onboarding.storage.faults import ConnectionLost

if TYPE_CHECKING:
    from onboarding.crypto import KeyRing
    from onboarding.door.callers import Caller, RequestKey
    from onboarding.door.door import Door
    from onboarding.storage.database import Database
    from onboarding.storage.rows import ClockRow

CLOCK_TYPE = "v2.verification.test_clock"
ADVANCING = "advancing"

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""A clock stands between them: deadlines are counted on from there, and the calendar ends with the year 9999."""

PATIENCE = timedelta(seconds=15)
"""How long one call waits for work that workers owe between two instants; then the clock stays ``advancing``."""

SWEEP_PATIENCE = timedelta(seconds=5)
"""The same, of a sweep for all clocks together: at its slowest pace its nudges leave it no more time."""

POLL = timedelta(milliseconds=100)

Document = dict[str, Any]

_log = structlog.stdlib.get_logger("clocks")


class Clocks:
    """Test clocks of platforms. Every method raises Refusal ``not_found`` for somebody else's clock."""

    def __init__(self, database: Database, ring: KeyRing, door: Door) -> None:
        self._database = database
        self._ring = ring
        self._door = door

    async def create(self, caller: Caller, frozen_time: datetime, name: str | None, key: RequestKey | None) -> Document:
        """Make a clock that stands at ``frozen_time``; sandbox only.

        Raises:
            Refusal: ``parameter_invalid`` for a live caller, and for a time before EARLIEST or after LATEST.
        """
        _refuse_live(caller)
        frozen_time = _bounded(frozen_time)
        clock_id = new_id("clock_")
        sealed = self._seal(caller.platform_id, clock_id, name) if name else None
        async with self._database.transaction() as tx:
            existing = await self._door.claim(tx, caller, key, None, clock_id)
            if existing is None:
                row = await clocks.create(
                    tx, clock_id=clock_id, platform_id=caller.platform_id, now=frozen_time, sealed=sealed
                )
                return self._document(row)
        return await self.get(caller, existing.object_id or "")

    async def get(self, caller: Caller, clock_id: str) -> Document:
        """One clock."""
        return self._document(await self._find(caller, clock_id))

    async def list(self, caller: Caller, limit: int = 20, cursor: str | None = None) -> Page:
        """The platform's clocks, newest first; a live key has none."""
        if caller.livemode:
            return Page([])
        return await paged_clocks(self._database, caller, limit, cursor, self._document)

    async def attach(self, caller: Caller, clock_id: str, account_id: str, key: RequestKey | None) -> Document:
        """Put a sandbox account on the clock, for good."""
        clock = await self._find(caller, clock_id)
        if clock.state == ADVANCING:
            raise _invalid("The clock is advancing. Try again when it is ready.", "test_clock")
        await self._door.revise_whole(account_id, AttachClock(clock_id, clock.now), caller, key, clock_id)
        # The change itself came at the account's own time; what fell due until the clock's is played by a look.
        await self._look(account_id)
        return await self.get(caller, clock_id)

    async def advance(self, caller: Caller, clock_id: str, frozen_time: datetime, key: RequestKey | None) -> Document:
        """Move the clock to ``frozen_time``, and every account on it through all that falls due on the way.

        Raises:
            Refusal: also ``parameter_invalid`` for a time before the clock's own or after LATEST.
        """
        await self._find(caller, clock_id)
        frozen_time = _bounded(frozen_time)
        async with self._database.transaction() as tx:
            existing = await self._door.claim(tx, caller, key, None, clock_id)
            row = await clocks.lock(tx, platform_id=caller.platform_id, clock_id=clock_id)
            if row is None:
                raise _not_found()
            if existing is None:
                if frozen_time < (row.target or row.now):
                    raise _invalid("A clock can't go back.", "frozen_time")
                await clocks.start_advancing(tx, clock_id, frozen_time)
        await self.resume(caller.platform_id, clock_id)
        return await self.get(caller, clock_id)

    async def resume(self, platform_id: str, clock_id: str, patience: timedelta | None = None) -> bool:
        """Carry on with an advance, wherever it was left; whether the clock has arrived.

        An account that the engine can't decide about holds up no clock: it is marked stuck, and plays what it missed
        once it is repaired.
        """
        until = _now() + (PATIENCE if patience is None else patience).total_seconds()
        stuck: set[str] = set()
        while True:
            async with self._database.reading() as r:
                row = await clocks.find(r, platform_id=platform_id, clock_id=clock_id)
                if row is None or row.target is None:
                    return True
                found = await clocks.accounts_on(r, clock_id)
            wakes = {account.id: account.wake_at for account in found if account.wake_at and account.id not in stuck}
            instant = min((wake_at for wake_at in wakes.values() if wake_at <= row.target), default=None)
            async with self._database.reading() as r:
                if instant is None:
                    if await clocks.finish(r, clock_id, row.target):
                        return True
                    continue  # it was advanced further meanwhile, or another call has finished it
                now = max(instant, row.now)
                await clocks.move(r, clock_id, now)
            for account_id, wake_at in wakes.items():
                if wake_at > now:
                    continue
                if not await self._look(account_id, until):
                    stuck.add(account_id)
                elif _now() > until:
                    return False

    async def resume_all(self) -> None:
        """Carry on with advances that were left in the middle; the sweep calls it when all else is done.

        They share :data:`SWEEP_PATIENCE`, so that one that can't go on keeps neither the others nor the sweep waiting.
        Those for which there was no time are left to a later sweep.
        """
        async with self._database.reading() as r:
            left = await clocks.advancing(r)
        until = _now() + SWEEP_PATIENCE.total_seconds()
        for place, row in enumerate(left):
            share = (until - _now()) / (len(left) - place)
            if share <= 0:
                break
            try:
                await self.resume(row.platform_id, row.id, timedelta(seconds=share))
            except ConnectionLost:
                raise
            except Exception as error:  # noqa: BLE001 -- the next sweep tries again, whatever it was
                _log.warning("clock_held", clock=row.id, error=type(error).__name__)

    async def _look(self, account_id: str, until: float = 0.0) -> bool:
        """Look at an account, and again until no worker owes it anything; False if the engine can't decide."""
        while True:
            try:
                revised = await self._door.revise_whole(account_id, Look())
            except EngineFault:
                return False
            checks = revised.draft.state.checks if revised.draft is not None else ()
            owed = any(needs_worker(check) and check.retry_at is None for check in checks)
            told = revised.draft.activations.values() if revised.draft is not None else ()
            owed = owed or any(one.is_owed and not one.error_code for one in told)
            if not owed or _now() > until:
                return True
            await asyncio.sleep(POLL.total_seconds())

    async def _find(self, caller: Caller, clock_id: str) -> ClockRow:
        async with self._database.reading() as r:
            row = await clocks.find(r, platform_id=caller.platform_id, clock_id=clock_id)
        if row is None or caller.livemode:
            raise _not_found()
        return row

    def _document(self, row: ClockRow) -> Document:
        return {
            "id": row.id,
            "object": CLOCK_TYPE,
            "created": rfc3339(row.created_at),
            "frozen_time": rfc3339(row.now),
            "livemode": False,
            "name": self._name(row),
            "status": row.state,
            "target_time": rfc3339(row.target) if row.target else None,
        }

    def _seal(self, platform_id: str, clock_id: str, name: str) -> bytes:
        return self._ring.seal_platform(name.encode(), platform=platform_id, purpose="test-clock", ref=clock_id)

    def _name(self, row: ClockRow) -> str | None:
        if row.sealed is None:
            return None
        sealed = self._ring.open_platform(row.sealed, platform=row.platform_id, purpose="test-clock", ref=row.id)
        return sealed.decode()


def _now() -> float:
    """The event loop's clock, in which patience is kept."""
    return asyncio.get_running_loop().time()


def _bounded(frozen_time: datetime) -> datetime:
    """The time as a clock keeps it."""
    if not EARLIEST <= frozen_time <= LATEST:
        raise _invalid(f"A test clock stands between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d} (UTC).", "frozen_time")
    return whole_milliseconds(frozen_time)


def _refuse_live(caller: Caller) -> None:
    if caller.livemode:
        raise Refusal(
            "parameter_invalid", "Test clocks exist in the sandbox only: use a test key.", type="invalid_request_error"
        )


def _not_found() -> Refusal:
    return Refusal("not_found", "No such test clock.", kind=RefusalKind.NOT_FOUND)


def _invalid(message: str, param: str) -> Refusal:
    return Refusal("parameter_invalid", message, param=param, type="invalid_request_error")
