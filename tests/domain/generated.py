"""Generated states of accounts: any subset of facts, persons, evidence, checks, marks, orders and acknowledgements."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from onboarding.catalogue import builtin_policy, compile_policy
from onboarding.catalogue.loader import builtin_bytes, policy_bytes
from onboarding.domain.conditions import Condition, Situation
from onboarding.domain.demands import CheckDue, demand_target
from onboarding.domain.evaluate import Evaluation, evaluate
from onboarding.domain.policy import (
    Announced,
    ConfirmNeed,
    FieldNeed,
    Policies,
    Policy,
    ProofNeed,
    Rule,
    need_name,
)
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
from tests.domain.stories import (
    CARD,
    CARD_PAYOUTS,
    DAY,
    EIN,
    OWNERS_PROVIDED,
    START,
    TERMS_DATE,
    TRANSFER_PAYOUTS,
    TRANSFERS,
    Said,
)

LAWS = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
"""Enough to find what was found, and quick enough to run with every change."""


def _variant(edit: dict[str, dict[str, Any]], *rules: dict[str, Any], risk: dict[str, Any] | None = None) -> Policy:
    raw = json.loads(builtin_bytes())
    if risk is not None:
        raw["document"]["risk"] = risk
    for name, parts in edit.items():
        raw["document"]["checks"][name].update(parts)
    raw["document"]["rules"] += rules
    return compile_policy(policy_bytes("variant", 1, raw["document"]))


def _risk_class(rank: int, every: int, grace: int, **parts: Any) -> dict[str, Any]:
    return {"rank": rank, "source": "test", "every_days": every, "grace_days": grace, **parts}


REVIEWED = {
    "high": _risk_class(
        1, 20, 7,
        when={"either": [{"volume": {"currency": "usd", "amount": 40_000, "period": "month"}},
                         {"younger": {"flag": "owner", "than": 21}}, {"structure": ["llc"]}]},
        confirms={"entity": {"of": "account", "fields": [TERMS_DATE, "identity.business_details.phone"]},
                  "owners": {"of": "owners", "when": {"held_by": "director"}, "fields": ["email"]}},
        checks=["screening", "owners_match", "tax_id_match"], asks=["account_review"],
    ),
    "medium": _risk_class(
        2, 45, 30, when={"not": {"entity_type": ["individual"]}},
        confirms={"people": {"of": "representative", "fields": ["address.line1"]}}, checks=["keyed_identity"],
    ),
    "low": _risk_class(3, 80, 14, confirms={"entity": {"of": "account", "fields": ["defaults.profile.business_url"]}}),
}  # fmt: skip
"""Reviews of every part, soon enough to come due within a generated life."""

NAMES_OF_CLASSES = (*REVIEWED, "gone")

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
    risk=REVIEWED,
)
"""The built-in policy with reviews, evidence that expires, some of it to be supplied anew, and payouts only then."""

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

WORKERS = "identity.business_details.estimated_worker_count"
PRODUCT = "defaults.profile.product_description"
DECLARED = (
    "identity.attestations.ownership_declaration.date",
    "identity.attestations.ownership_declaration.ip",
)

WIDER = _variant(
    {"owners_match": {"lasts_days": 55}, "business_address_match": {"lasts_days": 35}},
    {
        "name": "wider.owners_match",
        "source": "test",
        "of": "account",
        "when": {"country": ["US"], "entity_type": ["company", "non_profit"]},
        "needs": [
            {
                "check": "owners_match",
                "pending": [OWNERS_PROVIDED],
                "accepts": [list(DECLARED)],
                "remedies": {
                    "*": {"raises": list(DECLARED)},
                    "invalid_street_address": {"raises": [], "restricts": []},
                },
            }
        ],
        "restricts": [
            {
                "capabilities": ["payouts"],
                "falls": "after_activation",
                "grace_days": 25,
                "at_volume": {"currency": "usd", "amount": 40_000, "period": "month"},
                "volume_grace_days": 7,
            },
            {"capabilities": ["merchant_payments"], "falls": "at_request", "grace_days": 20},
        ],
    },
    {
        "name": "wider.directors_match",
        "source": "test",
        "of": "account",
        "from": "2026-03-20",
        "when": {"country": ["US"], "known": [OWNERS_PROVIDED], "held_by": "director"},
        "needs": [
            {
                "check": "directors_match",
                "pending": ["identity.attestations.persons_provided.directors"],
                "remedies": {"*": {"raises": ["identity.attestations.persons_provided.directors"]}},
            }
        ],
        "restricts": [{"capabilities": ["all"], "falls": "at_request", "grace_days": 5}],
    },
    {
        "name": "wider.workers",
        "source": "test",
        "of": "account",
        "when": {"country": ["US"], "volume": {"currency": "usd", "amount": 40_000, "period": "month"}},
        "needs": [WORKERS],
        "restricts": [
            {
                "capabilities": ["all"],
                "falls": "eventually",
                "at_volume": {"currency": "usd", "amount": 100_000},
                "volume_grace_days": 14,
            }
        ],
    },
    {
        "name": "wider.product",
        "source": "test",
        "of": "account",
        "from": "2026-02-10",
        "when": {
            "country": ["US"],
            "either": [
                {"younger": {"flag": "representative", "than": 21}},
                {"younger": {"flag": "owner", "than": 16}},
                {"requested": [TRANSFERS], "not": {"held_by": "executive"}},
                {"volume": {"currency": "eur", "amount": 70_000, "period": "year"}},
            ],
        },
        "needs": [PRODUCT],
        "restricts": [
            {
                "capabilities": ["all"],
                "falls": "after_activation",
                "grace_days": 12,
                "at_volume": {"currency": "eur", "amount": 70_000, "period": "year"},
                "volume_grace_days": 30,
            }
        ],
    },
    {
        "name": "wider.owners.email",
        "source": "test",
        "of": "owners",
        "from": "2026-05-01",
        "when": {"requested": [CARD], "not": {"younger": {"flag": "owner", "than": 18}}},
        "needs": ["email", "phone"],
        "restricts": [
            {
                "capabilities": ["all"],
                "falls": "at_request",
                "grace_days": 9,
                "at_volume": {"currency": "usd", "amount": 100_000},
            }
        ],
    },
    risk=REVIEWED,
)
"""Reviews, volumes of every kind, starts behind and ahead, questions about several persons, every kind of condition."""


def _leaves(*variants: Policy) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All leaves of the entity, and all of a person, that any need or remedy of the policies names."""
    found: dict[bool, dict[str, None]] = {True: {}, False: {}}
    for policy, rule in [(variant, rule) for variant in variants for rule in variant.rules]:
        mine = found[rule.of == ACCOUNT]
        for need in rule.needs:
            if isinstance(need, ConfirmNeed):
                paths: tuple[str, ...] = (need.path,)
            elif isinstance(need, FieldNeed):
                paths = (need.path, *need.implied_by, *(path for option in need.options for path in option))
            elif isinstance(need, ProofNeed):
                kinds = [policy.checks[name] for name in (need.check, *need.alternatives)]
                paths = tuple(path for kind in kinds for path in kind.inputs)
                paths += tuple(path for option in need.accepts for path in option)
                of_persons = (path for kind in kinds for _, inputs in kind.persons for path in inputs)
                found[False].update(dict.fromkeys(of_persons))
            else:
                paths = ()
            mine.update(dict.fromkeys(paths))
    return tuple(found[True]), tuple(found[False])


