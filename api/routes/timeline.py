"""``/v2/verification/accounts/{id}/timeline``: what happened to an account, in words."""

from __future__ import annotations

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.openapi.described import described
from api.openapi.queries import PAGING
from api.responses import JSON, page_of
from api.schemas.queries import page
from onboarding.scopes import Resource

router = APIRouter(
    prefix="/v2/verification/accounts/{account_id}", tags=["Explanation"], dependencies=[about(Resource.EXPLANATIONS)]
)


@router.get("/timeline")
@described("Moment", shape="page", query=PAGING)
async def read_timeline(call: Authenticated, account_id: str) -> JSON:
    """Read what happened to an account, newest first.

    In words, with codes and names of fields; never a value.
    """
    wanted = page(call.query)
    found = await call.engine.timeline.read(call.caller, account_id, limit=wanted.limit, cursor=wanted.page)
    return page_of(
        call.path, found.data, limit=wanted.limit, next_page=found.next, previous_page=found.previous
    )  # fmt: skip
