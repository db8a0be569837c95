"""``/v2/verification/accounts/{id}/timeline``: what happened to an account, in words."""

from __future__ import annotations

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.responses import JSON, page_of
from api.schemas.queries import page
from onboarding.scopes import Resource

router = APIRouter(prefix="/v2/verification/accounts/{account_id}", dependencies=[about(Resource.EXPLANATIONS)])


@router.get("/timeline")
async def read_timeline(call: Authenticated, account_id: str) -> JSON:
    """Read what happened, newest first."""
    wanted = page(call.query)
    found = await call.engine.timeline.read(call.caller, account_id, limit=wanted.limit, cursor=wanted.page)
    return page_of(
        call.path, found.data, limit=wanted.limit, next_page=found.next, previous_page=found.previous
    )  # fmt: skip
