"""Orders: what people decide about an account, beside everything that the rules say.

A platform's key places holds, rejections in the platform's own name and rechecks; it undoes what keys of its platform
placed. Whoever runs the engine is an operator: they place any order and undo any. To move a deadline, and to switch a
capability on though demands are open, is to answer for it to whoever made the rules: operators do, and a platform in
the sandbox, where it harms nobody and a platform can try what will happen. A recheck only asks: it loosens nothing.

Why a hold was placed is told to users only where the order says so; why an account was rejected is the status code of
its capabilities.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from onboarding.domain.capabilities import requested_capabilities
from onboarding.domain.demands import demand_target
from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.domain.evaluate import evaluate
from onboarding.domain.instants import rfc3339
from onboarding.domain.state import Order, OrderKind
from onboarding.door.callers import is_operator, is_platform
from onboarding.ids import new_id
from onboarding.order_rules import (
    END_BOUNDS,
    EXTENSION_AT_MOST,
    OVERRIDE_AT_MOST,
    PLATFORM_REJECTIONS,
    REASONS,
    stored_end,
)
from onboarding.storage import tables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from onboarding.door.draft import Draft

TICKET = "ticket"
"""Field group of the ticket that an order belongs to; its subject is the order."""

JUST_AFTER = timedelta(milliseconds=1)
"""The smallest step of an account's time. A recheck begins after the answers that it doubts: on a test clock that
stands still both have the same time."""


class Audience(StrEnum):
    """Who may read what an order is about. ``user`` is everybody."""

    INTERNAL = "internal"
    USER = "user"


class NothingToDo(Exception):  # noqa: N818 -- says what is
    """What is asked for is so already; nothing was written."""


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Place an order. What each kind takes says ``docs/api.md``; what it does, ``onboarding.domain.evaluate``.

    Attributes:
        capability: which one it is about; None for all. An override names one.
        ends_at: of an extension the deadline that it gives.
        audience: None is whatever the kind has: a rejection is everybody's, any other internal.
        ticket: the caller's own reference.
        target: the kind that a recheck asks again, the demand of an extension as ``rule/need``; None for all. The risk
            class that is set.
        person: whom alone a recheck is about.
        campaign: name of the campaign that orders many; an account has one order of it, ever.
    """

    order_id: str
    kind: OrderKind
    reason: str = field(repr=False)  # nothing of it is checked yet
    actor: str
    capability: str | None = field(default=None, repr=False)
    ends_at: datetime | None = None
    audience: Audience | None = None
    ticket: str | None = field(default=None, repr=False)
    target: str | None = field(default=None, repr=False)
    person: str | None = field(default=None, repr=False)
    campaign: str | None = None
    cause: str = "order.placed"

    def apply(self, draft: Draft) -> None:
        """Raises Refusal for a closed account, and for whatever does not fit the kind, the actor or the account."""
        _refuse_closed(draft)
        self._refuse_foreign_parts()
        self._refuse_actor(draft)
        allowed = allowed_reasons(self.kind, self.actor)
        if self.reason not in allowed:
            raise _invalid(f"Must be one of {', '.join(allowed)}.", "reason")
        if self.capability is not None and self.capability not in draft.policy.capabilities:
            raise _invalid("The account's policy has no such capability.", "capability")
        ends_at = self._end(draft)
        if self.audience is Audience.INTERNAL and self.kind is OrderKind.REJECT:
            raise _invalid("A rejection's reason is the code of the capabilities' status: it is for users.", "audience")
        audience = self.audience or (Audience.USER if self.kind is OrderKind.REJECT else Audience.INTERNAL)
        starts_at, subject = draft.as_of, None
        match self.kind:
            case OrderKind.RECHECK:
                starts_at, subject = self._asks_again(draft), self._subject(draft)
            case OrderKind.EXTEND_DEADLINE:
                self._extends(draft, ends_at)
            case OrderKind.OVERRIDE_CAPABILITY:
                self._overrides(draft, ends_at)
            case OrderKind.SET_RISK_CLASS:
                self._sets_class(draft)
        place(
            draft,
            Order(
                id=self.order_id,
                kind=self.kind,
                reason=self.reason,
                actor=self.actor,
                starts_at=starts_at,
                ends_at=ends_at,
                capability=self.capability,
                target=self.target,
                audience=audience.value,
                subject=subject,
            ),
            self.campaign,
        )
        if self.ticket is not None:
            draft.batch.insert(
                tables.SealedValue,
                account_id=draft.account_id,
                subject=self.order_id,
                field_group=TICKET,
                version=1,
                ciphertext=draft.seal(self.order_id, TICKET, 1, self.ticket.encode()),
            )

    def _refuse_foreign_parts(self) -> None:
        """What the kind has no use for is a mistake of whoever says it, and what it needs must be said."""
        takes, needs = PARTS[self.kind]
        said = {
            "capability": self.capability,
            "ends_at": self.ends_at,
            "target": self.target,
            "person": self.person,
        }
        for name, value in said.items():
            if value is not None and name not in takes:
                raise _invalid(f"An order of this kind has no {name}.", name)
            if value is None and name in needs:
                raise Refusal("parameter_missing", "Is required.", param=name, type="invalid_request_error")

    def _refuse_actor(self, draft: Draft) -> None:
        if self.kind in FOR_OPERATORS and draft.livemode and not is_operator(self.actor):
            raise Refusal(
                "order_for_operators",
                "In live mode only whoever runs the engine places this kind of order.",
                kind=RefusalKind.FORBIDDEN,
            )

    def _end(self, draft: Draft) -> datetime | None:
        if self.ends_at is None:
            return None
        ends_at = stored_end(self.ends_at)
        if ends_at is None:
            raise _invalid(END_BOUNDS, "ends_at")
        if ends_at <= draft.as_of:
            raise _invalid("Must be later than the account's time.", "ends_at")
        return ends_at

    def _subject(self, draft: Draft) -> str | None:
        if self.person is not None and self.person not in draft.persons:
            raise _invalid("The account has no such person.", "person")
        return self.person

    def _asks_again(self, draft: Draft) -> datetime:
        """When the recheck begins. Raises Refusal where nothing was answered yet: those questions are open anyway."""
        subject = self._subject(draft)
        if self.target is not None and self.target not in draft.policy.checks:
            raise _invalid("The account's policy asks no such check.", "target")
        answered = [
            row.recorded_at
            for row in draft.state.evidence
            if row.outcome.is_decisive
            and not row.contested
            and self.target in (None, row.kind)
            and subject in (None, row.subject)
            and row.kind in draft.policy.checks
            and row.digest == draft.current_digest(row.kind, row.subject)
        ]
        if not answered:
            raise _invalid("Nothing of it has been answered yet, so there is nothing to ask again.", "target")
        return draft.as_of + JUST_AFTER if draft.as_of in answered else draft.as_of

    def _extends(self, draft: Draft, ends_at: datetime | None) -> None:
        """Raises Refusal where no deadline runs that this one is later than."""
        if ends_at is None:
            return
        if ends_at > draft.as_of + EXTENSION_AT_MOST:
            raise _invalid(f"Must be within {EXTENSION_AT_MOST.days} days.", "ends_at")
        found = evaluate(draft.policies, draft.state, draft.as_of)
        named = [
            impact.deadline
            for opening, impacts in found.demands
            if self.target in (None, demand_target(opening.rule, opening.need))
            for impact in impacts
            if impact.deadline is not None and self.capability in (None, impact.capability)
        ]
        if not named:
            raise _invalid("No deadline of this runs on the account.", "target")
        if ends_at <= min(named):
            raise _invalid(f"Must be later than the present deadline, {rfc3339(min(named))}.", "ends_at")

    def _overrides(self, draft: Draft, ends_at: datetime | None) -> None:
        if ends_at is not None and ends_at > draft.as_of + OVERRIDE_AT_MOST:
            raise _invalid(
                f"Must be within {OVERRIDE_AT_MOST.days} days: an override is no decision for good.", "ends_at"
            )
        if self.capability not in {one.name for one in requested_capabilities(draft.policy, draft.state)}:
            raise _invalid("The account has not got this capability.", "capability")

    def _sets_class(self, draft: Draft) -> None:
        known = [one.name for one in draft.policy.risk]
        if self.target not in known:
            there = f"Must be one of {', '.join(known)}." if known else "The account's policy has no risk classes."
            raise _invalid(there, "target")