ACCOUNT_LEAVES, PERSON_LEAVES = _leaves(STRICTER, WIDER)
NEEDS = tuple(sorted({demand_target(rule.name, need_name(need)) for rule in WIDER.rules for need in rule.needs}))
"""What an extension may name."""

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


ages = st.lists(st.tuples(st.sampled_from((16, 18, 21)), _spans.map(lambda span: START + span)), max_size=2).map(
    lambda ahead: Age(tuple(ahead))
)


@st.composite
def persons(draw: st.DrawFn, number: int) -> Person:
    roles = draw(
        st.sets(st.sampled_from(("representative", "owner", "individual", "director", "executive")), max_size=3)
    )
    share = draw(st.none() | st.integers(0, 100).map(Decimal))
    return Person(f"person_{number}", frozenset(roles), draw(_facts(PERSON_LEAVES)), share, draw(st.none() | ages))


_PERIODS = {"lifetime": ("lifetime",), "year": ("2025", "2026"), "month": ("2026-01", "2026-02", "2026-03")}
_AMOUNTS = (*(threshold.amount for threshold in WIDER.thresholds), 150_000, 300_000)
_totals = st.tuples(st.sampled_from((0, *sorted(set(_AMOUNTS)))), st.sampled_from((-1, 0, 1))).map(
    lambda parts: max(0, sum(parts))
)
_totalled = st.sampled_from(
    [(currency, kind, name) for currency in ("usd", "eur") for kind, names in _PERIODS.items() for name in names]
)
activities = st.dictionaries(_totalled, _totals, max_size=5)
"""Totals about where the thresholds are, of several currencies and periods."""


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
        activity=draw(activities),
    )


