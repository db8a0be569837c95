"""How alike a person's name is to the names of a list. Version 1.

The tokens of both names are laid against each other in any order; each pair is worth what their spelling shares, and
each token weighs by how rare it is on the list. The date of birth then moves the score: by itself it proves nothing.

What a hit says: this list holds a name so alike, with no date of birth that contradicts it enough. It does not say that
it is the same person, nor does no hit say that the person is on no list: lists misspell, names are written in many
ways, and whoever wants to be missed gives another name.

Measured with the alterations of ``benchmarks/screening.py`` on all 5,350 individuals of an older edition of OFAC's
list and of the UN's of 2026-02-27, each by its primary name, with and without the date of birth: found as listed 100 %;
altered, on samples of 1,000 to 1,600 of them: accents added or another order 100 %, one typing error 98 %, one of the
middle names missing 99 % with the date of birth and 94 % without it. Of 1,200 common names with random dates of birth
2 % hit: 7 % of the Arabic and South Asian Muslim ones, which the lists are full of, at most 2 % of any other group;
without a date of birth about 4 %, and 17 % of those. A name that is wholly the same hits whatever its date of birth.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from onboarding.verifiers.lists.dates import BirthMatch
from onboarding.verifiers.lists.names import PARTICLES, tokens_of
from onboarding.verifiers.lists.vocabulary import SHORT, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onboarding.verifiers.lists.entries import Entry, ListedName

MATCHER_VERSION = "1"

THRESHOLD = 0.78
"""From here a score is a hit."""
NAME_SHARE = 0.92
"""Of the score that a name alone can reach; the rest is the date of birth's, so that a full match orders above it."""
BIRTH_SHARE = {BirthMatch.SAME: 0.08, BirthMatch.NEAR: 0.04, BirthMatch.UNKNOWN: 0.0, BirthMatch.DIFFERENT: -0.13}
WEAK_SHARE = 0.9
"""What a weak alias is worth of a strong one."""

_MOST = 0.6
"""Of a name's score, what the better covered of the two names gives; the other name gives the rest."""
_LOWEST = (THRESHOLD - BIRTH_SHARE[BirthMatch.SAME]) / NAME_SHARE
"""Below this likeness of a name no score can reach the threshold."""
_FEW = 1000
"""A list of fewer names says nothing about how rare a name is; taken as so many."""
_PARTICLE_WEIGHT, _INITIAL_WEIGHT, _COMMON_WEIGHT = 0.15, 0.3, 0.4


class Found(NamedTuple):
    """An entry with its best name and how alike that is, before the date of birth."""

    entry: Entry
    name: ListedName
    likeness: float


class _Unit(NamedTuple):
    """A token, or two neighbours written as one; ``mask`` has a bit for each token."""

    token: str
    mask: int


@dataclass(frozen=True, slots=True)
class _Name:
    entry: int
    name: ListedName
    units: tuple[tuple[int, int], ...]
    """Place in the vocabulary and mask."""
    weights: tuple[float, ...]
    total: float


def score(likeness: float, birth: BirthMatch) -> float:
    """The score of a name as alike as this with such a date of birth, 0 to 1."""
    return max(0.0, likeness * NAME_SHARE + BIRTH_SHARE[birth])


