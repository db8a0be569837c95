"""The one pure function that decides.

``evaluate(policies, state, as_of)`` reads no clock, does no I/O and uses no random number. Every surface (API, events,
operator's view, test clock) is a view of its result.

Laws, each a property test in ``tests/domain``: the answer is constant from ``as_of`` until ``wake_at``; adding the new
marks to the marks changes nothing; a later pass never restricts; removing what blocks a capability activates it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from onboarding.domain.capabilities import (
    ACTIVE,
    DETERMINING,
    blocking,
    cleared_status,
    final_status,
    in_force,
    requested_capabilities,
)
from onboarding.domain.conditions import Situation
from onboarding.domain.demands import Cause, Demand, DueStatus, Impact, demand_target
from onboarding.domain.horizon import Horizon
from onboarding.domain.needs import Reading
from onboarding.domain.policy import Falls
from onboarding.domain.risk import risk_of
from onboarding.domain.state import Mark, MarkKind, OrderKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta

    from onboarding.domain.capabilities import CapabilityStatus
    from onboarding.domain.demands import CheckDue, Finding, Opening
    from onboarding.domain.policy import Announced, Capability, Policies, Policy, Restriction
    from onboarding.domain.risk import Risk
    from onboarding.domain.state import Order, State

EVALUATOR_VERSION = 4
"""Raised with every change of behaviour: a process older than the evaluator that wrote a row must not write it."""


_demand = partial(tuple.__new__, Demand)
"""A demand of a tuple of its parts, as ``needs`` makes openings."""


@dataclass(frozen=True, slots=True)
class ActivationDue:
    """The downstream system must be told to switch a capability on or off."""

    capability: str
    on: bool


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A hold: an order of a person, and the capabilities that it keeps off."""

    order: Order
    capabilities: tuple[str, ...]


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
        inquiries: holds in force, with the capabilities that each holds.
        new_marks: facts of history made by this look.
        wake_at: when time alone changes the answer, strictly later than ``as_of``; None for never.
        findings: the derivation: every need that was read.
        risk: how it stands with its periodic reviews; None where the policy reviews nobody, or no capability is left
            that a review could be about.
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
    inquiries: tuple[Inquiry, ...]
    new_marks: tuple[Mark, ...]
    wake_at: datetime | None
    findings: tuple[Finding, ...]
    risk: Risk | None


def evaluate(policies: Policies, state: State, as_of: datetime) -> Evaluation:
    """Decide everything about ``state`` at ``as_of`` (aware, UTC)."""
    horizon = Horizon(as_of)
    policy, announced = policies.in_force(as_of), policies.ahead(as_of)
    if announced is not None:
        horizon.until(announced.transition_at)
    crossed, crossings = _crossings(policy, announced, state, as_of)
    now = Situation(state.shape, horizon, crossed)
    present = requested_capabilities(policy, state)
    final = {capability.name: final_status(capability, state, now) for capability in present}
    live = frozenset(name for name, status in final.items() if status is None)
    risk = risk_of(policy, state, now) if policy.risk and live else None
    reading, risk, reviewed = _read(policy, state, live, now, risk)
    clock = _Clock(state, now)
    demands = _demands(reading.openings, clock)
    statuses, activations = _statuses(present, final, state, demands, clock)
    if clock.first_activations:
        # A first activation starts clocks; none of them is shorter than an instant, so no status changes again.
        demands = _demands(reading.openings, clock)
        if risk is not None and risk.due_at is None:
            risk = risk.first(as_of)
    if risk is not None and risk.due_at is not None:
        horizon.until(risk.due_at)
    _note_checks(state, horizon)
    future: tuple[Demand, ...] = ()
    if announced is not None:
        ahead = Reading(announced.policy, state, live, now)
        asked = {(opening.key, opening.restricts) for opening in reading.openings}
        future = tuple(
            Demand(one, clock.announced(one)) for one in ahead.openings if (one.key, one.restricts) not in asked
        )
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
        inquiries=_inquiries(live, state, horizon),
        new_marks=(*crossings, *reviewed, *reading.new_marks, *clock.new_marks),
        wake_at=horizon.holds_until,
        findings=tuple(reading.findings),
        risk=risk,
    )


def _demands(openings: Iterable[Opening], clock: _Clock) -> tuple[Demand, ...]:
    impacts = clock.impacts
    return tuple([_demand((opening, impacts(opening))) for opening in openings])