def policies() -> st.SearchStrategy[Policies]:
    announced = st.builds(Announced, st.sampled_from((STRICTER, WIDER)), _spans.map(lambda span: START + span))
    return st.builds(Policies, st.sampled_from((WIDER, builtin_policy(), EXPIRING)), st.none() | announced)


def edited(policy: Policy, edit: Callable[[Rule], Rule | None] = lambda rule: rule) -> Policy:
    """The policy with each rule as edited, or left out; whoever is bound by it reads every condition."""
    rules = (rule for rule in map(edit, policy.rules) if rule is not None)
    return replace(policy, rules=tuple(replace(rule, when=Undecided(rule.when)) for rule in rules))


@dataclass(frozen=True)
class Undecided:
    """A condition of which attributes alone tell nothing."""

    condition: Condition

    def holds(self, now: Situation) -> bool:
        return self.condition.holds(now)


def on_policies(policies: Policies, edit: Callable[[Policy], Policy]) -> Policies:
    """The same edit of what is in force and of what is announced."""
    announced = policies.announced
    return Policies(edit(policies.current), announced and replace(announced, policy=edit(announced.policy)))


def questions(policy: Policy, shape: Shape) -> list[CheckDue]:
    """Every question that the shape allows to be asked."""
    subjects = [(ACCOUNT, shape.facts), *((person.id, person.facts) for person in shape.persons)]
    return [
        CheckDue(kind.name, subject, input_digest(kind, facts, shape.persons))
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


def answered(asked: list[CheckDue], seed: int) -> tuple[Evidence, ...]:
    """An answer to nearly every question, as an account has them that has lived for a while."""
    rows = []
    for place, about in enumerate(asked):
        drawn = hashlib.sha256(f"{seed}|{about.kind}|{about.subject}".encode()).digest()
        if drawn[0] % 16 == 0:
            continue
        outcome = Outcome.FAILED if drawn[1] % 8 == 0 else Outcome.PASSED
        is_passed = outcome is Outcome.PASSED
        rows.append(
            Evidence(
                f"evid_old_{place}", f"check_old_{place}", about.kind, about.subject, about.digest, outcome,
                () if is_passed else (CODES[drawn[2] % len(CODES)],), "generated", "1", START - 100 * DAY,
                START - 100 * DAY, START + (drawn[3] % 64 - 8) * DAY if is_passed and drawn[4] % 4 == 0 else None,
            )
        )  # fmt: skip
    return tuple(rows)


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
    kind = draw(st.sampled_from(OrderKind))
    ends_at = draw(st.none() | st.integers(1, 60).map(lambda days: starts + days * DAY))
    target = None
    if kind is OrderKind.RECHECK:
        target = draw(st.none() | st.sampled_from(list(builtin_policy().checks)))
    elif kind is OrderKind.EXTEND_DEADLINE:
        target = draw(st.none() | st.sampled_from(NEEDS))
    elif kind is OrderKind.SET_RISK_CLASS:
        target = draw(st.sampled_from(NAMES_OF_CLASSES))
    if kind in (OrderKind.EXTEND_DEADLINE, OrderKind.OVERRIDE_CAPABILITY):
        ends_at = ends_at or starts + 90 * DAY
    return Order(
        f"ord_{number}", kind, "listed", "ops", starts, ends_at,
        draw(st.none() | st.sampled_from(list(builtin_policy().capabilities))), target,
        undone_at=draw(st.none() | st.none() | st.just(START)),
        subject=draw(st.none() | st.sampled_from((ACCOUNT, "person_0"))) if kind is OrderKind.RECHECK else None,
    )  # fmt: skip


@st.composite
def reviews(draw: st.DrawFn) -> list[Mark]:
    """Marks of reviews that were completed, and perhaps of one that is open."""
    number, at, marks = 0, START - 49 * DAY, []
    for _ in range(draw(st.integers(0, 2))):
        number, at = number + 1, at + draw(st.integers(0, 10)) * DAY
        done = at + draw(st.integers(0, 5)) * DAY
        marks += [Mark(MarkKind.REVIEW_DUE, str(number), at, at), Mark(MarkKind.REVIEW_DONE, str(number), done, done)]
        at = done
    if draw(st.booleans()):
        marks.append(Mark(MarkKind.REVIEW_DUE, str(number + 1), at, at))
    return marks


@st.composite
def states(draw: st.DrawFn, binding: Policies, *, ordered: bool = True, sealed: bool = True) -> State:
    shape = draw(shapes())
    asked = questions(binding.current, shape)
    number = st.integers(0, 6 if asked else 0)
    usual = frozenset({CARD, CARD_PAYOUTS, TRANSFERS, TRANSFER_PAYOUTS})
    any_of_them = st.sets(st.sampled_from(list(binding.current.capabilities)))
    some = st.one_of(st.just(usual), any_of_them, st.sets(st.sampled_from(sorted(usual))))
    seed = draw(st.none() | st.integers(0, 1000))
    bound = shape.facts.get(TERMS_DATE)
    marks = [Mark(MarkKind.FIRST_ACTIVE, name, START - 50 * DAY, START - 50 * DAY) for name in sorted(draw(some))]
    if bound is not None and draw(st.booleans()):
        key = f"us.terms_of_service|{ACCOUNT}|{TERMS_DATE}|{bound.digest}"
        marks.append(Mark(MarkKind.TERMS_BOUND, key, START, START, draw(st.sampled_from((f"{EIN}=1", f"{EIN}=2")))))
    marks += draw(reviews())
    announced = binding.announced.policy.thresholds if binding.announced else ()
    thresholds = sorted({one.key for one in (*binding.current.thresholds, *announced)})
    marks += [  # crossed earlier, be it by totals that were corrected since
        Mark(MarkKind.THRESHOLD, key, START - 20 * DAY, START - 20 * DAY)
        for key in sorted(draw(st.sets(st.sampled_from(thresholds), max_size=2)))
    ]
    state = State(
        "acct_1",
        shape,
        evidence=(
            *(() if seed is None else answered(asked, seed)),
            *(draw(evidence_rows(asked, place)) for place in range(draw(number))),
        ),
        checks=_one_each(draw(checks(asked, place, sealed=sealed)) for place in range(draw(number))),
        orders=tuple(
            draw(orders(place)) for place in range(draw(st.sampled_from((0, 0, 0, 1, 2, 3)) if ordered else st.just(0)))
        ),
        marks=tuple(marks),
        acknowledgements=tuple(
            Acknowledgement(name, draw(st.sampled_from((True, True, False))), START - DAY)
            for name in sorted(draw(some))
        ),
    )
    began = {mark.key for mark in state.marks if mark.kind is MarkKind.FIRST_ACTIVE}
    openings = [
        "|".join((demand.opening.key, restriction.capability, *crossing))
        for demand in evaluate(binding, state, START).demands
        for restriction in demand.opening.restricts
        if restriction.capability in began  # before a first activation no clock runs, so none has run out
        for crossing in ((), (restriction.volume.key,) if restriction.volume else ())
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
