"""The states of many accounts as one instant of the book has them: what ``evaluate`` reads, and nothing sealed.

Several processes read one snapshot: the first exports it, the others take it over. Nothing is locked and nothing is
written, not even a transaction id is used.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import starmap
from operator import attrgetter
from typing import Any

from onboarding.domain.state import (
    Acknowledgement,
    Check,
    CheckState,
    Evidence,
    Mark,
    Order,
    State,
)
from onboarding.storage.accounts import columns, decode_evidence, decode_mark, decode_order
from onboarding.storage.database import Database, Reading, Row
from onboarding.storage.shapes import decode_shape
from onboarding.storage.tables import OPEN_CHECK

_SNAPSHOT = re.compile(r"[0-9A-F]+(-[0-9A-F]+)*")


@dataclass(frozen=True, slots=True)
class Scope:
    """Which accounts: of one platform, of one mode, bound by policies of this name; None is all of them."""

    platform_id: str | None = None
    livemode: bool | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class BoundState:
    """An account's state with what binds it.

    Attributes:
        state: None where the account is bound by nothing but the policy that the reader named: then it is not loaded.
        clock_now: its test clock's time, if it is on one.
        last_as_of: the instant of its last look.
        wake_at: when time alone changes the answer of that look.
    """

    account_id: str
    platform_id: str
    policy_hash: str | None
    announced_hash: str | None
    transition_at: datetime | None
    evaluator_version: int
    last_as_of: datetime | None
    wake_at: datetime | None
    clock_now: datetime | None
    state: State | None


@asynccontextmanager
async def reading_one_instant(database: Database, snapshot: str | None = None) -> AsyncIterator[Reading]:
    """One REPEATABLE READ READ ONLY transaction, of the exported ``snapshot`` if one is given.

    It may wait between its statements for as long as whoever reads its results takes.
    """
    if snapshot is not None and not _SNAPSHOT.fullmatch(snapshot):
        raise ValueError("not the name of a snapshot")
    taken = f"; SET TRANSACTION SNAPSHOT '{snapshot}'" if snapshot is not None else ""
    async with database.reading() as r:
        # A connection that is given back within a transaction is not used again.
        await r.send(
            f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY{taken}; SET LOCAL idle_in_transaction_session_timeout = 0"
        )
        yield r
        await r.send("COMMIT")


async def export_snapshot(r: Reading) -> tuple[str, datetime]:
    """The name of this transaction's snapshot, good for as long as it lasts, and the database's clock."""
    row = await r.fetch_one("SELECT pg_export_snapshot(), clock_timestamp()")
    if row is None:  # a SELECT without FROM has one row
        raise LookupError("no row")
    return row[0], row[1]


async def count_in_scope(r: Reading, scope: Scope) -> int:
    """How many accounts there are."""
    condition, parameters = _in_scope(scope, 1)
    row = await r.fetch_one(f"SELECT count(*) FROM accounts a WHERE {condition}", *parameters)  # noqa: S608 -- ours
    return 0 if row is None else int(row[0])


async def next_page(r: Reading, scope: Scope, after: str, size: int) -> tuple[str, int] | None:
    """The last id of the next ``size`` accounts after an id, and how many they are; None if there are no more."""
    condition, parameters = _in_scope(scope, 3)
    row = await r.fetch_one(
        f"SELECT max(id), count(*) FROM (SELECT a.id FROM accounts a WHERE a.id > $1 AND {condition}"  # noqa: S608
        " ORDER BY a.id LIMIT $2) page",
        after,
        size,
        *parameters,
    )
    return None if row is None or not row[1] else (row[0], row[1])


async def bound_states(r: Reading, scope: Scope, after: str, upto: str, known: str) -> Iterator[BoundState]:
    """Accounts after an id and up to another, in their order; of those bound by the policy ``known`` no state."""
    condition, parameters = _in_scope(scope, 4)
    return map(_decoded, await r.fetch(f"{_LOAD} AND {condition} ORDER BY a.id", after, upto, known, *parameters))


def _in_scope(scope: Scope, place: int) -> tuple[str, list[object]]:
    """A condition and its parameters, of which the first is ``$place``. Erased accounts are in no scope."""
    parts = ["a.data_key IS NOT NULL", "a.digest_key IS NOT NULL"]
    parameters: list[object] = []
    for value, part in (
        (scope.platform_id, "a.platform_id = ${}"),
        (scope.livemode, "a.livemode = ${}"),
        (scope.name, "a.policy_hash = ANY(ARRAY(SELECT p.hash FROM policies p WHERE p.name = ${}))"),
    ):
        if value is not None:
            parts.append(part.format(place + len(parameters)))
            parameters.append(value)
    return " AND ".join(parts), parameters


_BOUND = tuple(field.name for field in fields(BoundState) if field.name not in ("account_id", "clock_now", "state"))
_CHECK = ("id", "kind", "subject", "digest", "state", "opened_at", "answer_at", "retry_at", "deadline_at")


def _of_others(expression: str) -> str:
    """The expression, but null for an account that is bound by the known policy alone."""
    return f"CASE WHEN a.policy_hash = $3 AND a.announced_hash IS NULL THEN NULL ELSE {expression} END"


def _children(listed: str, table: str, condition: str = "true") -> str:
    return _of_others(
        f"ARRAY(SELECT ROW({listed}) FROM {table} t"  # noqa: S608 -- names of our own schema
        f" WHERE t.account_id = a.id AND {condition})"
    )


_LOAD = f"""
SELECT a.id, {", ".join(f"a.{name}" for name in _BOUND)}, c.now, {_of_others("a.shape")},
  {_children(columns(Evidence), "evidence")},
  {_children(", ".join(f"t.{name}" for name in _CHECK), "checks", OPEN_CHECK)},
  {_children(columns(Order), "orders", "t.undone_at IS NULL")},
  {_children(columns(Mark), "marks")},
  {_children(columns(Acknowledgement), "acknowledgements")}
FROM accounts a LEFT JOIN test_clocks c ON c.id = a.test_clock_id
WHERE a.id > $1 AND a.id <= $2
"""  # noqa: S608 -- names of our own schema


def _decoded(loaded: Row) -> BoundState:
    values: tuple[Any, ...] = tuple(loaded)
    shape, *children = values[len(_BOUND) + 2 :]
    state = None if shape is None else _decoded_state(values[0], shape, *children)
    bound = (*values[: len(_BOUND) + 2], state)
    return BoundState(*bound)


def _decoded_state(
    account_id: str, shape: Any, evidence: Any, checks: Any, orders: Any, marks: Any, acknowledgements: Any
) -> State:
    """The parts of a state in no order, but for the orders: the first rejection names the reason."""
    return State(
        account_id=account_id,
        shape=decode_shape(shape),
        evidence=tuple(map(decode_evidence, evidence)),
        checks=tuple(map(_decoded_check, checks)),
        orders=tuple(sorted(map(decode_order, orders), key=attrgetter("starts_at", "id"))),
        marks=tuple(map(decode_mark, marks)),
        acknowledgements=tuple(starmap(Acknowledgement, acknowledgements)),
    )


def _decoded_check(values: tuple[Any, ...]) -> Check:
    values = (*values[:4], CheckState(values[4]), *values[5:])
    return Check(*values)