def _read(
    policy: Policy, state: State, live: frozenset[str], now: Situation, risk: Risk | None
) -> tuple[Reading, Risk | None, tuple[Mark, ...]]:
    """Read the rules, and of a review that is due whether all that it asks is there; with the marks that this makes."""
    if risk is None or not risk.is_open:
        return Reading(policy, state, live, now), risk, ()
    as_of = now.horizon.as_of
    is_new = not any(mark.kind is MarkKind.REVIEW_DUE and mark.key == str(risk.number) for mark in state.marks)
    marks = (risk.due_mark(as_of),) if is_new else ()
    before = now.horizon.holds_until
    reading = Reading(policy, state, live, replace(now, review=risk.known.name), risk)
    if reading.awaits_review:
        return reading, risk, marks
    # What a review asked is nobody's question any more once it is completed: as at every look that follows.
    now.horizon.holds_until = before
    return Reading(policy, state, live, now), risk.next(as_of), (*marks, risk.done_mark(as_of))


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
    blocked = blocking(demands)
    for capability in present:
        name = capability.name
        status = final[name] or cleared_status(capability, state, blocked.get(name, ()), clock.horizon)
        is_on = acknowledged.get(capability.name, False)
        if (status is None) is not is_on:
            activations.append(ActivationDue(capability.name, on=not is_on))
        if status is None and is_on and name not in clock.lifted:
            clock.activated(name)
        statuses[capability.name] = status or (ACTIVE if is_on else DETERMINING)
    gone = [name for name, is_on in acknowledged.items() if is_on and name not in statuses]
    activations.extend(ActivationDue(name, on=False) for name in gone)
    return statuses, tuple(activations)


def _crossings(
    policy: Policy, announced: Announced | None, state: State, as_of: datetime
) -> tuple[dict[str, datetime], list[Mark]]:
    """When each threshold was crossed, and the marks of those that were just now; of an announced policy too."""
    crossed = {mark.key: mark.at for mark in state.marks if mark.kind is MarkKind.THRESHOLD}
    new: list[Mark] = []
    if state.shape.activity:
        ahead = announced.policy.thresholds if announced else ()
        for threshold in (*policy.thresholds, *ahead):
            if threshold.key not in crossed and threshold.is_reached(state.shape.activity):
                crossed[threshold.key] = as_of
                new.append(Mark(MarkKind.THRESHOLD, threshold.key, as_of, as_of))
    return crossed, new


def _inquiries(live: Iterable[str], state: State, horizon: Horizon) -> tuple[Inquiry, ...]:
    held: dict[str, tuple[Order, list[str]]] = {}
    for name in sorted(live) if state.orders else ():
        for order in in_force(OrderKind.HOLD, name, state, horizon):
            held.setdefault(order.id, (order, []))[1].append(name)
    return tuple(Inquiry(order, tuple(names)) for order, names in held.values())


def _note_checks(state: State, horizon: Horizon) -> None:
    """Whatever an open check waits for wakes the account."""
    for check in state.checks:
        for instant in (check.answer_at, check.retry_at, check.deadline_at):
            if instant is not None and check.state.is_open:
                horizon.until(instant)


