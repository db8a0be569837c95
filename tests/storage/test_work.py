"""The sweep finds due accounts quickly, fairly, and each once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from onboarding.storage import accounts, tables, work
from onboarding.storage.batch import Batch
from onboarding.storage.database import Database
from tests.storage import making


async def _due(db: Database, *, limit: int = 100, per_platform: int = 10, ahead: int = 0) -> list[str]:
    async with db.reading() as r:
        return await work.due_accounts(r, limit=limit, per_platform=per_platform, ahead=timedelta(minutes=ahead))


async def _make(db: Database, waiting: dict[str, list[float]]) -> None:
    """Accounts ``<platform>.<number>`` that are due that many minutes ago."""
    batch = Batch()
    now = datetime.now(UTC)
    for platform_id, minutes in waiting.items():
        making.platform(batch, platform_id)
        for number, ago in enumerate(minutes):
            making.account(batch, f"{platform_id}.{number}", platform_id, look_at=now - timedelta(minutes=ago))
    await making.apply(db, batch)


async def test_a_platform_with_a_backlog_does_not_delay_the_others(db: Database) -> None:
    await _make(db, {"big": [float(1000 - number) for number in range(200)], "small": [1.0, 2.0], "other": [1.0]})

    assert await _due(db, limit=5, per_platform=10) == ["big.0", "small.1", "other.0", "big.1", "small.0"]
    await _make(db, {"late": [1.0] * 4})
    rest = [f"big.{number}" for number in range(2, 10)]
    shared = ["big.2", "late.0", "big.3", "late.1", "big.4", "late.2", "big.5", "late.3", *rest[4:]]
    assert await _due(db, limit=12, per_platform=3) == shared


async def test_only_what_is_due_is_picked_and_moved_on(db: Database) -> None:
    await _make(db, {"plat": [1.0, -5.0, -20.0]})

    assert await _due(db, ahead=10) == ["plat.0", "plat.1"]
    assert await _due(db, ahead=10) == []
    async with db.reading() as r:
        rows = await r.fetch("SELECT look_at - now(), look_tries FROM accounts ORDER BY id")
    assert [(round(row[0].total_seconds() / 60), row[1]) for row in rows] == [(11, 1), (11, 1), (20, 0)]


async def test_waits_double_up_to_an_hour(db: Database) -> None:
    await _make(db, {"plat": [1.0]})

    waits = []
    for _ in range(9):
        async with db.reading() as r:
            await r.fetch("UPDATE accounts SET look_at = now()")
        assert await _due(db) == ["plat.0"]
        async with db.reading() as r:
            rows = await r.fetch("SELECT look_at - now() FROM accounts")
        waits.append(round(rows[0][0].total_seconds() / 60))

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_two_sweeps_at_once_share_the_accounts(db: Database) -> None:
    await _make(db, {f"plat_{number}": [1.0] * 20 for number in range(5)})

    picked = await asyncio.gather(*(_due(db, limit=100, per_platform=20) for _ in range(4)))

    together = [account_id for part in picked for account_id in part]
    assert len(together) == len(set(together))
    assert set(together) | set(await _due(db, per_platform=20)) == {
        f"plat_{platform}.{number}" for platform in range(5) for number in range(20)
    }


async def test_an_account_that_is_being_changed_is_left_alone(db: Database) -> None:
    await _make(db, {"plat": [2.0, 1.0]})

    async with db.transaction() as tx:
        await accounts.lock(tx, "plat.0")
        assert await _due(db) == ["plat.1"]


async def test_the_due_ones_among_many_are_found_by_index(db: Database) -> None:
    batch = Batch()
    for number in range(20):
        batch.insert(tables.Platform, id=f"plat_{number}", created_at=making.NOW)
    await making.apply(db, batch)
    async with db.reading() as r:
        await r.fetch(
            "INSERT INTO accounts (id, platform_id, livemode, created_at, updated_at, configurations, shape,"
            " evaluator_version, version, event_sequence, audit_count, run_epoch, look_tries, reminders, look_at)"
            " SELECT 'acct_' || n, 'plat_' || n % 20, false, now(), now(), '{}', '{}', 0, 0, 0, 0, 0, 0, 0,"
            " CASE WHEN n % 10 < 8 THEN NULL ELSE now() + n * interval '1 minute' END FROM generate_series(1, 50000) n"
        )
        await r.fetch("ANALYZE accounts")
        plan = await r.fetch(f"EXPLAIN (ANALYZE, COSTS OFF) {_with_values(work._DUE)}")

    text = "\n".join(row[0] for row in plan)
    assert "ix_accounts_due" in text
    assert "Seq Scan on accounts" not in text


def _with_values(sql: str) -> str:
    values = {
        "$1": "200",
        "$2": "'30 minutes'",
        "$3": "interval '1 minute'",
        "$4": "interval '1 hour'",
        "{per_platform}": "20",
    }
    for mark, value in values.items():
        sql = sql.replace(mark, value)
    return sql
