"""Instants as the wire writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and ``Z``: ``2025-03-28T19:59:16.000Z``.

    Args:
        moment: an aware time.

    Raises:
        ValueError: the time is naive.
        OverflowError: its UTC date is outside the calendar.
    """
    if moment.tzinfo is None:
        raise ValueError("a time on the wire needs its zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def whole_milliseconds(moment: datetime) -> datetime:
    """The moment without what the wire does not carry, so that the deadline that was told is the one that is kept."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
