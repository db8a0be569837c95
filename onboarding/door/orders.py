"""Orders: what people decide about an account, beside everything that the rules say.

A platform's key places holds, and rejections in the platform's own name; it undoes what keys of its platform placed.
Whoever runs the engine is an operator: they place any order and undo any. Why a hold was placed is told to users only
where the order says so; why an account was rejected is the status code of its capabilities.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.domain.state import Order, OrderKind
from onboarding.door.callers import is_operator, is_platform
from onboarding.ids import new_id
from onboarding.storage import tables

if TYPE_CHECKING:
    from datetime import datetime

    from onboarding.door.draft import Draft

TICKET = "ticket"
"""Field group of the ticket that an order belongs to; its subject is the order."""

TOPICS = (
    "address_verification",
    "bank_account_verification",
    "business_model_verification",
    "credit_review",
    "customer_service_contact",
    "domain_verification",
    "fulfillment_policy",
    "identity_verification",
    "intellectual_property_usage",
    "legal_hold",
    "other_business_inquiry",
    "other_compliance_inquiry",
    "other_supportability_inquiry",
    "pep_review",
    "platform_concern",
    "product_description",
    "rejection_appeal",
    "reserve_appeal",
    "restricted_or_prohibited_industry_diligence",
    "sanctions_review",
    "statement_descriptor",
    "supportability_rejection_appeal",
    "url_inquiry",
)
"""What a hold may be about: the topics of the wire's inquiries."""

PLATFORM_REJECTIONS = ("platform_fraud", "platform_other", "platform_terms_of_service")
REJECTIONS = ("fraud", "incomplete_verification", "listed", "other", "terms_of_service", *PLATFORM_REJECTIONS)
"""Why an account may be rejected: the wire's status codes without ``rejected_``."""


class Audience(StrEnum):
    """Who may read what an order is about. ``user`` is everybody."""

    INTERNAL = "internal"
    USER = "user"


class NothingToDo(Exception):  # noqa: N818 -- says what is
    """What is asked for is so already; nothing was written."""


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Place a hold or a rejection, of one capability or of all. ``ticket`` is the caller's own reference.

    ``audience`` None is whatever the kind has: a hold is internal, and a rejection everybody's.
    """

    order_id: str
    kind: OrderKind
    reason: str = field(repr=False)  # nothing of it is checked yet
    actor: str
    capability: str | None = field(default=None, repr=False)
    ends_at: datetime | None = None
    audience: Audience | None = None
    ticket: str | None = field(default=None, repr=False)
    cause: str = "order.placed"

    def apply(self, draft: Draft) -> None:
        """Raises Refusal for a closed account, and for whatever does not fit the kind or the actor."""
        _refuse_closed(draft)
        is_hold = self.kind is OrderKind.HOLD
        allowed = TOPICS if is_hold else REJECTIONS if is_operator(self.actor) else PLATFORM_REJECTIONS
        if self.reason not in allowed:
            raise _invalid(f"Must be one of {', '.join(allowed)}.", "reason")
        if self.capability is not None and self.capability not in draft.policy.capabilities:
            raise _invalid("The account's policy has no such capability.", "capability")
        if self.ends_at is not None and not is_hold:
            raise _invalid("Only a hold ends by itself.", "ends_at")
        if self.ends_at is not None and self.ends_at <= draft.as_of:
            raise _invalid("Must be later than the account's time.", "ends_at")
        if self.audience is Audience.INTERNAL and not is_hold:
            raise _invalid("A rejection's reason is the code of the capabilities' status: it is for users.", "audience")
        audience = self.audience or (Audience.INTERNAL if is_hold else Audience.USER)
        place(
            draft,
            Order(
                id=self.order_id,
                kind=self.kind,
                reason=self.reason,
                actor=self.actor,
                starts_at=draft.as_of,
                ends_at=self.ends_at,
                capability=self.capability,
                audience=audience.value,
            ),
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


@dataclass(frozen=True, slots=True)
class UndoOrder:
    """Undo one order: a hold is released, a rejection taken back. Also of a closed account: the record may be wrong."""

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


def not_yours() -> Refusal:
    """The refusal for what an operator placed."""
    return Refusal(
        "order_not_yours",
        "An operator placed this order: a platform undoes only what it placed itself.",
        kind=RefusalKind.FORBIDDEN,
    )


def _rejections_of_platform(draft: Draft) -> list[Order]:
    return [one for one in draft.state.orders if one.kind is OrderKind.REJECT and is_platform(one.actor)]


def place(draft: Draft, order: Order) -> None:
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
    )


def _undo(draft: Draft, order: Order, actor: str) -> None:
    draft.state = replace(draft.state, orders=tuple(one for one in draft.state.orders if one.id != order.id))
    draft.batch.update(tables.Order, {"id": order.id}, undone_at=draft.as_of, undone_by=actor)


def _refuse_closed(draft: Draft) -> None:
    if draft.closed:
        raise Refusal("account_closed", "The account is closed and can't be changed.")


def _invalid(message: str, param: str) -> Refusal:
    return Refusal("parameter_invalid", message, param=param, type="invalid_request_error")
