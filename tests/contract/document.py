"""The tables of ``docs/accounts-v2.md``, which the tests of this folder hold to what is so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "accounts-v2.md"

DONE, DIFFERS, LEFT_OUT = "done", "differs", "left out"
STANDINGS = (DONE, DIFFERS, LEFT_OUT)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: what it is about, where that stands, and why."""

    names: tuple[str, ...]
    standing: str
    why: str

    def is_about(self, name: str) -> bool:
        """Whether it names this; ``*`` stands for anything."""
        return any(fnmatchcase(_literal(name), _literal(pattern)) for pattern in self.names)


def rows(heading: str) -> list[Row]:
    """The rows of the tables below a heading, up to the next heading of its rank; names stand in backquotes."""
    text = DOCUMENT.read_text()
    [section] = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    found = []
    for line in section.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) < 3 or "`" not in cells[0]:
            continue
        found.append(Row(tuple(re.findall(r"`([^`]+)`", cells[0])), cells[1], " ".join(cells[2:])))
    return found


def _literal(text: str) -> str:
    """``[]`` is a place in a list, not a set of characters."""
    return text.replace("[]", "()")
