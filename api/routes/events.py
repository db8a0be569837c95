"""``/v2/core/events``."""

from __future__ import annotations

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.openapi.described import described
from api.openapi.queries import CREATED, OBJECT_ID, PAGING, TYPES
from api.responses import JSON, page_of
from api.schemas.events import events_page
from api.schemas.queries import no_query
from onboarding.documents import rfc3339
from onboarding.scopes import Resource

router = APIRouter(prefix="/v2/core/events", tags=["Events"], dependencies=[about(Resource.EVENTS)])


@router.get("")
@described("Event", shape="page", query=(*PAGING, OBJECT_ID, TYPES, CREATED))
async def list_events(call: Authenticated) -> JSON:
    """List events, newest first.

    In the order in which they can be seen: the list is eventually consistent, and no page skips one.
    """
    wanted = events_page(call.query)
    page = await call.engine.reader.events(
        call.caller,
        object_id=wanted.object_id,
        types=list(wanted.types),
        created=wanted.created,
        limit=wanted.limit,
        cursor=wanted.page,
    )
    filters = [("object_id", wanted.object_id)] if wanted.object_id is not None else []
    filters += [(f"types[{index}]", kind) for index, kind in enumerate(wanted.types)]
    filters += [(f"created[{bound}]", rfc3339(instant)) for bound, instant in wanted.created.items()]
    return page_of(
        call.path,
        page.data,
        limit=wanted.limit,
        filters=filters,
        next_page=page.next,
        previous_page=page.previous,
    )


@router.get("/{event_id}")
@described("Event")
async def retrieve_event(call: Authenticated, event_id: str) -> JSON:
    """Retrieve an event with its changes."""
    no_query(call.query)
    return JSON(await call.engine.reader.event(call.caller, event_id))
