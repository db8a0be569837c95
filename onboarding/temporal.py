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
from temporalio.service import RPCError, RPCStatusCode

from onboarding import telemetry
from onboarding.ids import Prefix
from onboarding.settings import Settings

NUDGE_DEADLINE = timedelta(seconds=2)
"""A nudge answers in 4 ms alone and in 50 ms under load; a server that is away is retried for minutes by the client."""

SWEEP_DEADLINE = timedelta(seconds=5)
"""A sweep can wait longer than a request's nudge: a server that has just started takes seconds for its first runs."""

NUDGES_WAITING = 10_000
"""Accounts at most that wait to be nudged. More can only mean that Temporal is away, and then the sweep tells it."""

NUDGES_IN_FLIGHT = 16
"""Nudges under way at once, of requests and of sweeps each: more did not get through faster on a small server."""

REVIEW: Prefix = "rev_"
"""How the ids of reviews begin, which checks' do not."""
IMPORT: Prefix = "imp_"
LIST_DELTA: Prefix = "delta_"
"""The same of imports and list deltas, which roll-outs' do not."""

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """What a nudge is sent to: the run's workflow, id and input, and the signal.

    ``workflow`` None signals a run that is there and starts none.
    """

    workflow_id: str
    signal: str
    workflow: str | None = None
    input: object = None
    summary: str | None = None


class CodesOnly(DefaultFailureConverter):
    """Failures that were raised on purpose have no stack."""

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        """See the class."""
        super().to_failure(exception, payload_converter, failure)
        if isinstance(exception, ApplicationError):
            failure.stack_trace = ""


CONVERTER = dataclasses.replace(DataConverter.default, failure_converter_class=CodesOnly)


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
        account: what the nudge of an account is sent to.
        check: what the nudge of a check is sent to, by the ids of its account and its own.
        rollout: what the nudge of a roll-out is sent to; without it none is sent, and another process's sweep does so.
        review: the same for a review, by the ids of its account and its own.
        imported: the same for an import.
        list_delta: the same for a list delta.
        limit: accounts that may wait; nudges beyond it are dropped.
        in_flight: nudges under way at once.
    """

    def __init__(  # noqa: PLR0913 -- what each kind of nudge is sent to
        self,
        client: Client,
        *,
        task_queue: str,
        account: Callable[[str], Target],
        check: Callable[[str, str], Target],
        rollout: Callable[[str], Target] | None = None,
        review: Callable[[str, str], Target] | None = None,
        imported: Callable[[str], Target] | None = None,
        list_delta: Callable[[str], Target] | None = None,
        limit: int = NUDGES_WAITING,
        in_flight: int = NUDGES_IN_FLIGHT,
    ) -> None:
        self._client = client
        self._task_queue = task_queue
        self._account = account
        self._check = check
        self._rollout = rollout
        self._review = review
        self._import = imported
        self._list_delta = list_delta
        self._limit = limit
        self._in_flight = in_flight
        self._waiting: dict[tuple[str, str], None] = {}
        self._senders: set[asyncio.Task[None]] = set()
        self._closed = False
        self.sent = 0
        self.dropped = 0

    def nudge(self, account_id: str) -> None:
        """Tell an account's run to look again, soon and without waiting. Never fails; call it on the event loop.

        An account that waits already is not added again. One whose nudge is just being sent is: that one may be read
        before the commit that this one is about.
        """
        self._put((account_id, ""))

    def nudge_check(self, account_id: str, check_id: str) -> None:
        """Tell a check's run to look again: a report came in, or nobody needs the answer any more. As :meth:`nudge`."""
        self._put((account_id, check_id))

    def nudge_rollout(self, rollout_id: str) -> None:
        """Tell a roll-out's run to look again: it was made, paused, resumed or taken back. As :meth:`nudge`."""
        self._put(("", rollout_id))

    def nudge_import(self, import_id: str) -> None:
        """Tell an import's run to look again: it was started, paused or resumed. As :meth:`nudge`."""
        self._put(("", import_id))

    def nudge_review(self, account_id: str, review_id: str) -> None:
        """Tell a review's run to look again: somebody claimed it, decided it, or it is late. As :meth:`nudge`."""
        self._put((account_id, review_id))

    def _put(self, nudge: tuple[str, str]) -> None:
        if nudge in self._waiting:
            return
        if self._closed or len(self._waiting) >= self._limit:
            self._count(arrived=False)
            return
        self._waiting[nudge] = None
        if len(self._senders) < self._in_flight:
            sender = asyncio.get_running_loop().create_task(self._send_waiting(), name="nudges")
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)

    async def nudge_all(
        self,
        account_ids: Iterable[str],
        checks: Iterable[tuple[str, str]] = (),
        batch_ids: Iterable[str] = (),
        reviews: Iterable[tuple[str, str]] = (),
        *,
        per_second: float | None = None,
    ) -> int:
        """Nudge these, so many at a time, and wait; how many arrived. Batches are roll-outs, imports and list deltas.

        With ``per_second`` the accounts come one after the other at that pace, so that whoever is nudged by a request
        meanwhile does not stand behind all of them.
        """
        slots = asyncio.Semaphore(self._in_flight)

        async def one(nudge: tuple[str, str], after: float = 0.0) -> bool:
            await asyncio.sleep(after)
            async with slots:
                target = self._target(nudge)
                return target is not None and await self.send(target, deadline=SWEEP_DEADLINE)

        nudges = [*checks, *reviews, *(("", batch_id) for batch_id in batch_ids)]
        apart = 1 / per_second if per_second is not None else 0.0
        accounts = [one((account_id, ""), place * apart) for place, account_id in enumerate(account_ids)]
        return sum(await asyncio.gather(*map(one, nudges), *accounts))

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
            nudge = next(iter(self._waiting))
            del self._waiting[nudge]
            target = self._target(nudge)
            if target is not None:
                await self.send(target)

    def _target(self, nudge: tuple[str, str]) -> Target | None:
        """What a nudge is sent to: of an account, of its check or review, or without an account of a batch."""
        account_id, other_id = nudge
        if not account_id and other_id.startswith(IMPORT):
            return self._import(other_id) if self._import is not None else None
        if not account_id and other_id.startswith(LIST_DELTA):
            return self._list_delta(other_id) if self._list_delta is not None else None
        if not account_id:
            return self._rollout(other_id) if self._rollout is not None else None
        if other_id.startswith(REVIEW):
            return self._review(account_id, other_id) if self._review is not None else None
        return self._check(account_id, other_id) if other_id else self._account(account_id)

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
