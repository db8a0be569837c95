"""Seeing and deciding reviews."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import orjson
from temporalio import activity

from activities.messages import ReviewDecision, ReviewLook, ReviewStand
from activities.stepping import in_seconds
from onboarding.catalogue.loader import builtin_policy
from onboarding.door.callers import RequestKey
from onboarding.reviews import Decision

if TYPE_CHECKING:
    from onboarding.reviews import Reviews

GONE = "gone"
"""How a review of an erased account stands."""

_FIELDS = frozenset({"decision", "reasons"})


@dataclass(frozen=True)
class Problem:
    """Why a decision from the Temporal UI is refused before anything is kept of it: a code, and a sentence."""

    code: str
    says: str


def problem_of(decision: object, stand: ReviewStand | None) -> Problem | None:
    """What is wrong with a decision as it came; None if nothing is.

    Histories are kept, so the words must be known ones: decisions, and the error codes of the policy that ships. Codes
    of a platform's own are given to the API. Only for validators: what it knows may change between two replays.
    """
    if not isinstance(decision, dict) or not decision.keys() <= _FIELDS or "decision" not in decision:
        return Problem("parameter_invalid", 'Send one object: {"decision": ..., "reasons": [...]}.')
    reasons, known = decision.get("reasons", []), builtin_policy().errors
    if decision["decision"] not in tuple(Decision):
        return Problem("parameter_invalid", f"The decision is one of {', '.join(Decision)}.")
    if not isinstance(reasons, list) or not all(isinstance(code, str) and code in known for code in reasons):
        return Problem("parameter_invalid", "The reasons are a list of error codes of the policy.")
    if stand is not None and stand.four_eyes:
        return Problem("review_four_eyes", "Two known persons decide this queue: use the API or the command line.")
    if stand is not None and stand.wait_seconds is None:
        return Problem(f"review_{stand.status}", "Nothing is left to decide.")
    return None


@dataclass(frozen=True)
class ReviewActivities:
    """Activities of ``ReviewWorkflow``."""

    reviews: Reviews

    @activity.defn
    async def see_review(self, look: ReviewLook) -> ReviewStand:
        """Where a review stands, after whatever time owed it."""
        stand = await self.reviews.see(look.account_id, look.review_id)
        if stand is None:
            return ReviewStand(GONE)
        return ReviewStand(
            status=stand.status,
            platform=stand.platform,
            country=stand.country,
            queue=stand.queue,
            four_eyes=stand.four_eyes,
            sla_at=stand.sla_at,
            wait_seconds=in_seconds(stand.wait),
            details=stand.details,
        )

    @activity.defn
    async def decide_review(self, decision: ReviewDecision) -> str:
        """Decide a review in nobody's name; answers the decision. Once another has decided it, it is refused."""
        chosen = Decision(decision.decision)
        await self.reviews.decide_unverified(
            decision.account_id, decision.review_id, chosen, decision.reasons, _key(decision)
        )
        return chosen.value


def _key(decision: ReviewDecision) -> RequestKey | None:
    """A worker that dies between the decision and its answer has the next one decide again, which is no second time."""
    if not decision.key:
        return None
    fingerprint = orjson.dumps(asdict(decision), option=orjson.OPT_SORT_KEYS)
    return RequestKey(f"update {decision.account_id}", "", decision.key, fingerprint)
