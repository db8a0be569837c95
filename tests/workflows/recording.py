"""Histories that were recorded once and are replayed for ever.

A workflow that decides otherwise on one of them would break the runs that are open when it is deployed. Delete a file
to have the tests record it anew, and say in the same commit why no open run needs the old one.

Beside them, ``commands.txt`` says for each story what its run asks of the server today, in the order in which it first
does. A replay goes through the old branch of a ``workflow.patched`` and sees nothing of the new one; a story that is
told anew does, and must ask for what is written there. Delete a story's paragraph to have it written anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import ParentClosePolicy
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from workflows.account import AccountWorkflow
from workflows.activation import ActivationWorkflow
from workflows.check import CheckWorkflow
from workflows.imports import ImportWorkflow
from workflows.list_delta import ListDeltaWorkflow
from workflows.review import ReviewWorkflow
from workflows.rollout import RolloutWorkflow
from workflows.sweep import SweepWorkflow

WORKFLOWS = [
    AccountWorkflow,
    ActivationWorkflow,
    CheckWorkflow,
    ImportWorkflow,
    ListDeltaWorkflow,
    ReviewWorkflow,
    RolloutWorkflow,
    SweepWorkflow,
]

HISTORIES = Path(__file__).with_name("histories")
COMMANDS = HISTORIES / "commands.txt"

TIMED = ("start timer", "cancel timer", "cancel activity")
"""Whether a run asks for these depends on which of two things that it waits for comes first."""

NOW_AND_THEN = (*TIMED, "signal ", "search attributes")
"""A nudge that comes a moment earlier or later makes these needless, or moves them."""


async def replay(history: WorkflowHistory) -> None:
    """Fails where the workflows now decide otherwise than they did."""
    await Replayer(workflows=WORKFLOWS).replay_workflow(history)


async def record(name: str, history: WorkflowHistory) -> None:
    """Replay a fresh history, and keep it if none of that name is kept."""
    await replay(history)
    compare(name, history)
    path = HISTORIES / f"{name}.json"
    if path.exists():
        return
    text = re.sub(r'"identity": "[^"]*"', '"identity": "worker"', history.to_json())
    # Paths of one machine.
    text = re.sub(r'"stackTrace": "(?:[^"\\]|\\.)*"', '"stackTrace": ""', text)
    events = json.loads(text)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"workflow_id": history.workflow_id, **events}, indent=1) + "\n")


def recorded() -> dict[str, WorkflowHistory]:
    """All that were kept, by name."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(HISTORIES.glob("*.json"))}
    return {name: WorkflowHistory.from_json(kept.pop("workflow_id"), kept) for name, kept in found.items()}


# --- what a run asks of the server ------------------------------------------------------------------------------------


def compare(name: str, history: WorkflowHistory) -> None:
    """Write down the commands of a story that is not known; fails where a known one has others, or another order."""
    known, asked = known_commands(), commands(history)
    if name not in known:
        known[name] = asked
        text = "\n\n".join("\n".join([story, *(f"  {line}" for line in known[story])]) for story in sorted(known))
        COMMANDS.write_text(text + "\n")
        return
    kept = known[name]
    if _has_only_looked(asked) and not _has_only_looked(kept):
        return  # a nudge that came when the run had just ended has started another, which tells nothing of the story
    mend = f"{name} asks for other commands than {COMMANDS.name} says; docs/upgrades.md, Changing a workflow"
    new = set(asked) - set(kept) - set(TIMED)
    assert not new, f"{mend}: new {sorted(new)}"
    assert _always(asked) == _always(kept), mend


def known_commands() -> dict[str, list[str]]:
    """What is written down, by story."""
    text = COMMANDS.read_text() if COMMANDS.exists() else ""
    paragraphs = [paragraph.splitlines() for paragraph in text.split("\n\n") if paragraph.strip()]
    return {story: [line.strip() for line in lines] for story, *lines in paragraphs}


def commands(history: WorkflowHistory) -> list[str]:
    """A run's commands in the order in which each was first given; the first line is the workflow."""
    found = [command for event in history.events if (command := _command(event))]
    return list(dict.fromkeys(found))


def _always(asked: Iterable[str]) -> list[str]:
    return [one for one in asked if not one.startswith(NOW_AND_THEN)]


def _has_only_looked(asked: Iterable[str]) -> bool:
    return _always(asked) == ["workflow AccountWorkflow", "local activity plan_account", "complete"]


def _command(event: HistoryEvent) -> str | None:
    """What the workflow asked for, of which this event came; None for what happened to it."""
    which = event.WhichOneof("attributes") or ""
    told = _COMMANDS.get(which.removesuffix("_event_attributes"))
    return told(getattr(event, which)) if told is not None else None


def _marker(given: Any) -> str:
    parts = {name: part for name, part in given.details.items() if name in ("data", "patch-data")}
    told = {name: json.loads(part.payloads[0].data) for name, part in parts.items()}
    if given.marker_name == "core_local_activity":
        return f"local activity {told['data']['activity_type']}"
    return f"patch {told['patch-data']['id']}" if "patch-data" in told else f"marker {given.marker_name}"


def _child(given: Any) -> str:
    policy = ParentClosePolicy.Name(given.parent_close_policy).removeprefix("PARENT_CLOSE_POLICY_")
    return f"child {given.workflow_type.name}, {policy.lower()} at the end"


def _attributes(given: Any) -> str:
    # Which of them changed is told by the rows; that a patch adds its own is not.
    names = given.search_attributes.indexed_fields
    return "change versions" if "TemporalChangeVersion" in names else "search attributes"


_COMMANDS: dict[str, Callable[[Any], str]] = {
    "workflow_execution_started": lambda given: f"workflow {given.workflow_type.name}",
    "activity_task_scheduled": lambda given: f"activity {given.activity_type.name}",
    "activity_task_cancel_requested": lambda _: "cancel activity",
    "marker_recorded": _marker,
    "timer_started": lambda _: "start timer",
    "timer_canceled": lambda _: "cancel timer",
    "start_child_workflow_execution_initiated": _child,
    "signal_external_workflow_execution_initiated": lambda given: f"signal {given.signal_name}",
    "upsert_workflow_search_attributes": _attributes,
    "workflow_properties_modified": lambda _: "memo",
    "workflow_execution_update_accepted": lambda given: f"accept update {given.accepted_request.input.name}",
    "workflow_execution_update_completed": lambda _: "answer update",
    "workflow_execution_completed": lambda _: "complete",
    "workflow_execution_failed": lambda _: "fail",
    "workflow_execution_continued_as_new": lambda _: "continue as new",
}
"""By the event that each command leads to."""
