"""What people do about reviews: claim, release, assign, decide, note, and ask the user for more."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from onboarding import runs
from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.domain.instants import whole_milliseconds
from onboarding.domain.reviews import askable_leaves, requests_about, target_of
from onboarding.domain.state import Check, CheckState, Order, OrderKind, Outcome
from onboarding.door.callers import UNVERIFIED
from onboarding.door.changes import refuse_closed
from onboarding.door.draft import BY_PERSON
from onboarding.door.orders import Audience, place
from onboarding.door.review_rows import LATE, SAMPLED, ReviewState, holder, moved, review_event, shown_state
from onboarding.ids import new_id
from onboarding.storage import tables

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from onboarding.domain.state import Evidence
    from onboarding.door.draft import Draft
    from onboarding.door.view import OperatorView
    from onboarding.storage.rows import ReviewRow

OTHER_FAILURE = "verification_failed_other"
"""Code of a failure for which there is no closer one."""

CLAIM = timedelta(minutes=30)
"""A claim lasts so long; to claim again renews it. What somebody claimed and left is open again after it."""

RUN_LEASE = timedelta(hours=25)
"""A review's run looks daily, and renews its claim with it."""

RENEW_BELOW = timedelta(hours=20)
"""Renewed only then, so that the looks in between write nothing."""

NOTE = "note"
"""Field group of a note's text; its subject is the note."""


class Decision(StrEnum):
    """What a person may decide. ``ask_again`` ends the check undecided, so that the verifiers are asked anew."""

    PASSED = "passed"
    FAILED = "failed"
    ASK_AGAIN = "ask_again"


class NoLongerOpen(Exception):  # noqa: N818 -- says what is
    """The review is none that a person may still decide; what became of it, its row says."""


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who acts on a review: an API key or an operator, and the person whom a key names, by an id of the platform's own.

    Without a name the key is the person.
    """

    actor: str
    name: str | None = None

    def is_same(self, actor: str, name: str | None) -> bool:
        """Whether somebody else may be the same person: the same name, or the same key where not both are named."""
        if self.name is not None and name is not None:
            return self.name == name
        return self.actor == actor


@dataclass(frozen=True, slots=True)
class ClaimReview:
    """Claim a review for :data:`CLAIM`; the one who claimed it may do so again, which renews it."""

    review_id: str
    who: Reviewer
    cause: str = "review.claimed"

    def apply(self, draft: Draft) -> None:
        """Raises NoLongerOpen, or Refusal if somebody else has claimed it, or the actor has decided it once."""
        review = _open_review(draft, self.review_id, self.who)
        _refuse_second_time(review, self.who)
        claimed = ReviewState(review.state) in (ReviewState.OPEN, ReviewState.CLAIMED)
        draft.move_review(
            review,
            state=ReviewState.CLAIMED if claimed else review.state,
            claimed_by=self.who.actor,
            claimed_reviewer=self.who.name,
            claimed_until=whole_milliseconds(draft.database_now + CLAIM),
        )


@dataclass(frozen=True, slots=True)
class ReleaseReview:
    """Give a claimed review back."""

    review_id: str
    who: Reviewer
    cause: str = "review.released"

    def apply(self, draft: Draft) -> None:
        """Raises NoLongerOpen, or Refusal if somebody else has claimed it."""
        review = _open_review(draft, self.review_id, self.who)
        if review.claimed_by is not None:
            state = ReviewState.OPEN if review.state == ReviewState.CLAIMED else review.state
            draft.move_review(review, state=state, **_UNCLAIMED)


@dataclass(frozen=True, slots=True)
class AssignReview:
    """Say whose a review is, None for nobody's in particular. Whoever has claimed it keeps it until the claim ends."""

    review_id: str
    assignee: str | None
    cause: str = "review.assigned"

    def apply(self, draft: Draft) -> None:
        """Raises NoLongerOpen."""
        draft.move_review(_any_open_review(draft, self.review_id), assignee=self.assignee)


