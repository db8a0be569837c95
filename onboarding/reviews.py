"""Reviews: checks that a person answers. Each call is one change through the door and answers with the review.

::

    open ──────> claimed ──────> decided       claimed, released and decided by the same key; open ones by any
      └─────────────┴──────────> superseded    the check ended otherwise, or nobody needs its answer any more

A decision becomes evidence of the verifier ``review``, so it stands until the inputs change, and a finding it was about
is not asked about again (:meth:`onboarding.door.draft.Draft.answer`). An account that was closed has no open checks; a
contested late report about it can still be decided, which changes no capability.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.domain.state import Check, CheckState, Outcome
from onboarding.door.draft import BY_PERSON, ReviewState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onboarding.domain.state import Evidence
    from onboarding.door.callers import Caller, RequestKey
    from onboarding.door.door import Change, Door
    from onboarding.door.draft import Draft
    from onboarding.reading import Reader
    from onboarding.storage.rows import ReviewRow

OTHER_FAILURE = "verification_failed_other"
"""Code of a failure for which there is no closer one."""

Document = dict[str, Any]


class Decision(StrEnum):
    """What a person may decide. ``ask_again`` ends the check undecided, so that the verifiers are asked anew."""

    PASSED = "passed"
    FAILED = "failed"
    ASK_AGAIN = "ask_again"


class NoLongerOpen(Exception):  # noqa: N818 -- says what is
    """The review is none that a person may still decide; what became of it, its row says."""


class Reviews:
    """Every method raises Refusal ``not_found``, ``review_claimed``, ``review_decided`` or ``review_superseded``.

    A request that repeats an idempotency key changes nothing and answers with the review as it is now.
    """

    def __init__(self, door: Door, reader: Reader) -> None:
        self._door = door
        self._reader = reader

    async def claim(self, caller: Caller, review_id: str, key: RequestKey | None) -> Document:
        """Take a review, so that nobody else decides it."""
        return await self._revise(caller, review_id, ClaimReview(review_id, caller.actor), key)

    async def release(self, caller: Caller, review_id: str, key: RequestKey | None) -> Document:
        """Give a review back; one that nobody has claimed stays open."""
        return await self._revise(caller, review_id, ReleaseReview(review_id, caller.actor), key)

    async def decide(
        self, caller: Caller, review_id: str, decision: Decision, reasons: tuple[str, ...], key: RequestKey | None
    ) -> Document:
        """Decide a review. ``reasons`` are codes of the account's policy, for a failure."""
        return await self._revise(caller, review_id, DecideReview(review_id, caller.actor, decision, reasons), key)

    async def _revise(self, caller: Caller, review_id: str, change: Change, key: RequestKey | None) -> Document:
        account_id = (await self._reader.review(caller, review_id))["account"]
        try:
            await self._door.revise_whole(account_id, change, caller, key, review_id)
        except NoLongerOpen:
            status = (await self._reader.review(caller, review_id))["status"]
            raise _closed(is_decided=status == ReviewState.DECIDED) from None
        return await self._reader.review(caller, review_id)


@dataclass(frozen=True, slots=True)
class ClaimReview:
    """Claim a review; the one who claimed it may do so again."""

    review_id: str
    actor: str
    cause: str = "review.claimed"

    def apply(self, draft: Draft) -> None:
        """Raises NoLongerOpen, or Refusal if another key has claimed it."""
        review = _open_review(draft, self.review_id, self.actor)
        if review.claimed_by is None:
            draft.review_changes[review.id] = {"state": ReviewState.CLAIMED, "claimed_by": self.actor}


@dataclass(frozen=True, slots=True)
class ReleaseReview:
    """Give a claimed review back."""

    review_id: str
    actor: str
    cause: str = "review.released"

    def apply(self, draft: Draft) -> None:
        """Raises NoLongerOpen, or Refusal if another key has claimed it."""
        review = _open_review(draft, self.review_id, self.actor)
        if review.claimed_by is not None:
            draft.review_changes[review.id] = {"state": ReviewState.OPEN, "claimed_by": None}


