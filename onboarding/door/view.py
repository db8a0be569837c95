"""What operators see of an account, and what is owed to it: read off the stored evaluation, in codes and times only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from onboarding.domain.demands import DueStatus
from onboarding.domain.requirements import AWAITS_USER
from onboarding.domain.state import CheckState
from onboarding.door.render import canonical_digest

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from onboarding.domain.activations import Activation
    from onboarding.domain.state import Check
    from onboarding.door.draft import Draft

PAST_DUE = DueStatus.PAST_DUE.value
"""What restricts a capability now."""

SOON = timedelta(hours=1)
"""A wake time within it is worth an open workflow run with an exact timer; a later one is the sweep's to find."""

SILENT_AFTER = timedelta(days=30)
"""An unsettled account is worked on that long after the last change by platform or user."""


@dataclass(frozen=True, slots=True)
class OperatorView:
    """Where an account stands.

    Attributes:
        stage: idle, collecting, verifying, active, restricted, rejected, unsupported or closed.
        waiting_for: nobody, user, verifier, review or activation.
        groups: what the open entries are about, without their last word.
        next_due: the next deadline.
        in_review: whether somebody must decide a review.
        at_vendor: whether the end user must go on at a verifier's page, or supply what a reviewer asked for.
        activations: what the downstream system must be told, and the code of what it refused.
        risk: the risk class; empty where the policy has none.
        review_open: whether its periodic review is open.
        review_due: when that came due, or the next one will.
        dues: group by group, the earliest deadline of what it asks for, ahead or past; without one :data:`PAST_DUE`
            or empty.
    """

    stage: str
    waiting_for: str
    groups: tuple[str, ...]
    next_due: str | None
    in_review: bool
    at_vendor: bool = False
    activations: tuple[str, ...] = ()
    risk: str = ""
    review_open: bool = False
    review_due: str | None = None
    dues: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Changes whenever an operator would see something else."""
        seen = [self.stage, self.waiting_for, self.groups, self.next_due, self.in_review, self.at_vendor]
        # Not for the many accounts without: their digest is what it was.
        more = [self.activations] if self.activations else []
        more += [self.dues] if any(self.dues) else []
        return canonical_digest(*seen, *more, *([self.risk, self.review_open] if self.risk else []))

    @property
    def is_settled(self) -> bool:
        """Whether nobody is expected to do anything now."""
        return self.stage not in ("collecting", "verifying")

    def is_worked_on(self, silent_at: datetime | None, as_of: datetime) -> bool:
        """Whether an onboarding run is owed: somebody is expected to act, and the silence has not lasted too long."""
        return not self.is_settled and silent_at is not None and silent_at > as_of


def view_of(draft: Draft, evaluation: Mapping[str, Any]) -> OperatorView:
    """The view of an account as a transaction leaves it."""
    told = draft.activations.values()
    return operator_view(evaluation, draft.state.checks, draft.awaits_user, closed=draft.closed, activations=told)


def operator_view(
    evaluation: Mapping[str, Any],
    checks: Iterable[Check],
    awaits_user: Container[str],
    *,
    closed: bool,
    activations: Iterable[Activation] = (),
) -> OperatorView:
    """The view of a stored evaluation and the open checks; ``awaits_user`` holds those that wait for the end user."""
    statuses = {capability["status"] for capability in evaluation["capabilities"].values()}
    codes = {detail["code"] for one in evaluation["capabilities"].values() for detail in one["status_details"]}
    entries = evaluation["requirements"]["entries"]
    awaited = [entry for entry in entries if entry["awaiting_action_from"] == AWAITS_USER]
    dues = _dues(awaited, evaluation.get("entry_deadlines", {}))
    groups = tuple(sorted(dues))
    open_checks = [check for check in checks if check.state.is_open]
    in_review = any(check.state is CheckState.IN_REVIEW and check.id not in awaits_user for check in open_checks)
    at_vendor = any(check.id in awaits_user for check in open_checks)
    stage = _stage(statuses, codes, closed=closed, checking=bool(open_checks))
    waiting_for = "nobody"
    if stage == "collecting":
        waiting_for = "user"
    elif in_review:
        waiting_for = "review"
    elif at_vendor:
        waiting_for = "user"
    elif open_checks:
        waiting_for = "verifier"
    owed = sorted(f"{one.capability} {one.error_code if one.is_refused else ''}" for one in activations if one.is_owed)
    if owed and waiting_for == "nobody":
        waiting_for = "activation"
    summary = evaluation["requirements"]["summary"]["minimum_deadline"]
    next_due = summary["time"] if summary else None
    risk = evaluation.get("risk") or {}
    return OperatorView(
        stage, waiting_for, groups, next_due, in_review, at_vendor, tuple(owed),
        risk.get("class", ""), risk.get("review_open", False), risk.get("review_due_at"),
        tuple(dues[group] for group in groups),
    )  # fmt: skip


def _dues(entries: Iterable[Mapping[str, Any]], deadlines: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """By what the entries are about, without its last word: as :attr:`OperatorView.dues`."""
    found: dict[str, list[str]] = {}
    past: set[str] = set()
    for entry in entries:
        group = entry["description"].rpartition(".")[0] or entry["description"]
        found.setdefault(group, []).extend(deadlines.get(entry["id"], {}).values())
        if entry["minimum_deadline"]["status"] == PAST_DUE:
            past.add(group)
    return {group: min(times, default=PAST_DUE if group in past else "") for group, times in found.items()}


def _stage(statuses: set[str], codes: set[str], *, closed: bool, checking: bool) -> str:  # noqa: PLR0911 -- a precedence
    if closed:
        return "closed"
    if not statuses:
        return "idle"
    if "rejected" in statuses:
        return "rejected"
    if "requirements_past_due" in codes:
        return "collecting"
    if "pending" in statuses or checking:
        return "verifying"
    if "restricted" in statuses:
        return "restricted"
    return "active" if "active" in statuses else "unsupported"


def parse_time(text: str | None) -> datetime | None:
    """An instant of a stored evaluation."""
    return datetime.fromisoformat(text) if text else None
