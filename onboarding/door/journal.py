"""What one transaction of the door writes: the steps of its looks as versions, events, audit rows and child rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from onboarding.domain.activations import Activation
from onboarding.domain.evaluate import EVALUATOR_VERSION
from onboarding.domain.events import Documents, changes
from onboarding.domain.settle import Answer
from onboarding.domain.state import CheckState, Outcome
from onboarding.door.draft import ReviewState
from onboarding.door.render import EMPTY_EVALUATION, canonical_digest, documents, encode_evaluation, render_check
from onboarding.ids import new_id
from onboarding.storage import tables
from onboarding.storage.shapes import encode_inputs, encode_shape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onboarding.domain.events import Event
    from onboarding.domain.settle import Later, Step
    from onboarding.domain.state import Acknowledgement, Check, Evidence, Mark
    from onboarding.door.draft import Draft
    from onboarding.storage.rows import DestinationRow

REVIEW_QUEUES = dict.fromkeys(("screening_hit", "name_missing", "name_not_comparable"), "screening")
"""Queue of a review by the code of its reason; every other reason goes to the general queue."""

GENERAL_QUEUE = "verification"

ACTIVATION_COLUMNS = tuple(field.name for field in fields(Activation))

ANSWER = "answer"
"""Field group under which a delayed answer is sealed."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Why a step is written: the audit action, who acted, and the request if one did."""

    cause: str
    actor: str
    request_id: str | None = None
    idempotency_key: str | None = None


