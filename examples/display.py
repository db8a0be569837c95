"""Showing examples: a live table in a terminal, one line for each change anywhere else, a verdict at the end."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from examples.example import Expected
from examples.progress import Progress
from examples.reading import Snapshot
from examples.runner import Result

COLOURS = {
    "active": "green",
    "pending": "yellow",
    "restricted": "red",
    "rejected": "red",
    "unsupported": "red",
    "passed": "green",
    "failed": "red",
    "inconclusive": "yellow",
    "unavailable": "magenta",
    "past_due": "red",
    "currently_due": "yellow",
    "running": "cyan",
}
DUE = ("past_due", "currently_due", "eventually_due")
"""Due statuses, the most pressing first."""
MARKS = {"passed": "✓", "failed": "✗", "inconclusive": "?", "running": "…", "unavailable": "!"}
"""Outcomes where there is no room for words."""
FIRST_FEW = 2
SMALL_WIDTH = 130
"""Columns below which the live table leaves out details."""
PLAIN_WIDTH = 140
"""Columns of the last table where there is no terminal to ask."""


@contextmanager
def showing(waiting: Sequence[Progress], *, live: bool) -> Iterator[Callable[[Progress], None]]:
    """Show examples while they run.

    Args:
        waiting: all of them before they begin.
        live: a table that changes in place; otherwise lines.

    Yields:
        What is to be told of each change.
    """
    if not live:
        yield _Lines().changed
        return
    current = {progress.name: progress for progress in waiting}
    lock = threading.Lock()

    def changed(progress: Progress) -> None:
        with lock:
            current[progress.name] = progress

    console = Console()

    def table() -> RenderableType:
        with lock:
            rows = list(current.values())
        return _fitting_table(rows, console)

    # It draws itself anew eight times a second, for the clocks in it go on without any change.
    with Live(console=console, get_renderable=table, refresh_per_second=8, transient=True):
        yield changed


def show_results(results: Sequence[Result], *, live: bool) -> None:
    """A table of what was expected and what was reached, and one line for each difference."""
    console = Console() if live else Console(width=PLAIN_WIDTH, no_color=True)
    table = Table(title="Expected and reached", title_justify="left", show_lines=True, pad_edge=False)
    table.add_column("account", no_wrap=True)
    table.add_column("expected", ratio=1)
    table.add_column("reached", ratio=1)
    table.add_column("time", justify="right", no_wrap=True)
    for result in results:
        is_right = result.is_as_expected
        name = Text(result.name, "bold green" if is_right else "bold red")
        table.add_row(
            Group(name, Text("as expected" if is_right else "differs", "dim"), Text(result.account_id or "-", "dim")),
            _end(result.expected),
            _end(result.reached),
            f"{result.seconds:.1f} s",
        )
    console.print(table)
    for result in results:
        for line in result.differences:
            console.print(Text(f"{result.name}: {line}", "red"), soft_wrap=True)
    right = sum(result.is_as_expected for result in results)
    style = "bold green" if right == len(results) else "bold red"
    console.print(Text(f"{right} of {len(results)} accounts came to their expected end", style))


class _Lines:
    """Each change as one line. What did not change is not said again."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._said: dict[str, tuple[str, ...]] = {}

    def changed(self, progress: Progress) -> None:
        """Print what is new about an example."""
        seen = progress.seen
        parts = (
            progress.stage,
            _requirements(seen.requirements) if progress.account_id else "",
            f"checks {_checks(seen.checks).plain}" if seen.checks else "",
            _capabilities(seen.capabilities).plain.replace("\n", ", "),
        )
        before = self._said.get(progress.name, ("",) * len(parts))
        self._said[progress.name] = parts
        if news := [part for part, old in zip(parts, before, strict=True) if part and part != old]:
            print(f"{time.monotonic() - self._begun:5.1f} s  {progress.name}: {' | '.join(news)}", flush=True)


def _fitting_table(rows: Sequence[Progress], console: Console) -> Table:
    """The live table, or the small one where the terminal is too narrow or too low for it."""
    table = _live_table(rows)
    is_roomy = console.width >= SMALL_WIDTH and len(console.render_lines(table)) < console.height
    return table if is_roomy else _small_table(rows)


