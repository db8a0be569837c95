"""Accounts as values, a world that answers what a test says, and stories that pass through time as the door does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from onboarding.catalogue import builtin_policy
from onboarding.domain.demands import CheckDue
from onboarding.domain.evaluate import ActivationDue, Evaluation
from onboarding.domain.policy import Policies
from onboarding.domain.requirements import future_requirements, requirements
from onboarding.domain.settle import Answer, Later, play, settle
from onboarding.domain.state import ACCOUNT, Age, Evidence, Fact, Mark, Order, OrderKind, Outcome, Person, Shape, State

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
BUILTIN = Policies(builtin_policy())

CARD = "merchant.card_payments"
CARD_PAYOUTS = "merchant.stripe_balance.payouts"
TRANSFERS = "recipient.stripe_balance.stripe_transfers"
TRANSFER_PAYOUTS = "recipient.stripe_balance.payouts"

NAME = ("given_name", "surname")
BIRTH_DATE = ("date_of_birth.day", "date_of_birth.month", "date_of_birth.year")
ADDRESS = ("address.line1", "address.city", "address.state", "address.postal_code")
SSN_LAST_4 = "id_numbers.us_ssn_last_4"
SSN = "id_numbers.us_ssn"
DOCUMENT = "documents.primary_verification"
PERSON = (*NAME, *BIRTH_DATE, *ADDRESS, "email", "phone", SSN_LAST_4)
REPRESENTATIVE = (*PERSON, "relationship.title", "relationship.executive")

EIN = "identity.business_details.id_numbers.us_ein"
TAX_DOCUMENT = "identity.business_details.documents.company_tax_id_verification"
OWNERS_PROVIDED = "identity.attestations.persons_provided.owners"
TERMS_DATE = "identity.attestations.terms_of_service.account.date"
TERMS_IP = "identity.attestations.terms_of_service.account.ip"
MCC = "configuration.merchant.mcc"
URL = "defaults.profile.business_url"
DESCRIPTOR = "configuration.merchant.statement_descriptor.descriptor"
EXTERNAL_ACCOUNT = "external_account"
ENTITY = (MCC, URL, DESCRIPTOR, TERMS_DATE, TERMS_IP, EXTERNAL_ACCOUNT)
BUSINESS = "identity.business_details"
BUSINESS_ADDRESS = tuple(f"{BUSINESS}.{leaf}" for leaf in ADDRESS)
COMPANY = (*ENTITY, f"{BUSINESS}.registered_name", *BUSINESS_ADDRESS, f"{BUSINESS}.phone", OWNERS_PROVIDED)


def facts(paths: Iterable[str], value: str = "1", at: datetime = START) -> dict[str, Fact]:
    return {path: Fact(f"{path}={value}", at) for path in paths}


def person(
    name: str, roles: str, leaves: Iterable[str] = (), *, percent: int | None = None, age: Age | None = None
) -> Person:
    share = None if percent is None else Decimal(percent)
    return Person(name, frozenset(roles.split()), facts(leaves), share, age)


def individual(leaves: Iterable[str] = PERSON, *, account: Iterable[str] = ENTITY, age: Age | None = None) -> Shape:
    return Shape(
        attributes={"country": "US", "entity_type": "individual"},
        facts=facts(account),
        persons=(person("person_i", "individual", leaves, age=age),),
        requested=frozenset({CARD}),
    )


def company(*persons: Person, account: Iterable[str] = (*COMPANY, EIN)) -> Shape:
    return Shape(
        attributes={"country": "US", "entity_type": "company"},
        facts=facts(account),
        persons=persons or (person("person_r", "representative", REPRESENTATIVE),),
        requested=frozenset({CARD}),
    )


def requesting(shape: Shape, *capabilities: str) -> Shape:
    return replace(shape, requested=frozenset(capabilities))


@dataclass(frozen=True)
class Said:
    """What the world says to a question; ``after`` None says it at once. No outcome: nobody answers inside a look."""

    outcome: Outcome | None
    reasons: tuple[str, ...] = ()
    after: timedelta | None = None


PASSES = Said(Outcome.PASSED)
SILENT = Said(None)


def fails(*reasons: str, after: timedelta | None = None) -> Said:
    return Said(Outcome.FAILED, reasons, after)


@dataclass
class World:
    """Surroundings that answer from a table, by (kind, subject) or by kind, or by a function; ids count up."""

    answers: dict[str | tuple[str, str], Said] = field(default_factory=dict)
    otherwise: Callable[[CheckDue], Said] = lambda _: PASSES
    confirms: bool = True
    asked: list[CheckDue] = field(default_factory=list)
    _sealed: dict[str, Answer] = field(default_factory=dict)
    _numbers: Any = field(default_factory=count)
    _last_check: str = ""

    def mint(self, prefix: str) -> str:
        minted = f"{prefix}{next(self._numbers):05d}"
        if prefix.startswith("check"):
            self._last_check = minted
        return minted

    def ask(self, due: CheckDue, as_of: datetime) -> Answer | Later | None:
        self.asked.append(due)
        said = self.answers.get((due.kind, due.subject)) or self.answers.get(due.kind) or self.otherwise(due)
        if said.outcome is None:
            return None
        if said.after is None:
            return Answer(said.outcome, said.reasons, "world", "1", as_of)
        answer = Answer(said.outcome, said.reasons, "world", "1", as_of + said.after)
        self._sealed[self._last_check] = answer
        return Later(as_of + said.after, answer)

    def stored_answer(self, check_id: str) -> Answer:
        return self._sealed[check_id]

    def acknowledges(self, due: ActivationDue) -> bool:
        del due
        return self.confirms


class Story:
    """An account living through time: before a change, the looks that time owed are played."""

    def __init__(self, shape: Shape, world: World | None = None, policies: Policies = BUILTIN) -> None:
        self.world = world or World()
        self.policies = policies
        self.now = START
        self.state = State("acct_1", shape)
        self._settle()

    def _settle(self) -> None:
        step = settle(self.policies, self.state, self.now, self.world)
        self.state, self.evaluation = step.state, step.evaluation

    def wait(self, delta: timedelta) -> Story:
        self.now += delta
        for step in play(self.policies, self.state, self.evaluation.wake_at, self.now, self.world):
            self.state, self.evaluation = step.state, step.evaluation
        self._settle()
        return self

    def wait_until(self, instant: datetime) -> Story:
        return self.wait(instant - self.now)

    def change(self, **parts: Any) -> Story:
        self.state = replace(self.state, **parts)
        self._settle()
        return self

    def change_shape(self, **parts: Any) -> Story:
        return self.change(shape=replace(self.state.shape, **parts))

    def supply(self, *paths: str, of: str = ACCOUNT, value: str = "1") -> Story:
        return self._on_facts(of, lambda known: {**known, **facts(paths, value, self.now)})

    def unset(self, *paths: str, of: str = ACCOUNT) -> Story:
        return self._on_facts(of, lambda known: {path: fact for path, fact in known.items() if path not in paths})

    def _on_facts(self, of: str, edit: Callable[[Mapping[str, Fact]], dict[str, Fact]]) -> Story:
        shape = self.state.shape
        if of == ACCOUNT:
            return self.change_shape(facts=edit(shape.facts))
        assert of in {one.id for one in shape.persons}
        return self.change_shape(
            persons=tuple(replace(one, facts=edit(one.facts)) if one.id == of else one for one in shape.persons)
        )

    def order(self, kind: OrderKind, reason: str = "other", **parts: Any) -> Story:
        name = f"ord_{len(self.state.orders)}"
        return self.change(orders=(*self.state.orders, Order(name, kind, reason, "ops", self.now, **parts)))

    def undo_orders(self) -> Story:
        return self.change(orders=tuple(replace(order, undone_at=self.now) for order in self.state.orders))

    def report(self, kind: str, outcome: Outcome, *reasons: str, subject: str | None = None) -> Story:
        """Evidence for every open or answered question of ``kind``, as a late report would bring it."""
        digests = {(due.subject, due.digest) for due in self.world.asked if due.kind == kind}
        new = tuple(
            Evidence(
                f"evid_late_{len(self.state.evidence)}_{place}", f"check_late_{place}", kind, about, digest, outcome,
                reasons, "world", "1", self.now, self.now,
            )
            for place, (about, digest) in enumerate(sorted(digests))
            if subject in (None, about)
        )  # fmt: skip
        assert new, "nothing of that kind was asked"
        return self.change(evidence=(*self.state.evidence, *new))

    @property
    def document(self) -> dict[str, Any]:
        return requirements("acct_1", self.evaluation)

    @property
    def future(self) -> dict[str, Any]:
        return future_requirements("acct_1", self.evaluation)

    @property
    def summary(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.document["summary"]["minimum_deadline"]
        return found

    @property
    def due(self) -> dict[str, str]:
        """Strictest status by description, with the person in front where an entry refers to one."""
        return {_label(entry): entry["minimum_deadline"]["status"] for entry in self.document["entries"]}

    @property
    def alternatives(self) -> list[tuple[list[str], list[list[str]]]]:
        return [
            (
                [_label(entry) for entry in one["original_entries"]],
                [[_label(entry) for entry in option["entries"]] for option in one["options"]],
            )
            for one in self.document["alternatives"]
        ]

    def errors(self, label: str) -> list[str]:
        return [error["code"] for error in self.entry(label)["errors"]]

    def entry(self, label: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = [entry for entry in self.document["entries"] if _label(entry) == label]
        assert len(found) == 1, f"{label} stands {len(found)} times"
        return found[0]

    @property
    def capabilities(self) -> dict[str, str]:
        return statuses(self.evaluation)

    @property
    def open_checks(self) -> list[tuple[str, str, str]]:
        return sorted((check.kind, check.subject, check.state.value) for check in self.state.checks)

    def marks(self) -> set[tuple[str, str, datetime, str]]:
        return mark_set(self.state.marks)


def mark_set(marks: Iterable[Mark]) -> set[tuple[str, str, datetime, str]]:
    return {(mark.kind.value, mark.key, mark.at, mark.value) for mark in marks}


def statuses(evaluation: Evaluation) -> dict[str, str]:
    """``active``, or status/code/resolution."""
    return {
        name: "/".join(part for part in (status.status, status.code, status.resolution) if part)
        for name, status in evaluation.capabilities.items()
    }


def _label(entry: Mapping[str, Any]) -> str:
    reference = entry["reference"]
    return f"{reference['resource']}:{entry['description']}" if reference else str(entry["description"])
