"""Small made-up lists in the publishers' formats, and questions about them. No name is anybody's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from onboarding.verifiers.lists import ListVerifier, sources_in
from onboarding.verifiers.port import Question

if TYPE_CHECKING:
    from pathlib import Path

    from onboarding.domain.settle import Answer

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
NULL = "-0- "
END = "\x1a"


def ofac_row(number: int, name: str, remarks: str = NULL, *, kind: str = "individual", program: str = "MADEUP") -> str:
    quoted = kind if kind == NULL else f'"{kind}"'
    said = remarks if remarks == NULL else f'"{remarks}"'
    return f'{number},"{name}",{quoted},"{program}",' + f"{NULL}," * 7 + f"{said}\r\n"


SDN = [
    ofac_row(36, "GILDED HALIBUT LINES", kind=NULL),
    ofac_row(
        101,
        "THORNWOOD, Casimir",
        "DOB 12 Apr 1961; alt. DOB circa 1960; POB Strelsau, Ruritania; nationality Ruritania; alt. nationality "
        "Cuba; Passport X123 (Ruritania); a.k.a. 'The Owl'; a.k.a. 'TORN, \"\"Big\"\" Kaz'.",
        program="MADEUP] [EXAMPLE",
    ),
    ofac_row(102, "BRANDLIK, Oskar", "DOB 30 Sep 1958."),
    ofac_row(103, "AL-QASIMOVAR, Abd al-Nadhir", "DOB 1968 to 1970; Gender Male."),
    ofac_row(104, "GILDED HALIBUT", "Vessel Registration IMO 1.", kind="vessel"),
    ofac_row(105, "VARKENTIN, Ysolde", "DOB Mar 1974; nationality Graustark\r\n second line."),
    ofac_row(106, "GRINDELWYTHE"),
    ofac_row(107, "DREXMOOR, Quillon", kind="oddity"),
    ofac_row(108, "OMBOLO, Teodrique Balthasar", "DOB 01 Jan 1955 to 31 Dec 1955."),
]
ALT = [
    f'101,1,"aka","TORNWUD, Kazimir",{NULL}\r\n',
    f'101,2,"fka","THORNBURY, Casimir",{NULL}\r\n',
    f'36,3,"aka","HALIBUT CO.",{NULL}\r\n',
]
ADD = [
    f'36,1,"1 Quay, ""North""","Strelsau","Ruritania",{NULL}\r\n',
    f'101,2,{NULL},"Havana","Cuba",{NULL}\r\n',
    f"108,3,{NULL},{NULL},{NULL},{NULL}\r\n",
]

