"""``/v2/verification/reviews``: checks that people answer."""

from __future__ import annotations

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.openapi.described import described
from api.openapi.queries import ACCOUNT, ASSIGNEE, OVERDUE, PAGING, QUEUE, STATUS
from api.openapi.refusals import REVIEW, REVIEW_CLAIM, REVIEW_QUEUE, REVIEW_REQUEST
from api.responses import JSON, page_of
from api.schemas.queries import no_query, page
from api.schemas.reviews import (
    ReviewAssign,
    ReviewClaim,
    ReviewClaimNext,
    ReviewDecide,
    ReviewNote,
    ReviewRequestInformation,
    reviews_page,
)
from onboarding.reviews import Decision
from onboarding.scopes import Resource

REVIEWS = "/v2/verification/reviews"
REVIEW_PATH = f"{REVIEWS}/{{review_id}}"

router = APIRouter(tags=["Checks and reviews"], dependencies=[about(Resource.REVIEWS)])


@router.get(REVIEWS)
@described("Review", shape="page", query=(*PAGING, ACCOUNT, STATUS, QUEUE, ASSIGNEE, OVERDUE))
async def list_reviews(call: Authenticated) -> JSON:
    """List reviews, the most urgent first.

    They come by ``priority``, the lowest first, then by ``sla_at``. ``detail`` is null in a list.
    """
    wanted = reviews_page(call.query)
    found = await call.engine.reader.reviews(
        call.caller,
        account_id=wanted.account,
        status=wanted.status,
        queue=wanted.queue,
        assignee=wanted.assignee,
        overdue=wanted.overdue,
        limit=wanted.limit,
        cursor=wanted.page,
    )
    return page_of(
        call.path,
        found.data,
        limit=wanted.limit,
        filters=wanted.filters,
        next_page=found.next,
        previous_page=found.previous,
    )


@router.post(f"{REVIEWS}/claim_next")
@described("Review", body=ReviewClaimNext, refused=REVIEW_QUEUE)
async def claim_next_review(call: Authenticated) -> JSON:
    """Take the most urgent review of a queue that nobody has.

    Reviews that are assigned to the ``reviewer`` come first, those of others not at all. Where nothing waits, the
    answer is 404 ``review_queue_empty``.
    """
    no_query(call.query)
    parameters = await call.json(ReviewClaimNext)
    claimed = await call.engine.reviews.claim_next(
        call.caller, parameters["queue"], call.key(parameters), reviewer=parameters.get("reviewer")
    )
    return JSON(claimed)


@router.get(REVIEW_PATH)
@described("Review")
async def retrieve_review(call: Authenticated, review_id: str) -> JSON:
    """Retrieve a review with what was found."""
    no_query(call.query)
    return JSON(await call.engine.reader.review(call.caller, review_id))


@router.post(f"{REVIEW_PATH}/claim")
@described("Review", body=ReviewClaim, refused=REVIEW_CLAIM)
async def claim_review(call: Authenticated, review_id: str) -> JSON:
    """Take a review for half an hour, so that nobody else decides it.

    A claim belongs to the API key that made it and to the ``reviewer`` whom it named; to claim again renews it.
    """
    no_query(call.query)
    parameters = await call.json(ReviewClaim)
    key, reviewer = call.key(parameters), parameters.get("reviewer")
    return JSON(await call.engine.reviews.claim(call.caller, review_id, key, reviewer=reviewer))


@router.post(f"{REVIEW_PATH}/release")
@described("Review", body=ReviewClaim, refused=REVIEW)
async def release_review(call: Authenticated, review_id: str) -> JSON:
    """Give a claimed review back."""
    no_query(call.query)
    parameters = await call.json(ReviewClaim)
    key, reviewer = call.key(parameters), parameters.get("reviewer")
    return JSON(await call.engine.reviews.release(call.caller, review_id, key, reviewer=reviewer))


@router.post(f"{REVIEW_PATH}/assign")
@described("Review", body=ReviewAssign, refused=REVIEW)
async def assign_review(call: Authenticated, review_id: str) -> JSON:
    """Say whose a review is, or with null nobody's in particular.

    It changes no claim, and anybody may claim the review by its id; ``claim_next`` offers it to its assignee only.
    """
    no_query(call.query)
    parameters = await call.json(ReviewAssign)
    key = call.key(parameters)
    return JSON(await call.engine.reviews.assign(call.caller, review_id, parameters["assignee"], key))


@router.post(f"{REVIEW_PATH}/decide")
@described("Review", body=ReviewDecide, refused=REVIEW_CLAIM)
async def decide_review(call: Authenticated, review_id: str) -> JSON:
    """Decide a review.

    ``failed`` takes ``reasons``, which are error codes of the account's policy; a screening takes none. ``ask_again``
    has the verifiers asked anew. A decision stands until the inputs change. Where the queue wants four eyes, it stands
    once a second person has made the same one; until then the review is ``proposed``.
    """
    no_query(call.query)
    parameters = await call.json(ReviewDecide)
    decision, reasons = Decision(parameters["decision"]), tuple(parameters.get("reasons") or ())
    key, reviewer = call.key(parameters), parameters.get("reviewer")
    return JSON(await call.engine.reviews.decide(call.caller, review_id, decision, reasons, key, reviewer=reviewer))


@router.post(f"{REVIEW_PATH}/request_information")
@described("Review", body=ReviewRequestInformation, refused=REVIEW_REQUEST)
async def request_information(call: Authenticated, review_id: str) -> JSON:
    """Ask the user for something, which then stands among the account's requirements.

    Each entry is a field of whom the review is about, as requirements describe it, and an error code of the account's
    policy. The review is ``waiting`` until all of them were supplied, and its SLA does not run; then it is the first of
    its queue.
    """
    no_query(call.query)
    parameters = await call.json(ReviewRequestInformation)
    entries = tuple((entry["description"], entry["error"]) for entry in parameters["entries"])
    key, reviewer = call.key(parameters), parameters.get("reviewer")
    asked = await call.engine.reviews.request_information(call.caller, review_id, entries, key, reviewer=reviewer)
    return JSON(asked)


@router.post(f"{REVIEW_PATH}/notes")
@described("ReviewNote", body=ReviewNote)
async def add_review_note(call: Authenticated, review_id: str) -> JSON:
    """Note something about a review for whoever reads it later. It is stored sealed, and in no event or log."""
    no_query(call.query)
    parameters = await call.json(ReviewNote)
    key, reviewer = call.key(parameters), parameters.get("reviewer")
    noted = await call.engine.reviews.add_note(call.caller, review_id, parameters["text"], key, reviewer=reviewer)
    return JSON(noted)


@router.get(f"{REVIEW_PATH}/notes")
@described("ReviewNote", shape="page", query=PAGING)
async def list_review_notes(call: Authenticated, review_id: str) -> JSON:
    """List what was noted about a review, newest first."""
    wanted = page(call.query)
    found = await call.engine.reviews.notes(call.caller, review_id, limit=wanted.limit, cursor=wanted.page)
    return page_of(call.path, found.data, limit=wanted.limit, next_page=found.next, previous_page=found.previous)
