"""What must hold of every workflow, without a server."""

from __future__ import annotations

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from tests.workflows.recording import WORKFLOWS, compare, known_commands, recorded, replay
from workflows import names


@pytest.mark.parametrize("definition", WORKFLOWS)
async def test_workflow_imports_nothing_into_the_sandbox(definition: type) -> None:
    # A plain import would be loaded anew for every run: half a second and 17 MB each with the database's modules.
    policy = workflow.SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
    restrictions = SandboxRestrictions.default.with_import_notification_policy(policy)
    runner = SandboxedWorkflowRunner(restrictions=restrictions)
    runner.prepare_workflow(workflow._Definition.must_from_class(definition))


@pytest.mark.parametrize(("name", "history"), recorded().items(), ids=list(recorded()))
async def test_recorded_history_replays(name: str, history: WorkflowHistory) -> None:
    assert name
    await replay(history)


def test_histories_of_all_workflows_are_recorded() -> None:
    kinds = {"account", "activation", "check", "import", "list", "review", "rollout", "sweep"}
    assert {name.partition("_")[0] for name in recorded()} == kinds


def test_commands_of_all_recorded_stories_are_written_down() -> None:
    assert list(known_commands()) == list(recorded())


def test_story_with_other_commands_than_are_written_down_is_told() -> None:
    for told, as_if in (("check_reported", "check_polled"), ("check_polled", "check_reported")):
        with pytest.raises(AssertionError, match=f"{as_if} asks for other commands"):
            compare(as_if, recorded()[told])


def test_search_attributes_fit_a_namespace_on_postgres() -> None:
    kinds = list(names.SEARCH_ATTRIBUTES.values())
    assert kinds.count("Keyword") <= 10
    assert all(kinds.count(kind) <= 3 for kind in set(kinds) - {"Keyword"})
