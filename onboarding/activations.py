"""Telling the downstream system what is on: one step at a time, each its own two transactions around one call.

A *turn* is taken under the account's lock, after the look that says what is desired now, and committed before anything
leaves the process; the call follows; what was *heard* is committed after it, and counts only if nothing else is desired
meanwhile. A crash in between leaves the step noted as one that may be in force, and the same call is made again under
the same version and key. What a turn and an answer do to a row says :mod:`onboarding.domain.activations`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

from onboarding.activators.port import CarriedOut, Outrun, Refused, Unanswered
from onboarding.domain.activations import (
    ActivationState,
    Rhythm,
    carried_out,
    instruct,
    is_current,
    outrun,
    refused,
    unanswered,
)
from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.storage import activations

if TYPE_CHECKING:
    from datetime import datetime

    from onboarding.activators.port import Answer, Downstream
    from onboarding.domain.activations import Activation, Instruction
    from onboarding.door.door import Door
    from onboarding.door.draft import Draft
    from onboarding.door.view import OperatorView
    from onboarding.storage.activations import OwedActivation
    from onboarding.storage.database import Database

RHYTHM = Rhythm(
    first=timedelta(seconds=1),
    longest=timedelta(minutes=15),
    call=timedelta(seconds=30),
    refused=timedelta(minutes=5),
    refused_longest=timedelta(days=1),
)

CLAIM_GRACE = timedelta(hours=1)
"""It stays claimed for so long after its next call is due."""

NOTHING_OWED = "settled"


@dataclass(frozen=True, slots=True)
class Step:
    """What a step came to.

    Attributes:
        stand: the row's state, or ``settled`` where there is no row.
        about: for operators: what is asked for, the code of what went wrong, and how often.
        wait: until the next step; None where nothing is owed.
    """

    stand: str
    about: str = ""
    wait: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What one transaction decided, and the one call to make, if any."""

    step: Step
    instruction: Instruction | None = None
    livemode: bool = True


@dataclass(frozen=True)
class TakeTurn:
    """Decide on the next call, as of this look, and commit what must be known before it."""

    capability: str
    steps: tuple[str, ...]
    rhythm: Rhythm
    cause = "activation.turn_taken"

    def apply(self, draft: Draft) -> None:
        """Nothing: what is desired the look itself says."""

    def after_look(self, draft: Draft, _view: OperatorView, _wake_at: datetime | None) -> Turn:
        """See the class."""
        known = draft.activations.get(self.capability)
        if known is None or not known.is_owed:
            return Turn(Step(NOTHING_OWED))
        row, instruction = instruct(known, self.steps, self.rhythm, draft.database_now)
        if instruction is not None or known.lease_run is not None or known.lease_until is None:
            _hold(draft, row)
        return Turn(_step(row, draft.database_now), instruction, draft.livemode)


@dataclass(frozen=True)
class Hear:
    """Record what the downstream system said to a call; of one that is not current it is forgotten."""

    instruction: Instruction
    answer: Answer
    steps: tuple[str, ...]
    rhythm: Rhythm
    cause = "activation.heard"

    def apply(self, draft: Draft) -> None:
        """See the class."""
        given, now = self.instruction, draft.database_now
        known = draft.activations.get(given.capability)
        if known is None or not is_current(known, given):
            return
        match self.answer:
            case CarriedOut():
                row = carried_out(known, given, self.steps, self.rhythm, now)
            case Refused(code):
                is_on = draft.is_acknowledged(given.capability)
                row = refused(known, given, code, self.rhythm, now, is_acknowledged=is_on)
            case Outrun(version):
                row = outrun(known, version, now)
            case Unanswered(code, retry_after):
                row = unanswered(known, code, self.rhythm, now, retry_after)
            case _:
                assert_never(self.answer)
        if row.state is ActivationState.SETTLED and row.desired:
            draft.acknowledge(row.capability)
        _hold(draft, row)

    def after_look(self, draft: Draft, _view: OperatorView, _wake_at: datetime | None) -> Step:
        """Where it stands, as of this look."""
        row = draft.activations.get(self.instruction.capability)
        return _step(row, draft.database_now) if row is not None else Step(NOTHING_OWED)


