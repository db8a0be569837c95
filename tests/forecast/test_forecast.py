"""The forecast of a whole book: all of it, of one instant, by several processes, and nothing left behind."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import date, timedelta, timezone
from itertools import pairwise
from multiprocessing.context import SpawnProcess
from typing import Any

import asyncpg
import pytest

from benchmarks.book import NOW, PLATFORM, fill
from onboarding import forecast as forecasts
from onboarding.catalogue.loader import builtin_bytes
from onboarding.catalogue.problems import CatalogueError
from onboarding.domain.foresight import Foresight
from onboarding.forecast import AccountForecast, ForecastFailed, Scope, forecast, summarise
from onboarding.storage.database import Database
from onboarding.storage.states import export_snapshot, next_page, reading_one_instant
from onboarding.storage.tables import Table
from tests.forecast.policies import STRICTER, US, WORKERS, asking, packed

ACCOUNTS = 300
AT = NOW + timedelta(days=30)
UNTIL = NOW + timedelta(days=90)
EVERYBODY = packed("everybody", asking(US))
CARD = "merchant.card_payments"


@pytest.fixture(scope="session")
async def book(new_book: Callable[[], str]) -> str:
    """Generated accounts; who changes a row of it puts it back."""
    url = new_book()
    await fill(url, ACCOUNTS)
    return url


@pytest.fixture
async def driver(book: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(book)
    yield connection
    await connection.close()


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecasts, "PAGE", 50)


def told(url: str, target: bytes = EVERYBODY, scope: Scope | None = None, **options: Any) -> Any:
    """By one process where nothing else is said: each takes two seconds to start."""
    return forecast(url, target, **{"at": AT, "until": UNTIL, "scope": scope or Scope(), "processes": 1, **options})


async def listed(*arguments: Any, **options: Any) -> list[AccountForecast]:
    return [one async for one in told(*arguments, **options)]


def processes() -> list[SpawnProcess]:
    """Of forecasts; other tests of this process may have children of their own."""
    return [one for one in multiprocessing.active_children() if isinstance(one, SpawnProcess)]


async def processes_of(driver: Any) -> int:
    count: int = await driver.fetchval("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'forecast'")
    return count


async def nothing_is_left(driver: Any) -> None:
    for _ in range(400):
        if not await processes_of(driver):
            break
        await asyncio.sleep(0.05)
    assert await processes_of(driver) == 0
    assert processes() == []


# --- all of it --------------------------------------------------------------------------------------------------------


async def test_every_account_is_told_once_in_the_order_of_the_ids(book: str) -> None:
    found = await listed(book)

    assert [one.account_id for one in found] == [f"acct_{number:08d}" for number in range(ACCOUNTS)]
    assert {one.platform_id for one in found} == {PLATFORM}


@pytest.mark.usefixtures("small_pages")
async def test_one_process_and_two_tell_the_same(book: str) -> None:
    assert await listed(book, STRICTER, processes=1) == await listed(book, STRICTER, processes=2)


@pytest.mark.usefixtures("small_pages")
async def test_progress_is_told_after_every_page(book: str) -> None:
    seen: list[tuple[int, int]] = []

    await listed(book, builtin_bytes(), processes=1, progress=lambda done, total: seen.append((done, total)))

    assert seen[-1] == (ACCOUNTS, ACCOUNTS)
    assert [later[0] - earlier[0] for earlier, later in pairwise(seen)] == [50] * (len(seen) - 1)


async def test_a_scope_is_a_platform_a_mode_or_the_name_of_a_policy(book: str) -> None:
    everyone = Scope(PLATFORM, livemode=True, name="builtin")

    assert len(await listed(book, builtin_bytes(), everyone)) == ACCOUNTS
    for nobody in (Scope("plat_other"), Scope(livemode=False), Scope(name="other")):
        assert await listed(book, builtin_bytes(), nobody) == []


async def test_an_empty_book_has_an_empty_forecast(empty_book: str) -> None:
    assert await listed(empty_book) == []


async def test_the_policy_that_binds_already_changes_nothing(book: str) -> None:
    found = await listed(book, builtin_bytes())

    assert len(found) == ACCOUNTS
    assert not any(one.differs for one in found)


async def test_an_erased_account_is_in_no_forecast(book: str, driver: Any) -> None:
    await driver.execute("UPDATE accounts SET data_key = NULL WHERE id = 'acct_00000007'")
    try:
        found = await listed(book, builtin_bytes())
    finally:
        await driver.execute("UPDATE accounts SET data_key = 'no key' WHERE id = 'acct_00000007'")

    assert len(found) == ACCOUNTS - 1


async def test_an_account_that_can_not_be_decided_says_so_and_the_others_are_told(book: str, driver: Any) -> None:
    await driver.execute("UPDATE accounts SET evaluator_version = 999 WHERE id = 'acct_00000001'")
    await driver.execute("UPDATE accounts SET policy_hash = 'unknown' WHERE id = 'acct_00000002'")
    try:
        counted = await summarise(told(book))
        found = {one.account_id: one.fault for one in await listed(book) if one.fault}
    finally:
        await driver.execute(
            "UPDATE accounts SET (evaluator_version, policy_hash) = (SELECT evaluator_version, policy_hash"
            " FROM accounts WHERE id = 'acct_00000003') WHERE id IN ('acct_00000001', 'acct_00000002')"
        )

    assert found == {"acct_00000001": "older_than_row", "acct_00000002": "policy_unavailable"}
    assert (counted.accounts, counted.undecided) == (ACCOUNTS, 2)


async def test_whatever_goes_wrong_with_one_account_is_its_own_fault(
    book: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Foresight, "difference", breaks)
    database = Database(book, pool_size=1)
    try:
        async with reading_one_instant(database) as r:
            snapshot, now = await export_snapshot(r)
            worker = forecasts._Worker(forecasts._Task(book, snapshot, EVERYBODY, Scope(), now, AT, UNTIL))
            found = await worker.page("", "acct_00000002")
            await worker.close()
    finally:
        await database.close()

    assert {one.fault for one in found} == {"engine_ZeroDivisionError"}
    assert len(found) == 3


@pytest.mark.parametrize("change", [{"at": AT.replace(tzinfo=None)}, {"until": AT - timedelta(seconds=1)}])
async def test_instants_must_be_in_order_and_have_zones(book: str, change: Any) -> None:
    with pytest.raises(ValueError, match="two instants in order"):
        await listed(book, **change)


async def test_what_is_no_policy_is_refused_before_anything_is_read() -> None:
    with pytest.raises(CatalogueError):
        await listed(
            "postgresql://nobody@127.0.0.1:1/nowhere", b'{"name": "x", "version": 1, "document": {"rules": [{}]}}'
        )


# --- of one instant, and nothing written ------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_pages")
async def test_a_book_that_changes_meanwhile_is_told_as_it_was(new_book: Callable[[], str]) -> None:
    url = new_book()
    await fill(url, ACCOUNTS)
    expected = await listed(url)
    found: list[AccountForecast] = []
    connection = await asyncpg.connect(url)
    try:
        async for one in told(url):
            if not found:
                await connection.execute("UPDATE accounts SET policy_hash = 'other', shape = '{}'")
                await connection.execute("DELETE FROM marks")
            found.append(one)
    finally:
        await connection.close()

    assert found == expected


async def test_nothing_is_written(new_book: Callable[[], str]) -> None:
    url = new_book()
    await fill(url, 150)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("ALTER SYSTEM SET autovacuum = off")  # it writes whenever it likes
        await connection.execute("SELECT pg_reload_conf()")
        before = await everything(connection)
        assert len(await listed(url)) == 150
        assert await everything(connection) == before
    finally:
        await connection.execute("ALTER SYSTEM RESET autovacuum")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.close()


async def everything(connection: Any) -> dict[str, Any]:
    """Every row with its place and the transaction that wrote it, every sequence, and the next transaction's id."""
    found: dict[str, Any] = {}
    for name in sorted(Table.metadata.tables):
        rows = await connection.fetch(f'SELECT xmin::text, xmax::text, ctid::text, t::text FROM "{name}" t')  # noqa: S608
        found[name] = sorted(map(tuple, rows))
    found["sequences"] = sorted(map(tuple, await connection.fetch("SELECT * FROM pg_sequences")))
    found["next"] = await connection.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
    return found


