"""The adapter of Stripe Identity.

Built from the types and comments of Stripe's official Python client 16.1.0 (API version 2026-10-28) and from Stripe's
published guides "The Verification Sessions API", "Access verification results" and "Idempotent requests". It was not
run against Stripe itself. Assumed, since no document at hand says so:

- a list of sessions can be narrowed to a ``client_reference_id``, and each item carries it (items of another one are
  left out all the same);
- an answer that was kept for an idempotency key carries the header ``Idempotent-Replayed: true``;
- which errors of a submission are worth another try: see :data:`FINAL_ERRORS`.

What a pass proves: Stripe judged a government document genuine, with ``require_selfie`` also that the face before the
camera is the one in it, and the document's name and birth date are those that were keyed in. Not: that an issuing
authority was asked, that the person lives anywhere, or that the name is on no list. Without ``require_selfie`` anybody
who holds the document passes.

The key should be a restricted one with read and write access to Identity's *Verification Sessions and Reports* and read
access to *recent sensitive verification results*: Stripe shows the birth date to no ordinary secret key. Such a key
sees it for 48 hours after the verification, one that is bound to IP addresses always; a session that is polled later
is inconclusive, since its birth date is missing.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from onboarding.domain.state import Outcome
from onboarding.verifiers.http import VendorHttp, as_shape, read_json, read_shape, whole_call
from onboarding.verifiers.port import (
    CallbackUnreadable,
    Notice,
    Question,
    RepeatedStart,
    Report,
    Started,
    VerifierUnavailable,
)
from onboarding.verifiers.signatures import check_secrets, verify_signature
from onboarding.verifiers.stripe_identity.comparison import Likeness, compare
from onboarding.verifiers.stripe_identity.shapes import (
    API_VERSION,
    SESSION_EVENTS,
    ErrorReply,
    Event,
    EventType,
    Session,
    SessionList,
    VerifiedOutputs,
    as_time,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from onboarding.verifiers.http import Reply

FINAL_ERRORS = frozenset({"consent_declined", "country_not_supported", "selfie_manipulated", "under_supported_age"})
"""Errors of a submission that end the check.

