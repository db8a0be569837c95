"""What a policy would do to every account of the book, without touching one: the dry run of a roll-out.

For each account, time is played twice from its rows, by the same functions as in the door: as it is bound now, and with
the new policy announced and in force from ``at`` on. What differs between ``at`` and ``until`` is the forecast. It is
what the roll-out then does to an account to which nothing else happens: nobody answers a check, for nobody knows what
would be said (answers that are sealed until their time comes are unknown too: no key is ever read), nobody supplies
anything, and every activation is confirmed at once. See :mod:`onboarding.domain.foresight`.

All processes read one snapshot of the book, page by page; nothing is locked and nothing is written.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from onboarding.catalogue.loader import compile_policy
from onboarding.catalogue.problems import CatalogueError
from onboarding.domain.errors import EngineFault
from onboarding.domain.evaluate import EVALUATOR_VERSION
from onboarding.domain.foresight import NOTHING, Difference, Foresight, Outlook
from onboarding.domain.instants import whole_milliseconds
from onboarding.domain.policy import Announced, Policies, Policy
from onboarding.storage import policies
from onboarding.storage.database import Database, Reading
from onboarding.storage.states import (
    BoundState,
    Scope,
    bound_states,
    count_in_scope,
    export_snapshot,
    next_page,
    reading_one_instant,
)

__all__ = ["AccountForecast", "ForecastFailed", "Forecasted", "Scope", "forecast", "summarise"]

PAGE = 500
"""Accounts that one process takes at a time: half a second's work."""

AHEAD = 2
"""Pages per process that are worked on or wait for whoever reads the forecast; then the processes wait."""

_PATIENCE = timedelta(minutes=5)
"""The longest one statement may take: counting a book of millions, on a busy server."""


class ForecastFailed(Exception):  # noqa: N818 -- says what happened
    """The forecast is not complete: a process died, or the pages do not add up. Nothing was changed; try again."""


@dataclass(frozen=True, slots=True)
class AccountForecast:
    """What the policy changes for one account; see :class:`onboarding.domain.foresight.Difference`.

    ``fault`` is the code of what keeps one of its futures from being decided; then nothing else is known.
    """

    account_id: str
    platform_id: str
    becomes_due: tuple[str, ...] = ()
    no_longer_due: tuple[str, ...] = ()
    falls: tuple[tuple[str, datetime], ...] = ()
    rises: tuple[tuple[str, datetime], ...] = ()
    loses_active: bool = False
    fault: str | None = None

    @property
    def differs(self) -> bool:
        """Whether the policy changes anything for it, or what it does is not known."""
        return bool(self.becomes_due or self.no_longer_due or self.falls or self.rises or self.fault)


@dataclass(slots=True)
class Forecasted:
    """A forecast in numbers of accounts.

    Attributes:
        accounts: all of them; ``changed`` those for which something differs.
        undecided: those of which a future can't be decided.
        becoming_due, no_longer_due: by description, without the person.
        falling, rising: by capability and day (UTC) of the first instant.
        losing: those that lose an active capability.
    """

    accounts: int = 0
    changed: int = 0
    undecided: int = 0
    becoming_due: Counter[str] = field(default_factory=Counter)
    no_longer_due: Counter[str] = field(default_factory=Counter)
    falling: Counter[tuple[str, date]] = field(default_factory=Counter)
    rising: Counter[tuple[str, date]] = field(default_factory=Counter)
    losing: int = 0

    @property
    def share_restricted(self) -> float:
        """Of all accounts, how large a part loses an active capability."""
        return self.losing / self.accounts if self.accounts else 0.0

    def add(self, one: AccountForecast) -> None:
        """Count one more account."""
        self.accounts += 1
        if not one.differs:
            return
        self.changed += 1
        self.undecided += one.fault is not None
        self.losing += one.loses_active
        self.becoming_due.update({label.rpartition(":")[2] for label in one.becomes_due})
        self.no_longer_due.update({label.rpartition(":")[2] for label in one.no_longer_due})
        self.falling.update((name, instant.astimezone(UTC).date()) for name, instant in one.falls)
        self.rising.update((name, instant.astimezone(UTC).date()) for name, instant in one.rises)


async def summarise(forecasts: AsyncIterable[AccountForecast]) -> Forecasted:
    """Count a forecast while it runs; keeps no account, only one number per description, capability and day."""
    counted = Forecasted()
    async for one in forecasts:
        counted.add(one)
    return counted


async def forecast(
    database_url: str,
    target: bytes,
    *,
    at: datetime,
    until: datetime,
    scope: Scope,
    processes: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> AsyncGenerator[AccountForecast]:
    """Every account in scope, in the order of the ids, as it would fare under ``target`` from ``at`` on.

    Close it (``aclosing``) where it is not read to its end, so that its processes end with it.

    Args:
        database_url: only read.
        target: canonical bytes of a policy; it need not be published.
        at: when it would come into force.
        until: how far to look.
        scope: which accounts; erased ones are in none.
        processes: that evaluate, beside this one.
        progress: called after every page with the number of accounts told, and of all in scope.

    Raises:
        CatalogueError: ``target`` is no policy.
        ForecastFailed: a process died. What was told until then is not the whole.
        ConnectionLost: Postgres is not there any more.
    """
    if at.tzinfo is None or until.tzinfo is None or until < at:
        raise ValueError("a forecast needs two instants in order, with their zones")
    compile_policy(target)
    async with AsyncExitStack() as stack:
        database = Database(database_url, pool_size=1, application_name="forecast", statement_timeout=_PATIENCE)
        stack.push_async_callback(database.close)
        r = await stack.enter_async_context(reading_one_instant(database))
        snapshot, now = await export_snapshot(r)
        task = _Task(database_url, snapshot, target, scope, now, at, until)
        total = await count_in_scope(r, scope) if progress is not None else 0
        pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _begin, (task,))
        stack.push_async_callback(asyncio.to_thread, pool.shutdown, cancel_futures=True)
        done = 0
        async with aclosing(_pages(r, scope, pool, processes * AHEAD)) as pages:
            async for page in pages:
                for one in page:
                    yield one
                done += len(page)
                if progress is not None:
                    progress(done, total)


