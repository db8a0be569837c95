"""Logs, traces and metrics. None of them ever carries a value that a caller supplied.

Traces and metrics leave the process over OTLP/HTTP when ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set, and only then is a
provider installed: without it every span and measurement is a no-op of the OpenTelemetry API. What leaves is chosen by
lists of what may, because instrumentations add attributes (query strings, addresses, messages of exceptions) as they
please.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from opentelemetry import metrics, trace

if TYPE_CHECKING:
    from fastapi import FastAPI
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter
    from temporalio.contrib.opentelemetry import TracingInterceptor

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"

SPAN_ATTRIBUTES = frozenset(
    {
        "check.kind",
        "db.name",
        "db.namespace",
        "db.operation.name",
        "db.query.text",
        "db.statement",
        "db.system",
        "db.system.name",
        "error.type",
        "http.method",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "http.status_code",
        "outcome",
        "server.port",
        "temporalActivityID",
        "temporalRunID",
        "temporalUpdateID",
        "temporalWorkflowID",
        "verifier",
    }
)
"""Attributes of spans that may leave. Statements are texts with ``$1``; their parameters are not captured."""

METRIC_ATTRIBUTES = frozenset(
    {
        "account.country",
        "check.kind",
        "db.system",
        "error.type",
        "http.method",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "http.status_code",
        "outcome",
        "verifier",
        "workflow_type",
    }
)
"""Attributes of measurements that may leave."""

_SCOPE = "onboarding"
_UNINTERESTING_PATHS = "/health,/ready"
# A collector that is down must not keep a process from ending.
_EXPORT_SECONDS = 5
_FLUSH_MILLISECONDS = 5_000
_EXPORT_INTERVAL = 60_000
"""Milliseconds, OpenTelemetry's own."""

_meter = metrics.get_meter(_SCOPE)
request_duration = _meter.create_histogram(
    "onboarding.request.duration", unit="s", description="How long the API took for a request."
)
callbacks = _meter.create_counter(
    "onboarding.callbacks", unit="{callback}", description="Callbacks of vendors, by verifier and what became of them."
)
nudges = _meter.create_counter("onboarding.nudges", unit="{nudge}", description="Nudges, by what became of them.")
held_checks = _meter.create_counter(
    "onboarding.checks.held",
    unit="{check}",
    description="Checks that were held back because their verifier has too much in hand, and let go again.",
)
list_delta_accounts = _meter.create_counter(
    "onboarding.list_delta.accounts",
    unit="{account}",
    description="Accounts that were compared with new entries of lists, and those of them that are asked again.",
)


def is_enabled() -> bool:
    """Whether traces and metrics leave this process."""
    return bool(os.environ.get(ENDPOINT))


def setup_telemetry(service_name: str) -> None:
    """Install providers and instrument the database driver, if an endpoint is set. Call once, before anything else."""
    if not is_enabled():
        return
    # Half a second of imports that nobody pays for who doesn't export.
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor  # noqa: PLC0415
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
    from opentelemetry.sdk.metrics.view import View  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    resource = Resource.create({"service.name": service_name})
    tracer_provider = TracerProvider(resource=resource)
    tracer_provider.add_span_processor(BatchSpanProcessor(without_values(OTLPSpanExporter(timeout=_EXPORT_SECONDS))))
    trace.set_tracer_provider(tracer_provider)
    metrics.set_meter_provider(
        MeterProvider(
            resource=resource,
            metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter(timeout=_EXPORT_SECONDS))],
            views=[View(instrument_name="*", attribute_keys=set(METRIC_ATTRIBUTES))],
        )
    )
    AsyncPGInstrumentor(capture_parameters=False).instrument()  # type: ignore[no-untyped-call]  # it has no annotations


def instrument_app(app: FastAPI) -> None:
    """A span and the usual measurements for each request of an application that is not running yet."""
    if not is_enabled():
        return
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415 -- see setup_telemetry

    FastAPIInstrumentor.instrument_app(app, excluded_urls=_UNINTERESTING_PATHS, exclude_spans=["receive", "send"])


def temporal_interceptors() -> list[TracingInterceptor]:
    """What a Temporal client is given so that workflows and activities are part of traces."""
    if not is_enabled():
        return []
    from temporalio.contrib.opentelemetry import TracingInterceptor  # noqa: PLC0415 -- see setup_telemetry

    return [TracingInterceptor()]


