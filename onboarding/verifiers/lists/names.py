"""A name as comparable tokens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from onboarding.verifiers.lists.transliteration import latin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_TOKENS = 16
"""Of a name; what stands behind them is not compared. The longest name on the lists seen has 11."""

PARTICLES = frozenset([
    "abd", "al", "el", "ul", "il", "ad", "as", "ash", "ar", "at", "an", "az", "bin", "ibn", "ben", "bint", "abu",
    "abou", "umm", "ould", "y", "e", "i", "da", "das", "de", "del", "dela", "della", "der", "des", "di", "do", "dos",
    "du", "la", "le", "los", "las", "san", "st", "van", "von", "den", "ter", "zu", "af", "av",
    "mr", "mrs", "ms", "miss", "dr", "prof", "sir", "jr", "sr", "ii", "iii", "iv", "haji", "hajji", "hadji", "haj",
    "hajj", "sheikh", "shaykh", "sheik", "mullah", "maulavi", "mawlawi", "maulana", "sayyid", "syed", "sayed",
    "general", "colonel",
])  # fmt: skip
"""Words that carry little of a name: they weigh little, whether they match or are missing."""

_APOSTROPHES = re.compile("['`\u00b4\u2018\u2019\u201b\u02bb\u02bc\u02be\u02bf\u05f3\uff07]")
_ARTICLES = frozenset(("al", "el", "ul", "il", "ad", "as", "ash", "ar", "at", "an", "az", "ur", "us"))
_ABD = "abd"
_SERVANT = frozenset(("abd", "abdal", "abdel", "abdul", "abdu", "abdol"))
_SERVANT_OF = re.compile(r"abd(?:[aeou]l|[aeou]([rsdntz])(?=\1)|[aeou](?=rah))(?=\w{3})")
_ABDULLAH = re.compile(r"abd[aeou]ll?ah?")
_LETTERS = re.compile(r"[^\W_]+")


def tokens_of(name: str) -> tuple[str, ...]:
    """The tokens of a name, in its order.

    ``Abd al-Rahman``, ``Abdul Rahman`` and ``Abdurrahman`` are all ``abd rahman``; ``Abdullah`` in its spellings is
    ``abdlah``.
    """
    return tuple(_servants(words_of(name)))[:MAX_TOKENS]


def words_of(name: str) -> list[str]:
    """Every word of a name of anything, folded as by :func:`latin`, in its order; apostrophes hold a word together."""
    return _LETTERS.findall(_APOSTROPHES.sub("", latin(_APOSTROPHES.sub("", name))))


def is_comparable(tokens: Iterable[str]) -> bool:
    """Whether every token is in Latin letters, as nearly all listed names are."""
    return all(token.isascii() for token in tokens)


def _servants(words: list[str]) -> Iterator[str]:
    before = ""
    for word in words:
        if word == "allah" and before == _ABD:
            yield "abdlah"
            before = ""
            continue
        if before == _ABD and word in _ARTICLES:
            continue
        if before:
            yield before
            before = ""
        if word in _SERVANT:
            before = _ABD
        elif _ABDULLAH.fullmatch(word):
            yield "abdlah"
        elif found := _SERVANT_OF.match(word):
            yield _ABD
            yield word[found.end() :]
        else:
            yield word
    if before:
        yield before
