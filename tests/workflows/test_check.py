"""CheckWorkflow, from the account that owes a check to the vendor's report, on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from activities import errors
from onboarding.attempts import Step
from onboarding.domain import settle as settling
from onboarding.domain.evaluate import evaluate
from onboarding.settings import Settings
from onboarding.verifiers.port import RepeatedStart
from onboarding.verifiers.registry import Verifiers
from onboarding.verifiers.sandbox import is_test_value
from tests.support.http_vendor import Crashed, HttpVendor, HttpVerifier
from tests.support.temporal import Bench, bench, event_names, eventually, made_worker
from tests.workflows.recording import record
from workflows import names
from workflows.messages import CheckInput
from workflows.schedule import check_target

KINDS = frozenset({"keyed_identity", "address_match", "id_number_match", "screening"})
"""All that an individual is asked: with only some of them answered the account would stay at work."""

LOCAL_EVENTS = 15
"""Of an onboarding of that many requests with local checks only."""

MOST_EVENTS = 25
"""That a check which waits for a vendor may add to an onboarding (design.md, numbers)."""

REPORTED_EVENTS = 11
"""Of a check's own run whose vendor calls back: its start 5, the signal and its step 5, the end."""

NUDGES = 6
"""Of each check: while it is started, while it is polled, and once it has been concluded."""


@pytest.fixture
def vendor() -> Iterator[HttpVendor]:
    with HttpVendor() as made:
        yield made


def asking(*verifiers: HttpVerifier) -> Verifiers:
    return Verifiers(exempt=is_test_value, outward=verifiers, serve_sandbox=True)


async def checks_of(made: Bench, account_id: str) -> list[Any]:
    return await made.fetch("SELECT id, kind, state FROM checks WHERE account_id = $1 ORDER BY kind", account_id)


async def all_started(made: Bench, account_id: str) -> list[str]:
    """Wait until every check of the account waits for the vendor; their ids."""

    async def have_started() -> bool:
        rows = await made.fetch("SELECT state FROM attempts WHERE account_id = $1", account_id)
        return [row["state"] for row in rows] == ["started"] * len(KINDS)

    await eventually(have_started)
    return [row["id"] for row in await checks_of(made, account_id)]


@pytest.mark.parametrize("cached", [1000, 0])
async def test_account_becomes_active_when_the_vendor_has_reported(
    temporal_settings: Settings, client: Client, vendor: HttpVendor, cached: int
) -> None:
    vendor.reports_after = 5
    async with bench(
        temporal_settings, client, asking(HttpVerifier(vendor, KINDS)), max_cached_workflows=cached
    ) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await made.supply(caller, account_id)
        await made.ended(account_id)
        rows = await checks_of(made, account_id)
        assert [row["state"] for row in rows] == ["concluded"] * len(KINDS)
        assert vendor.charges == len(KINDS)
        polled = [await made.history(names.check_workflow_id(row["id"])) for row in rows]
        await record("check_polled", polled[0])
        account = await made.history(names.account_workflow_id(account_id))
        await record("account_with_checks", account)
        # What each check adds to the account's run (child, nudge, plan), and its own run.
        added = len(account.events) - LOCAL_EVENTS + sum(len(history.events) for history in polled)
        assert added / len(KINDS) <= MOST_EVENTS, event_names(account)


@pytest.mark.parametrize("point", ["before_call", "after_call"])
async def test_worker_that_dies_around_the_call_is_made_good_by_the_next(
    temporal_settings: Settings, client: Client, vendor: HttpVendor, point: str
) -> None:
    asked = HttpVerifier(vendor, KINDS, repeated_start=RepeatedStart.LOOK_UP)
    vendor.keeps_keys = False
    died: list[str] = []

    def die_once_each() -> None:
        if len(died) < len(KINDS):
            died.append(point)
            raise Crashed

    setattr(asked, point, die_once_each)
    async with bench(temporal_settings, client, asking(asked)) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await made.supply(caller, account_id)
        await made.ended(account_id, within=30)
        assert len(died) == len(KINDS)
        assert vendor.charges == len(KINDS)
        [row] = await made.fetch("SELECT stage FROM accounts WHERE id = $1", account_id)
        assert row["stage"] == "active"


