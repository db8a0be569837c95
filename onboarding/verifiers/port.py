"""What a verifier is.

A *local* verifier has everything it needs in memory and answers inside the door: the sandbox in every process, the
others where a worker plans. An *outward* one is called by a worker: its start is committed as an attempt before the
call, and it says what a repeated start means, because a crash between the call and its answer must never charge twice.
One that *calls back* also reads what its vendor sends to ``/callbacks/{name}``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime, timedelta

    from onboarding.domain.settle import Answer, Later
    from onboarding.domain.state import Outcome


class Documents(Protocol):
    """The files that a question's inputs name, and no others."""

    def read(self, file: str) -> AsyncIterator[bytes]:
        """The plain bytes of one, in parts of at most 256 KiB, 10 MB together at most; may be read again.

        Raises:
            VerifierUnavailable: the store can't be asked, or has lost it; a file that is not named, or that is none
                that the account may use (``file_missing``). Raised while the parts are read.
        """


@dataclass(frozen=True, slots=True)
class Question:
    """One check as a verifier sees it.

    ``inputs`` maps leaves of the check kind to normalised plaintext; they are never logged and never leave the
    process but to the verifier. ``as_of`` is the account's time. ``documents`` are the files among the inputs, for an
    outward verifier; None for a local one, which has no time to read.
    """

    check_id: str
    kind: str
    subject: str
    digest: str
    inputs: Mapping[str, str] = field(repr=False)
    as_of: datetime
    documents: Documents | None = field(default=None, repr=False, compare=False)


class LocalVerifier(Protocol):
    """A verifier that answers inside the door: no I/O, no clock, a few milliseconds at most.

    The same question may be put to it any number of times.
    """

    name: str
    version: str

    def answer(self, question: Question) -> Answer | Later | None:
        """The answer, now or at a later instant of the account's clock; None for a kind it does not know.

        Raises:
            VerifierUnavailable: what it needs is not loaded: unknown, never failed.
        """


class RepeatedStart(StrEnum):
    """What a second start with the same attempt means to the vendor."""

    KEY = "key"
    """The vendor keeps idempotency keys: start again with the same key within its lifetime."""
    LOOK_UP = "look_up"
    """The vendor can be asked for our reference: look up before starting again."""
    NONE = "none"
    """Neither: an attempt whose start was not confirmed ends unknown and goes to a review.

    Only a start that surely never arrived is repeated: raise :class:`VerifierUnavailable` with ``not_connected``,
    ``rate_limited`` or ``refused`` (the vendor said no) for those, and with any other code for whatever is uncertain.
    """


@dataclass(frozen=True, slots=True)
class Started:
    """The vendor accepted the question under its own reference, and has not answered yet.

    ``next_action`` is the address where the end user must go on; None where nobody but the vendor has to do anything.
    It is a secret of that user: stored sealed, shown on the check, never logged.
    """

    vendor_reference: str
    next_action: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Report:
    """What the vendor says about an attempt; the fields are those of :class:`onboarding.domain.settle.Answer`."""

    outcome: Outcome
    reasons: tuple[str, ...]
    occurred_at: datetime
    detail: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Notice:
    """What an authentic callback says: only that something happened, for the vendor is asked what.

    Attributes:
        event_id: the vendor's id of the event: the same one is the same callback sent again.
        occurred_at: the vendor's own time of it.
        vendor_reference: what it is about, as in :class:`Started`.
        our_reference: the attempt's own reference, where the vendor sends it along.
    """

    event_id: str
    occurred_at: datetime
    vendor_reference: str
    our_reference: str = ""


class CallbackRefused(Exception):  # noqa: N818 -- a refusal
    """A callback that is not authentic: ``signature_missing``, ``signature_wrong`` or ``signature_old``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class CallbackUnreadable(Exception):  # noqa: N818 -- says what is
    """An authentic callback of a shape that the adapter does not know. Holds nothing of it."""


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

    async def poll(self, vendor_reference: str, question: Question | None) -> Report | Started | None:
        """The vendor's report; None while there is none, :class:`Started` where the user's next address is known.

        ``question`` is what was asked, for vendors that report what they saw and leave the comparison to us; None
        where its values are gone, since they were changed meanwhile: a report about it can only be inconclusive.
        """

    async def cancel(self, vendor_reference: str) -> None:
        """Tell the vendor that nobody waits any more; a vendor that can't cancel does nothing."""


@runtime_checkable
class CallsBack(Protocol):
    """What an outward verifier has besides, if its vendor calls back."""

    def read_callback(self, headers: Mapping[str, str], body: bytes, received_at: datetime) -> Notice | None:
        """Check that a callback is authentic, and read it; None for an event that is about no attempt.

        Args:
            headers: with names in lower case.
            body: the raw bytes that were signed.
            received_at: when it came; a replay checks the signature's age against it, not against the present.

        Raises:
            CallbackRefused: not authentic.
            CallbackUnreadable: authentic, but of an unknown shape.
        """
