"""Answers: outcome, basis, detail; and lists that change while they are given."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from onboarding.domain.state import Outcome
from onboarding.verifiers.lists import MATCHER_VERSION, ListVerifier, bundled_lists, sources_in
from tests.verifiers.lists import making

if TYPE_CHECKING:
    from pathlib import Path

    from onboarding.verifiers.port import LocalVerifier

CASIMIR = ("Casimir Thornwood", "1961-04-12")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    making.write_ofac(tmp_path)
    (tmp_path / "un.xml").write_text(making.UN, "utf-8")
    return tmp_path


@pytest.fixture
def verifier(folder: Path) -> ListVerifier:
    return making.verifier_of(folder)


def _basis(verifier: ListVerifier) -> str:
    basis = making.screen(verifier, *CASIMIR).basis
    assert basis is not None
    return basis


def test_it_is_a_local_verifier(verifier: ListVerifier) -> None:
    local: LocalVerifier = verifier
    assert local.name == "lists"


def test_other_kinds_are_not_answered(verifier: ListVerifier) -> None:
    assert verifier.answer(making.question("Ada Example", kind="keyed_identity")) is None
    assert ListVerifier([]).answer(making.question("Ada Example", kind="keyed_identity")) is None


def test_no_hit_passes_at_the_instant_of_the_question(verifier: ListVerifier) -> None:
    answer = making.screen(verifier, "Ada Example", "1990-01-01")
    assert (answer.outcome, answer.reasons, answer.basis, answer.detail) == (Outcome.PASSED, (), None, None)
    assert (answer.verifier, answer.occurred_at) == ("lists", making.AS_OF)


def test_version_names_matcher_and_lists_with_date_and_digest(verifier: ListVerifier, folder: Path) -> None:
    ofac, un = verifier.lists
    assert verifier.version == f"1+ofac_sdn:undated:{ofac.digest[:12]},un:2026-02-27:{un.digest[:12]}"
    assert making.screen(verifier, "Ada Example").verifier_version == verifier.version
    assert making.verifier_of(folder).version == verifier.version
    assert MATCHER_VERSION == "1"


def test_hit_is_inconclusive_and_says_why(verifier: ListVerifier) -> None:
    answer = making.screen(verifier, *CASIMIR, country="CU")
    assert (answer.outcome, answer.reasons) == (Outcome.INCONCLUSIVE, ("screening_hit",))
    detail = answer.detail
    assert detail is not None
    assert json.loads(json.dumps(detail)) == detail
    ofac, un = verifier.lists
    assert detail["lists"] == [
        {"name": "ofac_sdn", "version": ofac.version, "digest": ofac.digest, "published": None},
        {"name": "un", "version": un.version, "digest": un.digest, "published": "2026-02-27"},
    ]
    assert detail["more"] == 0
    assert detail["matches"] == [
        {
            "list": "ofac_sdn",
            "entry": "101",
            "name": "THORNWOOD, Casimir",
            "primary_name": "THORNWOOD, Casimir",
            "score": 1.0,
            "dates_of_birth": ["12 Apr 1961", "circa 1960"],
            "countries": ["Ruritania", "Cuba"],
            "programs": ["MADEUP", "EXAMPLE"],
            "type": "individual",
            "why": {"name": 1.0, "birth_date": "same", "country": "same"},
        },
        {
            "list": "un",
            "entry": "1",
            "name": "CASIMIR THORNWOOD",
            "primary_name": "CASIMIR THORNWOOD",
            "score": 1.0,
            "dates_of_birth": ["1961-04-12", "circa 1975", "1980 to 1984"],
            "countries": ["Iran (Islamic Republic of)", "Cuba"],
            "programs": ["MADEUP"],
            "type": "individual",
            "why": {"name": 1.0, "birth_date": "same", "country": "same"},
        },
    ]


def test_alias_that_matched_is_named(verifier: ListVerifier) -> None:
    detail = making.screen(verifier, "Kazimir Tornwud").detail
    assert detail is not None
    assert [(match["entry"], match["name"], match["primary_name"]) for match in detail["matches"]] == [
        ("101", "TORNWUD, Kazimir", "THORNWOOD, Casimir"),
        ("1", "Kazimir Tornwud", "CASIMIR THORNWOOD"),
    ]


def test_person_is_screened_against_individuals_and_unknown_kinds_only(verifier: ListVerifier) -> None:
    assert making.entries_hit(verifier, "Gilded Halibut Lines") == []
    assert making.entries_hit(verifier, "Gilded Halibut") == []
    assert making.entries_hit(verifier, "Meridian Halibut Front") == []
    assert making.entries_hit(verifier, "Quillon Drexmoor") == ["107"]


def test_matches_are_the_best_and_the_rest_is_counted(tmp_path: Path) -> None:
    rows = [f"{at},individual,Mirko Zelvandt{' Jo' if at < 10 else ''},,,,,\n" for at in range(40)]
    (tmp_path / "house.csv").write_text(making.HOUSE_HEADER + "".join(rows), "utf-8")
    answer = making.screen(making.verifier_of(tmp_path), "Mirko Zelvandt")
    assert answer.detail is not None
    scores = [match["score"] for match in answer.detail["matches"]]
    assert len(scores) == 25
    assert set(scores) == {0.92}
    assert answer.detail["more"] == 15


def test_basis_holds_for_the_same_content_and_changes_with_the_entry(folder: Path, verifier: ListVerifier) -> None:
    before = _basis(verifier)
    assert len(before) == 32
    assert int(before, 16)
    making.write_ofac(folder)
    assert not verifier.refresh()
    assert _basis(verifier) == _basis(making.verifier_of(folder)) == before
    # Another entry changes, and with it the list's version.
    making.write_ofac(folder, sdn=[row.replace("BRANDLIK", "BRENDLIK") for row in making.SDN])
    version = verifier.version
    assert verifier.refresh()
    assert verifier.version != version
    assert _basis(verifier) == before
    # The entry itself: only a remark that is not read, then an address, then an alias.
    making.write_ofac(folder, sdn=[row.replace("Passport X123", "Passport X124") for row in making.SDN])
    verifier.refresh()
    remark = _basis(verifier)
    making.write_ofac(folder, add=[row.replace("Havana", "Strelsau") for row in making.ADD])
    verifier.refresh()
    address = _basis(verifier)
    (folder / "un.xml").write_text(making.UN.replace("Owl Feather", "Owl Wing"), "utf-8")
    verifier.refresh()
    assert len({before, remark, address, _basis(verifier)}) == 4


def test_basis_does_not_depend_on_the_order_of_the_entries(folder: Path, verifier: ListVerifier) -> None:
    before = _basis(verifier)
    making.write_ofac(folder, sdn=making.SDN[::-1], alt=making.ALT[::-1], add=making.ADD[::-1])
    assert verifier.refresh()
    assert _basis(verifier) == before


def test_refresh_of_unchanged_files_reads_none(verifier: ListVerifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onboarding.verifiers.lists.verifier.load", None)
    before = verifier.lists
    assert not verifier.refresh()
    assert verifier.lists == before


@pytest.mark.parametrize(
    ("given", "surname", "code"),
    [
        ("", "", "name_missing"),
        (" ", "-.'", "name_missing"),
        ("王", "伟", "name_not_comparable"),
        ("Ada", "مثال", "name_not_comparable"),
    ],
)
def test_name_that_can_not_be_screened_goes_to_a_person(
    verifier: ListVerifier, given: str, surname: str, code: str
) -> None:
    inputs = {"given_name": given, "surname": surname}
    asked = replace(making.question("Ada Example"), inputs=inputs)
    answer = verifier.answer(asked)
    assert answer is not None
    assert (answer.outcome, answer.reasons) == (Outcome.INCONCLUSIVE, (code,))


def test_name_in_another_script_hits_where_the_list_has_it(verifier: ListVerifier) -> None:
    assert making.entries_hit(verifier, "卡西米尔 松林") == ["1"]


@pytest.mark.parametrize(
    "inputs",
    [
        {"surname": "Grindelwythe"},
        {"given_name": "Grindelwythe", "date_of_birth.year": "1960"},
        {"given_name": "Grindelwythe", "date_of_birth.day": "1", "date_of_birth.month": "x"},
        {"given_name": "Grindelwythe", "date_of_birth.year": "-5", "date_of_birth.day": "1"},
    ],
)
def test_missing_and_impossible_inputs_are_tolerated(verifier: ListVerifier, inputs: dict[str, str]) -> None:
    answer = verifier.answer(replace(making.question("Ada Example"), inputs=inputs))
    assert answer is not None
    assert answer.outcome is Outcome.INCONCLUSIVE


def test_answers_while_the_lists_change_are_of_one_version_each(folder: Path, verifier: ListVerifier) -> None:
    expected = {verifier.version: _basis(verifier)}
    texts = [making.UN, making.UN.replace("Owl Feather", "Owl Wing")]
    (folder / "un.xml").write_text(texts[1], "utf-8")
    verifier.refresh()
    expected[verifier.version] = _basis(verifier)
    stop = threading.Event()
    wrong: list[object] = []
    seen: set[str] = set()

    def ask() -> None:
        while not stop.is_set():
            answer = making.screen(verifier, *CASIMIR)
            seen.add(answer.verifier_version)
            if expected.get(answer.verifier_version) != answer.basis:
                wrong.append(answer)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(60):
            (folder / "un.xml").write_text(texts[turn % 2] + "\n" * (turn % 2), "utf-8")
            (folder / "un.xml").write_text(texts[turn % 2], "utf-8")
            verifier.refresh()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert seen == set(expected)


def test_bundled_lists_are_loaded_and_dated() -> None:
    verifier = bundled_lists()
    assert verifier.version.startswith("1+fictional:2026-11-20:")
    answer = making.screen(verifier, *CASIMIR)
    assert answer.outcome is Outcome.INCONCLUSIVE
    assert making.screen(verifier, "Oskar Brandlik", "1958-09-30").outcome is Outcome.INCONCLUSIVE


def test_detail_and_inputs_are_not_in_the_text_of_an_answer(verifier: ListVerifier) -> None:
    assert "THORNWOOD" not in repr(making.screen(verifier, *CASIMIR)).upper()


def test_folder_of_ofac_and_un_gives_both(folder: Path) -> None:
    assert [source.name for source in sources_in(folder)] == ["ofac_sdn", "un"]
