"""``/v2/core/accounts``."""

from __future__ import annotations

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.openapi.described import described
from api.openapi.queries import APPLIED_CONFIGURATIONS, CLOSED, INCLUDE, PAGING
from api.openapi.refusals import ACCOUNT_CHANGE, ACCOUNT_CREATION, CLOSED_ACCOUNT
from api.responses import JSON, page_of
from api.schemas.accounts import AccountClose, AccountCreate, AccountUpdate
from api.schemas.queries import accounts_page, includes, no_query
from onboarding.documents import select
from onboarding.scopes import Resource

router = APIRouter(prefix="/v2/core/accounts", tags=["Accounts"], dependencies=[about(Resource.ACCOUNTS)])


@router.post("")
@described("Account", body=AccountCreate, refused=ACCOUNT_CREATION)
async def create_account(call: Authenticated) -> JSON:
    """Create an account.

    With the configuration ``merchant``, or where transfers are asked for, ``dashboard``, ``defaults.responsibilities``
    and ``contact_email`` are required, and can't be changed afterwards. The answer already says what is needed, if
    ``requirements`` is included.
    """
    no_query(call.query)
    parameters = await call.json(AccountCreate)
    key = call.key(parameters)
    include = parameters.pop("include", [])
    view = await call.engine.accounts.create(call.caller, parameters, key)
    return JSON(call.shown(select(view.account, include)))


@router.get("")
@described("Account", shape="page", query=(*PAGING, APPLIED_CONFIGURATIONS, CLOSED))
async def list_accounts(call: Authenticated) -> JSON:
    """List accounts, newest first.

    Nothing can be included: every section of a listed account is null.
    """
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
@described("Account", query=(INCLUDE,))
async def retrieve_account(call: Authenticated, account_id: str) -> JSON:
    """Retrieve an account.

    Sections that are not included are null, whatever they hold: ``requirements: null`` does not mean that nothing is
    due.
    """
    include = includes(call.query)
    document = await call.engine.reader.document(call.caller, account_id)
    return JSON(call.shown(select(document, include)))


@router.post("/{account_id}")
@described("Account", body=AccountUpdate, refused=ACCOUNT_CHANGE)
async def update_account(call: Authenticated, account_id: str) -> JSON:
    """Change an account.

    Objects are merged, null unsets, lists are replaced; of ``id_numbers`` each replaces the one of its type. What the
    change brings about is in the answer, as far as it is known at once.
    """
    no_query(call.query)
    parameters = await call.json(AccountUpdate)
    key = call.key(parameters)
    include = parameters.pop("include", [])
    view = await call.engine.accounts.update(call.caller, account_id, parameters, key)
    return JSON(call.shown(select(view.account, include)))


@router.post("/{account_id}/close")
@described("Account", body=AccountClose, refused=CLOSED_ACCOUNT)
async def close_account(call: Authenticated, account_id: str) -> JSON:
    """Close an account for good.

    ``applied_configurations`` must name all configurations that the account has.
    """
    no_query(call.query)
    parameters = await call.json(AccountClose)
    key = call.key(parameters)
    view = await call.engine.accounts.close(call.caller, account_id, parameters.get("applied_configurations"), key)
    return JSON(call.shown(select(view.account, ())))
