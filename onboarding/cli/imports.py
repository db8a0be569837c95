"""``onboarding import`` and ``onboarding imports``: a book of accounts, sent to the API as its platform would."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import typer

from onboarding.cli.printed import print_table, table

imports_app = typer.Typer(no_args_is_help=True, help="Imports of books of accounts, over the API.")

REFUSED, LEFT = 1, 130
"""Exit statuses: lines were refused; Ctrl-C."""

SHOWN = 200
"""Refused lines that are printed at most; the API's report has all."""

BOOK = typer.Argument(..., help="JSON lines: one account each.")
IMPORT = typer.Argument(..., help="imp_…")
API = typer.Option("http://127.0.0.1:8080", "--api", envvar="ONBOARDING_API_URL", help="Where the API is.")
KEY = typer.Option("", "--key", envvar="ONBOARDING_API_KEY", help="The platform's secret key.")
PACE = typer.Option("5/s", "--pace", help="Accounts a second at most, such as 20/s.")
RESUMED = typer.Option("", "--import", help="Go on with this import: imp_…")
DRY_RUN = typer.Option(False, "--dry-run", help="Make nothing; see what would come of each line.")  # noqa: FBT003
WAIT = typer.Option(True, "--wait/--no-wait", help="Wait for the end, and print what was refused.")  # noqa: FBT003


def import_book(
    book: Path = BOOK,
    api: str = API,
    key: str = KEY,
    pace: str = PACE,
    resumed: str = RESUMED,
    dry_run: bool = DRY_RUN,  # noqa: FBT001 -- an option
    wait: bool = WAIT,  # noqa: FBT001 -- an option
) -> None:
    """Import a book of accounts. Exit status 1: lines were refused, and are printed. See docs/import.md.

    Ctrl-C leaves the import as it is. The same command with --import goes on: what is an account already stays.
    """
    from onboarding.cli import import_operations as operations
    from onboarding.cli.progress import shown_progress

    with operations.Remote(api, key) as remote:
        import_id = resumed or remote.create(_pace(pace))
        typer.echo(import_id)
        try:
            with shown_progress() as progress:
                remote.send(import_id, book, is_dry_run=dry_run)
                found = remote.watch(import_id, progress) if wait else remote.get(import_id)
        except KeyboardInterrupt:
            again = f"onboarding import {book} --import {import_id}{' --dry-run' if dry_run else ''}"
            typer.echo(f"left as it is; to go on: {again}", err=True)
            raise typer.Exit(LEFT) from None
        refused = remote.refused(import_id, SHOWN) if wait else []
    _print_numbers(found)
    _print_refused(refused, found["lines"]["refused"])
    if wait and found["lines"]["refused"]:
        raise typer.Exit(REFUSED)


@imports_app.command("list")
def list_imports(api: str = API, key: str = KEY) -> None:
    """List the platform's newest imports."""
    from onboarding.cli import import_operations as operations

    with operations.Remote(api, key) as remote:
        rows = [
            (one["id"], one["status"], one["created"][:19], *map(str, one["lines"].values())) for one in remote.newest()
        ]
    print_table(table(("import", "status", "created", "received", "pending", "accepted", "refused", "imported"), rows))


@imports_app.command("show")
def show_import(imported: str = IMPORT, api: str = API, key: str = KEY) -> None:
    """Show where an import stands, and what was refused."""
    from onboarding.cli import import_operations as operations

    with operations.Remote(api, key) as remote:
        found, refused = remote.get(imported), remote.refused(imported, SHOWN)
    _print_numbers(found)
    _print_refused(refused, found["lines"]["refused"])


@imports_app.command("pause")
def pause_import(imported: str = IMPORT, api: str = API, key: str = KEY) -> None:
    """Play no further line. What was made stays."""
    from onboarding.cli import import_operations as operations

    with operations.Remote(api, key) as remote:
        _print_numbers(remote.change(imported, "pause"))


@imports_app.command("resume")
def resume_import(imported: str = IMPORT, api: str = API, key: str = KEY) -> None:
    """Go on with a paused import."""
    from onboarding.cli import import_operations as operations

    with operations.Remote(api, key) as remote:
        _print_numbers(remote.change(imported, "resume"))


def _pace(text: str) -> float:
    from onboarding.cli.operations import CommandFailed

    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]+)?)(?:/s)?", text)
    if found is None:
        raise CommandFailed(f"{text} is no pace: say it as 20/s")
    return float(found[1])


def _print_numbers(found: dict[str, Any]) -> None:
    numbers = ", ".join(f"{name} {number}" for name, number in found["lines"].items())
    typer.echo(f"{found['id']}  {found['status']}: {numbers}")


def _print_refused(refused: list[dict[str, Any]], whole: int) -> None:
    if not refused:
        return
    rows = [
        (str(one["line"]), one["error"]["code"], one["error"]["param"] or one["account"] or "", one["error"]["message"])
        for one in refused
    ]
    print_table(table(("line", "code", "param", "message"), rows))
    if whole > len(refused):
        typer.echo(f"and {whole - len(refused)} more")
