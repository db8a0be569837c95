"""Tables of an account's record: the account, what it was told, what happened to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, func, text
from sqlmodel import Field

from onboarding.storage.tables.base import Table, codes, document, instant, xid8


class Account(Table, table=True):
    """An account; changed through the door only.

    ``wake_at`` is in the account's own time, ``look_at`` always in the database's. ``data_key`` and ``digest_key`` are
    wrapped by the root key, and null after an erasure. ``view_digest`` is that of what its run shows operators, or
    would if there were one.

    ``waiting_since`` is when it last began to wait for its user, null while it does not; ``reminders`` were sent since,
    and at ``remind_at`` the next one is, or the onboarding is abandoned.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        Index(None, "platform_id", "livemode", "created_at", "id"),
        # The sweep: the due ones of each platform.
        Index("ix_accounts_due", "platform_id", "look_at", postgresql_where=text("look_at IS NOT NULL")),
        Index("ix_accounts_clock", "test_clock_id", postgresql_where=text("test_clock_id IS NOT NULL")),
        Index("ix_accounts_stuck", "stuck_retry_at", postgresql_where=text("stuck_code IS NOT NULL")),
    )

    id: str = Field(primary_key=True)
    platform_id: str = Field(foreign_key="platforms.id")
    livemode: bool
    created_at: datetime = instant()
    updated_at: datetime = instant()
    closed_at: datetime | None = instant(default=None)
    country: str | None = None
    configurations: list[str] = codes(default_factory=list)
    shape: dict[str, Any] = document()
    evaluation: dict[str, Any] | None = document(default=None, nullable=True)
    policy_hash: str | None = None
    announced_hash: str | None = None
    transition_at: datetime | None = instant(default=None)
    evaluator_version: int = 0
    version: int = 0
    digest: str | None = None
    event_sequence: int = 0
    audit_count: int = 0
    audit_head: str | None = None
    last_as_of: datetime | None = instant(default=None)
    wake_at: datetime | None = instant(default=None)
    look_at: datetime | None = instant(default=None)
    look_tries: int = 0
    test_clock_id: str | None = None
    stage: str | None = None
    view_digest: str | None = None
    run_lease_until: datetime | None = instant(default=None)
    run_epoch: int = 0
    silent_at: datetime | None = instant(default=None)
    waiting_since: datetime | None = instant(default=None)
    remind_at: datetime | None = instant(default=None)
    reminders: int = 0
    abandoned_at: datetime | None = instant(default=None)
    stuck_code: str | None = None
    stuck_since: datetime | None = instant(default=None)
    stuck_retry_at: datetime | None = instant(default=None)
    stuck_engine: int | None = None
    data_key: bytes | None = None
    digest_key: bytes | None = None


class Person(Table, table=True):
    """A person of an account; ``individual`` is the person that an individual's account is about."""

    __tablename__ = "persons"
    __table_args__ = (Index(None, "account_id", "position"),)

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id")
    individual: bool = False
    created_at: datetime = instant()
    updated_at: datetime = instant()
    position: int


class SealedValue(Table, table=True):
    """The values of one field group of one subject, sealed with the account's data key."""

    __tablename__ = "sealed_values"

    account_id: str = Field(primary_key=True, foreign_key="accounts.id")
    subject: str = Field(primary_key=True)
    field_group: str = Field(primary_key=True)
    version: int
    ciphertext: bytes


class Mark(Table, table=True):
    """An immutable fact of history."""

    __tablename__ = "marks"

    account_id: str = Field(primary_key=True, foreign_key="accounts.id")
    kind: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    at: datetime = instant()
    set_at: datetime = instant()
    value: str = ""
    version: int = 0


class Acknowledgement(Table, table=True):
    """Whether a capability counts as on, see :class:`onboarding.domain.state.Acknowledgement`."""

    __tablename__ = "acknowledgements"

    account_id: str = Field(primary_key=True, foreign_key="accounts.id")
    capability: str = Field(primary_key=True)
    on: bool
    at: datetime = instant()


OWED_ACTIVATION = "state <> 'settled'"
"""SQL: the downstream system must still be told. Written as in the index, so that the planner knows it again."""


class Activation(Table, table=True):
    """What a downstream system was told of a capability, see :class:`onboarding.domain.activations.Activation`.

    Only where one is configured. All times but ``valid_until`` are the database's.
    """

    __tablename__ = "activations"
    __table_args__ = (Index("ix_activations_owed", "since", postgresql_where=text(OWED_ACTIVATION)),)

    account_id: str = Field(primary_key=True, foreign_key="accounts.id")
    capability: str = Field(primary_key=True)
    desired: bool
    version: int
    valid_until: datetime | None = instant(default=None)
    state: str
    since: datetime = instant()
    acknowledged: bool | None = None
    acknowledged_version: int = 0
    acknowledged_at: datetime | None = instant(default=None)
    done: list[str] = codes(default_factory=list)
    applied: list[str] = codes(default_factory=list)
    step: str | None = None
    attempts: int = 0
    refusals: int = 0
    error_code: str | None = None
    call_at: datetime | None = instant(default=None)
    lease_until: datetime | None = instant(default=None)
    lease_epoch: int = 0
    lease_run: str | None = None