@dataclass(frozen=True, slots=True)
class DecideReview:
    """Decide a review, claimed by the same reviewer or by nobody.

    Where the queue wants four eyes, a decision stands once two different persons have made the same one: the first only
    proposes it, and one that differs from it escalates the review.

    The review of a late report that contradicts its check's answer, and the one of a sample, are about a check that has
    ended: there a decision is new evidence about what was asked then. A sample that is found right needs none.
    """

    review_id: str
    who: Reviewer
    decision: Decision
    reasons: tuple[str, ...]
    cause: str = "review.decided"

    def apply(self, draft: Draft) -> None:
        """Raises NoLongerOpen, or Refusal if somebody else has claimed it or the decision does not fit."""
        review = _open_review(draft, self.review_id, self.who)
        if self.who.actor == UNVERIFIED:
            draft.seen_reviews.add(review.id)  # a nudge would refuse the end of the run in which the decision is made
        reasons = self._checked_reasons(draft, review)
        if draft.policy.queue_named(review.queue).four_eyes:
            agreeing = self._agreeing(review)
            if not agreeing:
                self._propose(draft, review)
                return
            reasons = reasons or tuple(agreeing[0][3])
        self._conclude(draft, review, reasons)
        draft.move_review(
            review,
            state=ReviewState.DECIDED,
            claimed_by=self.who.actor,
            claimed_reviewer=self.who.name,
            claimed_until=None,
            decided_at=draft.as_of,
            decision=self.decision,
        )
        draft.told.append(review_event("decided", draft.account_id, review.id, decision=self.decision.value))

    # --- two persons --------------------------------------------------------------------------------------------------

    def _agreeing(self, review: ReviewRow) -> list[list[Any]]:
        """What others have proposed alike."""
        if self.who.actor == UNVERIFIED:
            message = "Two persons decide this queue, and the Temporal UI says of nobody who they are."
            raise Refusal("review_four_eyes", message, kind=RefusalKind.FORBIDDEN)
        _refuse_second_time(review, self.who)
        return [known for known in review.proposals if known[2] == self.decision]

    def _propose(self, draft: Draft, review: ReviewRow) -> None:
        proposal = [self.who.actor, self.who.name, self.decision.value, list(self.reasons), draft.as_of.isoformat()]
        changes: dict[str, Any] = {"state": ReviewState.PROPOSED, "proposals": [*review.proposals, proposal]}
        if review.proposals:  # and none of them is the same
            changes |= {"priority": LATE, "escalated_at": review.escalated_at or draft.as_of}
            draft.told.append(review_event("escalated", draft.account_id, review.id, queue=review.queue))
        draft.move_review(review, **changes, **_UNCLAIMED)

    # --- the decision -------------------------------------------------------------------------------------------------

    def _conclude(self, draft: Draft, review: ReviewRow, reasons: tuple[str, ...]) -> None:
        check = draft.check(review.check_id or "")
        if self.decision is Decision.ASK_AGAIN:
            if check is not None:
                ended = replace(check, state=CheckState.CANCELED, answer_at=None, retry_at=None, deadline_at=None)
                draft.put_check(ended)  # the look finds the question unanswered, and opens a new check
            return
        if review.reason_code == SAMPLED and self.decision is Decision.PASSED:
            return
        told = _told(draft, review)
        # Only what was known when the review was opened: nobody may be said to have decided about anything later.
        found = next((row for row in reversed(told) if row.recorded_at <= review.opened_at), None)
        asked = check or _ended_check(told)
        outcome = Outcome(self.decision)
        codes = self._codes(draft, asked, outcome, reasons, told)
        draft.decide(asked, outcome, codes, found.basis if found is not None else None)

    def _checked_reasons(self, draft: Draft, review: ReviewRow) -> tuple[str, ...]:
        """The reasons, each once; raises Refusal for whatever does not fit the decision or the check."""
        check = draft.check(review.check_id or "")
        if self.decision is Decision.ASK_AGAIN and check is None:
            raise _invalid("The check has ended, so nobody can be asked again: decide passed or failed.", "decision")
        if self.decision is not Decision.FAILED:
            if self.reasons:
                raise _invalid("Reasons are for a failure.", "reasons")
            return ()
        asked = check or _ended_check(_told(draft, review))
        if self.reasons and _is_sanctionable(draft, asked):
            raise _invalid("Nothing about this kind of check may be told to the user: send no reasons.", "reasons")
        for number, code in enumerate(self.reasons):
            if code not in draft.policy.errors:
                raise _invalid("Must be a code of the account's policy.", f"reasons[{number}]")
        return tuple(dict.fromkeys(self.reasons))

    @staticmethod
    def _codes(
        draft: Draft, check: Check, outcome: Outcome, reasons: tuple[str, ...], told: Iterable[Evidence]
    ) -> tuple[str, ...]:
        """The codes of the decision: the given ones, else those of the newest report that fit, else the general one."""
        if outcome is Outcome.PASSED or reasons or _is_sanctionable(draft, check):
            return reasons
        known = draft.policy.errors
        fitting = [tuple(code for code in row.reasons if code in known) for row in told]
        general = (OTHER_FAILURE,) if OTHER_FAILURE in known else ()
        return next((codes for codes in reversed(fitting) if codes), general)


