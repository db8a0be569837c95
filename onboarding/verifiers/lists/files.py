"""List files on disk: which there are, whether they changed, and reading them whole or not at all."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from onboarding.verifiers.lists import house, ofac, un
from onboarding.verifiers.lists.entries import Content, Entry, Kind
from onboarding.verifiers.lists.matcher import Index
from onboarding.verifiers.lists.refusal import ListRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 64 * 1024 * 1024
"""Of a file that is read at once; the largest of OFAC's is 5 MB."""
MAX_STREAMED_BYTES = 512 * 1024 * 1024
LOWEST_SHARE = 0.5
"""Of the entries of the version in use: fewer are taken for a broken file, not for removals."""

_PIECE = 256 * 1024
_SCREENED = (Kind.INDIVIDUAL, Kind.UNKNOWN)
_OFAC_NAMES = {"sdn": ("ofac_sdn", "alt", "add"), "cons_prim": ("ofac_cons", "cons_alt", "cons_add")}
_OFAC_PARTS = {part for stem, (_, *others) in _OFAC_NAMES.items() for part in (stem, *others)}
_BESIDE = frozenset((".md", ".txt", ".published"))

Signature = tuple[tuple[str, int, int], ...]


class Format(StrEnum):
    """Which format a list is in."""

    OFAC = "ofac"
    """``sdn.csv`` (or ``cons_prim.csv``) with its alias and address files beside it."""
    UN = "un"
    HOUSE = "house"
    """YAML or CSV, by the file's suffix."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a list comes from.

    Attributes:
        name: of the list, as in answers and versions.
        format: of its files.
        path: its file; for OFAC that of the entries. A file ``<name>.published`` beside it may state the ISO date of
            publication, for formats that do not.
    """

    name: str
    format: Format
    path: Path