@dataclass(frozen=True, slots=True)
class UndoOrder:
    """Undo one order: a hold is released, a rejection taken back, a deadline is again what it was.

    Also of a closed account: the record may be wrong.
    """

    order_id: str
    actor: str
    cause: str = "order.undone"

    def apply(self, draft: Draft) -> None:
        """Raises NothingToDo if it is undone already, and Refusal if it is not the actor's to undo."""
        order = next((one for one in draft.state.orders if one.id == self.order_id), None)
        if order is None:
            raise NothingToDo
        if not is_operator(self.actor) and not is_platform(order.actor):
            raise not_yours()
        _undo(draft, order, self.actor)


@dataclass(frozen=True, slots=True)
class RejectAccount:
    """Reject an account in its platform's name, but for the capabilities in ``spared``, by their names on the wire."""

    reason: str
    actor: str
    spared: frozenset[str] = frozenset()
    cause: str = "order.placed"

    def apply(self, draft: Draft) -> None:
        """Raises NothingToDo if the platform has rejected all of it for this reason, and Refusal if it is closed."""
        _refuse_closed(draft)
        rejected = {order.capability for order in _rejections_of_platform(draft) if order.reason == self.reason}
        wanted: list[str | None] = [None]
        if self.spared:
            known = draft.policy.capabilities.values()
            wanted = [capability.name for capability in known if capability.wire_name not in self.spared]
        missing = [] if None in rejected else [name for name in wanted if name not in rejected]
        if not missing:
            raise NothingToDo
        for name in missing:
            audience = Audience.USER.value
            order_id = new_id("ord_")
            place(
                draft,
                Order(order_id, OrderKind.REJECT, self.reason, self.actor, draft.as_of, None, name, audience=audience),
            )