@dataclass(frozen=True, slots=True)
class RequestInformation:
    """Ask the user for leaves of the check's subject, each with an error code of the policy.

    ``entries`` are pairs of a leaf, by its name in the account's requirements, and a code. The review waits until all
    of them were supplied, and its SLA does not run meanwhile.
    """

    review_id: str
    who: Reviewer
    entries: tuple[tuple[str, str], ...] = field(repr=False)
    cause: str = "review.information_requested"

    def apply(self, draft: Draft) -> None:
        """Raises NoLongerOpen, or Refusal for a claim of somebody else's, an ended check, an unknown leaf or code."""
        refuse_closed(draft)
        review = _open_review(draft, self.review_id, self.who)
        check = draft.check(review.check_id or "")
        if check is None:
            message = "The check has ended: whatever is supplied now belongs to another one."
            raise Refusal("review_check_ended", message, kind=RefusalKind.CONFLICT)
        leaves = askable_leaves(draft.policy, draft.state.shape, check.subject)
        asked = {order.target for order in requests_about(draft.state, check.id)}
        for number, (description, code) in enumerate(self.entries):
            if description not in leaves:
                message = "The account's policy knows no such field of whom the review is about."
                raise _invalid(message, f"entries[{number}].description")
            if code not in draft.policy.errors:
                raise _invalid("Must be a code of the account's policy.", f"entries[{number}].error")
            target = target_of(check.id, leaves[description])
            if target not in asked:
                asked.add(target)
                order = Order(
                    id=new_id("ord_"),
                    kind=OrderKind.REQUEST_INFORMATION,
                    reason=code,
                    actor=self.who.actor,
                    starts_at=draft.as_of,
                    target=target,
                    audience=Audience.USER.value,
                )
                place(draft, order)
        draft.move_review(review, state=ReviewState.WAITING, sla_at=None, **_UNCLAIMED)
        draft.told.append(review_event("information_requested", draft.account_id, review.id))


@dataclass(frozen=True, slots=True)
class AddNote:
    """Note something about a review, decided or not. The text is for reviewers and stored sealed."""

    review_id: str
    who: Reviewer
    note_id: str
    text: str = field(repr=False)
    cause: str = "review.noted"

    def apply(self, draft: Draft) -> None:
        """Nothing of the account changes."""
        draft.batch.insert(
            tables.ReviewNote,
            id=self.note_id,
            account_id=draft.account_id,
            review_id=self.review_id,
            actor=self.who.actor,
            reviewer=self.who.name,
            created_at=whole_milliseconds(draft.database_now),
            sealed=draft.seal(self.note_id, NOTE, 1, self.text.encode()),
        )


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a review stands, for its run and for operators. Ids, codes and times only.

    Attributes:
        status: as platforms see it.
        four_eyes: whether two persons must decide.
        wait: until the run is to look again; None where nothing is left to wait for.
        sla_at: None while no SLA runs.
        details: Markdown.
    """

    status: str
    platform: str = ""
    country: str = ""
    queue: str = ""
    four_eyes: bool = False
    sla_at: datetime | None = None
    wait: timedelta | None = None
    details: str = ""


@dataclass(frozen=True, slots=True)
class SeeReview:
    """The look of a review's own run: it tells where the review stands, and claims it for the run."""

    review_id: str
    cause: str = "review.seen"

    def apply(self, draft: Draft) -> None:
        """Nothing: what time owes is done by the door. The run that looks needs no nudge."""
        draft.seen_reviews.add(self.review_id)

    def after_look(self, draft: Draft, _view: OperatorView, _wake_at: datetime | None) -> Stand | None:
        """Where the review stands; None where it is decided or superseded, which its row then says."""
        record = draft.record
        row = next((row for row in record.reviews if row.id == self.review_id), None) if record is not None else None
        if record is None or row is None:
            return None
        ended = row.check_id in record.checks and draft.check(row.check_id or "") is None
        row = moved(row, draft.review_changes.get(row.id, {}), has_ended=ended)
        if not ReviewState(row.state).is_open:
            return None
        now = draft.database_now
        if row.look_at is None or row.look_at - now < RENEW_BELOW:
            draft.move_review(row, look_at=now + RUN_LEASE)
        # A test clock moves by itself: whoever moves it looks.
        until_late = row.sla_at - draft.as_of if row.sla_at is not None and row.escalated_at is None else None
        on_clock = record.clock_now is not None
        daily = timedelta(hours=24)
        wait = daily if until_late is None or on_clock else min(daily, until_late)
        return Stand(
            status=shown_state(row, now).value,
            platform=draft.platform_id,
            country=draft.state.shape.attributes.get("country", ""),
            queue=row.queue,
            four_eyes=draft.policy.queue_named(row.queue).four_eyes,
            sla_at=row.sla_at,
            wait=max(wait, timedelta()),
            details=_details(draft, row),
        )


