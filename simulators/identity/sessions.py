"""VerificationSessions and VerificationReports: their state, and how the vendor shows them."""

from __future__ import annotations

import secrets
import string
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

_ALPHABET = string.ascii_letters + string.digits
REDACTED = "[redacted]"

# code: (what the user is told, which check of the report failed). No check: the user never got as far as one.
FAILURES: dict[str, tuple[str, str | None]] = {
    "document_unverified_other": ("The document could not be verified: its photo is not clear enough.", "document"),
    "document_expired": ("The document is expired.", "document"),
    "selfie_face_mismatch": ("The selfie does not match the photo on the document.", "selfie"),
    "id_number_mismatch": ("The ID number does not match the name and date of birth.", "id_number"),
    "consent_declined": ("The user declined to be verified.", None),
    "under_supported_age": ("The user is below the age from which identities can be verified.", None),
}


def new_id(prefix: str, length: int = 24) -> str:
    """An id as the vendor makes them: a prefix and letters and digits that nobody guesses."""
    return f"{prefix}_{''.join(secrets.choice(_ALPHABET) for _ in range(length))}"


@dataclass(frozen=True)
class Submission:
    """What the user did on the page.

    Attributes:
        outcome: ``verified`` or a code of :data:`FAILURES`.
        document_type: ``driving_license``, ``id_card`` or ``passport``.
        first_name: may be empty unless ``verified``, as may the others.
        last_name: as the document says.
        dob: ``{day, month, year}`` or None.
        address: ``{line1, line2, city, state, postal_code, country}`` or None.
    """

    outcome: str
    document_type: str
    first_name: str = ""
    last_name: str = ""
    dob: dict[str, int] | None = None
    address: dict[str, str | None] | None = None


@dataclass
class Session:
    """A VerificationSession. ``token`` and ``secret`` are what its address and its client secret end in."""

    id: str
    token: str
    secret: str
    type: str
    options: dict[str, Any]
    metadata: dict[str, str]
    client_reference_id: str | None
    return_url: str | None
    created: int
    provided_details: dict[str, str] | None = None
    status: str = "requires_input"
    last_error: dict[str, str] | None = None
    report: str | None = None
    redaction: str | None = None
    submission: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None
    submissions: int = 0

    def url(self, public_url: str) -> str | None:
        """Where the user goes; None unless there is something to do."""
        return f"{public_url}/start/{self.token}" if self.status == "requires_input" else None

    def shown(
        self, public_url: str, report: Report | None = None, expand: Collection[str] = (), *, by_name: bool = False
    ) -> dict[str, Any]:
        """The object as the API shows it.

        Args:
            public_url: where the user's browser finds this server.
            report: the last one, to be shown in place of its id.
            expand: the caller's; ``verified_outputs`` counts here.
            by_name: whether the date of birth is left out unless ``verified_outputs.dob`` is asked for.
        """
        url = self.url(public_url)
        shown: dict[str, Any] = {
            "id": self.id,
            "object": "identity.verification_session",
            "client_reference_id": self.client_reference_id,
            "client_secret": f"{self.id}_secret_{self.secret}" if url else None,
            "created": self.created,
            "last_error": self.last_error,
            "last_verification_report": self.report,
            "livemode": False,
            "metadata": self.metadata,
            "options": self.options,
            "provided_details": self.provided_details,
            "redaction": {"status": self.redaction} if self.redaction else None,
            "related_customer": None,
            "status": self.status,
            "type": self.type,
            "url": url,
            "verification_flow": None,
        }
        if report is not None:
            shown["last_verification_report"] = report.shown(
                [name.removeprefix("last_verification_report.") for name in expand], by_name=by_name
            )
        if any(name.partition(".")[0] == "verified_outputs" for name in expand):
            shown["verified_outputs"] = self._outputs(expand, by_name=by_name) if self.status == "verified" else None
        return shown

    def _outputs(self, expand: Collection[str], *, by_name: bool) -> dict[str, Any]:
        hidden = {"dob"} if by_name and "verified_outputs.dob" not in expand else set()
        return {name: value for name, value in (self.outputs or {}).items() if name not in hidden}


@dataclass
class Report:
    """A VerificationReport. ``checks`` holds ``document``, ``selfie`` and ``id_number`` as far as they were done."""

    id: str
    session: str
    type: str
    options: dict[str, Any]
    client_reference_id: str | None
    created: int
    checks: dict[str, dict[str, Any]] = field(default_factory=dict)

    def shown(self, expand: Collection[str] = (), *, by_name: bool = False) -> dict[str, Any]:
        """The object as the API shows it; ``by_name`` leaves out dates unless they are asked for by name."""
        checks = {name: dict(check) for name, check in self.checks.items()}
        for check, fact in (("document", "dob"), ("document", "expiration_date"), ("id_number", "dob")):
            if by_name and check in checks and f"{check}.{fact}" not in expand:
                checks[check].pop(fact, None)
        return {
            "id": self.id,
            "object": "identity.verification_report",
            "client_reference_id": self.client_reference_id,
            "created": self.created,
            "livemode": False,
            "options": self.options,
            "type": self.type,
            "verification_flow": None,
            "verification_session": self.session,
            **checks,
        }

    def redact(self) -> None:
        """Forget what was typed."""
        for check in self.checks.values():
            for name in ("first_name", "last_name"):
                if check.get(name):
                    check[name] = REDACTED
            check.update({name: None for name in ("dob", "address", "expiration_date") if name in check})


def outputs(submission: Submission, *, has_id_number: bool) -> dict[str, Any]:
    """What a verified session says about its user."""
    return {
        "address": submission.address,
        "dob": submission.dob,
        "email": None,
        "first_name": submission.first_name,
        "id_number_type": "us_ssn" if has_id_number else None,
        "last_name": submission.last_name,
        "phone": None,
    }


def needs_id_number(session: Session) -> bool:
    """Whether an ID number is collected."""
    return session.type == "id_number" or bool(session.options.get("document", {}).get("require_id_number"))


def checks(session: Session, submission: Submission, year: int) -> dict[str, dict[str, Any]]:
    """The checks of a report, each ``verified`` but for the one that failed."""
    failed = FAILURES[submission.outcome][1] if submission.outcome in FAILURES else None
    person = {
        "dob": submission.dob,
        "first_name": submission.first_name or None,
        "last_name": submission.last_name or None,
    }
    country = (submission.address or {}).get("country") or "US"
    expires = year - 1 if submission.outcome == "document_expired" else year + 5
    done: dict[str, dict[str, Any]] = {}
    if session.type == "document":
        done["document"] = {
            "address": submission.address,
            **person,
            "expiration_date": {"day": 1, "month": 1, "year": expires},
            "files": [],
            "issued_date": {"day": 1, "month": 1, "year": expires - 10},
            "issuing_country": country,
            "type": submission.document_type,
        }
    if failed == "selfie" or session.options.get("document", {}).get("require_matching_selfie"):
        done["selfie"] = {"document": None, "selfie": None}
    if needs_id_number(session):
        done["id_number"] = {**person, "id_number_type": "us_ssn"}
    for name, check in done.items():
        check["status"] = "unverified" if name == failed else "verified"
        check["error"] = (
            {"code": submission.outcome, "reason": FAILURES[submission.outcome][0]} if name == failed else None
        )
    if failed == "document" and submission.outcome == "document_unverified_other" and "document" in done:
        unread = ("address", "dob", "first_name", "last_name", "expiration_date", "issued_date", "issuing_country")
        done["document"].update(dict.fromkeys(unread))
    return done
