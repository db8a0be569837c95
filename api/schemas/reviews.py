"""Parameters of reviews, an interface of this engine in the style of Accounts v2."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, WithJsonSchema

from api.schemas.events import AccountItemsPage, account_items_page
from api.schemas.fields import MAX_TEXT, Parameters, Text, refusal
from api.schemas.parse import INVALID_REQUEST
from api.schemas.queries import QueryItems
from onboarding.domain.errors import Refusal
from onboarding.reviews import REVIEWER_PATTERN

Status = Literal["open", "claimed", "proposed", "waiting", "decided", "superseded"]
MAX_ENTRIES = 20

_STATUSES: tuple[str, ...] = get_args(Status)
_QUEUE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CHOSEN = ("status", "queue", "assignee", "overdue")


def _reviewer(text: str) -> str:
    if re.fullmatch(REVIEWER_PATTERN.strip("^$"), text) is None:
        raise refusal("parameter_invalid", "Must be an id of 1 to 64 letters, digits, dots, dashes and underscores.")
    return text


def _queue(text: str) -> str:
    if _QUEUE.fullmatch(text) is None:
        raise refusal("parameter_invalid", "Must be the name of a queue.")
    return text


def _note(text: str) -> str:
    if not text.strip():
        raise refusal("parameter_invalid", "Must have at least one character that is no space.")
    return text


ReviewerId = Annotated[
    Text, AfterValidator(_reviewer), WithJsonSchema({"type": "string", "pattern": REVIEWER_PATTERN})
]  # fmt: skip


class _ByReviewer(Parameters):
    """Whoever acts: the person's id at the platform. Without it the API key is the person."""

    reviewer: ReviewerId | None = None


class ReviewClaim(_ByReviewer):
    """``POST /v2/verification/reviews/{id}/claim`` and ``/release``: nothing but who asks."""


class ReviewClaimNext(_ByReviewer):
    """``POST /v2/verification/reviews/claim_next``."""

    queue: Annotated[Text, AfterValidator(_queue), WithJsonSchema({"type": "string", "pattern": f"^{_QUEUE.pattern}$"})]


class ReviewAssign(Parameters):
    """``POST /v2/verification/reviews/{id}/assign``. Null is nobody in particular."""

    assignee: ReviewerId | None


class ReviewDecide(_ByReviewer):
    """``POST /v2/verification/reviews/{id}/decide``. ``reasons`` are codes that tell the user what failed."""

    decision: Literal["passed", "failed", "ask_again"]
    reasons: list[Text] | None = Field(default=None, max_length=20)


class ReviewNote(_ByReviewer):
    """``POST /v2/verification/reviews/{id}/notes``."""

    text: Annotated[
        Text, AfterValidator(_note), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_TEXT})
    ]


class RequestedEntry(Parameters):
    """A field that the user is asked for, as requirements describe it, and the error code that says why."""

    description: Text
    error: Text


class ReviewRequestInformation(_ByReviewer):
    """``POST /v2/verification/reviews/{id}/request_information``."""

    entries: list[RequestedEntry] = Field(min_length=1, max_length=MAX_ENTRIES)


@dataclass(frozen=True, slots=True)
class ReviewsPage(AccountItemsPage):
    """Which part of the reviews is wanted."""

    status: str | None = None
    queue: str | None = None
    assignee: str | None = None
    overdue: bool | None = None

    @property
    def filters(self) -> list[tuple[str, str]]:
        """What chooses them, as query items."""
        overdue = None if self.overdue is None else str(self.overdue).lower()
        chosen = (
            ("account", self.account),
            ("status", self.status),
            ("queue", self.queue),
            ("assignee", self.assignee),
            ("overdue", overdue),
        )
        return [(name, value) for name, value in chosen if value is not None]


def reviews_page(query_items: QueryItems) -> ReviewsPage:
    """The query of the list of reviews: ``account``, ``status``, ``queue``, ``assignee``, ``overdue``, and paging.

    Raises:
        Refusal: ``parameter_unknown`` or ``parameter_invalid``.
    """
    items = list(query_items)
    wanted = account_items_page([(name, value) for name, value in items if name not in _CHOSEN])
    chosen = {name: value for name, value in items if name in _CHOSEN}
    status, queue = chosen.get("status"), chosen.get("queue")
    if status not in (None, *_STATUSES):
        raise _invalid("status", f"Must be one of {', '.join(_STATUSES)}.")
    if queue is not None and _QUEUE.fullmatch(queue) is None:
        raise _invalid("queue", "Must be the name of a queue.")
    assignee, overdue = chosen.get("assignee"), chosen.get("overdue")
    if assignee is not None and re.fullmatch(REVIEWER_PATTERN.strip("^$"), assignee) is None:
        raise _invalid("assignee", "Must be the id of a reviewer.")
    if overdue not in (None, "true", "false"):
        raise _invalid("overdue", "Must be true or false.")
    late = None if overdue is None else overdue == "true"
    return ReviewsPage(wanted.limit, wanted.page, wanted.account, status, queue, assignee, late)


def _invalid(param: str, message: str) -> Refusal:
    return Refusal("parameter_invalid", message, param=param, type=INVALID_REQUEST)
