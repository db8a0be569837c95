"""Publishing policies, and what can be told of them: which there are, what differs, what one would change."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

from onboarding.catalogue.loader import BUILTIN_NAME, policy_bytes, policy_hash
from onboarding.catalogue.problems import CatalogueError
from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.door.callers import is_operator
from onboarding.forecast import Forecasted, forecast, summarise
from onboarding.paging import Page, page_at, window
from onboarding.policies import packs
from onboarding.policies.diff import diff
from onboarding.policies.documents import forecast_document, policy_document, policy_id
from onboarding.storage import book, policies, rollouts, states

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from datetime import datetime

    from onboarding.catalogue.problems import Problem
    from onboarding.door.callers import Caller, RequestKey
    from onboarding.door.door import Door
    from onboarding.door.policies import PolicyShelf
    from onboarding.forecast import AccountForecast
    from onboarding.policies.diff import Diff
    from onboarding.storage.database import Database, Reading
    from onboarding.storage.rollouts import RolloutScope
    from onboarding.storage.rows import PolicyRow

AHEAD = timedelta(days=90)
"""How far a dry run looks if nobody says: longer than the longest grace of the policy that ships."""

MOST_ACCOUNTS = 20_000
"""Accounts of one dry run that somebody waits for over HTTP: about ten seconds."""

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_DIGITS = re.compile(r"(?:pol_)?([0-9a-f]{24,64})")
_NAMED = re.compile(r"([a-z][a-z0-9_-]{0,63})(?:@(.{1,64}))?")
_BATCH = 500

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Published:
    """A policy version; ``is_new`` False where the same packs were published before."""

    row: PolicyRow
    is_new: bool

    @property
    def id(self) -> str:
        """Its id on the wire."""
        return policy_id(self.row.hash)


class PolicyBook:
    """A platform's key sees what is for all and what is its own. An operator sees everything.

    Every method raises Refusal ``not_found`` for a policy that there is not, or that is somebody else's.
    """

    def __init__(self, database: Database, database_url: str, door: Door, shelf: PolicyShelf) -> None:
        self._database = database
        self._database_url = database_url
        self._door = door
        self._shelf = shelf
        self._dry_runs = asyncio.Semaphore(1)

    # --- publishing ---------------------------------------------------------------------------------------------------

    async def publish(
        self,
        texts: Mapping[str, str],
        name: str,
        platform_id: str | None,
        *,
        with_builtin: bool = False,
        may_replace: bool = True,
        caller: Caller | None = None,
        key: RequestKey | None = None,
    ) -> Published:
        """Make the next version of a name out of YAML packs; the same packs are the same version. Touches no account.

        Args:
            texts: the packs by name.
            name: of the policy.
            platform_id: whose own it is to be; None for all.
            with_builtin: put them together with the packs that ship.
            may_replace: a pack that is called like one that ships takes its place.
            caller: whose request it is, if it is one.
            key: of a request that may come twice.

        Raises:
            Refusal: ``policy_invalid`` with every problem as ``problems``; ``parameter_invalid`` for the name.
        """
        if _NAME.fullmatch(name) is None or name == BUILTIN_NAME:
            message = "Must be 1 to 64 lower-case letters, digits, - and _, begin with a letter, and not be 'builtin'."
            raise Refusal("parameter_invalid", message, param="name", type="invalid_request_error")
        try:
            document = await asyncio.to_thread(packs.read, texts, with_builtin=with_builtin, may_replace=may_replace)
        except CatalogueError as error:
            raise refused(error.problems) from None
        async with self._database.transaction() as tx:
            await policies.take_turn(tx)
            known = {row.hash for row in await policies.named(tx, name) if row.platform_id == platform_id}
            number, packed = _version(name, document, platform_id, known)
            digest = policy_hash(packed)
            is_new = digest not in known
            existing = await self._door.claim(tx, caller, key, None, policy_id(digest))
            if existing is None and is_new:
                await policies.seed(
                    tx, policy_hash=digest, name=name, version=str(number), document=packed, platform_id=platform_id
                )
        first = existing.object_id if existing is not None else None
        return Published(await self.find(None, first or digest), is_new and existing is None)

    # --- reading ------------------------------------------------------------------------------------------------------

    async def find(self, caller: Caller | None, reference: str) -> PolicyRow:
        """The policy that a reference means: ``pol_…``, a hash, ``name@version``, or a name for its newest version.

        ``caller`` None is an operator. A platform's key names policies by their ids only.
        """
        digits = _DIGITS.fullmatch(reference)
        everything = caller is None or is_operator(caller.actor)
        async with self._database.reading() as r:
            if digits is not None:
                found = await policies.beginning_with(r, digits[1])
            elif everything and reference == BUILTIN_NAME:
                found = [row for row in [await policies.find(r, self._shelf.current.hash)] if row is not None]
            elif everything and (named := _NAMED.fullmatch(reference)) is not None:
                found = await _called(r, named[1], named[2])
            else:
                found = []
        if caller is not None and not everything:
            found = [row for row in found if row.platform_id in (None, caller.platform_id)]
        if len(found) > 1:
            message = "Several policies are called so: name one by its id."
            raise Refusal("parameter_invalid", message, type="invalid_request_error")
        if not found:
            raise _not_found()
        return found[0]

    async def get(self, caller: Caller, reference: str) -> Document:
        """One policy with its rules."""
        row, current = await self.find(caller, reference), await self.current_hash(caller)
        return policy_document(row, is_current=row.hash == current, whole=True)

    async def list(self, caller: Caller, limit: int = 20, cursor: str | None = None) -> Page:
        """Policies without their rules, newest first."""
        page = page_at(cursor, limit, timed=True)
        platform_id = None if is_operator(caller.actor) else caller.platform_id
        async with self._database.reading() as r:
            rows = await policies.list_page(r, platform_id, page)
        places = [(row, [row.published_at.isoformat(), row.hash]) for row in rows]
        kept, following, previous = window(places, page, limit)
        current = await self.current_hash(caller)
        return Page([policy_document(row, is_current=row.hash == current) for row in kept], following, previous)

    async def diff(self, caller: Caller | None, old: str, new: str) -> tuple[PolicyRow, PolicyRow, Diff]:
        """What is otherwise in ``new``, with both policies."""
        before, after = await self.find(caller, old), await self.find(caller, new)
        return before, after, diff(*(orjson.loads(row.document)["document"] for row in (before, after)))

    async def current_hash(self, caller: Caller) -> str:
        """Hash of what the caller's new accounts get."""
        async with self._database.reading() as r:
            found = await policies.current(r, caller.platform_id, livemode=caller.livemode)
        return found or self._shelf.current.hash

    # --- dry runs -----------------------------------------------------------------------------------------------------

    async def dry_run(self, caller: Caller, reference: str, at: datetime | None, until: datetime | None) -> Document:
        """What the policy would change for the caller's accounts, in numbers.

        Raises:
            Refusal: ``book_too_large``: more accounts than anybody can wait for.
        """
        row = await self.find(caller, reference)
        at = at or await self.now()
        until = until or at + AHEAD
        if until < at:
            raise Refusal("parameter_invalid", "Must not be before 'at'.", param="until", type="invalid_request_error")
        scope = rollouts.RolloutScope(caller.platform_id, caller.livemode)
        await self.refuse_large(scope)
        found = await self.forecast(row, scope, at, until)
        return forecast_document(row, at, until, found)

    async def forecast(
        self,
        row: PolicyRow,
        scope: RolloutScope,
        at: datetime,
        until: datetime,
        progress: Callable[[int, int], None] | None = None,
    ) -> Forecasted:
        """What the policy would change for the accounts that a roll-out of this scope is about; one at a time."""
        wanted = states.Scope(scope.platform_id, scope.livemode, scope.from_name)
        async with (
            self._dry_runs,
            aclosing(
                forecast(self._database_url, row.document, at=at, until=until, scope=wanted, progress=progress)
            ) as told,
        ):
            # A platform's own policy stays what it is, unless the roll-out is about that platform.
            return await summarise(told if scope.platform_id is not None else _narrowed(self._database, told, scope))

    async def refuse_large(self, scope: RolloutScope) -> None:
        """Raises Refusal ``book_too_large`` where a forecast would take too long for a request."""
        async with self._database.reading() as r:
            counted = await states.count_in_scope(r, states.Scope(scope.platform_id, scope.livemode, scope.from_name))
        if counted > MOST_ACCOUNTS:
            raise Refusal(
                "book_too_large",
                f"There are {counted} accounts, and a request is answered for {MOST_ACCOUNTS} at most. "
                "Use the command line: onboarding policies dry-run.",
                type="invalid_request_error",
            )

    async def now(self) -> datetime:
        """The database's clock."""
        async with self._database.reading() as r:
            return await book.database_now(r)


