"""Loading an account gives back everything that was written, in one statement."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.domain.activations import Activation, ActivationState
from onboarding.domain.state import (
    Acknowledgement,
    Age,
    Check,
    CheckState,
    Evidence,
    Fact,
    Mark,
    MarkKind,
    Order,
    OrderKind,
    Outcome,
    Person,
    Shape,
    State,
)
from onboarding.storage import accounts, rows, tables
from onboarding.storage.batch import Batch
from onboarding.storage.database import Database
from onboarding.storage.shapes import canonical, decode_shape, encode_shape
from tests.storage import making
from tests.storage.making import NOW

SHAPE = Shape(
    attributes={"country": "us", "entity_type": "company"},
    facts={"identity.business_details.phone": Fact("aa", NOW), "contact_email": Fact("bb", NOW)},
    persons=(
        Person("person_1", frozenset({"owner", "director"}), {"email": Fact("cc", NOW)}, Decimal("25.50"), Age()),
        Person("person_2", age=Age(((13, NOW), (18, NOW + timedelta(days=1826))))),
    ),
    requested=frozenset({"merchant.card_payments"}),
    closed=True,
)
EVIDENCE = Evidence(
    id="evid_1",
    check_id="check_0",
    kind="document",
    subject="person_1",
    digest="dd",
    outcome=Outcome.FAILED,
    reasons=("b", "a"),
    verifier="local",
    verifier_version="1",
    occurred_at=NOW,
    recorded_at=NOW + timedelta(seconds=1),
    valid_until=NOW + timedelta(days=365),
    attempt=2,
    contested=True,
)
CHECK = Check("check_1", "document", "person_1", "dd", CheckState.STARTED, NOW, None, NOW, NOW + timedelta(hours=1))
ORDER = Order("ord_1", OrderKind.HOLD, "fraud", "key_1", NOW, None, "merchant.card_payments", None, "internal")
MARK = Mark(MarkKind.DEADLINE, "rule/x", NOW, NOW, "value")
ACTIVATION = Activation(
    "merchant.card_payments", desired=True, version=3, valid_until=NOW, state=ActivationState.UNDOING, since=NOW,
    acknowledged=False, acknowledged_version=2, acknowledged_at=NOW, done=(), applied=("limits", "enable"),
    step="enable", attempts=4, refusals=1, error_code="over_limit", call_at=NOW, lease_until=NOW, lease_epoch=2,
    lease_run="run",
)  # fmt: skip
ACKNOWLEDGEMENT = Acknowledgement("merchant.card_payments", on=True, at=NOW)


def _columns(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _whole_account() -> Batch:
    batch = Batch()
    making.platform(batch)
    batch.insert(
        tables.TestClock, id="clock_1", platform_id="plat_1", created_at=NOW, now=NOW, state="advancing", target=NOW
    )
    batch.insert(
        tables.EventDestination,
        id="ed_1",
        platform_id="plat_1",
        livemode=False,
        enabled=True,
        enabled_events=["*"],
        created_at=NOW,
        updated_at=NOW,
    )
    making.account(
        batch,
        shape=encode_shape(SHAPE),
        evaluation={"capabilities": {"a": 1}},
        configurations=["merchant"],
        country="us",
        data_key=b"\x00\xff",
        test_clock_id="clock_1",
        wake_at=NOW,
        version=3,
    )
    own = {"account_id": "acct_1"}
    for position, person_id in enumerate(("person_2", "person_1")):
        batch.insert(tables.Person, id=person_id, **own, created_at=NOW, updated_at=NOW, position=position)
    batch.insert(
        tables.SealedValue, **own, subject="person_1", field_group="name", version=7, ciphertext=bytes(range(256))
    )
    batch.insert(tables.Evidence, **own, **_columns(EVIDENCE), detail=b"\x01")
    batch.insert(tables.Check, **own, **_columns(CHECK), lease_epoch=4, lease_until=NOW)
    ended = {"kind": "document", "subject": "person_1", "digest": "dd", "state": "concluded", "opened_at": NOW}
    batch.insert(tables.Check, id="check_0", **own, **ended)
    batch.insert(tables.Answer, check_id="check_1", **own, answer_at=NOW, ciphertext=b"answer")
    for check_id, number in (("check_1", 2), ("check_1", 1), ("check_0", 1)):
        batch.insert(
            tables.Attempt,
            id=f"att_{check_id}_{number}",
            check_id=check_id,
            **own,
            number=number,
            verifier="v",
            our_reference="o",
            idempotency_key="i",
            vendor_reference=b"sealed",
            state="starting",
            started_at=NOW,
        )
    batch.insert(tables.Order, **own, **_columns(ORDER))
    undone = {"kind": "hold", "reason": "r", "actor": "a", "starts_at": NOW, "undone_at": NOW, "undone_by": "key_2"}
    batch.insert(tables.Order, id="ord_0", **own, **undone)
    batch.insert(tables.Mark, **own, **_columns(MARK))
    batch.insert(tables.Acknowledgement, **own, **_columns(ACKNOWLEDGEMENT))
    batch.insert(tables.Activation, **own, **_columns(ACTIVATION))
    for review_id, state in (("rev_1", "claimed"), ("rev_0", "decided")):
        batch.insert(
            tables.Review, id=review_id, **own, queue="default", reason_code="contested", state=state, opened_at=NOW
        )
    for bank_account_id, deleted_at in (("ba_1", None), ("ba_0", NOW)):
        batch.insert(
            tables.BankAccount,
            id=bank_account_id,
            **own,
            created_at=NOW,
            country="us",
            currency="usd",
            fingerprint="f",
            deleted_at=deleted_at,
        )
    return batch


async def test_everything_that_was_written_is_loaded_in_one_statement(db: Database) -> None:
    await making.apply(db, _whole_account())

    with db.round_trips() as sent:
        async with db.reading() as r:
            record = await accounts.load(r, "acct_1")

    assert record is not None
    assert len(sent) == 1
    assert record.state == State(
        "acct_1",
        shape=SHAPE,
        evidence=(EVIDENCE,),
        checks=(CHECK,),
        orders=(ORDER,),
        marks=(MARK,),
        acknowledgements=(ACKNOWLEDGEMENT,),
    )
    assert record.row.data_key == b"\x00\xff"
    assert record.row.digest_key is None
    assert record.row.evaluation == {"capabilities": {"a": 1}}
    assert record.row.configurations == ["merchant"]
    assert record.row.created_at == NOW
    assert [person.id for person in record.persons] == ["person_2", "person_1"]
    assert record.sealed == {("person_1", "name"): rows.SealedRow(7, bytes(range(256)))}
    assert record.checks["check_1"].lease_epoch == 4
    assert record.answers == {"check_1": rows.AnswerRow("check_1", NOW, b"answer")}
    assert [attempt.id for attempt in record.attempts] == ["att_check_1_1", "att_check_1_2"]
    assert record.attempts[0].vendor_reference == b"sealed"
    assert [review.id for review in record.reviews] == ["rev_1"]
    assert [account.id for account in record.bank_accounts] == ["ba_1"]
    assert record.destinations == (rows.DestinationRow("ed_1", ["*"]),)
    assert (record.clock_now, record.clock_state, record.clock_target) == (NOW, "advancing", NOW)
    assert record.activations == {ACTIVATION.capability: ACTIVATION}
    assert record.book_epoch == 1
    assert abs(record.database_now - datetime.now(UTC)) < timedelta(minutes=1)


async def test_an_account_with_nothing_loads_empty(db: Database) -> None:
    await making.make_account(db)

    async with db.reading() as r:
        record = await accounts.load(r, "acct_1")
        assert await accounts.load(r, "acct_2") is None

    assert record is not None
    assert record.state == State("acct_1")
    assert record.clock_now is None
    assert record.persons == ()


async def test_many_are_loaded_in_one_statement_in_the_asked_order(db: Database) -> None:
    batch = Batch()
    making.platform(batch)
    for number in range(5):
        making.account(batch, f"acct_{number}")
    await making.apply(db, batch)

    with db.round_trips() as sent:
        async with db.reading() as r:
            records = await accounts.find_many(r, ["acct_3", "acct_9", "acct_1"])

    assert [record.row.id for record in records] == ["acct_3", "acct_1"]
    assert len(sent) == 1


async def test_a_lock_says_whether_there_is_such_an_account(db: Database) -> None:
    await making.make_account(db)

    async with db.transaction() as tx:
        assert await accounts.lock(tx, "acct_1")
        assert not await accounts.lock(tx, "acct_2")


@pytest.mark.parametrize(
    ("row_type", "table"),
    [
        (rows.AccountRow, tables.Account),
        (rows.PersonRow, tables.Person),
        (rows.CheckRow, tables.Check),
        (rows.AnswerRow, tables.Answer),
        (rows.AttemptRow, tables.Attempt),
        (rows.ReviewRow, tables.Review),
        (rows.BankAccountRow, tables.BankAccount),
        (rows.EventRow, tables.Event),
        (rows.EventDestinationRow, tables.EventDestination),
        (rows.ClockRow, tables.TestClock),
        (rows.FileRow, tables.File),
        (Evidence, tables.Evidence),
        (Order, tables.Order),
        (Mark, tables.Mark),
        (Acknowledgement, tables.Acknowledgement),
        (Activation, tables.Activation),
    ],
)
def test_row_classes_leave_out_only_what_is_said_here(row_type: type, table: type[tables.Table]) -> None:
    left_out = {
        rows.PersonRow: {"account_id"},
        rows.AnswerRow: {"account_id"},
        rows.AttemptRow: {"account_id"},
        rows.BankAccountRow: {"account_id", "deleted_at"},
        Evidence: {"account_id", "detail", "version"},
        Order: {"account_id", "campaign", "undone_by"},
        Mark: {"account_id", "version"},
        Acknowledgement: {"account_id"},
        Activation: {"account_id"},
        rows.EventDestinationRow: {"secret"},
    }
    columns = set(table.metadata.tables[str(table.__tablename__)].columns.keys())

    assert {field.name for field in fields(row_type)} == columns - left_out.get(row_type, set())


_times = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
_facts = st.dictionaries(_texts, st.builds(Fact, _texts, _times), max_size=4)
_persons = st.builds(
    Person,
    _texts,
    st.frozensets(_texts, max_size=3),
    _facts,
    st.none() | st.decimals(0, 100, places=2),
    st.none() | st.builds(Age, st.lists(st.tuples(st.integers(0, 120), _times), max_size=3).map(tuple)),
)
_shapes = st.builds(
    Shape,
    st.dictionaries(_texts, _texts, max_size=4),
    _facts,
    st.lists(_persons, max_size=3).map(tuple),
    st.frozensets(_texts, max_size=3),
    st.booleans(),
)


@given(_shapes)
def test_a_shape_comes_back_exactly_and_reencodes_to_the_same_bytes(shape: Shape) -> None:
    encoded = canonical(encode_shape(shape))

    import orjson  # noqa: PLC0415 -- only here

    decoded = decode_shape(orjson.loads(encoded))
    assert decoded == shape
    assert [str(person.percent) for person in decoded.persons] == [str(person.percent) for person in shape.persons]
    assert canonical(encode_shape(decoded)) == encoded
