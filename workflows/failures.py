"""What a failed activity says."""

from __future__ import annotations

from temporalio.exceptions import ActivityError, ApplicationError, FailureError


def code_of(error: FailureError) -> str | None:
    """The code of a failed activity.

    A local activity that fails raises an ActivityError at first, and on replay its bare cause: the marker in the
    history holds nothing else (SDK 1.35). Whoever catches only the first decides otherwise on replay.
    """
    cause = error.cause if isinstance(error, ActivityError) else error
    return cause.type if isinstance(cause, ApplicationError) else None
