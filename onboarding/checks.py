"""Checks that cannot be answered at once: asking the vendor between two transactions.

:meth:`Checks.advance` takes one step, and everything it needs to know is in rows: each step may be the first one of a
new process. A step is a *turn*, taken under the account's lock and committed before anything leaves the process, at
most one outward call, and what was *heard*, committed after it. A crash in between leaves an attempt ``starting``; the
next turn repeats the start as the verifier's :class:`RepeatedStart` allows, so that nothing is charged twice.

What the vendor sent to the inbox about the check is taken in first. It only says that something happened, so the vendor
is asked what, and its answer goes the same way as that of a poll: late and doubled ones are harmless.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from onboarding.attempts import (
    RUNNING,
    AttemptState,
    Call,
    DropAttempts,
    Dropped,
    Hear,
    Heard,
    HearLate,
    Pace,
    Recall,
    Stand,
    Step,
    TakeTurn,
    Turn,
    Unknown,
)
from onboarding.domain.errors import Refusal
from onboarding.files.documents import NamedDocuments
from onboarding.storage import attempts
from onboarding.verifiers.port import Question, RepeatedStart, Report, Started, Verifier, VerifierUnavailable

if TYPE_CHECKING:
    from onboarding.door.door import Door
    from onboarding.files import Files
    from onboarding.inbox import Inbox, Pending
    from onboarding.storage.database import Database
    from onboarding.storage.rows import AttemptRow, CheckRow
    from onboarding.verifiers.registry import Verifiers


@dataclass(slots=True)
class _Taken:
    """What was taken in.

    Attributes:
        since: when the first of it came.
        noticed: items by the running attempt they are about.
        is_waiting: a vendor could not be asked about a late report.
    """

    since: datetime | None = None
    noticed: dict[str, list[str]] = field(default_factory=dict)
    is_waiting: bool = False


class Checks:
    """Works on checks through the door.

    Args:
        door: the only way to change an account.
        database: for attempts of checks that have ended.
        verifiers: who can be asked.
        inbox: what vendors sent.
        pace: how long to wait for what.
        files: what documents are read from; without them a question has none.
    """

    def __init__(
        self,
        door: Door,
        database: Database,
        verifiers: Verifiers,
        inbox: Inbox,
        pace: Pace | None = None,
        files: Files | None = None,
    ) -> None:
        self._door = door
        self._database = database
        self._verifiers = verifiers
        self._inbox = inbox
        self._pace = pace or Pace()
        self._files = files

    async def advance(self, account_id: str, check_id: str) -> Step:
        """Take the check one step further. Safe to call at any time, by any number of callers.

        Raises:
            Refusal: the account is busy.
            ConnectionLost: nothing is known about the last commit; call again.
        """
        try:
            taken = await self._take_in(account_id, check_id)
            change = TakeTurn(check_id, self._verifiers, self._pace, taken.noticed.keys())
            turn: Turn = await self._door.revise(account_id, change)
        except Refusal as refusal:
            if refusal.code == "not_found":
                return Step(Stand.CLOSED)
            raise
        await self._tell(turn.dropped)
        if turn.step.stand is Stand.CLOSED:
            await self._drop_leftovers(account_id, check_id)
        step, heard = turn.step, None
        if turn.call is not None and turn.attempt is not None:
            heard = await self._ask(account_id, turn, turn.attempt)
            step = await self._record(account_id, turn.attempt, heard)
        asked = turn.attempt.id if turn.call is Call.POLL and turn.attempt is not None else None
        if asked in taken.noticed and not isinstance(heard, VerifierUnavailable):
            await self._inbox.settle(taken.noticed[asked])
        if taken.noticed.keys() - {asked}:
            return replace(step, wait=timedelta())  # its attempt has ended in this turn: now it is a late report
        is_unheard = taken.is_waiting or (bool(taken.noticed) and isinstance(heard, VerifierUnavailable))
        if is_unheard and taken.since is not None:
            # The vendor has an answer, so it is not left alone for as long as one that is still at work.
            wait = self._pace.wait(taken.since, datetime.now(UTC))
            return replace(step, wait=wait if step.wait is None else min(wait, step.wait))
        return step

    async def _take_in(self, account_id: str, check_id: str) -> _Taken:
        """Take in what the inbox holds about the check; what is about its running attempt is left to the turn."""
        pending = await self._inbox.pending(check_id)
        if not pending:
            return _Taken()
        async with self._database.reading() as reading:
            check = await attempts.find_check(reading, account_id, check_id)
            rows = {row.id: row for row in await attempts.list_of_check(reading, check_id)}
        about: defaultdict[str, list[Pending]] = defaultdict(list)
        for one in pending:
            about[one.attempt_id].append(one)
        taken = _Taken(since=min(one.received_at for one in pending))
        for attempt_id, items in about.items():
            attempt = rows.get(attempt_id)
            ids = [one.item_id for one in items]
            if check is None or attempt is None:
                await self._inbox.settle(ids)
            elif check.ended_at is None and attempt.state in RUNNING:
                taken.noticed[attempt_id] = ids
                if attempt.state == AttemptState.STARTING:
                    # It came before the answer to the start, and says as much.
                    await self._record(account_id, attempt, Started(items[0].notice.vendor_reference))
            else:
                heard = await self._ask_late(check, attempt, items[0].notice.vendor_reference)
                if isinstance(heard, VerifierUnavailable):
                    taken.is_waiting = True
                    continue
                await self._record(account_id, attempt, heard)
                await self._inbox.settle(ids)
        return taken

    async def _ask_late(self, check: CheckRow, attempt: AttemptRow, vendor_reference: str) -> Heard:
        """What the vendor says about an attempt for which nobody waits any more."""
        question: Question | None = await self._door.revise(check.account_id, Recall(check))
        step = Step(Stand.WAITING, attempt.verifier, attempt.number)
        return await self._ask(check.account_id, Turn(step, Call.POLL, attempt, question, vendor_reference), attempt)

    async def report(self, account_id: str, check_id: str, attempt_number: int, report: Report) -> Step:
        """Take in a report that came by another way than a poll. Late and doubled ones are welcome."""
        async with self._database.reading() as reading:
            rows = await attempts.list_of_check(reading, check_id)
        attempt = next((row for row in rows if row.number == attempt_number), None)
        return Step(Stand.CLOSED) if attempt is None else await self._record(account_id, attempt, report)

    async def _ask(self, account_id: str, turn: Turn, attempt: AttemptRow) -> Heard:
        verifier = self._verifiers.named(attempt.verifier)
        if verifier is None:  # was there a moment ago
            return Unknown()
        if turn.question is not None and self._files is not None:
            documents = NamedDocuments(self._files, account_id, turn.question.inputs)
            turn = replace(turn, question=replace(turn.question, documents=documents))
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
        version = verifier.version if verifier else ""
        change = Hear(attempt, version, heard, self._pace, self._inbox.vendor_digest)
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
