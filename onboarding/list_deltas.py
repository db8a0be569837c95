"""Screening backwards: when lists get entries, whoever could be meant by them is asked again, and nobody else.

Every worker loads the lists for itself and notes what it has; whoever is first makes the *delta*: the entries that came
or changed since the version before, by the digests that are kept in rows. Then pages of accounts are compared with
them. The names are opened in memory, and an account is written to only if a check of it would hit one of these entries:
it gets an order to ask again, of which it has one for each delta at most, ever. So a delta may be interrupted anywhere,
or worked on twice.

What is gone from a list wakes nobody, nor do the first lists of all: everybody was screened with those.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import structlog

from onboarding import telemetry
from onboarding.domain.errors import EngineFault, Refusal, RefusalKind
from onboarding.domain.standing import effective
from onboarding.domain.state import OrderKind, Outcome
from onboarding.door.callers import WORKER
from onboarding.door.draft import REVIEWER
from onboarding.door.orders import PlaceOrder
from onboarding.ids import new_id
from onboarding.rechecks import DUPLICATE
from onboarding.storage import accounts, book, list_deltas
from onboarding.storage.faults import StatementFailed
from onboarding.storage.list_deltas import LOOK_AGAIN, DeltaRow, DeltaState, Screened
from onboarding.verifiers.port import VerifierUnavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from onboarding.door.door import Door
    from onboarding.door.draft import Draft
    from onboarding.storage.database import Database, Transaction
    from onboarding.storage.list_deltas import DeltaCounts, KnownList
    from onboarding.verifiers.lists.entries import Listed
    from onboarding.verifiers.lists.files import LoadedList

REASON = "list_changed"

BEHIND = "lists_behind"
"""Code of a worker that has not loaded the entries of a delta yet. Another one may have, and it will itself."""

_log = structlog.stdlib.get_logger("list_deltas")


@runtime_checkable
class Screening(Protocol):
    """The verifier that screens with lists: ``ListVerifier``, where a process has one."""

    name: str
    kind: str
    version: str

    @property
    def lists(self) -> Sequence[LoadedList]:
        """The lists in use; empty before all were loaded once."""

    def is_meant(self, inputs: Mapping[str, str], entries: Collection[Listed]) -> bool:
        """Whether a check with these inputs would hit one of these entries."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How quickly a delta goes.

    Attributes:
        per_second: accounts that are looked at, so that platforms' own requests have room.
        page: accounts of one step at most.
        at_once: orders that are placed at the same time, each of which takes a connection.
        settles_in: between a new version and the first look: every worker has loaded the version by then, so nobody is
            passed by an older one any more. Workers look at the files once a minute.
        reviews: between two looks at what people decide who were shown what an older version had found.
    """

    per_second: float = 200
    page: int = 200
    at_once: int = 4
    settles_in: timedelta = timedelta(minutes=2)
    reviews: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Step:
    """What a step came to: ``wait`` until the next one is due, None where nothing is left to do."""

    state: str
    wait: timedelta | None
    looked: int = 0


class ListDeltas:
    """What workers ask of deltas; a process without lists only tells which there are."""

    def __init__(self, database: Database, door: Door, screening: Screening | None, pace: Pace | None = None) -> None:
        self._database = database
        self._door = door
        self._screening = screening
        self._pace = pace or Pace()
        self._noted = ""

    async def state(self, limit: int = 5) -> tuple[list[KnownList], list[DeltaCounts]]:
        """The lists that the book is screened against, and the newest deltas."""
        async with self._database.reading() as r:
            return list((await list_deltas.known_lists(r)).values()), await list_deltas.newest(r, limit)

    async def due(self, limit: int) -> list[str]:
        """Deltas that nobody took further though it was time."""
        async with self._database.reading() as r:
            return await list_deltas.due(r, limit=limit)

    # --- what came with a new version ---------------------------------------------------------------------------------

    async def note(self) -> str | None:
        """Note the lists that this process uses, if they are others than before; the id of the delta, if there is one.

        Each process notes a version once: of two that have different files, the one that is behind does not bring back
        what the other has replaced, again and again. Nor does one whose list says that it is the older one.
        """
        screening = self._screening
        if screening is None or not screening.lists or screening.version == self._noted:
            return None
        version, loaded = screening.version, tuple(screening.lists)
        async with self._database.reading() as r:
            known = await list_deltas.known_lists(r)
        delta_id = None
        if not _is_same(loaded, known):
            async with self._database.transaction() as tx:
                await list_deltas.take_turn(tx)
                delta_id = await self._noted_in(tx, version, loaded)
        self._noted = version
        return delta_id

    async def _noted_in(self, tx: Transaction, version: str, loaded: Sequence[LoadedList]) -> str | None:
        known = await list_deltas.known_lists(tx)
        if _is_same(loaded, known):
            return None  # somebody else was quicker
        if any(_is_older(one, known.get(one.name)) for one in loaded):
            _log.warning("lists_are_older", version=version)
            return None
        came: list[Listed] = []
        for one in loaded:
            row = known.get(one.name)
            if row is not None and row.digest == one.digest:
                continue
            before = await list_deltas.entries_of(tx, one.name)
            after = {entry.entry_id: entry.digest for entry in one.entries}
            changed = {entry_id: digest for entry_id, digest in after.items() if before.get(entry_id) != digest}
            if known:
                came += [
                    (one.name, entry.entry_id, entry.digest) for entry in one.screened if entry.entry_id in changed
                ]
            await list_deltas.put_list(
                tx,
                one.name,
                version=one.version,
                digest=one.digest,
                published=one.published,
                changed=changed,
                removed=before.keys() - after.keys(),
            )
        await list_deltas.forget_lists(tx, known.keys() - {one.name for one in loaded})
        if not came:
            return None
        delta_id = new_id("delta_")
        await list_deltas.create(tx, delta_id=delta_id, version=version, entries=came, settles_in=self._pace.settles_in)
        _log.info("list_delta", delta=delta_id, version=version, entries=len(came))
        return delta_id

    # --- looking at accounts ------------------------------------------------------------------------------------------

    async def step(self, delta_id: str) -> Step:
        """Do what is due now: at most a page.

        Raises:
            VerifierUnavailable: ``lists_behind``: this process has no lists, or older ones.
            Refusal: ``account_rate_limit_exceeded``: accounts of the page are busy. The others are done.
        """
        async with self._database.reading() as r:
            row = await list_deltas.find(r, delta_id)
            now = await book.database_now(r)
        if row is None:
            return Step("unknown", None)
        if row.state == DeltaState.DONE:
            return Step(row.state, None, row.looked)
        if now < row.starts_at:
            async with self._database.reading() as r:
                await list_deltas.look_later(r, row.id, row.starts_at)
            return Step(row.state, row.starts_at - now, row.looked)
        screening = self._screening
        if screening is None:
            raise VerifierUnavailable(BEHIND)
        began = asyncio.get_running_loop().time()
        after, looked = await self._page(row, screening)
        if after.state == DeltaState.DONE:
            return Step(after.state, None, after.looked)
        if after.starts_at > now:
            return Step(after.state, after.starts_at - now, after.looked)
        rest = looked / self._pace.per_second - (asyncio.get_running_loop().time() - began)
        await asyncio.sleep(max(0.0, rest))
        return Step(after.state, timedelta(), after.looked)

    async def _page(self, row: DeltaRow, screening: Screening) -> tuple[DeltaRow, int]:
        screened = Screened(screening.kind, screening.name, REVIEWER)
        found: list[tuple[str, bool]] = []
        async with self._database.reading() as r:
            entries = await list_deltas.standing_entries(r, row.id)
            if entries:
                found = await list_deltas.to_look_at(r, row, screened, self._pace.page)
        if not entries <= {
            (one.name, entry.entry_id, entry.digest) for one in screening.lists for entry in one.entries
        }:
            raise VerifierUnavailable(BEHIND)
        open_ids = [account_id for account_id, is_ordered in found if not is_ordered]
        meant = await self._meant(row, screening, open_ids, entries)
        failed = await self._order_all(row, screening.kind, meant)
        is_over = not entries or len(found) < self._pace.page
        counted = {"looked": len(found), "ordered": len(meant) - len(failed), "failed": len(failed)}
        for outcome, number in counted.items():
            telemetry.list_delta_accounts.add(number, {"outcome": outcome})
        async with self._database.transaction() as tx:
            locked = await list_deltas.lock(tx, row.id)
            if locked is None:
                raise LookupError("a delta is never deleted")
            if (locked.state, locked.cursor, locked.since) != (row.state, row.cursor, row.since):
                return locked, len(found)  # somebody else was here meanwhile
            now = await book.database_now(tx)
            await list_deltas.clear_failures(tx, row.id, [one for one, _ in found if one not in failed])
            after = replace(
                locked,
                state=DeltaState.RUNNING,
                pass_began_at=locked.pass_began_at or now,
                cursor=found[-1][0] if found else locked.cursor,
                looked=locked.looked + len(found),
                look_at=now + LOOK_AGAIN,
            )
            if is_over:
                until = row.created_at + self._pace.settles_in
                is_left = await list_deltas.has_failures(tx, row.id) or await list_deltas.is_in_review(
                    tx, row, screened, until
                )
                after = self._passed(after, now, is_left=is_left and bool(entries))
            await list_deltas.put(tx, after)
        return after, len(found)

    def _passed(self, row: DeltaRow, now: datetime, *, is_left: bool) -> DeltaRow:
        """The end of a pass: of the delta too, unless people still decide about what older lists had found."""
        if not is_left:
            _log.info("list_delta_done", delta=row.id, looked=row.looked)
            return replace(row, state=DeltaState.DONE, ended_at=now, look_at=None)
        again = now + self._pace.reviews
        return replace(row, cursor="", since=row.pass_began_at, pass_began_at=None, starts_at=again, look_at=again)

    async def _meant(
        self, row: DeltaRow, screening: Screening, account_ids: Sequence[str], entries: frozenset[Listed]
    ) -> list[tuple[str, list[str]]]:
        """The accounts of which somebody could be meant, with the subjects of those checks."""
        async with self._database.reading() as r:
            records = await accounts.find_many(r, account_ids)
        asked: list[tuple[str, str, Mapping[str, str]]] = []
        for record in records:
            try:
                draft = await self._door.draft_of(record)
            except Refusal:
                continue  # erased meanwhile
            asked += [(draft.account_id, *one) for one in _passed_before(draft, screening, row.version)]

        def compare() -> dict[str, list[str]]:
            found: dict[str, list[str]] = {}
            for account_id, subject, inputs in asked:
                if screening.is_meant(inputs, entries):
                    found.setdefault(account_id, []).append(subject)
            return found

        # A few milliseconds each: in a thread, so that whatever else the process does goes on.
        return list((await asyncio.to_thread(compare)).items())

    async def _order_all(self, row: DeltaRow, kind: str, meant: Sequence[tuple[str, list[str]]]) -> set[str]:
        """Ask these accounts again; those that the engine could not decide about."""
        failed: set[str] = set()
        for place in range(0, len(meant), self._pace.at_once):
            batch = meant[place : place + self._pace.at_once]
            ordered = await asyncio.gather(*(self._order(row, kind, *one) for one in batch), return_exceptions=True)
            for (account_id, _), outcome in zip(batch, ordered, strict=True):
                if isinstance(outcome, BaseException):
                    raise outcome  # the others have ended
                if not outcome:
                    failed.add(account_id)
        return failed

    async def _order(self, row: DeltaRow, kind: str, account_id: str, subjects: Sequence[str]) -> bool:
        """Whether nothing is left to do for the account."""
        person = subjects[0] if len(subjects) == 1 and subjects[0].startswith("person_") else None
        order = PlaceOrder(
            new_id("ord_"), OrderKind.RECHECK, REASON, WORKER, target=kind, person=person, campaign=row.id
        )
        try:
            await self._door.revise(account_id, order)
        except EngineFault as fault:
            async with self._database.reading() as r:
                await list_deltas.note_failure(r, row.id, account_id, fault.code)
            return False
        except Refusal as refusal:
            if refusal.kind is RefusalKind.BUSY:
                raise
            # Closed or erased meanwhile; or its values have changed, and then it is asked anew anyway.
        except StatementFailed as error:
            if error.sqlstate != DUPLICATE:
                raise
        return True


def _passed_before(draft: Draft, screening: Screening, version: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Whoever counts as passed by what another version said, with what the check would be asked about them now."""
    kind = screening.kind
    if kind not in draft.policy.checks:
        return
    evidence = [row for row in draft.state.evidence if row.kind == kind]
    for subject in sorted({row.subject for row in evidence}):
        digest = draft.current_digest(kind, subject)
        stands = effective(evidence, kind, subject, digest) if digest is not None else None
        if stands is None or stands.outcome is not Outcome.PASSED:
            continue
        told = [row for row in evidence if (row.subject, row.digest, row.verifier) == (subject, digest, screening.name)]
        # A person's decision is about what the lists had found, so their version counts.
        newest = max(told, key=lambda row: (row.occurred_at, row.recorded_at, row.id), default=None)
        if newest is not None and newest.verifier_version != version:
            yield subject, draft.inputs(kind, subject)


def _is_same(loaded: Sequence[LoadedList], known: Mapping[str, KnownList]) -> bool:
    return {one.name: one.digest for one in loaded} == {name: row.digest for name, row in known.items()}


def _is_older(one: LoadedList, known: KnownList | None) -> bool:
    return known is not None and bool(one.published) and (one.published or "") < (known.published or "")
