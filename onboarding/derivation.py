"""The derivation of a stored evaluation, told for people: why each capability stands as it does.

A view of the findings and impacts that the evaluator left, of the policy's rules, and of the evidence and facts that
they name. Nothing is decided here. Where a finding says that a question is open, the evidence about that one question
is looked up with the evaluator's own function, for the codes of its failure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from onboarding.domain.capabilities import in_force
from onboarding.domain.conditions import Situation
from onboarding.domain.demands import demand_target
from onboarding.domain.grounds import crossing, grounds
from onboarding.domain.horizon import Horizon
from onboarding.domain.instants import rfc3339
from onboarding.domain.policy import AgeNeed, ConfirmNeed, FieldNeed, ProofNeed, RenewNeed, need_name
from onboarding.domain.reviews import requested
from onboarding.domain.standing import input_digest, is_askable, standing
from onboarding.domain.state import ACCOUNT, MarkKind, OrderKind
from onboarding.storage.versions import Since, Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from onboarding.domain.grounds import Ground
    from onboarding.domain.policy import Capability, Need, Policy, Restriction, Rule
    from onboarding.domain.state import Check, Evidence, Fact, Order, State

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Basis:
    """What was decided, and from what.

    Attributes:
        policy: the policy that was in force.
        evaluation: as versions store it.
        as_of: the instant at which it was decided.
        since: from when on each thing that it says has stood; what is not in it, from ``as_of`` on.
        unrecorded: ids of checks and evidence of a look that was played in memory: nobody could find them.
        missed_at: an instant up to which deadlines have run out, where nobody could decide it.
    """

    policy: Policy
    state: State
    evaluation: Mapping[str, Any]
    as_of: datetime
    since: Mapping[Standing, Since] = field(default_factory=dict)
    unrecorded: frozenset[str] = frozenset()
    missed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """Why one capability stands as it does; ``orders`` apart, for not everybody may read all of them."""

    document: Document
    orders: tuple[Order, ...]


class Derivation:
    """See the module."""

    def __init__(self, basis: Basis) -> None:
        self._basis = basis
        self._state = basis.state
        self._shape = basis.state.shape
        self._horizon = Horizon(basis.as_of)
        crossed = {mark.key: mark.at for mark in basis.state.marks if mark.kind is MarkKind.THRESHOLD}
        risk = basis.evaluation.get("risk") or {}
        review = risk["class"] if risk.get("review_open") else None
        self._now = Situation(self._shape, self._horizon, crossed, review)
        self._rules = {rule.name: rule for rule in basis.policy.rules}
        self._evidence = {row.id: row for row in basis.state.evidence}
        self._acknowledged = {known.capability for known in basis.state.acknowledgements if known.on}
        self._because: dict[str, list[Document]] = {}

    def explain(self, name: str) -> Explained:
        """Why a capability that the account has stands as it does."""
        status = self._basis.evaluation["capabilities"][name]
        capability = self._basis.policy.capabilities[name]
        orders = tuple(
            order
            for kind in (OrderKind.REJECT, OrderKind.HOLD, OrderKind.OVERRIDE_CAPABILITY, OrderKind.EXTEND_DEADLINE)
            for order in in_force(kind, name, self._state, self._horizon)
            if kind is not OrderKind.EXTEND_DEADLINE or self._is_extended(order, name)
        )
        unsupported = self._unsupported(capability)
        is_final = self._shape.closed or unsupported is not None or any(one.kind is OrderKind.REJECT for one in orders)
        document = {
            "configuration": capability.configuration,
            "capability": capability.wire_name,
            "status": status["status"],
            "status_details": status["status_details"],
            "since": self._since(Standing(name, "", "", status["status"])),
            "acknowledged": name in self._acknowledged,
            "closed": self._shape.closed,
            "unsupported": unsupported,
            **self._open_nodes(name),
            "satisfied": [] if is_final else self._satisfied_nodes(name),
        }
        return Explained(document, orders)

    def _is_extended(self, order: Order, capability: str) -> bool:
        """Whether a deadline of the capability is the one that the order gave."""
        return order.ends_at is not None and any(
            name == capability and deadline == rfc3339(order.ends_at)
            for rule, _, need, _, _, *impacts in self._basis.evaluation.get("findings", ())
            if order.target in (None, demand_target(rule, need))
            for name, _, deadline, _ in (impacts[0] if impacts else ())
        )

    def _unsupported(self, capability: Capability) -> Document | None:
        for availability in capability.unsupported:
            if availability.when.holds(self._now):
                return {"code": availability.code, "because": _told(grounds(availability.when, self._now))}
        return None

    # --- nodes --------------------------------------------------------------------------------------------------------

    @cached_property
    def _nodes(self) -> list[tuple[Document, Rule, list[list[Any]]]]:
        """Each finding as a node, with its rule, and what it does to capabilities while it is open."""
        found = []
        for rule_name, subject, name, cause, by, *impacts in self._basis.evaluation.get("findings", ()):
            rule = self._rules[rule_name]
            need = next(need for need in rule.needs if need_name(need) == name)
            documents, reasons = self._by(need, subject, cause, by)
            node = {
                "rule": rule_name,
                "source": rule.source,
                "subject": _subject(rule, subject),
                "need": _need(need),
                "cause": cause,
                "reasons": reasons,
                "since": self._since(Standing(rule_name, subject, name, cause)),
                "by": documents,
                "because": self._grounds(rule),
            }
            found.append((node, rule, impacts[0] if impacts else []))
        return found

    def _open_nodes(self, capability: str) -> dict[str, list[Document]]:
        """By what they do: nodes that block, nodes with a deadline ahead, and nodes that cost nothing yet."""
        sorts: dict[str, list[Document]] = {"blocked_by": [], "at_risk": [], "eventually_due": []}
        for node, rule, impacts in self._nodes:
            for name, status, deadline, blocks in impacts:
                if name == capability:
                    is_blocking = blocks or self._is_missed(deadline)
                    sort = "blocked_by" if is_blocking else "eventually_due" if deadline is None else "at_risk"
                    because = node["because"] + self._volumes(rule, capability)
                    sorts[sort].append(
                        {**node, "status": status, "deadline": deadline, "blocks": is_blocking, "because": because}
                    )
        return sorts

    def _satisfied_nodes(self, capability: str) -> list[Document]:
        return [
            {**node, "status": None, "deadline": None, "blocks": False}
            for node, rule, _ in self._nodes
            if node["cause"] is None and any(one.capability == capability for one in rule.restricts)
        ]

    def _is_missed(self, deadline: str | None) -> bool:
        return deadline is not None and self._basis.missed_at is not None and deadline <= rfc3339(self._basis.missed_at)

    def _since(self, standing: Standing) -> Document:
        since = self._basis.since.get(standing) or Since(self._basis.as_of)
        return {"time": rfc3339(since.time), "before": since.before}

    # --- why a rule applies -------------------------------------------------------------------------------------------

    def _grounds(self, rule: Rule) -> list[Document]:
        if rule.name not in self._because:
            told = _told(grounds(rule.when, self._now))
            if rule.starts_at is not None:
                has_begun = self._horizon.passed(rule.starts_at)
                told.append({"type": "date", "holds": has_begun, "from": rfc3339(rule.starts_at)})
            self._because[rule.name] = told
        return self._because[rule.name]

    def _volumes(self, rule: Rule, capability: str) -> list[Document]:
        """Thresholds whose crossing made the rule's needs due."""
        found = {
            one.volume.key: crossing(one.volume, self._now.crossed)
            for one in _restrictions(rule)
            if one.capability == capability and one.volume is not None and one.volume.key in self._now.crossed
        }
        return _told(found.values())

    # --- what satisfies or fails a need -------------------------------------------------------------------------------

    def _by(self, need: Need, subject: str, cause: str | None, by: list[str]) -> tuple[list[Document], list[str]]:
        """What the answer rests on, and the codes of what failed."""
        if cause is None:
            named = (self._evidence.get(one) or one for one in by)
            return [_field(one) if isinstance(one, str) else self._answer(one) for one in named], []
        match need:
            case ProofNeed() | RenewNeed():
                others = need.alternatives if isinstance(need, ProofNeed) else ()
                return self._asked((need.check, *others), subject)
            case ConfirmNeed():
                return ([_field(need.path)] if need.path in self._facts(subject) else []), []
            case AgeNeed():
                return [_field(path) for path in need.paths], [need.error]
            case FieldNeed(error=error) if cause == "failed" and error is not None:
                fields = (need.path, need.bound_to)
                return [_field(path) for path in fields if path is not None], [error]
        return [], []

    def _asked(self, kinds: Iterable[str], subject: str) -> tuple[list[Document], list[str]]:
        """The effective answers to an open question and its alternatives, and the checks that still wait for one."""
        documents: list[Document] = []
        reasons: dict[str, None] = {}
        facts = self._facts(subject)
        for name in kinds:
            kind = self._basis.policy.checks[name]
            if not is_askable(kind, facts):
                continue
            digest = input_digest(kind, facts, self._shape.persons)
            rows = (row for row in self._state.evidence if (row.kind, row.subject) == (name, subject))
            found = standing(rows, digest, self._horizon)
            if found.evidence is not None:
                documents.append(self._answer(found.evidence))
                reasons |= dict.fromkeys(found.reasons)
            waiting = [
                check
                for check in self._state.checks
                if check.state.is_open and (check.kind, check.subject, check.digest) == (name, subject, digest)
            ]
            documents += [self._check(check) for check in waiting]
            asked = [entry for check in waiting for entry in requested(self._state.orders).get(check.id, ())]
            documents += [_field(path) for path, _ in asked]
            reasons |= dict.fromkeys(code for _, codes in asked for code in codes)
        return documents, list(reasons)

    def _facts(self, subject: str) -> Mapping[str, Fact]:
        if subject == ACCOUNT:
            return self._shape.facts
        return next((person.facts for person in self._shape.persons if person.id == subject), {})

    def _answer(self, row: Evidence) -> Document:
        return {
            "type": "evidence",
            "id": self._id(row.id),
            "kind": row.kind,
            "outcome": row.outcome.value,
            "verifier": row.verifier,
            "occurred_at": rfc3339(row.occurred_at),
            "valid_until": rfc3339(row.valid_until) if row.valid_until is not None else None,
        }

    def _check(self, check: Check) -> Document:
        return {"type": "check", "id": self._id(check.id), "kind": check.kind, "status": check.state.value}

    def _id(self, object_id: str) -> str | None:
        return None if object_id in self._basis.unrecorded else object_id


def _restrictions(rule: Rule) -> Iterable[Restriction]:
    """All that a rule may do to capabilities, by whatever failure."""
    yield from rule.restricts
    for need in rule.needs:
        if isinstance(need, ProofNeed):
            for remedy in need.remedies.values():
                yield from remedy.restricts or ()


def _subject(rule: Rule, subject: str) -> Document:
    """Of a role that nobody holds yet there is no person."""
    if subject == ACCOUNT:
        return {"type": ACCOUNT, "person": None, "role": None}
    role = None if rule.of == ACCOUNT else rule.of  # a review asks again about whomever the rules ask about
    return {"type": "person" if subject else "role", "person": subject or None, "role": role}


def _need(need: Need) -> Document:
    match need:
        case FieldNeed() | ConfirmNeed():
            return {"type": "field", "path": need.path}
        case ProofNeed() | RenewNeed():
            return {"type": "check", "kind": need.check}
        case AgeNeed():
            return {"type": "age", "years": need.years}


def _field(path: str) -> Document:
    return {"type": "field", "path": path}


def _told(found: Iterable[Ground]) -> list[Document]:
    return [{"type": one.type, "holds": one.holds, **one.found} for one in found]