class Journal:
    """Collects the rows of a transaction in the draft's batch."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        row = draft.record.row if draft.record is not None else None
        self.version = row.version if row else 0
        self.digest = row.digest if row else None
        self.sequence = row.event_sequence if row else 0
        self.audit_count = row.audit_count if row else 0
        self.audit_head = (row.audit_head if row else None) or ""
        self.evaluation: dict[str, Any] = (row.evaluation if row else None) or EMPTY_EVALUATION
        self.events: list[tuple[str, int, Event]] = []
        self.wrote = False
        self.wake_at: datetime | None = row.wake_at if row else None
        self.shape: dict[str, Any] = row.shape if row else {}
        self._checks = {check.id: self._check_document(check, None) for check in draft.state.checks}
        self._documents = documents(draft, self.evaluation, dict(self._checks)) if row else Documents()
        self._marks: list[tuple[Mark, int]] = []
        self._evidence: list[tuple[Evidence, int]] = []
        self._opened: dict[str, Check] = {}
        self._moved: dict[str, tuple[Check, datetime]] = {}
        self._answers: dict[str, Later] = {}
        self._reviews: dict[str, tuple[str, datetime]] = {}
        self._acknowledgements: dict[str, Acknowledgement] = {}

    @property
    def documents(self) -> Documents:
        """Everything that can be read after the last step."""
        return self._documents

    def add(self, step: Step, origin: Origin, *, changed: bool) -> None:
        """Take one look into the journal. ``changed`` writes an audit row even if nothing that is decided changed."""
        draft = self._draft
        checks = {**draft.checks, **step.checks}
        reviews = {**draft.reviews, **step.reviews}
        new_evidence = [*draft.evidence, *step.evidence]
        acknowledged = [*draft.acknowledged, *step.acknowledgements]
        draft.evidence, draft.checks, draft.reviews, draft.acknowledged = [], {}, {}, []
        draft.state = step.state
        for check in checks.values():
            self._moved[check.id] = (check, step.as_of)
            self._checks[check.id] = self._check_document(check, step.as_of)
        self._opened |= {check_id: checks[check_id] for check_id in step.opened}
        for known in acknowledged:
            self._acknowledgements[known.capability] = known
        self._answers |= step.answers
        self._reviews |= {check_id: (reason, step.as_of) for check_id, reason in reviews.items()}
        self.evaluation = encode_evaluation(draft.account_id, step.evaluation)
        self.wake_at = step.evaluation.wake_at
        shape = self.shape = encode_shape(draft.state.shape)
        digest = self._digest(shape)
        moved = digest != self.digest
        if moved:
            self.digest = digest
            self.version += 1
            draft.batch.insert(
                tables.Version,
                account_id=draft.account_id,
                version=self.version,
                effective_at=step.as_of,
                shape=shape,
                inputs=encode_inputs(draft.state, draft.policies.ahead(step.as_of)),
                evaluation=self.evaluation,
                policy_hash=step.evaluation.policy.hash,
                evaluator_version=EVALUATOR_VERSION,
                digest=digest,
                cause=origin.cause,
            )
        self._evidence += [(row, self.version) for row in new_evidence]
        self._marks += [(mark, self.version) for mark in step.marks]
        after = documents(draft, self.evaluation, dict(self._checks))
        found = [*changes(self._documents, after), *draft.told]
        draft.told = []
        self._documents = after
        for event in found:
            self._store_event(event, origin, step.as_of)
        if moved or changed or found or new_evidence:
            self._audit(origin, step.as_of, canonical_digest(digest, self._documents.account))
            self.wrote = True

    def tell(self, origin: Origin, as_of: datetime, event: Event | None = None) -> None:
        """Note something that no document shows and no version keeps, with its event where it has one."""
        if event is not None:
            self._store_event(event, origin, as_of)
        self._audit(origin, as_of, canonical_digest(self.digest, self._documents.account))
        self.wrote = True

    @property
    def applied_configurations(self) -> list[str]:
        """Configurations that are applied, for the account's row."""
        account = self._documents.account
        return account["applied_configurations"] if account else []

    @property
    def withdrawn(self) -> list[str]:
        """Checks that ended, or went to a person, while a verifier works on them."""
        draft = self._draft
        running = {
            attempt.check_id
            for attempt in draft.attempts
            if attempt.ended_at is None and attempt.id not in draft.ended_attempts
        }
        return [
            check_id
            for check_id, (check, _) in self._moved.items()
            if check_id in running and (check.state is CheckState.IN_REVIEW or not check.state.is_open)
        ]

    def restrict_missed(self, as_of: datetime) -> None:
        """Show capabilities whose stored deadline has passed as restricted, though nobody could evaluate it."""
        self.evaluation = with_missed_restricted(self.evaluation, as_of)
        self._documents = documents(self._draft, self.evaluation, dict(self._checks))

    def write(self) -> None:
        """Add the child rows to the batch, each once, as they are after the last step."""
        draft, batch = self._draft, self._draft.batch
        for mark, version in self._marks:
            batch.insert(
                tables.Mark,
                account_id=draft.account_id, kind=mark.kind.value, key=mark.key,
                at=mark.at, set_at=mark.set_at, value=mark.value, version=version,
            )  # fmt: skip
        for row, version in self._evidence:
            batch.insert(
                tables.Evidence,
                id=row.id, account_id=draft.account_id, check_id=row.check_id, kind=row.kind, subject=row.subject,
                digest=row.digest, outcome=row.outcome.value, reasons=list(row.reasons), verifier=row.verifier,
                verifier_version=row.verifier_version, occurred_at=row.occurred_at, recorded_at=row.recorded_at,
                valid_until=row.valid_until, attempt=row.attempt, contested=row.contested, basis=row.basis,
                detail=draft.details.get(row.id), version=version,
            )  # fmt: skip
        for check_id, (check, moved_at) in self._moved.items():
            columns: dict[str, Any] = {
                "state": check.state.value,
                "answer_at": check.answer_at,
                "retry_at": check.retry_at,
                "deadline_at": check.deadline_at,
                "ended_at": None if check.state.is_open else moved_at,
            }
            columns |= self._lease(check_id)
            if check_id in self._opened:
                batch.insert(
                    tables.Check,
                    id=check_id, account_id=draft.account_id, kind=check.kind, subject=check.subject,
                    digest=check.digest, opened_at=check.opened_at, **columns,
                )  # fmt: skip
            else:
                batch.update(tables.Check, {"id": check_id}, **columns)
            if not check.state.is_open and draft.record is not None and check_id in draft.record.answers:
                batch.delete(tables.Answer, {"check_id": check_id})
        for check_id in draft.leases:
            if check_id not in self._moved:
                batch.update(tables.Check, {"id": check_id}, **self._lease(check_id))
        self._write_answers()
        self._write_reviews()
        for known in self._acknowledgements.values():
            batch.upsert(
                tables.Acknowledgement,
                account_id=draft.account_id,
                capability=known.capability,
                on=known.on,
                at=known.at,
            )
        for capability in sorted(draft.changed_activations):
            told = draft.activations[capability]
            columns = {name: getattr(told, name) for name in ACTIVATION_COLUMNS}
            batch.upsert(tables.Activation, account_id=draft.account_id, **columns)
        draft.flush()

    def deliver(self, destinations: Iterable[DestinationRow]) -> None:
        """A pending delivery for each event and each enabled destination that wants its type."""
        for event_id, sequence, event in self.events:
            for destination in destinations:
                if "*" in destination.enabled_events or event.type in destination.enabled_events:
                    self._draft.batch.insert(
                        tables.PendingDelivery,
                        event_id=event_id,
                        destination_id=destination.id,
                        account_id=self._draft.account_id,
                        sequence=sequence,
                        look_at=self._draft.database_now,
                    )

    def _digest(self, shape: dict[str, Any]) -> str:
        """Digest of state and evaluation: a look that leaves it alone writes nothing."""
        state = self._draft.state
        return canonical_digest(
            shape,
            self.evaluation,
            sorted([mark.kind.value, mark.key, mark.at.isoformat(), mark.value] for mark in state.marks),
            sorted(row.id for row in state.evidence),
            sorted([check.id, check.state.value] for check in state.checks),
            sorted([order.id, order.undone_at is None] for order in state.orders),
            sorted([known.capability, known.on] for known in state.acknowledgements),
        )

    def _check_document(self, check: Check, moved_at: datetime | None) -> dict[str, Any]:
        draft = self._draft
        ended = None if check.state.is_open else moved_at
        evidence = [*draft.state.evidence]
        return render_check(
            account_id=draft.account_id,
            livemode=draft.livemode,
            check=check,
            ended_at=ended,
            evidence=evidence,
            next_action=draft.next_actions.get(check.id),
        )

    def _lease(self, check_id: str) -> dict[str, Any]:
        """Columns of a claim made in this transaction."""
        draft = self._draft
        if check_id not in draft.leases or draft.record is None:
            return {}
        lease = draft.leases[check_id]
        return {"lease_until": lease.until, "lease_epoch": draft.record.book_epoch, "lease_run": lease.run}

    def _is_open(self, check_id: str) -> bool:
        return check_id not in self._moved or self._moved[check_id][0].state.is_open

    def _write_answers(self) -> None:
        """Delayed answers of checks that are still open; one that was given meanwhile is evidence already."""
        draft = self._draft
        for check_id, later in self._answers.items():
            if self._is_open(check_id):
                draft.batch.insert(
                    tables.Answer,
                    check_id=check_id,
                    account_id=draft.account_id,
                    answer_at=later.answer_at,
                    ciphertext=draft.seal(check_id, ANSWER, 1, encode_answer(later.answer)),
                )

    def _write_reviews(self) -> None:
        """Open the reviews of checks that went to a person; close those whose check ended without their decision."""
        draft = self._draft
        for check_id, (reason, opened_at) in self._reviews.items():
            if self._is_open(check_id):
                draft.batch.insert(
                    tables.Review,
                    id=new_id("rev_"),
                    account_id=draft.account_id,
                    check_id=check_id,
                    queue=REVIEW_QUEUES.get(reason, GENERAL_QUEUE),
                    reason_code=reason,
                    state=ReviewState.OPEN,
                    opened_at=opened_at,
                )
        for review in draft.record.reviews if draft.record is not None else ():
            changes = dict(draft.review_changes.get(review.id, {}))
            ended = review.check_id is not None and not self._is_open(review.check_id)
            if ended and changes.get("state") != ReviewState.DECIDED:
                changes["state"] = ReviewState.SUPERSEDED
            draft.batch.update(tables.Review, {"id": review.id}, **changes)

    def _store_event(self, event: Event, origin: Origin, as_of: datetime) -> None:
        draft = self._draft
        self.sequence += 1
        event_id = new_id("evt_" if draft.livemode else "evt_test_")
        self.events.append((event_id, self.sequence, event))
        sealed = orjson.dumps({"before": event.before, "after": event.after, "key": origin.idempotency_key})
        draft.batch.insert(
            tables.Event,
            id=event_id,
            account_id=draft.account_id,
            platform_id=draft.platform_id,
            livemode=draft.livemode,
            sequence=self.sequence,
            type=event.type,
            effective_at=as_of,
            related_type=event.related_type,
            related_id=event.related_id,
            request_id=origin.request_id,
            data=event.data,
            sealed=draft.seal(event_id, "event", 1, sealed),
        )

    def _audit(self, origin: Origin, at: datetime, digest: str) -> None:
        """One link of the account's chain: each row's hash covers the row before it."""
        draft = self._draft
        self.audit_count += 1
        fields = [draft.account_id, self.audit_count, at.isoformat(), origin.actor, origin.cause, digest]
        previous = self.audit_head
        self.audit_head = audit_hash(previous, fields)
        draft.batch.insert(
            tables.AuditEntry,
            account_id=draft.account_id,
            position=self.audit_count,
            at=at,
            actor=origin.actor,
            action=origin.cause,
            digest=digest,
            previous=previous,
            hash=self.audit_head,
        )