Stripe itself never ends a session by an error: whatever it is, the session goes back to ``requires_input`` and takes
another submission. These four are our decision: another try would say the same (an age, a country), the user does not
want to be verified this way, or somebody tampered with the picture. After every other one, also one that is not known
yet, the user may go on, until the check's deadline.
"""

_SESSIONS = "/v1/identity/verification_sessions"
_EXPANDED = (
    ("expand[]", "verified_outputs"),
    ("expand[]", "verified_outputs.dob"),  # not part of its parent's expansion, since it is sensitive
    ("expand[]", "last_verification_report"),
)
NO_ANSWER = frozenset({f"{SESSION_EVENTS}created", f"{SESSION_EVENTS}processing"})
_OUR_REFERENCE = re.compile(r"att_[0-9a-z]{27}\Z")
_VENDOR_REFERENCE = re.compile(r"[A-Za-z0-9_]{1,255}\Z")
_PRINTABLE = re.compile(r"[\x21-\x7e]+\Z")
_BAD_REQUEST, _NOT_FOUND, _SERVER_ERROR = 400, 404, 500
_MAX_URL = 5000


class StripeIdentity:
    """Asks Stripe Identity about a person's name and birth date.

    Args:
        api_key: a restricted key, see the module.
        webhook_secrets: of the endpoint; two while one is rotated. Without any, every callback is refused.
        base_url: of the API.
        return_url: where Stripe sends the end user afterwards.
        require_selfie: whether the user's face is compared with the document's.
    """

    name = "stripe_identity"
    version = "1"  # of this adapter: what it asks for, and how it reads and compares the answer
    kinds = frozenset({"keyed_identity"})
    repeated_start = RepeatedStart.KEY
    key_lifetime = timedelta(hours=24)  # "at least", says Stripe

    def __init__(
        self,
        *,
        api_key: str,
        webhook_secrets: Sequence[str],
        base_url: str = "https://api.stripe.com",
        return_url: str | None = None,
        require_selfie: bool = True,
    ) -> None:
        if not _PRINTABLE.match(api_key):
            raise ValueError("the API key is empty, or no key")
        self._secrets = check_secrets(webhook_secrets)
        self._return_url = return_url
        self._require_selfie = require_selfie
        # Users are sent to TLS; only a vendor that is itself reached without it may name an address without it.
        self._schemes = ("https://", "http://") if base_url.startswith("http://") else ("https://",)
        self._http = VendorHttp(base_url, {"authorization": f"Bearer {api_key}", "stripe-version": API_VERSION})

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def start(self, question: Question, *, our_reference: str, idempotency_key: str) -> Started | Report:
        """Create a session. Neither name nor birth date is sent: Stripe reads the document, and we compare.

        A kept answer is as old as the first start, so the session is read again. Once a session may exist, nothing
        that fails afterwards is reported as if the start had not been accepted.
        """
        async with whole_call():
            reply = await self._http.send(
                "POST",
                _SESSIONS,
                form=self._form(question, our_reference),
                headers={"idempotency-key": idempotency_key},
            )
            is_replayed = reply.headers.get("idempotent-replayed", "").lower() == "true"
            if _may_hide_a_session(reply, is_replayed=is_replayed):
                return await self._recover(question, our_reference)
            session = reply.read(Session)
            if session.client_reference_id != our_reference:
                raise VerifierUnavailable("unreadable")
            if session.status == "requires_input" and session.last_error is None and not is_replayed:
                return self._answer(session, question)
            return await self._read_again(session.id, question)

    async def find(self, our_reference: str) -> Started | None:
        """The newest session with our reference that was not cancelled."""
        async with whole_call():
            session = await self._find(our_reference)
        return None if session is None else Started(session.id, self._next_action(session))

    async def poll(self, vendor_reference: str, question: Question | None) -> Report | Started:
        """Read the session, and compare what was verified with what was asked."""
        async with whole_call():
            return self._answer(await self._get(vendor_reference), question)

    async def cancel(self, vendor_reference: str) -> None:
        """Cancel the session. One that is being processed, or has ended, cannot be cancelled, and need not be."""
        async with whole_call():
            reply = await self._http.send("POST", _path(vendor_reference) + "/cancel", form={})
        if reply.status == _NOT_FOUND:
            raise VerifierUnavailable("not_found")
        if reply.status != _BAD_REQUEST:
            reply.checked()

    def read_callback(self, headers: Mapping[str, str], body: bytes, received_at: datetime) -> Notice | None:
        """A notice for an event that may hold an answer; None for any other one.

        That a session was created or is being processed is no answer, and each look costs the check's run events.

        Raises:
            CallbackRefused: not signed with one of the secrets, or too long ago.
            CallbackUnreadable: signed, but of an unknown shape.
        """
        verify_signature(headers.get("stripe-signature"), body, self._secrets, received_at)
        value = read_json(body)
        about = as_shape(value, EventType)
        if about is None:
            raise CallbackUnreadable
        if not about.type.startswith(SESSION_EVENTS) or about.type in NO_ANSWER:
            return None
        event = as_shape(value, Event)
        if event is None:
            raise CallbackUnreadable
        subject = event.data.object
        ours = subject.client_reference_id or ""
        return Notice(event.id, as_time(event.created), subject.id, ours if _OUR_REFERENCE.match(ours) else "")

    # --- asking -------------------------------------------------------------------------------------------------------

    def _form(self, question: Question, our_reference: str) -> dict[str, str]:
        form = {
            "type": "document",
            "client_reference_id": our_reference,
            "metadata[check]": question.check_id,
            "options[document][require_matching_selfie]": str(self._require_selfie).lower(),
        }
        return form if self._return_url is None else form | {"return_url": self._return_url}

    async def _get(self, vendor_reference: str) -> Session:
        reply = await self._http.send("GET", _path(vendor_reference), query=_EXPANDED)
        if reply.status == _NOT_FOUND:
            raise VerifierUnavailable("not_found")
        session = reply.read(Session)
        if session.id != vendor_reference:
            raise VerifierUnavailable("unreadable")
        return session

    async def _find(self, our_reference: str) -> Session | None:
        query = [("client_reference_id", our_reference), ("limit", "100")]
        found = (await self._http.send("GET", _SESSIONS, query=query)).read(SessionList).data
        alive = [one for one in found if one.client_reference_id == our_reference and one.status != "canceled"]
        return max(alive, key=lambda session: session.created, default=None)

    async def _read_again(self, vendor_reference: str, question: Question) -> Started | Report:
        try:
            return self._answer(await self._get(vendor_reference), question)
        except VerifierUnavailable:
            return Started(vendor_reference)  # it exists; the next poll asks how it is

    async def _recover(self, question: Question, our_reference: str) -> Started | Report:
        """The session that an earlier start with the same key may have made."""
        session, retry_after = None, None
        try:
            session = await self._find(our_reference)
        except VerifierUnavailable as unavailable:
            retry_after = unavailable.retry_after
        if session is None:
            raise VerifierUnavailable("vendor_error", retry_after)
        return await self._read_again(session.id, question)

    # --- reading ------------------------------------------------------------------------------------------------------

    def _answer(self, session: Session, question: Question | None) -> Started | Report:
        if session.status == "canceled" or session.redaction is not None:
            status = "redacted" if session.redaction is not None else "canceled"
            return _inconclusive(session, {"vendor_status": status})
        if session.status == "verified":
            return _compared(session, question)
        code = session.last_error.code if session.last_error is not None else None
        if session.status == "requires_input" and code in FINAL_ERRORS:
            return _failed(session, {"vendor_code": code})
        return Started(session.id, self._next_action(session))

    def _next_action(self, session: Session) -> str | None:
        """Where the user goes on: nowhere while Stripe works on what was submitted."""
        url = session.url
        if session.status != "requires_input" or url is None:
            return None
        # It becomes a link on somebody's page.
        if not url.startswith(self._schemes) or len(url) > _MAX_URL or not _PRINTABLE.match(url):
            raise VerifierUnavailable("unreadable")
        return url


def _compared(session: Session, question: Question | None) -> Report:
    if question is None:
        return _inconclusive(session, {"vendor_status": "verified"})
    outputs = as_shape(session.verified_outputs, VerifiedOutputs)
    if outputs is None:
        raise VerifierUnavailable("unreadable")
    likeness = compare(question.inputs, outputs)
    detail = {"compared": {name: like.value for name, like in likeness.items()}}
    if Likeness.DIFFERENT in likeness.values():
        return _failed(session, detail)
    if Likeness.MISSING in likeness.values():
        # A document without a birth date, or a key that may not see it: nothing speaks against the person.
        return _inconclusive(session, detail)
    return Report(Outcome.PASSED, (), session.occurred_at, detail)


def _failed(session: Session, detail: Mapping[str, object]) -> Report:
    return Report(Outcome.FAILED, ("verification_failed_keyed_identity",), session.occurred_at, detail)


def _inconclusive(session: Session, detail: Mapping[str, object]) -> Report:
    return Report(Outcome.INCONCLUSIVE, ("verification_failed_other",), session.occurred_at, detail)


def _may_hide_a_session(reply: Reply, *, is_replayed: bool) -> bool:
    """Whether an earlier start with this key may have made a session that this answer does not show.

    A kept 5xx comes again as long as the key is kept, and says nothing about what was done. An idempotency error is a
    start that differs from the first one with its key, as after a change of settings in between.
    """
    if reply.status == _BAD_REQUEST:
        error = read_shape(reply.body, ErrorReply)
        return error is not None and error.error.type == "idempotency_error"
    return reply.status >= _SERVER_ERROR and is_replayed


def _path(vendor_reference: str) -> str:
    if not _VENDOR_REFERENCE.match(vendor_reference):
        raise VerifierUnavailable("not_found")  # Stripe never gave it out
    return f"{_SESSIONS}/{vendor_reference}"
