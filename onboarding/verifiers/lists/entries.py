"""What a list holds, whatever the format it came in."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onboarding.verifiers.lists.dates import BirthDate

Listed = tuple[str, str, str]
"""An entry as it stood at one time: its list's name, its id there, and its digest."""


class Kind(StrEnum):
    """What an entry is about."""

    INDIVIDUAL = "individual"
    ENTITY = "entity"
    VESSEL = "vessel"
    AIRCRAFT = "aircraft"
    UNKNOWN = "unknown"
    """The list does not say, or says something that we do not know. Persons are screened against these too."""


@dataclass(frozen=True, slots=True)
class ListedName:
    """A name as it is listed. ``weak``: the list itself calls it a weak or low quality alias."""

    text: str
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry.

    Attributes:
        entry_id: the publisher's id, unique in its list.
        kind: what it is about.
        names: the primary name first.
        births: every listed date of birth.
        countries: nationalities, citizenships and countries of addresses, as listed.
        programs: of sanctions, or whatever the list groups its entries by.
        digest: of the entry's record in full as listed, of what is not read here too.
    """

    entry_id: str
    kind: Kind
    names: tuple[ListedName, ...]
    births: tuple[BirthDate, ...]
    countries: tuple[str, ...]
    programs: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Content:
    """What was read of one list.

    Attributes:
        entries: all of them.
        published: ISO date that the list itself states.
        has_end_mark: whether the format's own end mark stood at the end, for formats that have an optional one.
    """

    entries: tuple[Entry, ...]
    published: str | None = None
    has_end_mark: bool = False


def digest_of(record: Any) -> str:
    """Hex digest of a record of strings, lists and maps."""
    canonical = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def distinct(values: list[str]) -> tuple[str, ...]:
    """Without empty ones and repetitions, in the given order."""
    return tuple(dict.fromkeys(value.strip() for value in values if value.strip()))
