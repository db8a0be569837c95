"""The working copy of an account inside the door: values in plain, and the state made of them.

A draft lives as long as one transaction. Changes work on it; the journal writes what became of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

import orjson

from onboarding import shape as shapes
from onboarding.documents.leaves import EXTERNAL_ACCOUNT
from onboarding.domain.policy import Announced, Policies
from onboarding.domain.reviews import requested, requests_about, target_of, without
from onboarding.domain.settle import Answer, make_evidence
from onboarding.domain.standing import input_digest, is_askable
from onboarding.domain.state import ACCOUNT, Age, Check, CheckState, Evidence, Fact, Person, Shape, State
from onboarding.door.callers import WORKER
from onboarding.door.review_rows import FRONT, ReviewState, review_event
from onboarding.ids import new_id
from onboarding.storage import tables
from onboarding.storage.batch import Batch
from onboarding.validation import requirements_collector

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from onboarding.crypto import AccountKeys
    from onboarding.domain.activations import Activation
    from onboarding.domain.events import Event
    from onboarding.domain.policy import Policy
    from onboarding.domain.state import Acknowledgement, Order, Outcome
    from onboarding.storage.accounts import AccountRecord
    from onboarding.storage.rows import ReviewRow

VALUES = "values"
"""Field group of the values that a caller supplied about a subject."""

DETAIL = "detail"
"""Field group of what a person needs to decide about a piece of evidence, which is the subject."""

NEXT_ACTION = "next_action"
"""Field group of the address where the end user goes on; its subject is the attempt."""

INDIVIDUAL = "individual"
"""Role flag of the person that an individual's account is about; relationship flags are the other roles."""

REVIEWER = "review"
"""Verifier of evidence that a person's decision is."""

BY_PERSON = 0
"""Attempt of such evidence: verifiers' own attempts count from 1, so a late report of theirs is never taken for it."""


@dataclass(slots=True)
class Subject:
    """The account, a person or a bank account with its values in plain; ``version`` is that of the sealed row."""

    id: str
    values: dict[str, Any] = field(repr=False)
    version: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None
    individual: bool = False
    position: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """A claim of a check: until when in the database's time, and for which run of the account.

    ``run`` is None once the check's own run has taken it over: then nobody else may. ``held_for`` names the verifier
    that has too much in hand: then nobody works on the check until it is let go.
    """

    until: datetime
    run: str | None = None
    held_for: str | None = None


