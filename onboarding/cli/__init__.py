"""The command line: ``onboarding --help``. Reads the same environment variables as the processes do."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import structlog
import typer

from onboarding.cli.api_keys import keys_app
from onboarding.cli.imports import import_book, imports_app
from onboarding.cli.orders import orders_app
from onboarding.cli.policies import policies_app
from onboarding.cli.reviews import reviews_app
from onboarding.cli.stuck import stuck_app
from onboarding.process_exit import settle_before_exit

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(keys_app, name="keys")
inbox_app = typer.Typer(no_args_is_help=True, help="What vendors sent.")
app.add_typer(inbox_app, name="inbox")
activations_app = typer.Typer(no_args_is_help=True, help="What the downstream system is told of capabilities.")
app.add_typer(activations_app, name="activations")
app.command("import")(import_book)
app.add_typer(imports_app, name="imports")
app.add_typer(orders_app, name="orders")
app.add_typer(policies_app, name="policies")
app.add_typer(reviews_app, name="reviews")
app.add_typer(stuck_app, name="stuck")


@app.callback()
def say_little() -> None:
    """Results go to stdout; what else there is to say, to stderr."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # as it is when something is said
    )


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


@app.command()
def inspect(
    account: str = typer.Option("", "--account", help="Inspect this account only: acct_…"),
    limit: int = typer.Option(50, min=1, help="Findings to show at most."),
    open_: bool = typer.Option(False, "--open", help="Also open every sealed value; none is shown."),  # noqa: FBT001, FBT003
    reproduce: bool = typer.Option(False, "--reproduce", help="Also decide newest versions again; all of --account."),  # noqa: FBT001, FBT003
) -> None:
    """Prove that the database is consistent; only reads. Exit status 2 if something is wrong, with what and where."""
    from onboarding.cli import operations

    report, is_consistent = operations.inspect_book(
        account or None, limit, is_opening=open_, is_reproducing=reproduce
    )  # fmt: skip
    typer.echo(report)
    if not is_consistent:
        raise typer.Exit(2)


@app.command()
def lists(limit: int = typer.Option(5, min=1, help="Deltas at most.")) -> None:
    """Show the screening lists that the book is held against, and who was asked again for what came new."""
    from onboarding.cli import operations

    known, deltas = operations.list_state(limit)
    for one in known:
        typer.echo(f"{one.name}  {one.version}  since {one.noted_at:%Y-%m-%d %H:%M}")
    for delta in deltas:
        row = delta.row
        failed = f", not decided {delta.failed}" if delta.failed else ""
        counted = f"entries {delta.entries}, looked at {row.looked}, asked again {delta.affected}{failed}"
        typer.echo(f"{row.id}  {row.created_at:%Y-%m-%d %H:%M}  {row.state:<8} {counted}")


@app.command()
def verifiers() -> None:
    """Show how many questions each outward verifier has in hand, and how many checks are held back for it."""
    from onboarding.cli import operations

    for name, row, bound in operations.in_hand():
        counted = f"in hand {row.running} of {bound}, unavailable {row.unavailable}, held back {row.held}"
        typer.echo(f"{name:<20} {counted}")


@keys_app.command("create")
def create_keys(
    platform: str = typer.Option(..., "--platform", help="Name of the new platform; stored sealed."),
    country: str = typer.Option("", "--country", help="Where it is, such as FR: some countries ask for tokens."),
) -> None:
    """Make a platform with secret and publishable keys. They are shown once; only their digests are stored."""
    from onboarding.cli import operations

    made = operations.create_keys(platform, country or None)
    typer.echo(f"platform  {made.platform_id}\ntest key  {made.test_key}\nlive key  {made.live_key}")
    typer.echo(f"publishable test key  {made.publishable_test_key}\npublishable live key  {made.publishable_live_key}")


@keys_app.command("publishable")
def create_publishable_keys(platform: str = typer.Argument(..., help="Platform: plat_…")) -> None:
    """Make a test and a live publishable key of a platform: they create tokens and nothing else. Shown once."""
    from onboarding.cli import operations

    test, live = operations.add_publishable_keys(platform)
    typer.echo(f"publishable test key  {test}\npublishable live key  {live}")


STATE = typer.Option([], "--state", help="pending, settled, ignored, refused or unreadable; may be repeated.")
IDS = typer.Argument(None, help="Items: in_…")
SINCE = typer.Option("1970-01-01", "--since", help="Received since then, in UTC.")
VERIFIER = typer.Option("", "--verifier", help="Of this verifier only.")


@inbox_app.command("list")
def list_inbox(
    state: list[str] = STATE, verifier: str = VERIFIER, limit: int = typer.Option(50, min=1, help="Items at most.")
) -> None:
    """List what vendors sent, newest first: where it stands, not what it says."""
    from onboarding.cli import operations

    for row in operations.list_inbox(state, verifier or None, limit):
        about = row.check_id or "-"
        why = f"  {row.error_code}" if row.error_code else ""
        again = f"  x{row.deliveries}" if row.deliveries > 1 else ""
        when = f"{row.received_at:%Y-%m-%d %H:%M:%S}"
        typer.echo(f"{row.id}  {when}  {row.verifier}  {row.state:<10}  {about}{why}{again}")


@inbox_app.command("replay")
def replay_inbox(
    ids: list[str] = IDS,
    state: list[str] = STATE,
    verifier: str = VERIFIER,
    since: datetime = SINCE,
    limit: int = typer.Option(1000, min=1, help="Items at most."),
) -> None:
    """Read items again, as they came, and have them taken in again. Safe: what is known already changes nothing.

    After a wrong secret was mended: --state refused. After an adapter was mended: --state unreadable.
    """
    from onboarding.cli import operations

    if not ids and not state:
        raise operations.CommandFailed("say which: ids, or --state")
    counted = operations.replay_inbox(ids or [], state, verifier or None, since.replace(tzinfo=UTC), limit)
    typer.echo(", ".join(f"{name}: {number}" for name, number in sorted(counted.items())) or "nothing to replay")


@activations_app.command("list")
def list_activations(
    refused: bool = typer.Option(False, "--refused", help="Only what was told and refused."),  # noqa: FBT001, FBT003
    limit: int = typer.Option(50, min=1, help="Capabilities at most."),
) -> None:
    """List what the downstream system must still be told, the longest owed first."""
    from onboarding.activations import about
    from onboarding.cli import operations

    for owed in operations.list_activations(limit, only_refused=refused):
        row = owed.activation
        since = f"since {row.since:%Y-%m-%d %H:%M:%S}"
        again = f"next {row.call_at:%Y-%m-%d %H:%M:%S}" if row.call_at is not None else ""
        typer.echo("  ".join((owed.account_id, row.capability, f"{row.state.value:<8}", since, again, about(row))))


@activations_app.command("retry")
def retry_activation(
    account: str = typer.Argument(..., help="Account: acct_…"),
    capability: str = typer.Argument(..., help="For example merchant.card_payments."),
) -> None:
    """Have the downstream system told now what it must be told, once it was mended there."""
    from onboarding.cli import operations

    operations.retry_activation(account, capability)


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
