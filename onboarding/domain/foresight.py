"""What a policy would change for one account: two futures of the same state, and what differs between them.

Both are played as the door plays time, from look to look. Nobody answers a check meanwhile, nobody supplies or orders
anything, and every activation is confirmed at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from onboarding.domain.capabilities import Status, requested_capabilities
from onboarding.domain.conditions import Situation
from onboarding.domain.demands import DueStatus
from onboarding.domain.errors import EngineFault
from onboarding.domain.evaluate import evaluate
from onboarding.domain.horizon import Horizon
from onboarding.domain.policy import Announced, ConfirmNeed, Policies, ProofNeed, RenewNeed
from onboarding.domain.settle import MAX_MISSED, MAX_ROUNDS
from onboarding.domain.state import Check, CheckState, MarkKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from onboarding.domain.capabilities import CapabilityStatus
    from onboarding.domain.evaluate import Evaluation
    from onboarding.domain.policy import Policy, Rule
    from onboarding.domain.state import State

INSTANT = timedelta(microseconds=1)
"""The distance between two instants."""

_STANDING = {Status.ACTIVE: 2, Status.PENDING: 1}
"""How well a capability stands; 0 for every other status, and where the account has not got it."""

_URGENCY = {DueStatus.PAST_DUE: 2, DueStatus.CURRENTLY_DUE: 2, DueStatus.EVENTUALLY_DUE: 1}


@dataclass(frozen=True, slots=True)
class Outlook:
    """An account of which the future is asked: its state after its last look, and what binds it.

    ``wake_at`` is that look's; ``now`` is the account's own time.
    """

    state: State
    policies: Policies
    wake_at: datetime | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Difference:
    """What the new policy changes.

    Attributes:
        becomes_due: entries that the user is asked for at some time and otherwise would not be, or only eventually:
            the wire's description, after ``person_x:`` where the entry refers to a person.
        no_longer_due: the other way round.
        falls: capabilities that stand worse than they otherwise would, with the first instant: pending instead of
            active, or neither.
        rises: capabilities that stand better, with the first instant. One may rise and fall at different times.
        loses_active: whether some capability is not active while it otherwise would be.
    """

    becomes_due: tuple[str, ...] = ()
    no_longer_due: tuple[str, ...] = ()
    falls: tuple[tuple[str, datetime], ...] = ()
    rises: tuple[tuple[str, datetime], ...] = ()
    loses_active: bool = False


NOTHING = Difference()


class Foresight:
    """Compares the futures of accounts that ``current`` binds now with those under ``target``."""

    def __init__(self, current: Policy, target: Policy) -> None:
        self.target = target
        # Whether the review of an account comes due is no condition that can be read alone.
        self._is_otherwise_for_all = (current.capabilities, current.risk) != (target.capabilities, target.risk)
        self._thresholds = (*current.thresholds, *target.thresholds)
        before, after = _rules(current), _rules(target)
        self._changed = tuple(
            rule
            for rules, others in ((before, after), (after, before))
            for name, (rule, named) in rules.items()
            if others.get(name) != (rule, named)
        )
        self._has_other_reviews = any(_is_of_review(rule) for rule in self._changed)

    def difference(self, outlook: Outlook, at: datetime, until: datetime) -> Difference:
        """What changes between ``at``, when the target comes into force, and ``until``.

        An account whose own time is later than ``at`` comes under the target at once. The target takes the place of a
        policy that is announced and not yet in force.

        Raises:
            EngineFault: one of the futures can't be decided.
        """
        bound, now = outlook.policies, outlook.now
        at = max(at, now)
        until = max(until, at)
        if bound.announced is None and not self.may_differ(outlook.state, at, until):
            return NOTHING
        checks = tuple(replace(check, answer_at=None) for check in outlook.state.checks)
        state, wake_at = _played(bound, replace(outlook.state, checks=checks), outlook.wake_at, now)
        before, _ = _played(bound, state, wake_at, at - INSTANT)
        after = before
        announcing = Policies(bound.in_force(now), Announced(self.target, at))
        if bound.ahead(now) is not None:
            after, _ = _played(Policies(announcing.current), state, wake_at, at - INSTANT)
        return _compared(
            [evaluation for _, evaluation in _looks(bound, before, at, until)],
            [evaluation for _, evaluation in _looks(announcing, after, at, until)],
        )

    def may_differ(self, state: State, at: datetime, until: datetime) -> bool:
        """False where it is certain that no rule in which the policies differ applies between ``at`` and ``until``.

        A rule takes nothing that the account has, or its condition is false and time alone does not make it true.
        """
        if self._is_otherwise_for_all or self._has_other_reviews:
            return True
        if not self._changed:
            return False
        present = {capability.name for capability in requested_capabilities(self.target, state)}
        crossed = {mark.key: mark.at for mark in state.marks if mark.kind is MarkKind.THRESHOLD}
        if state.shape.activity:
            reached = (one for one in self._thresholds if one.is_reached(state.shape.activity))
            crossed |= {threshold.key: at for threshold in reached}
        known: dict[int, bool] = {}
        for rule in self._changed:
            if not any(restriction.capability in present for restriction in rule.restricts):
                continue
            if id(rule.when) not in known:
                horizon = Horizon(at)
                holds = rule.when.holds(Situation(state.shape, horizon, crossed))
                known[id(rule.when)] = holds or (horizon.holds_until is not None and horizon.holds_until <= until)
            if known[id(rule.when)]:
                return True
        return False


def _is_of_review(rule: Rule) -> bool:
    return any(isinstance(need, (ConfirmNeed, RenewNeed)) for need in rule.needs)


def _rules(policy: Policy) -> dict[str, tuple[Rule, tuple[object, ...]]]:
    """Rules by name, each with what it only names: its role, and the kinds of check it asks."""
    found: dict[str, tuple[Rule, tuple[object, ...]]] = {}
    for rule in policy.rules:
        names = [
            name
            for need in rule.needs
            if isinstance(need, (ProofNeed, RenewNeed))
            for name in (need.check, *(need.alternatives if isinstance(need, ProofNeed) else ()))
        ]
        kinds = [policy.checks[name] for name in names]
        found[rule.name] = rule, (policy.roles.get(rule.of), *kinds)
    return found


def _played(
    policies: Policies, state: State, wake_at: datetime | None, until: datetime
) -> tuple[State, datetime | None]:
    """The state after the looks that fall due up to an instant, and when the next one does."""
    for after, evaluation in _looks(policies, state, wake_at, until):
        state, wake_at = after, evaluation.wake_at
    return state, wake_at


def _looks(
    policies: Policies, state: State, wake_at: datetime | None, until: datetime
) -> Iterator[tuple[State, Evaluation]]:
    """The looks that fall due up to an instant: :func:`onboarding.domain.settle.play` where nobody answers."""
    for _ in range(MAX_MISSED):
        if wake_at is None or wake_at > until:
            return
        state, evaluation = _look(policies, state, wake_at)
        yield state, evaluation
        wake_at = evaluation.wake_at
    raise EngineFault("missed_looks_do_not_end")


def _look(policies: Policies, state: State, as_of: datetime) -> tuple[State, Evaluation]:
    """:func:`onboarding.domain.settle.settle` where nobody answers, without the rounds that would change nothing.

    New marks change nothing, by law. A question that nobody answers, once it is asked, is as open as before. What is
    confirmed as off was shown as off before. So a round follows only where a capability goes on or a check is dropped.
    """
    for _ in range(MAX_ROUNDS):
        evaluation = evaluate(policies, state, as_of)
        asked = [
            Check(f"{due.kind}|{due.subject}|{due.digest}", due.kind, due.subject, due.digest, CheckState.DUE, as_of)
            for due in evaluation.checks_due
        ]
        if asked or evaluation.superseded:
            kept = (check for check in state.checks if check.id not in evaluation.superseded)
            state = replace(state, checks=(*kept, *asked))
        state = state.with_marks(evaluation.new_marks)
        for due in evaluation.activations_due:
            state = state.acknowledge(due.capability, on=due.on, at=as_of)
        if not evaluation.superseded and not any(due.on for due in evaluation.activations_due):
            return state, evaluation
    raise EngineFault("look_does_not_end")


def _compared(expected: list[Evaluation], foreseen: list[Evaluation]) -> Difference:
    asked, asked_then = _asked(expected), _asked(foreseen)
    falls: dict[str, datetime] = {}
    rises: dict[str, datetime] = {}
    loses_active = False
    for instant, before, after in _side_by_side(expected, foreseen):
        if before == after:
            continue
        for name in {**before, **after}:
            stood, stands = _standing(before, name), _standing(after, name)
            if stands < stood:
                falls.setdefault(name, instant)
                loses_active = loses_active or stood == _STANDING[Status.ACTIVE]
            elif stands > stood:
                rises.setdefault(name, instant)
    return Difference(
        becomes_due=tuple(sorted(label for label in asked_then if asked_then[label] > asked.get(label, 0))),
        no_longer_due=tuple(sorted(label for label in asked if asked[label] > asked_then.get(label, 0))),
        falls=tuple(sorted(falls.items())),
        rises=tuple(sorted(rises.items())),
        loses_active=loses_active,
    )


def _side_by_side(
    expected: Iterable[Evaluation], foreseen: Iterable[Evaluation]
) -> Iterator[tuple[datetime, Mapping[str, CapabilityStatus], Mapping[str, CapabilityStatus]]]:
    """The capabilities of both futures at every instant at which one of them is looked at; both begin at the same."""
    ours = {one.as_of: one.capabilities for one in expected}
    theirs = {one.as_of: one.capabilities for one in foreseen}
    before: Mapping[str, CapabilityStatus] = {}
    after: Mapping[str, CapabilityStatus] = {}
    for instant in sorted({*ours, *theirs}):
        before, after = ours.get(instant, before), theirs.get(instant, after)
        yield instant, before, after


def _standing(capabilities: Mapping[str, CapabilityStatus], name: str) -> int:
    known = capabilities.get(name)
    return _STANDING.get(known.status, 0) if known is not None else 0


def _asked(evaluations: Iterable[Evaluation]) -> dict[str, int]:
    """How urgently the user is ever asked for each entry."""
    found: dict[str, int] = {}
    for evaluation in evaluations:
        for demand in evaluation.demands:
            opening = demand.opening
            if not opening.awaits_user:
                continue
            urgency = max(_URGENCY[impact.status] for impact in demand.impacts)
            subject = opening.subject
            whose = "" if subject.reference is None else f"{subject.reference}:"
            for path, _ in opening.entries:
                label = f"{whose}{subject.prefix}{path}"
                if found.get(label, 0) < urgency:
                    found[label] = urgency
    return found
