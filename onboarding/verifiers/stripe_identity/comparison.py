"""Whether a document is that of the person who was keyed in: names as people and documents write them, exact dates.

The answer is codes only: no value of either side is in it. Strict where it matters (a surname has all its parts, in
order; a birth date is exact), and blind to what documents lose: marks, case, hyphens, apostrophes, middle names.
Two scripts of one name are different.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onboarding.verifiers.stripe_identity.shapes import VerifiedOutputs


class Likeness(StrEnum):
    """How one field of a document compares with what was keyed in."""

    SAME = "same"
    DIFFERENT = "different"
    MISSING = "missing"
    """One of the sides does not have it."""


_APOSTROPHES = dict.fromkeys(map(ord, "'`\u00b4\u02bc\u02b9\u2018\u2019\u201b\u2032\uff07"))
# Letters with a stroke have no decomposition, and are keyed in without it.
_STROKES = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\u0131": "i"})


def compare(inputs: Mapping[str, str], outputs: VerifiedOutputs) -> dict[str, Likeness]:
    """How a document compares with what was keyed in, field by field."""
    given = (_tokens(inputs.get("given_name")), _tokens(outputs.first_name))
    surname = (_tokens(inputs.get("surname")), _tokens(outputs.last_name))
    return {
        "given_name": _likeness(*given, is_same=_is_same(*given) or _leads(*given)),
        "surname": _likeness(*surname, is_same=_is_same(*surname)),
        "date_of_birth": _birth_dates(inputs, outputs),
    }


def _birth_dates(inputs: Mapping[str, str], outputs: VerifiedOutputs) -> Likeness:
    ours = tuple(_number(inputs.get(f"date_of_birth.{part}")) for part in ("year", "month", "day"))
    dob = outputs.dob
    theirs = (None, None, None) if dob is None else (dob.year, dob.month, dob.day)
    if None in ours or None in theirs:
        return Likeness.MISSING
    return Likeness.SAME if ours == theirs else Likeness.DIFFERENT


def _likeness(ours: tuple[str, ...], theirs: tuple[str, ...], *, is_same: bool) -> Likeness:
    if not ours or not theirs:
        return Likeness.MISSING
    return Likeness.SAME if is_same else Likeness.DIFFERENT


def _is_same(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    """The same letters in the same order, however they are divided: a document may join or part what a hyphen held."""
    return "".join(ours) == "".join(theirs)


def _leads(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    """One of them is the beginning of the other: middle names are on documents, and seldom keyed in."""
    shorter = min(len(ours), len(theirs))
    return ours[:shorter] == theirs[:shorter]


def _tokens(name: str | None) -> tuple[str, ...]:
    """The words of a name, without what people and documents write differently."""
    bare = unicodedata.normalize("NFKD", (name or "").translate(_APOSTROPHES))
    bare = "".join(letter for letter in bare if unicodedata.category(letter) != "Mn")
    bare = bare.casefold().translate(_STROKES)
    return tuple("".join(letter if letter.isalnum() else " " for letter in bare).split())


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= len("2000") else None
