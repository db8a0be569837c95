"""The one pure function that decides.

``evaluate(policies, state, as_of)`` reads no clock, does no I/O and uses no random number. Every surface (API, events,
operator's view, test clock) is a view of its result.

Laws, each a property test in ``tests/domain``: the answer is constant from ``as_of`` until ``wake_at``; adding the new
marks to the marks changes nothing; a later pass never restricts; removing what blocks a capability activates it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from onboarding.domain.capabilities import ACTIVE, DETERMINING, cleared_status, final_status, requested_capabilities
from onboarding.domain.demands import Cause, Demand, DueStatus, Impact
from onboarding.domain.horizon import Horizon
from onboarding.domain.needs import Reading
from onboarding.domain.state import Mark, MarkKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from onboarding.domain.capabilities import CapabilityStatus
    from onboarding.domain.demands import CheckDue, Finding, Opening
    from onboarding.domain.policy import Capability, Policies, Policy, Restriction
    from onboarding.domain.state import State

EVALUATOR_VERSION = 1
"""Raised with every change of behaviour: a process older than the evaluator that wrote a row must not write it."""


@dataclass(frozen=True, slots=True)
class ActivationDue:
    """The downstream system must be told to switch a capability on or off."""

    capability: str
    on: bool


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the policies say about a state at ``as_of``.

    Attributes:
        policy: the policy in force.
        capabilities: status of each capability that was requested or granted, in the policy's order.
        demands: what is open.
        future: what an announced policy will open.
        transition_at: when the announced policy comes into force.
        checks_due: questions that must be asked now.
        superseded: ids of open checks that nobody needs any more.
        activations_due: what the downstream system must be told.
        new_marks: facts of history made by this look.
        wake_at: when time alone changes the answer, strictly later than ``as_of``; None for never.
        findings: the derivation: every need that was read.
    """

    as_of: datetime
    policy: Policy
    capabilities: Mapping[str, CapabilityStatus]
    demands: tuple[Demand, ...]
    future: tuple[Demand, ...]
    transition_at: datetime | None
    checks_due: tuple[CheckDue, ...]
    superseded: tuple[str, ...]
    activations_due: tuple[ActivationDue, ...]
    new_marks: tuple[Mark, ...]
    wake_at: datetime | None
    findings: tuple[Finding, ...]


def evaluate(policies: Policies, state: State, as_of: datetime) -> Evaluation:
    """Decide everything about ``state`` at ``as_of`` (aware, UTC)."""
    horizon = Horizon(as_of)
    policy, announced = policies.current, policies.announced
    if announced is not None and horizon.passed(announced.transition_at):
        policy, announced = announced.policy, None
    present = requested_capabilities(policy, state)
    final = {capability.name: final_status(capability, state, horizon) for capability in present}
    live = {name for name, status in final.items() if status is None}
    reading = Reading(policy, state, live, horizon)
    clock = _Clock(state, horizon)
    demands = tuple(Demand(opening, clock.impacts(opening)) for opening in reading.openings)

    statuses, activations = _statuses(present, final, state, demands, clock)
    if clock.first_activations:
        # A first activation starts clocks; none of them is shorter than an instant, so no status changes again.
        demands = tuple(Demand(opening, clock.impacts(opening)) for opening in reading.openings)
    _note_checks(state, horizon)
    future: tuple[Demand, ...] = ()
    if announced is not None:
        ahead = Reading(announced.policy, state, live, horizon)
        known = {opening.key for opening in reading.openings}
        future = tuple(Demand(one, clock.announced(one)) for one in ahead.openings if one.key not in known)
    return Evaluation(
        as_of=as_of,
        policy=policy,
        capabilities=statuses,
        demands=demands,
        future=future,
        transition_at=announced.transition_at if announced else None,
        checks_due=tuple(reading.checks_due),
        superseded=reading.superseded,
        activations_due=activations,
        new_marks=(*reading.new_marks, *clock.new_marks),
        wake_at=horizon.holds_until,
        findings=tuple(reading.findings),
    )


