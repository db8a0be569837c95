"""``/v2/verification``: what Accounts v2 has no words for, in its style. Checks are read here, reviews decided."""

from __future__ import annotations

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.openapi.described import described
from api.openapi.queries import ACCOUNT, PAGING, QUEUE, STATUS
from api.openapi.refusals import REVIEW
from api.responses import JSON, page_of
from api.schemas.events import account_items_page
from api.schemas.queries import no_query
from api.schemas.reviews import ReviewClaim, ReviewDecide, reviews_page
from onboarding.reviews import Decision
from onboarding.scopes import Resource

router = APIRouter(prefix="/v2/verification", tags=["Checks and reviews"])


@router.get("/checks", dependencies=[about(Resource.CHECKS)])
@described("Check", shape="page", query=(*PAGING, ACCOUNT))
async def list_checks(call: Authenticated) -> JSON:
    """List checks, newest first."""
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
@described("Check")
async def retrieve_check(call: Authenticated, check_id: str) -> JSON:
    """Retrieve a check."""
    no_query(call.query)
    return JSON(await call.engine.reader.check(call.caller, check_id))


@router.get("/reviews", dependencies=[about(Resource.REVIEWS)])
@described("Review", shape="page", query=(*PAGING, ACCOUNT, STATUS, QUEUE))
async def list_reviews(call: Authenticated) -> JSON:
    """List reviews, newest first.

    ``detail`` is null in a list.
    """
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
@described("Review")
async def retrieve_review(call: Authenticated, review_id: str) -> JSON:
    """Retrieve a review with what was found."""
    no_query(call.query)
    return JSON(await call.engine.reader.review(call.caller, review_id))


@router.post("/reviews/{review_id}/claim", dependencies=[about(Resource.REVIEWS)])
@described("Review", body=ReviewClaim, refused=REVIEW)
async def claim_review(call: Authenticated, review_id: str) -> JSON:
    """Take a review, so that no other key decides it.

    A claim belongs to the API key that made it.
    """
    no_query(call.query)
    parameters = await call.json(ReviewClaim)
    return JSON(await call.engine.reviews.claim(call.caller, review_id, call.key(parameters)))


@router.post("/reviews/{review_id}/release", dependencies=[about(Resource.REVIEWS)])
@described("Review", body=ReviewClaim, refused=REVIEW)
async def release_review(call: Authenticated, review_id: str) -> JSON:
    """Give a claimed review back."""
    no_query(call.query)
    parameters = await call.json(ReviewClaim)
    return JSON(await call.engine.reviews.release(call.caller, review_id, call.key(parameters)))


@router.post("/reviews/{review_id}/decide", dependencies=[about(Resource.REVIEWS)])
@described("Review", body=ReviewDecide, refused=REVIEW)
async def decide_review(call: Authenticated, review_id: str) -> JSON:
    """Decide a review.

    ``failed`` takes ``reasons``, which are error codes of the account's policy; a screening takes none. ``ask_again``
    has the verifiers asked anew. A decision stands until the inputs change.
    """
    no_query(call.query)
    parameters = await call.json(ReviewDecide)
    decision, reasons = Decision(parameters["decision"]), tuple(parameters.get("reasons") or ())
    return JSON(await call.engine.reviews.decide(call.caller, review_id, decision, reasons, call.key(parameters)))
