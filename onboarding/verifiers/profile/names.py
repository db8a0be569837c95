"""What a business is called, and whether another text can be recognised as that.

Made to let honest texts pass: every likeness that a payer could see counts, and what can't be held against Latin
letters is not judged.
"""

from __future__ import annotations

import unicodedata
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from rapidfuzz.distance import OSA

from onboarding.verifiers.lists.names import words_of
from onboarding.verifiers.lists.vocabulary import ALIKE, SHORT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

LEGAL_FORMS = frozenset([
    "ab", "ag", "aps", "as", "asa", "bv", "bvba", "co", "corp", "corporation", "cv", "dd", "doo", "ead", "eg", "ehf",
    "eirl", "ek", "eood", "eurl", "ev", "gbr", "ggmbh", "gmbh", "haftungsbeschrankt", "hf", "inc", "incorporated",
    "kft", "kg", "kgaa", "ks", "lda", "limited", "llc", "llp", "lp", "ltd", "ltda", "ltee", "mbh", "nv", "nyrt", "ohg",
    "ood", "ou", "oy", "oyj", "plc", "pllc", "sa", "sarl", "sarls", "sas", "sasu", "sca", "sci", "scs", "se", "sia",
    "sl", "sll", "slu", "snc", "sp", "spa", "spj", "spk", "srl", "srls", "sro", "uab", "ug", "vof", "zrt",
])  # fmt: skip
"""Ltd, GmbH and their like, folded, initials joined: words that tell nothing about who it is."""

SMALL_WORDS = frozenset([
    "a", "an", "and", "at", "by", "com", "d", "da", "das", "de", "del", "der", "des", "di", "die", "do", "dos", "du",
    "e", "el", "en", "et", "for", "het", "http", "https", "i", "il", "in", "l", "la", "las", "le", "les", "lo", "los",
    "my", "och", "of", "og", "on", "our", "the", "to", "und", "van", "von", "www", "y",
])  # fmt: skip
"""Articles and the like, which people put in or leave out."""

COMMON_WORDS = frozenset([
    "business", "company", "consulting", "enterprise", "enterprises", "global", "group", "holding", "holdings",
    "international", "management", "online", "sales", "service", "services", "shop", "shopping", "solutions", "store",
    "stores", "trade", "trading",
])  # fmt: skip
"""Words that so many names have that sharing one says nothing."""

_RECOGNISABLE = 3
"""Letters that have to be the same before a part of a word counts."""
_SHORTEST = 2
"""The same for the beginning of a whole name, and for initials: a prefix on statements may have two letters."""


class Name(NamedTuple):
    """A text as words: all of them, and those that say who it is."""

    words: tuple[str, ...]
    telling: tuple[str, ...]

    @property
    def joined(self) -> str:
        """All words without spaces: statements often have none."""
        return "".join(self.words)

    @property
    def core(self) -> str:
        """The same without legal forms and small words: what two spellings of one name have in common."""
        return "".join(bare(self.words))


def name_of(text: str) -> Name:
    """A text as a name; without words if it has no letter and no digit."""
    words = tuple(_with_initials_joined(words_of(text)))
    kept = bare(words)
    return Name(words, tuple(word for word in kept if word not in COMMON_WORDS) or kept)


def bare(words: Sequence[str]) -> tuple[str, ...]:
    """The words without legal forms and small words; all of them where nothing else would be left."""
    return tuple(word for word in words if word not in LEGAL_FORMS and word not in SMALL_WORDS) or tuple(words)


def is_latin(text: str) -> bool:
    """Whether every letter is a Latin one: only then can a text be held against a descriptor, which is ASCII."""
    letters = (character for character in unicodedata.normalize("NFKD", text) if character.isalpha())
    return all(letter.isascii() or unicodedata.name(letter, "").startswith("LATIN ") for letter in letters)


def is_recognisable(text: Name, name: Name) -> bool:
    """Whether a payer who knows the business by ``name`` can see that ``text`` is about it."""
    return (
        _is_contained(text, name)
        or _is_initials(text, name)
        or _is_initials(name, text)
        or any(_is_alike(one, other) for one in text.words for other in name.telling)
        or any(_is_alike(one.core, other.joined) for one, other in ((text, name), (name, text)))
    )


def _with_initials_joined(words: Sequence[str]) -> Iterator[str]:
    """``S.A.R.L.`` and ``M & S`` come as single letters, and are written in one word as often."""
    for is_single, group in groupby(words, key=lambda word: len(word) == 1):
        if is_single:
            yield "".join(group)
        else:
            yield from group


def _is_contained(text: Name, name: Name) -> bool:
    for one, other in ((text.joined, name.joined), (text.core, name.core), (name.core, text.joined)):
        if other.startswith(one) and len(one) >= _SHORTEST:
            return True
        if one in other and len(one) >= _RECOGNISABLE:
            return True
    return False


def _is_initials(short: Name, long: Name) -> bool:
    """Whether a word of ``short``, or all of it, begins with the initials of ``long``, or is the beginning of them.

    Two initials have to be the whole word: too many words begin with any two letters.
    """
    for words in (long.words, bare(long.words), long.telling):
        initials = "".join(word[0] for word in words)
        if len(initials) < _SHORTEST:
            continue
        for word in (*short.telling, short.joined):
            if len(word) >= _SHORTEST and initials.startswith(word):
                return True
            if len(initials) >= _RECOGNISABLE and word.startswith(initials):
                return True
    return False


def _is_alike(one: str, other: str) -> bool:
    """Two words: one is the beginning of the other, or leaves letters of it out, or they are nearly spelt the same."""
    if one == other:
        return True
    short, long = sorted((one, other), key=len)
    if len(short) < _RECOGNISABLE:
        return False
    if long.startswith(short) or (long[0] == short[0] and _leaves_out(short, long)):
        return True
    return len(short) >= SHORT and OSA.normalized_similarity(short, long, score_cutoff=ALIKE) > 0


def _leaves_out(short: str, long: str) -> bool:
    """Whether ``short`` is ``long`` with some letters left out, as abbreviations are made: ``brthrs`` of brothers."""
    letters = iter(long)
    return all(letter in letters for letter in short)


def runs(words: Sequence[str], most: int) -> Iterator[str]:
    """Every run of up to ``most`` neighbouring words, joined: a name may be written in one word or in several."""
    for start in range(len(words)):
        joined = ""
        for word in words[start : start + most]:
            joined += word
            yield joined


def is_same(name: Name, others: Collection[Name]) -> bool:
    """Whether a name is one of the others but for legal forms and small words."""
    return any(name.core == other.core for other in others)
