"""``/v2/verification/activity``: what accounts turn over, as their platform reports it."""

from __future__ import annotations

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.responses import JSON, page_of
from api.schemas.activity import ActivityReport, activity_page, totals_of
from api.schemas.queries import no_query
from onboarding.activity import Report
from onboarding.scopes import Resource

router = APIRouter(prefix="/v2/verification/activity", dependencies=[about(Resource.ACTIVITY)])


@router.post("")
async def report_activity(call: Authenticated) -> JSON:
    """Take a report in, once."""
    no_query(call.query)
    parameters = await call.json(ActivityReport)
    report = Report(parameters["id"], parameters["currency"], totals_of(parameters))
    account_id: str = parameters["account"]
    return JSON(await call.engine.activity.report(call.caller, account_id, report, call.key(parameters)))


@router.get("")
async def list_activity(call: Authenticated) -> JSON:
    """List an account's reports, and beside them the totals that count now."""
    account_id, wanted = activity_page(call.query)
    page = await call.engine.activity.reports(call.caller, account_id, wanted.limit, wanted.page)
    return page_of(
        call.path,
        page.data,
        limit=wanted.limit,
        filters=[("account", account_id)],
        next_page=page.next,
        previous_page=page.previous,
        beside={"totals": await call.engine.activity.totals(call.caller, account_id)},
    )
