"""What an explanation names is what it is about: nothing else decides, and nothing of it is in vain."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from onboarding.domain.conditions import AllOf, AnyOf, Condition, Not
from onboarding.domain.evaluate import evaluate
from onboarding.domain.policy import Policies
from onboarding.domain.state import ACCOUNT, Fact, State
from tests.domain.generated import LAWS, accounts
from tests.domain.stories import START
from tests.explanation.telling import (
    Explanation,
    always_supported,
    edited,
    key_of,
    mended,
    with_facts,
    without_ground_of,
    without_orders,
    without_rules,
)

# A failing account is long to print, and worth it.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

Account = tuple[Policies, State]
ROUNDS = 12
"""More than any account needs: what was hidden behind one cause comes out in the next round."""


@LAWS
@given(account=accounts())
def test_every_capability_that_is_not_active_is_explained(account: Account) -> None:
    told = Explanation(*account)

    assert set(told.capabilities) == set(told.encoded["capabilities"])
    for name, one in told.capabilities.items():
        assert one.is_active or one.names_something, name
        assert not one.is_active or not (one.document["blocked_by"] or one.orders or one.is_final), name


@LAWS
@given(account=accounts())
def test_every_node_says_by_what_and_because_of_what(account: Account) -> None:
    for one in Explanation(*account).capabilities.values():
        document = one.document
        for node in document["blocked_by"] + document["at_risk"] + document["eventually_due"]:
            assert node["cause"] in ("missing", "failed", "expired", "pending")
            assert node["cause"] != "failed" or (node["by"] and node["reasons"])
            assert (node["cause"] == "missing") <= (node["by"] == [])
        assert all(node["deadline"] is not None and not node["blocks"] for node in document["at_risk"])
        assert all(node["cause"] is None and node["by"] for node in document["satisfied"])
        assert all(node["source"] for node in document["blocked_by"] + document["satisfied"])


@LAWS
@given(account=accounts())
def test_without_what_is_named_it_is_active(account: Account) -> None:
    for name, first in Explanation(*account).capabilities.items():
        policies, state = account
        told, rounds = first, 1 if not first.is_final else ROUNDS
        for _ in range(rounds):
            rules = {node["rule"] for node in told.document["blocked_by"]}
            policies = edited(policies, lambda policy, rules=rules: without_rules(policy, rules))
            if told.document["unsupported"]:
                policies = edited(policies, lambda policy, name=name: always_supported(policy, name))
            state = replace(without_orders(state, told.orders), shape=replace(state.shape, closed=False))
            state = state.acknowledge(name, on=True, at=START)
            told = Explanation(policies, state).capabilities[name]
            if told.is_active:
                break

        assert told.is_active, (name, told)


@LAWS
@given(account=accounts(), data=st.data())
def test_what_satisfies_a_node_is_what_it_rests_on(account: Account, data: st.DataObject) -> None:
    policies, state = account
    told = Explanation(policies, state)
    nodes = {key_of(node): node for one in told.capabilities.values() for node in one.document["satisfied"]}
    assume(nodes)
    key = data.draw(st.sampled_from(sorted(nodes)))
    node, named = nodes[key], told.satisfied_in(key)
    fields = {one["path"] for one in node["by"] if one["type"] == "field"}
    assume(not fields & {ground.get("fact") for ground in node["because"]})

    # What it rested on may have hidden another answer, or an older one that failed: that is named in its place.
    for _ in range(ROUNDS):
        state = without_ground_of(state, node)
        told = Explanation(policies, state)
        found = told.node(key)
        assert found is not None
        node = found
        if node["cause"] in ("missing", "pending", "expired") or node["need"]["type"] == "age":
            break

    assert node["cause"] is not None
    assert told.impacts(key) == named


@LAWS
@given(account=accounts(), data=st.data())
def test_a_node_closes_once_its_remedy_is_done(account: Account, data: st.DataObject) -> None:
    policies, state = account
    told = Explanation(policies, state)
    nodes = {key_of(node): node for one in told.capabilities.values() for node in one.document["blocked_by"]}
    assume(nodes)
    key = data.draw(st.sampled_from(sorted(nodes)))

    after = Explanation(policies, mended(told.policy, state, nodes[key])).node(key)

    assert after is None or after["cause"] is None


@LAWS
@given(account=accounts())
def test_remedying_all_that_blocks_makes_it_active(account: Account) -> None:
    policies, _ = account
    for name, first in Explanation(*account).capabilities.items():
        told, state = first, account[1]
        if first.is_final:
            continue
        for _ in range(ROUNDS):
            for node in told.document["blocked_by"]:
                state = mended(policies.in_force(START), state, node)
            state = without_orders(state, told.orders).acknowledge(name, on=True, at=START)
            told = Explanation(policies, state).capabilities[name]
            if told.is_active:
                break

        assert told.is_active, (name, told)


@LAWS
@given(account=accounts(), data=st.data())
def test_a_rule_applies_because_of_each_ground(account: Account, data: st.DataObject) -> None:
    policies, state = account
    told = Explanation(policies, state)
    rules = {rule.name: (node, rule) for node, rule, _ in told.derivation._nodes if not _has_either(rule.when)}
    assume(rules)
    node, rule = rules[data.draw(st.sampled_from(sorted(rules)))]
    grounds = [ground for ground in node["because"] if ground["type"] in ("attribute", "known")]
    assume(grounds)
    ground = data.draw(st.sampled_from(grounds))
    name, attributes = ground["fact"], dict(state.shape.attributes)
    if ground["holds"]:
        attributes.pop(name, None)
        state = with_facts(state, ACCOUNT, lambda facts: {path: one for path, one in facts.items() if path != name})
    elif ground["type"] == "attribute" or "." not in name:
        attributes[name] = ground.get("among", ["US"])[0]
    else:
        state = with_facts(state, ACCOUNT, lambda facts: {**facts, name: Fact("supplied", START)})

    shape = replace(state.shape, attributes=attributes)

    assert rule.name not in {one.rule for one in evaluate(policies, replace(state, shape=shape), START).findings}


def _has_either(condition: Condition) -> bool:
    """Whether one part of it may be true in another's place."""
    match condition:
        case AnyOf():
            return True
        case Not(inner):
            return isinstance(inner, AllOf) or _has_either(inner)
        case AllOf(parts):
            return any(map(_has_either, parts))
    return False
