"""What every run says of itself for ever, whoever starts it."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import Client, ScheduleActionStartWorkflow

from onboarding.settings import Settings
from tests.support.temporal import bench
from tests.workflows.recording import WORKFLOWS
from tests.workflows.test_review import hit, runs
from workflows import names
from workflows.schedule import TARGETS, sweep_schedule
from workflows.static_details import STATIC_DETAILS

DOCS = Path(__file__).resolve().parents[2] / "docs"
BEYOND = 900
"""Bytes that every history of a run begins with; more of it is documentation."""


def test_every_workflow_has_some() -> None:
    assert {workflow._Definition.must_from_class(one).name for one in WORKFLOWS} == set(STATIC_DETAILS)
    assert all(len(said.encode()) < BEYOND for said in STATIC_DETAILS.values())


@pytest.mark.parametrize("known", WORKFLOWS)
def test_they_name_whatever_can_be_sent_to_the_run(known: type) -> None:
    definition = workflow._Definition.must_from_class(known)
    said = STATIC_DETAILS[definition.name or ""]
    handlers = {*definition.signals, *definition.updates, *definition.queries}
    assert {name for name in handlers if f"`{name}`" not in said} == set()
    assert handlers or "takes no signals" in said


@pytest.mark.parametrize("said", STATIC_DETAILS.values(), ids=list(STATIC_DETAILS))
def test_the_help_that_they_name_is_there(said: str) -> None:
    [line] = [line for line in said.splitlines() if line.startswith("- help: ")]
    runbook = (DOCS / "operations.md").read_text().partition("## Runbook")[2].partition("\n## ")[0]
    for heading in re.findall(r"\*([^*]+)\*", line):
        assert re.search(rf"^\*\*{re.escape(heading)}\W", runbook, re.MULTILINE), heading
    pages = re.findall(r"docs/(\w+\.md)", line)
    assert pages
    assert all((DOCS / page).is_file() for page in pages)


def test_whoever_nudges_gives_them_to_the_run_that_it_starts() -> None:
    for prefix, made in TARGETS.items():
        target = made(*(("acct_1", f"{prefix}1") if prefix in ("check_", "rev_") else (f"{prefix}1",)))
        assert target.workflow is not None
        assert (target.details, bool(target.summary)) == (STATIC_DETAILS[target.workflow], True)


async def test_runs_and_the_runs_that_they_start_show_them(temporal_settings: Settings, client: Client) -> None:
    async with bench(temporal_settings, client) as made:
        account_id, review_id = await hit(made.engine, await made.platform())
        started = await runs(made, review_id)
        nudged = client.get_workflow_handle(names.account_workflow_id(account_id))
        assert await (await nudged.describe()).static_details() == STATIC_DETAILS[names.ACCOUNT_WORKFLOW]
        assert await (await started.describe()).static_details() == STATIC_DETAILS[names.REVIEW_WORKFLOW]


def test_the_sweep_shows_them() -> None:
    action = sweep_schedule(task_queue="onboarding", every=timedelta(minutes=1)).action
    assert isinstance(action, ScheduleActionStartWorkflow)
    assert (action.static_details, bool(action.static_summary)) == (STATIC_DETAILS[names.SWEEP_WORKFLOW], True)
