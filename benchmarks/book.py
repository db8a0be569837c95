"""A book of generated accounts, copied into the tables without the door: as many as wanted, in seconds.

An account is one of a few lives, told by the same functions as in the door: who is asked supplies it, checks pass or
fail. Its rows are those that the door would have left of what decides; what is sealed, told or audited is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count, islice
from typing import TYPE_CHECKING, Any

import asyncpg
import orjson

from onboarding.catalogue.loader import builtin_bytes, builtin_policy
from onboarding.domain.demands import Cause
from onboarding.domain.evaluate import EVALUATOR_VERSION
from onboarding.domain.policy import Policies
from onboarding.domain.settle import Answer, play, settle
from onboarding.domain.state import ACCOUNT, Evidence, Fact, Outcome, Person, Shape, State
from onboarding.door.render import encode_evaluation
from onboarding.storage.shapes import encode_shape

if TYPE_CHECKING:
    from onboarding.domain.demands import CheckDue
    from onboarding.domain.evaluate import ActivationDue, Evaluation

NOW = datetime(2026, 11, 1, tzinfo=UTC)
"""When every account was looked at last."""

PLATFORM = "plat_benchmark"
BATCH = 2000
_MAX_FORMS = 6


@dataclass
class Answering:
    """A world in which every check but those of some kinds passes at once."""

    failing: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self._numbers = count()

    def mint(self, prefix: str) -> str:
        """The next id."""
        return f"{prefix}{next(self._numbers):04d}"

    def ask(self, due: CheckDue, as_of: datetime) -> Answer:
        """A pass or a failure."""
        if due.kind in self.failing:
            reasons = ("verification_failed_keyed_identity",)
            return Answer(Outcome.FAILED, reasons, "benchmark", "1", as_of)
        return Answer(Outcome.PASSED, (), "benchmark", "1", as_of)

    def stored_answer(self, check_id: str) -> Answer:
        """Nothing is ever answered later."""
        raise LookupError(check_id)

    def acknowledges(self, due: ActivationDue) -> bool:  # noqa: ARG002 -- everything is confirmed
        """At once."""
        return True


@dataclass(frozen=True)
class Life:
    """One account as it stands, to be copied under many ids."""

    state: State
    evaluation: Evaluation


def lives() -> dict[str, tuple[int, Life]]:
    """What kinds of account there are, each with its share in hundred."""
    return {
        "individual at rest": (45, _told(_individual())),
        "individual in its first form": (12, _told(_individual(), is_complete=False)),
        "individual that lost a value, deadline running": (6, _told(_individual(), lost="email")),
        "individual whose identity failed": (5, _told(_individual(), failing=frozenset({"keyed_identity"}))),
        "closed individual": (4, _told(_individual(), closed=True)),
        "company of one person": (12, _told(_company(1))),
        "company of two persons": (8, _told(_company(2))),
        "company of four persons": (4, _told(_company(4))),
        "company in its first form": (4, _told(_company(1), is_complete=False)),
    }


def _individual() -> Shape:
    person = Person("person_0000", frozenset({"individual"}))
    attributes = {"country": "US", "entity_type": "individual", "dashboard": "none"}
    return Shape(attributes, {}, (person,), _requested())


def _company(persons: int) -> Shape:
    share = Decimal(100) / persons
    people = [Person(f"person_{place:04d}", frozenset({"owner"}), {}, share) for place in range(persons)]
    people[0] = replace(people[0], roles=people[0].roles | {"representative"})
    attributes = {"country": "US", "entity_type": "company", "structure": "llc", "dashboard": "none"}
    return Shape(attributes, {}, tuple(people), _requested())


def _requested() -> frozenset[str]:
    return frozenset(name for name, one in builtin_policy().capabilities.items() if not one.granted_with)


def _told(
    shape: Shape,
    *,
    is_complete: bool = True,
    lost: str | None = None,
    failing: frozenset[str] = frozenset(),
    closed: bool = False,
) -> Life:
    """The life of an account that supplies what it is asked for, or every other leaf of it, and no more."""
    policies, world = Policies(builtin_policy()), Answering(failing)
    at = NOW - timedelta(days=200)
    step = settle(policies, State("acct_0", shape), at, world)
    for _ in range(_MAX_FORMS if is_complete else 1):
        state = step.state
        missing = [demand.opening for demand in step.evaluation.demands if demand.opening.cause is Cause.MISSING]
        for opening in missing if is_complete else missing[::2]:
            for path, _errors in opening.entries:
                state = _with(state, opening.subject.id, path, Fact(_digest(path), at))
        if state == step.state:
            break
        at += timedelta(minutes=10)
        step = settle(policies, state, at, world)
    at = NOW - timedelta(days=10)
    state = step.state
    if lost is not None:
        shape = state.shape
        person = shape.persons[0]
        kept = {path: fact for path, fact in person.facts.items() if path != lost}
        state = replace(state, shape=replace(shape, persons=(replace(person, facts=kept), *shape.persons[1:])))
    if closed:
        state = replace(state, shape=replace(state.shape, closed=True))
    step = settle(policies, state, at, world)
    for later in play(policies, step.state, step.evaluation.wake_at, NOW, world):
        step = later
    return Life(step.state, step.evaluation)


def _with(state: State, subject: str, path: str, fact: Fact) -> State:
    shape = state.shape
    if subject in (ACCOUNT, ""):
        return replace(state, shape=replace(shape, facts={**shape.facts, path: fact}))
    persons = tuple(
        replace(one, facts={**one.facts, path: fact}) if one.id == subject else one for one in shape.persons
    )
    return replace(state, shape=replace(shape, persons=persons))


def _digest(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()[:32]


# --- rows -------------------------------------------------------------------------------------------------------------


class _Rows:
    """Rows of one kind of account under any number."""

    def __init__(self, life: Life) -> None:
        self._state, evaluation = life.state, life.evaluation
        self._shape = orjson.dumps(encode_shape(self._state.shape)).decode()
        self._evaluation = orjson.dumps(encode_evaluation("acct_0", evaluation)).decode()
        self._wake_at = evaluation.wake_at

    def account(self, name: str, own: Callable[[str], str]) -> dict[str, Any]:
        return {
            "id": name,
            "platform_id": PLATFORM,
            "livemode": True,
            "created_at": NOW,
            "updated_at": NOW,
            "country": "US",
            "configurations": ["merchant", "recipient"],
            "shape": own(self._shape),
            "evaluation": own(self._evaluation),
            "policy_hash": builtin_policy().hash,
            "evaluator_version": EVALUATOR_VERSION,
            "version": 1,
            "event_sequence": 0,
            "audit_count": 0,
            "look_tries": 0,
            "reminders": 0,
            "run_epoch": 0,
            "last_as_of": NOW,
            "wake_at": self._wake_at,
            "data_key": b"no key",
            "digest_key": b"no key",
        }

    def persons(self, name: str, own: Callable[[str], str]) -> Iterator[dict[str, Any]]:
        for place, person in enumerate(self._state.shape.persons):
            row = {"created_at": NOW, "updated_at": NOW, "position": place, "individual": "individual" in person.roles}
            yield {"id": own(person.id), "account_id": name, **row}

    def evidence(self, name: str, own: Callable[[str], str]) -> Iterator[dict[str, Any]]:
        for row in self._state.evidence:
            known = {field.name: getattr(row, field.name) for field in fields(Evidence)}
            known |= {"id": own(row.id), "check_id": own(row.check_id), "subject": own(row.subject)}
            known |= {"outcome": row.outcome.value, "reasons": list(row.reasons)}
            yield {**known, "account_id": name, "version": 1}

    def checks(self, name: str, own: Callable[[str], str]) -> Iterator[dict[str, Any]]:
        for row in self._state.evidence:
            yield {
                "id": own(row.check_id),
                "account_id": name,
                "kind": row.kind,
                "subject": own(row.subject),
                "digest": row.digest,
                "state": "concluded",
                "opened_at": row.recorded_at,
                "ended_at": row.recorded_at,
                "lease_epoch": 0,
            }

    def marks(self, name: str, own: Callable[[str], str]) -> Iterator[dict[str, Any]]:
        for mark in self._state.marks:
            kind, key, at, set_at, value = astuple(mark)
            listed = {"kind": kind.value, "key": own(key), "at": at, "set_at": set_at, "value": value, "version": 1}
            yield {"account_id": name, **listed}

    def acknowledgements(self, name: str, _own: Callable[[str], str]) -> Iterator[dict[str, Any]]:
        for known in self._state.acknowledgements:
            yield {"account_id": name, "capability": known.capability, "on": known.on, "at": known.at}


TABLES = ("accounts", "persons", "evidence", "checks", "marks", "acknowledgements")


async def fill(database_url: str, accounts: int) -> None:
    """Copy that many accounts, all of one platform and bound by the package's policy, into an empty book."""
    chosen = [_Rows(life) for share, life in lives().values() for _ in range(share)]
    driver = await asyncpg.connect(database_url)
    try:
        await driver.execute("INSERT INTO platforms (id, created_at) VALUES ($1, $2)", PLATFORM, NOW)
        await driver.execute(
            "INSERT INTO policies (hash, name, version, document, published_at) VALUES ($1, $2, $3, $4, $5)",
            builtin_policy().hash, builtin_policy().name, "1", builtin_bytes(), NOW,
        )  # fmt: skip
        numbers = iter(range(accounts))
        while batch := list(islice(numbers, BATCH)):
            for table in TABLES:
                rows = [row for number in batch for row in _rows_of(chosen, table, number)]
                if rows:
                    names = list(rows[0])
                    listed = [[row[name] for name in names] for row in rows]
                    await driver.copy_records_to_table(table, records=listed, columns=names)
        await driver.execute(f"ANALYZE {', '.join(TABLES)}")
    finally:
        await driver.close()


def _rows_of(chosen: list[_Rows], table: str, number: int) -> Iterator[dict[str, Any]]:
    """Which kind of account a number is jumps, so that no page is of one kind."""
    rows = chosen[number * 37 % len(chosen)]
    name = f"acct_{number:08d}"

    def own(text: str) -> str:
        for prefix in ("person_", "evid_", "check_"):
            text = text.replace(prefix + "0", f"{prefix}{number:08d}_0")
        return text

    if table == "accounts":
        yield rows.account(name, own)
    else:
        yield from getattr(rows, table)(name, own)