@dataclass(frozen=True, slots=True)
class UnrejectAccount:
    """Undo every rejection that the account's platform placed."""

    actor: str
    cause: str = "order.undone"

    def apply(self, draft: Draft) -> None:
        """Raises NothingToDo if nobody rejected it, and Refusal if only an operator did."""
        found = _rejections_of_platform(draft)
        if not found and any(order.kind is OrderKind.REJECT for order in draft.state.orders):
            raise not_yours()
        if not found:
            raise NothingToDo
        for order in found:
            _undo(draft, order, self.actor)


PARTS: Mapping[OrderKind, tuple[frozenset[str], frozenset[str]]] = {
    OrderKind.HOLD: (frozenset({"capability", "ends_at"}), frozenset()),
    OrderKind.REJECT: (frozenset({"capability"}), frozenset()),
    OrderKind.RECHECK: (frozenset({"target", "person"}), frozenset()),
    OrderKind.EXTEND_DEADLINE: (frozenset({"capability", "ends_at", "target"}), frozenset({"ends_at"})),
    OrderKind.OVERRIDE_CAPABILITY: (frozenset({"capability", "ends_at"}), frozenset({"capability", "ends_at"})),
    OrderKind.SET_RISK_CLASS: (frozenset({"target", "ends_at"}), frozenset({"target"})),
}
"""What each kind takes beside reason, audience and ticket, and what of it it needs."""

FOR_OPERATORS = frozenset({OrderKind.EXTEND_DEADLINE, OrderKind.OVERRIDE_CAPABILITY, OrderKind.SET_RISK_CLASS})
"""Kinds that loosen what the rules say, or may: a lower risk class is reviewed more seldom."""


def allowed_reasons(kind: OrderKind, actor: str) -> tuple[str, ...]:
    """Reasons that an actor may give: a platform rejects in its own name only."""
    if kind is OrderKind.REJECT and not is_operator(actor):
        return PLATFORM_REJECTIONS
    return REASONS[kind]


def not_yours() -> Refusal:
    """The refusal for what an operator placed."""
    return Refusal(
        "order_not_yours",
        "An operator placed this order: a platform undoes only what it placed itself.",
        kind=RefusalKind.FORBIDDEN,
    )


def _rejections_of_platform(draft: Draft) -> list[Order]:
    return [one for one in draft.state.orders if one.kind is OrderKind.REJECT and is_platform(one.actor)]


def place(draft: Draft, order: Order, campaign: str | None = None) -> None:
    """Add an order to the account's."""
    draft.state = replace(draft.state, orders=(*draft.state.orders, order))
    draft.batch.insert(
        tables.Order,
        id=order.id,
        account_id=draft.account_id,
        kind=order.kind.value,
        reason=order.reason,
        actor=order.actor,
        starts_at=order.starts_at,
        ends_at=order.ends_at,
        capability=order.capability,
        target=order.target,
        audience=order.audience,
        subject=order.subject,
        campaign=campaign,
    )


def _undo(draft: Draft, order: Order, actor: str) -> None:
    draft.state = replace(draft.state, orders=tuple(one for one in draft.state.orders if one.id != order.id))
    draft.batch.update(tables.Order, {"id": order.id}, undone_at=draft.as_of, undone_by=actor)


def _refuse_closed(draft: Draft) -> None:
    if draft.closed:
        raise Refusal("account_closed", "The account is closed and can't be changed.")


def _invalid(message: str, param: str) -> Refusal:
    return Refusal("parameter_invalid", message, param=param, type="invalid_request_error")
