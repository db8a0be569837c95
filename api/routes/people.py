"""``/v2/verification/accounts/{id}/requirements``: requirements in words, for whoever has to meet them."""

from __future__ import annotations

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.responses import JSON
from api.schemas.people import people_query
from onboarding.scopes import Resource

router = APIRouter(prefix="/v2/verification/accounts/{account_id}", dependencies=[about(Resource.ACCOUNTS)])


@router.get("/requirements")
async def read_requirements(call: Authenticated, account_id: str) -> JSON:
    """Read what is needed, in the language and for the audience that was asked for."""
    wanted = people_query(call.query)
    return JSON(await call.engine.people.requirements(call.caller, account_id, wanted.locale, wanted.audience))
