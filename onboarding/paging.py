"""Pages of lists: opaque cursors, and the window of rows that a page shows."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from onboarding.domain.errors import Refusal
from onboarding.storage import listing

if TYPE_CHECKING:
    from collections.abc import Sequence

Document = dict[str, Any]
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list; the cursors are opaque and None where there is no such page."""

    data: list[Document] = field(repr=False)
    next: str | None = None
    previous: str | None = None


def encoded(direction: str, place: object) -> str:
    """The opaque cursor of a place, ``n`` for what follows it and ``p`` for what came before."""
    return base64.urlsafe_b64encode(orjson.dumps([direction, place])).decode().rstrip("=")


def decoded(cursor: str | None, *kinds: type) -> tuple[bool, Any]:
    """Whether the cursor goes backwards, and its place, of values of these kinds.

    Whatever is no cursor of this list is refused here: no database takes every integer and every text.
    """
    if cursor is None:
        return False, None
    try:
        direction, place = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, TypeError):
        raise bad_cursor() from None
    fits = isinstance(place, list) and [type(part) for part in place] == list(kinds)
    if direction not in ("n", "p") or not fits or not all(map(_is_storable, place)):
        raise bad_cursor()
    return direction == "p", place


def _is_storable(part: Any) -> bool:
    return "\x00" not in part if isinstance(part, str) else 0 <= part < 2**63


def page_at(cursor: str | None, limit: int, *, timed: bool) -> listing.Page:
    """The part of a list that a cursor asks for; ``timed`` lists are in the order of a time and an id."""
    backwards, place = decoded(cursor, *((str, str) if timed else (str,)))
    at: listing.Cursor | str | None = None
    if place is not None:
        at = listing.Cursor(instant_of(place[0]), place[1]) if timed else place[0]
    after, before = (None, at) if backwards else (at, None)
    return listing.Page(limit=limit + 1, after=after, before=before)


def instant_of(text: str) -> datetime:
    """The instant that a cursor names."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise bad_cursor() from None


def window(
    rows: Sequence[tuple[Row, object]], page: listing.Page, limit: int
) -> tuple[list[Row], str | None, str | None]:
    """The rows to show and the cursors around them; one row more than shown was asked for."""
    more = len(rows) > limit
    backwards = page.before is not None
    kept = (rows[1:] if backwards else rows[:limit]) if more else rows
    if not kept:
        return [], None, None
    following = encoded("n", kept[-1][1]) if more or backwards else None
    previous = encoded("p", kept[0][1]) if (backwards and more) or page.after is not None else None
    return [row for row, _ in kept], following, previous


def bad_cursor() -> Refusal:
    """What is told of a cursor that is none of this list."""
    return Refusal(
        "parameter_invalid", "Not a page of this list.", param="page", type="invalid_request_error"
    )  # fmt: skip
