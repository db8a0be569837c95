"""Who is found, and who is not, on made-up lists. What was measured on real ones stands in the matcher."""

from __future__ import annotations

import random
import time
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from benchmarks import screening
from onboarding.verifiers.lists import bundled_lists
from onboarding.verifiers.lists.dates import BirthMatch
from onboarding.verifiers.lists.entries import Kind
from onboarding.verifiers.lists.matcher import THRESHOLD, Index, score
from tests.verifiers.lists import making

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from onboarding.verifiers.lists import ListVerifier

PARTS = ["bra", "dre", "ki", "lor", "mun", "ne", "pol", "qua", "ris", "sto", "tu", "vel", "xan", "yor", "zim", "dal"]
LISTED = 600
RANDOM = random.Random(11)  # noqa: S311 -- repeatable, not secret


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> ListVerifier:
    folder = tmp_path_factory.mktemp("lists")
    words = ["".join(RANDOM.choices(PARTS, k=RANDOM.randint(2, 3))) for _ in range(LISTED)]
    rows = [
        f"{at},individual,{' '.join(RANDOM.sample(words, RANDOM.randint(2, 4)))},,,"
        f"{date(1940, 1, 1) + timedelta(days=RANDOM.randrange(20_000))},,\n"
        for at in range(LISTED)
    ]
    (folder / "house.csv").write_text(making.HOUSE_HEADER + "".join(rows), "utf-8")
    return making.verifier_of(folder)


@pytest.mark.parametrize(
    ("alter", "lowest"),
    [
        (lambda name, _: name, 1.0),
        (screening.accented, 1.0),
        (screening.reordered, 1.0),
        (screening.typed_wrongly, 0.95),
        (screening.shortened, 0.95),
    ],
    ids=["as listed", "accents", "order", "typing error", "no middle name"],
)
def test_listed_persons_are_found(
    verifier: ListVerifier, alter: Callable[[str, random.Random], str], lowest: float
) -> None:
    entries = verifier.lists[0].entries
    found = sum(
        entry.entry_id in making.entries_hit(verifier, alter(entry.names[0].text, RANDOM), str(screening.born(entry)))
        for entry in entries
    )
    assert found / len(entries) >= lowest


def test_ordinary_names_are_not_found(verifier: ListVerifier) -> None:
    hits = 0
    for group, names in screening.GIVEN.items():
        for given in names.split():
            name = f"{given} {RANDOM.choice(screening.FAMILY[group].split())}"
            hits += bool(making.entries_hit(verifier, name))
            hits += bool(making.entries_hit(bundled_lists(), name))
    assert hits == 0


@pytest.mark.parametrize("name", ["Jenny Rosen", "Marit Quill", "Ada Example", "Jonas Weidmann", "Jane Doe"])
def test_names_of_the_examples_are_not_on_the_bundled_list(name: str) -> None:
    assert making.entries_hit(bundled_lists(), name) == []
    assert making.entries_hit(bundled_lists(), name, "1961-04-12") == []


@pytest.mark.parametrize(
    ("name", "born", "entry"),
    [
        ("Casimir Thornwood", "1961-04-12", "fict-001"),
        ("casimir thornwood", "", "fict-001"),
        ("Thornwood Casimir", "1961-04-12", "fict-001"),
        ("Kazimir Thornwood", "1961-04-12", "fict-001"),
        ("Kazimir Tornwud", "1961-04-12", "fict-001"),
        ("Casimir Thornwod", "1961-12-04", "fict-001"),
        ("Casimir Jan Thornwood", "1961-04-12", "fict-001"),
        ("Казимир Торнвуд", "1961-04-12", "fict-001"),
        ("Oskar Brandlik", "1958-09-30", "fict-002"),
        ("Oskar", "1958-09-30", "fict-002"),
        ("The Clockmaker", "", "fict-002"),
        ("Isolde Varkentin", "1975-03-01", "fict-003"),
        ("Abdul-Nadhir Qasimovar", "1969-01-01", "fict-004"),
        ("Dormidont Zhukarev", "1966-03-09", "fict-005"),
        ("Lukrecja Swierzbinska", "1980-06-17", "fict-006"),
        ("Teodrique Ombolo", "1956-01-01", "fict-007"),
        ("Theokritos Vrachnidis", "1949-01-25", "fict-008"),
        ("Grindelwythe", "", "fict-009"),
        ("Jorund Skjelvag Haetta", "1971-12-05", "fict-010"),
        ("Ramondo Esteban Quesadrilla Montoverde", "1963-08-21", "fict-011"),
        ("Quillon Drexmoor", "1977-07-07", "fict-013"),
    ],
)
def test_bundled_list_is_hit(name: str, born: str, entry: str) -> None:
    assert making.entries_hit(bundled_lists(), name, born)[:1] == [entry]


