"""What Temporal may read of an error: a code, and nothing that was in it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from pydantic import BaseModel
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.errors import RETRYABLE, Closed, StillWaiting, as_failure
from onboarding.domain.errors import EngineFault, Refusal
from onboarding.storage.database import Database
from onboarding.storage.faults import ConnectionLost, StatementFailed
from onboarding.verifiers.port import VerifierUnavailable

MARKER = "Zelmira Quastenberger"


class Person(BaseModel):
    age: int


async def raised_through_the_interceptor(activity: Any) -> tuple[ApplicationError, Failure]:
    """What an activity's error becomes, and what of it would be sent."""

    class Inner(ActivityInboundInterceptor):
        def __init__(self) -> None:
            pass

        async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ARG002 -- the SDK's name
            return await activity()

    wrapped = Closed().intercept_activity(Inner())
    with pytest.raises(ApplicationError) as caught:
        await wrapped.execute_activity(ExecuteActivityInput(activity, (), None, {}))
    failure = Failure()
    await DataConverter.default.encode_failure(caught.value, failure)
    return caught.value, failure


async def test_what_pydantic_refuses_stays_here() -> None:
    async def activity() -> None:
        Person.model_validate({"age": MARKER})

    error, failure = await raised_through_the_interceptor(activity)
    assert (str(error), error.type, error.non_retryable) == (
        "ValidationError: ValidationError",
        "ValidationError",
        False,
    )
    assert MARKER not in str(failure)
    assert not failure.HasField("cause")


async def test_what_postgres_says_stays_here(database_url: str) -> None:
    async def activity() -> None:
        connection = await asyncpg.connect(database_url)
        try:
            # The driver's own error, as one that slipped past our repositories.
            await connection.execute("CREATE TEMPORARY TABLE names (name text PRIMARY KEY)")
            for _ in range(2):
                await connection.execute("INSERT INTO names VALUES ($1)", MARKER)
        finally:
            await connection.close()

    error, failure = await raised_through_the_interceptor(activity)
    assert error.type == "UniqueViolationError"
    assert MARKER not in str(failure)


async def test_what_a_repository_says_stays_here(database_url: str) -> None:
    database = Database(database_url)

    async def activity() -> None:
        async with database.transaction() as tx:
            await tx.fetch("SELECT $1::text::int", MARKER)

    try:
        error, failure = await raised_through_the_interceptor(activity)
    finally:
        await database.close()
    assert error.type == "statement_failed"
    assert MARKER not in str(failure)


async def test_chained_errors_stay_here() -> None:
    async def activity() -> None:
        try:
            Person.model_validate({"age": MARKER})
        except ValueError as error:
            raise ConnectionLost(MARKER) from error

    error, failure = await raised_through_the_interceptor(activity)
    assert (error.type, error.message) == ("connection_lost", "connection_lost")
    assert MARKER not in str(failure)


async def test_cancellation_passes() -> None:
    class Inner(ActivityInboundInterceptor):
        def __init__(self) -> None:
            pass

        async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ARG002 -- the SDK's name
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await Closed().intercept_activity(Inner()).execute_activity(ExecuteActivityInput(print, (), None, {}))


@pytest.mark.parametrize(
    ("error", "code", "retried"),
    [
        (Refusal("not_found", MARKER), "not_found", False),
        (Refusal("account_rate_limit_exceeded", MARKER), "account_rate_limit_exceeded", True),
        (Refusal("account_closed", MARKER), "account_closed", False),
        (Refusal(f"Not a code: {MARKER}", MARKER), "refused", False),
        (EngineFault("engine_KeyError"), "engine_fault", True),
        (ConnectionLost("ConnectionError"), "connection_lost", True),
        (StatementFailed("23505", "uq_checks_open"), "statement_failed", True),
        (VerifierUnavailable(MARKER), "verifier_unavailable", True),
        (ApplicationError(MARKER, type=MARKER), "ApplicationError", True),
        (KeyError(MARKER), "KeyError", True),
    ],
)
def test_one_table_decides_what_is_retried(error: Exception, code: str, retried: bool) -> None:  # noqa: FBT001
    failure = as_failure(error)
    assert (failure.type, failure.message, failure.non_retryable) == (code, code, not retried)
    assert MARKER not in repr(failure)


def test_waits_that_others_ask_for_are_kept() -> None:
    away = timedelta(seconds=90)
    assert as_failure(VerifierUnavailable("rate_limited", away)).next_retry_delay == away
    waiting = as_failure(StillWaiting("waiting", "waiting: vendor, attempt 1", away))
    assert (waiting.type, waiting.message, waiting.next_retry_delay) == ("waiting", "waiting: vendor, attempt 1", away)
    assert not waiting.non_retryable


def test_every_code_of_the_table_is_raised_by_something() -> None:
    raised = {
        as_failure(error).type
        for error in (
            Refusal("account_rate_limit_exceeded", ""),
            Refusal("not_found", ""),
            EngineFault("engine"),
            ConnectionLost(),
            StatementFailed("XX000"),
            VerifierUnavailable("away"),
        )
    }
    assert raised == set(RETRYABLE)
