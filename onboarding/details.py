"""What operators read of an account in the Temporal UI: what is open, since when, until when, and who acts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onboarding import runs
from onboarding.domain.state import CheckState
from onboarding.door.owing import needs_worker
from onboarding.door.review_rows import ReviewState, moved
from onboarding.door.view import PAST_DUE, parse_time

if TYPE_CHECKING:
    from datetime import datetime

    from onboarding.domain.activations import Activation
    from onboarding.domain.state import Check
    from onboarding.door.draft import Draft
    from onboarding.door.view import OperatorView
    from onboarding.storage.rows import ReviewRow
    from onboarding.verifiers.registry import Verifiers

_ACTS = {
    "user": "the platform's user",
    "review": "a reviewer",
    "verifier": "a verifier",
    "activation": "the downstream system",
    "nobody": "nobody",
}
_REVIEW_WORDS = {True: "periodic review open since", False: "next periodic review"}

MOST_ROWS = 20
"""Of a sort in the details: a history keeps them with each plan, and nobody reads more."""


def account_details(draft: Draft, view: OperatorView, wake_at: datetime | None, verifiers: Verifiers) -> str:
    """What an operator reads first: what is open, since when, until when, who acts. Ids, codes and times only."""
    since = waiting_since(draft, view)
    checks = [check for check in draft.state.checks if check.state.is_open]
    about = {check.id for check in checks}
    others = [row for row in _open_reviews(draft) if row.check_id not in about]
    rows = [
        *first_rows(_asked_rows(view, since)),
        *first_rows([_check_row(draft, check, verifiers) for check in checks]),
        *first_rows([(row.reason_code, *_review_cells(row)) for row in others]),
        *[_activation_row(draft.account_id, one) for one in draft.activations.values() if one.is_owed],
    ]
    notes = [
        f"- {what}: {said}"
        for what, said in (
            ("since", runs.minute(since)),
            ("next deadline", runs.minute(parse_time(view.next_due))),
            ("looked at again", runs.minute(wake_at)),
            ("risk class", f"`{view.risk}`" if view.risk else ""),
            (_REVIEW_WORDS[view.review_open], runs.minute(parse_time(view.review_due))),
            ("seen", f"{runs.minute(draft.as_of)}; the signal `account_changed` has it looked at now"),
            ("more", f"`GET /v2/verification/accounts/{draft.account_id}/timeline`, `…/explanation`"),
        )
        if said
    ]
    parts = (f"**{view.stage}**: waits for **{_ACTS[view.waiting_for]}**", runs.table(rows), "\n".join(notes))
    return "\n\n".join(part for part in parts if part)


_Row = tuple[str, str, str, str]


def first_rows(rows: list[_Row]) -> list[_Row]:
    """As many as anybody reads, and how many more there are."""
    more = len(rows) - MOST_ROWS
    return rows if more <= 0 else [*rows[:MOST_ROWS], (f"and {more} more", "", "", "")]


def _asked_rows(view: OperatorView, since: datetime | None) -> list[_Row]:
    """What the user is asked for, the earliest deadline first."""
    begun = runs.minute(since) if view.waiting_for == "user" else ""
    asked = sorted(zip(view.dues, view.groups, strict=True), key=lambda one: (not one[0], one[0] != PAST_DUE, one))
    return [
        (group, begun, "past due" if due == PAST_DUE else runs.minute(parse_time(due)), _ACTS["user"])
        for due, group in asked
    ]


def waiting_since(draft: Draft, view: OperatorView) -> datetime | None:
    """Since when the account waits for whomever it waits for."""
    record = draft.record
    since = None
    if view.waiting_for == "user" and record is not None:
        since = record.row.waiting_since or draft.as_of  # the row is that of before this look
    checks = [check for check in draft.state.checks if check.state.is_open]
    if view.waiting_for in ("review", "verifier") and checks:
        return min(check.opened_at for check in checks)
    if view.waiting_for == "activation":
        return min(one.since for one in draft.activations.values() if one.is_owed)
    if draft.next_actions:
        return min((check.opened_at for check in checks if check.id in draft.next_actions), default=since)
    return since


def _check_row(draft: Draft, check: Check, verifiers: Verifiers) -> _Row:
    stands = check.state.value.replace("_", " ")
    if check.state is CheckState.IN_REVIEW:
        rows = [row for row in _open_reviews(draft) if row.check_id == check.id]
        what = f"{check.kind}: {stands}"
        return (what, *_review_cells(rows[-1])) if rows else (what, runs.minute(check.opened_at), "", _ACTS["review"])
    until = next(
        (
            f"{what} {runs.minute(instant)}"
            for what, instant in (
                ("answer comes", check.answer_at),
                ("tried again", check.retry_at),
                ("report due", check.deadline_at),
            )
            if instant is not None
        ),
        "",
    )
    held_for = draft.leases[check.id].held_for if check.id in draft.leases else _held_before(draft, check)
    has_run = needs_worker(check) and held_for is None
    named = runs.link(check.kind, runs.check_run(check.id)) if has_run else check.kind
    if held_for is not None:
        acts = f"nobody: held back, for `{held_for}` has too many questions in hand"
    else:
        acts = _asked(draft, check, verifiers)
    return f"{named}: {stands}", runs.minute(check.opened_at), until, acts


def _asked(draft: Draft, check: Check, verifiers: Verifiers) -> str:
    """Who is asked about a check, and who has to act there."""
    if check.answer_at is not None:
        return "nobody: the answer comes by itself"
    rows = [row for row in draft.attempts if row.check_id == check.id]
    if not rows:
        outward = verifiers.outward_for(check.kind, livemode=draft.livemode)
        return f"`{outward[0].name}` is asked next" if outward else "no verifier answers it yet"
    if rows[-1].ended_at is not None:
        return "the next verifier, or a reviewer"
    asked = rows[-1]
    acts = "the end user must go on at its page" if check.id in draft.next_actions else "it has not answered yet"
    if check.state is CheckState.UNAVAILABLE:
        acts = f"it can't be asked (`{asked.error_code}`)"
    return f"`{asked.verifier}` is asked, attempt {asked.number}: {acts}"


def _held_before(draft: Draft, check: Check) -> str | None:
    row = draft.record.checks.get(check.id) if draft.record is not None else None
    return row.held_for if row is not None else None


def _open_reviews(draft: Draft) -> list[ReviewRow]:
    """The reviews that wait for a decision, as the transaction leaves them."""
    known = (*(draft.record.reviews if draft.record is not None else ()), *draft.new_reviews)
    rows = (moved(row, draft.review_changes.get(row.id, {}), has_ended=False) for row in known)
    return [row for row in rows if ReviewState(row.state).is_open]


def _review_cells(row: ReviewRow) -> tuple[str, str, str]:
    """Since when and until when a review waits, and for whom."""
    named = runs.link("the review", runs.review_run(row.id))
    acts = f"{_ACTS['review']} decides {named}, in queue `{row.queue}`"
    if row.state == ReviewState.WAITING:
        acts = f"{_ACTS['user']} supplies what {named} asks for"
    late = " (late)" if row.escalated_at is not None else ""
    return runs.minute(row.opened_at), runs.minute(row.sla_at) + late, acts


def _activation_row(account_id: str, activation: Activation) -> _Row:
    run = runs.activation_run(account_id, activation.capability)
    what = f"{runs.link(activation.capability, run)}: to be turned {'on' if activation.desired else 'off'}"
    acts = f"{_ACTS['activation']}, {activation.state.value}"
    if activation.error_code is not None:
        acts += f" (`{activation.error_code}`)"
    if activation.call_at is not None:
        acts += f", told again {runs.minute(activation.call_at)}"
    return what, runs.minute(activation.since), "", acts
