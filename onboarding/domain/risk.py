"""The risk class of an account, and when its periodic review is due.

A class is decided anew with every look, by the policy's conditions or by an order; nothing of it is remembered. What is
remembered are two facts of each review: that it came due, and that all that it asked was there. A review that came due
stays open until then, whatever class the account is in meanwhile: its class at each look says what is asked. The next
one is counted from its end, the first one from the first activation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from onboarding.domain.state import Mark, MarkKind, OrderKind

if TYPE_CHECKING:
    from datetime import datetime

    from onboarding.domain.conditions import Situation
    from onboarding.domain.policy import Policy, RiskClass
    from onboarding.domain.state import Order, State


@dataclass(frozen=True, slots=True)
class Risk:
    """How an account stands with its periodic reviews.

    Attributes:
        known: its class.
        order_id: the order that set the class; None where the policy's conditions did.
        number: of the review that is open, or else of the next one; from 1.
        due_at: when that came due, or will; None before a first activation.
        is_open: whether it is due and not completed.
    """

    known: RiskClass
    order_id: str | None
    number: int
    due_at: datetime | None
    is_open: bool

    def due_mark(self, as_of: datetime) -> Mark:
        """The fact that the review came due with this look."""
        return Mark(MarkKind.REVIEW_DUE, str(self.number), as_of, as_of)

    def done_mark(self, as_of: datetime) -> Mark:
        """The fact that the review was completed with this look."""
        return Mark(MarkKind.REVIEW_DONE, str(self.number), as_of, as_of)

    def next(self, since: datetime) -> Risk:
        """After this review was completed."""
        return Risk(self.known, self.order_id, self.number + 1, since + self.known.every, is_open=False)

    def first(self, since: datetime) -> Risk:
        """After a first activation."""
        return Risk(self.known, self.order_id, self.number, since + self.known.every, is_open=False)


def risk_of(policy: Policy, state: State, now: Situation) -> Risk | None:
    """How the account stands with its reviews at the horizon's instant; None where the policy has no risk classes."""
    found = _class_of(policy, state, now)
    if found is None:
        return None
    known, order = found
    order_id = order.id if order is not None else None
    first: datetime | None = None
    done: datetime | None = None
    number = 1
    due = {}
    for mark in state.marks:
        if mark.kind is MarkKind.FIRST_ACTIVE:
            first = mark.at if first is None else min(first, mark.at)
        elif mark.kind is MarkKind.REVIEW_DUE:
            due[mark.key] = mark.at
        elif mark.kind is MarkKind.REVIEW_DONE:
            done = mark.at if done is None else max(done, mark.at)
            number += 1
    if str(number) in due:
        return Risk(known, order_id, number, due[str(number)], is_open=True)
    since = done or first
    if since is None:
        return Risk(known, order_id, number, None, is_open=False)
    due_at = since + known.every
    if now.horizon.passed(due_at):
        # Also one that a new policy or a stricter class has made due in the past: nobody was told of it before.
        return Risk(known, order_id, number, now.horizon.as_of, is_open=True)
    return Risk(known, order_id, number, due_at, is_open=False)


def class_order(state: State, policy: Policy, now: Situation) -> tuple[RiskClass, Order] | None:
    """The class that people set, and the order that set it: the newest one in force that names a class there is."""
    named = {one.name: one for one in policy.risk}
    found: Order | None = None
    for order in state.orders:
        if order.kind is not OrderKind.SET_RISK_CLASS or order.undone_at is not None or order.target not in named:
            continue
        if not now.horizon.passed(order.starts_at) or (order.ends_at and now.horizon.passed(order.ends_at)):
            continue
        if found is None or (order.starts_at, order.id) > (found.starts_at, found.id):
            found = order
    return None if found is None or found.target is None else (named[found.target], found)


def _class_of(policy: Policy, state: State, now: Situation) -> tuple[RiskClass, Order | None] | None:
    ordered = class_order(state, policy, now) if state.orders else None
    if ordered is not None:
        return ordered
    for known, is_decided in policy.risk_classes_about(state.shape.attributes):
        if is_decided or now.holds(known.when):
            return known, None
    return None
