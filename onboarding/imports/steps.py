"""Taking an import further, some lines at a time.

What a step does is found in rows: which lines are still to be played, and from when on. A step takes its lines' time
first, in the import's own row, and plays them then: so the pace is kept whoever takes the next one, and whatever
becomes of this one. An account and its line's row are one transaction: whatever is interrupted, none is made twice.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from onboarding.domain.errors import EngineFault, Refusal, RefusalKind
from onboarding.door.callers import Caller
from onboarding.door.imports import Found, NotToPlay, PlayLine
from onboarding.imports.documents import sealed_refusal
from onboarding.storage import book, imports
from onboarding.storage.faults import StatementFailed
from onboarding.storage.imports import LOOK_AGAIN, UNDER_WAY, ImportRow, ImportState, LineRow, LineStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from onboarding.crypto import KeyRing
    from onboarding.door.door import Door
    from onboarding.storage.database import Database
    from onboarding.verifiers.registry import Verifiers

TRIES = 4
"""Of a line whose transaction was in somebody's way, or took too long, before it is left to a later step."""

STATEMENT_FAILED = "statement_failed"

_log = structlog.stdlib.get_logger("imports")


@dataclass(frozen=True, slots=True)
class Pace:
    """How an import's steps go; how quickly its lines do is its own ``accounts_per_second``.

    Attributes:
        span: what time a step takes its lines of.
        page: lines of one step at most.
        at_once: lines that are played at the same time, each of which takes a connection.
        at_most: how long a step goes on to begin with further lines.
        patience: a pause that a step waits for itself. A longer one is left to whoever takes the next step.
        credit: how much of the time that was lost between two steps is made up for.
    """

    span: timedelta = timedelta(seconds=5)
    page: int = 500
    at_once: int = 4
    at_most: timedelta = timedelta(seconds=10)
    patience: timedelta = timedelta(seconds=2)
    credit: timedelta = timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True)
class Step:
    """What a step came to: ``wait`` until the next one is due, None where nothing is left to do.

    ``lines`` are the import's numbers of lines by status.
    """

    state: str
    wait: timedelta | None
    platform_id: str = ""
    accounts_per_second: float = 0.0
    lines: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class _Taken:
    """Lines that a step may play, by number and digest, the first one ``ago``."""

    row: ImportRow
    now: datetime
    lines: Sequence[tuple[int, str]] = ()
    ago: timedelta = timedelta()