class Draft:
    """See the module.

    Attributes:
        as_of: the account's time of this transaction.
        database_now: the database's time, in which leases are kept.
        state: what ``evaluate`` reads; replaced as the transaction goes on.
        account: the account's own values.
        persons: by id, in the order of their creation.
        bank_accounts: by id, the ones that were not deleted.
        attempts: rows of the attempts of open checks.
        batch: rows to be written in the same transaction, beside what the journal writes.
        evidence, checks, reviews: what changes did to checks, for the journal.
        is_shown: the account's own run shows operators what this transaction leaves.
        row_changes: columns of the account's row that a change sets; ``leases`` claims of checks.
        review_changes: columns of existing reviews that a change sets, by the review's id.
        new_reviews: rows of reviews that this transaction opened; ``owes_review_run``: one of them has no run yet.
        moved_reviews: ids of reviews of which people see something else now.
        seen_reviews: ids of reviews whose own run looks: it needs no nudge.
        details: sealed details of new evidence, by its id.
        next_actions: by check, the address where the end user goes on.
        withdrawn: checks that nobody asks a vendor about any more while one works on them: it is to be told.
        ended_attempts: ids of attempts that a change ended.
        told: events of what can't be read off any document, for the journal.
        files: purposes of the files that the change names and the account may use, by id.
        is_told: whether a downstream system must confirm what goes on.
        activations: what it was told, by capability; changed through :meth:`put_activation` alone.
        acknowledged: what it confirmed in this transaction, for the journal.
    """

    def __init__(  # noqa: PLR0913 -- everything a transaction knows
        self,
        *,
        record: AccountRecord | None,
        account_id: str,
        platform_id: str,
        livemode: bool,
        keys: AccountKeys,
        policies: Policies,
        created_at: datetime,
        database_now: datetime,
        as_of: datetime,
        is_told: bool = False,
    ) -> None:
        self.record = record
        self.account_id = account_id
        self.platform_id = platform_id
        self.livemode = livemode
        self.keys = keys
        self.policies = policies
        self.created_at = created_at
        self.database_now = database_now
        self.as_of = as_of
        self.batch = Batch()
        self.account = Subject(ACCOUNT, {})
        self.persons: dict[str, Subject] = {}
        self.bank_accounts: dict[str, Subject] = {}
        self.state = State(account_id)
        self.attempts: list[Any] = []
        self.closed = False
        self.is_shown = False
        self.silent_at: datetime | None = None
        self.row_changes: dict[str, Any] = {}
        self.leases: dict[str, Lease] = {}
        self.review_changes: dict[str, dict[str, Any]] = {}
        self.new_reviews: list[ReviewRow] = []
        self.owes_review_run = False
        self.moved_reviews: list[str] = []
        self.seen_reviews: set[str] = set()
        self.details: dict[str, bytes] = {}
        self.next_actions: dict[str, str] = {}
        self.withdrawn: list[str] = []
        self.ended_attempts: set[str] = set()
        self.told: list[Event] = []
        self.files: Mapping[str, str] = {}
        self.is_told = is_told
        self.activations: dict[str, Activation] = {}
        self.changed_activations: set[str] = set()
        self.acknowledged: list[Acknowledgement] = []
        self.evidence: list[Evidence] = []
        self.checks: dict[str, Check] = {}
        self.reviews: dict[str, str] = {}
        self._dirty: dict[str, Subject] = {}
        self._touched: set[str] = set()
        self._supplied: set[tuple[str, str]] = set()
        self.needs_reshape = record is None
        if record is not None:
            self._read(record)

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self.policies.in_force(self.as_of)

    @property
    def awaits_user(self) -> frozenset[str]:
        """Open checks that wait for the end user: at a verifier's page, or for what a reviewer asked for."""
        return frozenset({*self.next_actions, *requested(self.state.orders)})

    def _read(self, record: AccountRecord) -> None:
        self.state = record.state
        self.closed = record.row.closed_at is not None
        self.silent_at = record.row.silent_at
        self.attempts = list(record.attempts)
        # Where nothing is downstream any more, what is left of it is nobody's to carry on.
        self.activations = dict(record.activations) if self.is_told else {}
        for attempt in record.attempts:
            if attempt.next_action is not None:
                address = self.open(attempt.id, NEXT_ACTION, 1, attempt.next_action)
                self.next_actions[attempt.check_id] = address.decode()
        self.account = self._unsealed(Subject(ACCOUNT, {}))
        for row in record.persons:
            person = Subject(row.id, {}, 0, row.created_at, row.updated_at, row.individual, row.position)
            self.persons[row.id] = self._unsealed(person)
        for bank in record.bank_accounts:
            self.bank_accounts[bank.id] = self._unsealed(Subject(bank.id, {}, 0, bank.created_at))

    def _unsealed(self, subject: Subject) -> Subject:
        sealed = self.record.sealed.get((subject.id, VALUES)) if self.record is not None else None
        if sealed is not None:
            plain = self.open(subject.id, VALUES, sealed.version, sealed.ciphertext)
            subject.values, subject.version = orjson.loads(plain), sealed.version
        return subject

    # --- what changes may do ------------------------------------------------------------------------------------------

    def seal(self, subject: str, group: str, version: int, plain: bytes) -> bytes:
        """Seal bytes under the account's data key, bound to where they belong."""
        return self.keys.seal(plain, account=self.account_id, subject=subject, group=group, version=version)

    def open(self, subject: str, group: str, version: int, sealed: bytes) -> bytes:
        """What :meth:`seal` sealed."""
        return self.keys.open(sealed, account=self.account_id, subject=subject, group=group, version=version)

    def put_account(self, values: dict[str, Any], patch: Mapping[str, Any]) -> None:
        """Replace the account's values; leaves of ``patch`` count as supplied again even if they are the same."""
        self.needs_reshape = True
        self._supplied |= {(ACCOUNT, path) for path in shapes.account_leaves(patch)}
        if values != self.account.values:
            self.account.values = values
            self._dirty[ACCOUNT] = self.account

    def close(self) -> None:
        """Close the account for good."""
        self.needs_reshape = True
        self.closed = True
        self.row_changes["closed_at"] = self.as_of

    def add_person(self, values: dict[str, Any], *, individual: bool = False, person_id: str | None = None) -> Subject:
        """A new person with these values."""
        self.needs_reshape = True
        position = max((person.position for person in self.persons.values()), default=-1) + 1
        person = Subject(person_id or new_id("person_"), values, 0, self.as_of, self.as_of, individual, position)
        self.persons[person.id] = person
        self.batch.insert(
            tables.Person,
            id=person.id,
            account_id=self.account_id,
            individual=individual,
            created_at=self.as_of,
            updated_at=self.as_of,
            position=position,
        )
        self._dirty[person.id] = person
        return person

    def put_person(self, person: Subject, values: dict[str, Any], patch: Mapping[str, Any]) -> None:
        """Replace a person's values."""
        self.needs_reshape = True
        self._supplied |= {(person.id, path) for path in shapes.person_leaves(patch)}
        if values != person.values:
            person.values = values
            person.updated_at = self.as_of
            self._touched.add(person.id)
            self._dirty[person.id] = person

    def delete_person(self, person: Subject) -> None:
        """Delete a person with its values; evidence about it stays."""
        self.needs_reshape = True
        del self.persons[person.id]
        self._dirty.pop(person.id, None)
        self._touched.discard(person.id)
        self.batch.delete(tables.SealedValue, {"account_id": self.account_id, "subject": person.id})
        self.batch.delete(tables.Person, {"id": person.id})

    def add_bank_account(self, values: dict[str, Any], fingerprint: str, bank_id: str) -> Subject:
        """A new bank account to pay out to."""
        self.needs_reshape = True
        bank = Subject(bank_id, values, 0, self.as_of)
        self.bank_accounts[bank.id] = bank
        self.batch.insert(
            tables.BankAccount,
            id=bank.id,
            account_id=self.account_id,
            created_at=self.as_of,
            country=values["country"],
            currency=values["currency"],
            fingerprint=fingerprint,
        )
        self._dirty[bank.id] = bank
        return bank

    def put_bank_account(self, bank: Subject, values: dict[str, Any]) -> None:
        """Replace a bank account's values."""
        self.needs_reshape = True
        if values != bank.values:
            bank.values = values
            self._dirty[bank.id] = bank

    def delete_bank_account(self, bank: Subject) -> None:
        """Delete a bank account with its values; its row stays, for what was paid to it."""
        self.needs_reshape = True
        del self.bank_accounts[bank.id]
        self._dirty.pop(bank.id, None)
        self.batch.delete(tables.SealedValue, {"account_id": self.account_id, "subject": bank.id})
        self.batch.update(tables.BankAccount, {"id": bank.id}, deleted_at=self.as_of)

    def add_vault_bank_account(self, bank_id: str, values: dict[str, Any], fingerprint: str) -> None:
        """A new bank account that the account keeps, and that no rule knows of."""
        self.batch.insert(
            tables.VaultBankAccount,
            id=bank_id,
            account_id=self.account_id,
            created_at=self.as_of,
            country=values["country"],
            currency=values["currency"],
            fingerprint=fingerprint,
        )
        self._dirty[bank_id] = Subject(bank_id, values)

    def vault_bank_account(self, bank_id: str) -> Subject:
        """A kept bank account with its values."""
        return self._unsealed(Subject(bank_id, {}))

    def put_vault_bank_account(self, bank: Subject, values: dict[str, Any], fingerprint: str) -> None:
        """Replace a kept bank account's values."""
        bank.values = values
        self._dirty[bank.id] = bank
        self.batch.update(tables.VaultBankAccount, {"id": bank.id}, fingerprint=fingerprint)

    @property
    def emails(self) -> list[str]:
        """All email addresses of the account and its persons. Never log them."""
        merchant = (self.account.values.get("configuration") or {}).get("merchant") or {}
        found = [self.account.values.get("contact_email"), (merchant.get("support") or {}).get("email")]
        found += [person.values.get("email") for person in self.persons.values()]
        return [email for email in found if email]

    def hasten(self) -> None:
        """Let what is announced to the account bind it from now on."""
        ahead = self.policies.ahead(self.as_of)
        if ahead is not None:
            self.policies = Policies(self.policy, Announced(ahead.policy, self.as_of))

    def put_activation(self, activation: Activation) -> None:
        """Replace what is known of the telling of one capability."""
        self.activations[activation.capability] = activation
        self.changed_activations.add(activation.capability)

    def is_acknowledged(self, capability: str) -> bool:
        """Whether a capability counts as on."""
        return any(known.on for known in self.state.acknowledgements if known.capability == capability)

    def acknowledge(self, capability: str) -> None:
        """The downstream system has confirmed that a capability is on."""
        self.state = self.state.acknowledge(capability, on=True, at=self.as_of)
        self.acknowledged.append(self.state.acknowledgements[-1])

    def check(self, check_id: str) -> Check | None:
        """An open check by its id."""
        return next((check for check in self.state.checks if check.id == check_id and check.state.is_open), None)

    def put_check(self, check: Check) -> None:
        """Replace an open check by what became of it; a closed state ends it."""
        self.checks[check.id] = check
        checks = (check if known.id == check.id else known for known in self.state.checks)
        self.state = replace(self.state, checks=tuple(known for known in checks if known.state.is_open))
        if not check.state.is_open:
            self.end_orders(requests_about(self.state, check.id))

    def end_orders(self, orders: Iterable[Order]) -> None:
        """Orders that have come to their end by themselves."""
        for order in orders:
            self.batch.update(tables.Order, {"id": order.id}, undone_at=self.as_of, undone_by=WORKER)
        self.state = without(self.state, orders)

    def move_review(self, review: ReviewRow, **changes: Any) -> None:
        """Change columns of an existing review."""
        self.review_changes.setdefault(review.id, {}).update(changes)

    def answer(self, check: Check, answer: Answer, *, attempt: int = 1, contested: bool = False) -> None:
        """Record what a verifier said about a check: a decisive answer concludes it, any other sends it to a review.

        Where a person has decided about the same finding before, that decision is repeated instead. A check that is
        closed keeps the answer as late evidence.
        """
        kind = self.policy.checks.get(check.kind)
        made = make_evidence(new_id("evid_"), check, answer, kind, self.as_of)
        evidence = replace(made, attempt=attempt, contested=contested)
        self.evidence.append(evidence)
        if answer.detail is not None:
            self.details[evidence.id] = self.seal(evidence.id, DETAIL, 1, orjson.dumps(answer.detail))
        self.state = replace(self.state, evidence=(*self.state.evidence, evidence))
        if not check.state.is_open:
            return
        if answer.outcome.is_decisive:
            self.put_check(replace(check, state=CheckState.CONCLUDED, answer_at=None, retry_at=None, deadline_at=None))
        elif (decided := self._decided_about(evidence)) is not None:
            self.decide(check, decided.outcome, decided.reasons, decided.basis)
        else:
            self.open_review(check, answer.reasons[0] if answer.reasons else answer.outcome.value)

    def decide(self, check: Check, outcome: Outcome, reasons: tuple[str, ...], basis: str | None) -> None:
        """Record a person's decision about a check. It is the latest word: verifiers' times never lie ahead of now."""
        self.answer(check, Answer(outcome, reasons, REVIEWER, "1", self.as_of, basis), attempt=BY_PERSON)

    def _decided_about(self, found: Evidence) -> Evidence | None:
        """A person's newest decision about the same question, if it was about the same finding."""
        if found.basis is None:
            return None
        question = (found.kind, found.subject, found.digest)
        decisions = [
            row
            for row in self.state.evidence
            if row.verifier == REVIEWER and (row.kind, row.subject, row.digest) == question
        ]
        newest = max(decisions, key=lambda row: (row.occurred_at, row.recorded_at, row.id), default=None)
        return newest if newest is not None and newest.basis == found.basis else None

    def open_review(self, check: Check, reason_code: str) -> None:
        """Give an open check to a person."""
        if check.state.is_open and check.state is not CheckState.IN_REVIEW:
            self.put_check(replace(check, state=CheckState.IN_REVIEW, answer_at=None, retry_at=None, deadline_at=None))
            self.reviews[check.id] = reason_code

    def put_next_action(self, check_id: str, attempt_id: str, address: str | None) -> bytes | None:
        """Where the end user goes on with a check, None for nowhere; answers the attempt's sealed column."""
        if address is None:
            self.next_actions.pop(check_id, None)
            return None
        self.next_actions[check_id] = address
        return self.seal(attempt_id, NEXT_ACTION, 1, address.encode())

    def inputs(self, kind: str, subject: str, at: datetime | None = None) -> dict[str, str]:
        """Normalised plaintext of a check kind's inputs, as the values are now. Never log it.

        ``at`` is the instant of the look that asks, where it is not now.
        """
        definition = self.policies.in_force(at or self.as_of).checks[kind]
        leaves = self._leaves(subject)
        inputs = {path: leaves[path] for path in definition.inputs if path in leaves}
        for flag, paths in definition.persons:
            for person in self.state.shape.persons:
                theirs = self._leaves(person.id) if flag in person.roles else {}
                inputs |= {f"{flag}.{person.id}.{path}": theirs[path] for path in paths if path in theirs}
        return inputs

    def current_digest(self, kind: str, subject: str) -> str | None:
        """The digest that a check of this kind would have now; None where it can't be asked."""
        definition = self.policy.checks[kind]
        facts = self._facts(subject)
        if not is_askable(definition, facts):
            return None
        return input_digest(definition, facts, self.state.shape.persons)

    def flush(self) -> None:
        """Add the rows of changed values to the batch; called once, before the batch is applied."""
        for subject in self._dirty.values():
            subject.version += 1
            plain = orjson.dumps(subject.values)
            self.batch.upsert(
                tables.SealedValue,
                account_id=self.account_id,
                subject=subject.id,
                field_group=VALUES,
                version=subject.version,
                ciphertext=self.seal(subject.id, VALUES, subject.version, plain),
            )
        for person_id in self._touched:
            self.batch.update(tables.Person, {"id": person_id}, updated_at=self.persons[person_id].updated_at)

    # --- the shape ----------------------------------------------------------------------------------------------------

    def reshape(self) -> None:
        """Make the shape anew if values changed; a leaf that is unchanged keeps the time it was supplied at.

        Only then: what time does to a shape is the evaluator's to say, or the same account looked at more often would
        have another history.
        """
        if not self.needs_reshape:
            return
        self.needs_reshape = False
        values = self.account.values
        identity = values.get("identity") or {}
        responsibilities = (values.get("defaults") or {}).get("responsibilities") or {}
        attributes = {
            "country": identity.get("country"),
            "entity_type": identity.get("entity_type"),
            "structure": (identity.get("business_details") or {}).get("structure"),
            "dashboard": values.get("dashboard"),
            "fees_collector": responsibilities.get("fees_collector"),
            "losses_collector": responsibilities.get("losses_collector"),
            "requirements_collector": requirements_collector(values),
        }
        old = self.state.shape
        old_persons = {person.id: person for person in old.persons}
        leaves = self._leaves(ACCOUNT)
        persons = []
        for subject in sorted(self.persons.values(), key=lambda person: person.position):
            known = old_persons.get(subject.id)
            born = shapes.birth_date(subject.values)
            persons.append(
                Person(
                    id=subject.id,
                    roles=frozenset(shapes.roles(subject.values) | ({INDIVIDUAL} if subject.individual else set())),
                    facts=self._made_facts(subject.id, self._leaves(subject.id), known.facts if known else {}),
                    percent=shapes.percent_ownership(subject.values),
                    age=self._age(born) if born else None,
                )
            )
        self.state = replace(
            self.state,
            shape=Shape(
                attributes={name: value for name, value in attributes.items() if value},
                facts=self._made_facts(ACCOUNT, leaves, old.facts),
                persons=tuple(persons),
                requested=frozenset(shapes.requested_capabilities(values)),
                closed=self.closed,
                activity=old.activity,
            ),
        )
        self._supplied.clear()
        if self.state.orders:
            self._take_information(old)

    def _take_information(self, old: Shape) -> None:
        """What was asked for by a reviewer and is supplied now ends its order; the last one opens the review again.

        A fact that is the same object was not supplied again: on a test clock that stands still no time tells it.
        """
        for check in self.state.checks:
            asked = requests_about(self.state, check.id)
            before, now = _facts_of(old, check.subject), self._facts(check.subject)
            supplied = {target_of(check.id, path) for path, fact in now.items() if before.get(path) is not fact}
            answered = [order for order in asked if order.target in supplied]
            self.end_orders(answered)
            if answered and len(answered) == len(asked):
                self._open_again(check)

    def _open_again(self, check: Check) -> None:
        rows = self.record.reviews if self.record is not None else ()
        for review in rows:
            if review.check_id == check.id and review.state == ReviewState.WAITING:
                sla = self.policy.queue_named(review.queue).sla
                sla_at = self.as_of + sla if sla is not None else None
                self.move_review(review, state=ReviewState.OPEN, priority=FRONT, sla_at=sla_at)
                self.told.append(review_event("information_supplied", self.account_id, review.id))

    def _made_facts(self, subject: str, leaves: Mapping[str, str], old: Mapping[str, Fact]) -> dict[str, Fact]:
        facts = {}
        for path, value in sorted(leaves.items()):
            digest = self.keys.digest(path, value)
            known = old.get(path)
            same = known is not None and known.digest == digest and (subject, path) not in self._supplied
            facts[path] = known if same and known is not None else Fact(digest, self.as_of)
        return facts

    def _age(self, born: date) -> Age:
        """The age limits still ahead; a person born on 29 February reaches them on 1 March of a common year."""
        ahead = []
        for years in self.policy.age_limits:
            year = born.year + years
            try:
                day = born.replace(year=year)
            except ValueError:
                day = born.replace(year=year, month=3, day=1)
            instant = datetime.combine(day, time(), UTC)
            if instant > self.as_of:
                ahead.append((years, instant))
        return Age(tuple(ahead))

    def _leaves(self, subject: str) -> dict[str, str]:
        if subject == ACCOUNT:
            leaves = shapes.account_leaves(self.account.values)
            if self.bank_accounts:
                banks = {bank.id: bank.values for bank in self.bank_accounts.values()}
                leaves[EXTERNAL_ACCOUNT] = shapes.bank_accounts_leaf(banks)
            return leaves
        country = (self.account.values.get("identity") or {}).get("country")
        return shapes.person_leaves(self.persons[subject].values, region=country)

    def _facts(self, subject: str) -> Mapping[str, Fact]:
        return _facts_of(self.state.shape, subject)


def _facts_of(shape: Shape, subject: str) -> Mapping[str, Fact]:
    if subject == ACCOUNT:
        return shape.facts
    return next((person.facts for person in shape.persons if person.id == subject), {})
