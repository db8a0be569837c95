"""Events as they are read and as they are sent, and which types there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onboarding.domain.events import ACCOUNT_TYPE, CHECK_TYPE, DUE_SECTIONS, PERSON_TYPE, REVIEW_TYPE, SECTIONS
from onboarding.domain.instants import rfc3339

if TYPE_CHECKING:
    from onboarding.storage.rows import EventRow

EVENT_TYPE = "v2.core.event"
DESTINATION_TYPE = "v2.core.event_destination"
PING = f"{DESTINATION_TYPE}.ping"
LINK_RETURNED = "v2.core.account_link.returned"
REMINDER_DUE = "v2.verification.account.reminder_due"
ABANDONED = "v2.verification.account.abandoned"

_CONFIGURATIONS = ("customer", "merchant", "recipient")

THIN_EVENTS = frozenset(
    {
        *(f"{ACCOUNT_TYPE}.{what}" for what in ("created", "updated", "closed")),
        *(f"{ACCOUNT_TYPE}[{section}].updated" for section in (*SECTIONS, *DUE_SECTIONS)),
        *(
            f"{ACCOUNT_TYPE}[configuration.{name}].{what}"
            for name in _CONFIGURATIONS
            for what in ("updated", "capability_status_updated")
        ),
        *(f"{PERSON_TYPE}.{what}" for what in ("created", "updated", "deleted")),
        *(f"{CHECK_TYPE}.{what}" for what in ("created", "updated")),
        ABANDONED,
        *(
            f"{REVIEW_TYPE}.{what}"
            for what in ("decided", "escalated", "information_requested", "information_supplied")
        ),
        LINK_RETURNED,
        PING,
        REMINDER_DUE,
    }
)
"""Every type of event that this engine causes: the contract's, and its own about checks, reviews and silent users."""

SNAPSHOT_EVENTS = frozenset(
    {
        "account.external_account.created",
        "account.external_account.deleted",
        "account.external_account.updated",
        "account.updated",
        "capability.updated",
        "person.created",
        "person.deleted",
        "person.updated",
    }
)
"""The types that Accounts v2 has beside them on v1 (Accounts v2 contract, types). None is caused yet."""

_NOTIFIED = ("id", "object", "type", "livemode", "created", "context", "reason", "related_object")


def event_document(row: EventRow, changes: dict[str, Any] | None, idempotency_key: str) -> dict[str, Any]:
    """An event as it is retrieved.

    Args:
        row: as it is stored.
        changes: ``{before, after}``; None where nothing that can be read changed, or where it is gone.
        idempotency_key: of the request that caused it; the official SDK wants one, be it empty.
    """
    reason = None
    if row.request_id is not None:
        reason = {"type": "request", "request": {"id": row.request_id, "idempotency_key": idempotency_key}}
    return {
        "id": row.id,
        "object": EVENT_TYPE,
        "type": row.type,
        "livemode": row.livemode,
        "created": rfc3339(row.created_at),
        "effective_at": rfc3339(row.effective_at),
        "context": None,
        "reason": reason,
        "related_object": _related_object(row),
        "data": row.data,
        "changes": changes,
        "snapshot_event": None,
    }


def notification(event: dict[str, Any]) -> dict[str, Any]:
    """What a destination for thin events is sent of an event: neither ``data`` nor ``changes``."""
    return {name: event[name] for name in _NOTIFIED}


def _related_object(row: EventRow) -> dict[str, Any] | None:
    if row.related_type is None:
        return None
    path = f"/v2/core/accounts/{row.account_id}"
    if row.related_type == PERSON_TYPE:
        path = f"{path}/persons/{row.related_id}"
    elif row.related_type == DESTINATION_TYPE:
        path = f"/v2/core/event_destinations/{row.related_id}"
    elif row.related_type != ACCOUNT_TYPE:
        path = f"/v2/verification/checks/{row.related_id}"
    return {"id": row.related_id, "type": row.related_type, "url": path}