UN = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<CONSOLIDATED_LIST xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" dateGenerated="2026-02-27T00:00:09.554Z">
  <INDIVIDUALS>
    <INDIVIDUAL>
      <DATAID>1</DATAID>
      <FIRST_NAME>CASIMIR</FIRST_NAME>
      <SECOND_NAME>THORNWOOD</SECOND_NAME>
      <UN_LIST_TYPE>MADEUP</UN_LIST_TYPE>
      <NAME_ORIGINAL_SCRIPT>卡西米尔 松林</NAME_ORIGINAL_SCRIPT>
      <NATIONALITY><VALUE>Iran (Islamic Republic of)</VALUE></NATIONALITY>
      <INDIVIDUAL_ALIAS>
        <QUALITY>Good</QUALITY><ALIAS_NAME>Kazimir Tornwud; Kasimir Tornvud</ALIAS_NAME>
      </INDIVIDUAL_ALIAS>
      <INDIVIDUAL_ALIAS><QUALITY>Low</QUALITY><ALIAS_NAME>Owl Feather</ALIAS_NAME></INDIVIDUAL_ALIAS>
      <INDIVIDUAL_ALIAS><QUALITY/><ALIAS_NAME/></INDIVIDUAL_ALIAS>
      <INDIVIDUAL_ADDRESS><COUNTRY>Cuba</COUNTRY></INDIVIDUAL_ADDRESS>
      <INDIVIDUAL_ADDRESS><COUNTRY/></INDIVIDUAL_ADDRESS>
      <INDIVIDUAL_DATE_OF_BIRTH>
        <TYPE_OF_DATE>EXACT</TYPE_OF_DATE><DATE>1961-04-12</DATE>
      </INDIVIDUAL_DATE_OF_BIRTH>
      <INDIVIDUAL_DATE_OF_BIRTH>
        <TYPE_OF_DATE>APPROXIMATELY</TYPE_OF_DATE><YEAR>1975</YEAR>
      </INDIVIDUAL_DATE_OF_BIRTH>
      <INDIVIDUAL_DATE_OF_BIRTH>
        <TYPE_OF_DATE>BETWEEN</TYPE_OF_DATE><FROM_YEAR>1980</FROM_YEAR><TO_YEAR>1984</TO_YEAR>
      </INDIVIDUAL_DATE_OF_BIRTH>
      <INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE/></INDIVIDUAL_DATE_OF_BIRTH>
    </INDIVIDUAL>
    <INDIVIDUAL>
      <DATAID>2</DATAID>
      <FIRST_NAME>OSKAR</FIRST_NAME>
      <THIRD_NAME>BRANDLIK</THIRD_NAME>
      <INDIVIDUAL_ALIAS>
        <QUALITY>Good</QUALITY>
        <ALIAS_NAME>a) Oscar Brandlick b) Oskaro Brandlique (Оскар Брандлик)</ALIAS_NAME>
      </INDIVIDUAL_ALIAS>
      <INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>EXACT</TYPE_OF_DATE><NOTE>Sept. 1958 </NOTE></INDIVIDUAL_DATE_OF_BIRTH>
    </INDIVIDUAL>
  </INDIVIDUALS>
  <ENTITIES>
    <ENTITY>
      <DATAID>3</DATAID>
      <FIRST_NAME>MERIDIAN HALIBUT FRONT</FIRST_NAME>
      <ENTITY_ALIAS><QUALITY>a.k.a.</QUALITY><ALIAS_NAME>MHF</ALIAS_NAME></ENTITY_ALIAS>
      <ENTITY_ADDRESS><COUNTRY>Cuba</COUNTRY></ENTITY_ADDRESS>
    </ENTITY>
  </ENTITIES>
</CONSOLIDATED_LIST>
"""

HOUSE = """published: 2026-11-20
entries:
  - id: h-1
    type: individual
    name: Casimir Thornwood
    aliases: [Kazimir Tornwud]
    weak_aliases: [Owl]
    born: ["1961-04-12", circa 1970, 1980]
    countries: [Ruritania]
    programs: [fraud]
  - {id: h-2, name: Oskar Brandlik}
count: 2
"""
HOUSE_HEADER = "id,type,name,aliases,weak_aliases,born,countries,programs\n"
HOUSE_CSV = (
    HOUSE_HEADER
    + "h-1,individual,Casimir Thornwood,Kazimir Tornwud|Kasimir Tornvud,Owl,1961-04-12,Ruritania,fraud|other\n"
    + "h-2,,Oskar Brandlik,,,,,\n"
    + "#end,2,2026-11-20,,,,,\n"
)


def write_ofac(folder: Path, *, mark: str = END, **parts: list[str]) -> None:
    files = {"sdn": SDN, "alt": ALT, "add": ADD} | parts
    for name, rows in files.items():
        (folder / f"{name}.csv").write_bytes(("".join(rows) + mark).encode())


def verifier_of(folder: Path) -> ListVerifier:
    verifier = ListVerifier(sources_in(folder))
    verifier.refresh()
    return verifier


def question(name: str, born: str = "", country: str = "", kind: str = "screening") -> Question:
    """The last word is the surname; ``born`` is ISO."""
    given, _, surname = name.rpartition(" ")
    inputs = {"given_name": given, "surname": surname, "address.country": country}
    inputs |= dict(
        zip(("date_of_birth.year", "date_of_birth.month", "date_of_birth.day"), born.split("-"), strict=False)
    )
    present = {path: value for path, value in inputs.items() if value}
    return Question("check_1", kind, "person_1", "digest", present, AS_OF)


def screen(verifier: ListVerifier, name: str, born: str = "", country: str = "") -> Answer:
    answer = verifier.answer(question(name, born, country))
    assert answer is not None
    return answer


def entries_hit(verifier: ListVerifier, name: str, born: str = "") -> list[str]:
    detail = screen(verifier, name, born).detail
    return [match["entry"] for match in detail["matches"]] if detail else []