class Order(Table, table=True):
    """A decision of a person about an account. Of a campaign an account has one order at most."""

    __tablename__ = "orders"
    __table_args__ = (
        Index(None, "account_id", "starts_at", "id"),
        Index(
            "uq_orders_campaign",
            "account_id",
            "campaign",
            unique=True,
            postgresql_where=text("campaign IS NOT NULL"),
        ),
        # How many orders a campaign has placed.
        Index("ix_orders_campaign", "campaign", postgresql_where=text("campaign IS NOT NULL")),
    )

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id")
    kind: str
    reason: str
    actor: str
    starts_at: datetime = instant()
    ends_at: datetime | None = instant(default=None)
    capability: str | None = None
    target: str | None = None
    audience: str = "internal"
    undone_at: datetime | None = instant(default=None)
    undone_by: str | None = None
    subject: str | None = None
    campaign: str | None = None


class ActivityReport(Table, table=True):
    """What a platform reported of an account's turnover, as it was said; what counts now is in the account's shape.

    The platform's own id of it is sealed, with this id as subject, and a keyed digest of it unique to the account.
    ``totals`` are pairs of a period and an amount.
    """

    __tablename__ = "activity_reports"
    __table_args__ = (UniqueConstraint("account_id", "report_digest"), Index(None, "account_id", "id"))

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id")
    report_digest: str
    sealed: bytes
    currency: str
    totals: list[Any] = document()
    reported_at: datetime = instant()


class BankAccount(Table, table=True):
    """A bank account of an account; its details are a sealed value whose subject is this id."""

    __tablename__ = "bank_accounts"
    __table_args__ = (Index(None, "account_id", "created_at"),)

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id")
    created_at: datetime = instant()
    country: str
    currency: str
    fingerprint: str
    deleted_at: datetime | None = instant(default=None)


class AccountLink(Table, table=True):
    """A link that lets its bearer in once; ``digest`` is the keyed digest of the secret in its address.

    All times are the database's. ``sealed`` holds where the bearer goes afterwards, with this id as subject.
    """

    __tablename__ = "account_links"
    __table_args__ = (UniqueConstraint("digest"), Index(None, "account_id"), Index(None, "expires_at"))

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id")
    digest: str
    use_case: str
    created_at: datetime = instant()
    expires_at: datetime = instant()
    opened_at: datetime | None = instant(default=None)
    returned_at: datetime | None = instant(default=None)
    sealed: bytes


class VaultBankAccount(Table, table=True):
    """A bank account that an account keeps for later, and to which no payout goes; its details as a bank account's."""

    __tablename__ = "vault_bank_accounts"
    __table_args__ = (Index(None, "account_id", "id"),)

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id")
    created_at: datetime = instant()
    country: str
    currency: str
    fingerprint: str
    archived: bool = False


class Version(Table, table=True):
    """An account as it stood from ``effective_at`` on: what an explanation at a past instant reads.

    ``policy_hash`` is of the policy that bound it; ``inputs`` is what was decided from and is in no other row as it was
    then. Marks and evidence never change and name the version that they came with.
    """

    __tablename__ = "versions"
    __table_args__ = (Index(None, "account_id", "effective_at"),)

    account_id: str = Field(primary_key=True, foreign_key="accounts.id")
    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    effective_at: datetime = instant()
    recorded_at: datetime | None = instant(
        default=None, nullable=False, sa_column_kwargs={"server_default": func.clock_timestamp()}
    )
    shape: dict[str, Any] = document()
    inputs: dict[str, Any] = document(default_factory=dict)
    evaluation: dict[str, Any] = document()
    policy_hash: str
    evaluator_version: int
    digest: str
    cause: str


class Event(Table, table=True):
    """What a platform is told. ``sealed`` holds the changes and the request's idempotency key.

    ``account_id`` is null where it is about no account, and ``sealed`` is then sealed for the platform.
    """

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("account_id", "sequence"),
        # The order of the list; see onboarding.storage.events.
        Index(None, "platform_id", "livemode", "xid", "sequence", "id"),
        Index("ix_events_related", "related_id", "xid", "sequence", "id"),
    )

    id: str = Field(primary_key=True)
    account_id: str | None = Field(default=None, foreign_key="accounts.id")
    platform_id: str
    livemode: bool
    sequence: int
    xid: int | None = xid8(default=None, nullable=False, sa_column_kwargs={"server_default": func.pg_current_xact_id()})
    type: str
    created_at: datetime | None = instant(
        default=None, nullable=False, sa_column_kwargs={"server_default": func.clock_timestamp()}
    )
    effective_at: datetime = instant()
    related_type: str | None = None
    related_id: str | None = None
    request_id: str | None = None
    data: dict[str, Any] = document(default_factory=dict)
    sealed: bytes | None = None


class AuditEntry(Table, table=True):
    """One link of an account's chain: ``hash`` covers ``previous`` and all other columns."""

    __tablename__ = "audit_log"

    account_id: str = Field(primary_key=True, foreign_key="accounts.id")
    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = instant()
    actor: str
    action: str
    digest: str
    previous: str
    hash: str
