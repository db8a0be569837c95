"""``onboarding orders``: what operators decide about accounts, in their own name on this machine."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

orders_app = typer.Typer(no_args_is_help=True, help="What people decide about accounts.")

ACCOUNT = typer.Argument(..., help="acct_…")
ENDS_AT = typer.Option(None, "--ends-at", help="When it ends by itself, in UTC; of an extension the new deadline.")


@orders_app.command("place")
def place_order(  # noqa: PLR0913, PLR0917 -- options of one command
    account: str = ACCOUNT,
    kind: str = typer.Argument(
        ..., help="hold, reject, recheck, extend_deadline, override_capability or set_risk_class"
    ),
    reason: str = typer.Argument(..., help="A code of the kind; a wrong one is answered with the list."),
    capability: str = typer.Option("", "--capability", help="configuration.capability; without it all of them."),
    ends_at: datetime | None = ENDS_AT,
    audience: str = typer.Option("", "--audience", help="internal or user: who reads what a hold is about."),
    ticket: str = typer.Option("", "--ticket", help="Your own reference; stored sealed."),
    target: str = typer.Option("", "--target", help="A kind of check to ask again, RULE/NEED to extend, a risk class."),
    person: str = typer.Option("", "--person", help="Ask again about this person only: person_…"),
) -> None:
    """Decide something about an account, beside the rules. It is internal unless it is said to be for the user."""
    from onboarding.cli import operations

    until = ends_at.replace(tzinfo=UTC) if ends_at is not None else None
    placed = operations.place_order(
        account,
        kind,
        reason,
        capability=capability or None,
        ends_at=until,
        audience=audience or None,
        ticket=ticket or None,
        target=target or None,
        person=person or None,
    )
    typer.echo(_line(placed))


@orders_app.command("undo")
def undo_order(account: str = ACCOUNT, order: str = typer.Argument(..., help="ord_…")) -> None:
    """Undo an order, whoever placed it. What is undone already stays so."""
    from onboarding.cli import operations

    typer.echo(_line(operations.undo_order(account, order)))


@orders_app.command("list")
def list_orders(
    account: str = ACCOUNT, limit: int = typer.Option(50, min=1, max=100, help="Orders at most.")
) -> None:  # fmt: skip
    """List an account's orders, undone ones too, newest first."""
    from onboarding.cli import operations

    for order in operations.list_orders(account, limit):
        typer.echo(_line(order))


@orders_app.command("recheck")
def recheck_book(
    kind: str = typer.Option(..., "--kind", help="Of check: accounts that have an answer of it."),
    campaign: str = typer.Option(
        "", "--campaign", help="Its name; an account has one order of it. KIND-DATE if not said."
    ),
    reason: str = typer.Option("periodic_review", "--reason", help="A code; a wrong one is answered with the list."),
    platform: str = typer.Option("", "--platform", help="Accounts of this platform only: plat_…"),
    mode: str = typer.Option("live", "--mode", help="live, test or all."),
    country: str = typer.Option("", "--country", help="Accounts of this country only: two letters."),
    pace: str = typer.Option("5/s", "--pace", help="Orders a second at most, such as 20/s or 0.5/s."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only count."),  # noqa: FBT001, FBT003
) -> None:
    """Ask again about many accounts. To run it again goes on where it was left; nothing is ordered twice."""
    from onboarding.cli import recheck_operations as operations

    scope = operations.scope_of(kind, campaign, platform, mode, country)
    found = operations.recheck(scope, reason, pace, dry_run=dry_run)
    typer.echo(f"campaign {scope.campaign}: {found.left} accounts to ask again, {found.before} were before")
    if not dry_run:
        refused = "".join(f", {code}: {number}" for code, number in sorted(found.refused.items()))
        typer.echo(f"ordered: {found.placed}{refused}")


def _line(order: dict[str, str | None]) -> str:
    about = order["capability"] or order["target"] or "all"
    parts = [order["id"], order["created"], order["kind"], order["reason"], about, order["status"], order["placed_by"]]
    parts += [f"until {order['ends_at']}"] if order["ends_at"] else []
    parts += [f"undone by {order['undone_by']} {order['undone']}"] if order["undone"] else []
    parts += [f"ticket {order['ticket']}"] if order["ticket"] else []
    return "  ".join(part or "-" for part in parts)
