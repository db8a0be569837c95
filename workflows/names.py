"""Every name that other processes and people know: ids, messages, search attributes, the Schedule.

The one place where they are made. The task queue is a setting of the process (``ONBOARDING_TASK_QUEUE``); children and
activities inherit it from the run that starts them.
"""

from __future__ import annotations

from temporalio.common import SearchAttributeKey

from onboarding import runs

ACCOUNT_WORKFLOW = "AccountWorkflow"
ACTIVATION_WORKFLOW = "ActivationWorkflow"
CHECK_WORKFLOW = "CheckWorkflow"
IMPORT_WORKFLOW = "ImportWorkflow"
LIST_DELTA_WORKFLOW = "ListDeltaWorkflow"
REVIEW_WORKFLOW = "ReviewWorkflow"
ROLLOUT_WORKFLOW = "RolloutWorkflow"
SWEEP_WORKFLOW = "SweepWorkflow"

ACCOUNT_CHANGED = "account_changed"
"""The nudge: look again. Without payload, so that lost, late and doubled ones are harmless."""
CHECK_CHANGED = "check_changed"
"""The same for a check: a report came in by another way than a poll."""
ACTIVATION_CHANGED = "activation_changed"
"""The same for an activation: something else is desired now."""
REVIEW_CHANGED = "review_changed"
"""The same for a review: somebody claimed it, decided it, or it is late."""
DECIDE = "decide"
"""The update by which somebody decides a review in the Temporal UI."""
IMPORT_CHANGED = "import_changed"
"""The same for an import: it was started, paused or resumed."""
ROLLOUT_CHANGED = "rollout_changed"
"""The same for a roll-out: it was made, paused, resumed or taken back."""
LIST_DELTA_CHANGED = "list_delta_changed"
"""The same for a list delta: it is due."""

STATUS = "status"
"""Query: where an account's run stands."""
HOLD, RELEASE, RECHECK = "hold", "release", "recheck"
EXTEND_DEADLINE, OVERRIDE_CAPABILITY = "extend_deadline", "override_capability"
"""Updates: orders from Temporal's own UI, of accounts with an open run."""

SWEEP_SCHEDULE = "sweep"
SWEEP_RUN = "sweep-run"
"""Workflow id of the sweeps; the Schedule appends the time."""

PLATFORM = SearchAttributeKey.for_keyword("OnbPlatform")
STAGE = SearchAttributeKey.for_keyword("OnbStage")
COUNTRY = SearchAttributeKey.for_keyword("OnbCountry")
WAITING_FOR = SearchAttributeKey.for_keyword("OnbWaitingFor")
REVIEW_QUEUE = SearchAttributeKey.for_keyword("OnbReviewQueue")
RISK = SearchAttributeKey.for_keyword("OnbRisk")
NEXT_DUE = SearchAttributeKey.for_datetime("OnbNextDue")
STUCK = SearchAttributeKey.for_bool("OnbStuck")

SEARCH_ATTRIBUTES = {
    PLATFORM.name: "Keyword",
    STAGE.name: "Keyword",
    COUNTRY.name: "Keyword",
    WAITING_FOR.name: "Keyword",
    REVIEW_QUEUE.name: "Keyword",
    RISK.name: "Keyword",
    NEXT_DUE.name: "Datetime",
    STUCK.name: "Bool",
}
"""Name to type, as a namespace must know them. On Postgres one has 10 keywords and 3 of every other type, for ever."""


def account_workflow_id(account_id: str) -> str:
    """The run that works on an account."""
    return runs.account_run(account_id)


def update_key(workflow_id: str, run_id: str, update_id: str) -> str:
    """What tells an update again, whoever carries it out how often: its idempotency key."""
    return f"{workflow_id}/{run_id}/{update_id}"


def check_summary(account_id: str, kind: str = "") -> str:
    """What a list of runs shows beside the id of a check."""
    return f"{kind or 'check'} of account {account_id}"


def check_workflow_id(check_id: str) -> str:
    """The run that works on a check which cannot be answered at once."""
    return runs.check_run(check_id)


def import_workflow_id(import_id: str) -> str:
    """The run that imports a book of accounts."""
    return f"import/{import_id}"


def activation_summary(account_id: str, capability: str) -> str:
    """What a list of runs shows beside the id of an activation."""
    return f"tell the downstream system about {capability} of account {account_id}"


def activation_workflow_id(account_id: str, capability: str) -> str:
    """The run that tells the downstream system about one capability."""
    return runs.activation_run(account_id, capability)


def review_summary(account_id: str) -> str:
    """What a list of runs shows beside the id of a review."""
    return f"review of account {account_id}"


def review_workflow_id(review_id: str) -> str:
    """The run that shows a review to operators."""
    return runs.review_run(review_id)


def list_delta_workflow_id(delta_id: str) -> str:
    """The run that holds new entries of lists against everybody."""
    return f"list-delta/{delta_id}"


def rollout_workflow_id(rollout_id: str) -> str:
    """The run that rolls a policy out."""
    return f"rollout/{rollout_id}"
