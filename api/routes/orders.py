"""``/v2/verification/accounts/{account_id}/orders``, and v1's two ways to place and undo some of them."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.openapi.described import described
from api.openapi.queries import PAGING
from api.openapi.refusals import CLOSED_ACCOUNT, ORDERING, UNDOING
from api.responses import JSON, page_of
from api.schemas.orders import AccountReject, AccountUnreject, OrderPlace, OrderUndo
from api.schemas.queries import no_query, page
from onboarding.domain.state import OrderKind
from onboarding.door.orders import Audience
from onboarding.scopes import Resource

ORDERS = "/v2/verification/accounts/{account_id}/orders"

router = APIRouter(tags=["Orders"], dependencies=[about(Resource.ORDERS)])


@router.post(ORDERS)
@described("Order", body=OrderPlace, refused=ORDERING)
async def place_order(call: Authenticated, account_id: str) -> JSON:
    """Decide something about an account, whole or in one capability, beside the rules.

    `hold` and `reject` switch off, `recheck` asks the verifiers again, `extend_deadline` moves deadlines that run,
    `override_capability` lifts the demands of one capability for at most 90 days, and `set_risk_class` says how often
    the account is reviewed. A wrong `reason` is answered with the list of its kind. In live mode the last three are the
    operators' alone.
    """
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
        target=parameters.get("target"),
        person=parameters.get("person"),
    )
    return JSON(placed)


@router.get(ORDERS)
@described("Order", shape="page", query=PAGING)
async def list_orders(call: Authenticated, account_id: str) -> JSON:
    """List the orders of an account, undone ones too."""
    wanted = page(call.query)
    found = await call.engine.orders.list(call.caller, account_id, wanted.limit, wanted.page)
    return page_of(call.path, found.data, limit=wanted.limit, next_page=found.next, previous_page=found.previous)


@router.get(f"{ORDERS}/{{order_id}}")
@described("Order")
async def retrieve_order(call: Authenticated, account_id: str, order_id: str) -> JSON:
    """Retrieve an order."""
    no_query(call.query)
    return JSON(await call.engine.orders.get(call.caller, account_id, order_id))


@router.post(f"{ORDERS}/{{order_id}}/undo")
@described("Order", body=OrderUndo, refused=UNDOING)
async def undo_order(call: Authenticated, account_id: str, order_id: str) -> JSON:
    """Undo an order: release a hold, take a rejection back, let a deadline be what it was.

    A key undoes what keys of its platform placed.
    """
    no_query(call.query)
    parameters = await call.json(OrderUndo)
    return JSON(await call.engine.orders.undo(call.caller, account_id, order_id, call.key(parameters)))


@router.post("/v1/accounts/{account_id}/reject")
@described("V1Account", body=AccountReject, refused=CLOSED_ACCOUNT)
async def reject_account(call: Authenticated, account_id: str) -> JSON:
    """Reject an account, in v1's words.

    With ``payouts_action=none`` every capability but payouts is rejected.
    """
    no_query(call.query)
    parameters = await call.form(AccountReject)
    spares_payouts = parameters.get("payouts_action") == "none"
    key = call.key(parameters)
    rejected = await call.engine.orders.reject(
        call.caller, account_id, parameters["reason"], key, spares_payouts=spares_payouts
    )
    return JSON(rejected)


@router.post("/v1/accounts/{account_id}/unreject")
@described("V1Account", body=AccountUnreject, refused=UNDOING)
async def unreject_account(call: Authenticated, account_id: str) -> JSON:
    """Take back the platform's own rejections, in v1's words.

    Where only an operator rejected the account it is refused.
    """
    no_query(call.query)
    parameters = await call.form(AccountUnreject)
    return JSON(await call.engine.orders.unreject(call.caller, account_id, call.key(parameters)))
