"""What can be wrong with a catalogue, and where."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that keeps a catalogue from being used.

    Attributes:
        path: place in the document: section, then name or number.
        at: what within it.
        message: what was found and what was expected.
        rule: name of the rule, if it is about one.
        file, line: where it stands, counted from 1, if the text is known.
    """

    path: tuple[str | int, ...]
    at: str
    message: str
    rule: str = ""
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        """``us.yaml:12: rule us.mcc, needs[0]: …``."""
        where = f"{self.file}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        named = f"rule {self.rule}" if self.rule else ".".join(str(part) for part in self.path)
        what = ", ".join(part for part in (named, self.at) if part)
        return f"{where}{what}: {self.message}" if what else f"{where}{self.message}"


class CatalogueError(Exception):
    """A catalogue that can't be used; ``problems`` are all that was found, and the message is the first of them."""

    def __init__(self, problems: list[Problem]) -> None:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}")
        self.problems = problems
