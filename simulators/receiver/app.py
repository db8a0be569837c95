"""The receiver's HTTP side.

* POST ``/switches``: one order, signed, with a key. 200 with the switch; 409 ``version_outrun`` with the version that
  was obeyed; 409 ``key_reused``; 400 ``unreadable``; 401 ``signature_wrong``.
* GET ``/merchants/{merchant}``: its switches by feature.
* ``/_control``: ``health``; ``done``, every order that was obeyed; ``faults`` (GET, POST a list, DELETE); PUT ``down``.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulators.identity.routes import CutConnection
from simulators.identity.storage import Storage
from simulators.receiver.faults import Fault, Faults, wait
from simulators.receiver.signatures import is_signed
from simulators.receiver.switchboard import Switchboard, TooOldError


@dataclass(frozen=True)
class Options:
    """What the process was started with: the folder that survives, and what callers sign with."""

    state: Path
    secret: str = field(repr=False)


class Order(BaseModel):
    """An order as callers write it. Words that are not known are none of ours."""

    model_config = ConfigDict(extra="ignore", strict=True)

    merchant: Annotated[str, Field(min_length=1, alias="account")]
    feature: Annotated[str, Field(min_length=1, alias="capability")]
    part: Annotated[str, Field(min_length=1, alias="step")]
    is_open: Annotated[bool, Field(alias="on")]
    version: Annotated[int, Field(ge=1)]
    good_until: Annotated[str | None, Field(alias="valid_until")] = None


def create_app(options: Options) -> FastAPI:
    """The whole server; its lifespan closes the state folder.

    Raises:
        simulators.identity.storage.StateUnreadableError: where the state folder can't be used.
    """
    storage = Storage(options.state)
    board, faults = Switchboard(storage), Faults()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        storage.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None)

    @app.post("/switches")
    async def switch(request: Request) -> Response:
        if faults.is_down:
            return _said(503, "closed")
        body = await request.body()
        if not is_signed(request.headers.get("stripe-signature", ""), body, options.secret):
            return _said(401, "signature_wrong")
        try:
            order = Order.model_validate_json(body)
        except ValidationError:
            return _said(400, "unreadable")
        key = request.headers.get("idempotency-key", "")
        return await _carry_out(board, faults, order, key, body) if key else _said(400, "key_missing")

    @app.get("/merchants/{merchant}")
    async def merchant(merchant: str) -> dict[str, Any]:
        return board.of(merchant)

    app.include_router(_control(board, faults))
    return app


def _control(board: Switchboard, faults: Faults) -> APIRouter:
    """What a test sees and scripts. No signature is asked for."""
    control = APIRouter(prefix="/_control")

    @control.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @control.get("/done")
    async def done() -> list[dict[str, Any]]:
        return board.done

    @control.get("/faults")
    async def scripted() -> list[Fault]:
        return faults.script

    @control.post("/faults")
    async def script(added: list[Fault]) -> list[Fault]:
        faults.script.extend(added)
        return faults.script

    @control.delete("/faults")
    async def clear() -> list[Fault]:
        faults.clear()
        return faults.script

    @control.put("/down")
    async def down(down: Annotated[bool, Body(embed=True)]) -> dict[str, bool]:
        faults.is_down = down
        return {"down": down}

    return control


async def _carry_out(board: Switchboard, faults: Faults, order: Order, key: str, body: bytes) -> Response:
    fault = faults.take(order.merchant, order.feature, order.part, is_open=order.is_open)
    await wait(fault)
    failed = _before(fault)
    if failed is not None:
        return failed
    try:
        # Before the key: what was answered once to an order that is too old by now must not be said again.
        board.refuse_old(order.merchant, order.feature, order.version)
    except TooOldError as error:
        return JSONResponse({"code": "version_outrun", "version": error.version}, 409)
    asked = hashlib.sha256(body).hexdigest()
    known = board.answered(key)
    if known is None:
        status, answer = _obeyed(board, fault, order)
        board.keep(key, asked, status, answer)
    elif known["asked"] == asked:
        status, answer = known["status"], known["answer"]
    else:
        status, answer = 409, {"code": "key_reused"}
    return CutConnection() if fault is not None and fault.do == "lose" else JSONResponse(answer, status)


def _obeyed(board: Switchboard, fault: Fault | None, order: Order) -> tuple[int, dict[str, Any]]:
    """What is answered to an order that was not answered yet."""
    if fault is not None and fault.do == "refuse":
        return 422, {"code": fault.code}
    return 200, board.obey(
        order.merchant,
        order.feature,
        order.part,
        version=order.version,
        is_open=order.is_open,
        good_until=order.good_until,
    )


def _before(fault: Fault | None) -> Response | None:
    """What a fault makes of a call before anything is done."""
    if fault is None:
        return None
    match fault.do:
        case "error":
            return _said(fault.status, "unwell")
        case "busy":
            return JSONResponse({"code": "busy"}, 429, {"Retry-After": f"{fault.seconds:g}"})
        case "cut":
            return CutConnection()
        case _:
            return None


def _said(status: int, code: str) -> Response:
    return JSONResponse({"code": code}, status)