@dataclass(frozen=True, slots=True)
class LoadedList:
    """A list in use.

    Attributes:
        name: of its source.
        digest: sha256 of its file, or of the digests of its files.
        published: ISO date; None where nothing states it.
        signature: of the files when they were read.
        content: every entry.
        persons: the names that a person is screened against: of individuals, and of entries of unknown kind, since
            those may be persons. A person is not screened against entities, vessels and aircraft.
    """

    name: str
    digest: str
    published: str | None
    signature: Signature
    content: Content
    persons: Index

    @property
    def version(self) -> str:
        """Date and the start of the digest."""
        return f"{self.published or 'undated'}:{self.digest[:12]}"

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every entry, of every kind."""
        return self.content.entries

    @property
    def screened(self) -> Iterator[Entry]:
        """The entries that a person is screened against."""
        return (entry for entry in self.content.entries if entry.kind in _SCREENED)


def sources_in(folder: Path) -> tuple[Source, ...]:
    """The lists of a folder: OFAC's CSV files, XML for the UN's, YAML or any other CSV for house lists.

    Raises:
        ListRefused: there is none, or a file of another format: what is put there is not left out silently.
    """
    if not folder.is_dir():
        raise ListRefused("list_missing", folder.name, "no such folder")
    found: list[Source] = []
    for path in sorted(folder.iterdir()):
        stem, suffix = path.stem.lower(), path.suffix.lower()
        if path.name.startswith(".") or suffix in _BESIDE:
            continue
        name = re.sub(r"[^a-z0-9]+", "_", stem).strip("_")
        if suffix == ".csv" and stem in _OFAC_NAMES:
            found.append(Source(_OFAC_NAMES[stem][0], Format.OFAC, path))
        elif suffix == ".csv" and stem in _OFAC_PARTS:
            continue
        elif suffix == ".xml":
            found.append(Source("un" if name.startswith("un") else name, Format.UN, path))
        elif suffix in (".yaml", ".yml", ".csv") and name:
            found.append(Source(name, Format.HOUSE, path))
        else:
            raise ListRefused("list_format_unknown", folder.name, path.name)
    if not found:
        raise ListRefused("list_missing", folder.name, "no list in it")
    return tuple(found)


def signature_of(source: Source) -> Signature:
    """Name, time of change and size of each file of a list. A change that keeps both is not seen.

    Raises:
        ListRefused: a file is not there.
    """
    paths = [*_paths(source).values(), _published_path(source)]
    return tuple(
        (path.name, stat.st_mtime_ns, stat.st_size)
        for path, stat in ((path, path.stat()) for path in paths if path.exists())
    )


def load(source: Source, before: LoadedList | None = None, *, accept_drop: bool = False) -> LoadedList:
    """Read a list in full.

    Args:
        source: where it is.
        before: the version in use, which the new one is held against.
        accept_drop: take it though it lost half of its entries or its end mark.

    Raises:
        ListRefused: it can't be put into use.
    """
    try:
        signature = signature_of(source)
        content, digest = _read(source)
        published = content.published or _published(source)
        is_same = signature == signature_of(source)
    except OSError as error:
        raise ListRefused("list_missing", source.name, error.strerror or type(error).__name__) from None
    if not is_same:
        raise ListRefused("list_changing", source.name, "it was written while it was read")
    _check(source.name, content, None if accept_drop else before)
    if before is not None and before.digest == digest:
        return LoadedList(source.name, digest, published, signature, before.content, before.persons)
    persons = Index(entry for entry in content.entries if entry.kind in _SCREENED)
    return LoadedList(source.name, digest, published, signature, content, persons)


def _check(name: str, content: Content, before: LoadedList | None) -> None:
    if not content.entries:
        raise ListRefused("list_empty", name, "no entry")
    if len({entry.entry_id for entry in content.entries}) < len(content.entries):
        raise ListRefused("list_duplicate", name, "two entries with one id")
    if before is None:
        return
    if len(content.entries) < LOWEST_SHARE * len(before.entries):
        message = f"{len(content.entries)} entries, {len(before.entries)} before"
        raise ListRefused("list_shrunk", name, message)
    if before.content.has_end_mark and not content.has_end_mark:
        raise ListRefused("list_cut", name, "the end mark that it had before is missing")


def _paths(source: Source) -> dict[str, Path]:
    if source.format is not Format.OFAC:
        return {"file": _there(source, source.path.name)}
    stem = source.path.stem.lower()
    if stem not in _OFAC_NAMES:
        raise ListRefused("list_format_unknown", source.name, source.path.name)
    _, aliases, addresses = _OFAC_NAMES[stem]
    return {
        "entries": _there(source, source.path.name),
        "aliases": _there(source, f"{aliases}.csv"),
        "addresses": _there(source, f"{addresses}.csv"),
    }


def _there(source: Source, name: str) -> Path:
    folder = source.path.parent
    if (folder / name).is_file():
        return folder / name
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name.lower() == name.lower() and path.is_file():
            return path
    raise ListRefused("list_missing", source.name, f"no file {name}")


def _published_path(source: Source) -> Path:
    return source.path.parent / f"{source.name}.published"


def _published(source: Source) -> str | None:
    path = _published_path(source)
    if not path.exists():
        return None
    try:
        return date.fromisoformat(path.read_text("utf-8-sig").strip()).isoformat()
    except ValueError:
        raise ListRefused("list_unreadable", source.name, f"{path.name} is no ISO date") from None


def _read(source: Source) -> tuple[Content, str]:
    paths = _paths(source)
    limit = MAX_STREAMED_BYTES if source.format is Format.UN else MAX_BYTES
    for path in paths.values():
        if path.stat().st_size > limit:
            raise ListRefused("list_too_large", source.name, f"{path.name} has more than {limit} bytes")
    if source.format is Format.UN:
        hashed = hashlib.sha256()
        content = un.read(source.name, _pieces(paths["file"], hashed))
        return content, hashed.hexdigest()
    files = {part: path.read_bytes() for part, path in paths.items()}
    digests = {part: hashlib.sha256(raw).hexdigest() for part, raw in files.items()}
    if source.format is Format.OFAC:
        lines = "".join(f"{part} {digest}\n" for part, digest in digests.items())
        return ofac.read(source.name, files), hashlib.sha256(lines.encode()).hexdigest()
    reader = house.read_csv if source.path.suffix.lower() == ".csv" else house.read_yaml
    return reader(source.name, files["file"]), digests["file"]


def _pieces(path: Path, hashed: hashlib._Hash) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            hashed.update(piece)
            yield piece
