"""What is read of each publisher's format, quirks included."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from onboarding.verifiers.lists import Format, ListRefused, Source, sources_in
from onboarding.verifiers.lists.dates import BirthMatch, compare, listed, stated
from onboarding.verifiers.lists.entries import Kind
from onboarding.verifiers.lists.files import load
from tests.verifiers.lists import making

if TYPE_CHECKING:
    from pathlib import Path

    from onboarding.verifiers.lists.entries import Entry


def _read(folder: Path) -> dict[str, Entry]:
    (source,) = sources_in(folder)
    return {entry.entry_id: entry for entry in load(source).entries}


def _names(entry: Entry) -> list[tuple[str, bool]]:
    return [(name.text, name.weak) for name in entry.names]


def test_ofac_entry_has_aliases_dates_countries_and_programs(tmp_path: Path) -> None:
    making.write_ofac(tmp_path)
    entries = _read(tmp_path)
    assert len(entries) == len(making.SDN)
    entry = entries["101"]
    assert _names(entry) == [
        ("THORNWOOD, Casimir", False),
        ("TORNWUD, Kazimir", False),
        ("THORNBURY, Casimir", False),
        ("The Owl", True),
        ('TORN, "Big" Kaz', True),
    ]
    assert [birth.text for birth in entry.births] == ["12 Apr 1961", "circa 1960"]
    assert entry.countries == ("Ruritania", "Cuba")
    assert entry.programs == ("MADEUP", "EXAMPLE")


def test_ofac_null_is_an_entity_and_an_odd_word_is_unknown(tmp_path: Path) -> None:
    making.write_ofac(tmp_path)
    entries = _read(tmp_path)
    kinds = {number: entry.kind for number, entry in entries.items()}
    assert kinds["36"] is Kind.ENTITY
    assert kinds["104"] is Kind.VESSEL
    assert kinds["107"] is Kind.UNKNOWN
    assert entries["106"].births == ()


@pytest.mark.parametrize("mark", ["", making.END, "\r\n" + making.END, making.END * 2])
def test_ofac_end_mark_is_no_record(tmp_path: Path, mark: str) -> None:
    making.write_ofac(tmp_path, mark=mark)
    assert len(_read(tmp_path)) == len(making.SDN)


def test_ofac_byte_order_mark_and_upper_case_files(tmp_path: Path) -> None:
    making.write_ofac(tmp_path)
    for name in ("sdn", "alt", "add"):
        raw = (tmp_path / f"{name}.csv").read_bytes()
        (tmp_path / f"{name}.csv").unlink()
        (tmp_path / f"{name.upper()}.CSV").write_bytes(b"\xef\xbb\xbf" + raw)
    assert len(_read(tmp_path)) == len(making.SDN)


def test_un_individual_has_good_weak_and_original_names(tmp_path: Path) -> None:
    (tmp_path / "UN_consolidated.xml").write_text(making.UN, "utf-8")
    entries = _read(tmp_path)
    assert _names(entries["1"]) == [
        ("CASIMIR THORNWOOD", False),
        ("Kazimir Tornwud", False),
        ("Kasimir Tornvud", False),
        ("Owl Feather", True),
        ("卡西米尔 松林", False),
    ]
    assert [birth.text for birth in entries["1"].births] == ["1961-04-12", "circa 1975", "1980 to 1984"]
    assert entries["1"].countries == ("Iran (Islamic Republic of)", "Cuba")
    assert _names(entries["2"]) == [
        ("OSKAR BRANDLIK", False),
        ("Oscar Brandlick", False),
        ("Oskaro Brandlique", False),
        ("Оскар Брандлик", False),
    ]
    assert entries["2"].births[0].span == (date(1958, 9, 1), date(1958, 9, 30))
    assert entries["3"].kind is Kind.ENTITY


def test_un_date_is_the_date_generated(tmp_path: Path) -> None:
    (tmp_path / "un.xml").write_text(making.UN, "utf-8")
    loaded = load(sources_in(tmp_path)[0])
    assert (loaded.name, loaded.published) == ("un", "2026-02-27")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_un_in_another_encoding_that_xml_states(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "un.xml").write_bytes(making.UN.replace(' encoding="UTF-8"', "").encode(encoding))
    assert len(_read(tmp_path)) == 3


@pytest.mark.parametrize(("file", "text"), [("house.yaml", making.HOUSE), ("house.csv", making.HOUSE_CSV)])
def test_house_list(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / file).write_text(text, "utf-8")
    loaded = load(sources_in(tmp_path)[0])
    assert (loaded.name, loaded.published) == ("house", "2026-11-20")
    first, second = loaded.entries
    assert _names(first)[:2] == [("Casimir Thornwood", False), ("Kazimir Tornwud", False)]
    assert _names(first)[-1] == ("Owl", True)
    assert first.births[0].span == (date(1961, 4, 12), date(1961, 4, 12))
    assert (second.kind, second.births) == (Kind.UNKNOWN, ())


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("{id: h-1, name: A B, nonsense: 1}", "list_columns"),
        ("{id: h-1}", "list_unreadable"),
        ("{id: h-1, name: true}", "list_unreadable"),
        ("{id: h-1, name: A B, born: [soon]}", "list_unreadable"),
        ("{id: h-1, name: A B, aliases: C D}", "list_unreadable"),
        ("{id: h-1, name: A B, type: ghost}", "list_unreadable"),
        ("A B", "list_columns"),
    ],
)
def test_house_entry_of_another_shape_is_refused(tmp_path: Path, row: str, code: str) -> None:
    (tmp_path / "house.yaml").write_text(f"entries:\n  - {row}\ncount: 1\n", "utf-8")
    with pytest.raises(ListRefused) as refused:
        load(sources_in(tmp_path)[0])
    assert refused.value.code == code


def test_house_list_with_yaml_aliases_is_refused(tmp_path: Path) -> None:
    text = "entries:\n  - {id: h-1, name: A B, aliases: &a [C D]}\n  - {id: h-2, name: A B, aliases: *a}\ncount: 2\n"
    (tmp_path / "house.yaml").write_text(text, "utf-8")
    with pytest.raises(ListRefused, match="list_unreadable"):
        load(sources_in(tmp_path)[0])


def test_date_of_publication_beside_a_list_that_states_none(tmp_path: Path) -> None:
    making.write_ofac(tmp_path)
    (source,) = sources_in(tmp_path)
    assert load(source).version.startswith("undated:")
    (tmp_path / "ofac_sdn.published").write_text("2026-11-19\n", "utf-8")
    assert load(source).version.startswith("2026-11-19:")
    (tmp_path / "ofac_sdn.published").write_text("yesterday", "utf-8")
    with pytest.raises(ListRefused, match="list_unreadable"):
        load(source)


def test_folder_with_a_file_of_an_unknown_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "un.xml").write_text(making.UN, "utf-8")
    (tmp_path / "README.md").write_text("about", "utf-8")
    assert [source.format for source in sources_in(tmp_path)] == [Format.UN]
    (tmp_path / "more.json").write_text("{}", "utf-8")
    with pytest.raises(ListRefused, match="list_format_unknown"):
        sources_in(tmp_path)


def test_folder_without_a_list_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ListRefused, match="list_missing"):
            sources_in(folder)


def test_ofac_source_must_be_the_file_of_the_entries(tmp_path: Path) -> None:
    making.write_ofac(tmp_path)
    with pytest.raises(ListRefused, match="list_format_unknown"):
        load(Source("ofac", Format.OFAC, tmp_path / "alt.csv"))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("12 Mar 1965", "1965-03-12", "1965-03-12"),
        ("1965-03-12", "1965-03-12", "1965-03-12"),
        ("Mar 1965", "1965-03-01", "1965-03-31"),
        ("August 1961", "1961-08-01", "1961-08-31"),
        ("circa 1960.", "1960-01-01", "1960-12-31"),
        ("circa 1960-1962", "1960-01-01", "1962-12-31"),
        ("1960 to 1962", "1960-01-01", "1962-12-31"),
        ("Between 1960 and 1962", "1960-01-01", "1962-12-31"),
        ("01 Jan 1973 to 31 Dec 1973", "1973-01-01", "1973-12-31"),
    ],
)
def test_listed_date(text: str, first: str, last: str) -> None:
    assert listed(text).span == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize("text", ["", "30-35 years old", "31 Feb 1960", "12 Foo 1960", "0000", "24/06/1402 (Hijri)"])
def test_listed_date_that_is_not_understood_is_kept_as_text(text: str) -> None:
    assert listed(text).span is None


@pytest.mark.parametrize(
    ("own", "texts", "expected"),
    [
        ("1961-04-12", ["12 Apr 1961"], BirthMatch.SAME),
        ("1961-12-04", ["12 Apr 1961"], BirthMatch.NEAR),
        ("1962-04-12", ["12 Apr 1961"], BirthMatch.NEAR),
        ("1965-04-12", ["12 Apr 1961"], BirthMatch.DIFFERENT),
        ("1965-04-12", ["12 Apr 1961", "1965"], BirthMatch.NEAR),
        ("1959-06-01", ["circa 1960"], BirthMatch.NEAR),
        ("1957-06-01", ["circa 1960"], BirthMatch.DIFFERENT),
        ("1961-04-12", [], BirthMatch.UNKNOWN),
        ("1961-04-12", ["long ago"], BirthMatch.UNKNOWN),
        ("", ["12 Apr 1961"], BirthMatch.UNKNOWN),
        ("1961", ["12 Apr 1961"], BirthMatch.NEAR),
        ("1961-13-40", ["12 Apr 1961"], BirthMatch.UNKNOWN),
        ("9999-12-31", ["12 Apr 1961"], BirthMatch.UNKNOWN),
    ],
)
def test_birth_dates_compare(own: str, texts: list[str], expected: BirthMatch) -> None:
    year, month, day, *_ = [*own.split("-"), None, None, None]
    assert compare(stated(year, month, day), [listed(text) for text in texts]) is expected
