"""``/_control``: what a test sees and scripts. No key is asked for."""

from __future__ import annotations

from collections.abc import Callable
from json import JSONDecodeError
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.identity.faults import BadFaultError, Faults
from simulators.identity.vendor import Vendor


class Control:
    """The routes.

    * GET ``health``: ``{"status": "ok"}``.
    * GET ``ledger``: ``{sessions_created, by_reference, submitted, reports, cancelled, webhooks}``.
    * GET ``sessions``: a list of ``{id, status, client_reference_id, metadata, url, created}``, the oldest first.
    * GET ``faults``: the rest of the script; POST adds a list to it; DELETE ends all faults and comes up.
    * PUT ``rates``: ``{seed, request: {do: share}, webhook: {do: share}}``, in place of earlier ones.
    * PUT ``down``: ``{"down": true|false}``.

    What can't be read is answered 400 with ``{"message"}``.
    """

    def __init__(self, vendor: Vendor, faults: Faults) -> None:
        self._vendor = vendor
        self._faults = faults

    def routes(self) -> list[Route]:
        """All of ``/_control``."""
        faults = self._faults
        return [
            _route("GET", "health", lambda _: {"status": "ok"}),
            _route("GET", "ledger", lambda _: self._vendor.ledger()),
            _route("GET", "sessions", lambda _: self._vendor.overview()),
            _route("GET", "faults", lambda _: faults.waiting()),
            _route("POST", "faults", self._add),
            _route("DELETE", "faults", self._clear),
            _route("PUT", "rates", self._rates),
            _route("PUT", "down", self._down),
        ]

    def _add(self, faults: Any) -> Any:
        self._faults.add(faults)
        return self._faults.waiting()

    def _clear(self, _: Any) -> Any:
        self._faults.clear()
        return []

    def _rates(self, rates: Any) -> Any:
        self._faults.set_rates(rates)
        return rates

    def _down(self, said: Any) -> Any:
        if not isinstance(said, dict) or not isinstance(said.get("down"), bool):
            raise BadFaultError('{"down": true} or {"down": false} is expected')
        self._faults.set_down(down=said["down"])
        return said


def _route(method: str, name: str, work: Callable[[Any], Any]) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            said = await request.json() if method in {"POST", "PUT"} else None
            return JSONResponse(work(said))
        except BadFaultError as error:
            return JSONResponse({"message": str(error)}, 400)
        except (JSONDecodeError, UnicodeDecodeError):
            return JSONResponse({"message": "JSON is expected"}, 400)

    return Route(f"/_control/{name}", endpoint, methods=[method])
