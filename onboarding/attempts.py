"""Attempts: the changes that move a check and its attempts, each one transaction of the door.

::

    starting ──> started ──> answered                     the vendor reported
       │            └──────> timed_out                    no report within the policy's time: the next verifier
       ├──────────> unavailable                           could not be asked for long, and there is another verifier
       ├──────────> unknown                               nobody can say whether it arrived: a review
       └──────────> canceled                              nobody needs the answer any more

Waiting between polls and retries is in the database's time (vendors know no test clocks); deadlines and ``retry_at``
are in the account's. :mod:`onboarding.checks` makes the calls in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from onboarding.domain.settle import Answer
from onboarding.domain.standing import effective
from onboarding.domain.state import Check, CheckState
from onboarding.door.draft import Lease
from onboarding.door.review_rows import CONTESTED
from onboarding.ids import new_id
from onboarding.storage import tables
from onboarding.storage.rows import AttemptRow, CheckRow
from onboarding.verifiers.port import Question, RepeatedStart, Report, Started, Verifier, VerifierUnavailable

if TYPE_CHECKING:
    from onboarding.door.draft import Draft
    from onboarding.verifiers.registry import Verifiers

NOT_ACCEPTED = frozenset({"not_connected", "rate_limited", "refused"})
"""Codes by which an adapter says that the vendor certainly did not take the question: asking again charges once."""


class AttemptState(StrEnum):
    """Where an attempt stands."""

    STARTING = "starting"
    STARTED = "started"
    ANSWERED = "answered"
    TIMED_OUT = "timed_out"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"
    CANCELED = "canceled"


CLAIM_GRACE = timedelta(hours=1)
"""A check stays claimed for so long after its attempt must have reported: time to go on to the next verifier."""

VENDOR_REFERENCE = "vendor_reference"
"""Field group under which a vendor's own reference is sealed; its subject is the attempt."""

ATTEMPT_COLUMNS_AT_END: Mapping[str, None] = {"next_action": None, "poll_at": None}
"""What an attempt that has ended has no more."""

RUNNING = (AttemptState.STARTING, AttemptState.STARTED)


