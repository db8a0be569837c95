"""Timeouts, retries and summaries of activities, each with its reason, and when a run begins anew.

Retries are bounded by time or not at all, never by count: what an activity needs comes back, and every one of them is
safe to run twice. Which errors are not worth a retry says ``activities.errors``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.workflow import (
    ActivityCancellationType,
    ActivityConfig,
    ContinueAsNewVersioningBehavior,
    LocalActivityConfig,
)

from activities.errors import ENGINE_FAULT

PATIENT = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
"""For ordinary activities. A minute at most: when Postgres or a vendor is back, the queue moves within one."""

UNLESS_STUCK = (ENGINE_FAULT,)
"""Where the engine cannot decide, these do not wait until it can: somebody is shown that it could not."""

PATIENT_UNLESS_STUCK = replace(PATIENT, non_retryable_error_types=UNLESS_STUCK)

QUICK = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), maximum_attempts=2, non_retryable_error_types=UNLESS_STUCK
)
"""For local activities: an ordinary one follows, or somebody waits for the answer."""

PLAN_HERE = LocalActivityConfig(
    summary="plan",
    # A plan takes a few milliseconds, and waits 2 s at most for the account's lock. A longer local activity would keep
    # its workflow task alive by heartbeats, so a database that is away would hold every slot of the worker.
    schedule_to_close_timeout=timedelta(seconds=5),
    # No start_to_close: SDK 1.35 leaves its timer behind with every retry, and panics when it rings after the end.
    retry_policy=QUICK,
)
"""The plan inside the workflow task: one event, where an ordinary activity costs three and a workflow task."""

PLAN = ActivityConfig(
    summary="plan, the database is slow or away",
    start_to_close_timeout=timedelta(seconds=20),
    retry_policy=PATIENT_UNLESS_STUCK,
)
"""The same plan as an ordinary activity, when the quick one did not get through: it waits for the database."""

ORDER = ActivityConfig(
    summary="an order from the UI",
    # As long as a plan: two transactions. Somebody waits for it at a screen, and is told after a minute that the
    # database is away; the update's own key makes it harmless to send the same order again.
    start_to_close_timeout=timedelta(seconds=20),
    schedule_to_close_timeout=timedelta(seconds=60),
    retry_policy=PATIENT_UNLESS_STUCK,
)
"""Placing or undoing one order."""

ADVANCE = ActivityConfig(
    summary="ask the verifiers until there is an answer",
    # The outward call may take 30 s (onboarding.attempts.Pace), a wait for the account's lock 2 s on either side of it.
    start_to_close_timeout=timedelta(seconds=60),
    # A killed worker is found out by this; each step tells that it lives every 4 s.
    heartbeat_timeout=timedelta(seconds=15),
    # A report that came in ends the pause between two attempts at once; one that is under way is let finish.
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry_policy=PATIENT,
)
"""The steps of a check, each an attempt of this activity. What limits them in time is the check's own deadline."""

STEP_HERE = LocalActivityConfig(
    summary="a report came in",
    # As long as a plan, and for its reason. A vendor that takes longer to say what it has found is asked by ADVANCE.
    schedule_to_close_timeout=timedelta(seconds=5),
    retry_policy=RetryPolicy(maximum_attempts=1),
)
"""One step inside the workflow task."""

TELL = ActivityConfig(
    summary="tell the downstream system until it has done what is desired",
    # No further step is begun after 20 s (activities.activations), and the last call may take 30 s
    # (onboarding.activations.RHYTHM), with a wait for the account's lock of 2 s on either side of it.
    start_to_close_timeout=timedelta(seconds=90),
    # As for ADVANCE, and for its reasons.
    heartbeat_timeout=timedelta(seconds=15),
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry_policy=PATIENT,
)
"""The steps of an activation. Nothing limits them in time: what is owed stays owed."""

TELL_HERE = LocalActivityConfig(
    summary="something else is desired",
    schedule_to_close_timeout=timedelta(seconds=5),
    retry_policy=RetryPolicy(maximum_attempts=1),
)
"""The same inside the workflow task, as STEP_HERE: off must not wait for the pause after a call that failed."""

