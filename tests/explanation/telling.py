"""Explanations of generated accounts, and what somebody does who takes them at their word."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from onboarding.derivation import Basis, Derivation
from onboarding.domain.evaluate import evaluate
from onboarding.domain.policy import Announced, Policies, Policy
from onboarding.domain.standing import input_digest
from onboarding.domain.state import ACCOUNT, Age, Evidence, Fact, Order, OrderKind, Outcome, Person, Shape, State
from onboarding.door.render import encode_evaluation
from tests.domain.stories import START

Key = tuple[str, str, str]
"""A node's rule, subject and need."""


KEEPING_OFF = (OrderKind.HOLD, OrderKind.REJECT)
"""Kinds of orders that take something away; others give."""


@dataclass(frozen=True)
class Told:
    """The explanation of one capability; ``orders`` are those that keep it off."""

    document: dict[str, Any]
    orders: tuple[Order, ...]

    @property
    def is_active(self) -> bool:
        return bool(self.document["status"] == "active")

    @property
    def names_something(self) -> bool:
        document = self.document
        conditions = (document["closed"], document["unsupported"], not document["acknowledged"])
        return any((document["blocked_by"], self.orders, *conditions))

    @property
    def is_final(self) -> bool:
        document = self.document
        return bool(document["closed"] or document["unsupported"] or any(one.kind == "reject" for one in self.orders))


class Explanation:
    """What is told of an account at an instant."""

    def __init__(self, policies: Policies, state: State, at: datetime = START) -> None:
        evaluation = evaluate(policies, state, at)
        self.encoded = orjson.loads(orjson.dumps(encode_evaluation(state.account_id, evaluation)))
        self.policy = policies.in_force(at)
        self.state = state.with_marks(evaluation.new_marks)
        self.derivation = Derivation(Basis(self.policy, self.state, self.encoded, at))
        self.capabilities = {
            name: Told(one.document, tuple(order for order in one.orders if order.kind in KEEPING_OFF))
            for name in self.encoded["capabilities"]
            for one in [self.derivation.explain(name)]
        }

    def node(self, key: Key) -> dict[str, Any] | None:
        """One node, whichever capabilities it is about."""
        return next((node for node, _, _ in self.derivation._nodes if key_of(node) == key), None)

    def impacts(self, key: Key) -> set[str]:
        """Capabilities on which an open node has an impact."""
        return {impact[0] for node, _, impacts in self.derivation._nodes if key_of(node) == key for impact in impacts}

    def satisfied_in(self, key: Key) -> set[str]:
        """Capabilities among whose satisfied nodes it is named."""
        return {
            name for name, told in self.capabilities.items() if key in map(key_of, told.document["satisfied"])
        }  # fmt: skip


def key_of(node: dict[str, Any]) -> Key:
    """What tells a node from others."""
    subject, need = node["subject"], node["need"]
    name = need.get("path") or need.get("kind") or f"{need.get('years')} years"
    return node["rule"], ACCOUNT if subject["type"] == ACCOUNT else subject["person"] or "", name


# --- taking it at its word --------------------------------------------------------------------------------------------


def edited(policies: Policies, edit: Any) -> Policies:
    """The policy in force at the start, edited, and what is announced after it."""
    ahead = policies.ahead(START)
    announced = Announced(ahead.policy, ahead.transition_at) if ahead else None
    return Policies(edit(policies.in_force(START)), announced)


def without_rules(policy: Policy, names: set[str]) -> Policy:
    """The policy without the rules of these names."""
    return replace(policy, rules=tuple(rule for rule in policy.rules if rule.name not in names))


def always_supported(policy: Policy, name: str) -> Policy:
    """The policy without the conditions under which a capability is unsupported."""
    supported = replace(policy.capabilities[name], unsupported=())
    return replace(policy, capabilities={**policy.capabilities, name: supported})


def on_person(shape: Shape, person_id: str, edit: Any) -> Shape:
    """The shape with one person edited."""
    return replace(shape, persons=tuple(edit(one) if one.id == person_id else one for one in shape.persons))


def with_facts(state: State, subject: str, edit: Any) -> State:
    """The state with the facts of a subject edited."""
    shape = state.shape
    if subject == ACCOUNT:
        shape = replace(shape, facts=edit(dict(shape.facts)))
    else:
        shape = on_person(shape, subject, lambda one: replace(one, facts=edit(dict(one.facts))))
    return replace(state, shape=shape)


def without_ground_of(state: State, node: dict[str, Any]) -> State:
    """The state without what a node rests on: facts are unset, evidence is gone, an age is not reached."""
    _, subject, _ = key_of(node)
    if node["need"]["type"] == "age":
        ahead = Age(((node["need"]["years"], START.replace(year=START.year + 1)),))
        return replace(state, shape=on_person(state.shape, subject, lambda one: replace(one, age=ahead)))
    fields = {one["path"] for one in node["by"] if one["type"] == "field"}
    evidence = {one["id"] for one in node["by"] if one["type"] == "evidence"}
    state = replace(state, evidence=tuple(row for row in state.evidence if row.id not in evidence))
    return with_facts(state, subject, lambda facts: {path: one for path, one in facts.items() if path not in fields})


def mended(policy: Policy, state: State, node: dict[str, Any]) -> State:
    """The state once a node's leaf is supplied, its evidence has passed, its age is reached."""
    _, subject, _ = key_of(node)
    need, shape = node["need"], state.shape
    if node["subject"]["type"] == "role":
        role = policy.roles[node["subject"]["role"]]
        subject = f"person_new_{len(shape.persons)}"
        person = Person(subject, frozenset({role.flag}))
        state = replace(state, shape=replace(shape, persons=(*shape.persons, person)))
    if need["type"] == "field":
        made = Fact(f"{need['path']}=mended", START)
        state = with_facts(state, subject, lambda facts: {**facts, need["path"]: made})
        if need["path"].startswith("date_of_birth."):
            state = replace(state, shape=on_person(state.shape, subject, lambda one: replace(one, age=Age())))
        return state
    if need["type"] == "age":
        return replace(state, shape=on_person(shape, subject, lambda one: replace(one, age=Age())))
    kind = policy.checks[need["kind"]]
    facts = shape.facts if subject == ACCOUNT else next(one.facts for one in shape.persons if one.id == subject)
    row = Evidence(
        f"evid_passed_{len(state.evidence)}", f"check_passed_{len(state.evidence)}", kind.name, subject,
        input_digest(kind, facts, shape.persons), Outcome.PASSED, (), "mended", "1", START, START,
    )  # fmt: skip
    return replace(state, evidence=(*state.evidence, row))


def without_orders(state: State, orders: tuple[Order, ...]) -> State:
    """The state once these orders are undone."""
    undone = {order.id for order in orders}
    return replace(state, orders=tuple(order for order in state.orders if order.id not in undone))