async def _called(r: Reading, name: str, version: str | None) -> list[PolicyRow]:
    """The versions of a name that are so called, or the newest: one of each platform that has the name."""
    rows = await policies.named(r, name)
    if version is not None:
        chosen = [row for row in rows if row.version == version]
    else:
        chosen = list({row.platform_id: row for row in reversed(rows)}.values())
    found = [await policies.find(r, row.hash) for row in chosen[:2]]
    return [row for row in found if row is not None]


def _version(name: str, document: Document, platform_id: str | None, known: set[str]) -> tuple[int, bytes]:
    """The number and the bytes of the known version that says the same, or of the next one."""
    for number in range(1, len(known) + 1):
        packed = policy_bytes(name, number, document, platform_id)
        if policy_hash(packed) in known:
            return number, packed
    return len(known) + 1, policy_bytes(name, len(known) + 1, document, platform_id)


async def _narrowed(
    database: Database, told: AsyncIterator[AccountForecast], scope: RolloutScope
) -> AsyncIterator[AccountForecast]:
    """Only the accounts that a roll-out of this scope is about."""
    batch: list[AccountForecast] = []
    async for one in told:
        batch.append(one)
        if len(batch) == _BATCH:
            for kept in await _kept(database, batch, scope):
                yield kept
            batch = []
    for kept in await _kept(database, batch, scope):
        yield kept


async def _kept(database: Database, batch: list[AccountForecast], scope: RolloutScope) -> list[AccountForecast]:
    async with database.reading() as r:
        wanted = await rollouts.in_scope(r, scope, [one.account_id for one in batch])
    return [one for one in batch if one.account_id in wanted]


def refused(problems: list[Problem]) -> Refusal:
    """The refusal of packs, with everything that is wrong in them."""
    told = [
        {"file": one.file, "line": one.line, "rule": one.rule, "at": _at(one), "message": one.message}
        for one in problems
    ]
    count = f"{len(told)} problems" if len(told) > 1 else "a problem"
    return Refusal(
        "policy_invalid",
        f"The packs have {count}; nothing was published.",
        param="packs",
        type="invalid_request_error",
        extra={"problems": told},
    )


def _at(problem: Problem) -> str:
    """Where in the file: within the rule, or the path of names down to it."""
    named = "" if problem.rule else ".".join(map(str, problem.path))
    return ", ".join(part for part in (named, problem.at) if part)


def _not_found() -> Refusal:
    return Refusal("not_found", "No such policy.", kind=RefusalKind.NOT_FOUND)
