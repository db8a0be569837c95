"""The parts of Stripe's objects that are read, of one pinned API version.

Read from the types of Stripe's own client for that version. Strict: a value of another type is an answer that nobody
understood. What is not listed is not read.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

API_VERSION = "2026-10-28.endive"
"""Of the official client that the shapes below were read from (16.1.0), so that a change of the account's default
version cannot change them."""

SESSION_EVENTS = "identity.verification_session."

Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,255}\z")]
"""Goes into addresses, so nothing else may be in it."""

Seconds = Annotated[int, Field(ge=0, lt=253_402_300_800)]
"""Unix time, before the year 10000."""


class Shape(BaseModel):
    """A part of an object of Stripe."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


class LastError(Shape):
    """Why the last submission of a session was not enough."""

    code: str | None = None


class Redaction(Shape):
    """That somebody had the collected data erased, or is about to."""

    status: str


class VerificationReport(Shape):
    """What one submission came to; only its time is read."""

    object: Literal["identity.verification_report"]
    created: Seconds


class BirthDate(Shape):
    """The date of birth in a document."""

    day: int | None = None
    month: int | None = None
    year: int | None = None


class VerifiedOutputs(Shape):
    """What the document says."""

    first_name: str | None = None
    last_name: str | None = None
    dob: BirthDate | None = None


class Session(Shape):
    """A VerificationSession.

    ``url`` is a secret of the end user. ``verified_outputs`` are read when they are compared: those of a redacted
    session are placeholders.
    """

    object: Literal["identity.verification_session"]
    id: Reference
    created: Seconds
    status: Literal["requires_input", "processing", "verified", "canceled"]
    client_reference_id: str | None = None
    url: str | None = Field(default=None, repr=False)
    last_error: LastError | None = None
    last_verification_report: VerificationReport | str | None = None
    redaction: Redaction | None = None
    verified_outputs: Any = Field(default=None, repr=False)

    @property
    def occurred_at(self) -> datetime:
        """When the last submission was judged; when the session was made, if there was none."""
        report = self.last_verification_report
        return as_time(report.created if isinstance(report, VerificationReport) else self.created)


class SessionList(Shape):
    """A page of sessions."""

    object: Literal["list"]
    data: tuple[Session, ...] = Field(strict=False)


class ErrorDetails(Shape):
    """What kind of error it is."""

    type: str


class ErrorReply(Shape):
    """The body of an answer with 4xx or 5xx."""

    error: ErrorDetails


class EventType(Shape):
    """What an event is about."""

    type: str


class EventSubject(Shape):
    """The session in an event, of which only the names are read: the vendor is asked for the rest."""

    id: Reference
    client_reference_id: str | None = None


class EventData(Shape):
    """What an event carries."""

    object: EventSubject


class Event(Shape):
    """An event about a session."""

    id: Reference
    object: Literal["event"]
    created: Seconds
    data: EventData


def as_time(seconds: int) -> datetime:
    """Stripe's time as ours."""
    return datetime.fromtimestamp(seconds, UTC)
