"""A list that is not whole is not put into use, and the one before stays."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from onboarding.domain.state import Outcome
from onboarding.verifiers.lists import Format, ListRefused, ListVerifier, Source, files, sources_in
from onboarding.verifiers.port import VerifierUnavailable
from tests.verifiers.lists import making

if TYPE_CHECKING:
    from pathlib import Path

STEP = 37
UN = making.UN.encode()
SDN = ("".join(making.SDN) + making.END).encode()


def _refusal(verifier: ListVerifier) -> str | None:
    try:
        verifier.refresh()
    except ListRefused as refused:
        return refused.code
    return None


def _stays(verifier: ListVerifier, folder: Path, file: str, raw: bytes) -> str | None:
    """The code of the refusal of such a file, having checked that what was in use before stays so then."""
    before = verifier.lists
    (folder / file).write_bytes(raw)
    code = _refusal(verifier)
    if code is not None:
        assert verifier.lists == before
        assert set(verifier.refused.values()) == {code}
        assert making.screen(verifier, "Casimir Thornwood", "1961-04-12").outcome is Outcome.INCONCLUSIVE
    return code


def test_xml_cut_anywhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "un.xml").write_bytes(UN)
    verifier = making.verifier_of(tmp_path)
    codes = {_stays(verifier, tmp_path, "un.xml", UN[:at]) for at in range(0, len(UN.rstrip()), STEP)}
    assert codes == {"list_cut"}


@pytest.mark.parametrize("file", ["sdn.csv", "alt.csv", "add.csv"])
def test_ofac_file_cut_anywhere_is_refused(tmp_path: Path, file: str) -> None:
    making.write_ofac(tmp_path)
    whole = (tmp_path / file).read_bytes()
    verifier = making.verifier_of(tmp_path)
    codes = {_stays(verifier, tmp_path, file, whole[:at]) for at in range(len(whole))}
    assert None not in codes
    assert codes <= {"list_cut", "list_columns", "list_empty"}


def test_ofac_files_all_cut_between_records_lack_the_end_mark_they_had(tmp_path: Path) -> None:
    making.write_ofac(tmp_path)
    verifier = making.verifier_of(tmp_path)
    making.write_ofac(tmp_path, mark="", sdn=making.SDN[:-1], add=making.ADD[:-1])
    assert _refusal(verifier) == "list_cut"
    verifier.refresh(accept_drop=["ofac_sdn"])
    assert len(verifier.lists[0].entries) == len(making.SDN) - 1


def test_ofac_without_end_marks_cut_between_records_passes_unless_a_reference_breaks(tmp_path: Path) -> None:
    making.write_ofac(tmp_path, mark="")
    verifier = making.verifier_of(tmp_path)
    making.write_ofac(tmp_path, mark="", sdn=making.SDN[:-1])
    assert _refusal(verifier) == "list_cut"  # an address of the last entry is still there
    making.write_ofac(tmp_path, mark="", sdn=making.SDN[:-1], add=making.ADD[:-1])
    assert _refusal(verifier) is None
    assert len(verifier.lists[0].entries) == len(making.SDN) - 1


@pytest.mark.parametrize("file", ["sdn.csv", "alt.csv", "add.csv"])
def test_ofac_without_one_of_its_files_is_refused(tmp_path: Path, file: str) -> None:
    making.write_ofac(tmp_path)
    verifier = making.verifier_of(tmp_path)
    (tmp_path / file).unlink()
    assert _refusal(verifier) == "list_missing"
    assert len(verifier.lists) == 1


@pytest.mark.parametrize(
    ("file", "text"), [("house.yaml", making.HOUSE), ("house.csv", making.HOUSE_CSV)], ids=["yaml", "csv"]
)
def test_house_list_cut_anywhere_is_refused(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / file).write_text(text, "utf-8")
    verifier = making.verifier_of(tmp_path)
    assert None not in {_stays(verifier, tmp_path, file, text.encode()[:at]) for at in range(len(text))}


def test_fewer_than_half_of_the_entries_are_refused_until_accepted(tmp_path: Path) -> None:
    rows = [f"{at},individual,Mirko Zelvandt{at},,,,,\n" for at in range(10)]
    (tmp_path / "house.csv").write_text(making.HOUSE_HEADER + "".join(rows), "utf-8")
    verifier = making.verifier_of(tmp_path)
    (tmp_path / "house.csv").write_text(making.HOUSE_HEADER + "".join(rows[:4]), "utf-8")
    assert _refusal(verifier) == "list_shrunk"
    assert len(verifier.lists[0].entries) == 10
    (tmp_path / "house.csv").write_text(making.HOUSE_HEADER + "".join(rows[:5]), "utf-8")
    assert _refusal(verifier) is None
    (tmp_path / "house.csv").write_text(making.HOUSE_HEADER + "".join(rows[:1]), "utf-8")
    assert _refusal(verifier) == "list_shrunk"
    assert verifier.refresh(accept_drop=["house"])
    assert len(verifier.lists[0].entries) == 1
    assert verifier.refused == {}


@pytest.mark.parametrize(
    ("file", "raw", "code"),
    [
        ("sdn.csv", b"", "list_empty"),
        ("sdn.csv", b"\x1a", "list_empty"),
        ("sdn.csv", SDN.decode().encode("utf-16"), "list_unreadable"),
        ("sdn.csv", SDN.replace(b"BRANDLIK", b"BR\xc4NDLIK"), "list_unreadable"),
        ("sdn.csv", SDN.replace(b"BRANDLIK", b"BR\0NDLIK"), "list_unreadable"),
        ("sdn.csv", SDN.replace(b"102,", b""), "list_columns"),
        ("sdn.csv", SDN.replace(b"102,", b"101,"), "list_duplicate"),
        ("sdn.csv", SDN.replace(b"102,", b"1O2,"), "list_unreadable"),
        ("sdn.csv", SDN.replace(b'"BRANDLIK', b"BRANDLIK"), "list_columns"),
        ("sdn.csv", SDN.replace(b'Oskar"', b'Os"kar"'), "list_unreadable"),
        ("alt.csv", SDN, "list_columns"),
        ("add.csv", b'<html lang="en">\n<p>Service, unavailable</p>\n\x1a', "list_columns"),
        ("alt.csv", b'999,1,"aka","NOBODY, Known",-0- \r\n\x1a', "list_cut"),
    ],
)
def test_broken_ofac_file_is_refused(tmp_path: Path, file: str, raw: bytes, code: str) -> None:
    making.write_ofac(tmp_path)
    verifier = making.verifier_of(tmp_path)
    assert _stays(verifier, tmp_path, file, raw) == code


BOMB = b"""<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>
<CONSOLIDATED_LIST><INDIVIDUALS>&b;</INDIVIDUALS><ENTITIES/></CONSOLIDATED_LIST>"""


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "list_cut"),
        (BOMB, "list_unsafe"),
        (BOMB.decode().encode("utf-16"), "list_unsafe"),
        (b'<!DOCTYPE CONSOLIDATED_LIST SYSTEM "file:///etc/hosts">' + UN.split(b"?>", 1)[1], "list_unsafe"),
        (b"<!--" + b" " * 600_000 + b"-->" + BOMB.split(b"?>", 1)[1], "list_unsafe"),
        (UN.replace(b"CASIMIR", b"\xff"), "list_unreadable"),
        (UN.replace(b"CASIMIR", b"\0"), "list_unreadable"),
        (UN.replace(b'encoding="UTF-8"', b'encoding="nonsense"'), "list_unreadable"),
        (b"<html></html>", "list_columns"),
        (UN.replace(b"ENTITIES", b"OTHERS"), "list_columns"),
        (UN.replace(b"<DATAID>2</DATAID>", b""), "list_columns"),
        (UN.replace(b"<DATAID>2<", b"<DATAID>1<"), "list_duplicate"),
        (UN.replace(b"OSKAR", b"").replace(b"BRANDLIK", b""), "list_unreadable"),
        (b"<CONSOLIDATED_LIST><INDIVIDUALS/><ENTITIES/></CONSOLIDATED_LIST>", "list_empty"),
        (UN + UN, "list_unreadable"),
    ],
)
def test_broken_xml_is_refused(tmp_path: Path, raw: bytes, code: str) -> None:
    (tmp_path / "un.xml").write_bytes(UN)
    verifier = making.verifier_of(tmp_path)
    assert _stays(verifier, tmp_path, "un.xml", raw) == code


def test_nothing_is_answered_before_every_list_was_loaded(tmp_path: Path) -> None:
    (tmp_path / "un.xml").write_bytes(UN)
    (tmp_path / "house.yaml").write_text("entries: []\ncount: 1\n", "utf-8")
    verifier = ListVerifier(sources_in(tmp_path))
    assert verifier.version == "1+none"
    assert _refusal(verifier) == "list_cut"
    with pytest.raises(VerifierUnavailable, match="lists_not_loaded"):
        verifier.answer(making.question("Ada Example"))
    (tmp_path / "house.yaml").write_text(making.HOUSE, "utf-8")
    verifier.refresh()
    assert making.screen(verifier, "Ada Example").outcome is Outcome.PASSED


def test_verifier_without_sources_never_passes_anybody() -> None:
    verifier = ListVerifier([])
    verifier.refresh()
    with pytest.raises(VerifierUnavailable, match="lists_not_loaded"):
        verifier.answer(making.question("Ada Example"))


def test_refused_list_does_not_hold_up_another(tmp_path: Path) -> None:
    (tmp_path / "un.xml").write_bytes(UN)
    (tmp_path / "house.yaml").write_text(making.HOUSE, "utf-8")
    verifier = making.verifier_of(tmp_path)
    (tmp_path / "un.xml").write_bytes(UN[:500])
    (tmp_path / "house.yaml").write_text(making.HOUSE.replace("Oskar Brandlik", "Mirko Zelvandt"), "utf-8")
    assert _refusal(verifier) == "list_cut"
    assert verifier.refused == {"un": "list_cut"}
    assert making.entries_hit(verifier, "Mirko Zelvandt") == ["h-2"]
    assert making.entries_hit(verifier, "Oskar Brandlik") == ["2"]


def test_refused_file_is_not_read_again_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "un.xml").write_bytes(UN)
    verifier = making.verifier_of(tmp_path)
    (tmp_path / "un.xml").write_bytes(UN[:500])
    assert _refusal(verifier) == "list_cut"
    monkeypatch.setattr("onboarding.verifiers.lists.verifier.load", None)
    assert _refusal(verifier) == "list_cut"
    monkeypatch.undo()
    (tmp_path / "un.xml").write_bytes(UN)
    assert _refusal(verifier) is None
    assert verifier.refused == {}


def test_file_written_while_it_is_read_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "un.xml").write_bytes(UN)
    verifier = making.verifier_of(tmp_path)
    (tmp_path / "un.xml").write_bytes(UN + b"\n")
    whole = files._read

    def slow(source: Source) -> object:
        content = whole(source)
        os.utime(source.path, ns=(1, 1))
        return content

    monkeypatch.setattr(files, "_read", slow)
    assert _refusal(verifier) == "list_changing"
    monkeypatch.undo()
    assert _refusal(verifier) is None


def test_file_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "un.xml").write_bytes(UN)
    monkeypatch.setattr("onboarding.verifiers.lists.files.MAX_STREAMED_BYTES", 10)
    assert _refusal(ListVerifier(sources_in(tmp_path))) == "list_too_large"


def test_two_lists_of_one_name_are_refused(tmp_path: Path) -> None:
    source = Source("house", Format.HOUSE, tmp_path / "house.yaml")
    with pytest.raises(ListRefused, match="list_duplicate"):
        ListVerifier([source, source])


def test_refusal_names_no_person_of_the_list(tmp_path: Path) -> None:
    making.write_ofac(tmp_path)
    verifier = making.verifier_of(tmp_path)
    (tmp_path / "sdn.csv").write_bytes(SDN[:500])
    with pytest.raises(ListRefused) as refused:
        verifier.refresh()
    assert refused.value.list_name == "ofac_sdn"
    assert "THORNWOOD" not in str(refused.value)
