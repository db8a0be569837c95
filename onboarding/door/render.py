"""What can be read of an account at one instant, built from its values and its evaluation.

The stored evaluation is already in the wire's words, so reading an account evaluates nothing.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from onboarding.documents import account_document, bank_account_document, person_document, rfc3339
from onboarding.domain.events import CHECK_TYPE, Documents
from onboarding.domain.requirements import entries_to_confirm, entry_deadlines, future_requirements, requirements
from onboarding.domain.state import ACCOUNT
from onboarding.storage.shapes import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from onboarding.domain.capabilities import CapabilityStatus
    from onboarding.domain.evaluate import Evaluation
    from onboarding.domain.state import Check, Evidence, Fact
    from onboarding.door.draft import Draft, Subject

ID_NUMBERS = "id_numbers."
REDIRECT = "redirect_to_url"
DEFAULT_FOR_CURRENCY = "default_for_currency"


def encode_evaluation(account_id: str, evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation as it is stored: capabilities and requirements in the wire's words, and the derivation.

    ``deadlines`` holds the next deadline of each capability, so that a capability is never shown active past it even
    while the engine can't decide. The instant of the look is not part of it. ``risk`` is there where the policy has
    risk classes, ``to_confirm`` while a periodic review asks for what is there already: its entries' ids.
    """
    ahead: dict[str, datetime] = {}
    for demand in evaluation.demands:
        for impact in demand.impacts:
            known = ahead.get(impact.capability)
            if impact.deadline is not None and not impact.blocks and (known is None or impact.deadline < known):
                ahead[impact.capability] = impact.deadline
    return {
        "capabilities": {name: _encode_status(status) for name, status in evaluation.capabilities.items()},
        "requirements": requirements(account_id, evaluation),
        "future_requirements": future_requirements(account_id, evaluation),
        "deadlines": {name: rfc3339(instant) for name, instant in sorted(ahead.items())},
        "entry_deadlines": entry_deadlines(account_id, evaluation),
        "findings": _encode_findings(evaluation),
        "policy": evaluation.policy.hash,
        "wake_at": evaluation.wake_at.isoformat() if evaluation.wake_at else None,
        **_encode_reviews(account_id, evaluation),
    }


def _encode_reviews(account_id: str, evaluation: Evaluation) -> dict[str, Any]:
    """What is said of periodic reviews: nothing under a policy that has none, whose evaluations are as they were."""
    if evaluation.risk is None:
        return {}
    risk, to_confirm = evaluation.risk, entries_to_confirm(account_id, evaluation)
    found: dict[str, Any] = {
        "risk": {
            "class": risk.known.name,
            "order": risk.order_id,
            "review": risk.number,
            "review_open": risk.is_open,
            "review_due_at": rfc3339(risk.due_at) if risk.due_at else None,
        }
    }
    return {**found, "to_confirm": to_confirm} if to_confirm else found


def _encode_findings(evaluation: Evaluation) -> list[list[Any]]:
    """``[rule, subject, need, cause, by]``, and for an open need what it does to each capability beside it.

    That is ``[capability, status, deadline, blocks]``.
    """
    impacts = {
        (demand.opening.rule, demand.opening.subject.id, demand.opening.need): [
            [one.capability, one.status.value, rfc3339(one.deadline) if one.deadline else None, one.blocks]
            for one in demand.impacts
        ]
        for demand in evaluation.demands
    }
    found: list[list[Any]] = []
    for one in evaluation.findings:
        node: list[Any] = [one.rule, one.subject, one.need, one.cause.value if one.cause else None, list(one.by)]
        if one.cause is not None:
            node.append(impacts.get((one.rule, one.subject, one.need), []))
        found.append(node)
    return found


def _encode_status(status: CapabilityStatus) -> dict[str, Any]:
    detail = {"code": status.code, "resolution": status.resolution.value if status.resolution else None}
    return {"status": status.status.value, "status_details": [detail] if status.code else []}


EMPTY_EVALUATION: dict[str, Any] = {
    "capabilities": {},
    "requirements": {"alternatives": [], "entries": [], "summary": {"minimum_deadline": None}},
    "future_requirements": {
        "alternatives": [],
        "entries": [],
        "summary": {"minimum_deadline": None},
        "minimum_transition_date": None,
    },
    "deadlines": {},
    "entry_deadlines": {},
    "findings": [],
    "policy": None,
    "wake_at": None,
}


