"""Items: in once each, matched to their attempt at once or later, found again until settled, deleted in the end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onboarding.storage import inbox, tables
from onboarding.storage.batch import Batch
from onboarding.storage.database import Database
from onboarding.storage.inbox import FIRST_LOOK, GIVEN_UP_AFTER, KEPT, LONGEST_WAIT, REFUSED_KEPT, ItemState, NewItem
from tests.storage import making
from tests.storage.making import NOW

ABOUT = ("acct_1", "check_1", "att_1")


def item(name: str = "1", **changes: Any) -> NewItem:
    """An authentic one about an attempt of the verifier ``vendor`` that the vendor knows as ``theirs``."""
    made = NewItem(
        id=f"in_{name}",
        verifier="vendor",
        received_at=datetime.now(UTC),
        state=ItemState.PENDING,
        ciphertext=b"sealed " + name.encode(),
        event_digest=f"event {name}",
        vendor_digest="theirs",
        occurred_at=NOW,
    )
    return replace(made, **changes)


def aside(name: str, state: ItemState, **changes: Any) -> NewItem:
    """One that nobody waits for."""
    nobody: dict[str, Any] = {"state": state, "event_digest": None, "vendor_digest": None, "occurred_at": None}
    return item(name, **(nobody | changes))


async def make_attempt(db: Database, number: int = 1, **row: Any) -> None:
    """An attempt of a new check of the account ``acct_1``, which must be there."""
    batch = Batch()
    check = {"id": f"check_{number}", "account_id": "acct_1", "kind": "screening", "subject": "account"}
    batch.insert(tables.Check, **check, digest=f"digest {number}", state="started", opened_at=NOW)
    columns = {"vendor_digest": "theirs", "verifier": "vendor", "our_reference": f"att_{number}", **row}
    batch.insert(
        tables.Attempt,
        id=f"att_{number}", check_id=check["id"], account_id="acct_1", number=1,
        idempotency_key=f"att_{number}.start", state="started", started_at=NOW, **columns,
    )  # fmt: skip
    await making.apply(db, batch)


async def put(db: Database, *items: NewItem) -> list[inbox.PutItem]:
    async with db.reading() as r:
        return [await inbox.put(r, one) for one in items]


async def due(db: Database, limit: int = 100) -> list[tuple[str, str]]:
    async with db.reading() as r:
        return await inbox.due(r, limit=limit)


async def rows(db: Database) -> dict[str, Any]:
    """All items by the last part of their id."""
    async with db.reading() as r:
        return {row["id"].removeprefix("in_"): row for row in await r.fetch("SELECT * FROM inbox ORDER BY id")}


async def only(db: Database) -> Any:
    [row] = (await rows(db)).values()
    return row


async def set_back(db: Database, column: str, by: timedelta) -> None:
    async with db.reading() as r:
        await r.fetch(f"UPDATE inbox SET {column} = clock_timestamp() - $1::interval", by)  # noqa: S608 -- own names


# --- put and matched --------------------------------------------------------------------------------------------------


async def test_the_same_event_is_one_row_that_counts_its_deliveries(db: Database) -> None:
    await making.make_account(db)
    await make_attempt(db)

    first, again, other = await put(
        db, item("1"), item("2", event_digest="event 1", ciphertext=b"another"), item("3", verifier="other")
    )

    assert (first.id, first.is_new, first.account_id, first.check_id) == ("in_1", True, "acct_1", "check_1")
    assert again == replace(first, is_new=False)
    assert (other.id, other.is_new, other.check_id) == ("in_3", True, None)
    found = await rows(db)
    assert {name: (row["deliveries"], row["ciphertext"]) for name, row in found.items()} == {
        "1": (2, b"sealed 1"),
        "3": (1, b"sealed 3"),
    }


async def test_the_same_event_at_the_same_time_is_one_row(db: Database) -> None:
    made = await asyncio.gather(*(put(db, item(f"{number}", event_digest="one")) for number in range(20)))

    [row] = (await rows(db)).values()
    assert (row["deliveries"], sum(one.is_new for [one] in made)) == (20, 1)
    assert {one.id for [one] in made} == {row["id"]}


async def test_items_without_an_event_are_never_the_same(db: Database) -> None:
    made = await put(db, aside("1", ItemState.REFUSED), aside("2", ItemState.REFUSED), aside("3", ItemState.UNREADABLE))

    assert [one.is_new for one in made] == [True, True, True]
    assert {(row["look_at"], row["settled_at"] is None) for row in (await rows(db)).values()} == {(None, False)}


@pytest.mark.parametrize(
    ("said", "is_found"),
    [
        ({"vendor_digest": "theirs"}, True),
        ({"vendor_digest": "unknown", "our_reference": "att_1"}, True),
        ({"vendor_digest": "theirs", "our_reference": "att_unknown"}, True),
        ({"vendor_digest": "unknown", "our_reference": "att_unknown"}, False),
        ({"vendor_digest": None, "our_reference": None}, False),
        ({"verifier": "other"}, False),
        ({"verifier": "other", "our_reference": "att_1"}, False),
    ],
)
async def test_an_item_finds_its_attempt_by_either_reference_of_its_own_verifier(
    db: Database, said: dict[str, Any], *, is_found: bool
) -> None:
    await making.make_account(db)
    await make_attempt(db, 2, vendor_digest=None)
    await make_attempt(db)

    [made] = await put(db, item(**said))

    row = await only(db)
    expected = ABOUT if is_found else (None, None, None)
    assert (row["account_id"], row["check_id"], row["attempt_id"]) == expected
    assert (made.account_id, made.check_id) == expected[:2]
    assert row["look_at"] is not None  # either way: the nudge may be lost


async def test_an_item_that_came_before_its_attempt_finds_it_when_it_is_due(db: Database) -> None:
    await making.make_account(db)
    await put(db, item())
    assert await due(db) == []
    await set_back(db, "look_at", timedelta())
    assert await due(db) == []  # looked for, and not found
    assert ((await only(db))["attempt_id"], (await only(db))["tries"]) == (None, 1)

    await make_attempt(db)
    await set_back(db, "look_at", timedelta())

    assert await due(db) == [ABOUT[:2]]
    row = await only(db)
    assert (row["account_id"], row["check_id"], row["attempt_id"]) == ABOUT
    assert (row["state"], row["tries"], row["settled_at"]) == ("pending", 2, None)


async def test_items_of_one_check_are_one_nudge(db: Database) -> None:
    await making.make_account(db)
    await make_attempt(db)
    await make_attempt(db, 2, vendor_digest="second")
    await put(db, item("1"), item("2"), item("3", vendor_digest="second"), item("4", vendor_digest="unknown"))
    await set_back(db, "look_at", timedelta())

    assert await due(db) == [("acct_1", "check_1"), ("acct_1", "check_2")]


# --- found again ------------------------------------------------------------------------------------------------------


async def test_an_item_is_looked_at_again_at_growing_distances(db: Database) -> None:
    await making.make_account(db)
    await make_attempt(db)
    await put(db, item())
    waits = []
    for _ in range(10):
        row = await only(db)
        async with db.reading() as r:
            [[now]] = await r.fetch("SELECT clock_timestamp()")
        waits.append(row["look_at"] - now)
        await set_back(db, "look_at", timedelta())
        assert await due(db) == [ABOUT[:2]]

    expected = [FIRST_LOOK, *(min(FIRST_LOOK * 2**tries, LONGEST_WAIT) for tries in range(9))]
    for wait, wanted in zip(waits, expected, strict=True):
        assert timedelta() <= wanted - wait < timedelta(seconds=5)
    assert waits[-1] > LONGEST_WAIT - timedelta(seconds=5)


async def test_an_item_tried_ever_so_often_is_still_looked_at(db: Database) -> None:
    await put(db, item())
    async with db.reading() as r:
        await r.fetch("UPDATE inbox SET tries = 2000000, look_at = clock_timestamp()")

    await due(db)

    row = await only(db)
    assert timedelta() < row["look_at"] - datetime.now(UTC) <= LONGEST_WAIT + timedelta(seconds=5)


@pytest.mark.parametrize(("is_found", "code"), [(True, "vendor_not_reached"), (False, "no_such_attempt")])
async def test_an_item_is_given_up_after_days(db: Database, code: str, *, is_found: bool) -> None:
    await making.make_account(db)
    if is_found:
        await make_attempt(db)
    await put(db, item())
    await set_back(db, "look_at", timedelta())
    await set_back(db, "pending_since", GIVEN_UP_AFTER - timedelta(minutes=1))
    await due(db)
    assert ((await only(db))["state"], (await only(db))["error_code"]) == ("pending", None)

    await set_back(db, "look_at", timedelta())
    await set_back(db, "pending_since", GIVEN_UP_AFTER + timedelta(minutes=1))
    await due(db)

    row = await only(db)
    assert (row["state"], row["error_code"], row["look_at"]) == ("ignored", code, None)
    assert row["settled_at"] is not None
    assert await due(db) == []


async def test_an_attempt_that_came_on_the_last_day_is_not_called_missing(db: Database) -> None:
    await making.make_account(db)
    await put(db, item())
    await make_attempt(db)
    await set_back(db, "look_at", timedelta())
    await set_back(db, "pending_since", GIVEN_UP_AFTER + timedelta(minutes=1))

    await due(db)

    row = await only(db)
    assert (row["error_code"], row["attempt_id"]) == ("vendor_not_reached", "att_1")


async def test_callers_at_the_same_time_are_given_different_items(db: Database) -> None:
    await making.make_account(db)
    for number in range(1, 41):
        await make_attempt(db, number, vendor_digest=f"theirs {number}")
        await put(db, item(f"{number:02}", vendor_digest=f"theirs {number}"))
    await set_back(db, "look_at", timedelta())

    given = await asyncio.gather(*(due(db, 10) for _ in range(4)))

    assert [len(one) for one in given] == [10, 10, 10, 10]
    assert len({check for one in given for check in one}) == 40


async def test_a_caller_does_not_wait_for_items_that_another_one_has(db: Database) -> None:
    await making.make_account(db)
    await make_attempt(db)
    await make_attempt(db, 2, vendor_digest="second")
    await put(db, item("1"), item("2", vendor_digest="second"))
    await set_back(db, "look_at", timedelta())

    async with db.transaction() as tx:
        await tx.fetch("SELECT 1 FROM inbox WHERE id = 'in_1' FOR UPDATE")
        async with asyncio.timeout(2):
            assert await due(db) == [("acct_1", "check_2")]
    assert await due(db) == [("acct_1", "check_1")]


async def test_those_that_have_waited_longest_come_first(db: Database) -> None:
    await making.make_account(db)
    for number in range(1, 4):
        await make_attempt(db, number, vendor_digest=f"theirs {number}")
        await put(db, item(f"{number}", vendor_digest=f"theirs {number}"))
        async with db.reading() as r:
            await r.fetch(
                "UPDATE inbox SET look_at = clock_timestamp() - $1::interval WHERE id = $2",
                timedelta(minutes=number),
                f"in_{number}",
            )

    assert [await due(db, 1) for _ in range(4)] == [[("acct_1", f"check_{number}")] for number in (3, 2, 1)] + [[]]


async def test_items_of_a_check_come_in_their_order_and_settle_once(db: Database) -> None:
    await making.make_account(db)
    await make_attempt(db)
    await make_attempt(db, 2, vendor_digest="second")
    later, earlier = datetime.now(UTC), datetime.now(UTC) - timedelta(hours=1)
    await put(
        db,
        item("1", received_at=later),
        item("2", received_at=earlier),
        item("3", vendor_digest="second"),
        aside("4", ItemState.IGNORED),
    )

    async with db.reading() as r:
        pending = await inbox.pending_of_check(r, "check_1")
        assert [row.id for row in pending] == ["in_2", "in_1"]
        assert [row.id for row in await inbox.pending_of_check(r, "check_1", limit=1)] == ["in_2"]
        await inbox.settle(r, ["in_1"])
        await inbox.settle(r, ["in_1", "in_4"], ItemState.UNREADABLE, "later")
        assert [row.id for row in await inbox.pending_of_check(r, "check_1")] == ["in_2"]

    found = await rows(db)
    assert {name: (row["state"], row["error_code"], row["look_at"] is None) for name, row in found.items()} == {
        "1": ("settled", None, True),
        "2": ("pending", None, False),
        "3": ("pending", None, False),
        "4": ("ignored", None, True),
    }
    assert found["1"]["settled_at"] is not None


# --- deleted ----------------------------------------------------------------------------------------------------------

PENDING, SETTLED, IGNORED, REFUSED, UNREADABLE = ItemState
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("state", "age", "is_kept"),
    [
        (PENDING, KEPT + DAY, True),
        (SETTLED, KEPT - DAY, True),
        (SETTLED, KEPT + DAY, False),
        (IGNORED, KEPT - DAY, True),
        (IGNORED, KEPT + DAY, False),
        (UNREADABLE, KEPT - DAY, True),
        (UNREADABLE, KEPT + DAY, False),
        (REFUSED, REFUSED_KEPT - DAY, True),
        (REFUSED, REFUSED_KEPT + DAY, False),
    ],
)
async def test_items_are_deleted_when_nobody_needs_them(
    db: Database, state: ItemState, age: timedelta, *, is_kept: bool
) -> None:
    await put(db, item() if state is PENDING else aside("1", state))
    await set_back(db, "received_at", age)

    async with db.reading() as r:
        await inbox.purge(r)

    assert len(await rows(db)) == is_kept


async def test_a_purge_is_bounded(db: Database) -> None:
    await put(db, *(aside(f"{number}", REFUSED) for number in range(5)))
    await set_back(db, "received_at", REFUSED_KEPT + DAY)

    async with db.reading() as r:
        await inbox.purge(r, limit=2)

    assert len(await rows(db)) == 3


# --- read anew --------------------------------------------------------------------------------------------------------


async def test_an_item_read_anew_is_due_at_once_and_matched(db: Database) -> None:
    await making.make_account(db)
    await make_attempt(db)
    await put(db, aside("1", REFUSED, error_code="signature_wrong"))

    async with db.reading() as r:
        assert await inbox.read_anew(r, item("1"))

    row = await only(db)
    assert (row["state"], row["error_code"], row["settled_at"], row["tries"]) == ("pending", None, None, 0)
    assert (row["event_digest"], row["vendor_digest"], row["occurred_at"]) == ("event 1", "theirs", NOW)
    assert await due(db) == [ABOUT[:2]]


async def test_an_item_read_anew_whose_event_is_there_already_stays_as_it_was(db: Database) -> None:
    await put(db, aside("1", REFUSED, error_code="signature_wrong"), item("2"))
    before = await rows(db)

    async with db.reading() as r:
        assert not await inbox.read_anew(r, item("1", event_digest="event 2"))
        assert await rows(db) == before
        await inbox.discard(r, "in_1")

    assert list(await rows(db)) == ["2"]


async def test_items_are_listed_newest_first_by_what_is_asked(db: Database) -> None:
    start = datetime.now(UTC)
    await put(
        db,
        item("1", received_at=start - 3 * DAY),
        aside("2", REFUSED, received_at=start - 2 * DAY),
        aside("3", REFUSED, received_at=start - DAY, verifier="other"),
        aside("4", UNREADABLE, received_at=start),
    )

    async def listed(**wanted: Any) -> str:
        async with db.reading() as r:
            return "".join(row.id.removeprefix("in_") for row in await inbox.list_items(r, **wanted))

    assert await listed() == "4321"
    assert await listed(limit=2) == "43"
    assert await listed(states=[REFUSED]) == "32"
    assert await listed(states=[REFUSED, PENDING], verifier="vendor") == "21"
    assert await listed(ids=["in_1", "in_4", "in_9"]) == "41"
    assert await listed(ids=["in_1", "in_4"], states=[PENDING]) == "1"
    assert await listed(since=start - 2 * DAY) == "432"