# --- several processes ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_pages")
async def test_a_process_that_dies_ends_the_forecast_with_an_error(book: str, driver: Any) -> None:
    found: list[AccountForecast] = []

    async def read() -> None:
        async for one in told(book, STRICTER, processes=2):
            if not found:
                os.kill(processes()[0].pid or 0, signal.SIGKILL)
            found.append(one)

    with pytest.raises(ForecastFailed, match="a process died"):
        await read()

    assert 0 < len(found) < ACCOUNTS
    await nothing_is_left(driver)


@pytest.mark.usefixtures("small_pages")
async def test_a_page_that_lacks_an_account_is_an_error(book: str, monkeypatch: pytest.MonkeyPatch) -> None:

    async def one_more(*arguments: Any) -> Any:
        found = await next_page(*arguments)
        return None if found is None else (found[0], found[1] + 1)

    monkeypatch.setattr(forecasts, "next_page", one_more)
    with pytest.raises(ForecastFailed, match="not the accounts"):
        await listed(book, processes=2)


@pytest.mark.usefixtures("small_pages")
async def test_whoever_stops_reading_leaves_nothing_behind(book: str, driver: Any) -> None:
    async with aclosing(told(book, processes=2)) as reading:
        async for one in reading:
            assert await processes_of(driver) > 1
            assert one.account_id == "acct_00000000"
            break

    await nothing_is_left(driver)