async def test_report_that_came_in_ends_the_wait_at_once(
    temporal_settings: Settings, client: Client, vendor: HttpVendor
) -> None:
    vendor.reports_after = None
    async with bench(temporal_settings, client, asking(HttpVerifier(vendor, KINDS))) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await made.supply(caller, account_id)
        check_id, *others = await all_started(made, account_id)
        await made.fetch("UPDATE attempts SET poll_at = clock_timestamp() + interval '1 hour'")

        run = names.check_workflow_id(check_id)
        vendor.result, vendor.reports_after = "clear", 0
        reported = await made.fetch("SELECT number FROM attempts WHERE check_id = $1", check_id)
        report = await HttpVerifier(vendor, KINDS).poll("case-1", None)
        assert report is not None
        await made.checks.report(account_id, check_id, reported[0]["number"], report)
        assert await made.nudger.send(check_target(account_id, check_id))
        await eventually(partial(ended, made, check_id))
        history = await made.history(run)
        await record("check_reported", history)
        assert len(history.events) <= REPORTED_EVENTS, event_names(history)
        for other in [*others, check_id]:
            assert await made.nudger.send(check_target(account_id, other))  # also one that has ended: nothing to do


async def test_checks_that_are_called_back_stay_within_the_events_they_may_cost(
    temporal_settings: Settings, client: Client, vendor: HttpVendor
) -> None:
    vendor.reports_after = None
    async with bench(temporal_settings, client, asking(HttpVerifier(vendor, KINDS))) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await made.supply(caller, account_id)
        checks = await all_started(made, account_id)
        vendor.result, vendor.reports_after = "clear", 0
        report = await HttpVerifier(vendor, KINDS).poll("case-1", None)
        assert report is not None
        for check_id in checks:
            await made.checks.report(account_id, check_id, 1, report)
            assert await made.nudger.send(check_target(account_id, check_id))
        await made.ended(account_id)
        account = await made.history(names.account_workflow_id(account_id))
        runs = [await made.history(names.check_workflow_id(check_id)) for check_id in checks]
        added = len(account.events) - LOCAL_EVENTS + sum(len(history.events) for history in runs)
        assert added / len(KINDS) <= MOST_EVENTS, (added, event_names(account), event_names(runs[0]))


@pytest.mark.parametrize("cached", [1000, 0])
async def test_nudge_during_every_step_of_a_check_changes_nothing_but_the_waiting(
    temporal_settings: Settings, client: Client, vendor: HttpVendor, cached: int
) -> None:
    vendor.reports_after = 2
    async with bench(temporal_settings, client, asking(HttpVerifier(vendor, KINDS)), working=False) as made:
        advance, nudges = made.checks.advance, dict.fromkeys(KINDS, 0)

        async def nudged(account_id: str, check_id: str) -> Step:
            [row] = await made.fetch("SELECT kind FROM checks WHERE id = $1", check_id)

            async def nudge() -> None:
                if nudges[row["kind"]] < NUDGES:
                    nudges[row["kind"]] += 1
                    await made.nudger.send(check_target(account_id, check_id))

            await nudge()
            step = await advance(account_id, check_id)
            await nudge()
            return step

        made.checks.advance = nudged  # type: ignore[method-assign]  # what the worker is given
        async with made_worker(made, cached):
            caller = await made.platform()
            account_id = await made.account(caller)
            await made.supply(caller, account_id)
            await made.ended(account_id, within=40)
            assert set(nudges.values()) == {NUDGES}
            [check_id, *_] = [row["id"] for row in await checks_of(made, account_id)]
            run = names.check_workflow_id(check_id)

            await eventually(partial(ended, made, check_id))
            await record("check_nudged_at_every_step", await made.history(run))
        assert vendor.charges == len(KINDS)
        evidence = await made.fetch("SELECT outcome FROM evidence WHERE account_id = $1", account_id)
        assert [row["outcome"] for row in evidence] == ["passed"] * len(KINDS)