@dataclass(frozen=True, slots=True)
class MetricsExport:
    """Where measurements go that are not made by this module's meter: address, headers, and how often."""

    url: str
    headers: Mapping[str, str]
    every: timedelta


def metrics_export() -> MetricsExport | None:
    """Where the variables of OpenTelemetry send measurements; None if they leave this process nowhere."""
    if not is_enabled():
        return None
    from opentelemetry.util.re import parse_env_headers  # noqa: PLC0415 -- see setup_telemetry

    url = os.environ.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") or f"{os.environ[ENDPOINT].rstrip('/')}/v1/metrics"
    headers = os.environ.get("OTEL_EXPORTER_OTLP_METRICS_HEADERS") or os.environ.get("OTEL_EXPORTER_OTLP_HEADERS", "")
    every = timedelta(milliseconds=float(os.environ.get("OTEL_METRIC_EXPORT_INTERVAL") or _EXPORT_INTERVAL))
    return MetricsExport(url, parse_env_headers(headers, liberal=True), every)


def shutdown_telemetry() -> None:
    """Send what is left, for a few seconds at most. Does nothing if nothing was set up."""
    if not is_enabled():
        return
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 -- see setup_telemetry
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415

    tracer_provider, meter_provider = trace.get_tracer_provider(), metrics.get_meter_provider()
    if isinstance(tracer_provider, TracerProvider):
        tracer_provider.force_flush(_FLUSH_MILLISECONDS)
        tracer_provider.shutdown()
    if isinstance(meter_provider, MeterProvider):
        meter_provider.shutdown(_FLUSH_MILLISECONDS)


def without_values(exporter: SpanExporter) -> SpanExporter:
    """An exporter that passes spans on with listed attributes only, and of exceptions the type alone."""
    from opentelemetry.sdk.trace import Event, ReadableSpan  # noqa: PLC0415 -- see setup_telemetry
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult  # noqa: PLC0415
    from opentelemetry.trace import Status  # noqa: PLC0415

    def cleaned(span: ReadableSpan) -> ReadableSpan:
        events = [
            Event(event.name, _chosen(event.attributes, {"exception.type"}), event.timestamp) for event in span.events
        ]
        return ReadableSpan(
            name=span.name,
            context=span.get_span_context(),
            parent=span.parent,
            resource=span.resource,
            attributes=_chosen(span.attributes, SPAN_ATTRIBUTES),
            events=events,
            links=[],
            kind=span.kind,
            # The description is an exception's message.
            status=Status(span.status.status_code),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )

    class WithoutValues(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            return exporter.export([cleaned(span) for span in spans])

        def shutdown(self) -> None:
            exporter.shutdown()

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return exporter.force_flush(timeout_millis)

    return WithoutValues()


def setup_logging(level: int = logging.INFO) -> None:
    """JSON lines on stdout, from this project's loggers and everybody else's.

    This project logs ``logger.info("account_created", account_id=…)``: a fixed word, and ids and codes as keys. Of
    records of others only the first line of the message *template* is told, and of exceptions only type and place,
    because both can hold anything.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_exception,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_keep_template, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)


_TEMPLATE_LENGTH = 200
# Its messages are about this process only: its address, its number, its signals.
_HARMLESS_LOGGERS = frozenset({"uvicorn.error"})


def _keep_template(_logger: Any, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    record: logging.LogRecord = fields["_record"]
    if record.name not in _HARMLESS_LOGGERS:
        fields["event"] = str(record.msg).partition("\n")[0][:_TEMPLATE_LENGTH]
    fields.pop("positional_args", None)
    if record.exc_info:
        fields["exc_info"] = record.exc_info
    # The formatter would print the traceback behind the line; the fields tell its type instead.
    record.exc_info = record.exc_text = None
    record.stack_info = None
    return fields


def _name_exception(_logger: Any, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put an exception's type and the line that raised it where its traceback would stand."""
    info = fields.pop("exc_info", None)
    fields.pop("stack_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        fields.setdefault("error", type(error).__name__)
        place = place_of(error)
        if place is not None:
            fields.setdefault("where", place)
    return fields


def place_of(error: BaseException) -> str | None:
    """Module and line that raised an exception: places hold no values, and without one a fault can't be found."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    return None if step is None else f"{step.tb_frame.f_globals.get('__name__', '?')}:{step.tb_lineno}"


def _chosen(attributes: Mapping[str, Any] | None, names: frozenset[str] | set[str]) -> dict[str, Any]:
    return {name: value for name, value in (attributes or {}).items() if name in names}
