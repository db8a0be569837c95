"""Our own format for a house list, such as a platform's block list: YAML, or CSV for a longer one.

YAML::

    published: 2026-11-20
    entries:
      - {id: h-1, type: individual, name: Some Name, aliases: [Other Name], weak_aliases: [Nick],
         born: ["1961-04-12", circa 1960], countries: [Atlantis], programs: [fraud]}
    count: 1

``count`` must be the last line: a cut file lacks it or has another number of entries. CSV has a header row with the
same names, ``|`` between the values of one field, and at will a last record ``#end,<count>,<published>,,,,,``;
without that record a cut between two records is noticed only if fewer than half of the entries are left. ``type`` is
one of individual, entity, vessel, aircraft, unknown (also where it is left out).
"""

from __future__ import annotations

from typing import Any

import yaml

from onboarding.verifiers.lists.dates import listed
from onboarding.verifiers.lists.entries import Content, Entry, Kind, ListedName, digest_of, distinct
from onboarding.verifiers.lists.refusal import ListRefused
from onboarding.verifiers.lists.text import decoded, records

COLUMNS = ("id", "type", "name", "aliases", "weak_aliases", "born", "countries", "programs")
_SEVERAL = ("aliases", "weak_aliases", "born", "countries", "programs")
_END = "#end"


class _Loader(yaml.SafeLoader):
    """Without aliases: a list needs none, and they can make a small file a huge value."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias")
        return super().compose_node(parent, index)


def read_yaml(list_name: str, raw: bytes) -> Content:
    """Read a YAML house list.

    Raises:
        ListRefused: cut or of another shape.
    """
    text = decoded(list_name, "the file", raw)
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 -- a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        message = " ".join(str(error).split()) or type(error).__name__
        raise ListRefused("list_unreadable", list_name, message) from None
    rows = document.get("entries") if isinstance(document, dict) else None
    if not isinstance(rows, list) or set(document) - {"published", "entries", "count"}:
        raise ListRefused("list_columns", list_name, "not a map of published, entries and count")
    is_whole = list(document)[-1] == "count" and document["count"] == len(rows) and text.endswith("\n")
    if not is_whole:
        raise ListRefused("list_cut", list_name, f"its last line does not say: count: {len(rows)}")
    published = document.get("published")
    return Content(tuple(_entry(list_name, row) for row in rows), published and str(published))


def read_csv(list_name: str, raw: bytes) -> Content:
    """Read a CSV house list.

    Raises:
        ListRefused: cut or of another shape.
    """
    header, *rows = records(list_name, "the file", decoded(list_name, "the file", raw), len(COLUMNS)) or [[]]
    if tuple(header) != COLUMNS:
        raise ListRefused("list_columns", list_name, f"the first row is not {','.join(COLUMNS)}")
    end = rows.pop() if rows and rows[-1][0] == _END else None
    if end and end[1] != str(len(rows)):
        raise ListRefused("list_cut", list_name, f"its last line says {end[1]} entries, it has {len(rows)}")
    maps: list[dict[str, Any]] = []
    for row in rows:
        values: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
        maps.append(values | {name: [one for one in values[name].split("|") if one.strip()] for name in _SEVERAL})
    return Content(
        tuple(_entry(list_name, row) for row in maps), (end and end[2]) or None, has_end_mark=end is not None
    )


def _entry(list_name: str, row: Any) -> Entry:
    if not isinstance(row, dict) or set(row) - set(COLUMNS):
        raise ListRefused("list_columns", list_name, f"an entry is not a map of {', '.join(COLUMNS)}")
    entry_id, name = (_word(list_name, row, key) for key in ("id", "name"))
    several = {key: _words(list_name, row, key) for key in _SEVERAL}
    births = tuple(listed(text) for text in several["born"])
    if any(birth.span is None for birth in births):
        raise ListRefused("list_unreadable", list_name, f"entry {entry_id}: a date of birth that is none")
    kind = str(row.get("type") or Kind.UNKNOWN)
    if kind not in set(Kind):
        raise ListRefused("list_unreadable", list_name, f"entry {entry_id}: no type {kind!r}")
    return Entry(
        entry_id=entry_id,
        kind=Kind(kind),
        names=(
            ListedName(name),
            *map(ListedName, several["aliases"]),
            *(ListedName(text, weak=True) for text in several["weak_aliases"]),
        ),
        births=births,
        countries=distinct(several["countries"]),
        programs=distinct(several["programs"]),
        digest=digest_of([entry_id, kind, name, several]),
    )


def _word(list_name: str, row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ListRefused("list_unreadable", list_name, f"an entry whose {key} is no text")
    return value.strip()


def _words(list_name: str, row: dict[str, Any], key: str) -> list[str]:
    values = row.get(key) or []
    if not isinstance(values, list) or any(isinstance(value, bool | dict | list | None) for value in values):
        raise ListRefused("list_unreadable", list_name, f"an entry whose {key} is no list of texts")
    return [str(value).strip() for value in values]