class _Clock:
    """Deadlines: which run, which are new, and what a demand does to a capability now.

    ``lifted`` are capabilities that only an override keeps from being blocked. One that is active so counts as never
    having been: what must be there before a first activation is still missing when the override ends.
    """

    def __init__(self, state: State, now: Situation) -> None:
        self.horizon = now.horizon
        self._state = state
        self._crossed = now.crossed
        self._deadlines = {mark.key: mark for mark in state.marks if mark.kind is MarkKind.DEADLINE}
        self._extensions = [order for order in state.orders if order.kind is OrderKind.EXTEND_DEADLINE]
        self._is_overridden = any(order.kind is OrderKind.OVERRIDE_CAPABILITY for order in state.orders)
        self._overridden_until: dict[str, datetime | None] = {}
        self.lifted: set[str] = set()
        self._first = {mark.key: mark.at for mark in state.marks if mark.kind is MarkKind.FIRST_ACTIVE}
        self._first_impacts: dict[tuple[int, bool, bool], tuple[Impact, ...]] = {}
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
        if self._first or opening.at_once or opening.starts_at is not None:
            return tuple([self._impact(opening, restriction) for restriction in opening.restricts])
        # Nothing was ever active, so no clock runs: what one opening does, every other with the same restrictions does.
        alike = (id(opening.restricts), opening.awaits_user, opening.sanctionable)
        known = self._first_impacts.get(alike)
        if known is None:
            known = tuple([self._impact(opening, restriction) for restriction in opening.restricts])
            self._first_impacts[alike] = known
        return known

    def announced(self, opening: Opening) -> tuple[Impact, ...]:
        """An announced demand touches no capability before its time."""
        return tuple(Impact(one.capability, DueStatus.EVENTUALLY_DUE, None, blocks=False) for one in opening.restricts)

    def _impact(self, opening: Opening, restriction: Restriction) -> Impact:
        """What a demand does, and does not as long as an override lasts: then it begins to block when that ends.

        The clocks below an override run on, and a list's hit is lifted by nothing.
        """
        impact = self._unlifted(opening, restriction)
        if not self._is_overridden or opening.sanctionable:
            return impact
        until = self._override(impact.capability)
        if until is None or not (impact.blocks or (impact.deadline is not None and impact.deadline < until)):
            return impact
        if impact.blocks:
            self.lifted.add(impact.capability)
        status = DueStatus.CURRENTLY_DUE if opening.awaits_user else DueStatus.EVENTUALLY_DUE
        return Impact(impact.capability, status, until, blocks=False)

    def _override(self, capability: str) -> datetime | None:
        """When the last override of a capability ends that is in force; None where none is."""
        if capability not in self._overridden_until:
            found = in_force(OrderKind.OVERRIDE_CAPABILITY, capability, self._state, self.horizon)
            ends = [order.ends_at for order in found if order.ends_at is not None]
            self._overridden_until[capability] = max(ends, default=None)
        return self._overridden_until[capability]

    def _unlifted(self, opening: Opening, restriction: Restriction) -> Impact:
        capability = restriction.capability
        if opening.starts_at is not None and not self.horizon.passed(opening.starts_at):
            return Impact(capability, DueStatus.EVENTUALLY_DUE, None, blocks=False)
        if opening.at_once:
            status = DueStatus.PAST_DUE if opening.awaits_user else DueStatus.EVENTUALLY_DUE
            return Impact(capability, status, None, blocks=True)
        is_crossed = restriction.volume is not None and restriction.volume.key in self._crossed
        if capability not in self._first:
            # Nothing is lost yet, so no clock runs: what is due keeps it off.
            blocks = is_crossed or restriction.falls is Falls.AT_REQUEST
            past = blocks and opening.awaits_user
            return Impact(capability, DueStatus.PAST_DUE if past else DueStatus.EVENTUALLY_DUE, None, blocks)
        grace = restriction.grace
        if is_crossed and (grace is None or restriction.volume_grace < grace):
            grace = restriction.volume_grace
        deadline = self._deadline(opening, restriction, grace, is_crossed=is_crossed)
        if deadline is None:
            return Impact(capability, DueStatus.EVENTUALLY_DUE, None, blocks=False)
        missed = self.horizon.passed(deadline)
        status = DueStatus.EVENTUALLY_DUE
        if opening.awaits_user:
            status = DueStatus.PAST_DUE if missed else DueStatus.CURRENTLY_DUE
        return Impact(capability, status, deadline, missed)

    def _deadline(
        self, opening: Opening, restriction: Restriction, grace: timedelta | None, *, is_crossed: bool
    ) -> datetime | None:
        """The deadline of this cycle: the earlier of the one that ran before the crossing and the one after it.

        A demand that was never the user's to meet runs no clock.
        """
        stem = f"{opening.key}|{restriction.capability}"
        keys = [stem, f"{stem}|{restriction.volume.key}"] if is_crossed and restriction.volume else [stem]
        if keys[-1] not in self._deadlines and grace is not None and opening.cause is not Cause.PENDING:
            as_of = self.horizon.as_of
            mark = self._deadlines[keys[-1]] = Mark(MarkKind.DEADLINE, keys[-1], as_of + grace, as_of)
            self.new_marks.append(mark)
        known = [self._extended(self._deadlines[key], opening, restriction) for key in keys if key in self._deadlines]
        return min(known, default=None)

    def _extended(self, mark: Mark, opening: Opening, restriction: Restriction) -> datetime:
        """A deadline as orders moved it that were given after it was set; one that was set since is nobody's."""
        deadline = mark.at
        for order in self._extensions:
            if order.undone_at is not None or order.ends_at is None or not self.horizon.passed(order.starts_at):
                continue
            is_about = order.capability in (None, restriction.capability) and order.target in (
                None,
                demand_target(opening.rule, opening.need),
            )
            if is_about and mark.set_at <= order.starts_at:
                deadline = max(deadline, order.ends_at)
        return deadline
