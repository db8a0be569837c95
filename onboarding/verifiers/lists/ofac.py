"""OFAC's legacy CSV: entries, aliases and addresses in three files without header rows.

``-0-`` is null. The kind is ``individual``, ``vessel`` or ``aircraft``; null means an entity (the publisher's
specification has no other word for one), so it is read as such and not as unknown. Dates of birth, nationalities and
weak aliases (``a.k.a. 'Name'``) stand in the remarks of the entry; an alias of the alias file is a strong one.

A file cut within a record is noticed. One cut between two records is noticed by OFAC's end mark (a 0x1A), which all
three files have or none, and which a list that once had it keeps; and where an alias or address names an entry that is
not there. Three files without end marks, cut between records so that all references still hold, are noticed only if
fewer than half of the entries are left.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from onboarding.verifiers.lists.dates import listed
from onboarding.verifiers.lists.entries import Content, Entry, Kind, ListedName, digest_of, distinct
from onboarding.verifiers.lists.refusal import ListRefused
from onboarding.verifiers.lists.text import END_MARK, decoded, records

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS = {"entries": 12, "aliases": 5, "addresses": 6}
NULL = "-0-"

_KINDS = {NULL: Kind.ENTITY, "": Kind.ENTITY} | {kind.value: kind for kind in Kind}
_BORN = re.compile(r"(?:alt\. )?DOB (.+)")
_COUNTRY = re.compile(r"(?:alt\. )?(?:nationality|citizen) (.+)")
_WEAK = re.compile(r"(?:alt\. )?[afn]\.k\.a\. '(.+)'")

Records = dict[str, list[list[str]]]


def read(list_name: str, files: Mapping[str, bytes]) -> Content:
    """Read the three files, by part: ``entries``, ``aliases``, ``addresses``.

    Raises:
        ListRefused: cut, of another shape, or not belonging together.
    """
    parts: Records = {}
    marks: set[bool] = set()
    for part, columns in COLUMNS.items():
        text = decoded(list_name, part, files[part])
        body = text.rstrip(END_MARK)
        marks.add(body != text)
        parts[part] = records(list_name, part, body, columns)
    if len(marks) > 1:
        raise ListRefused("list_cut", list_name, "some of the files have the end mark and some do not")
    known = {record[0].strip() for record in parts["entries"]}
    for part in ("aliases", "addresses"):
        strays = {record[0].strip() for record in parts[part]} - known
        if strays:
            raise ListRefused("list_cut", list_name, f"{part} of {len(strays)} entries that are not there")
    return Content(_entries(list_name, parts), has_end_mark=marks == {True})


def _entries(list_name: str, parts: Records) -> tuple[Entry, ...]:
    aliases: dict[str, list[list[str]]] = defaultdict(list)
    addresses: dict[str, list[list[str]]] = defaultdict(list)
    for part, of in (("aliases", aliases), ("addresses", addresses)):
        for record in parts[part]:
            of[record[0].strip()].append(record)
    found: list[Entry] = []
    for record in parts["entries"]:
        entry_id = record[0].strip()
        if not entry_id.isdecimal() or _value(record[1]) is None:
            raise ListRefused("list_unreadable", list_name, "an entry without a number or a name")
        found.append(_entry(record, aliases[entry_id], addresses[entry_id]))
    return tuple(found)


def _entry(record: list[str], aliases: list[list[str]], addresses: list[list[str]]) -> Entry:
    remarks = [remark.strip() for remark in record[11].rstrip().rstrip(".").split(";")]
    names = [ListedName(record[1].strip())]
    names += [ListedName(text) for alias in aliases if (text := _value(alias[3]))]
    names += [ListedName(found[1], weak=True) for found in map(_WEAK.fullmatch, remarks) if found]
    countries = [found[1] for found in map(_COUNTRY.fullmatch, remarks) if found]
    countries += [text for address in addresses if (text := _value(address[4]))]
    return Entry(
        entry_id=record[0].strip(),
        kind=_KINDS.get(record[2].strip().lower(), Kind.UNKNOWN),
        names=tuple(names),
        births=tuple(listed(found[1]) for found in map(_BORN.fullmatch, remarks) if found),
        countries=distinct(countries),
        programs=distinct((_value(record[3]) or "").split("] [")),
        digest=digest_of([record, sorted(aliases), sorted(addresses)]),
    )


def _value(text: str) -> str | None:
    text = text.strip()
    return None if text in ("", NULL) else text