def _live_table(rows: Sequence[Progress]) -> Table:
    table = Table(expand=True, pad_edge=False)
    table.add_column("account", no_wrap=True)
    table.add_column("story and stage", ratio=4, no_wrap=True)
    table.add_column("requirements", ratio=3, no_wrap=True)
    table.add_column("checks", min_width=14, no_wrap=True)
    table.add_column("capabilities", ratio=2, no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    for row in rows:
        count, _, first_few = _requirements(row.seen.requirements).partition(": ")
        table.add_row(
            Group(Text(row.name, "bold"), Text(_short(row.account_id), "dim")),
            Group(Text(row.summary, "dim"), Text(row.stage, _style(row))),
            Group(Text(count if row.account_id else ""), Text(first_few, "dim")),
            _checks(row.seen.checks, "\n"),
            _capabilities(row.seen.capabilities),
            f"{row.seconds:.1f} s" if row.started is not None else "",
        )
    return table


def _small_table(rows: Sequence[Progress]) -> Table:
    """The same in a line for each account: how many entries are owed, in the colour of the most pressing."""
    table = Table(expand=True, pad_edge=False)
    table.add_column("account", no_wrap=True)
    table.add_column("stage", ratio=1, no_wrap=True)
    table.add_column("owes", justify="right", no_wrap=True)
    table.add_column("checks", min_width=9, no_wrap=True)
    table.add_column("capabilities", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    for row in rows:
        owed = row.seen.requirements
        pressing = next((due for due in DUE if due in owed.values()), "")
        table.add_row(
            Text(row.name, "bold"),
            Text(row.stage, _style(row)),
            Text(str(len(owed)), COLOURS.get(pressing, "")) if row.account_id else "",
            _checks(row.seen.checks, " ", MARKS),
            _counted(row.seen.capabilities.values()),
            f"{row.seconds:.1f} s" if row.started is not None else "",
        )
    return table


def _style(row: Progress) -> str:
    return {None: "cyan", True: "green", False: "bold red"}[row.is_as_expected]


def _end(end: Expected | Snapshot) -> Group:
    reviews = [_counted(became).append(f" in review: {reason}") for reason, became in sorted(end.reviews.items())]
    return Group(_capabilities(end.capabilities), Text(_requirements(end.requirements)), _checks(end.checks), *reviews)


def _short(account_id: str | None) -> str:
    """Enough of an id to tell it from others; all of it stands in the last table."""
    return "" if account_id is None else f"{account_id[:5]}…{account_id[-6:]}"


def _requirements(requirements: Mapping[str, str]) -> str:
    """How many remain by due status, and the first few, the most pressing first."""
    if not requirements:
        return "no requirements"
    counts = Counter(requirements.values())
    counted = ", ".join(f"{counts[due]} {due}" for due in DUE if counts[due])
    pressing = sorted(requirements, key=lambda description: DUE.index(requirements[description]))
    few = ", ".join(_leaf(description) for description in pressing[:FIRST_FEW])
    more = ", …" if len(pressing) > FIRST_FEW else ""
    return f"{counted}: {few}{more}"


def _leaf(description: str) -> str:
    return ".".join(description.split(".")[-2:])


def _checks(checks: Mapping[str, Sequence[str]], between: str = ", ", marks: Mapping[str, str] | None = None) -> Text:
    return _counted((outcome for outcomes in checks.values() for outcome in outcomes), between, marks)


def _counted(statuses: Iterable[str], between: str = ", ", marks: Mapping[str, str] | None = None) -> Text:
    """How many there are of each status, as its mark where it has one."""
    return Text(between).join(
        Text(f"{count}{marks[status]}" if marks and status in marks else f"{count} {status}", COLOURS.get(status, ""))
        for status, count in sorted(Counter(statuses).items())
    )


def _capabilities(capabilities: Mapping[str, str]) -> Text:
    """One line each, the status first; what stands before the name's last word is the configuration and is left out."""
    return Text("\n").join(
        Text(f"{status} {name.rpartition('.')[2]}", COLOURS.get(status, ""))
        for name, status in sorted(capabilities.items())
    )
