"""``/v2/verification/accounts/{account_id}/orders``, and v1's two ways to place and undo some of them."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.responses import JSON, page_of
from api.schemas.orders import AccountReject, AccountUnreject, OrderPlace, OrderUndo
from api.schemas.queries import no_query, page
from onboarding.domain.state import OrderKind
from onboarding.door.orders import Audience
from onboarding.scopes import Resource

ORDERS = "/v2/verification/accounts/{account_id}/orders"

router = APIRouter(dependencies=[about(Resource.ORDERS)])


@router.post(ORDERS)
async def place_order(call: Authenticated, account_id: str) -> JSON:
    """Hold an account or reject it, whole or in one capability."""
    no_query(call.query)
    parameters = await call.json(OrderPlace)
    ends_at, audience = parameters.get("ends_at"), parameters.get("audience")
    placed = await call.engine.orders.place(
        call.caller,
        account_id,
        call.key(parameters),
        kind=OrderKind(parameters["kind"]),
        reason=parameters["reason"],
        capability=parameters.get("capability"),
        ends_at=datetime.fromisoformat(ends_at) if ends_at is not None else None,
        audience=Audience(audience) if audience is not None else None,
        ticket=parameters.get("ticket"),
    )
    return JSON(placed)


@router.get(ORDERS)
async def list_orders(call: Authenticated, account_id: str) -> JSON:
    """List an account's orders, undone ones too."""
    wanted = page(call.query)
    found = await call.engine.orders.list(call.caller, account_id, wanted.limit, wanted.page)
    return page_of(call.path, found.data, limit=wanted.limit, next_page=found.next, previous_page=found.previous)


@router.get(f"{ORDERS}/{{order_id}}")
async def retrieve_order(call: Authenticated, account_id: str, order_id: str) -> JSON:
    """Retrieve an order."""
    no_query(call.query)
    return JSON(await call.engine.orders.get(call.caller, account_id, order_id))


@router.post(f"{ORDERS}/{{order_id}}/undo")
async def undo_order(call: Authenticated, account_id: str, order_id: str) -> JSON:
    """Release a hold, or take a rejection back."""
    no_query(call.query)
    parameters = await call.json(OrderUndo)
    return JSON(await call.engine.orders.undo(call.caller, account_id, order_id, call.key(parameters)))


@router.post("/v1/accounts/{account_id}/reject")
async def reject_account(call: Authenticated, account_id: str) -> JSON:
    """Reject an account, in v1's words."""
    no_query(call.query)
    parameters = await call.form(AccountReject)
    spares_payouts = parameters.get("payouts_action") == "none"
    key = call.key(parameters)
    rejected = await call.engine.orders.reject(
        call.caller, account_id, parameters["reason"], key, spares_payouts=spares_payouts
    )
    return JSON(rejected)


@router.post("/v1/accounts/{account_id}/unreject")
async def unreject_account(call: Authenticated, account_id: str) -> JSON:
    """Take back what the platform itself rejected, in v1's words."""
    no_query(call.query)
    parameters = await call.form(AccountUnreject)
    return JSON(await call.engine.orders.unreject(call.caller, account_id, call.key(parameters)))
