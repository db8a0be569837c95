"""Checks that cannot be answered at once: asking the vendor between two transactions.

:meth:`Checks.advance` takes one step, and everything it needs to know is in rows: each step may be the first one of a
new process. A step is a *turn*, taken under the account's lock and committed before anything leaves the process, at
most one outward call, and what was *heard*, committed after it. A crash in between leaves an attempt ``starting``; the
next turn repeats the start as the verifier's :class:`RepeatedStart` allows, so that nothing is charged twice.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from onboarding.attempts import (
    RUNNING,
    Call,
    DropAttempts,
    Dropped,
    Hear,
    Heard,
    HearLate,
    Pace,
    Stand,
    Step,
    TakeTurn,
    Turn,
    Unknown,
)
from onboarding.domain.errors import Refusal
from onboarding.storage import attempts
from onboarding.verifiers.port import RepeatedStart, Report, Started, Verifier, VerifierUnavailable

if TYPE_CHECKING:
    from onboarding.door.door import Door
    from onboarding.storage.database import Database
    from onboarding.storage.rows import AttemptRow
    from onboarding.verifiers.registry import Verifiers


class Checks:
    """Works on checks through the door.

    Args:
        door: the only way to change an account.
        database: for attempts of checks that have ended.
        verifiers: who can be asked.
        pace: how long to wait for what.
    """

    def __init__(self, door: Door, database: Database, verifiers: Verifiers, pace: Pace | None = None) -> None:
        self._door = door
        self._database = database
        self._verifiers = verifiers
        self._pace = pace or Pace()

    async def advance(self, account_id: str, check_id: str) -> Step:
        """Take the check one step further. Safe to call at any time, by any number of callers.

        Raises:
            Refusal: the account is busy.
            ConnectionLost: nothing is known about the last commit; call again.
        """
        try:
            turn: Turn = await self._door.revise(account_id, TakeTurn(check_id, self._verifiers, self._pace))
        except Refusal as refusal:
            if refusal.code == "not_found":
                return Step(Stand.CLOSED)
            raise
        await self._tell(turn.dropped)
        if turn.step.stand is Stand.CLOSED:
            await self._drop_leftovers(account_id, check_id)
        if turn.call is None or turn.attempt is None:
            return turn.step
        heard = await self._ask(turn, turn.attempt)
        return await self._record(account_id, turn.attempt, heard)

    async def report(self, account_id: str, check_id: str, attempt_number: int, report: Report) -> Step:
        """Take in a report that came by another way than a poll. Late and doubled ones are welcome."""
        async with self._database.reading() as reading:
            rows = await attempts.list_of_check(reading, check_id)
        attempt = next((row for row in rows if row.number == attempt_number), None)
        return Step(Stand.CLOSED) if attempt is None else await self._record(account_id, attempt, report)

    async def _ask(self, turn: Turn, attempt: AttemptRow) -> Heard:
        verifier = self._verifiers.named(attempt.verifier)
        if verifier is None:  # was there a moment ago
            return Unknown()
        try:
            async with asyncio.timeout(self._pace.call.total_seconds()):
                if turn.call is Call.POLL:
                    return await verifier.poll(turn.vendor_reference, turn.question)
                found = await verifier.find(attempt.our_reference) if turn.call is Call.FIND else None
                if turn.call is Call.FIND and found is None and verifier.repeated_start is not RepeatedStart.LOOK_UP:
                    return Unknown()  # its key has expired, and not to find it proves nothing
                return found or await _start(verifier, turn, attempt)
        except VerifierUnavailable as unavailable:
            return unavailable
        except TimeoutError:
            return VerifierUnavailable("timed_out")

    async def _record(self, account_id: str, attempt: AttemptRow, heard: Heard) -> Step:
        verifier = self._verifiers.named(attempt.verifier)
        change = Hear(attempt, verifier.version if verifier else "", heard, self._verifiers, self._pace)
        turn: Turn = await self._door.revise(account_id, change)
        if turn.step.stand is Stand.CLOSED and turn.attempt is not None:
            # The check had ended meanwhile: an answer is late evidence, a start must be taken back.
            async with self._database.reading() as reading:
                check = await attempts.find_check(reading, account_id, attempt.check_id)
            if check is not None:
                turn = await self._door.revise(account_id, HearLate(check, attempt, change.version, heard))
        await self._tell(turn.dropped)
        return turn.step

    async def _drop_leftovers(self, account_id: str, check_id: str) -> None:
        """End attempts that still run though their check has ended, and tell their vendors."""
        async with self._database.reading() as reading:
            rows = [row for row in await attempts.list_of_check(reading, check_id) if row.state in RUNNING]
        if rows:
            await self._tell(await self._door.revise(account_id, DropAttempts(tuple(rows))))

    async def _tell(self, dropped: tuple[Dropped, ...]) -> None:
        """Tell vendors that nobody waits any more. Best effort: a report that comes all the same is late evidence."""
        for name, reference in dropped:
            verifier = self._verifiers.named(name)
            if verifier is not None:
                with suppress(VerifierUnavailable, TimeoutError):
                    async with asyncio.timeout(self._pace.call.total_seconds()):
                        await verifier.cancel(reference)


async def _start(verifier: Verifier, turn: Turn, attempt: AttemptRow) -> Started | Report:
    if turn.question is None:
        raise VerifierUnavailable("nothing_to_ask")
    return await verifier.start(
        turn.question, our_reference=attempt.our_reference, idempotency_key=attempt.idempotency_key
    )
