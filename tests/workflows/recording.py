"""Histories that were recorded once and are replayed for ever.

A workflow that decides otherwise on one of them would break the runs that are open when it is deployed. Delete a file
to have the tests record it anew, and say in the same commit why no open run needs the old one.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

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


async def replay(history: WorkflowHistory) -> None:
    """Fails where the workflows now decide otherwise than they did."""
    await Replayer(workflows=WORKFLOWS).replay_workflow(history)


async def record(name: str, history: WorkflowHistory) -> None:
    """Replay a fresh history, and keep it if none of that name is kept."""
    await replay(history)
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
