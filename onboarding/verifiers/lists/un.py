"""The United Nations Security Council's consolidated list, XML.

Read in pieces: an entry's elements are dropped once it is read. A document type declaration is refused before any of
it is used, so no entity is ever expanded and nothing is fetched. A cut file has no closing tag and is always noticed;
one from which entries were taken out by an editor is not, unless fewer than half are left.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET
from xml.parsers import expat

from onboarding.verifiers.lists.dates import BirthDate, listed
from onboarding.verifiers.lists.entries import Content, Entry, Kind, ListedName, digest_of, distinct
from onboarding.verifiers.lists.refusal import ListRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ROOT = "CONSOLIDATED_LIST"
_SECTIONS = {"INDIVIDUALS": ("INDIVIDUAL", Kind.INDIVIDUAL), "ENTITIES": ("ENTITY", Kind.ENTITY)}
_KINDS = dict(_SECTIONS.values())
_NAMES = ("FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME")
_COUNTRIES = ("NATIONALITY/VALUE", "INDIVIDUAL_ADDRESS/COUNTRY", "ENTITY_ADDRESS/COUNTRY")
_SEVERAL = re.compile(r";|(?:^|\s)[a-z]\)\s")
_BRACKETS = re.compile(r"\(([^()]*)\)?")
_BORN = re.compile(r",? born .*", re.IGNORECASE)


class _Doctype(Exception):  # noqa: N818 -- says what was met
    pass


class _Prologue:
    """Follows a document until its root element, ahead of the parser that keeps what it reads."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._root
        self._is_over = False

    def feed(self, piece: bytes) -> None:
        """Look at the next piece."""
        if not self._is_over:
            self._parser.Parse(piece)

    def _doctype(self, *_: object) -> None:
        raise _Doctype

    def _root(self, *_: object) -> None:
        self._is_over = True


def read(list_name: str, pieces: Iterable[bytes]) -> Content:
    """Read a document.

    Raises:
        ListRefused: cut, unsafe or of another shape.
    """
    prologue = _Prologue()
    parser: ET.XMLPullParser[ET.Element] = ET.XMLPullParser(("start", "end"))
    reader = _Reader(list_name)
    try:
        for piece in pieces:
            prologue.feed(piece)
            parser.feed(piece)
            reader.take(parser.read_events())
        parser.close()
        reader.take(parser.read_events())
    except _Doctype:
        raise ListRefused("list_unsafe", list_name, "a document type declaration") from None
    except (ET.ParseError, expat.ExpatError, ValueError, LookupError) as error:
        # XMLPullParser raises ParseError; an encoding that it does not know is a ValueError or LookupError.
        no_element = isinstance(error, ET.ParseError) and error.code in _CUT
        raise ListRefused("list_cut" if no_element else "list_unreadable", list_name, str(error)) from None
    if reader.sections != set(_SECTIONS):
        raise ListRefused("list_columns", list_name, f"not both of {', '.join(_SECTIONS)}")
    return Content(tuple(reader.entries), reader.published)


_CUT = frozenset(
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
)


class _Reader:
    """Turns elements into entries as they end."""

    def __init__(self, list_name: str) -> None:
        self._list_name = list_name
        self._path: list[ET.Element] = []
        self.entries: list[Entry] = []
        self.sections: set[str] = set()
        self.published: str | None = None

    def take(self, events: Iterable[Any]) -> None:
        for event, element in events:
            if event == "start":
                self._start(element)
                continue
            self._path.pop()
            if len(self._path) == 2:  # noqa: PLR2004 -- root and section
                self._entry(element)
                self._path[-1].clear()

    def _start(self, element: ET.Element) -> None:
        if not self._path:
            if element.tag != _ROOT:
                raise ListRefused("list_columns", self._list_name, f"the root element is not {_ROOT}")
            self.published = _published(element.get("dateGenerated", ""))
        elif len(self._path) == 1 and element.tag in _SECTIONS:
            self.sections.add(element.tag)
        self._path.append(element)

    def _entry(self, element: ET.Element) -> None:
        kind = _KINDS.get(element.tag)
        entry_id = _text(element, "DATAID")
        if kind is None or not entry_id:
            raise ListRefused("list_columns", self._list_name, f"a {element.tag} without DATAID")
        primary = " ".join(part for part in (_text(element, name) for name in _NAMES) if part)
        if not primary:
            raise ListRefused("list_unreadable", self._list_name, "an entry without a name")
        names = [ListedName(primary), *_aliases(element)]
        original = _text(element, "NAME_ORIGINAL_SCRIPT")
        if original:
            names.append(ListedName(original))
        self.entries.append(
            Entry(
                entry_id=entry_id,
                kind=kind,
                names=tuple(names),
                births=tuple(_births(element)),
                countries=distinct([found.text or "" for path in _COUNTRIES for found in element.findall(path)]),
                programs=distinct([_text(element, "UN_LIST_TYPE")]),
                digest=digest_of(_plain(element)),
            )
        )


def _text(element: ET.Element, path: str) -> str:
    return " ".join((element.findtext(path) or "").split())


def _published(generated: str) -> str | None:
    return generated[:10] if re.match(r"\d{4}-\d{2}-\d{2}", generated) else None


def _aliases(element: ET.Element) -> Iterator[ListedName]:
    for alias in (*element.findall("INDIVIDUAL_ALIAS"), *element.findall("ENTITY_ALIAS")):
        weak = _text(alias, "QUALITY").casefold() == "low"
        # One field may hold several names, "a) X; b) Y", and a name in brackets in its own script.
        for one in _SEVERAL.split(_text(alias, "ALIAS_NAME")):
            if text := _BORN.sub("", _BRACKETS.sub(" ", one)).strip(" ,;"):
                yield ListedName(text, weak=weak)
            for inner in _BRACKETS.findall(one):
                if inner and not any(character.isdigit() for character in inner):
                    yield ListedName(inner, weak=weak or inner.isascii())


def _births(element: ET.Element) -> Iterator[BirthDate]:
    for born in element.findall("INDIVIDUAL_DATE_OF_BIRTH"):
        first, last = _text(born, "FROM_YEAR"), _text(born, "TO_YEAR")
        text = _text(born, "DATE") or _text(born, "YEAR") or (f"{first} to {last}" if first and last else "")
        text = text or first or last or _text(born, "NOTE")
        approximate = _text(born, "TYPE_OF_DATE") == "APPROXIMATELY"
        if text:
            yield listed(f"circa {text}" if approximate else text)


def _plain(element: ET.Element) -> list[object]:
    text = " ".join((element.text or "").split())
    return [element.tag, text, *(_plain(child) for child in element)]
