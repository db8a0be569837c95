"""The command line: ``onboarding --help``. Reads the same environment variables as the processes do."""

from __future__ import annotations

import sys

import typer

from onboarding.process_exit import settle_before_exit

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
keys_app = typer.Typer(no_args_is_help=True, help="API keys of platforms.")
app.add_typer(keys_app, name="keys")


@app.command()
def migrate() -> None:
    """Bring the database's tables up to date. Safe to call from many places at once."""
    from onboarding.cli import operations

    operations.migrate()
    typer.echo("the database is up to date")


@app.command()
def sweep(limit: int = typer.Option(500, min=1, help="Accounts at most.")) -> None:
    """Nudge accounts that are due, once, as the Schedule does every minute."""
    from onboarding.cli import operations

    due, nudged = operations.sweep(limit)
    typer.echo(f"due: {due}, nudged: {nudged}")


@keys_app.command("create")
def create_keys(
    platform: str = typer.Option(..., "--platform", help="Name of the new platform; stored sealed."),
) -> None:
    """Make a platform with a test and a live key. They are shown once; only their digests are stored."""
    from onboarding.cli import operations

    made = operations.create_keys(platform)
    typer.echo(f"platform  {made.platform_id}\ntest key  {made.test_key}\nlive key  {made.live_key}")


def main() -> None:
    """Run the command line; the exit status is 1 with one line on stderr for what a person can mend."""
    from onboarding.cli.operations import CommandFailed
    from onboarding.settings import SettingsError

    try:
        app()
    except (CommandFailed, SettingsError) as error:
        typer.echo(f"onboarding: {error}", err=True)
        sys.exit(1)
    finally:
        settle_before_exit()
