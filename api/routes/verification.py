"""``/v2/verification``: what Accounts v2 has no words for, in its style. Checks are read here, reviews decided."""

from __future__ import annotations

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.responses import JSON, page_of
from api.schemas.events import account_items_page
from api.schemas.queries import no_query
from api.schemas.reviews import ReviewClaim, ReviewDecide, reviews_page
from onboarding.reviews import Decision
from onboarding.scopes import Resource

router = APIRouter(prefix="/v2/verification")


@router.get("/checks", dependencies=[about(Resource.CHECKS)])
async def list_checks(call: Authenticated) -> JSON:
    """List checks, of all accounts or of one."""
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
async def retrieve_check(call: Authenticated, check_id: str) -> JSON:
    """Retrieve a check."""
    no_query(call.query)
    return JSON(await call.engine.reader.check(call.caller, check_id))


@router.get("/reviews", dependencies=[about(Resource.REVIEWS)])
async def list_reviews(call: Authenticated) -> JSON:
    """List reviews without their details, of all accounts or of one, in any state and queue or in one."""
    wanted = reviews_page(call.query)
    page = await call.engine.reader.reviews(
        call.caller,
        account_id=wanted.account,
        status=wanted.status,
        queue=wanted.queue,
        limit=wanted.limit,
        cursor=wanted.page,
    )
    return page_of(
        call.path,
        page.data,
        limit=wanted.limit,
        filters=wanted.filters,
        next_page=page.next,
        previous_page=page.previous,
    )


@router.get("/reviews/{review_id}", dependencies=[about(Resource.REVIEWS)])
async def retrieve_review(call: Authenticated, review_id: str) -> JSON:
    """Retrieve a review."""
    no_query(call.query)
    return JSON(await call.engine.reader.review(call.caller, review_id))


@router.post("/reviews/{review_id}/claim", dependencies=[about(Resource.REVIEWS)])
async def claim_review(call: Authenticated, review_id: str) -> JSON:
    """Take a review, so that no other key decides it."""
    no_query(call.query)
    parameters = await call.json(ReviewClaim)
    return JSON(await call.engine.reviews.claim(call.caller, review_id, call.key(parameters)))


@router.post("/reviews/{review_id}/release", dependencies=[about(Resource.REVIEWS)])
async def release_review(call: Authenticated, review_id: str) -> JSON:
    """Give a claimed review back."""
    no_query(call.query)
    parameters = await call.json(ReviewClaim)
    return JSON(await call.engine.reviews.release(call.caller, review_id, call.key(parameters)))


@router.post("/reviews/{review_id}/decide", dependencies=[about(Resource.REVIEWS)])
async def decide_review(call: Authenticated, review_id: str) -> JSON:
    """Decide a review."""
    no_query(call.query)
    parameters = await call.json(ReviewDecide)
    decision, reasons = Decision(parameters["decision"]), tuple(parameters.get("reasons") or ())
    return JSON(await call.engine.reviews.decide(call.caller, review_id, decision, reasons, call.key(parameters)))
