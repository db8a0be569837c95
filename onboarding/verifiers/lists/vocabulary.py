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
OTHER_SPELLING = 0.93
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
    """Tokens, searched by spelling (optimal string alignment: an exchange of neighbours is one edit) and by sound.

    Only tokens of a fitting length that begin or end with the same letter are compared, but for the shortest: two
    tokens that are alike and differ in both are rare, and looking for them takes most of the time.
    """

    def __init__(self, tokens: Iterable[str]) -> None:
        self.tokens = tuple(tokens)
        self._buckets: dict[tuple[int, str, str], _Bucket] = {}
        self._sounds: dict[str, list[int]] = {}
        for place, token in enumerate(self.tokens):
            self._sounds.setdefault(sound_of(token), []).append(place)
            for key in _keys(token, len(token)):
                tokens_there, places = self._buckets.setdefault(key, ([], []))
                tokens_there.append(token)
                places.append(place)

    def alike(self, token: str) -> dict[int, float]:
        """Places of the tokens that are alike, and how much."""
        alike = dict.fromkeys(self._sounds.get(sound_of(token), ()), OTHER_SPELLING)
        cutoff = SHORT_ALIKE if len(token) < SHORT else ALIKE
        for length in range(math.ceil(len(token) * cutoff), math.floor(len(token) / cutoff) + 1):
            for key in _keys(token, length):
                tokens_there, places = self._buckets.get(key, ((), ()))
                found = process.extract(
                    token,
                    tokens_there,
                    scorer=OSA.normalized_similarity,
                    processor=None,
                    score_cutoff=cutoff,
                    limit=None,
                )
                for _, likeness, at in found:
                    alike[places[at]] = max(likeness, alike.get(places[at], 0.0))
        return alike


def _keys(token: str, length: int) -> tuple[tuple[int, str, str], ...]:
    """Buckets of the tokens of a length that are compared with this one."""
    if length < SHORT:
        return ((length, "", ""),)
    return (length, token[0], ""), (length, "", token[-1])