@dataclass(frozen=True, slots=True)
class DecideReview:
    """Decide a review, claimed by the same key or by nobody.

    The review of a late report that contradicts its check's answer is about a check that has ended: there a decision
    is new evidence about what was asked then.
    """

    review_id: str
    actor: str
    decision: Decision
    reasons: tuple[str, ...]
    cause: str = "review.decided"

    def apply(self, draft: Draft) -> None:
        """Raises NoLongerOpen, or Refusal if another key has claimed it or the decision does not fit."""
        review = _open_review(draft, self.review_id, self.actor)
        told = sorted(
            (row for row in draft.state.evidence if row.check_id == review.check_id and row.attempt != BY_PERSON),
            key=lambda row: (row.recorded_at, row.id),
        )
        check = draft.check(review.check_id or "")
        if self.decision is Decision.ASK_AGAIN:
            self._ask_again(draft, check)
        else:
            # Only what was known when the review was opened: nobody may be said to have decided about anything later.
            found = next((row for row in reversed(told) if row.recorded_at <= review.opened_at), None)
            outcome = Outcome(self.decision)
            asked = check or _ended_check(told)
            reasons = self._reasons(draft, asked, outcome, told)
            draft.decide(asked, outcome, reasons, found.basis if found is not None else None)
        draft.review_changes[review.id] = {
            "state": ReviewState.DECIDED,
            "claimed_by": self.actor,
            "decided_at": draft.as_of,
            "decision": self.decision,
        }

    def _ask_again(self, draft: Draft, check: Check | None) -> None:
        if self.reasons:
            raise _invalid("Reasons are for a failure.", "reasons")
        if check is None:
            raise _invalid("The check has ended, so nobody can be asked again: decide passed or failed.", "decision")
        ended = replace(check, state=CheckState.CANCELED, answer_at=None, retry_at=None, deadline_at=None)
        draft.put_check(ended)  # the look finds the question unanswered, and opens a new check

    def _reasons(self, draft: Draft, check: Check, outcome: Outcome, told: Iterable[Evidence]) -> tuple[str, ...]:
        """The codes of the decision: the given ones, else those of the newest report that fit, else the general one."""
        kind, known = draft.policy.checks.get(check.kind), draft.policy.errors
        if outcome is Outcome.PASSED:
            if self.reasons:
                raise _invalid("Reasons are for a failure.", "reasons")
            return ()
        if kind is not None and kind.sanctionable:
            if self.reasons:
                raise _invalid("Nothing about this kind of check may be told to the user: send no reasons.", "reasons")
            return ()
        for place, code in enumerate(self.reasons):
            if code not in known:
                raise _invalid("Must be a code of the account's policy.", f"reasons[{place}]")
        if self.reasons:
            return tuple(dict.fromkeys(self.reasons))
        fitting = [tuple(code for code in row.reasons if code in known) for row in told]
        general = (OTHER_FAILURE,) if OTHER_FAILURE in known else ()
        return next((codes for codes in reversed(fitting) if codes), general)


def _open_review(draft: Draft, review_id: str, actor: str) -> ReviewRow:
    """A review that ``actor`` may decide.

    Raises:
        NoLongerOpen: nobody may.
        Refusal: another key has claimed it.
    """
    record = draft.record
    review = next((row for row in record.reviews if row.id == review_id), None) if record is not None else None
    if record is None or review is None or review.check_id is None:
        raise NoLongerOpen
    if review.check_id in record.checks and draft.check(review.check_id) is None:
        raise NoLongerOpen  # time alone has ended its check, a moment ago
    if review.claimed_by not in (None, actor):
        raise Refusal("review_claimed", "The review is claimed by another API key.", kind=RefusalKind.CONFLICT)
    return review


def _ended_check(told: list[Evidence]) -> Check:
    """The check of a contested report, as far as evidence about it needs it."""
    if not told:
        raise NoLongerOpen
    row = told[0]
    return Check(row.check_id, row.kind, row.subject, row.digest, CheckState.CONCLUDED, row.recorded_at)


def _closed(*, is_decided: bool) -> Refusal:
    if is_decided:
        return Refusal("review_decided", "The review is decided already.", kind=RefusalKind.CONFLICT)
    message = "The review's check has ended, or nobody needs its answer any more."
    return Refusal("review_superseded", message, kind=RefusalKind.CONFLICT)


def _invalid(message: str, param: str) -> Refusal:
    return Refusal("parameter_invalid", message, param=param, type="invalid_request_error")
