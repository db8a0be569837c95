"""Bring a database's schema up to date.

Migrations only go forward: a mistake is mended by the next one. Each must let the version of the program before it go
on working, since API and workers are replaced one by one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import asyncpg
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine

from onboarding.storage.tables import Table

_FOLDER = Path(__file__).with_name("migrations")
# Any number, but the same in all versions of the program: two starters at once take turns.
_ADVISORY_LOCK = 7_239_150_441_883


def upgrade(database_url: str) -> None:
    """Apply the migrations that this database lacks; does nothing if it has all. Safe to call from many at once.

    Usable with and without a running event loop.
    """
    _run(database_url, lambda connection: command.upgrade(_config(connection), "head"))


def check(database_url: str) -> list[str]:
    """What differs between this database and the table classes, one line each; empty if nothing does."""
    differences: list[str] = []

    def compare(connection: Connection) -> None:
        context = MigrationContext.configure(connection)
        differences.extend(str(difference) for difference in compare_metadata(context, Table.metadata))

    _run(database_url, compare)
    return differences


def draft(database_url: str, message: str) -> None:
    """Write the next migration's file from what :func:`check` finds, for a person to review."""

    def write(connection: Connection) -> None:
        command.revision(_config(connection), message=message, autogenerate=True)

    _run(database_url, write)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _run(database_url: str, work: Callable[[Connection], None]) -> None:
    """Run ``work`` on one connection under the advisory lock, in a thread with an event loop of its own."""
    failures: list[BaseException] = []

    def in_thread() -> None:
        try:
            asyncio.run(_locked(database_url, work))
        except BaseException as failure:  # noqa: BLE001 -- raised again below, in the caller's thread
            failures.append(failure)

    thread = threading.Thread(target=in_thread, name="migrate")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


async def _locked(database_url: str, work: Callable[[Connection], None]) -> None:
    async def connect() -> object:
        return await asyncpg.connect(database_url, server_settings={"application_name": "onboarding-migrate"})

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            # Of the session, not of the transaction: alembic has transactions of its own.
            await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK})
            await connection.commit()
            await connection.run_sync(work)
            await connection.commit()
    finally:
        await engine.dispose()
