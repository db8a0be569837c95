"""What a verifier is.

An *inline* verifier is pure and bounded and answers inside the door. An *outward* one is called by a worker: its start
is committed as an attempt before the call, and it says what a repeated start means, because a crash between the call
and its answer must never charge twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from onboarding.domain.settle import Answer, Later
    from onboarding.domain.state import Outcome


@dataclass(frozen=True, slots=True)
class Question:
    """One check as a verifier sees it.

    ``inputs`` maps leaves of the check kind to normalised plaintext; they are never logged and never leave the
    process but to the verifier. ``as_of`` is the account's time.
    """

    check_id: str
    kind: str
    subject: str
    digest: str
    inputs: Mapping[str, str] = field(repr=False)
    as_of: datetime


class InlineVerifier(Protocol):
    """A verifier that answers inside the door: no I/O, no clock, bounded time.

    ``answer`` returns None for a kind it does not know.
    """

    name: str
    version: str

    def answer(self, question: Question) -> Answer | Later | None:
        """The answer, now or at a later instant of the account's clock."""


class RepeatedStart(StrEnum):
    """What a second start with the same attempt means to the vendor."""

    KEY = "key"
    """The vendor keeps idempotency keys: start again with the same key within its lifetime."""
    LOOK_UP = "look_up"
    """The vendor can be asked for our reference: look up before starting again."""
    NONE = "none"
    """Neither: an attempt whose start was not confirmed ends unknown and goes to a review.

    Only a start that surely never arrived is repeated: raise :class:`VerifierUnavailable` with ``not_connected`` or
    ``rate_limited`` for those, and with any other code for whatever is uncertain.
    """


@dataclass(frozen=True, slots=True)
class Started:
    """The vendor accepted the question under its own reference."""

    vendor_reference: str


@dataclass(frozen=True, slots=True)
class Report:
    """What the vendor says about an attempt; reasons are codes of the wire contract's closed list."""

    outcome: Outcome
    reasons: tuple[str, ...]
    occurred_at: datetime


class VerifierUnavailable(Exception):  # noqa: N818 -- says what is, not that something is wrong
    """The vendor could not be asked or did not answer: unknown, never failed. ``retry_after`` if it said so."""

    def __init__(self, code: str, retry_after: timedelta | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


@runtime_checkable
class Verifier(Protocol):
    """An outward verifier.

    Every method raises :class:`VerifierUnavailable` where the vendor can't be asked; nothing else may escape.
    """

    name: str
    version: str
    kinds: frozenset[str]
    repeated_start: RepeatedStart
    key_lifetime: timedelta

    async def start(self, question: Question, *, our_reference: str, idempotency_key: str) -> Started | Report:
        """Ask. A vendor that answers at once returns its report."""

    async def find(self, our_reference: str) -> Started | None:
        """The vendor's reference of an attempt whose start was not confirmed; None if it never arrived."""

    async def poll(self, vendor_reference: str) -> Report | None:
        """The vendor's report; None while there is none."""

    async def cancel(self, vendor_reference: str) -> None:
        """Tell the vendor that nobody waits any more; a vendor that can't cancel does nothing."""
