"""``/v2/verification/accounts/{id}/requirements``: requirements in words, for whoever has to meet them."""

from __future__ import annotations

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.openapi.described import described
from api.openapi.queries import AUDIENCE, LOCALE
from api.responses import JSON
from api.schemas.people import people_query
from onboarding.scopes import Resource

router = APIRouter(
    prefix="/v2/verification/accounts/{account_id}",
    tags=["Requirements for people"],
    dependencies=[about(Resource.ACCOUNTS)],
)


@router.get("/requirements")
@described("RequirementsForPeople", query=(LOCALE, AUDIENCE))
async def read_requirements(call: Authenticated, account_id: str) -> JSON:
    """Read what is needed, in words.

    In groups in which people think, with every way to settle each item. Show it to the end user as it is.
    """
    wanted = people_query(call.query)
    return JSON(await call.engine.people.requirements(call.caller, account_id, wanted.locale, wanted.audience))
