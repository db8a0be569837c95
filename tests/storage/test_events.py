"""No reader of the events list misses one, however writers interleave."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest

from onboarding.storage import events
from onboarding.storage.batch import Batch
from onboarding.storage.database import Database, Reading
from onboarding.storage.events import EventCursor, EventFilter
from onboarding.storage.rows import EventRow
from tests.storage import making


async def _page(r: Reading, after: EventCursor | None = None, *, descending: bool = True) -> list[EventRow]:
    return await events.list_events(
        r, platform_id="plat_1", livemode=False, after=after, descending=descending, limit=7
    )


def _cursor(event: EventRow) -> EventCursor:
    return EventCursor(event.xid, event.sequence, event.id)


async def _make(db: Database, *, accounts: int = 1) -> None:
    batch = Batch()
    making.platform(batch)
    for number in range(accounts):
        making.account(batch, f"acct_{number}")
    await making.apply(db, batch)


async def test_a_reader_that_follows_the_cursor_sees_every_event_once(db: Database) -> None:
    accounts, rounds = 8, 15
    await _make(db, accounts=accounts)
    done = asyncio.Event()
    chance = random.Random(1)  # noqa: S311 -- a test's shuffling

    async def write(number: int) -> None:
        for turn in range(rounds):
            async with db.transaction() as tx:
                batch = Batch()
                for part in (1, 2):
                    making.event(batch, 2 * turn + part, f"acct_{number}")
                await tx.apply(batch)
                await asyncio.sleep(chance.random() * 0.02)  # others begin later and commit before

    async def read() -> list[str]:
        seen: list[str] = []
        after: EventCursor | None = None
        async with db.reading() as r:
            while True:
                was_done = done.is_set()
                page = await _page(r, after, descending=False)
                seen += [event.id for event in page]
                after = _cursor(page[-1]) if page else after
                if was_done and not page:
                    return seen

    readers = [asyncio.create_task(read()) for _ in range(3)]
    await asyncio.gather(*(write(number) for number in range(accounts)))
    done.set()

    for seen in await asyncio.gather(*readers):
        assert len(seen) == len(set(seen)) == accounts * rounds * 2
        for number in range(accounts):
            of_one = [event_id for event_id in seen if event_id.startswith(f"evt_acct_{number}_")]
            assert of_one == sorted(of_one)


async def test_an_event_behind_a_running_transaction_is_not_shown_yet(db: Database) -> None:
    await _make(db, accounts=2)
    early, late = Batch(), Batch()
    making.event(early, 1, "acct_0")
    making.event(late, 1, "acct_1")

    async with db.reading() as r:
        async with db.transaction() as tx:
            await tx.apply(early)
            await making.apply(db, late)
            assert await _page(r) == []
            found = await events.get_event(r, platform_id="plat_1", livemode=False, event_id="evt_acct_1_001")
            assert found is not None
        assert [event.id for event in await _page(r)] == ["evt_acct_1_001", "evt_acct_0_001"]


async def test_pages_go_from_the_newest_to_the_oldest(db: Database) -> None:
    await _make(db)
    for turn in range(5):
        batch = Batch()
        for part in range(4):
            making.event(batch, 4 * turn + part, "acct_0")
        await making.apply(db, batch)

    seen: list[int] = []
    after: EventCursor | None = None
    async with db.reading() as r:
        while page := await _page(r, after):
            seen += [event.sequence for event in page]
            after = _cursor(page[-1])

    assert seen == list(range(19, -1, -1))


async def test_filters_narrow_the_list(db: Database) -> None:
    await _make(db)
    batch = Batch()
    making.event(batch, 1, "acct_0", related_id="acct_0", related_type="v2.core.account", data={"a": [1]})
    making.event(batch, 2, "acct_0", related_id="person_1", type="v2.core.account_person.created", sealed=b"s")
    making.event(batch, 3, "acct_0", livemode=True)
    await making.apply(db, batch)

    async def ids(where: EventFilter, *, livemode: bool = False, platform_id: str = "plat_1") -> list[str]:
        async with db.reading() as r:
            page = await events.list_events(r, platform_id=platform_id, livemode=livemode, where=where)
        return [event.id.removeprefix("evt_acct_0_") for event in page]

    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    assert await ids(EventFilter()) == ["002", "001"]
    assert await ids(EventFilter(), livemode=True) == ["003"]
    assert await ids(EventFilter(), platform_id="plat_2") == []
    assert await ids(EventFilter(object_id="person_1")) == ["002"]
    assert await ids(EventFilter(types=["v2.core.account.updated", "other"])) == ["001"]
    assert await ids(EventFilter(created_gt=now - hour, created_lt=now + hour)) == ["002", "001"]
    assert await ids(EventFilter(created_gte=now + hour)) == []
    assert await ids(EventFilter(created_lte=now - hour)) == []
    assert await ids(EventFilter(object_id="acct_0", types=["other"])) == []


async def test_an_event_is_found_only_in_its_platform_and_mode(db: Database) -> None:
    await _make(db)
    batch = Batch()
    making.event(batch, 1, "acct_0", data={"changed": True}, request_id="req_1", sealed=b"\x00")
    making.event(batch, 2, "acct_0")
    await making.apply(db, batch)

    async with db.reading() as r:
        found = await events.get_event(r, platform_id="plat_1", livemode=False, event_id="evt_acct_0_001")
        assert await events.get_event(r, platform_id="plat_1", livemode=True, event_id="evt_acct_0_001") is None
        assert await events.get_event(r, platform_id="plat_2", livemode=False, event_id="evt_acct_0_001") is None
        many = await events.find_events(r, ["evt_acct_0_002", "evt_acct_0_001", "evt_none"])

    assert found is not None
    assert (found.data, found.request_id, found.sealed) == ({"changed": True}, "req_1", b"\x00")
    assert found.xid > 0
    assert [event.sequence for event in many] == [1, 2]


@pytest.mark.parametrize("descending", [True, False])
async def test_a_page_is_read_from_an_index(db: Database, *, descending: bool) -> None:
    await _make(db)
    async with db.reading() as r:
        await r.fetch(
            "INSERT INTO events (id, account_id, platform_id, livemode, sequence, xid, type, effective_at, data)"
            " SELECT 'evt_' || n, 'acct_0', 'plat_' || n % 3, false, n, (n / 300)::text::xid8, 't', now(), '{}'"
            " FROM generate_series(1, 20000) n"
        )
        await r.fetch("ANALYZE events")
        async with db.transaction() as tx:
            await tx.fetch("SET LOCAL enable_sort = off")
            explained: list[str] = []

            class Explaining(Reading):
                async def fetch(self, sql: str, *parameters: object) -> list[tuple[str]]:
                    rows = await super().fetch("EXPLAIN (ANALYZE, COSTS OFF) " + sql, *parameters)
                    explained.extend(row[0] for row in rows)
                    return []

            await _page(Explaining(tx._driver, []), EventCursor(30, 9001, "evt_9001"), descending=descending)

    plan = "\n".join(explained)
    assert "ix_events_platform_id_livemode_xid_sequence_id" in plan
    assert "Sort" not in plan
    assert "rows=7" in plan