_UNCLAIMED: dict[str, Any] = {"claimed_by": None, "claimed_reviewer": None, "claimed_until": None}


def _any_open_review(draft: Draft, review_id: str) -> ReviewRow:
    record = draft.record
    review = next((row for row in record.reviews if row.id == review_id), None) if record is not None else None
    if record is None or review is None or review.check_id is None:
        raise NoLongerOpen
    if review.check_id in record.checks and draft.check(review.check_id) is None:
        raise NoLongerOpen  # time alone has ended its check, a moment ago
    return moved(review, draft.review_changes.get(review.id, {}), has_ended=False)


def _open_review(draft: Draft, review_id: str, who: Reviewer) -> ReviewRow:
    """A review that ``who`` may decide.

    Raises:
        NoLongerOpen: nobody may.
        Refusal: somebody else has claimed it.
    """
    review = _any_open_review(draft, review_id)
    if holder(review, draft.database_now) not in (None, (who.actor, who.name)):
        message = "The review is claimed by another API key or reviewer."
        raise Refusal("review_claimed", message, kind=RefusalKind.CONFLICT)
    return review


def _refuse_second_time(review: ReviewRow, who: Reviewer) -> None:
    if any(who.is_same(actor, name) for actor, name, *_ in review.proposals):
        message = "Somebody else must decide now: you may be the person who has decided already."
        raise Refusal("review_four_eyes", message, kind=RefusalKind.FORBIDDEN)


def _told(draft: Draft, review: ReviewRow) -> list[Evidence]:
    """What verifiers said about the review's check, oldest first."""
    return sorted(
        (row for row in draft.state.evidence if row.check_id == review.check_id and row.attempt != BY_PERSON),
        key=lambda row: (row.recorded_at, row.id),
    )


def _ended_check(told: list[Evidence]) -> Check:
    """The check that a contested report or a sample is about, as far as evidence about it needs it."""
    if not told:
        raise NoLongerOpen
    row = told[0]
    return Check(row.check_id, row.kind, row.subject, row.digest, CheckState.CONCLUDED, row.recorded_at)


def _is_sanctionable(draft: Draft, check: Check) -> bool:
    kind = draft.policy.checks.get(check.kind)
    return kind is not None and kind.sanctionable


def _details(draft: Draft, row: ReviewRow) -> str:
    """What an operator reads first: what is open, since and until when, who acts. No names: histories keep it."""
    check = draft.check(row.check_id or "")
    told = _told(draft, row)
    kind = check.kind if check is not None else told[0].kind if told else "?"
    state = shown_state(row, draft.database_now)
    acts = "the platform's user" if state is ReviewState.WAITING else "a reviewer"
    held = holder(row, draft.database_now)
    open_row = (
        f"{kind}: because of {row.reason_code}",
        runs.minute(row.opened_at),
        runs.minute(row.sla_at),
        acts if state is ReviewState.WAITING else f"{acts} of queue `{row.queue}`",
    )
    notes = (
        ("account", runs.link(f"`{draft.account_id}`", runs.account_run(draft.account_id))),
        ("**late** since", runs.minute(row.escalated_at)),
        ("claimed until", runs.minute(row.claimed_until) if held else ""),
        ("decided by", f"{len(row.proposals)} of the two who must agree" if row.proposals else ""),
        ("how", _how(draft, row)),
    )
    parts = (
        f"**{state}** in queue `{row.queue}`: waits for **{acts}**",
        runs.table([open_row]),
        "\n".join(f"- {what}: {said}" for what, said in notes if said),
    )
    return "\n\n".join(parts)


def _how(draft: Draft, row: ReviewRow) -> str:
    """Where a decision is taken, and what is to be sent from the page on which this stands."""
    elsewhere = f"`POST /v2/verification/reviews/{row.id}/decide`, or `onboarding reviews decide {row.id}`"
    if draft.policy.queue_named(row.queue).four_eyes:
        return f"{elsewhere}; not here, since two known persons must agree"
    return f'{elsewhere}; or here the update `decide` with `{{"decision": "passed"}}`, `"failed"` or `"ask_again"`'


def _invalid(message: str, param: str) -> Refusal:
    return Refusal("parameter_invalid", message, param=param, type="invalid_request_error")
