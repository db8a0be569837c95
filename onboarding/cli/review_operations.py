"""What the commands about reviews do. Apart from the command line, so that asking for help imports nothing."""

from __future__ import annotations

import getpass
import re
from typing import TYPE_CHECKING, Any

from onboarding.cli.operations import CommandFailed, chosen, decided
from onboarding.door.review_rows import ReviewState
from onboarding.reviews import REVIEWER_PATTERN, Decision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onboarding.engine import Engine

Document = dict[str, Any]


def list_reviews(
    queue: str | None, status: str | None, assignee: str | None, *, overdue: bool | None, limit: int
) -> list[Document]:
    """Reviews of all platforms, the most urgent first."""
    state = chosen(ReviewState, status, tuple(ReviewState)).value if status is not None else None

    async def work(engine: Engine) -> list[Document]:
        return await engine.reviews.everywhere(
            getpass.getuser(), queue=queue, status=state, assignee=assignee, overdue=overdue, limit=limit
        )

    return decided(work)


def claim(review_id: str) -> Document:
    """The review, claimed in the name of whoever runs this."""

    async def work(engine: Engine) -> Document:
        caller = await engine.reviews.operator(review_id, getpass.getuser())
        return await engine.reviews.claim(caller, review_id, None)

    return decided(work)


def claim_next(queue: str) -> Document:
    """The most urgent review of a queue that nobody has, claimed in the name of whoever runs this."""
    return decided(lambda engine: engine.reviews.claim_next_anywhere(getpass.getuser(), queue))


def release(review_id: str) -> Document:
    """The review, given back."""

    async def work(engine: Engine) -> Document:
        caller = await engine.reviews.operator(review_id, getpass.getuser())
        return await engine.reviews.release(caller, review_id, None)

    return decided(work)


def assign(review_id: str, assignee: str | None) -> Document:
    """The review, assigned; None is nobody in particular."""
    if assignee is not None and re.fullmatch(REVIEWER_PATTERN, assignee) is None:
        raise CommandFailed("an assignee is an id of 1 to 64 letters, digits, dots, dashes and underscores")

    async def work(engine: Engine) -> Document:
        caller = await engine.reviews.operator(review_id, getpass.getuser())
        return await engine.reviews.assign(caller, review_id, assignee, None)

    return decided(work)


def decide(review_id: str, decision: str, reasons: Sequence[str]) -> Document:
    """The review, decided in the name of whoever runs this."""
    wanted = chosen(Decision, decision, tuple(Decision))

    async def work(engine: Engine) -> Document:
        caller = await engine.reviews.operator(review_id, getpass.getuser())
        return await engine.reviews.decide(caller, review_id, wanted, tuple(reasons), None)

    return decided(work)


def notes(review_id: str, text: str | None) -> list[Document]:
    """The new note where there is a text, else the newest hundred."""

    async def work(engine: Engine) -> list[Document]:
        caller = await engine.reviews.operator(review_id, getpass.getuser())
        if text is not None:
            return [await engine.reviews.add_note(caller, review_id, text, None)]
        return (await engine.reviews.notes(caller, review_id, limit=100)).data

    return decided(work)


def ask(review_id: str, entries: Sequence[str]) -> Document:
    """The review, waiting for what the user was asked for; each entry is ``FIELD=CODE``."""
    asked = [entry.rpartition("=") for entry in entries]
    if not all(field and code for field, _, code in asked):
        raise CommandFailed("an entry is FIELD=CODE")

    async def work(engine: Engine) -> Document:
        caller = await engine.reviews.operator(review_id, getpass.getuser())
        wanted = tuple((field, code) for field, _, code in asked)
        return await engine.reviews.request_information(caller, review_id, wanted, None)

    return decided(work)
