"""Parameters of explanations, an interface of this engine in the style of Accounts v2."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from api.schemas.parse import INVALID_REQUEST, path_of
from api.schemas.queries import QueryItems
from onboarding.domain.errors import Refusal

_CAPABILITY = re.compile(r"[a-z0-9_.]{1,200}")


@dataclass(frozen=True, slots=True)
class ExplanationQuery:
    """At which instant an account is explained, and which capability alone: None is now, and all of them."""

    at: datetime | None = None
    capability: str | None = None


def explanation_query(query_items: QueryItems) -> ExplanationQuery:
    """The query of an explanation: ``at`` and ``capability``.

    Raises:
        Refusal: ``parameter_unknown`` or ``parameter_invalid``.
    """
    at, capability = None, None
    for key, value in query_items:
        if key == "at":
            at = _instant(value)
        elif key == "capability":
            if _CAPABILITY.fullmatch(value) is None:
                raise _invalid(key, "Must be configuration.capability.")
            capability = value
        else:
            raise Refusal(
                "parameter_unknown", "There is no such parameter.", param=path_of([key]), type=INVALID_REQUEST
            )
    return ExplanationQuery(at, capability)


def _instant(value: str) -> datetime:
    # In a query a plus that was not escaped arrives as a space, so an offset of "+00:00" often does.
    try:
        instant = datetime.fromisoformat(value.replace(" ", "+"))
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise _invalid("at", "Must be a time with its offset from UTC (RFC 3339).")


def _invalid(param: str, message: str) -> Refusal:
    return Refusal("parameter_invalid", message, param=param, type=INVALID_REQUEST)
