"""Names as people key them in, and as documents have them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.verifiers.stripe_identity.comparison import Likeness, compare
from onboarding.verifiers.stripe_identity.shapes import BirthDate, VerifiedOutputs

SAME, DIFFERENT, MISSING = Likeness.SAME, Likeness.DIFFERENT, Likeness.MISSING


def _given_name(keyed: str | None, shown: str | None) -> Likeness:
    inputs = {} if keyed is None else {"given_name": keyed}
    return compare(inputs, VerifiedOutputs(first_name=shown))["given_name"]


def _surname(keyed: str | None, shown: str | None) -> Likeness:
    inputs = {} if keyed is None else {"surname": keyed}
    return compare(inputs, VerifiedOutputs(last_name=shown))["surname"]


@pytest.mark.parametrize(
    ("keyed", "shown", "likeness"),
    [
        ("jenny", "JENNY", SAME),
        ("jenny", "Jenny Marie Anne", SAME),
        ("jenny marie", "Jenny", SAME),
        ("jean-luc", "JEAN LUC", SAME),
        ("jean-luc", "JEANLUC", SAME),
        ("zoë", "ZOE", SAME),
        ("zoe\u0308", "zoë", SAME),
        ("d'arcy", "D\u2019ARCY", SAME),
        ("søren", "SOREN", SAME),
        ("j.", "J", SAME),
        ("  jenny  ", "jenny", SAME),
        ("jenny", "Jen", DIFFERENT),
        ("jenny", "Marie Jenny", DIFFERENT),
        ("jenny marie", "Jenny Anne", DIFFERENT),
        ("jenny", "Дженни", DIFFERENT),
        ("jenny", None, MISSING),
        ("jenny", "", MISSING),
        ("jenny", " - ", MISSING),
        (None, "Jenny", MISSING),
        (None, None, MISSING),
    ],
)
def test_given_name(keyed: str | None, shown: str | None, likeness: Likeness) -> None:
    assert _given_name(keyed, shown) is likeness


@pytest.mark.parametrize(
    ("keyed", "shown", "likeness"),
    [
        ("rosen", "ROSEN", SAME),
        ("o'brien", "OBRIEN", SAME),
        ("o'brien", "O BRIEN", SAME),
        ("o\u00b4brien", "o`brien", SAME),
        ("smith-jones", "Smith Jones", SAME),
        ("müller", "MULLER", SAME),
        ("strauß", "STRAUSS", SAME),
        ("łukasiewicz", "LUKASIEWICZ", SAME),
        ("y\u0131lmaz", "YILMAZ", SAME),
        ("ﬁsher", "Fisher", SAME),
        ("smith", "Smith Jones", DIFFERENT),
        ("jones smith", "Smith Jones", DIFFERENT),
        ("müller", "MUELLER", DIFFERENT),
        ("rosen", "rose", DIFFERENT),
        ("rosen", None, MISSING),
        (None, "rosen", MISSING),
    ],
)
def test_surname(keyed: str | None, shown: str | None, likeness: Likeness) -> None:
    assert _surname(keyed, shown) is likeness


@pytest.mark.parametrize(
    ("keyed", "shown", "likeness"),
    [
        ("1980-2-29", (29, 2, 1980), SAME),
        ("1980-02-29", (29, 2, 1980), SAME),
        ("1980-2-9", (2, 9, 1980), DIFFERENT),
        ("1981-2-28", (28, 2, 1980), DIFFERENT),
        ("1980-2-29", (29, 2, None), MISSING),
        ("1980-2-29", None, MISSING),
        ("1980-2-", (29, 2, 1980), MISSING),
        ("1980-2-٢", (2, 2, 1980), MISSING),
        ("99999-2-2", (2, 2, 99999), MISSING),
    ],
)
def test_birth_date(keyed: str, shown: tuple[int | None, int | None, int | None] | None, likeness: Likeness) -> None:
    year, month, day = keyed.split("-")
    inputs = {"date_of_birth.year": year, "date_of_birth.month": month, "date_of_birth.day": day}
    dob = None if shown is None else BirthDate(day=shown[0], month=shown[1], year=shown[2])

    assert compare(inputs, VerifiedOutputs(dob=dob))["date_of_birth"] is likeness


@given(st.text(), st.text())
def test_neither_side_is_preferred(one: str, other: str) -> None:
    assert _given_name(one, other) is _given_name(other, one)
    assert _surname(one, other) is _surname(other, one)


@given(st.text())
def test_a_name_is_like_itself(name: str) -> None:
    assert _surname(name, name) is not DIFFERENT
    assert _surname(name, name) is _given_name(name, name)
