"""Requirements on the wire: demands grouped by (description, reference).

Shapes and words are those of the Accounts v2 contract; ``id`` on an entry is an addition of ours, stable for as long as
the entry stands.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from onboarding.domain.demands import Cause, DueStatus
from onboarding.domain.instants import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from onboarding.domain.demands import Demand, Impact
    from onboarding.domain.evaluate import Evaluation, Inquiry
    from onboarding.domain.policy import Capability, Policy

AWAITS_USER = "user"
AWAITS_ENGINE = "stripe"  # the contract's word for whoever runs the engine; typed SDKs know no other
REASON_ONBOARDING = "routine_onboarding"
REASON_VERIFICATION = "routine_verification"
AUDIENCE_USER = "user"
ANY_TOPIC = "other_compliance_inquiry"  # of the contract's topics the one that says nothing

Wire = dict[str, Any]


@dataclass(slots=True)
class _Entry:
    """One entry in the making."""

    description: str
    reference: str | None
    order: int
    awaits_user: bool = False
    errors: list[str] = field(default_factory=list)
    impacts: dict[str, Impact] = field(default_factory=dict)
    verifying: bool = False
    strictest: DueStatus = DueStatus.EVENTUALLY_DUE

    def add(self, demand: Demand, errors: Iterable[str]) -> None:
        opening = demand.opening
        self.awaits_user = self.awaits_user or opening.awaits_user
        self.errors.extend(code for code in errors if code not in self.errors)
        self.verifying = self.verifying or opening.cause is not Cause.MISSING
        for impact in demand.impacts:
            if impact.status.rank < self.strictest.rank:
                self.strictest = impact.status
            known = self.impacts.get(impact.capability)
            if known is None or (known is not impact and _strictness(impact) < _strictness(known)):
                self.impacts[impact.capability] = impact


def _strictness(impact: Impact) -> tuple[int, bool, datetime | None]:
    """Sorts the stricter first: by status, then by deadline; an impact without one comes last."""
    return impact.status.rank, impact.deadline is None, impact.deadline


def requirements(account_id: str, evaluation: Evaluation) -> Wire:
    """The ``requirements`` object: entries, alternatives and summary."""
    document = _document(account_id, evaluation.demands, evaluation)
    document["entries"] += [_inquiry_entry(account_id, one, evaluation.policy) for one in evaluation.inquiries]
    if evaluation.inquiries and document["summary"]["minimum_deadline"] is None:
        document["summary"] = {"minimum_deadline": {"status": DueStatus.EVENTUALLY_DUE.value, "time": None}}
    return document


def entry_deadlines(account_id: str, evaluation: Evaluation) -> dict[str, dict[str, str]]:
    """By entry and capability, the instant at which the entry begins to restrict it, for what the wire does not say."""
    return {
        _entry_id(account_id, entry): {
            name: rfc3339(impact.deadline)
            for name, impact in sorted(entry.impacts.items())
            if impact.deadline is not None
        }
        for entry in _entries(evaluation.demands)
        if any(impact.deadline is not None for impact in entry.impacts.values())
    }


def entries_to_confirm(account_id: str, evaluation: Evaluation) -> list[str]:
    """The ids of entries about what is there already, and only to be supplied again."""
    confirmed = [demand for demand in evaluation.demands if demand.opening.confirms]
    others = {
        (demand.opening.subject.prefix + path, demand.opening.subject.reference)
        for demand in evaluation.demands
        if not demand.opening.confirms
        for path, _ in demand.opening.entries
    }
    return [
        _entry_id(account_id, entry)
        for entry in _entries(confirmed)
        if (entry.description, entry.reference) not in others
    ]


def future_requirements(account_id: str, evaluation: Evaluation) -> Wire:
    """The ``future_requirements`` object; ``minimum_transition_date`` is null where nothing was announced."""
    document = _document(account_id, evaluation.future, evaluation)
    announced = evaluation.transition_at if evaluation.future else None
    return {**document, "minimum_transition_date": rfc3339(announced) if announced else None}


def _entries(demands: Iterable[Demand]) -> list[_Entry]:
    entries: dict[tuple[str, str | None], _Entry] = {}
    for demand in demands:
        opening = demand.opening
        subject = opening.subject
        for place, (path, errors) in enumerate(opening.entries):
            key = (subject.prefix + path, subject.reference)
            entry = entries.get(key)
            if entry is None:
                entry = entries[key] = _Entry(*key, opening.order * 100 + place)
            entry.add(demand, errors)
    return sorted(entries.values(), key=lambda entry: (entry.reference or "", entry.order))


def _document(account_id: str, demands: tuple[Demand, ...], evaluation: Evaluation) -> Wire:
    ordered = _entries(demands)
    capabilities = evaluation.policy.capabilities
    order = {name: place for place, name in enumerate(capabilities)}
    # Entries say the same few things of a capability: each is said once, and nobody changes a document.
    restricts = {
        (name, status): _restricts(capabilities[name], status)
        for name, status in {(one.capability, one.status) for demand in demands for one in demand.impacts}
    }
    return {
        "alternatives": [_alternative(demand, evaluation.policy) for demand in demands if demand.opening.options],
        "entries": [
            {
                "id": _entry_id(account_id, entry),
                "awaiting_action_from": AWAITS_USER if entry.awaits_user else AWAITS_ENGINE,
                "description": entry.description,
                "errors": _errors(entry.errors, evaluation.policy.errors),
                "impact": {
                    "restricts_capabilities": [
                        restricts[name, entry.impacts[name].status]
                        for name in sorted(entry.impacts, key=order.__getitem__)
                    ]
                },
                "minimum_deadline": {"status": entry.strictest.value},
                "reference": _reference(entry.reference),
                "requested_reasons": [{"code": REASON_VERIFICATION if entry.verifying else REASON_ONBOARDING}],
            }
            for entry in ordered
        ],
        "summary": {"minimum_deadline": _summary(ordered, evaluation.as_of)},
    }


def _inquiry_entry(account_id: str, inquiry: Inquiry, policy: Policy) -> Wire:
    """A hold: nothing that the user supplies ends it. What it is about stays inside unless the order says otherwise."""
    order = inquiry.order
    inquiry_id = f"interv_{order.id.rpartition('_')[2]}"
    topic = order.reason if order.audience == AUDIENCE_USER else ANY_TOPIC
    entry = _Entry(f"{inquiry_id}.{topic}.support", inquiry_id, 0)
    status = DueStatus.EVENTUALLY_DUE
    return {
        "id": _entry_id(account_id, entry),
        "awaiting_action_from": AWAITS_ENGINE,
        "description": entry.description,
        "errors": [],
        "impact": {
            "restricts_capabilities": [_restricts(policy.capabilities[name], status) for name in inquiry.capabilities]
        },
        "minimum_deadline": {"status": status.value},
        "reference": {"type": "inquiry", "resource": None, "inquiry": inquiry_id},
        "requested_reasons": [{"code": REASON_VERIFICATION}],
    }


def _restricts(capability: Capability, status: DueStatus) -> Wire:
    return {
        "capability": capability.wire_name,
        "configuration": capability.configuration,
        "deadline": {"status": status.value},
    }


def _summary(entries: list[_Entry], as_of: datetime) -> Wire | None:
    """The strictest status, and the earliest deadline still ahead: none where something is past due already."""
    if not entries:
        return None
    strictest = min((entry.strictest for entry in entries), key=lambda status: status.rank)
    ahead = [
        impact.deadline
        for entry in entries
        if entry.awaits_user
        for impact in entry.impacts.values()
        if impact.deadline is not None and impact.deadline > as_of
    ]
    time = min(ahead) if ahead and strictest is not DueStatus.PAST_DUE else None
    return {"status": strictest.value, "time": rfc3339(time) if time else None}


def _alternative(demand: Demand, policy: Policy) -> Wire:
    opening = demand.opening
    subject = opening.subject
    reference = _reference(subject.reference)
    return {
        "options": [
            {
                "entries": [
                    {
                        "awaiting_action_from": AWAITS_USER if opening.awaits_user else AWAITS_ENGINE,
                        "description": subject.prefix + path,
                        "errors": _errors(errors, policy.errors),
                        "reference": reference,
                    }
                    for path, errors in option.entries
                ]
            }
            for option in opening.options
        ],
        "original_entries": [
            {"description": subject.prefix + path, "reference": reference} for path, _ in opening.entries
        ],
    }


def _errors(codes: Iterable[str], texts: Mapping[str, str]) -> list[Wire]:
    return [{"code": code, "description": texts.get(code, code)} for code in codes]


def _reference(person_id: str | None) -> Wire | None:
    return None if person_id is None else {"type": "person", "resource": person_id, "inquiry": None}


def _entry_id(account_id: str, entry: _Entry) -> str:
    name = f"{account_id}|{entry.reference or ''}|{entry.description}"
    return f"reqent_{hashlib.sha256(name.encode()).hexdigest()[:24]}"