async def _pages(
    r: Reading, scope: Scope, pool: ProcessPoolExecutor, ahead: int
) -> AsyncGenerator[list[AccountForecast]]:
    """The pages in order, of which at most ``ahead`` are under way."""
    under_way: deque[tuple[int, asyncio.Future[list[AccountForecast]]]] = deque()
    after, is_last = "", False
    try:
        while under_way or not is_last:
            while len(under_way) < ahead and not is_last:
                found = await next_page(r, scope, after, PAGE)
                if found is None:
                    is_last = True
                else:
                    upto, size = found
                    under_way.append((size, asyncio.wrap_future(pool.submit(_forecast_page, after, upto))))
                    after, is_last = upto, size < PAGE
            if under_way:
                size, future = under_way.popleft()
                page = await future
                if len(page) != size:
                    raise ForecastFailed("a page has not the accounts that were counted")
                yield page
    except BrokenProcessPool:
        raise ForecastFailed("a process died") from None
    finally:
        # Their end is the pool's: where a process died, it stumbles over one that was cancelled, and ends no other.
        for _, future in under_way:
            future.add_done_callback(_seen)


def _seen(future: asyncio.Future[list[AccountForecast]]) -> None:
    """Nobody waits for it any more."""
    if not future.cancelled():
        future.exception()


# --- one process ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Task:
    """What every process is told."""

    database_url: str = field(repr=False)
    snapshot: str
    target: bytes
    scope: Scope
    now: datetime
    at: datetime
    until: datetime


class _Worker:
    """One process: its transaction, and the policies it has met."""

    def __init__(self, task: _Task) -> None:
        self._task = task
        self._target = compile_policy(task.target)
        self._now = whole_milliseconds(task.now)
        self._policies: dict[str, Policy | None] = {self._target.hash: self._target}
        self._foresights: dict[str, Foresight] = {}
        self._stack = AsyncExitStack()
        self._reading: Reading | None = None

    async def page(self, after: str, upto: str) -> list[AccountForecast]:
        """The accounts between two ids."""
        if self._reading is None:
            task = self._task
            database = Database(
                task.database_url, pool_size=1, application_name="forecast", statement_timeout=_PATIENCE
            )
            self._stack.push_async_callback(database.close)
            self._reading = await self._stack.enter_async_context(reading_one_instant(database, task.snapshot))
        found = await bound_states(self._reading, self._task.scope, after, upto, self._target.hash)
        return [await self._forecast(self._reading, one) for one in found]

    async def close(self) -> None:
        """End the transaction."""
        await self._stack.aclose()

    async def _forecast(self, r: Reading, one: BoundState) -> AccountForecast:
        try:
            difference = await self._difference(r, one)
        except EngineFault as fault:
            return AccountForecast(one.account_id, one.platform_id, fault=fault.code)
        return AccountForecast(
            one.account_id,
            one.platform_id,
            difference.becomes_due,
            difference.no_longer_due,
            difference.falls,
            difference.rises,
            difference.loses_active,
        )

    async def _difference(self, r: Reading, one: BoundState) -> Difference:
        if one.state is None:
            return NOTHING  # the target is what binds it
        if one.evaluator_version > EVALUATOR_VERSION:
            raise EngineFault("older_than_row")
        current = await self._policy(r, one.policy_hash)
        announced = None
        if one.announced_hash is not None and one.transition_at is not None:
            announced = Announced(await self._policy(r, one.announced_hash), one.transition_at)
        now = whole_milliseconds(one.clock_now) if one.clock_now is not None else self._now
        now = max(now, one.last_as_of) if one.last_as_of is not None else now
        foresight = self._foresights.get(current.hash)
        if foresight is None:
            foresight = self._foresights[current.hash] = Foresight(current, self._target)
        outlook = Outlook(one.state, Policies(current, announced), one.wake_at, now)
        try:
            return foresight.difference(outlook, self._task.at, self._task.until)
        except EngineFault:
            raise
        except Exception as error:
            raise EngineFault(f"engine_{type(error).__name__}") from error

    async def _policy(self, r: Reading, digest: str | None) -> Policy:
        if digest is not None and digest not in self._policies:
            row = await policies.find(r, digest)
            try:
                self._policies[digest] = compile_policy(row.document) if row is not None else None
            except CatalogueError:
                self._policies[digest] = None
        known = self._policies[digest] if digest is not None else None
        if known is None:
            raise EngineFault("policy_unavailable")
        return known


_PROCESS: list[tuple[asyncio.Runner, _Worker]] = []
"""What a process of the pool works with; empty in every other."""


def _begin(task: _Task) -> None:
    """Make this process ready. It ends with its parent, whatever ends that one: its snapshot must not stay behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and ends this one
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _PROCESS.append((asyncio.Runner(), _Worker(task)))
    atexit.register(_end)
    # Policies stay, states form no cycles: there is next to nothing for the collector to find.
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _end() -> None:
    for runner, worker in _PROCESS:
        runner.run(worker.close())
        runner.close()
    _PROCESS.clear()


def _forecast_page(after: str, upto: str) -> list[AccountForecast]:
    runner, worker = _PROCESS[0]
    return runner.run(worker.page(after, upto))
