"""The schema: one class per table, in the singular. Rows are read and written through the repositories beside it."""

from onboarding.storage.tables.accounts import (
    Account,
    AccountLink,
    Acknowledgement,
    ActivityReport,
    AuditEntry,
    BankAccount,
    Event,
    Mark,
    Order,
    Person,
    SealedValue,
    VaultBankAccount,
    Version,
)
from onboarding.storage.tables.base import Table
from onboarding.storage.tables.checks import (
    OPEN_CHECK,
    OPEN_CHECK_STATES,
    OPEN_REVIEW,
    OPEN_REVIEW_STATES,
    Answer,
    Attempt,
    Check,
    Evidence,
    Review,
)
from onboarding.storage.tables.files import File, FileUpload
from onboarding.storage.tables.inbox import InboxItem
from onboarding.storage.tables.platforms import (
    ApiKey,
    Book,
    EventDestination,
    IdempotencyKey,
    PendingDelivery,
    Platform,
    Policy,
    TestClock,
)
from onboarding.storage.tables.rollouts import CurrentPolicy, Rollout, RolloutAccount
from onboarding.storage.tables.tokens import Token

__all__ = [
    "OPEN_CHECK",
    "OPEN_CHECK_STATES",
    "OPEN_REVIEW",
    "OPEN_REVIEW_STATES",
    "Account",
    "AccountLink",
    "Acknowledgement",
    "ActivityReport",
    "Answer",
    "ApiKey",
    "Attempt",
    "AuditEntry",
    "BankAccount",
    "Book",
    "Check",
    "CurrentPolicy",
    "Event",
    "EventDestination",
    "Evidence",
    "File",
    "FileUpload",
    "IdempotencyKey",
    "InboxItem",
    "Mark",
    "Order",
    "PendingDelivery",
    "Person",
    "Platform",
    "Policy",
    "Review",
    "Rollout",
    "RolloutAccount",
    "SealedValue",
    "Table",
    "TestClock",
    "Token",
    "VaultBankAccount",
    "Version",
]
