"""What the commands do. Apart from the command line, so that asking for help imports nothing."""

from __future__ import annotations

import getpass
import importlib
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from onboarding.cli.keys import MadeKeys, make_key, make_platform, run_apart, with_database
from onboarding.domain.errors import Refusal
from onboarding.domain.state import OrderKind
from onboarding.door.callers import KeyKind
from onboarding.door.orders import Audience
from onboarding.engine import Engine, open_engine
from onboarding.inspection import Inspection, NoSuchAccount, inspect
from onboarding.orders import KINDS
from onboarding.settings import Settings, load_settings
from onboarding.storage import migrate as migrations
from onboarding.storage.activations import OwedActivation
from onboarding.storage.backlog import InHand
from onboarding.storage.database import Database
from onboarding.storage.faults import ConnectionLost, StatementFailed
from onboarding.storage.inbox import ItemRow, ItemState
from onboarding.storage.list_deltas import DeltaCounts, KnownList
from onboarding.storage.work import StuckRow
from onboarding.temporal import Nudger, connect

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


NO_SUCH_PLATFORM = "23503"
"""Postgres' code for a row that belongs to none."""


class CommandFailed(Exception):  # noqa: N818 -- says what happened
    """Something that a person can mend. One line, without values."""


def migrate() -> None:
    """Bring the tables up to date."""
    settings = load_settings()
    try:
        migrations.upgrade(settings.database_url)
    except OSError as error:
        raise _unreachable() from error


def create_keys(platform: str, country: str | None) -> MadeKeys:
    """A new platform with its keys; ``country`` in two letters, None for nowhere in particular."""
    settings = load_settings()
    if country is not None and re.fullmatch(r"[A-Za-z]{2}", country) is None:
        raise CommandFailed("a country is two letters (ISO 3166-1 alpha-2)")

    async def make(database: Database) -> MadeKeys:
        return await make_platform(database, settings.key_ring(), platform, country.upper() if country else None)

    try:
        made: MadeKeys = with_database(settings.database_url, make)
    except ConnectionLost as error:
        raise _unreachable() from error
    return made


def add_publishable_keys(platform_id: str) -> tuple[str, str]:
    """A test and a live publishable key of a platform that is there."""
    settings = load_settings()

    async def make(database: Database) -> tuple[str, str]:
        ring = settings.key_ring()
        async with database.transaction() as tx:
            test = await make_key(tx, ring, platform_id, KeyKind.PUBLISHABLE, livemode=False)
            return test, await make_key(tx, ring, platform_id, KeyKind.PUBLISHABLE, livemode=True)

    try:
        made: tuple[str, str] = with_database(settings.database_url, make)
    except StatementFailed as error:
        if error.sqlstate != NO_SUCH_PLATFORM:
            raise
        raise CommandFailed("no platform has this id") from error
    except ConnectionLost as error:
        raise _unreachable() from error
    return made


def sweep(limit: int) -> tuple[int, int]:
    """How many accounts were due, and how many nudges arrived."""
    try:
        return run_apart(_sweep(load_settings(), limit))
    except ConnectionLost as error:
        raise _unreachable() from error


def inspect_book(
    account_id: str | None, limit: int, *, is_opening: bool, is_reproducing: bool = False
) -> tuple[str, bool]:
    """What an inspection found, as text with at most ``limit`` findings, and whether the book is consistent."""
    settings = load_settings()

    async def work(database: Database) -> Inspection:
        told = _show_progress if sys.stderr.isatty() else None
        ring = settings.key_ring()
        return await inspect(
            database, ring, account_id=account_id, is_opening=is_opening, is_reproducing=is_reproducing, told=told
        )  # fmt: skip

    try:
        found: Inspection = with_database(settings.database_url, work)
    except NoSuchAccount:
        raise CommandFailed("no account has this id") from None
    except StatementFailed as error:
        raise CommandFailed(f"the tables could not be read ({error}); are they up to date?") from error
    except ConnectionLost as error:
        raise _unreachable() from error
    finally:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
    return _report(found, limit), not found.counted["findings"]


def _show_progress(seen: int, expected: int) -> None:
    of = f" of about {expected}" if expected > seen else ""
    sys.stderr.write(f"\r\x1b[K{seen}{of} accounts")
    sys.stderr.flush()


def _report(found: Inspection, limit: int) -> str:
    counted = dict(found.counted)
    wrong = counted.pop("findings")
    lines = [f"{name:<10} {number:>10}" for name, number in counted.items()]
    lines += ["", *(
        "  ".join((f"{one.rule:<18}", one.account_id or "-", one.object_id or "-", one.says))
        for one in found.findings[:limit]
    )] if wrong else [""]  # fmt: skip
    if wrong > limit:
        lines.append(f"and {wrong - min(limit, len(found.findings))} more")
    in_all = f"{counted['accounts']} accounts ({counted['events']} events, {counted['evidence']} evidence)"
    return "\n".join((*lines, f"{wrong} findings in {in_all}" if wrong else f"nothing wrong in {in_all}"))


async def _sweep(settings: Settings, limit: int) -> tuple[int, int]:
    nudger = await _nudger(settings)
    engine = await open_engine(settings, name="onboarding-cli")
    try:
        accounts, others = await engine.due(limit)
        nudged = await nudger.nudge_all(accounts, others)
        await engine.clocks.resume_all()
        return len(accounts) + len(others), nudged
    finally:
        await engine.close()


