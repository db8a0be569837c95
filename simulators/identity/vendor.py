"""The vendor itself: what it keeps, what it does, and what it charges."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from simulators.identity import sessions
from simulators.identity.errors import VendorError, invalid, missing
from simulators.identity.forms import Form, only, text, texts, whole
from simulators.identity.parameters import read_session
from simulators.identity.sessions import FAILURES, REDACTED, Report, Session, Submission, new_id
from simulators.identity.storage import Storage
from simulators.identity.webhooks import Webhooks

_SESSIONS, _REPORTS = "sessions", "reports"
_LIST_PATH = "/v1/identity/verification_sessions"
_STATUSES = ("canceled", "processing", "requires_input", "verified")
NO_CAUSE: dict[str, str | None] = {"id": None, "idempotency_key": None}


@dataclass(frozen=True)
class Manners:
    """How it behaves.

    Attributes:
        public_url: where the user's browser finds this server.
        delay: seconds that checks and redactions take.
        sensitive_by_expand: whether dates are shown only where they are asked for by name.
    """

    public_url: str
    delay: float = 0.3
    sensitive_by_expand: bool = False


class Vendor:
    """Sessions and reports. Every method acts at once and is kept when it returns.

    Methods of the API take parameters as :mod:`simulators.identity.forms` reads them, return the object as the API
    shows it, and raise :class:`VendorError`. ``cause`` is the call that an event names: ``{id, idempotency_key}``.
    """

    def __init__(self, storage: Storage, webhooks: Webhooks, manners: Manners) -> None:
        self._storage = storage
        self._webhooks = webhooks
        self._manners = manners
        self._sessions = {id_: Session(**kept) for id_, kept in storage.table(_SESSIONS).items()}
        self._reports = {id_: Report(**kept) for id_, kept in storage.table(_REPORTS).items()}
        self._tokens = {session.token: session for session in self._sessions.values()}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Go on with what was being processed at the last end."""
        for session in self._sessions.values():
            if session.status == "processing":
                self._later(session, self._finish)
            elif session.redaction == "processing":
                self._later(session, self._forget)

    async def stop(self) -> None:
        """Stop; what is being processed goes on at the next start."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def create(self, form: Form, cause: dict[str, str | None]) -> dict[str, Any]:
        """Open a session."""
        session = read_session(form)
        self._sessions[session.id] = self._tokens[session.token] = session
        self._keep(session, "created", cause)
        return self._shown(session, texts(form, "expand"))

    def retrieve(self, id_: str, form: Form) -> dict[str, Any]:
        """A session; ``expand[]`` may name verified_outputs and last_verification_report, and what is in them."""
        only(form, "expand", "client_secret")
        return self._shown(self._get(id_), texts(form, "expand"))

    def find(self, form: Form) -> dict[str, Any]:
        """Sessions, the newest first: by client_reference_id and status, ``limit`` at a time."""
        only(form, "client_reference_id", "limit", "status", "starting_after", "expand")
        limit = whole(form, "limit", 10, 1, 100)
        reference, status, after = (text(form, name) for name in ("client_reference_id", "status", "starting_after"))
        if status is not None and status not in _STATUSES:
            raise invalid(f"Invalid status: must be one of {', '.join(_STATUSES)}", "status")
        if after is not None and after not in self._sessions:
            raise missing("verification session", "starting_after")
        newest = list(reversed(self._sessions.values()))
        if after is not None:
            newest = newest[newest.index(self._sessions[after]) + 1 :]
        found = [
            session
            for session in newest
            if reference in {None, session.client_reference_id} and status in {None, session.status}
        ]
        expand = [name.removeprefix("data.") for name in texts(form, "expand")]
        return {
            "object": "list",
            "data": [self._shown(session, expand) for session in found[:limit]],
            "has_more": len(found) > limit,
            "url": _LIST_PATH,
        }

    def cancel(self, id_: str, form: Form, cause: dict[str, str | None]) -> dict[str, Any]:
        """Cancel a session that waits for its user."""
        only(form, "expand")
        session = self._get(id_)
        _require(session, "cancel", "requires_input")
        session.status = "canceled"
        self._keep(session, "canceled", cause)
        return self._shown(session, texts(form, "expand"))

    def redact(self, id_: str, form: Form, cause: dict[str, str | None]) -> dict[str, Any]:
        """Forget what is known of a session's user, after a while; a session that waits for its user is cancelled."""
        only(form, "expand")
        session = self._get(id_)
        _require(session, "redact", "requires_input", "verified", "canceled")
        if session.redaction is None:
            session.redaction = "processing"
            if session.status == "requires_input":
                session.status = "canceled"
                self._keep(session, "canceled", cause)
            else:
                self._keep(session)
            self._later(session, self._forget)
        return self._shown(session, texts(form, "expand"))

    def report(self, id_: str, form: Form) -> dict[str, Any]:
        """A report."""
        only(form, "expand")
        if id_ not in self._reports:
            raise missing("verification report", "id")
        return self._reports[id_].shown(texts(form, "expand"), by_name=self._manners.sensitive_by_expand)

    def reference_of(self, id_: str | None) -> str | None:
        """The client_reference_id of a session or a report."""
        known = self._sessions.get(id_ or "") or self._reports.get(id_ or "")
        return known.client_reference_id if known is not None else None

    def by_token(self, token: str) -> Session | None:
        """The session that a page's address belongs to."""
        return self._tokens.get(token)

    def submit(self, session: Session, submission: Submission) -> bool:
        """Take what the user did. False where the session does not wait for its user."""
        if session.status != "requires_input":
            return False
        session.status = "processing"
        session.last_error = None
        session.submission = asdict(submission)
        session.submissions += 1
        self._keep(session, "processing", NO_CAUSE)
        self._later(session, self._finish)
        return True

    def ledger(self) -> dict[str, Any]:
        """What was asked for and would be charged, as :class:`simulators.identity.control.Control` says."""
        known = self._sessions.values()
        references = Counter(known_session.client_reference_id for known_session in known)
        return {
            "sessions_created": len(known),
            "by_reference": {name: count for name, count in references.items() if name is not None},
            "submitted": sum(session.submissions for session in known),
            "reports": len(self._reports),
            "cancelled": sum(session.status == "canceled" for session in known),
            "webhooks": self._webhooks.counts,
        }

    def overview(self) -> list[dict[str, Any]]:
        """Every session, the oldest first: id, status, client_reference_id, metadata, url, created."""
        names = ("id", "status", "client_reference_id", "metadata", "url", "created")
        every = [session.shown(self._manners.public_url) for session in self._sessions.values()]
        return [{name: shown[name] for name in names} for shown in every]

    def _get(self, id_: str) -> Session:
        if id_ not in self._sessions:
            raise missing("verification session", "id")
        return self._sessions[id_]

    def _shown(self, session: Session, expand: Collection[str] = ()) -> dict[str, Any]:
        wanted = any(name.partition(".")[0] == "last_verification_report" for name in expand)
        report = self._reports[session.report] if wanted and session.report else None
        by_name = self._manners.sensitive_by_expand
        return session.shown(self._manners.public_url, report, expand, by_name=by_name)

    def _keep(self, session: Session, event: str | None = None, cause: dict[str, str | None] | None = None) -> None:
        self._storage.put(_SESSIONS, session.id, asdict(session))
        if event is not None:
            self._webhooks.emit(event, session, self._shown(session), cause or NO_CAUSE)

    def _later(self, session: Session, what: Any) -> None:
        async def wait() -> None:
            await asyncio.sleep(self._manners.delay)
            what(session)

        task = asyncio.get_running_loop().create_task(wait())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _finish(self, session: Session) -> None:
        submission = Submission(**(session.submission or {}))
        session.submission = None
        failure = FAILURES.get(submission.outcome)
        if failure is None or failure[1] is not None:
            self._add_report(session, submission)
        if failure is None:
            session.status = "verified"
            session.outputs = sessions.outputs(submission, has_id_number=sessions.needs_id_number(session))
        else:
            session.status = "requires_input"
            session.last_error = {"code": submission.outcome, "reason": failure[0]}
        self._keep(session, session.status)

    def _add_report(self, session: Session, submission: Submission) -> None:
        report = Report(
            id=new_id("vr"),
            session=session.id,
            type=session.type,
            options=session.options,
            client_reference_id=session.client_reference_id,
            created=int(time.time()),
            checks=sessions.checks(session, submission, datetime.now(UTC).year),
        )
        self._reports[report.id] = report
        self._storage.put(_REPORTS, report.id, asdict(report))
        session.report = report.id

    def _forget(self, session: Session) -> None:
        session.redaction = "redacted"
        session.metadata = {}
        session.provided_details = None
        if session.outputs is not None:
            typed = {"address": None, "dob": None, "first_name": REDACTED, "last_name": REDACTED}
            session.outputs = {**session.outputs, **typed}
        for report in self._reports.values():
            if report.session == session.id:
                report.redact()
                self._storage.put(_REPORTS, report.id, asdict(report))
        self._keep(session, "redacted")
        self._storage.compact()


def _require(session: Session, act: str, *statuses: str) -> None:
    if session.status not in statuses or (act == "cancel" and session.redaction):
        message = (
            f"You cannot {act} this VerificationSession because it has a status of {session.status}. "
            f"Only a VerificationSession with one of the following statuses may be {act}ed: {', '.join(statuses)}."
        )
        raise VendorError(400, message, code="status_transition_invalid")
