"""``onboarding reviews``: the queues of reviews, for operators in their own name on this machine."""

from __future__ import annotations

from typing import Any

import typer

from onboarding.cli.printed import print_table, table

reviews_app = typer.Typer(no_args_is_help=True, help="Reviews: checks that people answer, the most urgent first.")

REVIEW = typer.Argument(..., help="rev_…")
OVERDUE = typer.Option(False, "--overdue", help="Only those that should have been decided.")  # noqa: FBT003 -- typer's form
REASONS = typer.Option([], "--reason", help="Error code of a failure; may be repeated.")
ENTRIES = typer.Argument(..., help="FIELD=CODE: a field as requirements describe it, and the error code that says why.")


@reviews_app.command("list")
def list_reviews(
    queue: str = typer.Option("", "--queue", help="Of this queue only."),
    status: str = typer.Option("", "--status", help="open, claimed, proposed, waiting, decided or superseded."),
    assignee: str = typer.Option("", "--assignee", help="Assigned to this reviewer only."),
    overdue: bool = OVERDUE,  # noqa: FBT001 -- an option
    limit: int = typer.Option(50, min=1, max=1000, help="Reviews at most."),
) -> None:
    """List reviews of all platforms in the order in which they should be decided."""
    from onboarding.cli import review_operations as operations

    found = operations.list_reviews(
        queue or None, status or None, assignee or None, overdue=True if overdue else None, limit=limit
    )
    titles = ("review", "queue", "priority", "status", "to be decided by", "check", "reason", "account", "held by")
    print_table(table(titles, [_row(one) for one in found]))


@reviews_app.command("claim")
def claim_review(review: str = REVIEW) -> None:
    """Take a review for half an hour; again to renew it."""
    from onboarding.cli import review_operations as operations

    _tell(operations.claim(review))


@reviews_app.command("claim-next")
def claim_next_review(queue: str = typer.Argument(..., help="The name of a queue.")) -> None:
    """Take the first review of a queue that nobody has; those assigned to your login name before all others."""
    from onboarding.cli import review_operations as operations

    _tell(operations.claim_next(queue))


@reviews_app.command("release")
def release_review(review: str = REVIEW) -> None:
    """Give a claimed review back."""
    from onboarding.cli import review_operations as operations

    _tell(operations.release(review))


@reviews_app.command("assign")
def assign_review(
    review: str = REVIEW, assignee: str = typer.Argument("", help="A reviewer's id, or an operator's login name.")
) -> None:  # fmt: skip
    """Say whose a review is; without a name, nobody's in particular. It changes no claim."""
    from onboarding.cli import review_operations as operations

    _tell(operations.assign(review, assignee or None))


@reviews_app.command("decide")
def decide_review(
    review: str = REVIEW,
    decision: str = typer.Argument(..., help="passed, failed or ask_again"),
    reasons: list[str] = REASONS,
) -> None:
    """Decide a review. Where its queue wants four eyes, somebody else must decide the same."""
    from onboarding.cli import review_operations as operations

    _tell(operations.decide(review, decision, reasons or []))


@reviews_app.command("note")
def note_review(
    review: str = REVIEW, text: str = typer.Argument("", help="What to note; without it, all notes are shown.")
) -> None:  # fmt: skip
    """Note something about a review, or read what was noted. Notes are stored sealed."""
    from onboarding.cli import review_operations as operations

    for note in operations.notes(review, text or None):
        typer.echo(f"{note['created'][:19]}  {note['reviewer'] or note['created_by']}  {note['text']}")


@reviews_app.command("ask")
def ask_user(review: str = REVIEW, entries: list[str] = ENTRIES) -> None:
    """Ask the user for something: it stands among the requirements, and the review waits until it is there."""
    from onboarding.cli import review_operations as operations

    _tell(operations.ask(review, entries))


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    late = " late" if one["overdue"] else ""
    return (
        one["id"],
        one["queue"],
        str(one["priority"]),
        one["status"],
        f"{(one['sla_at'] or '')[:19]}{late}",
        one["kind"] or "",
        one["reason"],
        one["account"],
        one["reviewer"] or one["claimed_by"] or one["assignee"] or "",
    )


def _tell(one: dict[str, Any]) -> None:
    decision = f"  {one['decision']}" if one["decision"] else ""
    until = f"  until {one['claimed_until'][:19]}" if one["claimed_until"] else ""
    typer.echo(f"{one['id']}  {one['status']}{decision}{until}")
