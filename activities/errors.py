"""What an activity may fail with, and what Temporal may read of it.

A failure's message is kept in a run's history for months. Pydantic prints the value it refuses, Postgres the key that
exists already, vendors whatever they like. So :class:`Closed` lets nothing through: an error of the closed list below
becomes its code, any other becomes the name of its type.
"""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, CancelledError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from onboarding.domain.errors import EngineFault, Refusal
from onboarding.storage.faults import ConnectionLost, StatementFailed
from onboarding.verifiers.port import VerifierUnavailable

ENGINE_FAULT = "engine_fault"
CONNECTION_LOST = "connection_lost"
STATEMENT_FAILED = "statement_failed"
VERIFIER_UNAVAILABLE = "verifier_unavailable"

RETRYABLE = {
    # The account is busy: its turn comes.
    "account_rate_limit_exceeded": True,
    # Erased or never there: asking again finds nothing either.
    "not_found": False,
    # The engine could not decide. The account is marked stuck; its own run ends with that (workflows.options), and the
    # sweep brings it back. What works on a part of the account waits, for it would leave its claim behind.
    ENGINE_FAULT: True,
    # Postgres is away; every activity is safe to run twice.
    CONNECTION_LOST: True,
    # A mistake of ours, which the next deployment may have mended.
    STATEMENT_FAILED: True,
    # A vendor is away: unknown, never failed.
    VERIFIER_UNAVAILABLE: True,
}
"""The one table: code to whether the same activity may succeed later. What is not in it is retried."""

FAULT_RETRY = timedelta(minutes=15)
"""Between two tries of what the engine could not decide: so long after a new engine has come, its work goes on."""


class StillWaiting(Exception):  # noqa: N818 -- says what is
    """Nothing is wrong: the activity is to come again after ``delay``. Its words go to Temporal as they are: codes."""

    def __init__(self, code: str, about: str, delay: timedelta) -> None:
        super().__init__(code)
        self.code = code
        self.about = about
        self.delay = delay


_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


def as_failure(error: Exception) -> ApplicationError:
    """What Temporal is told instead of ``error``: a code, and nothing that was in it."""
    if isinstance(error, StillWaiting):
        return ApplicationError(
            error.about, type=error.code, next_retry_delay=error.delay, category=ApplicationErrorCategory.BENIGN
        )
    delay: timedelta | None = None
    match error:
        case Refusal():
            code = error.code if _CODE.fullmatch(error.code) else "refused"
        case EngineFault():
            code, delay = ENGINE_FAULT, FAULT_RETRY
        case ConnectionLost():
            code = CONNECTION_LOST
        case StatementFailed():
            code = STATEMENT_FAILED
        case VerifierUnavailable():
            code, delay = VERIFIER_UNAVAILABLE, error.retry_after
        case _:
            code = type(error).__name__
    retryable = RETRYABLE.get(code, not isinstance(error, Refusal))
    # Waiting for a turn is nobody's failure, and would drown those that are in the metrics.
    benign = code in ("account_rate_limit_exceeded", VERIFIER_UNAVAILABLE)
    return ApplicationError(
        code,
        type=code,
        non_retryable=not retryable,
        next_retry_delay=delay,
        category=ApplicationErrorCategory.BENIGN if benign else ApplicationErrorCategory.UNSPECIFIED,
    )


class Closed(Interceptor):
    """Worker interceptor: no text of an error leaves the process."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 -- the SDK's name
        """Wrap every activity."""
        return _ClosedActivity(next)


class _ClosedActivity(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 -- the SDK's signature
        try:
            return await super().execute_activity(input)
        except (CancelledError, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 -- the point: whatever it is
            # `from None` also keeps the original out of the failure's cause, which would carry its message.
            raise as_failure(error) from None
