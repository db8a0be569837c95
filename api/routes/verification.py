"""``/v2/verification``: what Accounts v2 has no words for, in its style. Checks and reviews can be read here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter

from api.dependencies import Authenticated, Call
from api.responses import JSON, page_of
from api.schemas.events import account_items_page
from api.schemas.queries import no_query
from onboarding.reading import Page

router = APIRouter(prefix="/v2/verification")


@router.get("/checks")
async def list_checks(call: Authenticated) -> JSON:
    """List checks, of all accounts or of one."""
    return await _items(call, call.engine.reader.checks)


@router.get("/checks/{check_id}")
async def retrieve_check(call: Authenticated, check_id: str) -> JSON:
    """Retrieve a check."""
    no_query(call.query)
    return JSON(await call.engine.reader.check(call.caller, check_id))


@router.get("/reviews")
async def list_reviews(call: Authenticated) -> JSON:
    """List reviews, of all accounts or of one."""
    return await _items(call, call.engine.reader.reviews)


@router.get("/reviews/{review_id}")
async def retrieve_review(call: Authenticated, review_id: str) -> JSON:
    """Retrieve a review."""
    no_query(call.query)
    return JSON(await call.engine.reader.review(call.caller, review_id))


async def _items(call: Call, read: Callable[..., Awaitable[Page]]) -> JSON:
    wanted = account_items_page(call.query)
    page = await read(call.caller, account_id=wanted.account, limit=wanted.limit, cursor=wanted.page)
    return page_of(
        call.path,
        page.data,
        limit=wanted.limit,
        filters=[("account", wanted.account)] if wanted.account is not None else [],
        next_page=page.next,
        previous_page=page.previous,
    )
