"""Telling a downstream system which capabilities are on: what it is to hold, and how a round of calls goes.

Everything here is a value in and a value out. A *round* has one version, and a version is a fence: whoever is told
obeys none that is lower than the highest it has seen, so an older call that comes late changes nothing.

::

    telling ──> settled                    every step was carried out, or taken back where the capability goes off
       ├──────> undoing ──> refused        a step was refused: what was done is taken back, last one first
       └──────> refused                    nothing to take back; told again, in a new round, at growing distances
    any ─────> telling                     something else is desired now: a new round

Off needs no confirmation to count: :mod:`onboarding.domain.settle` withdraws the acknowledgement in the look that
decides it. On counts only once a whole round was carried out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from onboarding.domain.capabilities import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from onboarding.domain.evaluate import Evaluation
    from onboarding.domain.state import State


class ActivationState(StrEnum):
    """Where the telling of one capability stands; all but ``settled`` are owed work."""

    TELLING = "telling"
    UNDOING = "undoing"
    REFUSED = "refused"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Activation:
    """One capability of one account, as the downstream system was told of it. Times are the database's.

    Attributes:
        desired: whether it is to be on.
        version: of the round; only ever raised.
        valid_until: until when the approval is known to hold, in the account's time; None for no end that is known.
        since: when ``desired`` became so.
        acknowledged: what the downstream system last confirmed of the whole; None if it never did.
        acknowledged_version: of the round that it confirmed; 0 for one that was on before anybody was told.
        done: steps of this round that were carried out.
        applied: steps that may be in force downstream, in their order: each is noted before its call.
        step: the one that is asked for now, or again.
        attempts: calls of this step that led to nothing.
        refusals: rounds that were refused since ``desired`` became so.
        error_code: of the last call that led to nothing; of the refusal while its steps are taken back.
        call_at: when the next call is due; until then somebody may be making one. None where nothing is owed.
        lease_until, lease_epoch, lease_run: who works on it, as for checks.
    """

    capability: str
    desired: bool
    version: int
    valid_until: datetime | None
    state: ActivationState
    since: datetime
    acknowledged: bool | None = None
    acknowledged_version: int = 0
    acknowledged_at: datetime | None = None
    done: tuple[str, ...] = ()
    applied: tuple[str, ...] = ()
    step: str | None = None
    attempts: int = 0
    refusals: int = 0
    error_code: str | None = None
    call_at: datetime | None = None
    lease_until: datetime | None = None
    lease_epoch: int = 0
    lease_run: str | None = None

    @property
    def is_owed(self) -> bool:
        """Whether the downstream system must still be told something."""
        return self.state is not ActivationState.SETTLED

    @property
    def is_refused(self) -> bool:
        """Whether it was told and refused: a person should look."""
        return self.is_owed and self.refusals > 0


@dataclass(frozen=True, slots=True)
class Instruction:
    """One call: carry out a step of a capability, or take it back.

    ``is_first``: nothing of this step can be in force downstream, so a refusal of this call leaves nothing behind.
    """

    capability: str
    version: int
    step: str
    on: bool
    valid_until: datetime | None
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How long to wait for what.

    Attributes:
        first, longest: after the first call that led to nothing, doubled by each further one, and at most.
        call: the longest that one call may take: nobody repeats it before.
        refused, refused_longest: after the first round that was refused, doubled by each further one, and at most.
    """

    first: timedelta
    longest: timedelta
    call: timedelta
    refused: timedelta
    refused_longest: timedelta

    def after_attempts(self, attempts: int) -> timedelta:
        """Until the next call, after so many that led to nothing."""
        return _doubled(self.first, attempts, self.longest)

    def after_refusals(self, refusals: int) -> timedelta:
        """Until the next round, after so many that were refused."""
        return _doubled(self.refused, refusals, self.refused_longest)


