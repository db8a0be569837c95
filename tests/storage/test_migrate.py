"""The migrations make exactly the schema of the table classes, whoever runs them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from onboarding.local.postgres import LocalPostgres
from onboarding.storage import migrate
from onboarding.storage.database import Database
from onboarding.storage.tables import Table


def test_migrations_and_tables_do_not_differ(database_url: str) -> None:
    assert migrate.check(database_url) == []


async def test_a_difference_is_found(postgres: LocalPostgres) -> None:
    postgres.create_database("differs")
    url = postgres.url("differs")
    migrate.upgrade(url)  # inside a running loop, too
    database = Database(url, pool_size=1)
    async with database.reading() as r:
        await r.fetch("ALTER TABLE marks DROP COLUMN value")
        await r.fetch("DROP INDEX uq_checks_open")
    await database.close()

    differences = "\n".join(await asyncio.to_thread(migrate.check, url))
    assert "'value'" in differences
    assert "uq_checks_open" in differences


def test_starters_at_the_same_time_take_turns(postgres: LocalPostgres) -> None:
    postgres.create_database("together")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate.upgrade, [postgres.url("together")] * 4))

    assert migrate.check(postgres.url("together")) == []


def test_a_failed_migration_is_told(postgres: LocalPostgres) -> None:
    with pytest.raises(Exception, match="nowhere"):
        migrate.upgrade(postgres.url("nowhere"))


async def test_every_instant_has_a_zone_and_every_constraint_a_name(db: Database) -> None:
    async with db.reading() as r:
        naive = await r.fetch(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND data_type = 'timestamp without time zone'"
        )
        tables = await r.fetch("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")

    assert naive == []
    assert {row[0] for row in tables} - {"alembic_version", "scratch"} == set(Table.metadata.tables)
    assert all(constraint.name for table in Table.metadata.tables.values() for constraint in table.constraints)
