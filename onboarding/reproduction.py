"""Deciding again: the evaluation of a stored version, run once more from what was stored with it.

A version keeps shape and inputs, evidence and marks name the version that they came with, and policies are rows, so the
same code must come to the same bytes, however long ago that was. No value is read and no key is needed: it works for
erased accounts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from onboarding.domain.evaluate import EVALUATOR_VERSION, evaluate
from onboarding.domain.policy import Announced, Policies
from onboarding.door.policies import PolicyUnavailable
from onboarding.door.render import encode_evaluation
from onboarding.storage import versions
from onboarding.storage.shapes import canonical

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from onboarding.door.policies import PolicyShelf
    from onboarding.storage.database import Database
    from onboarding.storage.versions import StoredVersion, VersionRow

TOLD = 10
"""Differences that are told at most: the first ones."""

_ABSENT = object()

Decided = tuple["VersionRow", "Reproduction | None"]
"""A version, and what came of deciding it again; None where a policy that bound it can't be loaded."""


class Result(StrEnum):
    """What came of deciding again.

    ``differs`` means that the record or this engine is wrong: the evaluator of the same version said something else.
    ``inputs_not_stored`` is said of versions from before migration 0004, which can only be read.
    """

    REPRODUCED = "reproduced"
    EVALUATOR_CHANGED = "evaluator_changed"
    DIFFERS = "differs"
    INPUTS_NOT_STORED = "inputs_not_stored"


@dataclass(frozen=True, slots=True)
class Difference:
    """A place in the evaluation, and what stands there: then and now; None where nothing does."""

    path: str
    stored: Any = field(repr=False)
    now: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A result, and the first places that differ."""

    result: Result
    differences: tuple[Difference, ...] = ()


def reproduce(stored: StoredVersion, policies: Policies) -> Reproduction:
    """Decide again what a version says, under the policies that bound it."""
    row = stored.row
    if not stored.has_inputs:
        return Reproduction(Result.INPUTS_NOT_STORED)
    try:
        evaluation = evaluate(policies, stored.state, row.effective_at)
        decided = canonical(encode_evaluation(row.account_id, evaluation))
    except Exception as error:  # noqa: BLE001 -- whatever the evaluator stumbles over is a difference
        found: tuple[Difference, ...] = (Difference("", None, type(error).__name__),)
    else:
        if decided == canonical(row.evaluation):
            return Reproduction(Result.REPRODUCED)
        found = tuple(islice(_differing(row.evaluation, orjson.loads(decided)), TOLD))
    changed = row.evaluator_version != EVALUATOR_VERSION
    return Reproduction(Result.EVALUATOR_CHANGED if changed else Result.DIFFERS, found)


class Reproducer:
    """Decides stored versions again. Only reads."""

    def __init__(self, database: Database, shelf: PolicyShelf) -> None:
        self._database = database
        self._shelf = shelf

    async def policies_of(self, stored: StoredVersion) -> Policies:
        """The policies that bound a version.

        Raises:
            PolicyUnavailable: one of them is not there, or this process can't compile it.
        """
        in_force = await self._shelf.get(stored.row.policy_hash)
        if stored.announced is None:
            return Policies(in_force)
        announced, transition_at = stored.announced
        return Policies(in_force, Announced(await self._shelf.get(announced), transition_at))

    async def reproduce(self, stored: StoredVersion) -> Reproduction:
        """Decide a version again.

        Raises:
            PolicyUnavailable: see :meth:`policies_of`.
        """
        return reproduce(stored, await self.policies_of(stored))

    async def newest(self, account_ids: Sequence[str]) -> AsyncIterator[Decided]:
        """The newest version of each of these accounts, decided again."""
        async with self._database.reading() as r:
            found = await versions.newest(r, account_ids)
        for stored in found:
            yield await self._decided(stored)

    async def every(self, account_id: str) -> AsyncIterator[Decided]:
        """Every version of an account, decided again."""
        async with self._database.reading() as r:
            found = await versions.all_of(r, account_id)
        for stored in found:
            yield await self._decided(stored)

    async def _decided(self, stored: StoredVersion) -> Decided:
        try:
            return stored.row, await self.reproduce(stored)
        except PolicyUnavailable:
            return stored.row, None


def fault(version: VersionRow, found: Reproduction | None) -> str | None:
    """What is wrong with a version that was decided again; an evaluator that has changed since is no fault."""
    if found is None:
        return f"a policy that bound version {version.version} can't be loaded"
    if found.result is not Result.DIFFERS:
        return None
    where = ", ".join(one.path or "the whole evaluation" for one in found.differences)
    return f"version {version.version}, decided again, differs in {where}"


def _differing(stored: Any, now: Any, path: str = "") -> Iterator[Difference]:
    """Where two JSON values differ, from the outside in."""
    if isinstance(stored, dict) and isinstance(now, dict):
        for name in sorted({*stored, *now}):
            yield from _differing(stored.get(name, _ABSENT), now.get(name, _ABSENT), f"{path}.{name}".lstrip("."))
    elif isinstance(stored, list) and isinstance(now, list):
        for place in range(max(len(stored), len(now))):
            was, became = (rows[place] if place < len(rows) else _ABSENT for rows in (stored, now))
            yield from _differing(was, became, f"{path}[{place}]")
    elif stored is _ABSENT or now is _ABSENT or stored != now:
        yield Difference(path, None if stored is _ABSENT else stored, None if now is _ABSENT else now)