async def test_a_check_waits_while_the_engine_can_t_decide_and_goes_on_when_it_can(
    temporal_settings: Settings, client: Client, vendor: HttpVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that ended would leave the check claimed, and its vendor asked for nothing."""
    monkeypatch.setattr(errors, "FAULT_RETRY", timedelta(seconds=1))
    broken = False

    def evaluator(*arguments: Any) -> Any:
        if broken:
            raise KeyError("Zelmira Quastenberger")
        return evaluate(*arguments)

    monkeypatch.setattr(settling, "evaluate", evaluator)
    vendor.reports_after = None
    async with bench(temporal_settings, client, asking(HttpVerifier(vendor, KINDS))) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await made.supply(caller, account_id)
        checks = await all_started(made, account_id)
        broken, vendor.reports_after, vendor.result = True, 0, "clear"

        async def have_failed() -> bool:
            runs = [client.get_workflow_handle(names.check_workflow_id(check_id)) for check_id in checks]
            pending = [(await run.describe()).raw_description.pending_activities for run in runs]
            codes = [one.last_failure.application_failure_info.type for each in pending for one in each]
            return codes == ["engine_fault"] * len(checks)

        await eventually(have_failed)
        [row] = await made.fetch("SELECT stuck_code FROM accounts WHERE id = $1", account_id)
        assert row["stuck_code"] == "engine_KeyError"
        broken = False
        for check_id in checks:
            await eventually(partial(ended, made, check_id))
        assert vendor.charges == len(KINDS)
        await made.sweep()
        await made.ended(account_id)
        [row] = await made.fetch("SELECT stage, stuck_code FROM accounts WHERE id = $1", account_id)
        assert tuple(row) == ("active", None)


async def ended(made: Bench, check_id: str) -> bool:
    """Whether a check's run has come to its end."""
    return await made.status(names.check_workflow_id(check_id)) is WorkflowExecutionStatus.COMPLETED


async def test_no_report_in_time_leads_to_the_next_verifier_and_to_a_review(
    temporal_settings: Settings, client: Client, vendor: HttpVendor
) -> None:
    vendor.reports_after = None
    with HttpVendor(reports_after=None) as other:
        known = asking(HttpVerifier(vendor, KINDS), HttpVerifier(other, KINDS, name="other"))
        async with bench(temporal_settings, client, known) as made:
            caller = await made.platform()
            account_id = await made.account(caller)
            await made.supply(caller, account_id)
            check_ids = await all_started(made, account_id)

            async def time_passes(attempts: int) -> None:
                async def are_running() -> bool:
                    rows = await made.fetch(
                        "SELECT 1 FROM attempts WHERE account_id = $1 AND state = 'started' AND number = $2",
                        account_id,
                        attempts,
                    )
                    return len(rows) == len(KINDS)

                await eventually(are_running)
                await made.fetch("UPDATE checks SET deadline_at = clock_timestamp() WHERE account_id = $1", account_id)

            await time_passes(1)
            await time_passes(2)
            for check_id in check_ids:

                async def is_over(check_id: str = check_id) -> bool:
                    return await made.status(names.check_workflow_id(check_id)) is WorkflowExecutionStatus.COMPLETED

                await eventually(is_over)
            assert {row["state"] for row in await checks_of(made, account_id)} == {"in_review"}
            assert (vendor.charges, other.charges) == (len(KINDS), len(KINDS))
            await record("check_to_review", await made.history(names.check_workflow_id(check_ids[0])))


async def test_check_that_was_concluded_before_it_began_ends_at_once(
    temporal_settings: Settings, client: Client, vendor: HttpVendor
) -> None:
    async with bench(temporal_settings, client, asking(HttpVerifier(vendor, KINDS))) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await made.supply(caller, account_id)
        await made.ended(account_id)
        [row, *_] = await checks_of(made, account_id)
        charged = vendor.charges
        stands = await client.execute_workflow(
            names.CHECK_WORKFLOW,
            CheckInput(account_id, row["id"]),
            id=names.check_workflow_id(row["id"]),
            task_queue=made.task_queue,
            result_type=str,
        )
        assert (stands, vendor.charges) == ("closed", charged)
