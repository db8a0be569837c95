"""An account that waits for its user: when its platform is reminded, and when the onboarding counts as abandoned.

The wait begins when the account begins to want something of its user, and anew with whatever the platform or the user
does; what operators and time do leaves it alone. All of it is columns of the account's row, in its own time, and the
next instant is part of the wake time: so it comes once, whoever looks and however late, on a test clock too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from onboarding.documents.events import ABANDONED, REMINDER_DUE
from onboarding.domain.events import ACCOUNT_TYPE, Event
from onboarding.domain.state import MarkKind
from onboarding.door.callers import WORKER
from onboarding.door.journal import Origin
from onboarding.door.view import SILENT_AFTER, OperatorView

if TYPE_CHECKING:
    from datetime import datetime

    from onboarding.door.draft import Draft
    from onboarding.door.journal import Journal
    from onboarding.storage.rows import AccountRow

REMINDED = "account.reminded"
GIVEN_UP = "account.abandoned"
RESUMED = "account.resumed"
"""Actions of the audit trail."""

USER = "user"
"""Whom an operator's view says an account waits for, if it does."""

ABANDONED_STAGE = "abandoned"

NEXT_INSTANT = timedelta(milliseconds=1)
"""The smallest step of an account's time: nothing falls due at the look that says when it does."""


@dataclass(frozen=True, slots=True)
class Silence:
    """How an account's wait for its user stands.

    Attributes:
        after: days of silence after which the platform is reminded, ascending.
        since: when the wait began; None while it waits for nobody, or for somebody else.
        reminders: sent since then.
        remind_at: when the next one is due, or the onboarding is abandoned; None for never.
        abandoned_at: when it was.
    """

    after: tuple[int, ...] = ()
    since: datetime | None = None
    reminders: int = 0
    remind_at: datetime | None = None
    abandoned_at: datetime | None = None

    @classmethod
    def of(cls, row: AccountRow | None, after: tuple[int, ...]) -> Silence:
        """As the account's row has it."""
        if row is None:
            return cls(after)
        return cls(after, row.waiting_since, row.reminders, row.remind_at, row.abandoned_at)

    @property
    def columns(self) -> dict[str, Any]:
        """Of the account's row."""
        return {
            "waiting_since": self.since,
            "reminders": self.reminders,
            "remind_at": self.remind_at,
            "abandoned_at": self.abandoned_at,
        }

    def shown(self, view: OperatorView) -> OperatorView:
        """What operators see: of an abandoned onboarding nothing is expected any more."""
        return replace(view, stage=ABANDONED_STAGE, waiting_for="nobody") if self.abandoned_at is not None else view

    def looked(self, draft: Draft, journal: Journal, view: OperatorView, at: datetime, actor: str | None) -> Silence:
        """The wait after a look at ``at``; what fell due then goes into the journal.

        Args:
            draft: the account.
            journal: after the look was taken into it.
            view: of the look.
            at: its instant.
            actor: platform or user whose doing it was; None for anybody else's, and for time's.
        """
        if view.waiting_for != USER:
            return Silence(self.after)
        if actor is not None or self.since is None:
            if self.abandoned_at is not None and actor is not None:
                journal.tell(Origin(RESUMED, actor), at)
            begun = Silence(self.after, since=at)
            return replace(begun, remind_at=begun.following(draft, at))
        if self.remind_at is None or self.remind_at > at:
            return self
        days = (at - self.since).days
        data: dict[str, Any] = {"account_id": draft.account_id, "days_silent": days}
        if self.reminders < len(self.after):
            told = replace(self, reminders=self.reminders + 1)
            data["number"] = told.reminders
            journal.tell(Origin(REMINDED, WORKER), at, _event(draft, REMINDER_DUE, data))
        else:
            told = replace(self, abandoned_at=at)
            journal.tell(Origin(GIVEN_UP, WORKER), at, _event(draft, ABANDONED, data))
        return replace(told, remind_at=told.following(draft, at))

    def following(self, draft: Draft, at: datetime) -> datetime | None:
        """When the next thing falls due. Whoever had an active capability has no onboarding left to abandon."""
        if self.since is None or self.abandoned_at is not None:
            return None
        if self.reminders < len(self.after):
            return max(self.since + timedelta(days=self.after[self.reminders]), at + NEXT_INSTANT)
        if any(mark.kind is MarkKind.FIRST_ACTIVE for mark in draft.state.marks):
            return None
        return max(self.since + SILENT_AFTER, at + NEXT_INSTANT)


def _event(draft: Draft, event_type: str, data: dict[str, Any]) -> Event:
    return Event(event_type, ACCOUNT_TYPE, draft.account_id, data, None, None)