async def _nudger(settings: Settings) -> Nudger:
    # By name: the command line is below the workflows, and only puts a process together here.
    target = importlib.import_module("workflows.schedule").target
    client = await connect(settings, identity="onboarding-cli")
    return Nudger(client, task_queue=settings.task_queue, target=target)


def list_state(limit: int) -> tuple[list[KnownList], list[DeltaCounts]]:
    """The screening lists, and the newest deltas of them."""
    return with_engine(lambda engine: engine.list_deltas.state(limit))


def in_hand() -> list[tuple[str, InHand, int]]:
    """Verifiers with something in hand, and how much each may have."""
    return with_engine(lambda engine: engine.work.backlog.state())


def list_inbox(states: Sequence[str], verifier: str | None, limit: int) -> list[ItemRow]:
    """Items of the inbox, newest first."""

    async def work(engine: Engine) -> list[ItemRow]:
        return await engine.inbox.items(states=_states(states), verifier=verifier, limit=limit)

    return with_engine(work)


def replay_inbox(
    ids: Sequence[str], states: Sequence[str], verifier: str | None, since: datetime, limit: int
) -> dict[str, int]:
    """Read items again and have them taken in again; how many came to which end."""

    async def work(engine: Engine) -> dict[str, int]:
        found = await engine.inbox.items(states=_states(states), ids=ids, verifier=verifier, since=since, limit=limit)
        counted: dict[str, int] = {}
        for row in reversed(found):
            received = await engine.inbox.replay(row)
            end = received.state.value if received.is_new else "repeated"
            counted[end] = counted.get(end, 0) + 1
        return counted

    return with_engine(work)


def list_activations(limit: int, *, only_refused: bool) -> list[OwedActivation]:
    """What the downstream system must still be told."""

    async def work(engine: Engine) -> list[OwedActivation]:
        return await engine.activations.owed(only_refused=only_refused, limit=limit)

    return with_engine(work)


def retry_activation(account_id: str, capability: str) -> None:
    """Have it told now."""

    async def work(engine: Engine) -> None:
        try:
            await engine.activations.tell_again(account_id, capability)
        except Refusal as refusal:
            raise CommandFailed("no such account, or nothing is owed about this capability of it") from refusal

    with_engine(work)


def place_order(account_id: str, kind: str, reason: str, *, audience: str | None, **parts: Any) -> dict[str, Any]:
    """The order, placed in the name of whoever runs this; ``parts`` are those of ``Orders.place``."""
    chosen_kind = chosen(OrderKind, kind, KINDS)
    readers = chosen(Audience, audience, tuple(Audience)) if audience is not None else None

    async def work(engine: Engine) -> dict[str, Any]:
        caller = await engine.orders.operator(account_id, getpass.getuser())
        return await engine.orders.place(
            caller, account_id, None, kind=chosen_kind, reason=reason, audience=readers, **parts
        )

    return decided(work)


def undo_order(account_id: str, order_id: str) -> dict[str, Any]:
    """The order, undone in the name of whoever runs this."""

    async def work(engine: Engine) -> dict[str, Any]:
        caller = await engine.orders.operator(account_id, getpass.getuser())
        return await engine.orders.undo(caller, account_id, order_id, None)

    return decided(work)


def list_orders(account_id: str, limit: int) -> list[dict[str, Any]]:
    """An account's orders, newest first, with everything that operators may read."""

    async def work(engine: Engine) -> list[dict[str, Any]]:
        caller = await engine.orders.operator(account_id, getpass.getuser())
        return (await engine.orders.list(caller, account_id, limit)).data

    return decided(work)


def list_stuck(code: str | None, limit: int) -> list[StuckRow]:
    """Accounts that could not be decided, the longest ones first."""

    async def work(engine: Engine) -> list[StuckRow]:
        return await engine.work.stuck(code, limit)

    return with_engine(work)


def retry_stuck(account_ids: Sequence[str], code: str | None, limit: int) -> dict[str, str | None]:
    """Try to decide these accounts, or all that are stuck: by account the code of why not, None where it went well."""

    async def work(engine: Engine) -> dict[str, str | None]:
        found = account_ids or [row.account_id for row in await engine.work.stuck(code, limit)]
        return {account_id: await engine.work.retry(account_id) for account_id in found}

    return decided(work)


def decided(work: Callable[[Engine], Awaitable[T]]) -> T:
    """Run a command on an engine; what it refuses is told in one line."""
    try:
        return with_engine(work)
    except Refusal as refusal:
        where = f"{refusal.param}: " if refusal.param else ""
        raise CommandFailed(f"{where}{refusal.message}") from None


def chosen(kind: type[E], name: str, allowed: Sequence[str]) -> E:
    """One of these words; any other is told to whoever typed it."""
    if name not in allowed:
        raise CommandFailed(f"{name} is not one of {', '.join(allowed)}")
    return kind(name)


def _states(names: Sequence[str]) -> list[ItemState]:
    try:
        return [ItemState(name) for name in names]
    except ValueError:
        raise CommandFailed(f"a state is one of {', '.join(ItemState)}") from None


def with_engine(work: Callable[[Engine], Awaitable[T]]) -> T:
    """Run a command on an engine whose nudges are sent before the command ends."""
    settings = load_settings()

    async def run() -> T:
        nudger = await _nudger(settings)
        engine = await open_engine(settings, nudge=nudger.nudge, name="onboarding-cli")
        try:
            return await work(engine)
        finally:
            await nudger.close()
            await engine.close()

    try:
        return run_apart(run())
    except ConnectionLost as error:
        raise _unreachable() from error


def _unreachable() -> CommandFailed:
    return CommandFailed("the database in DATABASE_URL does not answer")
