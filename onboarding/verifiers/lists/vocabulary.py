"""The tokens of a list, by spelling."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from rapidfuzz import process
from rapidfuzz.distance import OSA

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORT = 4
"""Letters of a token that counts as short."""

ALIKE = 0.75
"""Alike are tokens of which at least this share needs no edit: one edit from four letters on, two from eight."""
SHORT_ALIKE = 0.66
"""The same below four letters: one edit of three."""
OTHER_SPELLING = 0.97
"""What two spellings of one sound are worth of the same spelling."""

_DIGRAPHS = re.compile("ph|th|kh|gh|ou|oo|ee|ck")
_PLAIN = {"ph": "f", "th": "t", "kh": "k", "gh": "g", "ou": "u", "oo": "u", "ee": "i", "ck": "k"}
_LETTERS = str.maketrans("cqzwy", "kksvi")
_DOUBLED = re.compile(r"(.)\1+")

_Bucket = tuple[list[str], list[int]]


def sound_of(token: str) -> str:
    """A spelling that spellings of one sound share: ``Casimir`` and ``Kazimir``, ``Yousef`` and ``Yusef``."""
    plain = _DIGRAPHS.sub(lambda found: _PLAIN[found[0]], token).translate(_LETTERS)
    return _DOUBLED.sub(r"\1", plain)


class Vocabulary:
    """Tokens, searched by likeness of their sounds (optimal string alignment: an exchange of neighbours is one edit).

    Only tokens of a fitting length that begin or end with the same letter are compared, but for the shortest: two
    tokens that are alike and differ in both are rare, and looking for them takes most of the time.
    """

    def __init__(self, tokens: Iterable[str]) -> None:
        self.tokens = tuple(tokens)
        self._buckets: dict[tuple[int, str, str], _Bucket] = {}
        for place, token in enumerate(self.tokens):
            sound = sound_of(token)
            for key in _keys(sound, len(sound)):
                sounds, places = self._buckets.setdefault(key, ([], []))
                sounds.append(sound)
                places.append(place)

    def alike(self, token: str) -> dict[int, float]:
        """Places of the tokens that are alike, and how much."""
        own = sound_of(token)
        cutoff = SHORT_ALIKE if len(own) < SHORT else ALIKE
        alike: dict[int, float] = {}
        for length in range(math.ceil(len(own) * cutoff), math.floor(len(own) / cutoff) + 1):
            for key in _keys(own, length):
                sounds, places = self._buckets.get(key, ((), ()))
                found = process.extract(
                    own, sounds, scorer=OSA.normalized_similarity, processor=None, score_cutoff=cutoff, limit=None
                )
                for _, likeness, at in found:
                    is_same = self.tokens[places[at]] == token
                    alike[places[at]] = likeness if is_same else min(likeness, OTHER_SPELLING)
        return alike


def _keys(sound: str, length: int) -> tuple[tuple[int, str, str], ...]:
    """Buckets of the sounds of a length that are compared with this one."""
    if length < SHORT:
        return ((length, "", ""),)
    return (length, sound[0], ""), (length, "", sound[-1])
