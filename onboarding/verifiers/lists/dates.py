"""Dates of birth as lists state them: a day, a month, a year, a range, each maybe approximate."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Span = tuple[date, date]

NEAR = timedelta(days=366)
"""How far from the listed time a birth date still counts as near: years are estimated, days and months swapped."""

_SHORT_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_SHORT_MONTHS, 1)}
_APPROXIMATE = re.compile(r"^(?:circa|approximately|approx\.?|ca\.|c\.|about|between)\s+", re.IGNORECASE)
_RANGE = re.compile(r"\s+(?:to|and)\s+|(?<=\d{4})\s*-\s*(?=\d{4})", re.IGNORECASE)
_ISO = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
_WORDS = re.compile(r"(?:(?:(\d{1,2})\s+)?([A-Za-z]{3,9})\.?\s+)?(\d{4})")


@dataclass(frozen=True, slots=True)
class BirthDate:
    """A listed date of birth: its text, and the days that it may mean; None where the text is not understood."""

    text: str
    span: Span | None


class BirthMatch(StrEnum):
    """How a person's date of birth compares with the listed ones."""

    SAME = "same"
    """Both are the same day."""
    NEAR = "near"
    """At most a year from the listed day, month, year or range."""
    DIFFERENT = "different"
    UNKNOWN = "unknown"
    """One side states none that can be read."""


def listed(text: str) -> BirthDate:
    """Read what stands in a list."""
    text = " ".join(text.split()).rstrip(".")
    parts = [_span(_APPROXIMATE.sub("", part.strip())) for part in _RANGE.split(text)]
    spans = [part for part in parts if part is not None]
    if not spans or len(spans) != len(parts):
        return BirthDate(text, None)
    return BirthDate(text, (min(first for first, _ in spans), max(last for _, last in spans)))


def stated(year: str | None, month: str | None, day: str | None) -> Span | None:
    """The span of a person's own date of birth: a day, or a month or a year where the rest is missing."""
    try:
        return _checked(int(year or ""), int(month) if month else None, int(day) if day and month else None)
    except ValueError:
        return None


def compare(own: Span | None, births: Iterable[BirthDate]) -> BirthMatch:
    """The best that any of the listed dates gives."""
    spans = [birth.span for birth in births if birth.span is not None]
    if own is None or not spans:
        return BirthMatch.UNKNOWN
    if own[0] == own[1] and own in spans:
        return BirthMatch.SAME
    if any(own[0] <= last + NEAR and first <= own[1] + NEAR for first, last in spans):
        return BirthMatch.NEAR
    return BirthMatch.DIFFERENT


def _span(text: str) -> Span | None:
    try:
        if found := _ISO.fullmatch(text):
            year, number, day = found.groups()
            return _checked(int(year), int(number) if number else None, int(day) if day else None)
        if found := _WORDS.fullmatch(text):
            day, word, year = found.groups()
            month = _MONTHS.get(word[:3].lower()) if word else None
            return None if word and month is None else _checked(int(year), month, int(day) if day else None)
    except ValueError:
        return None
    return None


def _checked(year: int, month: int | None, day: int | None) -> Span:
    # Far from the ends of the calendar, so that a year can be added on either side.
    if not 1000 < year < 3000:  # noqa: PLR2004 -- no birth date is outside
        raise ValueError(year)
    if month is None:
        return date(year, 1, 1), date(year, 12, 31)
    if day is None:
        return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])
    exact = date(year, month, day)
    return exact, exact
