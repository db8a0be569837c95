"""Tables of roll-outs: which policy new accounts get, and how others come to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field

from onboarding.storage.tables.base import Table, document, instant


class CurrentPolicy(Table, table=True):
    """The policy that new accounts get; ``platform_id`` empty for every platform that has no row of its own."""

    __tablename__ = "current_policies"

    platform_id: str = Field(primary_key=True)
    livemode: bool = Field(primary_key=True)
    policy_hash: str = Field(foreign_key="policies.hash")


class Rollout(Table, table=True):
    """One policy on its way to many accounts.

    ``platform_id``, ``livemode`` and ``from_name`` narrow the accounts; null is any. ``waves`` have ``share``,
    ``starts_at`` and ``transition_at``. ``wave`` is the place of the one that is next or under way, and behind the last
    one that of the pass at ``closes_at``, which finds the accounts made meanwhile. ``cursor`` is the last account that
    this pass has reached. ``before`` is what new accounts got until ``current_at``. ``look_at`` is when somebody must
    take it further.
    """

    __tablename__ = "rollouts"
    __table_args__ = (
        Index(None, "platform_id", "id"),
        Index("ix_rollouts_look", "look_at", postgresql_where=text("look_at IS NOT NULL")),
    )

    id: str = Field(primary_key=True)
    to_hash: str = Field(foreign_key="policies.hash")
    platform_id: str | None = Field(default=None, foreign_key="platforms.id")
    livemode: bool | None = None
    from_name: str | None = None
    waves: list[Any] = document()
    state: str
    wave: int = 0
    cursor: str = ""
    closes_at: datetime | None = instant(default=None)
    before: list[Any] = document(default_factory=list)
    current_at: datetime | None = instant(default=None)
    created_at: datetime = instant()
    actor: str
    look_at: datetime | None = instant(default=None)


class RolloutAccount(Table, table=True):
    """What a roll-out did to one account: from which policy it came, or why nothing could be done.

    ``error_code`` is that of the last try, null once it succeeded. ``undone_at`` is when the roll-out was taken back.
    """

    __tablename__ = "rollout_accounts"
    __table_args__ = (
        # Nothing but these columns is counted, so the table itself is not read.
        Index("ix_rollout_accounts_counts", "rollout_id", "wave", "transition_at", "undone_at", "error_code"),
    )

    rollout_id: str = Field(primary_key=True, foreign_key="rollouts.id")
    account_id: str = Field(primary_key=True, foreign_key="accounts.id")
    wave: int
    from_hash: str | None = None
    transition_at: datetime | None = instant(default=None)
    announced_at: datetime | None = instant(default=None)
    undone_at: datetime | None = instant(default=None)
    error_code: str | None = None
