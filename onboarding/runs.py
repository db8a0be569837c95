"""Ids of workflow runs, and the Markdown in which the Temporal UI tells operators of them.

Here, below everything, because whoever writes what a run shows names other runs, and knows no workflow.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from urllib.parse import quote

HEADS = ("open", "since", "until", "who acts")


def account_run(account_id: str) -> str:
    """The workflow id of the run that works on an account."""
    return f"account/{account_id}"


def check_run(check_id: str) -> str:
    """The workflow id of the run of a check."""
    return f"check/{check_id}"


def activation_run(account_id: str, capability: str) -> str:
    """The workflow id of the run that tells the downstream system about one capability."""
    return f"activation/{account_id}/{capability}"


def review_run(review_id: str) -> str:
    """The workflow id of the run that shows a review."""
    return f"review/{review_id}"


def link(text: str, workflow_id: str) -> str:
    """A link to the newest run of a workflow id.

    The UI puts the namespace for the word in braces, and shows Markdown at an address beside ``namespaces``, so the
    link holds wherever the UI is.
    """
    return f"[{text}](namespaces/{{namespace}}/workflows/{quote(workflow_id, safe='')})"


def table(rows: Iterable[tuple[str, str, str, str]]) -> str:
    """What is open, since when, until when and who acts, row by row; empty without rows.

    The UI shows it half as wide as its window, so a cell holds no ids: the link of a run leads to them.
    """
    lines = [f"| {' | '.join(cell or '—' for cell in row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(HEADS)} |", f"|{' --- |' * len(HEADS)}", *lines]) if lines else ""


def minute(instant: datetime | None) -> str:
    """An instant as operators read it, to the second and in UTC; empty for none."""
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC" if instant is not None else ""
