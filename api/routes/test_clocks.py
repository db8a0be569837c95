"""``/v2/verification/test_clocks``: time that a platform moves for its sandbox accounts."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.responses import JSON, page_of
from api.schemas.clocks import TestClockAdvance, TestClockAttach, TestClockCreate
from api.schemas.queries import no_query, page
from onboarding.scopes import Resource

router = APIRouter(prefix="/v2/verification/test_clocks", dependencies=[about(Resource.TEST_CLOCKS)])


@router.post("")
async def create_test_clock(call: Authenticated) -> JSON:
    """Create a clock that stands at a time."""
    no_query(call.query)
    parameters = await call.json(TestClockCreate)
    frozen = datetime.fromisoformat(parameters["frozen_time"])
    key = call.key(parameters)
    return JSON(await call.engine.clocks.create(call.caller, frozen, parameters.get("name"), key))


@router.get("")
async def list_test_clocks(call: Authenticated) -> JSON:
    """List clocks."""
    wanted = page(call.query)
    found = await call.engine.clocks.list(call.caller, wanted.limit, wanted.page)
    return page_of(call.path, found.data, limit=wanted.limit, next_page=found.next, previous_page=found.previous)


@router.get("/{clock_id}")
async def retrieve_test_clock(call: Authenticated, clock_id: str) -> JSON:
    """Retrieve a clock."""
    no_query(call.query)
    return JSON(await call.engine.clocks.get(call.caller, clock_id))


@router.post("/{clock_id}/attach")
async def attach_account(call: Authenticated, clock_id: str) -> JSON:
    """Let a sandbox account live by this clock."""
    no_query(call.query)
    parameters = await call.json(TestClockAttach)
    account_id: str = parameters["account"]
    return JSON(await call.engine.clocks.attach(call.caller, clock_id, account_id, call.key(parameters)))


@router.post("/{clock_id}/advance")
async def advance_test_clock(call: Authenticated, clock_id: str) -> JSON:
    """Move the clock and all that happens meanwhile to its accounts."""
    no_query(call.query)
    parameters = await call.json(TestClockAdvance)
    until = datetime.fromisoformat(parameters["frozen_time"])
    return JSON(await call.engine.clocks.advance(call.caller, clock_id, until, call.key(parameters)))
