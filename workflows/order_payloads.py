"""What operators send from Temporal's own UI: one flat JSON object of codes, ids, times and ticket numbers.

A payload that is accepted stays in the run's history for months. So each field has a pattern that no sentence fits, and
whatever else is sent is refused before it is accepted: then nothing of it is kept.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from temporalio.exceptions import ApplicationError

from activities.messages import OrderAsked, OrderUndoing
from onboarding.domain.state import OrderKind
from onboarding.order_rules import REASONS

Payload = dict[str, Any]

PAYLOAD_REFUSED = "payload_refused"
"""Type of the error that a wrong payload is refused with; its message names the field and what is wrong with it."""

_PATTERNS = {
    "reason": r"[a-z_]{1,60}",
    "ticket": r"[A-Za-z]{0,16}-?[0-9]{1,12}",
    "capability": r"[a-z_]{1,40}(\.[a-z_]{1,60}){1,4}",
    "person": r"person_[0-9a-z]{1,40}",
    "order": r"ord_[0-9a-z]{1,40}",
    "target": r"[a-z0-9_.]{1,80}(/[a-z0-9_.]{1,120})?",
    "ends_at": r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)",
}
_EXAMPLES = {
    "reason": "a code",
    "ticket": "a ticket number such as CASE-7",
    "capability": "configuration.capability",
    "person": "person_…",
    "order": "ord_…",
    "target": "a kind of check, or rule/need",
    "ends_at": "a time such as 2027-01-31T00:00:00Z",
}
_FIELDS: dict[OrderKind, tuple[str, ...]] = {
    OrderKind.HOLD: ("capability", "ends_at"),
    OrderKind.RECHECK: ("target", "person"),
    OrderKind.EXTEND_DEADLINE: ("ends_at", "target", "capability"),
    OrderKind.OVERRIDE_CAPABILITY: ("capability", "ends_at"),
}
_NEEDED: dict[OrderKind, tuple[str, ...]] = {
    OrderKind.HOLD: (),
    OrderKind.RECHECK: (),
    OrderKind.EXTEND_DEADLINE: ("ends_at",),
    OrderKind.OVERRIDE_CAPABILITY: ("capability", "ends_at"),
}


def order_asked(kind: OrderKind, payload: Payload, account_id: str = "", key: str = "") -> OrderAsked:
    """The order that a payload asks for; ``key`` tells a repeated request.

    Raises:
        ApplicationError: :data:`PAYLOAD_REFUSED`.
    """
    said = _read(payload, ("reason", *_FIELDS[kind], "ticket"), ("reason", *_NEEDED[kind]))
    if said["reason"] not in REASONS[kind]:
        raise _refused("reason", f"must be one of {', '.join(REASONS[kind])}")
    ends_at = _instant(said["ends_at"]) if "ends_at" in said else None
    return OrderAsked(
        account_id=account_id,
        key=key,
        kind=kind.value,
        reason=said["reason"],
        capability=said.get("capability"),
        ends_at=ends_at,
        target=said.get("target"),
        person=said.get("person"),
        ticket=said.get("ticket"),
    )


def order_undoing(payload: Payload, account_id: str = "", key: str = "") -> OrderUndoing:
    """The order that a payload wants undone.

    Raises:
        ApplicationError: :data:`PAYLOAD_REFUSED`.
    """
    return OrderUndoing(account_id=account_id, key=key, order_id=_read(payload, ("order",), ("order",))["order"])


def _read(payload: Payload, known: tuple[str, ...], needed: tuple[str, ...]) -> dict[str, str]:
    # Names of unknown fields are not repeated: they are the sender's words.
    if any(name not in known for name in payload):
        raise _refused("payload", f"has only {', '.join(known)}")
    for name in needed:
        if payload.get(name) is None:
            raise _refused(name, "is required")
    said: dict[str, str] = {}
    for name, value in payload.items():
        if value is None:
            continue
        if not isinstance(value, str) or re.fullmatch(_PATTERNS[name], value) is None:
            raise _refused(name, f"must be {_EXAMPLES[name]}")
        said[name] = value
    return said


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise _refused("ends_at", "is no time that there is") from None


def _refused(name: str, why: str) -> ApplicationError:
    return ApplicationError(f"{name}: {why}", type=PAYLOAD_REFUSED, non_retryable=True)