@pytest.mark.usefixtures("small_pages")
async def test_a_cancelled_forecast_leaves_nothing_behind(book: str, driver: Any) -> None:
    began = asyncio.Event()

    async def read() -> None:
        async for _ in told(book, processes=2):
            began.set()
            await asyncio.sleep(0.01)

    reading = asyncio.create_task(read())
    await began.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    # What the task had open is closed by the event loop, as for every generator that nobody closes.
    await asyncio.sleep(0)
    await nothing_is_left(driver)


@pytest.mark.usefixtures("small_pages")
async def test_processes_wait_for_whoever_reads_slowly(book: str, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []

    async def noted(*arguments: Any) -> Any:
        taken.append(arguments[2])
        return await next_page(*arguments)

    monkeypatch.setattr(forecasts, "next_page", noted)
    async with aclosing(told(book, processes=1)) as reading:
        async for one in reading:
            await asyncio.sleep(1.0 if one.account_id == "acct_00000000" else 0)
            if one.account_id == "acct_00000049":
                assert len(taken) == forecasts.AHEAD
                break


_READS_SLOWLY = """
import asyncio, sys
from datetime import datetime
from onboarding import forecast as forecasts
from benchmarks.book import NOW
from tests.forecast.policies import STRICTER
forecasts.PAGE = 50

async def read():
    async for one in forecasts.forecast(sys.argv[1], STRICTER, at=NOW, until=NOW, scope=forecasts.Scope(), processes=2):
        print("began", flush=True)
        await asyncio.sleep(60)

if __name__ == "__main__":
    asyncio.run(read())
"""


async def test_processes_end_with_a_parent_that_was_killed(book: str, driver: Any, tmp_path: Any) -> None:
    script = tmp_path / "reads_slowly.py"
    script.write_text(_READS_SLOWLY)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, script, book], stdout=subprocess.PIPE, env=environment)  # noqa: ASYNC220, S603
    try:
        assert parent.stdout is not None
        assert await asyncio.to_thread(parent.stdout.readline) == b"began\n"
        assert await processes_of(driver) > 1
    finally:
        parent.kill()
        await asyncio.to_thread(parent.communicate)

    await nothing_is_left(driver)


# --- in numbers -------------------------------------------------------------------------------------------------------


async def test_a_summary_counts_accounts() -> None:
    at = AT.replace(hour=23, minute=30)
    elsewhere = at.astimezone(timezone(timedelta(hours=2)))
    one = AccountForecast(
        "acct_1",
        PLATFORM,
        ("person_1:email", "person_2:email", WORKERS),
        (),
        ((CARD, elsewhere),),
        (),
        loses_active=True,
    )

    async def some() -> AsyncIterator[AccountForecast]:
        yield one
        yield replace(one, account_id="acct_2", loses_active=False, becomes_due=("email",))
        yield AccountForecast("acct_3", PLATFORM, no_longer_due=(WORKERS,), rises=((CARD, at),))
        yield AccountForecast("acct_4", PLATFORM)

    counted = await summarise(some())

    assert (counted.accounts, counted.changed, counted.undecided) == (4, 3, 0)
    assert counted.becoming_due == {"email": 2, WORKERS: 1}
    assert counted.no_longer_due == {WORKERS: 1}
    assert counted.falling == {(CARD, date(2026, 12, 1)): 2}
    assert counted.rising == {(CARD, date(2026, 12, 1)): 1}
    assert counted.share_restricted == 0.25


async def test_of_nobody_no_share_is_restricted(empty_book: str) -> None:
    assert (await summarise(told(empty_book))).share_restricted == 0.0


async def test_a_new_leaf_falls_due_for_the_open_accounts_of_a_book(book: str) -> None:
    counted = await summarise(told(book))

    closed = ACCOUNTS * 4 // 100
    assert counted.becoming_due == {WORKERS: ACCOUNTS - closed}
    assert counted.falling[CARD, (AT + timedelta(days=20)).date()] == counted.losing
    assert 0.5 < counted.share_restricted < 0.9