def documents(draft: Draft, evaluation: Mapping[str, Any], checks: Mapping[str, dict[str, Any]]) -> Documents:
    """Everything that can be read of the draft, given its stored evaluation and its check documents."""
    persons = {person.id: render_person(draft, person) for person in draft.persons.values()}
    individual = next((persons[person.id] for person in draft.persons.values() if person.individual), None)
    account = account_document(
        id=draft.account_id,
        created=draft.created_at,
        livemode=draft.livemode,
        closed=draft.closed,
        values=draft.account.values,
        individual=individual,
        capabilities=evaluation["capabilities"],
        requirements=evaluation["requirements"],
        future_requirements=evaluation["future_requirements"],
    )
    shape = draft.state.shape
    hidden = {"identity": _hidden(shape.facts)} | {person.id: _hidden(person.facts) for person in shape.persons}
    return Documents(account, persons, checks, hidden)


def render_person(draft: Draft, person: Subject) -> dict[str, Any]:
    """The document of one person."""
    return person_document(
        id=person.id,
        account=draft.account_id,
        created=person.created_at or draft.created_at,
        updated=person.updated_at or draft.created_at,
        livemode=draft.livemode,
        values=person.values,
    )


def render_bank_account(draft: Draft, bank: Subject) -> dict[str, Any]:
    """The document of one bank account."""
    return bank_account_document(
        id=bank.id,
        account=draft.account_id,
        values=bank.values,
        last4=str(bank.values.get("account_number", ""))[-4:],
        fingerprint=bank_fingerprint(draft, bank.values)[:16],
        default_for_currency=default_bank_account(draft, bank.values["currency"]) is bank,
    )


def default_bank_account(draft: Draft, currency: str) -> Subject | None:
    """The bank account that payouts in a currency go to: the one that was chosen, else the first."""
    same = [bank for bank in draft.bank_accounts.values() if bank.values["currency"] == currency]
    return next((bank for bank in same if bank.values.get(DEFAULT_FOR_CURRENCY)), same[0] if same else None)


def bank_fingerprint(draft: Draft, values: Mapping[str, Any]) -> str:
    """The same for the same bank account of one account, and telling nothing about its number."""
    number = f"{values['country']}|{values.get('routing_number', '')}|{values.get('account_number', '')}"
    return draft.keys.digest("bank_account", number)


def render_check(
    *,
    account_id: str,
    livemode: bool,
    check: Check,
    ended_at: datetime | None,
    evidence: Iterable[Evidence],
    next_action: str | None = None,
) -> dict[str, Any]:
    """The document of one check. Ours: ``/v2/verification/checks``.

    ``next_action`` is the address where the end user goes on, in the shape that Stripe's objects give it.
    """
    goes_on = {"type": REDIRECT, REDIRECT: {"url": next_action}} if next_action and check.state.is_open else None
    rows = sorted((row for row in evidence if row.check_id == check.id), key=lambda row: row.recorded_at)
    last = rows[-1] if rows else None
    return {
        "id": check.id,
        "object": CHECK_TYPE,
        "account": account_id,
        "created": rfc3339(check.opened_at),
        "ended": rfc3339(ended_at) if ended_at else None,
        "kind": check.kind,
        "livemode": livemode,
        "next_action": goes_on,
        "outcome": last.outcome.value if last else None,
        "reasons": list(last.reasons) if last else [],
        "status": check.state.value,
        "subject": {
            "type": ACCOUNT if check.subject == ACCOUNT else "person",
            "person": None if check.subject == ACCOUNT else check.subject,
        },
        "valid_until": rfc3339(last.valid_until) if last and last.valid_until else None,
        "verifier": last.verifier if last else None,
    }


def canonical_digest(*parts: object) -> str:
    """Digest of JSON values in canonical form; 64 hex digits."""
    return hashlib.sha256(canonical(parts)).hexdigest()


def _hidden(facts: Mapping[str, Fact]) -> str:
    """Digest of what may be written but not read."""
    return ",".join(f"{path}={facts[path].digest}" for path in sorted(facts) if ID_NUMBERS in path)
