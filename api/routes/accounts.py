"""``/v2/core/accounts``."""

from __future__ import annotations

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.responses import JSON, page_of
from api.schemas.accounts import AccountClose, AccountCreate, AccountUpdate
from api.schemas.queries import accounts_page, includes, no_query
from onboarding.documents import select
from onboarding.scopes import Resource

router = APIRouter(prefix="/v2/core/accounts", dependencies=[about(Resource.ACCOUNTS)])


@router.post("")
async def create_account(call: Authenticated) -> JSON:
    """Create an account."""
    no_query(call.query)
    parameters = await call.json(AccountCreate)
    key = call.key(parameters)
    include = parameters.pop("include", [])
    view = await call.engine.accounts.create(call.caller, parameters, key)
    return JSON(call.shown(select(view.account, include)))


@router.get("")
async def list_accounts(call: Authenticated) -> JSON:
    """List accounts; nothing can be included."""
    wanted = accounts_page(call.query)
    page = await call.engine.reader.accounts(
        call.caller,
        applied_configurations=list(wanted.applied_configurations),
        closed=wanted.closed,
        limit=wanted.limit,
        cursor=wanted.page,
    )
    filters = [(f"applied_configurations[{index}]", name) for index, name in enumerate(wanted.applied_configurations)]
    filters += [("closed", "true")] if wanted.closed else []
    data = [call.shown(select(document, ())) for document in page.data]
    return page_of(
        call.path,
        data,
        limit=wanted.limit,
        filters=filters,
        next_page=page.next,
        previous_page=page.previous,
    )


@router.get("/{account_id}")
async def retrieve_account(call: Authenticated, account_id: str) -> JSON:
    """Retrieve an account."""
    include = includes(call.query)
    document = await call.engine.reader.document(call.caller, account_id)
    return JSON(call.shown(select(document, include)))


@router.post("/{account_id}")
async def update_account(call: Authenticated, account_id: str) -> JSON:
    """Change an account."""
    no_query(call.query)
    parameters = await call.json(AccountUpdate)
    key = call.key(parameters)
    include = parameters.pop("include", [])
    view = await call.engine.accounts.update(call.caller, account_id, parameters, key)
    return JSON(call.shown(select(view.account, include)))


@router.post("/{account_id}/close")
async def close_account(call: Authenticated, account_id: str) -> JSON:
    """Close an account for good; nothing can be included."""
    no_query(call.query)
    parameters = await call.json(AccountClose)
    key = call.key(parameters)
    view = await call.engine.accounts.close(call.caller, account_id, parameters.get("applied_configurations"), key)
    return JSON(call.shown(select(view.account, ())))
