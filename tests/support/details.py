"""What operators read in the current details of a run, taken apart."""

from __future__ import annotations

from onboarding.runs import HEADS


def cells(line: str) -> tuple[str, ...]:
    """The cells of one line of a table."""
    return tuple(cell.strip() for cell in line.strip("|").split("|"))


def rows(details: str) -> list[tuple[str, ...]]:
    """The rows of the table of what is open: what, since when, until when, who acts."""
    lines = [cells(line) for line in details.splitlines() if line.startswith("|")]
    assert not lines or (lines[0] == HEADS and set(lines[1]) == {"---"}), details
    assert all(len(line) == len(HEADS) for line in lines), details
    return lines[2:]
