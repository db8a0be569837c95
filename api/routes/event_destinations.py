"""``/v2/core/event_destinations``."""

from __future__ import annotations

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.openapi.described import described
from api.openapi.queries import INCLUDE_URL, PAGING
from api.openapi.refusals import DESTINATION_CHANGE, DESTINATION_CREATION, PING
from api.responses import JSON, page_of
from api.schemas.destinations import (
    URL_INCLUDE,
    EventDestinationAction,
    EventDestinationCreate,
    EventDestinationUpdate,
)
from api.schemas.queries import included_page, includes, no_query
from onboarding.documents.destinations import select_destination
from onboarding.scopes import Resource

NOTICE = "Stripe-Notice"
"""Header that official SDKs show as a warning."""

NO_SNAPSHOTS = (
    "This engine makes thin events only, so nothing but pings is sent to a destination for snapshots."
    " Make one with event_payload thin."
)

router = APIRouter(
    prefix="/v2/core/event_destinations", tags=["Event destinations"], dependencies=[about(Resource.EVENT_DESTINATIONS)]
)


@router.post("")
@described("EventDestination", body=EventDestinationCreate, refused=DESTINATION_CREATION)
async def create_event_destination(call: Authenticated) -> JSON:
    """Create a destination; its signing secret can be included here and nowhere else."""
    no_query(call.query)
    parameters = await call.json(EventDestinationCreate)
    key = call.key(parameters)
    include = parameters.pop("include", [])
    created = await call.engine.destinations.create(call.caller, parameters, key)
    answer = JSON(call.shown(select_destination(created, include)))
    if created["event_payload"] == "snapshot":
        answer.headers[NOTICE] = NO_SNAPSHOTS
    return answer


@router.get("")
@described("EventDestination", shape="page", query=(*PAGING, INCLUDE_URL))
async def list_event_destinations(call: Authenticated) -> JSON:
    """List destinations."""
    wanted = included_page(call.query, URL_INCLUDE)
    found = await call.engine.destinations.list(call.caller, wanted.limit, wanted.page)
    return page_of(
        call.path,
        [call.shown(select_destination(document, wanted.include)) for document in found.data],
        limit=wanted.limit,
        filters=[(f"include[{index}]", name) for index, name in enumerate(wanted.include)],
        next_page=found.next,
        previous_page=found.previous,
    )


@router.get("/{destination_id}")
@described("EventDestination", query=(INCLUDE_URL,))
async def retrieve_event_destination(call: Authenticated, destination_id: str) -> JSON:
    """Retrieve a destination."""
    include = includes(call.query, URL_INCLUDE)
    found = await call.engine.destinations.get(call.caller, destination_id)
    return JSON(call.shown(select_destination(found, include)))


@router.post("/{destination_id}")
@described("EventDestination", body=EventDestinationUpdate, refused=DESTINATION_CHANGE)
async def update_event_destination(call: Authenticated, destination_id: str) -> JSON:
    """Change a destination's labels, address or enabled events."""
    no_query(call.query)
    parameters = await call.json(EventDestinationUpdate)
    key = call.key(parameters)
    include = parameters.pop("include", [])
    updated = await call.engine.destinations.update(call.caller, destination_id, parameters, key)
    return JSON(call.shown(select_destination(updated, include)))


@router.delete("/{destination_id}")
@described("DeletedEventDestination")
async def delete_event_destination(call: Authenticated, destination_id: str) -> JSON:
    """Delete a destination, and what is owed to it."""
    no_query(call.query)
    return JSON(await call.engine.destinations.delete(call.caller, destination_id, call.key()))


@router.post("/{destination_id}/enable")
@described("EventDestination", body=EventDestinationAction)
async def enable_event_destination(call: Authenticated, destination_id: str) -> JSON:
    """Send events to a destination from now on."""
    return await _switched(call, destination_id, enabled=True)


@router.post("/{destination_id}/disable")
@described("EventDestination", body=EventDestinationAction)
async def disable_event_destination(call: Authenticated, destination_id: str) -> JSON:
    """Send no more events to a destination."""
    return await _switched(call, destination_id, enabled=False)


@router.post("/{destination_id}/ping")
@described("Event", body=EventDestinationAction, refused=PING)
async def ping_event_destination(call: Authenticated, destination_id: str) -> JSON:
    """Send an event to try a destination; answers that event."""
    no_query(call.query)
    parameters = await call.json(EventDestinationAction)
    return JSON(await call.engine.destinations.ping(call.caller, destination_id, call.key(parameters)))


async def _switched(call: Authenticated, destination_id: str, *, enabled: bool) -> JSON:
    no_query(call.query)
    parameters = await call.json(EventDestinationAction)
    switched = await call.engine.destinations.switch(
        call.caller, destination_id, call.key(parameters), enabled=enabled
    )  # fmt: skip
    return JSON(call.shown(select_destination(switched, ())))
