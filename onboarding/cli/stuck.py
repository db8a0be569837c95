"""``onboarding stuck``: accounts that the engine could not decide about."""

from __future__ import annotations

import typer

stuck_app = typer.Typer(
    no_args_is_help=True,
    help="Accounts that the engine could not decide about. Exit status of retry: 2 if some still are.",
)

STILL = 2
"""Exit status where some could still not be decided."""

ACCOUNTS = typer.Argument(None, help="acct_…; without any, all that are stuck.")
CODE = typer.Option("", "--code", help="Stuck with this code only, such as engine_KeyError.")


@stuck_app.command("list")
def list_stuck(code: str = CODE, limit: int = typer.Option(50, min=1, help="Accounts at most.")) -> None:
    """List them, the longest first: code, engine that could not, since when, when it is tried again."""
    from onboarding.cli import operations

    for row in operations.list_stuck(code or None, limit):
        times = f"since {row.since:%Y-%m-%d %H:%M}  again at {row.retry_at:%Y-%m-%d %H:%M}"
        typer.echo(f"{row.account_id}  {row.platform_id}  {row.code}  engine {row.engine}  {times}")


@stuck_app.command("retry")
def retry_stuck(
    accounts: list[str] = ACCOUNTS, code: str = CODE, limit: int = typer.Option(1000, min=1, help="Accounts at most.")
) -> None:
    """Try to decide them now, with the engine of this command."""
    from onboarding.cli import operations

    still = operations.retry_stuck(accounts or [], code or None, limit)
    for account_id, found in still.items():
        typer.echo(f"{account_id}  {found or 'decided'}")
    undecided = sum(found is not None for found in still.values())
    typer.echo(f"decided: {len(still) - undecided}, still stuck: {undecided}")
    if undecided:
        raise typer.Exit(STILL)
