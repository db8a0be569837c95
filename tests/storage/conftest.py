"""A Postgres server per test session, with the schema made by the migrations; every test begins with empty tables."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from onboarding.local.postgres import LocalPostgres
from onboarding.storage import migrate
from onboarding.storage.database import Database
from onboarding.storage.tables import Table


@pytest.fixture(scope="session")
def postgres() -> Iterator[LocalPostgres]:
    # Not below pytest's own folder: only its owner may enter that, and the server may run as another user.
    with tempfile.TemporaryDirectory(prefix="onboarding-storage-") as folder:
        Path(folder).chmod(0o755)
        with LocalPostgres(Path(folder) / "data", durable=False) as server:
            yield server


@pytest.fixture(scope="session")
def database_url(postgres: LocalPostgres) -> str:
    postgres.create_database("storage")
    url = postgres.url("storage")
    migrate.upgrade(url)
    return url


@pytest.fixture(scope="session")
async def session_database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool_size=25)
    yield database
    await database.close()


@pytest.fixture
async def db(session_database: Database) -> Database:
    names = ", ".join(f'"{name}"' for name in Table.metadata.tables)
    async with session_database.reading() as r:
        await r.fetch(f"TRUNCATE {names}")
    return session_database
