"""The views of docs/operations.md lead where they say, and ask for what the namespace knows."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from temporalio.client import Client

from onboarding.local.settings import Settings
from tests.operators.walk import OPERATIONS, View, views
from workflows import names

TEMPORALS_OWN = {"WorkflowType", "WorkflowId", "ExecutionStatus", "StartTime", "CloseTime", "TemporalReportedProblems"}


@pytest.mark.parametrize("view", views().values(), ids=list(views()))
async def test_link_leads_to_the_query_beside_it(view: View, client: Client) -> None:
    link = urlsplit(view.link)
    assert (link.hostname, link.port) == ("localhost", Settings.from_environment({}).temporal_ui.number)
    assert link.path == "/namespaces/default/workflows"
    assert parse_qs(link.query, strict_parsing=True) == {"query": [view.query]}
    attributes = set(re.findall(r"\b([A-Z]\w+) ?(?:=|<|>|IN\b)", re.sub(r'"[^"]*"', '""', view.query)))
    assert attributes
    assert attributes <= {*names.SEARCH_ATTRIBUTES, *TEMPORALS_OWN}
    await client.count_workflows(view.query)  # a server refuses what it does not understand


def test_every_view_is_a_link() -> None:
    section = OPERATIONS.read_text().partition("## Views")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    assert len(views()) == len(rows) - 2
    asked = " ".join(view.query for view in views().values())
    assert {"OnbCountry", "OnbStage"} == {name for name in names.SEARCH_ATTRIBUTES if name not in asked}


def test_the_namespace_is_told_of_every_search_attribute() -> None:
    section = OPERATIONS.read_text().partition("## The namespace")[2]
    made = re.findall(r"^temporal operator search-attribute create (?:[^\n]*\\\n)*[^\n]*$", section, re.MULTILINE)
    told = {
        name: kind
        for line in made
        for kind in re.findall(r"--type (\w+)", line)
        for name in re.findall(r"--name (\w+)", line)
    }
    assert told == names.SEARCH_ATTRIBUTES
