"""The verifier ``lists``: screens a person's name against list files.

Assurance: a list match. A pass says that no name of these lists, in these versions, is alike enough; not that the
person is who they say, and not that other lists hold nothing. A hit is never a failure: it goes to a person, with
everything that stands in the entry and why it matched, and their decision holds for the same finding until the entry
changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from onboarding.domain.settle import Answer
from onboarding.domain.state import Outcome
from onboarding.verifiers.lists import countries, dates
from onboarding.verifiers.lists.entries import digest_of
from onboarding.verifiers.lists.files import Format, LoadedList, Source, load, signature_of
from onboarding.verifiers.lists.matcher import MATCHER_VERSION, THRESHOLD, Found, score
from onboarding.verifiers.lists.names import is_comparable, tokens_of
from onboarding.verifiers.lists.refusal import ListRefused
from onboarding.verifiers.port import VerifierUnavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from onboarding.verifiers.lists.entries import Listed
    from onboarding.verifiers.port import Question

MAX_MATCHES = 25
"""Shown of an answer; its basis is over all of them."""

_BASIS_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Lists:
    """All lists in use together; never changes, a refresh makes another one."""

    lists: tuple[LoadedList, ...]

    @property
    def version(self) -> str:
        """The matcher's version and each list's."""
        names = ",".join(f"{loaded.name}:{loaded.version}" for loaded in self.lists)
        return f"{MATCHER_VERSION}+{names}"


class Hit(NamedTuple):
    """An entry that matches well enough."""

    loaded: LoadedList
    found: Found
    birth: dates.BirthMatch
    score: float


class ListVerifier:
    """Answers screening checks from the lists of its sources.

    It answers once every source was loaded: with fewer lists than configured a pass would say more than it knows.
    From then on each list stays in use until a newer version of it was read and checked in full.

    Attributes:
        version: of the lists in use now; each answer names those that it was given by.
        refused: code by list name, of the files on disk that were not put into use.
    """

    name = "lists"
    kind = "screening"

    def __init__(self, sources: Sequence[Source]) -> None:
        names = [source.name for source in sources]
        for name in names:
            if names.count(name) > 1:
                raise ListRefused("list_duplicate", name, "two lists with one name")
        self._sources = tuple(sources)
        self._lists: Lists | None = None
        self._ready: dict[str, LoadedList] = {}
        self._tried: dict[str, tuple[object, ListRefused]] = {}
        self._refreshing = Lock()
        self.version = f"{MATCHER_VERSION}+none"
        self.refused: Mapping[str, str] = {}

    @property
    def lists(self) -> tuple[LoadedList, ...]:
        """The lists in use; empty before all were loaded once."""
        return self._lists.lists if self._lists else ()

    def refresh(self, *, accept_drop: Collection[str] = ()) -> bool:
        """Read the lists whose files changed, and put those into use that are whole. Reads files: not for a door.

        Args:
            accept_drop: names of lists to take though they lost half of their entries or their end mark.

        Returns:
            Whether other lists are in use than before.

        Raises:
            ListRefused: a file was not put into use, the first one; ``refused`` names all. Others that changed are.
        """
        with self._refreshing:
            refusals: list[ListRefused] = []
            for source in self._sources:
                try:
                    self._look(source, accept_drop=source.name in accept_drop)
                except ListRefused as refusal:
                    refusals.append(refusal)
            is_changed = self._swap()
            self.refused = {refusal.list_name: refusal.code for refusal in refusals}
        if refusals:
            raise refusals[0]
        return is_changed

    def answer(self, question: Question) -> Answer | None:
        """Pass or hit, at the question's instant; None for another kind than ``screening``.

        A name that can't be looked up goes to a person as well, since to let it pass would say more than was looked
        at: ``name_missing`` has no letter, ``name_not_comparable`` is in a script that can't be held against Latin
        letters, and no list has it in that script.

        Raises:
            VerifierUnavailable: ``lists_not_loaded``.
        """
        if question.kind != self.kind:
            return None
        lists = self._lists
        if lists is None or not lists.lists:
            raise VerifierUnavailable("lists_not_loaded")
        inputs = question.inputs
        tokens, born = _person(inputs)
        if not tokens:
            return Answer(Outcome.INCONCLUSIVE, ("name_missing",), self.name, lists.version, question.as_of)
        hits = _hits(lists, tokens, born)
        if hits:
            basis = digest_of(
                sorted([hit.loaded.name, hit.found.entry.entry_id, hit.found.entry.digest] for hit in hits)
            )
            detail = _detail(lists, hits, inputs.get("address.country", ""))
            reasons = ("screening_hit",)
            version = lists.version
            shown = basis[:_BASIS_DIGITS]
            return Answer(Outcome.INCONCLUSIVE, reasons, self.name, version, question.as_of, shown, detail)
        if not is_comparable(tokens):
            return Answer(Outcome.INCONCLUSIVE, ("name_not_comparable",), self.name, lists.version, question.as_of)
        return Answer(Outcome.PASSED, (), self.name, lists.version, question.as_of)

    def is_meant(self, inputs: Mapping[str, str], entries: Collection[Listed]) -> bool:
        """Whether a check with these inputs would hit one of these entries.

        Asked of the whole lists, not of an index of the few: how much a part of a name counts depends on how many
        names of its list have it, so only this gives the answer that the check will give.
        """
        lists = self._lists
        tokens, born = _person(inputs)
        if lists is None or not tokens:
            return False
        return any(
            (hit.loaded.name, hit.found.entry.entry_id, hit.found.entry.digest) in entries
            for hit in _hits(lists, tokens, born)
        )

    def _look(self, source: Source, *, accept_drop: bool) -> None:
        before = self._ready.get(source.name)
        signature = signature_of(source)
        if before is not None and before.signature == signature:
            self._tried.pop(source.name, None)
            return
        tried = self._tried.get(source.name)
        if tried is not None and tried[0] == signature and not accept_drop:
            raise tried[1].again()
        try:
            self._ready[source.name] = load(source, before, accept_drop=accept_drop)
        except ListRefused as refusal:
            if refusal.code != "list_changing":
                self._tried[source.name] = (signature, refusal)
            raise
        self._tried.pop(source.name, None)

    def _swap(self) -> bool:
        if len(self._ready) < len(self._sources):
            return False
        lists = Lists(tuple(self._ready[source.name] for source in self._sources))
        is_changed = self._lists is None or lists.version != self._lists.version
        self._lists = lists
        self.version = lists.version
        return is_changed


def bundled_lists() -> ListVerifier:
    """A verifier on the small list of made-up persons that comes with the project: for examples and tests."""
    verifier = ListVerifier([Source("fictional", Format.HOUSE, Path(__file__).parent / "data" / "fictional.yaml")])
    verifier.refresh()
    return verifier


def _person(inputs: Mapping[str, str]) -> tuple[tuple[str, ...], dates.Span | None]:
    tokens = tokens_of(f"{inputs.get('given_name', '')} {inputs.get('surname', '')}")
    return tokens, dates.stated(*(inputs.get(f"date_of_birth.{part}") for part in ("year", "month", "day")))


def _hits(lists: Lists, tokens: tuple[str, ...], born: dates.Span | None) -> list[Hit]:
    hits: list[Hit] = []
    for loaded in lists.lists:
        for found in loaded.persons.search(tokens):
            birth = dates.compare(born, found.entry.births)
            reached = score(found.likeness, birth)
            if reached >= THRESHOLD:
                hits.append(Hit(loaded, found, birth, reached))
    hits.sort(key=lambda hit: (-hit.score, hit.loaded.name, hit.found.entry.entry_id))
    return hits


def _detail(lists: Lists, hits: Sequence[Hit], country: str) -> dict[str, Any]:
    return {
        "lists": [
            {"name": one.name, "version": one.version, "digest": one.digest, "published": one.published}
            for one in lists.lists
        ],
        "matches": [_match(hit, country) for hit in hits[:MAX_MATCHES]],
        "more": max(0, len(hits) - MAX_MATCHES),
    }


def _match(hit: Hit, country: str) -> dict[str, Any]:
    entry = hit.found.entry
    return {
        "list": hit.loaded.name,
        "entry": entry.entry_id,
        "name": hit.found.name.text,
        "primary_name": entry.names[0].text,
        "score": round(hit.score, 3),
        "dates_of_birth": [birth.text for birth in entry.births],
        "countries": list(entry.countries),
        "programs": list(entry.programs),
        "type": entry.kind.value,
        "why": {
            "name": round(hit.found.likeness, 3),
            "birth_date": hit.birth.value,
            "country": countries.compare(country, entry.countries),
        },
    }
