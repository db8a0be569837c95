"""``/health`` and ``/ready``, for whoever runs this process. They need no key."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request

from api.responses import JSON
from onboarding.engine import Engine
from onboarding.storage.faults import ConnectionLost

router = APIRouter()


@router.get("/health")
async def health(request: Request) -> JSON:
    """How the whole is doing. It says "degraded" with 200: restarting this process would mend nothing."""
    engine: Engine = request.state.engine
    try:
        return JSON(await engine.health())
    except ConnectionLost:
        return JSON({"status": "unavailable", "database": "unreachable"})


@router.get("/ready")
async def ready(request: Request) -> JSON:
    """Whether this process can serve requests: it needs the database and nothing else. 503 without it."""
    engine: Engine = request.state.engine
    await engine.health()
    return JSON({"status": "ready"})