SEE_HERE = LocalActivityConfig(
    summary="look at the review",
    # As long as a plan, and for its reasons.
    schedule_to_close_timeout=timedelta(seconds=5),
    retry_policy=QUICK,
)
"""The look of a review's run: one event."""

SEE = ActivityConfig(
    summary="look at the review, the database is slow or away",
    start_to_close_timeout=timedelta(seconds=20),
    retry_policy=PATIENT,
)
"""The same look as an ordinary activity, when the quick one did not get through."""

DECIDE_HERE = LocalActivityConfig(
    summary="decide the review",
    # Whoever pressed the button waits for it, and is told when it did not work.
    schedule_to_close_timeout=timedelta(seconds=5),
    retry_policy=QUICK,
)
"""A decision that came by the Temporal UI."""

ROLLOUT_STEP = ActivityConfig(
    summary="a page of accounts",
    # A step begins with no further account after 20 s (onboarding.policies.steps.Pace), and the last ones may wait for
    # their locks and statements.
    start_to_close_timeout=timedelta(seconds=90),
    # As for ADVANCE: a worker that was killed holds up a roll-out for so long.
    heartbeat_timeout=timedelta(seconds=15),
    retry_policy=PATIENT,
)
"""A page of a roll-out. Nothing is told twice, so it is tried again whatever went wrong."""

BATCH_STEPS_A_RUN = 50
"""Steps before the run of a roll-out, an import or a list delta continues as new: some 500 events, some four minutes of
an import, and a new version of the worker takes over soon."""

IMPORT_STEP = ActivityConfig(
    summary="some lines",
    # A step begins with no further line after 12 s (onboarding.imports.steps.Pace), and each of the last ones may wait
    # for its locks a few times.
    start_to_close_timeout=timedelta(seconds=60),
    # As for ADVANCE: a worker that was killed holds up an import for so long.
    heartbeat_timeout=timedelta(seconds=15),
    retry_policy=PATIENT,
)
"""Some lines of an import. No account is made twice, so it is tried again whatever went wrong."""

LIST_DELTA_STEP = ActivityConfig(
    summary="a page of accounts",
    # A page of 200 takes a second. Where all of them are to be asked again, and busy, it takes the rest.
    start_to_close_timeout=timedelta(seconds=90),
    # As for ADVANCE: a worker that was killed holds up a delta for so long.
    heartbeat_timeout=timedelta(seconds=15),
    retry_policy=PATIENT,
)
"""A page of a list delta. Nobody is asked twice, so it is tried again whatever went wrong."""

SWEEP = ActivityConfig(
    summary="nudge accounts that are due",
    # Finding takes 50 ms; nudging 500 accounts takes 34 s at the slowest pace that can be set, 15 a second, and longer
    # while Temporal answers slowly; test clocks get 5 s after that. The next sweep is due after a minute, and finds
    # whatever this one did not reach.
    start_to_close_timeout=timedelta(seconds=50),
    schedule_to_close_timeout=timedelta(seconds=55),
    # As for ADVANCE: the next sweep waits for so long where a worker was killed in this one.
    heartbeat_timeout=timedelta(seconds=15),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10)),
)
"""One sweep."""

SWEEP_RUN_LIMIT = timedelta(seconds=120)
"""A sweep that hangs must not keep the later ones from starting, which skip while it runs."""

SWEEP_CATCH_UP = timedelta(minutes=1)
"""The server's own default is a year: after an outage one sweep does what hundreds of missed ones would do."""

SWEEP_SIZE = 500
"""Accounts of one sweep: ten seconds of nudges at the usual pace, so that a sweep is over long before the next."""


def continue_if_due(argument: object, *, is_due: bool = False) -> None:
    """Begin anew where the history is long, or another worker version is the current one; else do nothing.

    The new run is one of the current version. Call it only with all handlers finished.
    """
    info = workflow.info()
    if info.is_target_worker_deployment_version_changed():
        workflow.continue_as_new(argument, initial_versioning_behavior=ContinueAsNewVersioningBehavior.AUTO_UPGRADE)
    if is_due or info.is_continue_as_new_suggested():
        workflow.continue_as_new(argument)