class Index:
    """The names of entries, prepared for search. Never changes once made, so threads may share it."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = tuple(entries)
        self._places: dict[str, int] = {}
        self._postings: list[array[int]] = []
        self._heaviest: list[float] = []
        tokens = [(at, name, parts) for at, entry in enumerate(self._entries) for name, parts in _names(entry)]
        self._weights = _weights([parts for _, _, parts in tokens])
        self._names = [self._add(number, at, name, parts) for number, (at, name, parts) in enumerate(tokens)]
        self._vocabulary = Vocabulary(self._places)

    def __len__(self) -> int:
        return len(self._names)

    def search(self, tokens: tuple[str, ...]) -> list[Found]:
        """Every entry with a name that may reach the threshold, each with its best one."""
        if not tokens or not self._names:
            return []
        own = _units(tokens)
        alike = {token: self._vocabulary.alike(token) for token in {unit.token for unit in own}}
        units = [(unit.mask, alike[unit.token]) for unit in own]
        weights = [self._weight(token, alike[token]) for token in tokens]
        worth: dict[str, list[float]] = {}
        for unit in own:
            worth.setdefault(unit.token, []).append(_total(unit.mask, weights))
        best: dict[int, Found] = {}
        for number in self._candidates(alike, worth, sum(weights)):
            found = self._names[number]
            likeness = _likeness(units, weights, found)
            known = best.get(found.entry)
            if known is None or likeness > known.likeness:
                best[found.entry] = Found(self._entries[found.entry], found.name, likeness)
        return list(best.values())

    def _add(self, number: int, entry: int, name: ListedName, tokens: tuple[str, ...]) -> _Name:
        units: list[tuple[int, int]] = []
        weights = tuple(self._weights[token] for token in tokens)
        for unit in _units(tokens):
            place = self._places.setdefault(unit.token, len(self._places))
            if place == len(self._postings):
                self._postings.append(array("i"))
                self._heaviest.append(0.0)
            postings = self._postings[place]
            if not postings or postings[-1] != number:
                postings.append(number)
            units.append((place, unit.mask))
            self._heaviest[place] = max(self._heaviest[place], _total(unit.mask, weights))
        return _Name(entry, name, tuple(units), weights, sum(weights))

    def _weight(self, token: str, alike: dict[int, float]) -> float:
        # A misspelt common name is as common as the name.
        known = (
            token if token in self._weights or not alike else self._vocabulary.tokens[max(alike, key=alike.__getitem__)]
        )
        return self._weights.get(known) or _fixed_weight(token) or 1.0

    def _candidates(self, alike: dict[str, dict[int, float]], worth: dict[str, list[float]], total: float) -> list[int]:
        """Names whose cover can be enough: each token's share is counted at its best, whatever stands beside it."""
        bounds: dict[int, float] = {}
        listed: dict[int, float] = {}
        for token, repeats in worth.items():
            shares: dict[int, float] = {}
            for place, likeness in sorted(alike[token].items(), key=lambda pair: pair[1]):
                shares |= dict.fromkeys(self._postings[place], likeness)
                share = likeness * self._heaviest[place] * len(repeats)
                for number in self._postings[place]:
                    listed[number] = listed.get(number, 0.0) + share
            for number, likeness in shares.items():
                bounds[number] = bounds.get(number, 0.0) + sum(repeats) * likeness
        return [
            number
            for number, bound in bounds.items()
            if _likeness_of(bound / total, listed[number] / self._names[number].total) >= _LOWEST
        ]


def _names(entry: Entry) -> Iterable[tuple[ListedName, tuple[str, ...]]]:
    seen: set[tuple[str, ...]] = set()
    # Strong names first: a weak one that says the same adds nothing.
    for name in sorted(entry.names, key=lambda name: name.weak):
        tokens = tokens_of(name.text)
        same = tuple(sorted(tokens))
        if tokens and same not in seen:
            seen.add(same)
            yield name, tokens


def _units(tokens: tuple[str, ...]) -> list[_Unit]:
    """Each token, then neighbours joined where one is short: ``Hizb Ullah`` is also written ``Hizbullah``."""
    units = [_Unit(token, 1 << at) for at, token in enumerate(tokens)]
    for at, (left, right) in enumerate(pairwise(tokens)):
        if 1 < min(len(left), len(right)) <= SHORT:
            units.append(_Unit(left + right, 3 << at))
    return units


def _fixed_weight(token: str) -> float | None:
    if token in PARTICLES:
        return _PARTICLE_WEIGHT
    return _INITIAL_WEIGHT if len(token) == 1 and token.isascii() else None


def _weights(names: list[tuple[str, ...]]) -> dict[str, float]:
    counts: dict[str, int] = {}
    for tokens in names:
        for token in set(tokens):
            counts[token] = counts.get(token, 0) + 1
    total = max(len(names), _FEW)
    rarity = {token: math.log(total / count) / math.log(total) for token, count in counts.items()}
    return {
        token: _fixed_weight(token) or _COMMON_WEIGHT + (1 - _COMMON_WEIGHT) * rare for token, rare in rarity.items()
    }


def _total(mask: int, weights: Iterable[float]) -> float:
    return sum(weight for at, weight in enumerate(weights) if mask >> at & 1)


def _likeness_of(own: float, listed: float) -> float:
    own, listed = min(own, 1.0), min(listed, 1.0)
    return _MOST * max(own, listed) + (1 - _MOST) * min(own, listed)


def _likeness(units: list[tuple[int, dict[int, float]]], weights: list[float], found: _Name) -> float:
    """Lay the tokens against each other, the best pairs first."""
    pairs = [
        (likeness, own_mask, mask)
        for own_mask, alike in units
        for place, mask in found.units
        if (likeness := alike.get(place)) is not None
    ]
    pairs.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
    own = listed = 0.0
    own_taken = taken = 0
    for likeness, own_mask, mask in pairs:
        if not (own_mask & own_taken or mask & taken):
            own_taken |= own_mask
            taken |= mask
            own += likeness * _total(own_mask, weights)
            listed += likeness * _total(mask, found.weights)
    likeness = _likeness_of(own / sum(weights), listed / found.total)
    return likeness * WEAK_SHARE if found.name.weak else likeness
