"""Generated states of accounts: any subset of facts, persons, evidence, checks, marks, orders and acknowledgements."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from onboarding.catalogue import builtin_policy, compile_policy
from onboarding.catalogue.loader import builtin_bytes, policy_bytes
from onboarding.domain.demands import CheckDue
from onboarding.domain.evaluate import Evaluation, evaluate
from onboarding.domain.policy import Announced, FieldNeed, Policies, Policy, ProofNeed
from onboarding.domain.requirements import future_requirements, requirements
from onboarding.domain.standing import input_digest, is_askable
from onboarding.domain.state import (
    ACCOUNT,
    Acknowledgement,
    Age,
    Check,
    CheckState,
    Evidence,
    Fact,
    Mark,
    MarkKind,
    Order,
    OrderKind,
    Outcome,
    Person,
    Shape,
    State,
)
from tests.domain.stories import CARD, DAY, EIN, START, TERMS_DATE, TRANSFERS, Said

LAWS = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
"""Enough to find what was found, and quick enough to run with every change."""


def _variant(edit: dict[str, dict[str, Any]], *rules: dict[str, Any]) -> Policy:
    raw = json.loads(builtin_bytes())
    for name, parts in edit.items():
        raw["document"]["checks"][name].update(parts)
    raw["document"]["rules"] += rules
    return compile_policy(policy_bytes("variant", 1, raw["document"]))


EXPIRING = _variant(
    {
        "keyed_identity": {"lasts_days": 60},
        "identity_document": {"lasts_days": 40, "ask_again": True},
        "screening": {"lasts_days": 50},
        "tax_id_match": {"lasts_days": 45, "ask_again": True},
    },
    {
        "name": "expiring.tax_id_first",
        "source": "test",
        "of": "account",
        "when": {"country": ["US"], "entity_type": ["company"]},
        "needs": [{"check": "tax_id_match", "pending": [EIN], "remedies": {"*": {"raises": [EIN]}}}],
        "restricts": [{"capabilities": ["payouts"], "falls": "at_request", "grace_days": 30}],
    },
)
"""The built-in policy with evidence that expires, some of it to be supplied anew, and payouts only once it is there."""

STRICTER = _variant(
    {"keyed_identity": {"lasts_days": 60}},
    {
        "name": "stricter.age",
        "source": "test",
        "of": "owners",
        "when": {"country": ["US"]},
        "needs": [{"age": 21, "raises": ["date_of_birth.year"], "error": "invalid_dob_age_under_18"}],
        "restricts": [{"capabilities": ["all"], "falls": "at_request", "grace_days": 10}],
    },
    {
        "name": "stricter.worker_count",
        "source": "test",
        "of": "account",
        "when": {"country": ["US"]},
        "needs": ["identity.business_details.estimated_worker_count"],
        "restricts": [{"capabilities": ["all"], "falls": "at_request", "grace_days": 10}],
    },
)
"""What may be announced: an age, a leaf, and evidence that expires."""


def _leaves(policy: Policy) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All leaves of the entity, and all of a person, that any need or remedy of the policy names."""
    found: dict[bool, dict[str, None]] = {True: {}, False: {}}
    for rule in policy.rules:
        mine = found[rule.of == ACCOUNT]
        for need in rule.needs:
            if isinstance(need, FieldNeed):
                paths = (need.path, *need.implied_by, *(path for option in need.options for path in option))
            elif isinstance(need, ProofNeed):
                kinds = (need.check, *need.alternatives)
                paths = tuple(path for kind in kinds for path in policy.checks[kind].inputs)
            else:
                paths = ()
            mine.update(dict.fromkeys(paths))
    return tuple(found[True]), tuple(found[False])


ACCOUNT_LEAVES, PERSON_LEAVES = _leaves(STRICTER)
CODES = ("verification_failed_address_match", "verification_failed_keyed_identity", "invalid_street_address")

_spans = st.integers(-90 * 24, 90 * 24).map(lambda hours: timedelta(hours=hours, microseconds=1 if hours % 5 else 0))
_past = st.integers(1, 120 * 24).map(lambda hours: timedelta(hours=-hours))


