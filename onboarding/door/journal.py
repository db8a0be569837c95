"""What one transaction of the door writes: the steps of its looks as versions, events, audit rows and child rows."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from onboarding.domain.activations import Activation
from onboarding.domain.evaluate import EVALUATOR_VERSION
from onboarding.domain.events import Documents, changes
from onboarding.domain.policy import QUALITY_QUEUE
from onboarding.domain.reviews import is_sampled
from onboarding.domain.settle import Answer
from onboarding.domain.state import CheckState, Outcome
from onboarding.door.callers import WORKER
from onboarding.door.draft import BY_PERSON, REVIEWER
from onboarding.door.render import EMPTY_EVALUATION, canonical_digest, documents, encode_evaluation, render_check
from onboarding.door.review_rows import LATE, SAMPLED, ReviewState, awaits_decision, moved, review_event
from onboarding.ids import new_id
from onboarding.storage import tables
from onboarding.storage.rows import ReviewRow
from onboarding.storage.shapes import encode_inputs, encode_shape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onboarding.domain.events import Event
    from onboarding.domain.policy import ReviewQueue
    from onboarding.domain.settle import Later, Step
    from onboarding.domain.state import Acknowledgement, Check, Evidence, Mark
    from onboarding.door.draft import Draft
    from onboarding.storage.rows import DestinationRow

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
        self._wake_at: datetime | None = row.wake_at if row else None
        self.shape: dict[str, Any] = row.shape if row else {}
        self._checks = {check.id: self._check_document(check, None) for check in draft.state.checks}
        self._documents = documents(draft, self.evaluation, dict(self._checks)) if row else Documents()
        self._marks: list[tuple[Mark, int]] = []
        self._evidence: list[tuple[Evidence, int]] = []
        self._opened: dict[str, Check] = {}
        self._moved: dict[str, tuple[Check, datetime]] = {}
        self._answers: dict[str, Later] = {}
        self._reviews = draft.new_reviews
        self._acknowledgements: dict[str, Acknowledgement] = {}

    @property
    def documents(self) -> Documents:
        """Everything that can be read after the last step."""
        return self._documents

    def add(self, step: Step, origin: Origin, *, changed: bool) -> None:
        """Take one look into the journal. ``changed`` writes an audit row even if nothing that is decided changed."""
        draft = self._draft
        self._escalate(step.as_of)
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
        for order_id in step.orders_ended:
            draft.batch.update(tables.Order, {"id": order_id}, undone_at=step.as_of, undone_by=WORKER)
        self._open_reviews(reviews, new_evidence, step.as_of)
        self.evaluation = encode_evaluation(draft.account_id, step.evaluation)
        self._wake_at = step.evaluation.wake_at
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
    def wake_at(self) -> datetime | None:
        """When time alone changes something: what is decided, or that a review is late."""
        late = [row.sla_at for row in self._standing_reviews() if awaits_decision(row)]
        return min((instant for instant in (self._wake_at, *late) if instant is not None), default=None)

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
        return {
            "lease_until": lease.until,
            "lease_epoch": draft.record.book_epoch,
            "lease_run": lease.run,
            "held_for": lease.held_for,
        }

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

    # --- reviews ------------------------------------------------------------------------------------------------------

    def _open_reviews(self, reasons: dict[str, str], evidence: Iterable[Evidence], as_of: datetime) -> None:
        """Reviews of checks that went to a person, and of some that passed without one."""
        policy = self._draft.policies.in_force(as_of)
        for check_id, reason in reasons.items():
            queue = policy.queue_of(self._kind_of(check_id))
            self._reviews.append(self._new_review(check_id, reason, queue, as_of))
        for row in evidence:
            passed = row.outcome is Outcome.PASSED and row.attempt != BY_PERSON and row.verifier != REVIEWER
            concluded = row.check_id in self._moved and self._moved[row.check_id][0].state is CheckState.CONCLUDED
            if passed and concluded and is_sampled(row.check_id, policy.queue_of(row.kind).sample_share):
                queue = policy.queue_named(QUALITY_QUEUE.name)
                self._reviews.append(self._new_review(row.check_id, SAMPLED, queue, as_of))

    def _new_review(self, check_id: str, reason: str, queue: ReviewQueue, opened_at: datetime) -> ReviewRow:
        return ReviewRow(
            id=new_id("rev_"), account_id=self._draft.account_id, check_id=check_id, queue=queue.name,
            reason_code=reason, state=ReviewState.OPEN, opened_at=opened_at,
            sla_at=opened_at + queue.sla if queue.sla is not None else None, look_at=self._draft.database_now,
            claimed_by=None, decided_at=None, decision=None, priority=queue.priority, assignee=None,
            claimed_reviewer=None, claimed_until=None, escalated_at=None, proposals=[],
        )  # fmt: skip

    def _kind_of(self, check_id: str) -> str:
        if check_id in self._moved:
            return self._moved[check_id][0].kind
        return next((row.kind for row in self._draft.state.evidence if row.check_id == check_id), "")

    def _standing_reviews(self) -> list[ReviewRow]:
        """The account's undecided reviews as this transaction leaves them."""
        draft = self._draft
        known = draft.record.reviews if draft.record is not None else ()
        rows = [
            moved(
                row,
                draft.review_changes.get(row.id, {}),
                has_ended=row.check_id is not None and not self._is_open(row.check_id),
            )
            for row in known
        ]
        return rows + [row for row in self._reviews if row.reason_code == SAMPLED or self._is_open(row.check_id or "")]

    def _escalate(self, until: datetime) -> None:
        """Tell of reviews whose SLA has run out by then, each at its own instant, whenever somebody looks."""
        draft = self._draft
        opened = {row.id: place for place, row in enumerate(self._reviews)}
        late = [row for row in self._standing_reviews() if awaits_decision(row) and row.sla_at and row.sla_at <= until]
        for row in sorted(late, key=lambda row: (row.sla_at or until, row.id)):
            at = row.sla_at or until
            if row.id in opened:
                self._reviews[opened[row.id]] = replace(row, escalated_at=at, priority=LATE)
            else:
                draft.review_changes.setdefault(row.id, {}).update(escalated_at=at, priority=LATE)
            origin = Origin("review.escalated", WORKER)
            self._store_event(review_event("escalated", draft.account_id, row.id, queue=row.queue), origin, at)
            self._audit(origin, at, canonical_digest(self.digest, self._documents.account))
            self.wrote = True

    def _write_reviews(self) -> None:
        """Open the reviews of checks that went to a person; close those whose check ended without their decision."""
        draft = self._draft
        known = {row.id: row for row in (draft.record.reviews if draft.record is not None else ())}
        for row in self._standing_reviews():
            before = known.get(row.id)
            if before is None:
                draft.batch.insert(tables.Review, **asdict(row))
                draft.owes_review_run = (
                    draft.owes_review_run or (row.look_at or draft.database_now) <= draft.database_now
                )
                continue
            names = [field.name for field in fields(ReviewRow)]
            changes = {name: getattr(row, name) for name in names if getattr(row, name) != getattr(before, name)}
            is_moved = bool(changes.keys() - {"look_at"}) and row.id not in draft.seen_reviews
            if is_moved:
                draft.moved_reviews.append(row.id)
            has_run = before.look_at is not None and before.look_at > draft.database_now
            if (is_moved and has_run) or not ReviewState(row.state).is_open:
                # Its run shows what is no longer so, and whoever is to tell it may die, or find nobody.
                changes["look_at"] = draft.database_now
            draft.batch.update(tables.Review, {"id": row.id}, **changes)

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
