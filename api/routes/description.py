"""``/openapi.json`` and ``/docs``: the description of this API, and the page that shows it. They need no key.

The page is served whole from here and asks nobody else for anything. Its renderer is ``openapi-explorer`` 2.4.820 from
npm, unchanged, with its licence (Apache-2.0) beside it.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.errors import not_found
from api.openapi.described import described

PAGE = "docs.html"
_FILES = {
    "docs.css": "text/css",
    "openapi-explorer.LICENSE.txt": "text/plain",
    "openapi-explorer.min.js": "text/javascript",
}
# Styles within the page are the renderer's own; no script runs but those files, and nothing is loaded from elsewhere.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data:"
    "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}

router = APIRouter(tags=["Service"])


@router.get("/openapi.json")
@described("Description", public=True)
async def describe_api(request: Request) -> Response:
    """Describe this API.

    As OpenAPI 3.1, for generators of clients and for people: ``/docs`` shows it.
    """
    return Response(request.app.state.description(), media_type="application/json")


@router.get("/docs", include_in_schema=False)
async def show_docs() -> Response:
    """The page."""
    return Response(_file(PAGE), media_type="text/html", headers=HEADERS)


@router.get("/docs/{name}", include_in_schema=False)
async def send_file(name: str) -> Response:
    """What the page is made of."""
    if name not in _FILES:
        raise not_found()
    return Response(_file(name), media_type=_FILES[name], headers=HEADERS)


@cache
def _file(name: str) -> bytes:
    return resources.files("api").joinpath("site", name).read_bytes()