def _doubled(first: timedelta, times: int, longest: timedelta) -> timedelta:
    enough = (longest // first).bit_length()
    factor: int = 1 << min(max(times - 1, 0), enough)
    return min(first * factor, longest)


# --- what is desired --------------------------------------------------------------------------------------------------


def desires(evaluation: Evaluation, state: State) -> dict[str, datetime | None]:
    """The capabilities that are to be on, each with the instant until which that is known to hold.

    That is the earliest deadline of what may take it away, or the earliest expiry of evidence on which it rests; None
    where there is neither. Another look comes then, and may find that it goes on.
    """
    on = {name for name, status in evaluation.capabilities.items() if status.status is Status.ACTIVE}
    on |= {due.capability for due in evaluation.activations_due if due.on}
    ends: dict[str, datetime | None] = dict.fromkeys(sorted(on))
    if not ends:
        return ends
    for capability, instant in _ends(evaluation, state):
        if capability in ends and instant > evaluation.as_of:
            known = ends[capability]
            ends[capability] = instant if known is None else min(known, instant)
    return ends


def _ends(evaluation: Evaluation, state: State) -> Iterator[tuple[str, datetime]]:
    for demand in evaluation.demands:
        for impact in demand.impacts:
            if impact.deadline is not None:
                yield impact.capability, impact.deadline
    ending = {row.id: row.valid_until for row in state.evidence if row.valid_until is not None}
    restricts = {rule.name: {one.capability for one in rule.restricts} for rule in evaluation.policy.rules}
    for finding in evaluation.findings:
        for instant in (ending[one] for one in finding.by if one in ending):
            for capability in restricts[finding.rule]:
                yield capability, instant


def desire(
    known: Activation | None,
    capability: str,
    *,
    on: bool,
    valid_until: datetime | None,
    is_acknowledged: bool,
    now: datetime,
) -> Activation | None:
    """The row after a look; None where there is none and nothing to tell.

    ``is_acknowledged``: the capability counts as on, so a look may show it active. One that does before anybody was
    told, because nothing was downstream then, goes on doing so; it is told all the same.
    """
    if known is None:
        if not on:
            return None
        before = True if is_acknowledged else None
        return _round(
            Activation(capability, on, 0, valid_until, ActivationState.TELLING, now, acknowledged=before), now
        )
    if on is not known.desired:
        moved = replace(known, desired=on, valid_until=valid_until if on else None, since=now, refusals=0)
        return _round(moved, now)
    if not on:
        return known
    # Off and on again between two looks: what was confirmed before no longer counts.
    is_void = known.state is ActivationState.SETTLED and not is_acknowledged
    if valid_until == known.valid_until and not is_void:
        return known
    moved = replace(known, valid_until=valid_until)
    # A refused round is told again at its own time, and then says what is so by then.
    return _round(moved, now) if known.state in (ActivationState.TELLING, ActivationState.SETTLED) else moved


def _round(row: Activation, now: datetime) -> Activation:
    """A new round, due at once and nobody's; to take back what nothing was done of needs no call."""
    begun = replace(
        row,
        version=row.version + 1,
        state=ActivationState.TELLING,
        done=(),
        step=None,
        attempts=0,
        error_code=None,
        call_at=now,
        lease_until=None,
        lease_run=None,
    )
    return begun if begun.desired or begun.applied else _settled(begun, now)


# --- one call ---------------------------------------------------------------------------------------------------------


def instruct(
    row: Activation, steps: Sequence[str], rhythm: Rhythm, now: datetime
) -> tuple[Activation, Instruction | None]:
    """The next call of an owed row, and the row as it must be stored before that call is made.

    No instruction where its time has not come. ``steps`` are those that turn a capability on, in order; what was done
    under other settings is still taken back.
    """
    if not row.is_owed or (row.call_at is not None and row.call_at > now):
        return row, None
    if row.state is ActivationState.REFUSED:
        row = replace(_round(row, now), lease_until=row.lease_until, error_code=row.error_code)
    undoes = row.state is ActivationState.UNDOING or not row.desired
    # All are done, and yet it is not settled: there were more of them. The last one says so again.
    step = row.applied[-1] if undoes else next((step for step in steps if step not in row.done), steps[-1])
    is_first = not undoes and step not in row.applied
    row = replace(
        row,
        step=step,
        attempts=row.attempts if step == row.step else 0,
        applied=(*row.applied, step) if is_first else row.applied,
        call_at=now + rhythm.call,
    )
    valid_until = None if undoes else row.valid_until
    return row, Instruction(row.capability, row.version, step, not undoes, valid_until, is_first)


def is_current(row: Activation | None, given: Instruction) -> bool:
    """Whether an answer to this call still says anything: of an older round, or of a step that is over, it does not."""
    return (
        row is not None
        and row.state in (ActivationState.TELLING, ActivationState.UNDOING)
        and (row.version, row.step) == (given.version, given.step)
    )


def carried_out(row: Activation, given: Instruction, steps: Sequence[str], rhythm: Rhythm, now: datetime) -> Activation:
    """The row after the downstream system did what a current call asked for."""
    went_on = replace(row, step=None, attempts=0, call_at=now)
    if given.on:
        went_on = replace(went_on, done=(*row.done, given.step), error_code=None)
        return went_on if any(step not in went_on.done for step in steps) else _settled(went_on, now)
    went_on = replace(went_on, applied=tuple(step for step in row.applied if step != given.step))
    if went_on.applied:
        return went_on
    if row.state is ActivationState.UNDOING:
        return _refused(replace(went_on, acknowledged=False, acknowledged_version=row.version), rhythm, now)
    return _settled(went_on, now)


def refused(
    row: Activation, given: Instruction, code: str, rhythm: Rhythm, now: datetime, *, is_acknowledged: bool
) -> Activation:
    """The row after the downstream system said no for good to a current call.

    A capability that counts as on keeps what it has: only to say so anew was refused.
    """
    said = replace(row, error_code=code, refusals=row.refusals + 1, step=None, attempts=0)
    if row.state is ActivationState.UNDOING:
        # To take back can't be given up: again later, under a key of its own.
        return replace(said, version=row.version + 1, call_at=now + rhythm.after_refusals(said.refusals))
    if not given.on or is_acknowledged:
        return _refused(said, rhythm, now)
    left = tuple(step for step in row.applied if not given.is_first or step != given.step)
    if not left:
        return _refused(replace(said, applied=()), rhythm, now)
    return replace(said, version=row.version + 1, state=ActivationState.UNDOING, applied=left, done=(), call_at=now)


def unanswered(
    row: Activation, code: str, rhythm: Rhythm, now: datetime, retry_after: timedelta | None = None
) -> Activation:
    """The row after a current call that may or may not have arrived: the same call comes again."""
    attempts = row.attempts + 1
    wait = rhythm.after_attempts(attempts)
    kept = row.error_code if row.state is ActivationState.UNDOING else code
    return replace(row, attempts=attempts, error_code=kept, call_at=now + max(wait, retry_after or wait))


def outrun(row: Activation, version: int, now: datetime) -> Activation:
    """The row after the downstream system said that it has seen ``version`` already.

    Nobody but this account's row makes versions, so it was told by a past that the database has lost: a restored
    backup. The round begins again above it.
    """
    if version < row.version:
        return row
    raised = replace(row, version=version)
    if row.state is ActivationState.UNDOING:
        return replace(raised, version=version + 1, step=None, call_at=now)
    return replace(_round(raised, now), lease_until=row.lease_until)


def _settled(row: Activation, now: datetime) -> Activation:
    return replace(
        row,
        state=ActivationState.SETTLED,
        acknowledged=row.desired,
        acknowledged_version=row.version,
        acknowledged_at=now,
        step=None,
        attempts=0,
        refusals=0,
        error_code=None,
        call_at=None,
        lease_until=None,
        lease_run=None,
    )


def _refused(row: Activation, rhythm: Rhythm, now: datetime) -> Activation:
    wait = rhythm.after_refusals(row.refusals)
    return replace(row, state=ActivationState.REFUSED, step=None, attempts=0, call_at=now + wait)