def with_missed_restricted(evaluation: dict[str, Any], as_of: datetime) -> dict[str, Any]:
    """A stored evaluation with every active capability restricted whose next deadline has passed by then."""
    capabilities = dict(evaluation["capabilities"])
    for name, deadline in evaluation["deadlines"].items():
        if datetime.fromisoformat(deadline) <= as_of and capabilities[name]["status"] == "active":
            details = [{"code": "requirements_past_due", "resolution": "provide_info"}]
            capabilities[name] = {"status": "restricted", "status_details": details}
    return {**evaluation, "capabilities": capabilities}


def audit_hash(previous: str, fields: list[object]) -> str:
    """Hash of one audit row: ``fields`` are account, position, time, actor, action and digest."""
    return hashlib.sha256(orjson.dumps([previous, *fields])).hexdigest()


def encode_answer(answer: Answer) -> bytes:
    """An answer as it is sealed until its time comes."""
    return orjson.dumps(
        [answer.outcome.value, answer.reasons, answer.verifier, answer.verifier_version, answer.occurred_at]
    )


def decode_answer(plain: bytes) -> Answer:
    """The answer that :func:`encode_answer` encoded."""
    outcome, reasons, verifier, version, occurred_at = orjson.loads(plain)
    return Answer(Outcome(outcome), tuple(reasons), verifier, version, datetime.fromisoformat(occurred_at))
