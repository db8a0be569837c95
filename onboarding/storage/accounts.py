"""Loading accounts: everything that one transaction or one answer needs, in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import starmap
from operator import attrgetter
from typing import Any, TypeVar

from onboarding.crypto import WrappedKeys
from onboarding.domain.activations import Activation, ActivationState
from onboarding.domain.state import (
    Acknowledgement,
    Check,
    CheckState,
    Evidence,
    Mark,
    MarkKind,
    Order,
    OrderKind,
    Outcome,
    State,
)
from onboarding.storage.database import Reading, Row, Transaction
from onboarding.storage.rows import (
    AccountRow,
    AnswerRow,
    AttemptRow,
    BankAccountRow,
    CheckRow,
    DestinationRow,
    PersonRow,
    ReviewRow,
    SealedRow,
)
from onboarding.storage.shapes import decode_shape
from onboarding.storage.tables import OPEN_CHECK, OPEN_REVIEW

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """One account as the database knows it at one instant.

    Attributes:
        row: all columns of the account.
        state: what ``evaluate`` reads: the shape decoded, all evidence, open checks, orders that were not undone, all
            marks and acknowledgements.
        persons: in the order of their creation.
        sealed: by subject (the account's id, a person's, a bank account's) and field group.
        checks: the open checks by id, with what the domain does not need of them.
        answers: by check id.
        attempts: those of open checks, in order.
        reviews: the undecided ones.
        bank_accounts: those not deleted, in the order of their creation.
        activations: what a downstream system was told, by capability.
        destinations: the enabled event destinations of its platform and mode, for thin events.
        database_now: the database's clock, read as the row was.
        clock_now: its test clock's time, if it is on one.
        clock_state: ``ready`` or ``advancing``.
        clock_target: where an advancing clock goes.
        book_epoch: claims of an older epoch are void.
    """

    row: AccountRow
    state: State
    persons: tuple[PersonRow, ...]
    sealed: Mapping[tuple[str, str], SealedRow]
    checks: Mapping[str, CheckRow]
    answers: Mapping[str, AnswerRow]
    attempts: tuple[AttemptRow, ...]
    reviews: tuple[ReviewRow, ...]
    bank_accounts: tuple[BankAccountRow, ...]
    activations: Mapping[str, Activation]
    destinations: tuple[DestinationRow, ...]
    database_now: datetime
    clock_now: datetime | None
    clock_state: str | None
    clock_target: datetime | None
    book_epoch: int


async def lock(tx: Transaction, account_id: str) -> bool:
    """Lock an account until the transaction ends; False if there is none.

    A statement of its own: the one that loads the account must have a snapshot taken after the lock was had.
    """
    return await tx.fetch_one("SELECT 1 FROM accounts WHERE id = $1 FOR UPDATE", account_id) is not None


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a new account begins with.

    Attributes:
        now: the database's clock.
        destinations: the enabled event destinations of its platform and mode, for thin events.
        policy_hash: of the policy that was made current for it; None where none was.
    """

    now: datetime
    destinations: tuple[DestinationRow, ...]
    policy_hash: str | None


async def beginning(r: Reading, platform_id: str, *, livemode: bool) -> Beginning:
    """What a new account of this platform and mode begins with; one round trip."""
    row = await r.fetch_one(_BEGINNING, platform_id, livemode)
    if row is None:  # a SELECT without FROM has one row
        raise LookupError("no row")
    return Beginning(row[0], _sorted(starmap(DestinationRow, row[1]), "id"), row[2])


async def load(r: Reading, account_id: str) -> AccountRecord | None:
    """One account with everything, or None."""
    row = await r.fetch_one(_LOAD_ONE, account_id)
    return None if row is None else decode_record(row)


async def wrapped_keys(r: Reading, account_ids: Sequence[str]) -> dict[str, WrappedKeys]:
    """The wrapped keys of accounts that were not erased, by id."""
    rows = await r.fetch("SELECT id, data_key, digest_key FROM accounts WHERE id = ANY($1::text[])", list(account_ids))
    return {row[0]: WrappedKeys(row[1], row[2]) for row in rows if row[1] is not None and row[2] is not None}


async def newest_keys(r: Reading) -> tuple[str, WrappedKeys] | None:
    """The newest account that was not erased, with its wrapped keys; None where there is none."""
    row = await r.fetch_one(
        "SELECT id, data_key, digest_key FROM accounts WHERE data_key IS NOT NULL AND digest_key IS NOT NULL"
        " ORDER BY id DESC LIMIT 1"
    )
    return None if row is None else (row[0], WrappedKeys(row[1], row[2]))


async def find_many(r: Reading, account_ids: Sequence[str]) -> list[AccountRecord]:
    """Accounts in the order of ``account_ids``; unknown ids are left out."""
    rows = {row[0]: row for row in await r.fetch(_LOAD_MANY, list(account_ids))}
    return [decode_record(rows[account_id]) for account_id in account_ids if account_id in rows]


def columns(row_type: type, alias: str = "t") -> str:
    """The columns of a row class for a SELECT list: ``t."id", t."state"``."""
    return ", ".join(f'{alias}."{field.name}"' for field in fields(row_type))


def _children(row_type: type, table: str, condition: str = "true") -> str:
    """A subselect: an account's rows of one table as an array of records, which the driver decodes natively.

    Not in order: a dozen sorts of a few rows each cost Postgres more than they cost here.
    """
    return (
        f"ARRAY(SELECT ROW({columns(row_type)}) FROM {table} t"  # noqa: S608 -- names of our own schema
        f" WHERE t.account_id = a.id AND {condition})"
    )


CURRENT_POLICY = """
  (SELECT c.policy_hash FROM current_policies c WHERE c.platform_id IN ($1, '') AND c.livemode = $2
   ORDER BY c.platform_id DESC LIMIT 1)
"""
"""Of a platform and a mode, its parameters: the platform's own row comes before that for everybody."""
_WANTS_THIN = "t.enabled AND t.event_payload = 'thin'"
"""Of an event destination: only thin events are made."""
_BEGINNING = f"""
SELECT clock_timestamp(),
  ARRAY(SELECT ROW({columns(DestinationRow)}) FROM event_destinations t
        WHERE t.platform_id = $1 AND t.livemode = $2 AND {_WANTS_THIN}),
  {CURRENT_POLICY}
"""  # noqa: S608 -- names of our own schema
LOAD = f"""
SELECT {columns(AccountRow, "a")},
  {_children(PersonRow, "persons")} AS persons,
  ARRAY(SELECT ROW(t.subject, t.field_group, t.version, t.ciphertext)
        FROM sealed_values t WHERE t.account_id = a.id) AS sealed,
  {_children(Evidence, "evidence")} AS evidence,
  {_children(CheckRow, "checks", OPEN_CHECK)} AS checks,
  {_children(AnswerRow, "answers")} AS answers,
  {
    _children(
        AttemptRow,
        "attempts",
        f"t.check_id IN (SELECT id FROM checks WHERE account_id = a.id AND {OPEN_CHECK})",
    )
} AS attempts,
  {_children(Order, "orders", "t.undone_at IS NULL")} AS orders,
  {_children(Mark, "marks")} AS marks,
  {_children(Acknowledgement, "acknowledgements")} AS acknowledgements,
  {_children(ReviewRow, "reviews", OPEN_REVIEW)} AS reviews,
  {_children(BankAccountRow, "bank_accounts", "t.deleted_at IS NULL")} AS bank_accounts,
  {_children(Activation, "activations")} AS activations,
  ARRAY(SELECT ROW({columns(DestinationRow)}) FROM event_destinations t
        WHERE t.platform_id = a.platform_id AND t.livemode = a.livemode AND {_WANTS_THIN}) AS destinations,
  c.now AS clock_now, c.state AS clock_state, c.target AS clock_target,
  coalesce((SELECT book_epoch FROM book WHERE id = 1), 1) AS book_epoch,
  clock_timestamp() AS database_now
FROM accounts a LEFT JOIN test_clocks c ON c.id = a.test_clock_id
"""  # noqa: S608 -- names of our own schema
_LOAD_ONE = f"{LOAD} WHERE a.id = $1"
_LOAD_MANY = f"{LOAD} WHERE a.id = ANY($1::text[])"
_WIDTH = len(fields(AccountRow))


def decode_record(loaded: Row) -> AccountRecord:
    """The record of one row of a ``LOAD`` statement."""
    values: tuple[Any, ...] = tuple(loaded)
    row = AccountRow(*values[:_WIDTH])
    persons, sealed, evidence, checks, answers, attempts, orders, marks, acknowledgements, *rest = values[_WIDTH:]
    reviews, bank_accounts, activations, destinations, clock_now, clock_state, clock_target, *last = rest
    book_epoch, database_now = last
    check_rows = {check.id: check for check in _sorted(starmap(CheckRow, checks), "opened_at", "id")}
    return AccountRecord(
        row=row,
        state=State(
            account_id=row.id,
            shape=decode_shape(row.shape),
            evidence=_sorted(map(decode_evidence, evidence), "recorded_at", "id"),
            checks=tuple(map(_check, check_rows.values())),
            orders=_sorted(map(decode_order, orders), "starts_at", "id"),
            marks=_sorted(map(decode_mark, marks), "kind", "key"),
            acknowledgements=_sorted(starmap(Acknowledgement, acknowledgements), "capability"),
        ),
        persons=_sorted(starmap(PersonRow, persons), "position", "id"),
        sealed={(subject, group): SealedRow(version, text) for subject, group, version, text in sealed},
        checks=check_rows,
        answers={answer[0]: AnswerRow(*answer) for answer in answers},
        attempts=_sorted(starmap(AttemptRow, attempts), "check_id", "number"),
        reviews=_sorted(starmap(ReviewRow, reviews), "opened_at", "id"),
        bank_accounts=_sorted(starmap(BankAccountRow, bank_accounts), "created_at", "id"),
        activations={row[0]: decode_activation(row) for row in activations},
        destinations=_sorted(starmap(DestinationRow, destinations), "id"),
        database_now=database_now,
        clock_now=clock_now,
        clock_state=clock_state,
        clock_target=clock_target,
        book_epoch=book_epoch,
    )


def _sorted(rows: Iterable[_Row], *names: str) -> tuple[_Row, ...]:
    return tuple(sorted(rows, key=attrgetter(*names)))


def decode_evidence(values: tuple[Any, ...]) -> Evidence:
    """Evidence from its columns, in the order of the class."""
    values = (*values[:5], Outcome(values[5]), tuple(values[6]), *values[7:])
    return Evidence(*values)


def decode_mark(values: tuple[Any, ...]) -> Mark:
    """A mark from its columns, in the order of the class."""
    return Mark(MarkKind(values[0]), *values[1:])


def decode_order(values: tuple[Any, ...]) -> Order:
    """An order from its columns, in the order of the class."""
    return Order(values[0], OrderKind(values[1]), *values[2:])


def decode_activation(values: tuple[Any, ...]) -> Activation:
    """What was told of a capability, from its columns, in the order of the class."""
    known = Activation(*values)
    state, done, applied = ActivationState(known.state), tuple(known.done), tuple(known.applied)
    return replace(known, state=state, done=done, applied=applied)


def _check(row: CheckRow) -> Check:
    return Check(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        digest=row.digest,
        state=CheckState(row.state),
        opened_at=row.opened_at,
        answer_at=row.answer_at,
        retry_at=row.retry_at,
        deadline_at=row.deadline_at,
    )
