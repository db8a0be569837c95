"""Parameters of reviews, an interface of this engine in the style of Accounts v2."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import Field

from api.schemas.events import AccountItemsPage, account_items_page
from api.schemas.fields import Parameters, Text
from api.schemas.parse import INVALID_REQUEST
from api.schemas.queries import QueryItems
from onboarding.domain.errors import Refusal

Status = Literal["open", "claimed", "decided", "superseded"]

_STATUSES: tuple[str, ...] = get_args(Status)
_QUEUE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CHOSEN = ("status", "queue")


class ReviewClaim(Parameters):
    """``POST /v2/verification/reviews/{id}/claim`` and ``/release``: nothing but who asks."""


class ReviewDecide(Parameters):
    """``POST /v2/verification/reviews/{id}/decide``. ``reasons`` are codes that tell the user what failed."""

    decision: Literal["passed", "failed", "ask_again"]
    reasons: list[Text] | None = Field(default=None, max_length=20)


@dataclass(frozen=True, slots=True)
class ReviewsPage(AccountItemsPage):
    """Which part of the reviews is wanted."""

    status: str | None = None
    queue: str | None = None

    @property
    def filters(self) -> list[tuple[str, str]]:
        """What chooses them, as query items."""
        chosen = (("account", self.account), ("status", self.status), ("queue", self.queue))
        return [(name, value) for name, value in chosen if value is not None]


def reviews_page(query_items: QueryItems) -> ReviewsPage:
    """The query of the list of reviews: ``account``, ``status``, ``queue``, ``limit``, ``page``.

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
    return ReviewsPage(wanted.limit, wanted.page, wanted.account, status, queue)


def _invalid(param: str, message: str) -> Refusal:
    return Refusal("parameter_invalid", message, param=param, type=INVALID_REQUEST)
