"""Event destinations as they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onboarding.documents.events import DESTINATION_TYPE
from onboarding.domain.instants import rfc3339

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from onboarding.storage.rows import EventDestinationRow

WEBHOOK_ENDPOINT = "webhook_endpoint"


def destination_document(
    row: EventDestinationRow, content: Mapping[str, Any], signing_secret: str | None = None
) -> dict[str, Any]:
    """A destination with everything that can be included.

    Args:
        row: as it is stored.
        content: what is sealed in it: ``url``, ``name`` and, where they were given, ``description``, ``metadata``,
            ``snapshot_api_version``.
        signing_secret: only for the answer to the request that made it.
    """
    return {
        "id": row.id,
        "object": DESTINATION_TYPE,
        "amazon_eventbridge": None,
        "azure_event_grid": None,
        "created": rfc3339(row.created_at),
        "description": content.get("description", ""),
        "enabled_events": row.enabled_events,
        "event_payload": row.event_payload,
        "events_from": row.events_from,
        "livemode": row.livemode,
        "metadata": content.get("metadata", {}),
        "name": content["name"],
        "snapshot_api_version": content.get("snapshot_api_version"),
        "status": "enabled" if row.enabled else "disabled",
        "status_details": None if row.enabled else {"disabled": {"reason": "user"}},
        "type": WEBHOOK_ENDPOINT,
        "updated": rfc3339(row.updated_at),
        WEBHOOK_ENDPOINT: {"signing_secret": signing_secret, "url": content["url"]},
    }


def select_destination(document: Mapping[str, Any], include: Collection[str]) -> dict[str, Any]:
    """The document with what may be included as null, unless ``webhook_endpoint.<name>`` was asked for."""
    endpoint = {
        name: value if f"{WEBHOOK_ENDPOINT}.{name}" in include else None
        for name, value in document[WEBHOOK_ENDPOINT].items()
    }
    return {**document, WEBHOOK_ENDPOINT: endpoint}
