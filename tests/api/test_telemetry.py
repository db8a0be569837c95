"""Logs and traces: that they tell what happened, and no value of anybody."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Status, StatusCode

from onboarding import telemetry
from tests.support.samples import MARKER


@pytest.fixture
def lines() -> Iterator[Any]:
    """What is logged, line by line; the process's own logging is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    telemetry.setup_logging()
    out = io.StringIO()
    root.handlers[0].setStream(out)  # type: ignore[attr-defined]  # a stream handler

    def read() -> list[Any]:
        return [json.loads(line) for line in out.getvalue().splitlines()]

    yield read
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def test_own_line_has_its_keys(lines: Any) -> None:
    structlog.stdlib.get_logger("door").info("account_created", account_id="acct_1")

    (line,) = lines()
    assert {key: line[key] for key in ("event", "level", "logger", "account_id")} == {
        "event": "account_created",
        "level": "info",
        "logger": "door",
        "account_id": "acct_1",
    }
    assert line["timestamp"].endswith("Z")


def test_exceptions_are_told_by_type_and_place_only(lines: Any) -> None:
    try:
        int(MARKER)
    except ValueError:
        structlog.stdlib.get_logger("door").exception("failed")
        logging.getLogger("temporalio.activity").exception("Completing activity as failed")

    own, foreign = lines()
    for line in (own, foreign):
        assert line["error"] == "ValueError"
        assert "test_telemetry:" in line["where"]
        assert MARKER not in str(line)
    assert foreign["event"] == "Completing activity as failed"


def test_of_other_peoples_records_only_the_template_is_told(lines: Any) -> None:
    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: <Task %s>", MARKER)
    logging.getLogger("sqlalchemy.pool").warning("Exception terminating connection %r", MARKER)
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)

    found = lines()
    assert [line["event"] for line in found] == [
        "Task exception was never retrieved",
        "Exception terminating connection %r",
        "Started server process [7]",
    ]
    assert MARKER not in str(found)


def test_spans_leave_with_listed_attributes_only() -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(telemetry.without_values(kept)))
    attributes = {"http.route": "/v2/core/accounts/{account_id}", "url.query": MARKER, "http.target": MARKER}

    with provider.get_tracer("test").start_as_current_span("GET", attributes=attributes) as span:
        span.record_exception(ValueError(MARKER))
        span.set_status(Status(StatusCode.ERROR, MARKER))
    provider.shutdown()

    (told,) = kept.get_finished_spans()
    assert told.attributes == {"http.route": "/v2/core/accounts/{account_id}"}
    assert [event.attributes for event in told.events] == [{"exception.type": "ValueError"}]
    assert (told.status.status_code, told.status.description) == (StatusCode.ERROR, None)
    assert MARKER not in told.to_json()


def test_without_an_endpoint_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(telemetry.ENDPOINT, raising=False)

    telemetry.setup_telemetry("test")

    assert telemetry.temporal_interceptors() == []
    assert not isinstance(trace.get_tracer_provider(), TracerProvider)
    telemetry.shutdown_telemetry()
