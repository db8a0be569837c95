"""``/v1/files``: Accounts v2 names documents and pictures by the ids of files, which are kept on v1."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from api.access import ContextUse, about
from api.dependencies import Authenticated, Call
from api.multipart import read_form
from api.openapi.described import described
from api.openapi.queries import EXPAND, FILES
from api.openapi.refusals import CLOSED_ACCOUNT
from api.responses import JSON
from api.schemas.files import FileCreate, expand_only, files_page
from api.schemas.parse import parse_fields
from api.schemas.queries import no_query
from onboarding.files.means import StoredFile
from onboarding.files.names import safe_name
from onboarding.files.purposes import MIME_TYPES
from onboarding.scopes import Resource

router = APIRouter(prefix="/v1/files", tags=["Files"], dependencies=[about(Resource.FILES, ContextUse.OPTIONAL)])


@router.post("")
@described("File", body=FileCreate, upload="file", refused=CLOSED_ACCOUNT)
async def create_file(call: Authenticated) -> JSON:
    """Take in a file, for the account that the call acts for or for the platform itself."""
    no_query(call.query)
    async with call.engine.files.upload(call.caller, call.context) as upload:
        form = await read_form(call.request, "file", upload.write)
        parameters = parse_fields(FileCreate, form.fields)
        name = safe_name(form.file_name)
        key = call.key({**parameters, "file": name})
        document = await upload.commit(parameters["purpose"], name, key, partial(_document, call))
    return JSON(document)


@router.get("")
@described("File", shape="v1_list", query=FILES)
async def list_files(call: Authenticated) -> JSON:
    """List files in v1's way: ``has_more``, and the ids of neighbours for pages."""
    wanted = files_page(call.query)
    found, has_more = await call.engine.files.list(
        call.caller,
        call.context,
        limit=wanted.limit,
        starting_after=wanted.starting_after,
        ending_before=wanted.ending_before,
        purpose=wanted.purpose,
        since=wanted.since,
        before=wanted.before,
    )
    data = [_document(call, stored) for stored in found]
    return JSON({"object": "list", "data": data, "has_more": has_more, "url": call.path})


@router.get("/{file_id}")
@described("File", query=(EXPAND,))
async def retrieve_file(call: Authenticated, file_id: str) -> JSON:
    """Retrieve a file's description."""
    expand_only(call.query)
    return JSON(_document(call, await call.engine.files.get(call.caller, file_id, call.context)))


@router.get("/{file_id}/contents")
@described(None, files=tuple(MIME_TYPES.values()))
async def download_file(call: Authenticated, file_id: str) -> Response:
    """The file itself; no browser is to take it for anything but a download."""
    no_query(call.query)
    contents = await call.engine.files.contents(call.caller, file_id, call.context)
    row = contents.file.row
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(contents.file.name or row.id, safe='')}",
        "Content-Length": str(row.size),
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(contents.parts, media_type=MIME_TYPES[row.type], headers=headers)


def _document(call: Call, stored: StoredFile) -> dict[str, Any]:
    row = stored.row
    return {
        "id": row.id,
        "object": "file",
        "created": int(row.created_at.timestamp()),
        "expires_at": None,
        "filename": stored.name,
        "links": {"object": "list", "data": [], "has_more": False, "url": f"/v1/file_links?file={row.id}"},
        "purpose": row.purpose,
        "size": row.size,
        "title": None,
        "type": row.type,
        "url": f"{str(call.request.base_url).rstrip('/')}/v1/files/{row.id}/contents",
    }
