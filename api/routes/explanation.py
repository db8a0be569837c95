"""``/v2/verification/accounts/{id}/explanation``: why each capability of an account stands as it does."""

from __future__ import annotations

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.openapi.described import described
from api.openapi.queries import AT, CAPABILITY
from api.responses import JSON
from api.schemas.explanation import explanation_query
from onboarding.scopes import Resource

router = APIRouter(
    prefix="/v2/verification/accounts/{account_id}", tags=["Explanation"], dependencies=[about(Resource.EXPLANATIONS)]
)


@router.get("/explanation")
@described("Explanation", query=(AT, CAPABILITY))
async def explain_account(call: Authenticated, account_id: str) -> JSON:
    """Explain an account, now or at an instant of the past.

    Each capability with the needs that block it, put it at risk or are satisfied; each need with its rule, the rule's
    source, why it applies, and what its answer rests on.
    """
    wanted = explanation_query(call.query)
    return JSON(
        await call.engine.explanations.explain(
            call.caller, account_id, at=wanted.at, capability=wanted.capability
        )
    )  # fmt: skip
