"""Connections, transactions and how long they may wait.

Repositories get a :class:`Reading` or a :class:`Transaction` and send SQL text with ``$1`` parameters. They speak to
the driver itself: SQLAlchemy's pool lends the connection, and its statement layer (three times the cost of a short
statement) is left out. What goes wrong comes out as :mod:`onboarding.storage.faults`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import orjson
from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

from onboarding.storage.batch import Batch
from onboarding.storage.faults import DRIVER_ERRORS, ConnectionLost, StatementFailed, busy, translated

LOCK_TIMEOUT = timedelta(seconds=2)
"""How long a change waits for an account or an idempotency key before the caller is told to come again."""

_PLANNING = {
    # Every statement here reads a few rows by an index. Plans are kept for the life of a connection, so the planner
    # must not choose otherwise because a table was small, or its statistics missing, when it planned.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "random_page_cost": "1.1",
    # Estimates for jsonb functions are high enough to set it off, and it costs more than any statement here.
    "jit": "off",
}

Row = Any
"""A row as the driver gives it: a tuple whose fields also have names."""


class Reading:
    """One borrowed connection without a transaction: each statement sees the newest commits.

    Not for two tasks at a time.
    """

    def __init__(self, driver: Any, listeners: Sequence[Callable[[str], None]]) -> None:
        self._driver = driver
        self._listeners = listeners

    async def fetch(self, sql: str, *parameters: object) -> list[Row]:
        """All rows of one statement; one round trip."""
        self._tell(sql)
        try:
            rows: list[Row] = await self._driver.fetch(sql, *parameters)
        except DRIVER_ERRORS as error:
            raise translated(error, is_closed=self._driver.is_closed()) from None
        return rows

    async def fetch_one(self, sql: str, *parameters: object) -> Row | None:
        """The first row of one statement, or None; one round trip."""
        rows = await self.fetch(sql, *parameters)
        return rows[0] if rows else None

    async def send(self, sql: str) -> str:
        """Send text without parameters, maybe several statements; one round trip.

        Returns:
            the last statement's status, like ``COMMIT`` or ``UPDATE 1``.
        """
        self._tell(sql)
        try:
            status: str = await self._driver.execute(sql)
        except DRIVER_ERRORS as error:
            raise translated(error, is_closed=self._driver.is_closed()) from None
        return status

    def _tell(self, sql: str) -> None:
        for listener in self._listeners:
            listener(sql)


class Transaction(Reading):
    """One READ COMMITTED transaction. Made by :meth:`Database.transaction`, which commits or rolls back."""

    async def apply(self, batch: Batch) -> None:
        """Write a whole batch in one round trip; an empty one costs none.

        Raises:
            StatementFailed: a constraint is broken, or a row to update is not there (``no_such_row``).
        """
        if not batch:
            return
        text, parameters = batch.statement()
        row = await self.fetch_one(text, *parameters)
        if row is None or row["updated"] != batch.expected_updates:
            raise StatementFailed("no_such_row")


class Database:
    """The connections of one process.

    Args:
        url: ``postgresql://…``.
        pool_size: connections at most; whoever finds none free waits ``pool_timeout`` and is then told to come again.
        application_name: what Postgres shows of this process.
        statement_timeout: the longest one statement may run.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        pool_timeout: timedelta = timedelta(seconds=5),
        application_name: str = "onboarding",
        statement_timeout: timedelta = timedelta(seconds=15),
    ) -> None:
        settings = {
            "application_name": application_name,
            "timezone": "UTC",
            "statement_timeout": _milliseconds(statement_timeout),
            "idle_in_transaction_session_timeout": _milliseconds(2 * statement_timeout),
            "log_parameter_max_length_on_error": "0",
            **_PLANNING,
        }

        async def connect() -> Any:
            return await asyncpg.connect(
                url.replace("postgresql+asyncpg://", "postgresql://", 1),
                server_settings=settings,
                timeout=10,
                statement_cache_size=400,
                max_cached_statement_lifetime=0,
                max_cacheable_statement_size=0,
            )

        self.engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=connect,
            pool_size=pool_size,
            max_overflow=0,
            json_deserializer=orjson.loads,
        )
        event.listen(self.engine.sync_engine, "checkout", _refuse_closed)
        # The pool's own queue lets newcomers overtake whoever waits, and sends that one to its end.
        self._places = asyncio.Semaphore(pool_size)
        self._pool_timeout = pool_timeout.total_seconds()
        self._listeners: list[Callable[[str], None]] = []

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reading]:
        """Lend a connection for reading; every statement stands alone."""
        lent = await self._lend()
        try:
            yield Reading(lent.driver_connection, self._listeners)
        except BaseException as error:
            await self._give_back(lent, is_lost=isinstance(error, ConnectionLost))
            raise
        await self._give_back(lent)

    @asynccontextmanager
    async def transaction(self, *, lock_timeout: timedelta = LOCK_TIMEOUT) -> AsyncIterator[Transaction]:
        """Run one transaction: commits at the end of the block, rolls back on any exception.

        Raises:
            Refusal: ``account_rate_limit_exceeded``: a lock was not to be had in ``lock_timeout``, or a deadlock.
            ConnectionLost: nothing is known about a commit that was under way.
        """
        lent = await self._lend()
        tx = Transaction(lent.driver_connection, self._listeners)
        try:
            await tx.send(
                f"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = {_milliseconds(lock_timeout)}"
            )
            yield tx
            _require_commit(await tx.send("COMMIT"))
        except ConnectionLost:
            await self._give_back(lent, is_lost=True)
            raise
        except BaseException:
            await self._roll_back(lent, tx)
            raise
        await self._give_back(lent)

    @contextmanager
    def round_trips(self) -> Iterator[list[str]]:
        """Collect the text of every statement that this process sends meanwhile, ``BEGIN`` and ``COMMIT`` included."""
        sent: list[str] = []
        self._listeners.append(sent.append)
        try:
            yield sent
        finally:
            self._listeners.remove(sent.append)

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()

    async def _lend(self) -> PoolProxiedConnection:
        try:
            async with asyncio.timeout(self._pool_timeout if self._places.locked() else None):
                await self._places.acquire()
        except TimeoutError:
            raise busy("Too many requests at a time.") from None
        try:
            lent: PoolProxiedConnection = await greenlet_spawn(self.engine.sync_engine.raw_connection)
        except BaseException as error:
            self._places.release()
            if isinstance(error, DRIVER_ERRORS):
                raise translated(error, is_closed=True) from None
            raise
        return lent

    async def _give_back(self, lent: PoolProxiedConnection, *, is_lost: bool = False) -> None:
        """Back into the pool, unless it can't be used again.

        A connection that broke in the middle of a message may not know yet that it is closed, nor that it is in a
        transaction: ``is_lost`` says so.
        """
        driver: Any = lent.driver_connection
        try:
            if is_lost or driver is None or driver.is_closed() or driver.is_in_transaction():
                await greenlet_spawn(lent.invalidate)
            else:
                await greenlet_spawn(lent.close)
        finally:
            self._places.release()

    async def _roll_back(self, lent: PoolProxiedConnection, tx: Transaction) -> None:
        driver: Any = lent.driver_connection
        try:
            if not driver.is_closed() and driver.is_in_transaction():
                await tx.send("ROLLBACK")
        except BaseException:  # noqa: BLE001 -- whatever it is, the first exception counts and the connection goes
            driver.terminate()
        await self._give_back(lent)


def _refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
    """Take no connection from the pool that the server has closed, nor any older one: it was restarted."""
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError


def _require_commit(status: str) -> None:
    """A failed statement that somebody swallowed leaves nothing to commit, and Postgres says so in the status only."""
    if status != "COMMIT":
        raise StatementFailed("rolled_back")


def _milliseconds(duration: timedelta) -> str:
    return str(max(1, round(duration.total_seconds() * 1000)))
