"""``/v2/verification``: what Accounts v2 has no words for, in its style. Checks are read here."""

from __future__ import annotations

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.openapi.described import described
from api.openapi.queries import ACCOUNT, PAGING
from api.responses import JSON, page_of
from api.schemas.events import account_items_page
from api.schemas.queries import no_query
from onboarding.scopes import Resource

router = APIRouter(prefix="/v2/verification", tags=["Checks and reviews"])


@router.get("/checks", dependencies=[about(Resource.CHECKS)])
@described("Check", shape="page", query=(*PAGING, ACCOUNT))
async def list_checks(call: Authenticated) -> JSON:
    """List checks, newest first."""
    wanted = account_items_page(call.query)
    page = await call.engine.reader.checks(
        call.caller, account_id=wanted.account, limit=wanted.limit, cursor=wanted.page
    )  # fmt: skip
    return page_of(
        call.path,
        page.data,
        limit=wanted.limit,
        filters=[("account", wanted.account)] if wanted.account is not None else [],
        next_page=page.next,
        previous_page=page.previous,
    )


@router.get("/checks/{check_id}", dependencies=[about(Resource.CHECKS)])
@described("Check")
async def retrieve_check(call: Authenticated, check_id: str) -> JSON:
    """Retrieve a check."""
    no_query(call.query)
    return JSON(await call.engine.reader.check(call.caller, check_id))
