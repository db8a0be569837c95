"""The document's operations, a server to ask, and objects that can be asked about."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import orjson
import pytest
import schemathesis

from api.app import ROUTERS
from api.openapi import openapi_document
from onboarding.settings import Settings
from tests.support.samples import COMPANY, REPRESENTATIVE
from tests.support.serving import ApiServer, new_platform
from tests.support.walk import Walk, with_callbacks

EXAMPLES = int(os.environ.get("ONBOARDING_FUZZ_EXAMPLES", "5"))
"""Requests of each sort to each operation. `make fuzz` sends more, and other ones each time."""

FUZZ = hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize="ONBOARDING_FUZZ_EXAMPLES" not in os.environ,
    database=None,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
    phases=[hypothesis.Phase.generate],
)


@schemathesis.serializer("application/x-ndjson")
def _as_lines(_context: Any, value: Any) -> bytes:
    """A body of lines: text as it is, anything else as one line."""
    return value.encode(errors="replace") if isinstance(value, str) else orjson.dumps(value)


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    return openapi_document(ROUTERS)


@pytest.fixture(scope="session")
def fuzzed(settings: Settings) -> Iterator[ApiServer]:
    """The API of a process that takes a vendor's callbacks."""
    server = ApiServer(with_callbacks(settings))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def walk(fuzzed: ApiServer, document: dict[str, Any]) -> Walk:
    """A platform that has one of everything."""
    made = Walk(fuzzed.run(new_platform(fuzzed)), document)
    made.everything()
    return made


@pytest.fixture(scope="session")
def spare(walk: Walk) -> dict[str, str]:
    """Ids of objects for those requests that make an end of them."""
    account = walk.ask("POST", "/v2/core/accounts", COMPANY)["id"]
    person = walk.ask("POST", f"/v2/core/accounts/{account}/persons", REPRESENTATIVE)["id"]
    return {**walk.ids, "account_id": account, "person_id": person}