def _statuses(
    present: Iterable[Capability],
    final: Mapping[str, CapabilityStatus | None],
    state: State,
    demands: tuple[Demand, ...],
    clock: _Clock,
) -> tuple[dict[str, CapabilityStatus], tuple[ActivationDue, ...]]:
    """The status of each capability, and what the downstream system must be told.

    Active means that nothing blocks *and* that the activation is acknowledged; off is the other way round.
    """
    statuses: dict[str, CapabilityStatus] = {}
    activations: list[ActivationDue] = []
    acknowledged = {known.capability: known.on for known in state.acknowledgements}
    for capability in present:
        status = final[capability.name] or cleared_status(capability, state, demands, clock.horizon)
        is_on = acknowledged.get(capability.name, False)
        if (status is None) is not is_on:
            activations.append(ActivationDue(capability.name, on=not is_on))
        if status is None and is_on:
            clock.activated(capability.name)
        statuses[capability.name] = status or (ACTIVE if is_on else DETERMINING)
    gone = [name for name, is_on in acknowledged.items() if is_on and name not in statuses]
    activations.extend(ActivationDue(name, on=False) for name in gone)
    return statuses, tuple(activations)


def _note_checks(state: State, horizon: Horizon) -> None:
    """Whatever an open check waits for wakes the account."""
    for check in state.checks:
        for instant in (check.answer_at, check.retry_at, check.deadline_at):
            if instant is not None and check.state.is_open:
                horizon.until(instant)


class _Clock:
    """Deadlines: which run, which are new, and what a demand does to a capability now."""

    def __init__(self, state: State, horizon: Horizon) -> None:
        self.horizon = horizon
        self._deadlines = {mark.key: mark.at for mark in state.marks if mark.kind is MarkKind.DEADLINE}
        self._first = {mark.key: mark.at for mark in state.marks if mark.kind is MarkKind.FIRST_ACTIVE}
        self.first_activations: list[str] = []
        self.new_marks: list[Mark] = []

    def activated(self, capability: str) -> None:
        """Note that a capability is active; the first time is a mark."""
        if capability not in self._first:
            as_of = self.horizon.as_of
            self._first[capability] = as_of
            self.first_activations.append(capability)
            self.new_marks.append(Mark(MarkKind.FIRST_ACTIVE, capability, as_of, as_of))

    def impacts(self, opening: Opening) -> tuple[Impact, ...]:
        return tuple(self._impact(opening, restriction) for restriction in opening.restricts)

    def announced(self, opening: Opening) -> tuple[Impact, ...]:
        """An announced demand touches no capability before its time."""
        return tuple(Impact(one.capability, DueStatus.EVENTUALLY_DUE, None, blocks=False) for one in opening.restricts)

    def _impact(self, opening: Opening, restriction: Restriction) -> Impact:
        capability = restriction.capability
        if opening.at_once:
            status = DueStatus.PAST_DUE if opening.awaits_user else DueStatus.EVENTUALLY_DUE
            return Impact(capability, status, None, blocks=True)
        if capability not in self._first:
            blocks = restriction.blocks_activation
            past = blocks and opening.awaits_user
            return Impact(capability, DueStatus.PAST_DUE if past else DueStatus.EVENTUALLY_DUE, None, blocks)
        deadline = self._deadline(opening, restriction)
        if deadline is None:
            return Impact(capability, DueStatus.EVENTUALLY_DUE, None, blocks=False)
        missed = self.horizon.passed(deadline)
        status = DueStatus.EVENTUALLY_DUE
        if opening.awaits_user:
            status = DueStatus.PAST_DUE if missed else DueStatus.CURRENTLY_DUE
        return Impact(capability, status, deadline, missed)

    def _deadline(self, opening: Opening, restriction: Restriction) -> datetime | None:
        """The deadline of this cycle; a demand that was never the user's to meet runs no clock."""
        key = f"{opening.key}|{restriction.capability}"
        known = self._deadlines.get(key)
        if known is None and restriction.grace is not None and opening.cause is not Cause.PENDING:
            as_of = self.horizon.as_of
            known = self._deadlines[key] = as_of + restriction.grace
            self.new_marks.append(Mark(MarkKind.DEADLINE, key, known, as_of))
        return known
