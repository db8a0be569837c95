"""``/health`` and ``/ready``, for whoever runs this process. They need no key."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request

from api.openapi.described import described
from api.responses import JSON
from onboarding.engine import Engine
from onboarding.storage.faults import ConnectionLost

router = APIRouter(tags=["Service"])


@router.get("/health")
@described("Health", public=True)
async def health(request: Request) -> JSON:
    """Tell how the whole is doing.

    ``degraded`` and ``unavailable`` come with 200 too: restarting this process would mend nothing.
    """
    engine: Engine = request.state.engine
    try:
        return JSON(await engine.health())
    except ConnectionLost:
        return JSON({"status": "unavailable", "database": "unreachable"})


@router.get("/ready")
@described("Ready", public=True)
async def ready(request: Request) -> JSON:
    """Tell whether this process can serve requests.

    It needs the database and nothing else; without it the answer is 503.
    """
    engine: Engine = request.state.engine
    await engine.health()
    return JSON({"status": "ready"})