def _facts(leaves: tuple[str, ...]) -> st.SearchStrategy[dict[str, Fact]]:
    everything = (1 << len(leaves)) - 1
    some = st.integers(0, everything)
    lacking = st.lists(st.integers(0, len(leaves) - 1), max_size=3)
    almost_all = lacking.map(lambda places: everything & ~sum(1 << place for place in set(places)))
    return st.builds(
        lambda mask, ago, value: {
            path: Fact(f"{path}={value}", START + ago) for place, path in enumerate(leaves) if mask >> place & 1
        },
        st.one_of(almost_all, some, almost_all),
        _past,
        st.sampled_from("12"),
    )


ages = st.lists(st.tuples(st.sampled_from((18, 21)), _spans.map(lambda span: START + span)), max_size=2).map(
    lambda ahead: Age(tuple(ahead))
)


@st.composite
def persons(draw: st.DrawFn, number: int) -> Person:
    roles = draw(st.sets(st.sampled_from(("representative", "owner", "individual", "director")), max_size=3))
    share = draw(st.none() | st.integers(0, 100).map(Decimal))
    return Person(f"person_{number}", frozenset(roles), draw(_facts(PERSON_LEAVES)), share, draw(st.none() | ages))


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    attributes = {
        "country": draw(st.sampled_from(("US",) * 9 + ("DE", ""))),
        "entity_type": draw(st.sampled_from(("individual", "company") * 4 + ("company", "non_profit", ""))),
        "structure": draw(st.sampled_from(("",) * 7 + ("llc", "public_corporation"))),
        "dashboard": draw(st.sampled_from(("none", "full"))),
        "losses_collector": draw(st.sampled_from(("stripe", "application"))),
    }
    people: list[Person] = [draw(persons(number)) for number in range(draw(st.integers(0, 3)))]
    lead: bool = draw(st.booleans())
    if people and (lead or len(people) > 1):
        people[0] = replace(people[0], roles=people[0].roles | {"individual", "representative"})
    return Shape(
        attributes={name: value for name, value in attributes.items() if value},
        facts=draw(_facts(ACCOUNT_LEAVES)),
        persons=tuple(people),
        requested=frozenset(draw(st.sets(st.sampled_from((CARD, TRANSFERS)), min_size=1))),
        closed=draw(st.integers(0, 19)) == 0,
    )


def policies() -> st.SearchStrategy[Policies]:
    announced = _spans.map(lambda span: Announced(STRICTER, START + span))
    return st.builds(Policies, st.sampled_from((builtin_policy(), EXPIRING)), st.none() | announced)


def questions(policy: Policy, shape: Shape) -> list[CheckDue]:
    """Every question that the shape allows to be asked."""
    subjects = [(ACCOUNT, shape.facts), *((person.id, person.facts) for person in shape.persons)]
    return [
        CheckDue(kind.name, subject, input_digest(kind, facts))
        for subject, facts in subjects
        for kind in policy.checks.values()
        if is_askable(kind, facts)
    ]


@st.composite
def evidence_rows(draw: st.DrawFn, asked: list[CheckDue], number: int) -> Evidence:
    about = draw(st.sampled_from(asked))
    digest = about.digest if draw(st.integers(0, 4)) else "of earlier inputs"
    outcome = draw(st.sampled_from((Outcome.PASSED, Outcome.FAILED, Outcome.PASSED, *Outcome)))
    reasons = () if outcome is Outcome.PASSED else (draw(st.sampled_from(CODES)),)
    occurred = START + draw(_past)
    recorded = min(START, occurred + draw(st.sampled_from((timedelta(0), DAY, 9 * DAY))))
    valid_until = None
    if outcome is Outcome.PASSED:
        valid_until = draw(st.none() | st.integers(1, 150).map(lambda days: occurred + days * DAY))
    return Evidence(
        f"evid_{number}", f"check_{number}", about.kind, about.subject, digest, outcome, reasons, "generated", "1",
        occurred, recorded, valid_until, contested=draw(st.integers(0, 4)) == 0,
    )  # fmt: skip


@st.composite
def checks(draw: st.DrawFn, asked: list[CheckDue], number: int, *, sealed: bool) -> Check:
    about = draw(st.sampled_from(asked))
    instant = st.none() | _spans.map(lambda span: START + span)
    return Check(
        f"check_open_{number}", about.kind, about.subject,
        about.digest if draw(st.integers(0, 3)) else "of earlier inputs",
        draw(st.sampled_from([state for state in CheckState if state.is_open])),
        START - DAY, draw(instant) if sealed else None, draw(instant), draw(instant),
    )  # fmt: skip


