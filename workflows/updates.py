"""What tells one update of a run from another."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows import names


def update_key() -> str:
    """Idempotency key of the update that is being handled: the same however often its activity is carried out."""
    update, info = workflow.current_update_info(), workflow.info()
    if update is None:
        raise ApplicationError("no_update", type="no_update", non_retryable=True)
    return names.update_key(info.workflow_id, info.run_id, update.id)
