"""``/v2/verification/activity``: what accounts turn over, as their platform reports it."""

from __future__ import annotations

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.openapi.described import described
from api.openapi.queries import PAGING, REPORTING_ACCOUNT
from api.openapi.refusals import CLOSED_ACCOUNT
from api.openapi.schemas import listed, ref
from api.responses import JSON, page_of
from api.schemas.activity import ActivityReport, activity_page, totals_of
from api.schemas.queries import no_query
from onboarding.activity import Report
from onboarding.scopes import Resource

router = APIRouter(prefix="/v2/verification/activity", tags=["Activity"], dependencies=[about(Resource.ACTIVITY)])


@router.post("")
@described("ActivityReport", body=ActivityReport, refused=CLOSED_ACCOUNT, missing=True)
async def report_activity(call: Authenticated) -> JSON:
    """Report what an account turned over.

    ``totals`` are absolute, in the currency's smallest unit, and replace those of the same periods. ``id`` is yours:
    the same report again changes nothing, and other content under its id is refused.
    """
    no_query(call.query)
    parameters = await call.json(ActivityReport)
    report = Report(parameters["id"], parameters["currency"], totals_of(parameters))
    account_id: str = parameters["account"]
    return JSON(await call.engine.activity.report(call.caller, account_id, report, call.key(parameters)))


@router.get("")
@described(
    "ActivityReport",
    shape="page",
    query=(*PAGING, REPORTING_ACCOUNT),
    missing=True,
    beside={"totals": listed(ref("ActivityTotal"))},
)
async def list_activity(call: Authenticated) -> JSON:
    """List an account's reports, newest first.

    Beside them the ``totals`` that count now.
    """
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
