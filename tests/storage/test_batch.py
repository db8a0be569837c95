"""A batch writes everything in one statement, and refuses what one statement cannot do."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from onboarding.storage import tables
from onboarding.storage.batch import Batch, BatchMisuse
from onboarding.storage.database import Database
from onboarding.storage.faults import StatementFailed
from tests.storage import making
from tests.storage.making import NOW

OWN = {"account_id": "acct_1"}


def _check(batch: Batch, check_id: str, **row: Any) -> None:
    row = {"kind": "document", "subject": "account", "digest": "d", "state": "due", "opened_at": NOW, **row}
    batch.insert(tables.Check, id=check_id, **OWN, **row)


def _mark(batch: Batch, key: str, value: str = "") -> None:
    batch.insert(tables.Mark, **OWN, kind="deadline", key=key, at=NOW, set_at=NOW, value=value)


async def _rows(db: Database, sql: str) -> list[tuple[Any, ...]]:
    async with db.reading() as r:
        return [tuple(row) for row in await r.fetch(sql)]


async def test_all_kinds_on_many_tables_are_one_statement(db: Database) -> None:
    await making.make_account(db)
    setup = Batch()
    for key in ("a", "b", "c"):
        _mark(setup, key)
    setup.upsert(tables.SealedValue, **OWN, subject="account", field_group="g", version=1, ciphertext=b"one")
    setup.insert(tables.Person, id="person_1", **OWN, created_at=NOW, updated_at=NOW, position=0)
    await making.apply(db, setup)

    batch = Batch()
    batch.update(tables.Mark, {**OWN, "kind": "deadline", "key": "a"}, value="changed")
    batch.delete(tables.Mark, {**OWN, "kind": "deadline", "key": "b"})
    _mark(batch, "d")
    batch.upsert(tables.SealedValue, **OWN, subject="account", field_group="g", version=2, ciphertext=b"\x00two")
    batch.upsert(tables.SealedValue, **OWN, subject="account", field_group="h", version=1, ciphertext=b"")
    batch.delete(tables.Person, {"id": "person_1"})
    batch.update(tables.Account, {"id": "acct_1"}, version=5, shape=b'{"facts":{}}', look_at=NOW)
    with db.round_trips() as sent:
        await making.apply(db, batch)

    assert len(sent) == 3  # BEGIN, the batch, COMMIT
    assert await _rows(db, "SELECT key, value FROM marks ORDER BY key") == [("a", "changed"), ("c", ""), ("d", "")]
    assert await _rows(db, "SELECT field_group, version, ciphertext FROM sealed_values ORDER BY 1") == [
        ("g", 2, b"\x00two"),
        ("h", 1, b""),
    ]
    assert await _rows(db, "SELECT id FROM persons") == []
    assert await _rows(db, "SELECT version, shape, look_at FROM accounts") == [(5, {"facts": {}}, NOW)]


async def test_rows_of_one_table_may_change_different_columns(db: Database) -> None:
    await making.make_account(db)
    setup = Batch()
    _check(setup, "check_1", digest="1", verifier="v", deadline_at=NOW)
    _check(setup, "check_2", digest="2", verifier="v", deadline_at=NOW)
    await making.apply(db, setup)

    batch = Batch()
    batch.update(tables.Check, {"id": "check_1"}, state="started")
    batch.update(tables.Check, {"id": "check_2"}, deadline_at=None, lease_epoch=2)
    await making.apply(db, batch)

    assert await _rows(db, "SELECT id, state, verifier, deadline_at, lease_epoch FROM checks ORDER BY id") == [
        ("check_1", "started", "v", NOW, 0),
        ("check_2", "due", "v", None, 2),
    ]


async def test_a_check_is_closed_and_asked_anew_in_one_batch(db: Database) -> None:
    await making.make_account(db)
    setup = Batch()
    _check(setup, "check_1")
    await making.apply(db, setup)

    for number in range(1, 8):  # past the five plans that Postgres makes anew
        batch = Batch()
        _check(batch, f"check_{number + 1}")
        batch.update(tables.Check, {"id": f"check_{number}"}, state="superseded")
        await making.apply(db, batch)

    assert await _rows(db, "SELECT id FROM checks WHERE state = 'due'") == [("check_8",)]


async def test_a_second_open_check_of_the_same_question_is_refused(db: Database) -> None:
    await making.make_account(db)
    batch = Batch()
    _check(batch, "check_1")
    _check(batch, "check_2")

    with pytest.raises(StatementFailed) as failed:
        await making.apply(db, batch)

    assert (failed.value.sqlstate, failed.value.constraint) == ("23505", "uq_checks_open")


async def test_the_database_fills_its_own_columns(db: Database) -> None:
    await making.make_account(db)
    batch = Batch()
    batch.insert(
        tables.Event,
        id="evt_1",
        **OWN,
        platform_id="plat_1",
        livemode=False,
        sequence=1,
        type="v2.core.account.created",
        effective_at=NOW,
    )
    await making.apply(db, batch)

    ((xid, recent),) = await _rows(db, "SELECT xid > '0'::xid8, created_at > now() - interval '1 minute' FROM events")
    assert (xid, recent) == (True, True)


async def test_part_of_a_key_deletes_all_rows_that_begin_with_it(db: Database) -> None:
    await making.make_account(db)
    setup = Batch()
    for subject, group in (("person_1", "a"), ("person_1", "b"), ("account", "a")):
        setup.insert(tables.SealedValue, **OWN, subject=subject, field_group=group, version=1, ciphertext=b"x")
    await making.apply(db, setup)

    batch = Batch()
    batch.delete(tables.SealedValue, {**OWN, "subject": "person_1"})
    await making.apply(db, batch)

    assert await _rows(db, "SELECT subject FROM sealed_values") == [("account",)]


async def test_an_update_that_finds_no_row_undoes_everything(db: Database) -> None:
    await making.make_account(db)
    batch = Batch()
    _mark(batch, "a")
    batch.update(tables.Account, {"id": "acct_missing"}, version=2)

    with pytest.raises(StatementFailed, match="no_such_row"):
        await making.apply(db, batch)

    assert await _rows(db, "SELECT key FROM marks") == []


async def test_an_empty_batch_is_not_sent(db: Database) -> None:
    batch = Batch()
    batch.update(tables.Account, {"id": "acct_1"})

    assert not batch
    with db.round_trips() as sent:
        await making.apply(db, batch)
    assert len(sent) == 2


def test_the_same_tables_give_the_same_text() -> None:
    def one(keys: int, **changes: Any) -> str:
        batch = Batch()
        batch.update(tables.Account, {"id": "acct_1"}, **changes)
        for number in range(keys):
            _mark(batch, str(number))
        return batch.statement()[0]

    assert one(1, version=1) == one(7, stage="x", look_at=None)


def test_the_order_of_calls_leaves_no_trace_in_the_text() -> None:
    first, second = Batch(), Batch()
    _mark(first, "a")
    _check(first, "check_1")
    _check(second, "check_1")
    _mark(second, "a")

    assert first.statement()[0] == second.statement()[0]


@pytest.mark.parametrize("second", ["insert", "upsert", "update", "delete", "delete_part"])
@pytest.mark.parametrize("first", ["insert", "upsert", "update", "delete", "delete_part"])
def test_a_row_is_touched_once(first: str, second: str) -> None:
    key = {"account_id": "acct_1", "subject": "s", "field_group": "g"}
    whole = {**key, "version": 1, "ciphertext": b""}

    def touch(batch: Batch, how: str) -> None:
        if how == "insert":
            batch.insert(tables.SealedValue, **whole)
        elif how == "upsert":
            batch.upsert(tables.SealedValue, **whole)
        elif how == "update":
            batch.update(tables.SealedValue, key, version=2)
        elif how == "delete":
            batch.delete(tables.SealedValue, key)
        else:
            batch.delete(tables.SealedValue, {"account_id": "acct_1", "subject": "s"})

    batch = Batch()
    touch(batch, first)
    with pytest.raises(BatchMisuse, match="touched twice"):
        touch(batch, second)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"kind": "deadline"}, "missing: at, key, set_at"),
        ({"kind": "deadline", "key": "k", "at": NOW, "set_at": NOW, "colour": 1}, "not to be given: colour"),
        ({"kind": "deadline", "key": "k", "at": datetime(2026, 1, 1), "set_at": NOW}, "without a zone"),  # noqa: DTZ001
    ],
)
def test_unusable_rows_are_refused_at_once(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(BatchMisuse, match=reason):
        Batch().insert(tables.Mark, **OWN, **row)


@pytest.mark.parametrize("value", [b"secret", frozenset(["secret"]), object])
def test_a_value_of_another_type_is_not_quoted(value: object) -> None:
    batch = Batch()
    batch.insert(tables.Mark, **OWN, kind="deadline", key=value, at=NOW, set_at=NOW)
    with pytest.raises(BatchMisuse) as misuse:
        batch.statement()
    assert "secret" not in str(misuse.value)


def test_a_column_of_the_database_is_not_to_be_given() -> None:
    with pytest.raises(BatchMisuse, match="xid"):
        Batch().insert(tables.Event, xid=0)


def test_the_key_of_an_update_is_whole() -> None:
    with pytest.raises(BatchMisuse, match="the key of a row"):
        Batch().update(tables.Mark, {"account_id": "acct_1"}, value="x")
    with pytest.raises(BatchMisuse, match="not to be changed"):
        Batch().update(tables.Account, {"id": "acct_1"}, colour=1)
    with pytest.raises(BatchMisuse, match="or begins so"):
        Batch().delete(tables.SealedValue, {"subject": "s"})
