"""What can go wrong below the repositories. None of these holds a value of a row: driver errors do, and stay here.

::

    ConnectionLost      the connection broke; nothing is known about the last statement: do it again
    StatementFailed     Postgres refused the statement: a mistake of ours
"""

from __future__ import annotations

import asyncpg
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.exc import DBAPIError

from onboarding.domain.errors import Refusal, RefusalKind


class ConnectionLost(Exception):  # noqa: N818 -- says what happened
    """The connection to Postgres broke or could not be had. What was not committed is undone; try again."""


class StatementFailed(Exception):  # noqa: N818 -- says what happened
    """Postgres refused a statement. Says by which rule, never with which values."""

    def __init__(self, sqlstate: str, constraint: str | None = None) -> None:
        super().__init__(f"{sqlstate} {constraint}" if constraint else sqlstate)
        self.sqlstate = sqlstate
        self.constraint = constraint


DRIVER_ERRORS: tuple[type[BaseException], ...] = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # Raised when the server dies in the middle of a message; no ConnectionError.
    asyncpg.InternalClientError,
    # SQLAlchemy's names for the same, where its pool opens a connection.
    AsyncAdapt_asyncpg_dbapi.Error,
    DBAPIError,
    OSError,
    TimeoutError,
)

_BUSY = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    # The schema changed under a prepared statement; the driver has forgotten it by now.
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
    OSError,
    TimeoutError,
)


def translated(error: BaseException, *, is_closed: bool) -> Exception:
    """What to raise instead of one of ``DRIVER_ERRORS``; ``is_closed``: the connection does not live any more."""
    cause = _driver_error(error)
    if isinstance(cause, _BUSY):
        return busy("Another request is changing the same object.")
    if is_closed or isinstance(cause, _LOST):
        return ConnectionLost(type(cause).__name__)
    if isinstance(cause, asyncpg.PostgresError):
        return StatementFailed(cause.sqlstate or "XX000", cause.constraint_name)
    return StatementFailed(type(cause).__name__)


def busy(reason: str) -> Refusal:
    """The refusal with which the caller is told to come again."""
    return Refusal(
        "account_rate_limit_exceeded",
        f"{reason} Try again in a moment.",
        kind=RefusalKind.BUSY,
        type="rate_limit",
    )


def _driver_error(error: BaseException) -> BaseException:
    """The driver's own exception inside those of SQLAlchemy."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    if isinstance(error, AsyncAdapt_asyncpg_dbapi.Error) and error.__cause__ is not None:
        return error.__cause__
    return error
