"""What an explanation looks like: nodes, orders and conditions, and who may read which part."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from onboarding.domain.conditions import (
    AllOf,
    Always,
    Among,
    AnyOf,
    Condition,
    Crossed,
    HeldBy,
    Known,
    Not,
    OwnedBelow,
    Requested,
    Situation,
    Threshold,
    Younger,
)
from onboarding.domain.grounds import grounds
from onboarding.domain.horizon import Horizon
from onboarding.domain.state import Age, Order, OrderKind, Outcome, Person, Shape, State
from onboarding.door.callers import Caller
from onboarding.explanation import InternalReason, OpenReason, Operator, order_document, reason_of
from tests.domain.stories import (
    BUILTIN,
    CARD,
    DAY,
    EIN,
    NAME,
    PERSON,
    START,
    TERMS_DATE,
    TRANSFERS,
    Said,
    Story,
    World,
    company,
    fails,
    individual,
    person,
    requesting,
)
from tests.explanation.telling import Explanation, Told, key_of

KEY = Caller("plat_1", False, "key_1", "req_1")  # noqa: FBT003 -- the mode
OPERATOR = replace(KEY, actor="operator:ada")
US = {"type": "attribute", "holds": True, "fact": "country", "value": "US", "among": ["US"]}


def told(story: Story, name: str = CARD) -> Told:
    return Explanation(story.policies, story.state, story.now).capabilities[name]


def node(found: Told, rule: str, need: str, among: str = "blocked_by") -> dict[str, Any]:
    [one] = [one for one in found.document[among] if key_of(one)[::2] == (rule, need)]
    assert isinstance(one, dict)
    return one


# --- nodes ------------------------------------------------------------------------------------------------------------


def test_a_missing_leaf_of_a_role_that_nobody_holds() -> None:
    story = Story(replace(company(), persons=()))

    found = node(told(story), "us.company.representative", "given_name")

    assert found == {
        "rule": "us.company.representative",
        "source": "Stripe required verification information US, company representative",
        "subject": {"type": "role", "person": None, "role": "representative"},
        "need": {"type": "field", "path": "given_name"},
        "cause": "missing",
        "reasons": [],
        "since": {"time": "2026-03-01T12:00:00.000Z", "before": False},
        "by": [],
        "because": [
            US,
            {
                "type": "attribute",
                "holds": True,
                "fact": "entity_type",
                "value": "company",
                "among": ["company", "government_entity", "non_profit"],
            },
        ],
        "status": "past_due",
        "deadline": None,
        "blocks": True,
    }


def test_a_failure_names_its_evidence_and_its_deadline() -> None:
    story = Story(individual(), World({"keyed_identity": fails("verification_failed_keyed_identity")}))

    found = node(told(story), "us.individual.identity", "keyed_identity", "at_risk")

    assert (found["cause"], found["status"], found["blocks"]) == ("failed", "currently_due", False)
    assert found["deadline"] == "2026-03-31T12:00:00.000Z"
    assert found["reasons"] == ["verification_failed_keyed_identity"]
    assert found["subject"] == {"type": "person", "person": "person_i", "role": "individual"}
    [answer] = found["by"]
    assert answer == {
        "type": "evidence",
        "id": answer["id"],
        "kind": "keyed_identity",
        "outcome": "failed",
        "verifier": "world",
        "occurred_at": "2026-03-01T12:00:00.000Z",
        "valid_until": None,
    }
    assert answer["id"] in {row.id for row in story.state.evidence}
    assert told(story).is_active
    story.wait(30 * DAY)
    assert node(told(story), "us.individual.identity", "keyed_identity")["status"] == "past_due"


def test_what_is_waited_for_is_named() -> None:
    story = Story(individual(), World({"screening": Said(Outcome.INCONCLUSIVE, ("screening_hit",))}))

    found = node(told(story), "us.individual.screening", "screening")

    [check] = story.state.checks
    assert found["by"] == [{"type": "check", "id": check.id, "kind": "screening", "status": "in_review"}]
    assert (found["cause"], found["reasons"], found["status"]) == ("pending", [], "eventually_due")


def test_terms_bound_to_another_tax_id_name_both() -> None:
    story = Story(company()).supply(EIN, value="2")

    found = node(told(story), "us.terms_of_service", TERMS_DATE, "at_risk")

    assert (found["cause"], found["reasons"]) == ("failed", ["invalid_tos_acceptance"])
    assert [one["path"] for one in found["by"]] == [TERMS_DATE, EIN]


def test_somebody_too_young_is_told_by_age() -> None:
    young = Age(((18, START + 400 * DAY),))
    minor = individual(age=young)
    guardian = person("person_g", "legal_guardian", PERSON, age=young)
    story = Story(replace(minor, persons=(*minor.persons, guardian)))

    found = node(told(story), "us.individual.guardian", "18 years")

    assert (found["cause"], found["reasons"]) == ("failed", ["invalid_dob_age_under_18"])
    assert [one["path"].rpartition(".")[2] for one in found["by"]] == ["day", "month", "year"]


def test_what_is_not_due_yet_costs_nothing() -> None:
    story = Story(requesting(company(), TRANSFERS)).unset(EIN)

    found = node(told(story, TRANSFERS), "us.company.tax_id", EIN, "eventually_due")

    assert (found["status"], found["deadline"], found["blocks"]) == ("eventually_due", None, False)
    assert told(story, TRANSFERS).is_active


def test_an_activation_that_is_awaited_is_said() -> None:
    story = Story(individual(), World(confirms=False))

    found = told(story)

    assert (found.document["status"], found.document["acknowledged"], found.orders) == ("pending", False, ())
    assert found.document["blocked_by"] == []


# --- conditions and orders --------------------------------------------------------------------------------------------


def test_an_unsupported_capability_names_the_condition() -> None:
    story = Story(replace(individual(), attributes={"country": "AQ", "entity_type": "individual"}))

    document = told(story).document

    known, elsewhere = document["unsupported"]["because"]
    assert document["unsupported"]["code"] == "unsupported_country"
    assert known == {"type": "known", "holds": True, "fact": "country", "value": "AQ"}
    assert (elsewhere["fact"], elsewhere["holds"], elsewhere["value"]) == ("country", False, "AQ")
    assert "US" in elsewhere["among"]
    assert (document["blocked_by"], document["satisfied"]) == ([], [])


def test_holds_and_rejections_are_named_where_they_are_in_force() -> None:
    story = Story(requesting(individual(), CARD, TRANSFERS))
    story.order(OrderKind.HOLD, "legal_hold", capability=CARD)
    assert [order.reason for order in told(story).orders] == ["legal_hold"]
    assert told(story, TRANSFERS).orders == ()
    assert not told(story).is_final
    assert told(story).document["satisfied"]

    story.order(OrderKind.REJECT, "listed")
    assert [order.kind.value for order in told(story).orders] == ["reject", "hold"]
    assert told(story).document["satisfied"] == []

    story.undo_orders()
    assert told(story).is_active
    assert told(story).orders == ()


def test_a_closed_account_says_so() -> None:
    document = told(Story(replace(individual(), closed=True))).document

    assert (document["closed"], document["status"], document["blocked_by"]) == (True, "restricted", [])


@pytest.mark.parametrize(
    ("kind", "audience", "actor", "platform", "operator"),
    [
        ("hold", "internal", "operator:bo", ("restricted_other", None, "operator"), "sanctions_review"),
        ("hold", "internal", "key_1", ("restricted_other", "sanctions_review", "key_1"), "sanctions_review"),
        ("hold", "user", "operator:bo", ("restricted_other", "sanctions_review", "operator"), "sanctions_review"),
        ("reject", "user", "operator:bo", ("rejected_listed", "listed", "operator"), "listed"),
        ("reject", "internal", "ops", ("restricted_other", None, "operator"), "listed"),
    ],
)
def test_an_internal_reason_is_an_operators(
    kind: str, audience: str, actor: str, platform: tuple[str, str | None, str], operator: str
) -> None:
    reason = "listed" if kind == "reject" else "sanctions_review"
    order = Order("ord_1", OrderKind(kind), reason, actor, START, START + DAY, audience=audience)

    seen = order_document(order, Operator.of(KEY))
    whole = order_document(order, Operator.of(OPERATOR))

    assert (seen["code"], seen["reason"], seen["placed_by"]) == platform
    assert (whole["reason"], whole["placed_by"]) == (operator, actor)
    assert seen["ends_at"] == "2026-03-02T12:00:00.000Z"


def test_there_is_no_way_to_an_internal_reason_but_an_operator() -> None:
    reason = reason_of(Order("ord_1", OrderKind.HOLD, "sanctions_review", "operator:bo", START))

    assert isinstance(reason, InternalReason)
    assert "sanctions_review" not in repr(reason)
    assert not hasattr(reason, "code")
    assert Operator.of(KEY) is None
    operator = Operator.of(OPERATOR)
    assert operator is not None
    assert reason.told_to(operator) == "sanctions_review"
    assert reason_of(Order("ord_1", OrderKind.HOLD, "legal_hold", "ops", START, audience="user")) == OpenReason(
        "legal_hold"
    )


# --- why a rule applies -----------------------------------------------------------------------------------------------

CROSSED = Threshold("usd", 50_000, "year")
AHEAD = Threshold("usd", 90_000, "year")
SHAPE = Shape(
    attributes={"country": "US", "entity_type": "company"},
    persons=(
        Person("person_a", frozenset({"owner"}), {}, Decimal("25.5"), Age(((18, START + DAY),))),
        Person("person_b", frozenset({"owner", "director"}), {}, Decimal(30), Age()),
    ),
    requested=frozenset({CARD}),
)
NOW = Situation(SHAPE, Horizon(START), {CROSSED.key: START - DAY})
UK, COMPANY = Among("country", frozenset({"GB"})), Among("entity_type", frozenset({"company"}))
IN_US = Among("country", frozenset({"US"}))


@pytest.mark.parametrize(
    ("condition", "kind", "holds", "found"),
    [
        (IN_US, "attribute", True, {"fact": "country", "value": "US", "among": ["US"]}),
        (Known("structure"), "known", False, {"fact": "structure", "value": None}),
        (Requested(frozenset({CARD, TRANSFERS})), "requested", True, {"capabilities": [CARD]}),
        (HeldBy("director"), "role", True, {"role": "director", "persons": ["person_b"]}),
        (OwnedBelow("owner", 100), "owned_below", True, {"role": "owner", "percent": 100, "owned": "55.5"}),
        (Younger("owner", 18), "younger", True, {"role": "owner", "years": 18, "persons": ["person_a"]}),
        (Crossed(CROSSED), "threshold", True, {"currency": "usd", "amount": 50_000, "period": "year",
                                               "crossed_at": "2026-02-28T12:00:00.000Z"}),
        (Crossed(AHEAD), "threshold", False, {"currency": "usd", "amount": 90_000, "period": "year",
                                              "crossed_at": None}),
    ],
)  # fmt: skip
def test_a_leaf_says_what_was_found(condition: Condition, kind: str, holds: bool, found: dict[str, Any]) -> None:  # noqa: FBT001 -- a row of a table
    for stated in (condition, Not(condition)):
        [ground] = grounds(stated, NOW)

        assert (ground.type, ground.holds, ground.found) == (kind, holds, found)


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        (Always(), []),
        (AllOf((IN_US, COMPANY)), ["country", "entity_type"]),
        (AllOf((IN_US, UK, Known("structure"))), ["country"]),
        (AnyOf((UK, COMPANY, IN_US)), ["entity_type"]),
        (AnyOf((UK, Known("structure"))), ["country", "structure"]),
        (Not(AllOf((COMPANY, UK))), ["country"]),
        (Not(AnyOf((UK, Known("structure")))), ["country", "structure"]),
        (AllOf((IN_US, AnyOf((UK, COMPANY)), Not(Known("structure")))), ["country", "entity_type", "structure"]),
    ],
)
def test_only_what_decides_is_named(condition: Condition, names: list[str]) -> None:
    assert [ground.found["fact"] for ground in grounds(condition, NOW)] == names


def test_a_date_and_a_volume_from_which_a_rule_counts_are_grounds() -> None:
    policy = BUILTIN.current
    rule = next(rule for rule in policy.rules if rule.name == "us.company.tax_id")
    restricts = tuple(replace(one, volume=CROSSED) for one in rule.restricts)
    edited = replace(rule, starts_at=START - DAY, restricts=restricts)
    rules = tuple(edited if one.name == rule.name else one for one in policy.rules)
    volumes = replace(policy, rules=rules, thresholds=(CROSSED,))
    shape = replace(company(account=NAME), activity={("usd", "year", "2026"): 60_000})

    found = Explanation(replace(BUILTIN, current=volumes), State("acct_1", requesting(shape, TRANSFERS)))

    document = node(found.capabilities[TRANSFERS], "us.company.tax_id", EIN)
    assert document["because"][2:] == [
        {"type": "date", "holds": True, "from": "2026-02-28T12:00:00.000Z"},
        {"type": "threshold", "holds": True, "currency": "usd", "amount": 50_000, "period": "year",
         "crossed_at": "2026-03-01T12:00:00.000Z"},
    ]  # fmt: skip
