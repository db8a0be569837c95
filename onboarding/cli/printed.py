"""Tables on a terminal, and where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.table import Table

WIDTH = 160
"""Of tables where nobody looks at a terminal."""


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table whose first column is never broken."""
    from rich import box
    from rich.table import Table

    made = Table(*titles, box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for column in made.columns:
        column.overflow = "fold"
    made.columns[0].no_wrap = True  # an id is there to be copied
    for row in rows:
        made.add_row(*row)
    return made


def print_table(printed: Table) -> None:
    """Write a table to stdout."""
    from rich.console import Console

    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console = Console(markup=False, highlight=False, width=WIDTH)
    with console.capture() as captured:
        console.print(printed)
    typer.echo("\n".join(line.rstrip() for line in captured.get().strip("\n").splitlines()).strip("\n"))
