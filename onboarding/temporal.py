"""Temporal's client, and the nudges that tell it which accounts to look at.

Nothing here waits for Temporal: the record is in Postgres, and what a nudge does not reach the sweep finds. The names
of workflows and signals come from whoever puts the process together, since this package knows no workflow.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from temporalio.api.failure.v1 import Failure
from temporalio.client import Client
from temporalio.converter import DataConverter, DefaultFailureConverter, PayloadConverter
from temporalio.exceptions import ApplicationError
from temporalio.runtime import OpenTelemetryConfig, PrometheusConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError, RPCStatusCode

from onboarding import telemetry
from onboarding.settings import Settings, SettingsError

NUDGE_DEADLINE = timedelta(seconds=2)
"""A nudge answers in 4 ms alone and in 50 ms under load; a server that is away is retried for minutes by the client."""

SWEEP_DEADLINE = timedelta(seconds=5)
"""A sweep can wait longer than a request's nudge: a server that has just started takes seconds for its first runs."""

NUDGES_WAITING = 10_000
"""Accounts at most that wait to be nudged. More can only mean that Temporal is away, and then the sweep tells it."""

NUDGES_IN_FLIGHT = 16
"""Nudges under way at once, of requests and of sweeps each: more did not get through faster on a small server."""

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """What a nudge is sent to: the run's workflow, id and input, and the signal.

    ``workflow`` None signals a run that is there and starts none. ``summary`` and ``details`` are what a run that is
    started says of itself for ever.
    """

    workflow_id: str
    signal: str
    workflow: str | None = None
    input: object = None
    summary: str | None = None
    details: str | None = None


class CodesOnly(DefaultFailureConverter):
    """Failures that were raised on purpose have no stack."""

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        """See the class."""
        super().to_failure(exception, payload_converter, failure)
        if isinstance(exception, ApplicationError):
            failure.stack_trace = ""


CONVERTER = dataclasses.replace(DataConverter.default, failure_converter_class=CodesOnly)


def export_metrics(service_name: str, address: str = "") -> None:
    """Have the SDK's own metrics leave this process. Call once, before the first client is made.

    To whoever reads ``http://<address>/metrics`` where an address is given, else with the project's measurements where
    those leave the process, else nowhere: the SDK has one exporter. Their attributes are names of workflows, activities
    and task queues, and codes.

    Raises:
        SettingsError: nobody can listen there, or nothing can be sent there.
    """
    sent = telemetry.metrics_export()
    config: OpenTelemetryConfig | PrometheusConfig
    if address:
        variable, tags = "ONBOARDING_TEMPORAL_METRICS", {"service_name": service_name}
        config = PrometheusConfig(bind_address=address, durations_as_seconds=True)
    elif sent is not None:
        variable, tags = telemetry.ENDPOINT, {"service.name": service_name}
        config = OpenTelemetryConfig(
            url=sent.url, headers=sent.headers, metric_periodicity=sent.every, durations_as_seconds=True, http=True
        )
    else:
        return
    try:
        runtime = Runtime(telemetry=TelemetryConfig(metrics=config, global_tags=tags, attach_service_name=False))
    except ValueError as error:
        raise SettingsError(f"{variable}: {error}") from None
    Runtime.set_default(runtime)


async def connect(settings: Settings, *, identity: str | None = None, lazy: bool = True) -> Client:
    """A client that connects when it is first used: a process starts without Temporal.

    ``lazy`` False connects at once, as a worker's client must.

    The SDK's own JSON converter: what crosses is plain dataclasses of ids, codes and times. Failures are not encoded
    either, since ``activities.errors`` leaves only codes in them, and operators can read those: without the stack of
    our own refusals, which would hide the code in the Temporal UI, and says nothing but where it was raised.

    Raises:
        RuntimeError: Temporal is away, where it should connect at once.
    """
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        lazy=lazy,
        identity=identity,
        data_converter=CONVERTER,
        interceptors=telemetry.temporal_interceptors(),
    )


async def namespace_id(client: Client) -> str:
    """The namespace's own id; another one than before means that Temporal's storage is new.

    Raises:
        RPCError: Temporal is away, or does not know the namespace.
    """
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest  # noqa: PLC0415 -- slow, and only workers ask

    answer = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace), timeout=timedelta(seconds=5)
    )
    return answer.namespace_info.id