class ImportSteps:
    """What workers ask of imports."""

    def __init__(
        self, database: Database, ring: KeyRing, door: Door, verifiers: Verifiers, pace: Pace | None = None
    ) -> None:
        self._database = database
        self._ring = ring
        self._door = door
        self._verifiers = verifiers
        self._pace = pace or Pace()

    async def due(self, limit: int) -> list[str]:
        """Imports that nobody took further though it was time."""
        async with self._database.reading() as r:
            return await imports.due(r, limit=limit)

    async def step(self, import_id: str) -> Step:
        """Play the next lines, if their time has come or is near."""
        async with self._database.reading() as r:
            row = await imports.find(r, import_id)
            now = await book.database_now(r)
            left = await imports.pending(r, import_id, limit=1)
        if row is None:
            return Step("unknown", None)
        if row.state not in UNDER_WAY:
            return await self._step(row, None)
        ahead = _ahead(row, now) if left else timedelta()
        if ahead > self._pace.patience:
            async with self._database.reading() as r:
                await imports.look_later(r, row.id, now + ahead + LOOK_AGAIN)
            return await self._step(row, ahead)
        await asyncio.sleep(ahead.total_seconds())
        taken = await self._take(row.id)
        if taken.row.state not in UNDER_WAY:
            return await self._step(taken.row, None)
        await self._play(taken)
        return await self._step(taken.row, timedelta() if taken.lines else _ahead(taken.row, taken.now))

    async def _take(self, import_id: str) -> _Taken:
        """Take the time of the next lines. Where none is left, the import is at its end."""
        async with self._database.transaction() as tx:
            row = await imports.lock(tx, import_id)
            if row is None:
                raise LookupError("an import is never deleted")
            now = await book.database_now(tx)
            begins = max(row.next_at or now, now - self._pace.credit)
            most = int(self._pace.span.total_seconds() * row.accounts_per_second)
            lines = await imports.pending(tx, row.id, limit=min(max(most, 1), self._pace.page))
            if row.state not in UNDER_WAY or (lines and begins > now):
                return _Taken(row, now)  # somebody else was here meanwhile
            if lines:
                next_at = begins + timedelta(seconds=len(lines) / row.accounts_per_second)
                row = replace(row, next_at=next_at, look_at=next_at + LOOK_AGAIN)
            else:
                state = ImportState.CHECKED if row.is_dry_run else ImportState.DONE
                row = replace(row, state=state, look_at=None)
                _log.info("import_ended", imported=row.id, state=str(state))
            await imports.put(tx, row)
        return _Taken(row, now, lines, now - begins)

    async def _play(self, taken: _Taken) -> None:
        """Play lines, each at its time and some at once, until one is not to be played any more or time is up."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        first = begun - taken.ago.total_seconds()
        slots = asyncio.Semaphore(self._pace.at_once)
        is_over = False

        async def one(number: int, digest: str) -> None:
            nonlocal is_over
            try:
                if not await self._play_line(taken.row, number, digest):
                    is_over = True
            finally:
                slots.release()

        playing: list[asyncio.Task[None]] = []
        try:
            for place, (number, digest) in enumerate(taken.lines):
                await asyncio.sleep(max(0.0, first + place / taken.row.accounts_per_second - loop.time()))
                await slots.acquire()
                if is_over or loop.time() - begun > self._pace.at_most.total_seconds():
                    break
                playing.append(loop.create_task(one(number, digest)))
            outcomes = await asyncio.gather(*playing, return_exceptions=True)
        finally:
            for task in playing:  # of a step that was cancelled, none goes on behind its back
                task.cancel()
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _play_line(self, row: ImportRow, number: int, digest: str) -> bool:
        """Make a line's account, or see what it would come to; False where the line is not to be played any more."""
        exempt = self._verifiers.exemptions(livemode=row.livemode)
        change = PlayLine(row.id, number, row.platform_id, row.is_dry_run, exempt)
        caller = Caller(row.platform_id, row.livemode, row.actor)
        blank = LineRow(row.id, number, digest, LineStatus.ACCEPTED)
        failed: Refusal | None = None
        for _ in range(TRIES):
            try:
                if not row.is_dry_run:
                    await self._door.create(change, caller)
                    return True
                found: Found = await self._door.rehearse(change, caller)
            except NotToPlay:
                return False
            except Refusal as refusal:
                if refusal.kind is RefusalKind.BUSY:
                    failed = None
                    continue
                failed = refusal
            except EngineFault as fault:
                failed = Refusal(fault.code, "The engine could not decide about this account.")
            except StatementFailed:
                # A twin that was quicker, whose account is found next time; a statement that took too long; or ours.
                failed = Refusal(STATEMENT_FAILED, "The account could not be stored.")
                continue
            else:
                await self._conclude(row, replace(blank, entries=found.entries, capabilities=dict(found.capabilities)))
                return True
            break
        if failed is not None:
            await self._refuse(row, blank, failed)
        return True

    async def _refuse(self, row: ImportRow, line: LineRow, refusal: Refusal) -> None:
        account = refusal.extra.get("account")
        refused = replace(
            line,
            status=LineStatus.REFUSED,
            code=refusal.code,
            error=sealed_refusal(self._ring, row.platform_id, row.id, line.number, refusal),
            account_id=account if isinstance(account, str) else None,
        )
        await self._conclude(row, refused)

    async def _conclude(self, row: ImportRow, line: LineRow) -> None:
        async with self._database.reading() as r:
            await imports.conclude(r, line, is_dry_run=row.is_dry_run)

    async def _step(self, row: ImportRow, wait: timedelta | None) -> Step:
        async with self._database.reading() as r:
            counted = await imports.count(r, [row.id])
        return Step(row.state, wait, row.platform_id, row.accounts_per_second, counted[row.id])


def _ahead(row: ImportRow, now: datetime) -> timedelta:
    """How long until the next line may be played."""
    return max((row.next_at or now) - now, timedelta())