@st.composite
def orders(draw: st.DrawFn, number: int) -> Order:
    starts = START + draw(_spans)
    return Order(
        f"ord_{number}", draw(st.sampled_from(OrderKind)), "listed", "ops", starts,
        draw(st.none() | st.integers(1, 60).map(lambda days: starts + days * DAY)),
        draw(st.none() | st.sampled_from(list(builtin_policy().capabilities))),
        draw(st.sampled_from(list(builtin_policy().checks))),
        undone_at=draw(st.none() | st.none() | st.just(START)),
    )  # fmt: skip


@st.composite
def states(draw: st.DrawFn, binding: Policies, *, ordered: bool = True, sealed: bool = True) -> State:
    shape = draw(shapes())
    asked = questions(binding.current, shape)
    number = st.integers(0, 6 if asked else 0)
    capabilities = list(binding.current.capabilities)
    bound = shape.facts.get(TERMS_DATE)
    marks = [
        Mark(MarkKind.FIRST_ACTIVE, name, START - 50 * DAY, START - 50 * DAY)
        for name in draw(st.sets(st.sampled_from(capabilities)))
    ]
    if bound is not None and draw(st.booleans()):
        key = f"us.terms_of_service|{ACCOUNT}|{TERMS_DATE}|{bound.digest}"
        marks.append(Mark(MarkKind.TERMS_BOUND, key, START, START, draw(st.sampled_from((f"{EIN}=1", f"{EIN}=2")))))
    state = State(
        "acct_1",
        shape,
        evidence=tuple(draw(evidence_rows(asked, place)) for place in range(draw(number))),
        checks=_one_each(draw(checks(asked, place, sealed=sealed)) for place in range(draw(number))),
        orders=tuple(
            draw(orders(place)) for place in range(draw(st.sampled_from((0, 0, 0, 0, 1, 2)) if ordered else st.just(0)))
        ),
        marks=tuple(marks),
        acknowledgements=tuple(
            Acknowledgement(name, draw(st.sampled_from((True, True, False))), START - DAY)
            for name in sorted(draw(st.sets(st.sampled_from(capabilities))))
        ),
    )
    openings = [
        f"{demand.opening.key}|{restriction.capability}"
        for demand in evaluate(binding, state, START).demands
        for restriction in demand.opening.restricts
    ]
    if openings:
        keys = draw(st.sets(st.sampled_from(openings), max_size=4))
        known = tuple(Mark(MarkKind.DEADLINE, key, START + draw(_spans), START - 90 * DAY) for key in sorted(keys))
        state = state.with_marks(known)
    return state


def _one_each(rows: Any) -> tuple[Check, ...]:
    """Open checks are unique by what they ask."""
    return tuple({(row.kind, row.subject, row.digest): row for row in rows}.values())


@st.composite
def accounts(draw: st.DrawFn, *, ordered: bool = True, sealed: bool = True) -> tuple[Policies, State]:
    binding = draw(policies())
    return binding, draw(states(binding, ordered=ordered, sealed=sealed))


class Chance:
    """Answers that look random and depend on nothing but the question and a seed."""

    def __init__(self, seed: int, *, delays: bool = True) -> None:
        self._seed = seed
        self._delays = delays

    def __call__(self, due: CheckDue) -> Said:
        text = f"{self._seed}|{due.kind}|{due.subject}|{due.digest}"
        drawn = hashlib.sha256(text.encode()).digest()
        outcome = (Outcome.PASSED, Outcome.FAILED, Outcome.PASSED, None, Outcome.INCONCLUSIVE)[drawn[0] % 5]
        reasons = (CODES[drawn[1] % len(CODES)],) if outcome in (Outcome.FAILED, Outcome.INCONCLUSIVE) else ()
        after = (None, timedelta(seconds=5), 3 * DAY, 40 * DAY)[drawn[2] % 4] if self._delays else None
        return Said(outcome, reasons, after)


def view(evaluation: Evaluation) -> dict[str, Any]:
    """All that somebody could see or act on."""
    return {
        "capabilities": dict(evaluation.capabilities),
        "requirements": requirements("acct_1", evaluation),
        "future": future_requirements("acct_1", evaluation),
        "checks_due": evaluation.checks_due,
        "superseded": evaluation.superseded,
        "activations_due": evaluation.activations_due,
        "policy": evaluation.policy.hash,
        "findings": evaluation.findings,
    }
