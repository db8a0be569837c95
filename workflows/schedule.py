"""The Schedule that sweeps, and what a nudge is sent to: for the processes that are put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from onboarding.temporal import Target
from workflows import names, options, static_details
from workflows.messages import (
    AccountInput,
    CheckInput,
    ImportInput,
    ListDeltaInput,
    ReviewInput,
    RolloutInput,
    SweepInput,
)

HOW_FAR = "how far it is stands beside, in the current details"


def account_target(account_id: str) -> Target:
    """What the nudge of an account is sent to: its run, started if there is none."""
    return Target(
        workflow_id=names.account_workflow_id(account_id),
        signal=names.ACCOUNT_CHANGED,
        workflow=names.ACCOUNT_WORKFLOW,
        input=AccountInput(account_id),
        summary="what the account waits for stands beside, in the current details",
        details=static_details.ACCOUNT,
    )


def check_target(account_id: str, check_id: str) -> Target:
    """What is told that a report came in: the check's run, started if there is none, for late reports count too."""
    return Target(
        workflow_id=names.check_workflow_id(check_id),
        signal=names.CHECK_CHANGED,
        workflow=names.CHECK_WORKFLOW,
        input=CheckInput(account_id, check_id),
        summary=names.check_summary(account_id),
        details=static_details.CHECK,
    )


def review_target(account_id: str, review_id: str) -> Target:
    """What the nudge of a review is sent to: its run, started if there is none."""
    return Target(
        workflow_id=names.review_workflow_id(review_id),
        signal=names.REVIEW_CHANGED,
        workflow=names.REVIEW_WORKFLOW,
        input=ReviewInput(account_id, review_id),
        summary=names.review_summary(account_id),
        details=static_details.REVIEW,
    )


def rollout_target(rollout_id: str) -> Target:
    """What the nudge of a roll-out is sent to: its run, started if there is none."""
    run = names.rollout_workflow_id(rollout_id)
    return Target(
        run, names.ROLLOUT_CHANGED, names.ROLLOUT_WORKFLOW, RolloutInput(rollout_id), HOW_FAR, static_details.ROLLOUT
    )


def import_target(import_id: str) -> Target:
    """What the nudge of an import is sent to: its run, started if there is none."""
    run = names.import_workflow_id(import_id)
    return Target(
        run, names.IMPORT_CHANGED, names.IMPORT_WORKFLOW, ImportInput(import_id), HOW_FAR, static_details.IMPORT
    )


def list_delta_target(delta_id: str) -> Target:
    """What the nudge of a list delta is sent to: its run, started if there is none."""
    run = names.list_delta_workflow_id(delta_id)
    return Target(
        run,
        names.LIST_DELTA_CHANGED,
        names.LIST_DELTA_WORKFLOW,
        ListDeltaInput(delta_id),
        HOW_FAR,
        static_details.LIST_DELTA,
    )


TARGETS: Mapping[str, Callable[..., Target]] = {
    "acct_": account_target,
    "check_": check_target,
    "rev_": review_target,
    "rol_": rollout_target,
    "imp_": import_target,
    "delta_": list_delta_target,
}
"""By how its id begins. A check and a review are told by their account's id and their own."""


def target(*ids: str) -> Target:
    """What the nudge of whatever has these ids is sent to."""
    prefix, underscore, _ = ids[-1].partition("_")
    return TARGETS[prefix + underscore](*ids)


def sweep_schedule(*, task_queue: str, every: timedelta) -> Schedule:
    """A sweep at a time, every so often."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            names.SWEEP_WORKFLOW,
            SweepInput(options.SWEEP_SIZE),
            id=names.SWEEP_RUN,
            task_queue=task_queue,
            execution_timeout=options.SWEEP_RUN_LIMIT,
            static_summary="nudge accounts that nobody looked at",
            static_details=static_details.SWEEP,
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=options.SWEEP_CATCH_UP),
    )


async def ensure_sweeps(client: Client, *, task_queue: str, every: timedelta) -> None:
    """Create the Schedule, or make it again what it should be; one that an operator paused stays paused.

    The first sweep comes at once, if it is not: after a start, nobody knows what was missed.
    """
    wanted = sweep_schedule(task_queue=task_queue, every=every)
    with suppress(ScheduleAlreadyRunningError):
        await client.create_schedule(names.SWEEP_SCHEDULE, wanted)

    is_paused = False

    def repair(found: ScheduleUpdateInput) -> ScheduleUpdate:
        nonlocal is_paused
        state = found.description.schedule.state
        is_paused = state.paused
        return ScheduleUpdate(schedule=replace(wanted, state=state))

    handle = client.get_schedule_handle(names.SWEEP_SCHEDULE)
    await handle.update(repair)
    if not is_paused:
        await handle.trigger(overlap=ScheduleOverlapPolicy.SKIP)
