"""How long screening one person takes, and how well it finds: on the lists of a folder, or on a made-up one as long.

Prints the seconds and memory of loading; milliseconds of one answer; the share of listed individuals who are found by
their primary name and date of birth, as listed and altered in one way; and the share of ordinary names, each with a
random date of birth, that hit. Ordinary names are common given and family names put together at random: they say how
often an unlisted person is stopped only as far as the platform's own customers are called like that.

    python -m benchmarks.screening [folder]
"""

from __future__ import annotations

import csv
import random
import sys
import tempfile
import time
import tracemalloc
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.program import as_program
from onboarding.verifiers.lists import ListVerifier, sources_in
from onboarding.verifiers.lists.entries import Kind
from onboarding.verifiers.port import Question

if TYPE_CHECKING:
    from collections.abc import Callable

    from onboarding.domain.settle import Answer
    from onboarding.verifiers.lists.entries import Entry

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = 18_000
ORDINARY = 1_200
LISTED = 400
LETTERS = "abcdefghijklmnopqrstuvwxyz"

GIVEN = {
    "English": "James Mary Robert Patricia John Jennifer Michael Linda David Susan Thomas Sarah Emily Daniel",
    "European": "Lukas Anna Jonas Marie Pierre Camille Giulia Marco Ingrid Lars Sophie Mateusz Katarzyna Eva",
    "Spanish": "Juan María José Carmen Carlos Ana Luis Laura Miguel Sofía Pedro Lucía Javier Jorge Andrés",
    "Arabic, South Asian Muslim": "Mohammed Ahmed Ali Fatima Omar Hassan Aisha Khalid Yusuf Maryam Ibrahim Layla",
    "Asian": "Wei Mei Jian Hiroshi Yuki Min Priya Rahul Anjali Arjun Raj Sanjay Ming Jun Thanh Linh Sunita",
    "Slavic": "Ivan Olga Sergei Natalia Dmitri Alexei Tatiana Vladimir Elena Nikolai Svetlana Andrei Irina Pavel",
}
FAMILY = {
    "English": "Smith Johnson Williams Brown Jones Miller Davis Wilson Anderson Taylor Moore Martin White Harris",
    "European": "Müller Schmidt Weber Dubois Moreau Rossi Bianchi Jansen Larsen Nowak Kowalski Novak Svensson",
    "Spanish": "García López Martínez Rodríguez González Hernández Pérez Sánchez Ramírez Torres Flores Rivera",
    "Arabic, South Asian Muslim": "Khan Hussain Hassan Ahmed Ali Abdullah Mansour Haddad Saleh Rahman Malik Qureshi",
    "Asian": "Wang Li Zhang Chen Liu Tanaka Sato Kim Park Lee Nguyen Tran Patel Sharma Singh Kumar Gupta",
    "Slavic": "Ivanov Petrov Smirnov Kuznetsov Popov Sokolov Lebedev Novikov Morozov Volkov Kozlov Shevchenko",
}


def main() -> None:
    """Load, ask, and print."""
    with tempfile.TemporaryDirectory() as made:
        if len(sys.argv) > 1:
            folder = Path(sys.argv[1])
        else:
            folder = Path(made)
            _write(folder / "made_up.csv")
            print("a made-up list: its recall and hit rate say nothing about real ones")
        verifier = ListVerifier(sources_in(folder))
        started = time.perf_counter()
        verifier.refresh()
        print(f"{'load':<28} {time.perf_counter() - started:>8.2f} s")
        tracemalloc.start()
        ListVerifier(sources_in(folder)).refresh()
        print(f"{'memory, most while loading':<28} {tracemalloc.get_traced_memory()[1] / 1e6:>8.1f} MB")
        tracemalloc.stop()
    for loaded in verifier.lists:
        print(f"{loaded.name:<28} {len(loaded.entries):>8} entries, {len(loaded.persons)} names of persons")
    _recall(verifier)
    _hit_rate(verifier)


def _recall(verifier: ListVerifier) -> None:
    dice = random.Random(7)  # noqa: S311 -- repeatable, not secret
    alterations: dict[str, Callable[[str, random.Random], str]] = {
        "found: as listed": lambda name, _: name,
        "found: one typing error": typed_wrongly,
        "found: accents added": accented,
        "found: tokens in any order": reordered,
        "found: a middle name missing": shortened,
    }
    listed = [
        (loaded.name, entry) for loaded in verifier.lists for entry in loaded.entries if entry.kind is Kind.INDIVIDUAL
    ]
    for label, alter in alterations.items():
        chosen = dice.sample(listed, min(LISTED, len(listed)))
        found = 0
        for name, entry in chosen:
            answer = ask(verifier, alter(entry.names[0].text, dice), born(entry))
            matches = answer.detail["matches"] if answer.detail else []
            found += any((match["list"], match["entry"]) == (name, entry.entry_id) for match in matches)
        print(f"{label:<28} {found / len(chosen):>8.1%}  of {len(chosen)}")


