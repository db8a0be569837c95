"""``/v2/verification/test_clocks``: time that a platform moves for its sandbox accounts."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.openapi.described import described
from api.openapi.queries import PAGING
from api.openapi.refusals import CLOSED_ACCOUNT
from api.responses import JSON, page_of
from api.schemas.clocks import TestClockAdvance, TestClockAttach, TestClockCreate
from api.schemas.queries import no_query, page
from onboarding.scopes import Resource

router = APIRouter(
    prefix="/v2/verification/test_clocks", tags=["Test clocks"], dependencies=[about(Resource.TEST_CLOCKS)]
)


@router.post("")
@described("TestClock", body=TestClockCreate)
async def create_test_clock(call: Authenticated) -> JSON:
    """Create a clock that stands at a time.

    In the sandbox only.
    """
    no_query(call.query)
    parameters = await call.json(TestClockCreate)
    frozen = datetime.fromisoformat(parameters["frozen_time"])
    key = call.key(parameters)
    return JSON(await call.engine.clocks.create(call.caller, frozen, parameters.get("name"), key))


@router.get("")
@described("TestClock", shape="page", query=PAGING)
async def list_test_clocks(call: Authenticated) -> JSON:
    """List clocks, newest first."""
    wanted = page(call.query)
    found = await call.engine.clocks.list(call.caller, wanted.limit, wanted.page)
    return page_of(call.path, found.data, limit=wanted.limit, next_page=found.next, previous_page=found.previous)


@router.get("/{clock_id}")
@described("TestClock")
async def retrieve_test_clock(call: Authenticated, clock_id: str) -> JSON:
    """Retrieve a clock."""
    no_query(call.query)
    return JSON(await call.engine.clocks.get(call.caller, clock_id))


@router.post("/{clock_id}/attach")
@described("TestClock", body=TestClockAttach, refused=CLOSED_ACCOUNT)
async def attach_account(call: Authenticated, clock_id: str) -> JSON:
    """Let a sandbox account live by this clock.

    For good, and only by a clock that is not behind the account.
    """
    no_query(call.query)
    parameters = await call.json(TestClockAttach)
    account_id: str = parameters["account"]
    return JSON(await call.engine.clocks.attach(call.caller, clock_id, account_id, call.key(parameters)))


@router.post("/{clock_id}/advance")
@described("TestClock", body=TestClockAdvance)
async def advance_test_clock(call: Authenticated, clock_id: str) -> JSON:
    """Move a clock, and its accounts through all that happens meanwhile.

    Answers when it has arrived, or ``advancing`` after 15 seconds: then ask again, or repeat it.
    """
    no_query(call.query)
    parameters = await call.json(TestClockAdvance)
    until = datetime.fromisoformat(parameters["frozen_time"])
    return JSON(await call.engine.clocks.advance(call.caller, clock_id, until, call.key(parameters)))
