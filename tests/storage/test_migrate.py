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


async def test_indexes_and_defaults_are_those_of_the_table_classes(postgres: LocalPostgres, database_url: str) -> None:
    # Beyond what alembic compares: conditions of partial indexes, server defaults, foreign keys.
    postgres.create_database("by_classes")
    by_classes, by_migrations = Database(postgres.url("by_classes")), Database(database_url)
    async with by_classes.engine.begin() as connection:
        await connection.run_sync(Table.metadata.create_all)

    catalogues = []
    for database in (by_classes, by_migrations):
        async with database.reading() as r:
            rows = await r.fetch(
                "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
                " UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)"
                " FROM pg_constraint WHERE contype = 'f'"
                " UNION ALL SELECT table_name || '.' || column_name || ' ' || column_default"
                " FROM information_schema.columns WHERE table_schema = 'public' AND column_default IS NOT NULL"
            )
        catalogues.append(sorted(row[0] for row in rows))
        await database.close()
    assert catalogues[0] == catalogues[1]
    assert len(catalogues[0]) > 60


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