@dataclass(frozen=True)
class TellAgain:
    """Have an owed call made now: a person has mended what kept it from being carried out."""

    capability: str
    cause = "activation.hastened"

    def apply(self, draft: Draft) -> None:
        """Nobody's again, so that the next plan gives it to a run, or wakes the run that waits.

        Raises:
            Refusal: ``not_found`` where nothing is owed.
        """
        known = draft.activations.get(self.capability)
        if known is None or not known.is_owed:
            raise Refusal("not_found", "Nothing is owed about this capability.", kind=RefusalKind.NOT_FOUND)
        draft.put_activation(replace(known, call_at=draft.database_now, lease_until=None, lease_run=None))


def _hold(draft: Draft, row: Activation) -> None:
    """Keep an owed row for whoever works on it, until some time after its next call."""
    until = None if row.call_at is None else max(row.call_at, draft.database_now) + CLAIM_GRACE
    epoch = draft.record.book_epoch if draft.record is not None else 0
    draft.put_activation(replace(row, lease_until=until, lease_epoch=epoch, lease_run=None))


def _step(row: Activation, now: datetime) -> Step:
    if not row.is_owed:
        return Step(row.state.value)
    wait = max(row.call_at - now, timedelta()) if row.call_at is not None else timedelta()
    return Step(row.state.value, about(row), wait)


def about(row: Activation) -> str:
    """One line for operators about an owed row: codes and numbers only."""
    said = f"turn {'on' if row.desired else 'off'}, version {row.version}"
    if row.step is not None:
        said += f", step {row.step}"
    if row.is_refused:
        said += f", refused {row.refusals} times"
    elif row.attempts:
        said += f", {row.attempts} calls led to nothing"
    return f"{said} ({row.error_code})" if row.error_code is not None else said


class Activations:
    """Works on activations through the door.

    Args:
        door: the only way to change an account.
        database: for the list of what is owed.
        downstream: who is told.
        rhythm: how long to wait for what.
    """

    def __init__(self, door: Door, database: Database, downstream: Downstream, rhythm: Rhythm | None = None) -> None:
        self._door = door
        self._database = database
        self._downstream = downstream
        self._rhythm = rhythm or RHYTHM

    async def advance(self, account_id: str, capability: str) -> Step:
        """Take the telling of a capability one step further. Safe to call at any time, by any number of callers.

        Raises:
            Refusal: the account is busy.
            ConnectionLost: nothing is known about the last commit; call again.
        """
        try:
            return await self._advance(account_id, capability)
        except Refusal as refusal:
            if refusal.code == "not_found":
                return Step(NOTHING_OWED)
            raise

    async def _advance(self, account_id: str, capability: str) -> Step:
        steps, activator = self._downstream.steps, self._downstream.activator
        turn: Turn = await self._door.revise(account_id, TakeTurn(capability, steps, self._rhythm))
        if turn.instruction is None or activator is None:
            return turn.step
        answer: Answer
        try:
            async with asyncio.timeout(self._rhythm.call.total_seconds()):
                answer = await activator.tell(account_id, turn.instruction, livemode=turn.livemode)
        except TimeoutError:
            answer = Unanswered("timed_out")
        step: Step = await self._door.revise(account_id, Hear(turn.instruction, answer, steps, self._rhythm))
        return step

    async def tell_again(self, account_id: str, capability: str) -> None:
        """Have what is owed told now, and not when its wait is over.

        Raises:
            Refusal: ``not_found``: no such account, or nothing is owed.
        """
        await self._door.revise(account_id, TellAgain(capability))

    async def owed(self, *, only_refused: bool = False, limit: int = 50) -> list[OwedActivation]:
        """What the downstream system must still be told, of all platforms, the longest owed first."""
        async with self._database.reading() as r:
            return await activations.list_owed(r, only_refused=only_refused, limit=limit)
