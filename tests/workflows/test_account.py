"""AccountWorkflow on the real engine and a real server."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from pydantic import BaseModel
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import WorkflowIDConflictPolicy

from onboarding.domain.errors import EngineFault
from onboarding.engine import Engine
from onboarding.settings import Settings
from onboarding.storage.faults import ConnectionLost
from onboarding.work import Plan
from tests.support.details import rows
from tests.support.temporal import Bench, bench, event_names, eventually, failed_tasks
from tests.workflows.recording import record
from workflows import names
from workflows.messages import AccountInput, Shown

MOST_EVENTS = 20
"""Of one onboarding with local checks only (design.md, numbers)."""

NUDGES = 5

MARKER = "Zelmira Quastenberger"


class Scripted:
    """Work that does something else first: each entry is called, or raised, before one plan."""

    def __init__(self, engine: Engine, *script: Any) -> None:
        self._work = engine.work
        self.script = list(script)
        self.plans: list[Plan] = []

    async def plan(self, account_id: str, run_id: str) -> Plan:
        step = self.script.pop(0) if self.script else None
        if isinstance(step, Exception):
            raise step
        if step is not None:
            await step(account_id)
        self.plans.append(await self._work.plan(account_id, run_id))
        return self.plans[-1]


async def nudge(made: Bench, account_id: str) -> None:
    assert await made.nudger.nudge_all([account_id]) == 1


async def runs(made: Bench, account_id: str) -> None:
    async def is_running() -> bool:
        return await made.status(names.account_workflow_id(account_id)) is WorkflowExecutionStatus.RUNNING

    await eventually(is_running)


@pytest.mark.parametrize("cached", [1000, 0])
async def test_onboarding_ends_settled_within_the_events_it_may_cost(
    temporal_settings: Settings, client: Client, cached: int
) -> None:
    async with bench(temporal_settings, client, max_cached_workflows=cached) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        run = names.account_workflow_id(account_id)
        await runs(made, account_id)
        await made.supply(caller, account_id)
        await made.ended(account_id)

        history = await made.history(run)
        assert len(history.events) <= MOST_EVENTS, event_names(history)
        await record("account_onboarding", history)
        [row] = await made.fetch(
            "SELECT stage, look_at = (evaluation->'risk'->>'review_due_at')::timestamptz AS is_reviewed_next,"
            " run_lease_until FROM accounts WHERE id = $1",
            account_id,
        )
        assert tuple(row) == ("active", True, None)  # nothing comes before its first review, years ahead


async def test_operators_see_where_an_account_stands(temporal_settings: Settings, client: Client) -> None:
    async with bench(temporal_settings, client) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await runs(made, account_id)
        handle = client.get_workflow_handle(names.account_workflow_id(account_id))

        async def shown() -> dict[str, object]:
            attributes = (await handle.describe()).typed_search_attributes
            return {pair.key.name: pair.value for pair in attributes if pair.key.name.startswith("Onb")}

        await eventually(shown)
        assert await shown() == {
            "OnbPlatform": caller.platform_id,
            "OnbStage": "collecting",
            "OnbCountry": "US",
            "OnbWaitingFor": "user",
            "OnbRisk": "low",
        }
        metadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
        assert metadata.current_details.startswith("**collecting**: waits for **the platform's user**")
        assert {row[3] for row in rows(metadata.current_details)} == {"the platform's user"}
        await made.supply(caller, account_id)
        await made.ended(account_id)
        settled = await shown()
        assert (settled["OnbStage"], settled["OnbWaitingFor"]) == ("active", "nobody")


async def test_run_that_was_ended_begins_anew_at_once_when_it_is_reset(
    temporal_settings: Settings, client: Client
) -> None:
    async with bench(temporal_settings, client) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await runs(made, account_id)
        run = names.account_workflow_id(account_id)
        handle = client.get_workflow_handle(run)

        async def has_planned() -> bool:
            return (await handle.query(names.STATUS))["planned_at"] is not None

        await eventually(has_planned)
        await handle.terminate("it disturbs")
        assert account_id not in await made.engine.work.sweep(500)  # the claim of the dead run holds
        events = [event async for event in handle.fetch_history_events()]
        first = next(event.event_id for event in events if event.HasField("workflow_task_completed_event_attributes"))
        request = ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=run),
            reason="it disturbs",
            workflow_task_finish_event_id=first,
            request_id=str(uuid.uuid4()),
        )
        await client.workflow_service.reset_workflow_execution(request)
        await runs(made, account_id)
        await eventually(has_planned)
        await made.supply(caller, account_id)
        await made.ended(account_id)
        assert await made.status(run) is WorkflowExecutionStatus.COMPLETED


async def test_change_that_owes_no_work_costs_temporal_nothing(temporal_settings: Settings, client: Client) -> None:
    async with bench(temporal_settings, client) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await made.supply(caller, account_id)
        await made.ended(account_id)
        handle = client.get_workflow_handle(names.account_workflow_id(account_id))
        before = await handle.describe()
        sent = made.nudger.sent
        await made.engine.accounts.update(caller, account_id, {"metadata": {"colour": "green"}}, None)
        await made.engine.accounts.update(caller, account_id, {"display_name": "Another"}, None)
        await asyncio.sleep(0.5)
        after = await handle.describe()
        assert (made.nudger.sent, after.run_id, after.history_length) == (sent, before.run_id, before.history_length)


async def test_unknown_account_ends_its_run(temporal_settings: Settings, client: Client) -> None:
    async with bench(temporal_settings, client) as made:
        account_id = "acct_that_never_was"
        await nudge(made, account_id)
        await made.ended(account_id)
        assert await made.status(names.account_workflow_id(account_id)) is WorkflowExecutionStatus.COMPLETED


@pytest.mark.parametrize("cached", [1000, 0])
async def test_nudge_during_every_plan_is_never_lost(temporal_settings: Settings, client: Client, cached: int) -> None:
    made: Bench

    async def nudge_now(account_id: str) -> None:
        # Not awaited to its end: once a run has tried to close, the server holds signals back until its task is over.
        sending = asyncio.create_task(nudge(made, account_id))
        await asyncio.wait((sending,), timeout=0.3)

    def work(engine: Engine) -> Scripted:
        return Scripted(engine, *[nudge_now] * NUDGES)

    async with bench(temporal_settings, client, work=work, max_cached_workflows=cached) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await made.supply(caller, account_id)
        scripted: Any = made.engine.work

        async def is_over() -> bool:
            # A nudge that the server held back while a run was closing starts the next one.
            return not scripted.script and len(scripted.plans) > NUDGES and scripted.plans[-1].done

        await eventually(is_over)
        await made.ended(account_id)
        assert len(scripted.plans) >= NUDGES + 1
        await record("account_nudged_while_planning", await made.history(names.account_workflow_id(account_id)))


@pytest.mark.parametrize("sent", [[{}], [None], ["a note"], [1, [2]]], ids=str)
async def test_what_is_sent_with_a_nudge_is_left_unread(
    temporal_settings: Settings, client: Client, sent: list[Any]
) -> None:
    async with bench(temporal_settings, client) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await runs(made, account_id)
        handle = client.get_workflow_handle(names.account_workflow_id(account_id))
        await handle.signal(names.ACCOUNT_CHANGED, args=sent)
        await made.supply(caller, account_id)
        await made.ended(account_id)
        assert failed_tasks(await made.history(handle.id)) == set()


async def test_nudges_by_the_hundred_are_coalesced(temporal_settings: Settings, client: Client) -> None:
    async with bench(temporal_settings, client) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await asyncio.gather(*(nudge(made, account_id) for _ in range(100)))
        await made.supply(caller, account_id)
        await made.ended(account_id)
        [row] = await made.fetch("SELECT stage FROM accounts WHERE id = $1", account_id)
        assert row["stage"] == "active"


async def test_plan_waits_for_a_database_that_is_away(temporal_settings: Settings, client: Client) -> None:
    def work(engine: Engine) -> Scripted:
        return Scripted(engine, *[ConnectionLost("ConnectionError")] * 3)

    async with bench(temporal_settings, client, work=work) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await runs(made, account_id)
        scripted: Any = made.engine.work

        async def has_planned() -> object:
            return scripted.plans

        await eventually(has_planned)
        await made.supply(caller, account_id)
        await made.ended(account_id)
        history = await made.history(names.account_workflow_id(account_id))
        assert event_names(history).count("ACTIVITY_TASK_COMPLETED") == 1
        await record("account_database_away", history)


async def test_plan_that_hangs_is_given_up_and_planned_with_patience(
    temporal_settings: Settings, client: Client
) -> None:
    async def hang(_account_id: str) -> None:
        await asyncio.sleep(60)

    def work(engine: Engine) -> Scripted:
        return Scripted(engine, hang)

    async with bench(temporal_settings, client, work=work) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await runs(made, account_id)
        scripted: Any = made.engine.work

        async def has_planned() -> object:
            return scripted.plans

        await eventually(has_planned)
        await made.supply(caller, account_id)
        await made.ended(account_id)
        await record("account_plan_hung", await made.history(names.account_workflow_id(account_id)))


async def test_account_that_the_engine_cannot_decide_is_shown_as_stuck(
    temporal_settings: Settings, client: Client
) -> None:
    def work(engine: Engine) -> Scripted:
        return Scripted(engine, EngineFault("engine_KeyError"))

    async with bench(temporal_settings, client, work=work) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await made.ended(account_id)
        described = await client.get_workflow_handle(names.account_workflow_id(account_id)).describe()
        assert described.typed_search_attributes.get(names.STUCK) is True
        await record("account_stuck", await made.history(described.id))
        await nudge(made, account_id)  # as the sweep does when its time to retry has come
        await runs(made, account_id)


async def test_no_value_of_an_error_reaches_temporal(temporal_settings: Settings, client: Client) -> None:
    class Person(BaseModel):
        age: int

    def refused() -> Exception:
        try:
            Person.model_validate({"age": MARKER})
        except ValueError as error:
            return error
        raise AssertionError

    def work(engine: Engine) -> Scripted:
        return Scripted(engine, *[refused() for _ in range(6)])

    async with bench(temporal_settings, client, work=work) as made:
        assert MARKER in str(refused())
        caller = await made.platform()
        account_id = await made.account(caller)
        await runs(made, account_id)
        handle = client.get_workflow_handle(names.account_workflow_id(account_id))

        async def has_failed() -> bool:
            pending = (await handle.describe()).raw_description.pending_activities
            return any(one.last_failure.message for one in pending)

        await eventually(has_failed)
        described = (await handle.describe()).raw_description
        history = await handle.fetch_history()
        assert "ValidationError" in str(described.pending_activities)
        assert MARKER not in str(described) + history.to_json() + str(history.events)
        await handle.terminate("end of test")


async def test_alarm_survives_nudges(temporal_settings: Settings, client: Client) -> None:
    """A daily look needs one timer, however often the account is looked at meanwhile."""
    async with bench(temporal_settings, client) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        run = names.account_workflow_id(account_id)
        await runs(made, account_id)
        for _ in range(3):
            before = (await client.get_workflow_handle(run).describe()).history_length
            await nudge(made, account_id)

            async def has_looked(before: int = before) -> bool:
                return "MARKER_RECORDED" in event_names(await made.history(run))[before:]

            await eventually(has_looked)
        types = event_names(await made.history(run))
        assert (types.count("TIMER_STARTED"), types.count("TIMER_CANCELED")) == (1, 0)


async def test_run_hands_on_what_it_showed(temporal_settings: Settings, client: Client) -> None:
    """A run that was handed what is shown writes no search attribute again."""
    async with bench(temporal_settings, client) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        run = names.account_workflow_id(account_id)
        await runs(made, account_id)
        await client.get_workflow_handle(run).terminate("end of test")
        plan = await made.engine.work.plan(account_id, "run")
        shown = Shown(
            plan.platform, plan.stage, plan.country, plan.waiting_for, plan.review_queue, plan.next_due, risk=plan.risk
        )
        await client.start_workflow(
            names.ACCOUNT_WORKFLOW,
            AccountInput(account_id, shown),
            id=run,
            task_queue=made.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        )

        async def waits() -> bool:
            return "TIMER_STARTED" in event_names(await made.history(run))

        await eventually(waits)
        assert "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES" not in event_names(await made.history(run))
