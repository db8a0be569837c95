"""Orders that operators give from Temporal's own UI."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import orjson
from temporalio import activity

from activities.messages import OrderAnswer, OrderAsked, OrderUndoing
from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.domain.state import OrderKind
from onboarding.door.callers import RequestKey

if TYPE_CHECKING:
    from onboarding.orders import Orders


@dataclass(frozen=True)
class OrderActivities:
    """Activities of the updates of ``AccountWorkflow``. Safe to run twice: each update has its own idempotency key."""

    orders: Orders

    @activity.defn
    async def place_order(self, asked: OrderAsked) -> OrderAnswer:
        """Place an order through the door; answers with its id, or with why it was refused."""
        try:
            caller = await self.orders.unverified(asked.account_id)
            placed = await self.orders.place(
                caller,
                asked.account_id,
                _key(asked),
                kind=OrderKind(asked.kind),
                reason=asked.reason,
                capability=asked.capability,
                ends_at=asked.ends_at,
                ticket=asked.ticket,
                target=asked.target,
                person=asked.person,
            )
        except Refusal as refusal:
            return _answer(refusal)
        return OrderAnswer(placed["id"], placed["status"])

    @activity.defn
    async def undo_order(self, undoing: OrderUndoing) -> OrderAnswer:
        """Undo an order through the door; one that is undone already stays as it is."""
        try:
            caller = await self.orders.unverified(undoing.account_id)
            undone = await self.orders.undo(caller, undoing.account_id, undoing.order_id, _key(undoing))
        except Refusal as refusal:
            return _answer(refusal)
        return OrderAnswer(undone["id"], undone["status"])


def _key(said: OrderAsked | OrderUndoing) -> RequestKey:
    fingerprint = orjson.dumps(asdict(said), option=orjson.OPT_SORT_KEYS)
    return RequestKey(f"update {said.account_id}", "", said.key, fingerprint)


def _answer(refusal: Refusal) -> OrderAnswer:
    """Codes only; who is busy is asked again."""
    if refusal.kind is RefusalKind.BUSY:
        raise refusal
    return OrderAnswer(refused=refusal.code, param=refusal.param or "")