@pytest.mark.parametrize(
    ("name", "born"),
    [
        ("Casimir Thornhill", ""),
        ("Casimira Wood", "1961-04-12"),
        ("Kazimir Thornwood", "1990-01-01"),
        ("Casimir Jan Thornwood", "1990-01-01"),
        ("Oskar Brand", "1958-09-30"),
        ("Oskar", ""),
        ("Old Clockmaker", ""),
        ("Gilded Halibut", ""),
        ("Thornwood Meridian", ""),
        ("Marit Grindelwythe", ""),
    ],
)
def test_close_misses_of_the_bundled_list_pass(name: str, born: str) -> None:
    assert making.entries_hit(bundled_lists(), name, born) == []


def test_same_name_with_another_birth_date_hits_with_a_lower_score() -> None:
    verifier = bundled_lists()
    scores = []
    for born in ("1961-04-12", "1961-12-04", "", "1990-01-01"):
        detail = making.screen(verifier, "Casimir Thornwood", born).detail
        assert detail is not None
        scores.append(detail["matches"][0]["score"])
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 4
    assert scores[0] == 1.0
    assert scores[-1] >= THRESHOLD


def test_weak_alias_counts_less_than_a_name() -> None:
    verifier = bundled_lists()
    assert making.entries_hit(verifier, "Old Grin") == ["fict-009"]
    assert making.entries_hit(verifier, "Oskar Brandlik", "1990-01-01") == ["fict-002"]
    assert making.entries_hit(verifier, "The Clockmaker", "1990-01-01") == []


def test_score_stays_within_its_bounds() -> None:
    assert score(1.0, BirthMatch.SAME) == pytest.approx(1.0)
    assert score(0.0, BirthMatch.DIFFERENT) == 0.0
    assert score(1.0, BirthMatch.DIFFERENT) >= THRESHOLD > score(0.98, BirthMatch.DIFFERENT)


def test_joined_and_separate_spellings_are_alike(tmp_path: Path) -> None:
    rows = "1,individual,Hizmat Ullo Dremmel,,,,,\n2,individual,Alkasir Yovanti,,,,,\n"
    (tmp_path / "house.csv").write_text(making.HOUSE_HEADER + rows, "utf-8")
    verifier = making.verifier_of(tmp_path)
    assert making.entries_hit(verifier, "Hizmatullo Dremmel") == ["1"]
    assert making.entries_hit(verifier, "Al Kasir Yovanti") == ["2"]


@pytest.mark.parametrize("name", ["x" * 300, "al " * 100, "ab" * 150, " ".join(["Casimir"] * 40), "a b c d e f g"])
def test_long_and_odd_names_are_answered_quickly(verifier: ListVerifier, name: str) -> None:
    started = time.process_time()
    making.screen(verifier, name)
    assert time.process_time() - started < 0.5


def test_empty_index_finds_nothing() -> None:
    assert Index([]).search(("casimir",)) == []
    assert Index(bundled_lists().lists[0].entries).search(()) == []


def test_bundled_list_is_small_and_has_no_entry_twice() -> None:
    (loaded,) = bundled_lists().lists
    assert 12 <= len(loaded.entries) <= 20
    assert {entry.kind for entry in loaded.entries} == {Kind.INDIVIDUAL, Kind.ENTITY, Kind.VESSEL, Kind.UNKNOWN}
