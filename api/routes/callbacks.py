"""``/callbacks/{verifier}``: what vendors send us. No API key: each is authentic by its vendor's own signature."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request

from api.errors import not_found
from api.openapi.described import described
from api.openapi.refusals import SIGNATURES
from api.responses import JSON
from onboarding.domain.errors import Refusal
from onboarding.engine import Engine
from onboarding.storage.inbox import ItemState

router = APIRouter(tags=["Callbacks"])


@router.post("/callbacks/{verifier}")
@described("Received", raw_body=("application/json", {}), refused={400: SIGNATURES}, public=True)
async def receive_callback(request: Request, verifier: str) -> JSON:
    """Take in what a vendor sends.

    Authentic by the vendor's own signature. 200 as soon as it is committed: what it means is found out later. One of an
    unknown shape is kept and answered 200 too, since sending it again would not help.
    """
    engine: Engine = request.state.engine
    if not engine.inbox.takes(verifier):
        raise not_found()
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.headers.raw}
    received = await engine.inbox.receive(verifier, headers, await request.body())
    if received.state is ItemState.REFUSED:
        code = received.code or "signature_wrong"
        raise Refusal(code, "The callback is not authentic.", type="invalid_request_error")
    return JSON({"received": True})