class Stand(StrEnum):
    """Where a check stands for whoever waits for it."""

    STARTING = "starting"
    WAITING = "waiting"
    UNAVAILABLE = "unavailable"
    IN_REVIEW = "in_review"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait for what.

    Attributes:
        first: before the first poll or retry; then half of the time the attempt has lasted, up to ``longest``.
        call: the longest that one outward call may take. Nobody repeats a start before it has passed, since the call
            may still be under way in a process that only seems to be gone.
        patience: a verifier that could not be asked for so long gives way to the next one.
        without_verifier: before looking again for a verifier where none is configured.
    """

    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(hours=1)
    call: timedelta = timedelta(seconds=30)
    patience: timedelta = timedelta(hours=1)
    without_verifier: timedelta = timedelta(hours=1)

    def wait(self, since: datetime, now: datetime) -> timedelta:
        """Until the next poll or retry of an attempt that began at ``since``."""
        return min(max((now - since) / 2, self.first), self.longest)


@dataclass(frozen=True, slots=True)
class Step:
    """What a step came to. ``wait`` is until the next one; None: nothing is left for whoever works on the check."""

    stand: Stand
    verifier: str = ""
    attempt: int = 0
    wait: timedelta | None = None


class Call(StrEnum):
    """What to ask the vendor."""

    START = "start"
    FIND = "find"
    POLL = "poll"


class Unknown:
    """Nobody can say whether the vendor took the question."""


Heard = Started | Report | VerifierUnavailable | Unknown | None
VendorDigest = Callable[[str, str], str]
"""Keyed digest of a verifier's name and its reference, by which a callback finds the attempt."""
Dropped = tuple[str, str]
"""Verifier and its reference of an attempt that nobody waits for any more."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one transaction decided: where the check stands, and the one call to make, if any."""

    step: Step
    call: Call | None = None
    attempt: AttemptRow | None = None
    question: Question | None = field(default=None, repr=False)
    vendor_reference: str = field(default="", repr=False)
    dropped: tuple[Dropped, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class TakeTurn:
    """Decide the next step of a check, and commit what must be known before the call.

    ``noticed`` names attempts about which the vendor said that something happened: they are polled without waiting.
    """

    check_id: str
    verifiers: Verifiers
    pace: Pace
    noticed: AbstractSet[str] = frozenset()
    cause = "check.turn_taken"

    def apply(self, draft: Draft) -> Turn:
        """See the class."""
        check = draft.check(self.check_id)
        if check is None or check.answer_at is not None:
            return Turn(Step(Stand.CLOSED))
        rows = [row for row in draft.attempts if row.check_id == check.id]
        running = rows[-1] if rows and rows[-1].state in RUNNING else None
        if check.state is CheckState.IN_REVIEW:
            # A late report of another attempt sent it to a person while this one was under way.
            dropped = _end(draft, running, AttemptState.CANCELED, "in_review")
            return Turn(Step(Stand.IN_REVIEW), dropped=dropped)
        # What is sent is what is there now: it can't change before this is committed.
        known = check.kind in draft.policy.checks
        if not known or draft.current_digest(check.kind, check.subject) != check.digest:
            draft.put_check(replace(check, state=CheckState.SUPERSEDED, retry_at=None, deadline_at=None))
            dropped = _end(draft, running, AttemptState.CANCELED, "superseded")
            return Turn(Step(Stand.CLOSED), dropped=dropped)
        if running is None:
            return _next_verifier(draft, check, rows, self.verifiers, self.pace)
        _hold(draft, check)
        return self._go_on(draft, check, rows, self.verifiers.named(running.verifier))

    def _go_on(self, draft: Draft, check: Check, rows: list[AttemptRow], verifier: Verifier | None) -> Turn:
        """The last of ``rows`` runs."""
        running = rows[-1]
        if verifier is None or (check.deadline_at is not None and check.deadline_at <= draft.as_of):
            dropped = _end(draft, running, AttemptState.TIMED_OUT, "no_report" if verifier else "verifier_gone")
            return replace(_next_verifier(draft, check, rows, self.verifiers, self.pace), dropped=dropped)
        is_started = running.state == AttemptState.STARTED
        is_noticed = is_started and running.id in self.noticed
        if running.poll_at is not None and running.poll_at > draft.database_now and not is_noticed:
            stand = Stand.WAITING if is_started else Stand.STARTING
            return Turn(_step(stand, running, running.poll_at - draft.database_now))
        if is_started:
            reference = _reference(draft, running)
            question = _question(draft, check)
            return Turn(_step(Stand.WAITING, running, None), Call.POLL, running, question, reference)
        return self._repeat(draft, check, rows, verifier)

    def _repeat(self, draft: Draft, check: Check, rows: list[AttemptRow], verifier: Verifier) -> Turn:
        """The start of an attempt was not confirmed: repeat it only as far as that can't charge twice."""
        attempt, now = rows[-1], draft.database_now
        if now - attempt.started_at > self.pace.patience and _untried(draft, check, rows, self.verifiers):
            _end(draft, attempt, AttemptState.UNAVAILABLE, attempt.error_code or "unavailable")
            return _next_verifier(draft, check, rows, self.verifiers, self.pace)
        # Once a start may have arrived, no later refusal takes that back: it was of another call.
        maybe_taken = attempt.maybe_taken or attempt.error_code not in NOT_ACCEPTED
        keeps_key = verifier.repeated_start is RepeatedStart.KEY
        if not maybe_taken or (keeps_key and now + self.pace.call < attempt.started_at + verifier.key_lifetime):
            call = Call.START
        elif verifier.repeated_start is RepeatedStart.NONE:
            return _to_review(draft, check, attempt)
        else:
            call = Call.FIND
        # Committed before the call, as the first time: from here on it may have arrived.
        draft.batch.update(
            tables.Attempt,
            {"id": attempt.id},
            poll_at=now + self.pace.call,
            error_code=None,
            maybe_taken=maybe_taken,
        )
        return Turn(_step(Stand.STARTING, attempt, None), call, attempt, _question(draft, check))


@dataclass(frozen=True)
class Hear:
    """Record what the vendor said about an attempt of an open check; answers the turn with ``attempt`` if it is not."""

    attempt: AttemptRow
    version: str
    heard: Heard = field(repr=False)
    pace: Pace
    digest: VendorDigest
    cause = "check.attempt_heard"

    def apply(self, draft: Draft) -> Turn:
        """See the class."""
        check = draft.check(self.attempt.check_id)
        if check is None:
            return Turn(Step(Stand.CLOSED), attempt=self.attempt)
        if isinstance(self.heard, Report):
            return self._report(draft, check, self.heard)
        state = next((row.state for row in draft.attempts if row.id == self.attempt.id), "")
        if check.state is CheckState.IN_REVIEW or state not in RUNNING:
            return Turn(Step(Stand.IN_REVIEW))  # decided elsewhere meanwhile
        if isinstance(self.heard, Unknown):
            return _to_review(draft, check, self.attempt)
        if isinstance(self.heard, VerifierUnavailable):
            return self._unavailable(draft, check, self.heard, is_started=state == AttemptState.STARTED)
        return self._no_report_yet(draft, check)

    def _report(self, draft: Draft, check: Check, report: Report) -> Turn:
        attempt = self.attempt
        if not any((row.check_id, row.attempt) == (check.id, attempt.number) for row in draft.state.evidence):
            ended = {"state": AttemptState.ANSWERED, "ended_at": draft.database_now, "error_code": None}
            self._move(draft, **ended, **ATTEMPT_COLUMNS_AT_END)
            draft.next_actions.pop(check.id, None)
            draft.ended_attempts.add(attempt.id)
            draft.answer(check, _answer(draft, attempt, self.version, report), attempt=attempt.number)
        return Turn(Step(Stand.CLOSED if draft.check(check.id) is None else Stand.IN_REVIEW))

    def _no_report_yet(self, draft: Draft, check: Check) -> Turn:
        wait = self.pace.wait(self.attempt.started_at, draft.database_now)
        changes: dict[str, object] = {}
        if isinstance(self.heard, Started):
            reference = self.heard.vendor_reference.encode()
            changes = {
                "state": AttemptState.STARTED,
                "vendor_reference": draft.seal(self.attempt.id, VENDOR_REFERENCE, 1, reference),
                "vendor_digest": self.digest(self.attempt.verifier, self.heard.vendor_reference),
                "next_action": draft.put_next_action(check.id, self.attempt.id, self.heard.next_action),
            }
            draft.put_check(replace(check, state=CheckState.STARTED, retry_at=None))
        self._move(draft, poll_at=draft.database_now + wait, error_code=None, **changes)
        return Turn(_step(Stand.WAITING, self.attempt, self._until(draft, check, wait)))

    def _unavailable(self, draft: Draft, check: Check, heard: VerifierUnavailable, *, is_started: bool) -> Turn:
        wait = self.pace.wait(self.attempt.started_at, draft.database_now)
        wait = max(wait, heard.retry_after or wait)
        self._move(draft, poll_at=draft.database_now + wait, error_code=heard.code)
        if not is_started:
            draft.put_check(replace(check, state=CheckState.UNAVAILABLE, retry_at=draft.as_of + wait))
        stand = Stand.WAITING if is_started else Stand.UNAVAILABLE
        return Turn(_step(stand, self.attempt, self._until(draft, check, wait)))

    def _move(self, draft: Draft, **changes: object) -> None:
        draft.batch.update(tables.Attempt, {"id": self.attempt.id}, **changes)

    @staticmethod
    def _until(draft: Draft, check: Check, wait: timedelta) -> timedelta:
        """The wait, but not beyond the deadline."""
        if check.deadline_at is None:
            return wait
        return max(min(wait, check.deadline_at - draft.as_of), timedelta())


@dataclass(frozen=True)
class HearLate:
    """Record what the vendor said about an attempt of a check that has ended.

    An answer is evidence about what was asked then. One that contradicts the answer that stands, be it of this check,
    of another one that asked the same, or of a person, is contested: it decides nothing, and a person looks at it.
    """

    check: CheckRow
    attempt: AttemptRow
    version: str
    heard: Heard = field(repr=False)
    cause = "check.late_report"

    def apply(self, draft: Draft) -> Turn:
        """See the class."""
        row, attempt, heard = self.check, self.attempt, self.heard
        closed = Turn(Step(Stand.CLOSED))
        told = [known for known in draft.state.evidence if known.check_id == row.id and known.attempt == attempt.number]
        if isinstance(heard, Started) and attempt.state in RUNNING:
            ended = {"state": AttemptState.CANCELED, "ended_at": draft.database_now, "error_code": "check_ended"}
            draft.batch.update(tables.Attempt, {"id": attempt.id}, **ended, **ATTEMPT_COLUMNS_AT_END)
            return replace(closed, dropped=((attempt.verifier, heard.vendor_reference),))
        if not isinstance(heard, Report) or told:
            return closed
        stands = effective(draft.state.evidence, row.kind, row.subject, row.digest)
        contested = stands is not None and heard.outcome.is_decisive and heard.outcome is not stands.outcome
        check = Check(row.id, row.kind, row.subject, row.digest, CheckState(row.state), row.opened_at)
        answer = _answer(draft, attempt, self.version, heard)
        draft.answer(check, answer, attempt=attempt.number, contested=contested)
        if contested:
            draft.reviews[row.id] = CONTESTED
        ended = {"state": AttemptState.ANSWERED, "ended_at": draft.database_now}
        draft.batch.update(tables.Attempt, {"id": attempt.id}, **ended, **ATTEMPT_COLUMNS_AT_END)
        return closed


@dataclass(frozen=True)
class Recall:
    """What was asked in a check, open or not; None where its values are not there any more. Changes nothing."""

    check: CheckRow
    cause = "check.recalled"

    def apply(self, draft: Draft) -> Question | None:
        """See the class."""
        row = self.check
        if row.kind not in draft.policy.checks or draft.current_digest(row.kind, row.subject) != row.digest:
            return None
        return Question(row.id, row.kind, row.subject, row.digest, draft.inputs(row.kind, row.subject), draft.as_of)


@dataclass(frozen=True)
class DropAttempts:
    """End the attempts of a check that has ended; answers which vendors to tell."""

    rows: tuple[AttemptRow, ...]
    cause = "check.attempts_dropped"

    def apply(self, draft: Draft) -> tuple[Dropped, ...]:
        """See the class."""
        ended = [_end(draft, row, AttemptState.CANCELED, "check_ended") for row in self.rows]
        return tuple(dropped for one in ended for dropped in one)


# --- what they share --------------------------------------------------------------------------------------------------


def _next_verifier(draft: Draft, check: Check, rows: list[AttemptRow], verifiers: Verifiers, pace: Pace) -> Turn:
    """Begin an attempt with the first verifier that was not tried; without any, a review or a later look."""
    verifier = _untried(draft, check, rows, verifiers)
    if verifier is None and rows:
        draft.open_review(check, "no_report")
        return Turn(Step(Stand.IN_REVIEW))
    if verifier is None:
        retry_at = draft.as_of + pace.without_verifier
        draft.put_check(replace(check, state=CheckState.UNAVAILABLE, retry_at=retry_at, deadline_at=None))
        # Nobody works on it until then: the claim ends just before the wait, which is kept in whole milliseconds, and
        # the account's next plan takes it up again.
        draft.leases[check.id] = Lease(draft.database_now + pace.without_verifier - timedelta(milliseconds=1))
        return Turn(Step(Stand.UNAVAILABLE))
    now, attempt_id = draft.database_now, new_id("att_")
    attempt = AttemptRow(
        id=attempt_id,
        check_id=check.id,
        number=max((row.number for row in rows), default=0) + 1,
        verifier=verifier.name,
        our_reference=attempt_id,
        idempotency_key=f"{attempt_id}.start",
        vendor_reference=None,
        state=AttemptState.STARTING,
        error_code=None,
        started_at=now,
        ended_at=None,
        poll_at=now + pace.call,
    )
    draft.batch.insert(
        tables.Attempt,
        id=attempt.id, check_id=check.id, account_id=draft.account_id, number=attempt.number,
        verifier=attempt.verifier, our_reference=attempt.our_reference, idempotency_key=attempt.idempotency_key,
        state=attempt.state, started_at=now, poll_at=attempt.poll_at,
    )  # fmt: skip
    within = draft.policy.checks[check.kind].report_within
    draft.put_check(replace(check, state=CheckState.STARTED, retry_at=None, deadline_at=draft.as_of + within))
    draft.leases[check.id] = Lease(now + within + CLAIM_GRACE)
    return Turn(_step(Stand.STARTING, attempt, None), Call.START, attempt, _question(draft, check))


def _hold(draft: Draft, check: Check) -> None:
    """Make the short claim of a plan one for as long as the attempt may take; written once."""
    now = draft.database_now
    row = draft.record.checks.get(check.id) if draft.record is not None else None
    if row is None or row.lease_until is None or row.lease_run or row.lease_until < now + CLAIM_GRACE / 2:
        draft.leases[check.id] = Lease(now + draft.policy.checks[check.kind].report_within + CLAIM_GRACE)


def _untried(draft: Draft, check: Check, rows: list[AttemptRow], verifiers: Verifiers) -> Verifier | None:
    tried = {row.verifier for row in rows}
    configured = verifiers.outward_for(check.kind, livemode=draft.livemode)
    return next((verifier for verifier in configured if verifier.name not in tried), None)


def _to_review(draft: Draft, check: Check, attempt: AttemptRow) -> Turn:
    _end(draft, attempt, AttemptState.UNKNOWN, "start_not_confirmed")
    draft.open_review(check, "attempt_unknown")
    return Turn(Step(Stand.IN_REVIEW))


def _end(draft: Draft, attempt: AttemptRow | None, state: AttemptState, code: str) -> tuple[Dropped, ...]:
    """End an attempt; what its vendor must be told."""
    if attempt is None:
        return ()
    ended = {"state": state, "ended_at": draft.database_now, "error_code": code}
    draft.batch.update(tables.Attempt, {"id": attempt.id}, **ended, **ATTEMPT_COLUMNS_AT_END)
    draft.next_actions.pop(attempt.check_id, None)
    draft.ended_attempts.add(attempt.id)
    return () if attempt.vendor_reference is None else ((attempt.verifier, _reference(draft, attempt)),)


def _reference(draft: Draft, attempt: AttemptRow) -> str:
    return draft.open(attempt.id, VENDOR_REFERENCE, 1, attempt.vendor_reference or b"").decode()


def _question(draft: Draft, check: Check) -> Question:
    inputs = draft.inputs(check.kind, check.subject)
    return Question(check.id, check.kind, check.subject, check.digest, inputs, draft.as_of)


def _answer(draft: Draft, attempt: AttemptRow, version: str, report: Report) -> Answer:
    # A vendor whose clock runs ahead must not outrank answers that are still to come.
    occurred_at = min(report.occurred_at, draft.as_of)
    return Answer(report.outcome, report.reasons, attempt.verifier, version, occurred_at, detail=report.detail)


def _step(stand: Stand, attempt: AttemptRow, wait: timedelta | None) -> Step:
    return Step(stand, attempt.verifier, attempt.number, wait)