def _hit_rate(verifier: ListVerifier) -> None:
    dice = random.Random(7)  # noqa: S311 -- repeatable, not secret
    hits = dict.fromkeys(GIVEN, 0)
    taken: list[float] = []
    for group, names in GIVEN.items():
        given, family = names.split(), FAMILY[group].split()
        for _ in range(ORDINARY // len(GIVEN)):
            name = f"{dice.choice(given)} {dice.choice(family)}"
            birth = date(1945, 1, 1) + timedelta(days=dice.randrange(22_000))
            started = time.process_time()
            answer = ask(verifier, name, birth)
            taken.append((time.process_time() - started) * 1e3)
            hits[group] += answer.basis is not None
    print(f"{'ordinary names that hit':<28} {sum(hits.values()) / len(taken):>8.1%}  of {len(taken)}")
    for group, count in hits.items():
        print(f"  {group:<26} {count / (ORDINARY // len(GIVEN)):>8.1%}")
    taken.sort()
    print(f"{'one answer, median':<28} {taken[len(taken) // 2]:>8.2f} ms of processor time")
    print(f"{'one answer, 99 of 100':<28} {taken[len(taken) * 99 // 100]:>8.2f} ms")


def ask(verifier: ListVerifier, name: str, birth: date | None) -> Answer:
    """Screen one person."""
    inputs = {"given_name": name.lower()}
    if birth is not None:
        parts = {"year": birth.year, "month": birth.month, "day": birth.day}
        inputs |= {f"date_of_birth.{part}": str(value) for part, value in parts.items()}
    answer = verifier.answer(Question("check_1", "screening", "person_1", "digest", inputs, AS_OF))
    if answer is None:
        raise LookupError(name)
    return answer


def born(entry: Entry) -> date | None:
    """A day in the middle of the first listed time of birth."""
    spans = [birth.span for birth in entry.births if birth.span]
    return spans[0][0] + (spans[0][1] - spans[0][0]) / 2 if spans else None


def typed_wrongly(name: str, dice: random.Random) -> str:
    """One letter changed, left out, put in, or exchanged with the next."""
    at = dice.choice([place for place, character in enumerate(name) if character.isalpha()])
    other = dice.choice(LETTERS)
    changed = (other, "", other + name[at], name[at + 1 : at + 2] + name[at])[dice.randrange(4)]
    return name[:at] + changed + name[at + (2 if len(changed) == 2 and changed[0] != other else 1) :]  # noqa: PLR2004


def accented(name: str, dice: random.Random) -> str:
    """A third of the letters that can have one get a mark."""
    marks = str.maketrans("aeiounczsAEIOUNCZS", "áéíöüñçžšÁÉÍÖÜÑÇŽŠ")
    return "".join(character.translate(marks) if dice.random() < 1 / 3 else character for character in name)


def reordered(name: str, dice: random.Random) -> str:
    """The same tokens in any order."""
    tokens = name.replace(",", " ").split()
    return " ".join(dice.sample(tokens, len(tokens)))


def shortened(name: str, dice: random.Random) -> str:
    """Without one of the given names but the first, else without one of the middle; two tokens stay as they are."""
    family, comma, given = name.partition(",")
    tokens = f"{given} {family}".split()
    middle = range(1, len(given.split()) if comma and len(given.split()) > 1 else len(tokens) - 1)
    if middle and len(tokens) > 2:  # noqa: PLR2004
        tokens.pop(dice.choice(middle))
    return " ".join(tokens)


def _write(path: Path) -> None:
    dice = random.Random(3)  # noqa: S311 -- repeatable, not secret
    parts = ["ba", "dre", "ki", "lor", "mun", "ne", "pol", "qua", "ris", "sto", "tu", "vel", "xan", "yor", "zim"]
    words = ["".join(dice.choices(parts, k=dice.randint(2, 5))) for _ in range(NAMES)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "type", "name", "aliases", "weak_aliases", "born", "countries", "programs"])
        for number in range(NAMES // 3):
            names = [" ".join(dice.choices(words, k=dice.randint(2, 4))) for _ in range(3)]
            birth = date(1940, 1, 1) + timedelta(days=dice.randrange(20_000))
            writer.writerow([number, "individual", names[0], "|".join(names[1:]), "", birth, "", ""])


if __name__ == "__main__":
    as_program(main)
