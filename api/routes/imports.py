"""``/v2/verification/imports``: a book of accounts from elsewhere."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.headers import NDJSON_TYPES
from api.openapi.described import described
from api.openapi.queries import FIRST_LINE, LINE_STATUS, PAGING
from api.openapi.refusals import IMPORT_CHANGE, IMPORT_LINES
from api.openapi.schemas import TEXT
from api.responses import JSON, page_of
from api.schemas.imports import (
    USUAL,
    ImportChange,
    ImportCreate,
    ImportStart,
    first_line,
    import_lines_page,
    lines_of,
)
from api.schemas.queries import no_query, page
from onboarding.scopes import Resource

router = APIRouter(prefix="/v2/verification/imports", tags=["Imports"], dependencies=[about(Resource.ACCOUNTS)])


@router.post("")
@described("Import", body=ImportCreate)
async def create_import(call: Authenticated) -> JSON:
    """Make an import, to which the lines of a book of accounts are sent.

    No more than ``accounts_per_second`` are made, so that your other requests and your receivers of events have room.
    """
    no_query(call.query)
    parameters = await call.json(ImportCreate)
    pace = parameters.get("accounts_per_second", USUAL)
    return JSON(await call.engine.imports.create(call.caller, pace, call.key(parameters)))


@router.get("")
@described("Import", shape="page", query=PAGING)
async def list_imports(call: Authenticated) -> JSON:
    """List imports, newest first."""
    wanted = page(call.query)
    found = await call.engine.imports.list(call.caller, wanted.limit, wanted.page)
    return page_of(call.path, found.data, limit=wanted.limit, next_page=found.next, previous_page=found.previous)


@router.get("/{import_id}")
@described("Import")
async def retrieve_import(call: Authenticated, import_id: str) -> JSON:
    """Retrieve an import: where it stands, with its numbers of lines."""
    no_query(call.query)
    return JSON(await call.engine.imports.get(call.caller, import_id))


@router.post("/{import_id}/lines")
@described(
    "ImportPart",
    raw_body=("application/x-ndjson", TEXT),
    query=(FIRST_LINE,),
    refused=IMPORT_LINES,
    keyed=False,
)
async def receive_import_lines(call: Authenticated, import_id: str) -> JSON:
    """Send lines of the book: at most 500, and 1 MB.

    Each is a JSON object: ``account`` with the parameters of an account's creation, ``persons`` and
    ``external_accounts`` with those of its persons and bank accounts. Of lines that are broken the answer tells what is
    wrong; they stop no other. The same lines again change nothing. A line that says something else takes the place of
    the one with its number, until that is an account.
    """
    first = first_line(call.query)
    raw = await call.raw(NDJSON_TYPES)
    # Half a thousand lines take a while to check: not in the way of all other requests of this process.
    lines = await asyncio.to_thread(lines_of, raw, first)
    return JSON(await call.engine.imports.receive(call.caller, import_id, lines))


@router.get("/{import_id}/lines")
@described("ImportLine", shape="page", query=(*PAGING, LINE_STATUS))
async def list_import_lines(call: Authenticated, import_id: str) -> JSON:
    """List what became of the lines, in their order."""
    wanted, status = import_lines_page(call.query)
    found = await call.engine.imports.lines(
        call.caller, import_id, status=status, limit=wanted.limit, cursor=wanted.page
    )
    return page_of(
        call.path,
        found.data,
        limit=wanted.limit,
        filters=[("status", status)] if status is not None else [],
        next_page=found.next,
        previous_page=found.previous,
    )


@router.post("/{import_id}/start")
@described("Import", body=ImportStart, refused=IMPORT_CHANGE)
async def start_import(call: Authenticated, import_id: str) -> JSON:
    """Make an account of every line that is none yet, refused ones too.

    With ``dry_run`` nothing is made: each line is played, and undone again, and then tells what it would come to.
    """
    no_query(call.query)
    parameters = await call.json(ImportStart)
    key, is_dry_run = call.key(parameters), parameters.get("dry_run", False)
    return JSON(await call.engine.imports.start(call.caller, import_id, key, is_dry_run=is_dry_run))


@router.post("/{import_id}/pause")
@described("Import", body=ImportChange, refused=IMPORT_CHANGE)
async def pause_import(call: Authenticated, import_id: str) -> JSON:
    """Pause an import. What was made stays, and lines may be mended."""
    no_query(call.query)
    key = call.key(await call.json(ImportChange))
    return JSON(await call.engine.imports.pause(call.caller, import_id, key))


@router.post("/{import_id}/resume")
@described("Import", body=ImportChange, refused=IMPORT_CHANGE)
async def resume_import(call: Authenticated, import_id: str) -> JSON:
    """Go on with a paused import."""
    no_query(call.query)
    key = call.key(await call.json(ImportChange))
    return JSON(await call.engine.imports.resume(call.caller, import_id, key))
