"""What goes wrong comes out by name and without a value; nothing is half done."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.local.postgres import LocalPostgres
from onboarding.storage import accounts, migrate, tables
from onboarding.storage.batch import Batch
from onboarding.storage.database import Database
from onboarding.storage.faults import ConnectionLost, StatementFailed
from tests.storage import making
from tests.storage.making import NOW


async def _count(db: Database, table: str) -> int:
    async with db.reading() as r:
        row = await r.fetch_one(f"SELECT count(*) FROM {table}")  # noqa: S608 -- a test's own names
    assert row is not None
    return int(row[0])


async def test_a_transaction_costs_two_round_trips_beside_its_statements(db: Database) -> None:
    with db.round_trips() as sent:
        async with db.transaction() as tx:
            await tx.fetch("SELECT 1")

    assert sent == ["BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = 2000", "SELECT 1", "COMMIT"]


async def test_an_exception_rolls_back(db: Database) -> None:
    batch = Batch()
    making.platform(batch)

    with pytest.raises(ZeroDivisionError):  # noqa: PT012 -- the block is what rolls back
        async with db.transaction() as tx:
            await tx.apply(batch)
            raise ZeroDivisionError

    assert await _count(db, "platforms") == 0


async def test_a_swallowed_failure_does_not_pass_for_a_commit(db: Database) -> None:
    batch = Batch()
    making.platform(batch)

    with pytest.raises(StatementFailed, match="rolled_back"):  # noqa: PT012 -- the block is what does not commit
        async with db.transaction() as tx:
            await tx.apply(batch)
            with pytest.raises(StatementFailed):
                await tx.fetch("SELECT 1/0")

    assert await _count(db, "platforms") == 0


async def test_a_lock_that_is_not_to_be_had_is_a_refusal(db: Database) -> None:
    await making.make_account(db)

    async with db.transaction() as first:
        await accounts.lock(first, "acct_1")
        with pytest.raises(Refusal) as refused:
            async with db.transaction(lock_timeout=timedelta(milliseconds=50)) as second:
                await accounts.lock(second, "acct_1")

    assert refused.value.code == "account_rate_limit_exceeded"
    assert refused.value.kind is RefusalKind.BUSY
    assert refused.value.type == "rate_limit"


async def test_the_lock_timeout_ends_with_its_transaction(db: Database) -> None:
    for _ in range(3):
        async with db.transaction(lock_timeout=timedelta(milliseconds=50)):
            pass
    async with db.reading() as r:
        row = await r.fetch_one("SELECT current_setting('lock_timeout')")

    assert row is not None
    assert row[0] == "0"


async def test_a_deadlock_is_a_refusal_for_one_and_nothing_for_the_other(db: Database) -> None:
    batch = Batch()
    making.platform(batch)
    making.account(batch, "acct_1")
    making.account(batch, "acct_2")
    await making.apply(db, batch)
    both_have_one = asyncio.Barrier(2)

    async def lock_both(first: str, second: str) -> None:
        async with db.transaction(lock_timeout=timedelta(seconds=10)) as tx:
            await accounts.lock(tx, first)
            await both_have_one.wait()
            await accounts.lock(tx, second)

    ends = await asyncio.gather(lock_both("acct_1", "acct_2"), lock_both("acct_2", "acct_1"), return_exceptions=True)

    assert sorted(type(end).__name__ for end in ends) == ["NoneType", "Refusal"]


async def test_a_failed_statement_tells_no_value(db: Database) -> None:
    await making.make_account(db, "acct_secret")
    batch = Batch()
    making.account(batch, "acct_secret")

    with pytest.raises(StatementFailed) as failed:
        await making.apply(db, batch)

    assert str(failed.value) == "23505 pk_accounts"
    assert failed.value.__suppress_context__


async def test_a_cancelled_transaction_leaves_no_trace_and_a_usable_connection(database_url: str, db: Database) -> None:
    await making.make_account(db)
    small = Database(database_url, pool_size=1)

    async def hang() -> None:
        async with small.transaction() as tx:
            await accounts.lock(tx, "acct_1")
            await tx.fetch("SELECT pg_sleep(30)")

    task = asyncio.create_task(hang())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async with small.transaction(lock_timeout=timedelta(milliseconds=100)) as tx:
        assert await accounts.lock(tx, "acct_1")
    await small.close()


async def test_a_full_pool_is_a_refusal(database_url: str) -> None:
    small = Database(database_url, pool_size=1, pool_timeout=timedelta(milliseconds=50))
    async with small.reading():
        with pytest.raises(Refusal):
            async with small.reading():
                pass
    await small.close()


async def test_nobody_who_waits_for_a_connection_is_overtaken(database_url: str) -> None:
    small = Database(database_url, pool_size=3)
    async with small.reading(), small.reading(), small.reading():
        pass  # to connect takes as long as it takes
    asked: list[tuple[int, int]] = []
    lent: list[tuple[int, int]] = []

    async def ask(number: int) -> None:
        for turn in range(12):
            asked.append((number, turn))
            async with small.reading() as r:
                lent.append((number, turn))
                await r.fetch("SELECT 1")
            await asyncio.sleep(0)

    await asyncio.gather(*(ask(number) for number in range(10)))
    await small.close()

    # Three who are lent one at a time may come in any order.
    assert max(abs(lent.index(one) - place) for place, one in enumerate(asked)) <= 3


async def test_a_database_that_is_not_there_is_no_connection(postgres: LocalPostgres) -> None:
    nowhere = Database(postgres.url("nowhere"), pool_size=1)
    with pytest.raises(ConnectionLost, match="InvalidCatalogNameError"):
        async with nowhere.reading():
            pass
    await nowhere.close()


async def test_a_statement_may_not_run_for_ever(database_url: str) -> None:
    hasty = Database(database_url, pool_size=1, statement_timeout=timedelta(milliseconds=50))
    async with hasty.reading() as r:
        with pytest.raises(StatementFailed, match="57014"):
            await r.fetch("SELECT pg_sleep(5)")
    await hasty.close()


async def test_a_changed_schema_costs_one_retry(database_url: str) -> None:
    database = Database(database_url, pool_size=1)
    async with database.reading() as r:
        await r.fetch("CREATE TABLE IF NOT EXISTS scratch (a int)")
        await r.fetch("SELECT * FROM scratch")
        await r.fetch("ALTER TABLE scratch ADD b int")
    with pytest.raises(ConnectionLost):
        async with database.transaction() as tx:
            await tx.fetch("SELECT * FROM scratch")
    async with database.transaction() as tx:
        await tx.fetch("SELECT * FROM scratch")
        await tx.fetch("DROP TABLE scratch")
    await database.close()


@pytest.fixture
def doomed() -> Iterator[LocalPostgres]:
    with tempfile.TemporaryDirectory(prefix="onboarding-storage-") as folder:
        Path(folder).chmod(0o755)
        with LocalPostgres(Path(folder) / "data") as server:
            yield server


async def test_a_killed_server_loses_nothing_committed_and_the_pool_heals(doomed: LocalPostgres) -> None:
    migrate.upgrade(doomed.url())
    database = Database(doomed.url(), pool_size=3, pool_timeout=timedelta(seconds=1))
    committed: list[int] = []

    async def write(lane: int) -> None:
        number = lane
        while True:
            batch = Batch()
            batch.insert(tables.Platform, id=f"plat_{number}", created_at=NOW)
            async with database.transaction() as tx:
                await tx.apply(batch)
            committed.append(number)
            number += 3

    writers = [asyncio.create_task(write(lane)) for lane in range(3)]
    await asyncio.sleep(0.5)
    assert doomed.pid is not None
    os.kill(doomed.pid, signal.SIGKILL)
    ends = await asyncio.gather(*writers, return_exceptions=True)
    assert {type(end) for end in ends} == {ConnectionLost}

    async def looks() -> None:
        # What the killed server leaves behind may answer for a moment longer.
        async with asyncio.timeout(20):
            while True:
                async with database.reading() as r:
                    await r.fetch("SELECT 1")
                await asyncio.sleep(0.1)

    with pytest.raises(ConnectionLost):
        await looks()

    port = doomed.port
    doomed.stop()
    with LocalPostgres(doomed.data_dir, port=port):
        async with database.reading() as r:  # the dead connections are found out before they are lent
            kept = {row[0] for row in await r.fetch("SELECT id FROM platforms")}
        await database.close()

    assert committed
    assert {f"plat_{number}" for number in committed} <= kept