class Nudger:
    """Tells runs to look again, after a commit and beside it: bounded, without duplicates, dropped on error.

    Args:
        client: from :func:`connect`.
        task_queue: where runs that must be started are put.
        target: what the nudge of whatever has these ids is sent to.
        limit: nudges that may wait; those beyond it are dropped.
        in_flight: nudges under way at once.
    """

    def __init__(
        self,
        client: Client,
        *,
        task_queue: str,
        target: Callable[..., Target],
        limit: int = NUDGES_WAITING,
        in_flight: int = NUDGES_IN_FLIGHT,
    ) -> None:
        self._client = client
        self._task_queue = task_queue
        self._target = target
        self._limit = limit
        self._in_flight = in_flight
        self._waiting: dict[tuple[str, ...], None] = {}
        self._senders: set[asyncio.Task[None]] = set()
        self._closed = False
        self.sent = 0
        self.dropped = 0

    def nudge(self, *ids: str) -> None:
        """Tell a run to look again, soon and without waiting. Never fails; call it on the event loop.

        What waits already is not added again. That of which a nudge is just being sent is: it may be read before the
        commit that this one is about.

        Args:
            ids: of an account, a roll-out, an import or a list delta; of a check or a review after its account's.
        """
        if ids in self._waiting:
            return
        if self._closed or len(self._waiting) >= self._limit:
            self._count(arrived=False)
            return
        self._waiting[ids] = None
        if len(self._senders) < self._in_flight:
            sender = asyncio.get_running_loop().create_task(self._send_waiting(), name="nudges")
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)

    async def nudge_all(
        self, account_ids: Iterable[str], others: Iterable[tuple[str, ...]] = (), *, per_second: float | None = None
    ) -> int:
        """Nudge these, so many at a time, and wait; how many arrived. ``others`` are told as to :meth:`nudge`.

        With ``per_second`` the accounts come one after the other at that pace, so that whoever is nudged by a request
        meanwhile does not stand behind all of them.
        """
        slots = asyncio.Semaphore(self._in_flight)

        async def one(ids: tuple[str, ...], after: float = 0.0) -> bool:
            await asyncio.sleep(after)
            async with slots:
                return await self.send(self._target(*ids), deadline=SWEEP_DEADLINE)

        apart = 1 / per_second if per_second is not None else 0.0
        accounts = [one((account_id,), place * apart) for place, account_id in enumerate(account_ids)]
        return sum(await asyncio.gather(*map(one, others), *accounts))

    async def send(self, target: Target, *, deadline: timedelta = NUDGE_DEADLINE) -> bool:
        """Send one nudge now; whether it arrived. Never fails, and takes no longer than the deadline."""
        try:
            async with asyncio.timeout(deadline.total_seconds()):
                arrived = await self._signal(target, deadline)
        except (RPCError, RuntimeError, TimeoutError) as error:
            # Not its text: it may name addresses, and it is the same for every account while Temporal is away.
            _log.debug("nudge_dropped", error=type(error).__name__)
            arrived = False
        self._count(arrived=arrived)
        return arrived

    async def close(self) -> None:
        """Send what waits, for :data:`NUDGE_DEADLINE` at most, and drop the rest."""
        self._closed = True
        if self._senders:
            await asyncio.wait(self._senders, timeout=NUDGE_DEADLINE.total_seconds())
        for sender in list(self._senders):
            sender.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)

    async def _send_waiting(self) -> None:
        while self._waiting:
            ids = next(iter(self._waiting))
            del self._waiting[ids]
            await self.send(self._target(*ids))

    def _count(self, *, arrived: bool) -> None:
        if arrived:
            self.sent += 1
        else:
            self.dropped += 1
        telemetry.nudges.add(1, {"outcome": "sent" if arrived else "dropped"})

    async def _signal(self, target: Target, deadline: timedelta) -> bool:
        options: dict[str, Any] = {"rpc_timeout": deadline}
        if target.workflow is not None:
            await self._client.start_workflow(
                target.workflow,
                target.input,
                id=target.workflow_id,
                task_queue=self._task_queue,
                start_signal=target.signal,
                static_summary=target.summary,
                static_details=target.details,
                **options,
            )
            return True
        handle = self._client.get_workflow_handle(target.workflow_id)
        try:
            await handle.signal(target.signal, **options)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:  # the run has ended: it needs no nudge
                return True
            raise
        return True
