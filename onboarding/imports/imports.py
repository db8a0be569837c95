"""Imports: making them, taking their lines in, starting, pausing and resuming. How lines are played: ``steps.py``.

::

    receiving ──> checking ──> checked ──> running ──> done      a dry run first, or not
        └────────────┼────────────────────────↑          │
                     └──> paused <────────────┘          └──> receiving, with lines that are new or mended
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import orjson

from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.door.door import Nudge, nobody
from onboarding.door.imports import ACCOUNT, CONTENT, PERSONS, line_ref, part
from onboarding.door.tokens import TokenKind, beside_token
from onboarding.ids import new_id
from onboarding.imports.documents import (
    PART_TYPE,
    import_document,
    line_document,
    refusal_document,
    sealed_refusal,
)
from onboarding.paging import Page, decoded, encoded, page_at, window
from onboarding.storage import book, imports
from onboarding.storage.imports import KEPT, UNDER_WAY, ImportRow, ImportState, LineRow, LineStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from onboarding.crypto import KeyRing
    from onboarding.door.callers import Caller, RequestKey
    from onboarding.door.door import Door
    from onboarding.storage.database import Database, Transaction
    from onboarding.storage.idempotency import Existing

MOST_LINES = 250_000
"""Lines of one import: a larger book is several. Starting one again is a statement over all of them."""

MOST_AT_ONCE = 500
"""Lines of one request."""

LONGEST = 100_000
"""Bytes of one line: an account with a hundred persons has fewer."""

ALREADY_IMPORTED = "import_line_already_imported"
"""Code of a line that is an account already, and is sent with other words under the same number."""

_REST = (ImportState.CHECKED, ImportState.DONE)

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it came.

    Attributes:
        number: its place in the file, from 1.
        raw: its bytes.
        said: its parts by the wire's schemas, None where its form is wrong.
        refusal: what is wrong with its form.
    """

    number: int
    raw: bytes = field(repr=False)
    said: Document | None = field(default=None, repr=False)
    refusal: Refusal | None = None


class Imports:
    """A platform's key sees and makes imports in its own mode.

    Every method raises Refusal ``not_found`` for an import that there is not, or that is somebody else's.
    """

    def __init__(self, database: Database, ring: KeyRing, door: Door, nudge: Nudge = nobody) -> None:
        self._database = database
        self._ring = ring
        self._door = door
        self._nudge = nudge

    async def create(self, caller: Caller, accounts_per_second: float, key: RequestKey | None) -> Document:
        """Make an import that has no lines yet."""
        import_id = new_id("imp_")
        async with self._database.transaction() as tx:
            existing = await self._door.claim(tx, caller, key, None, import_id)
            if existing is None:
                now = await book.database_now(tx)
                row = ImportRow(
                    id=import_id,
                    platform_id=caller.platform_id,
                    livemode=caller.livemode,
                    state=ImportState.RECEIVING,
                    is_dry_run=False,
                    accounts_per_second=accounts_per_second,
                    created_at=now,
                    empty_at=now + KEPT,
                    actor=caller.actor,
                    next_at=None,
                    look_at=None,
                )
                await imports.create(tx, row)
        return await self.get(caller, _object_of(existing) or import_id)

    async def get(self, caller: Caller, import_id: str) -> Document:
        """One import."""
        async with self._database.reading() as r:
            row = _owned(await imports.find(r, import_id), caller)
            counted = await imports.count(r, [row.id])
        return import_document(row, counted[row.id])

    async def list(self, caller: Caller, limit: int = 20, cursor: str | None = None) -> Page:
        """Imports, newest first."""
        page = page_at(cursor, limit, timed=False)
        async with self._database.reading() as r:
            rows = await imports.list_page(r, caller.platform_id, page, livemode=caller.livemode)
            kept, following, previous = window([(row, [row.id]) for row in rows], page, limit)
            counted = await imports.count(r, [row.id for row in kept])
        return Page([import_document(row, counted[row.id]) for row in kept], following, previous)

    async def lines(
        self, caller: Caller, import_id: str, *, status: str | None = None, limit: int = 20, cursor: str | None = None
    ) -> Page:
        """What became of the lines, in their order: all of them, or those of one status."""
        backwards, place = decoded(cursor, int)
        number = None if place is None else min(place[0], MOST_LINES + 1)
        after, before = (None, number) if backwards else (number, None)
        async with self._database.reading() as r:
            _owned(await imports.find(r, import_id), caller)
            rows = await imports.list_lines(r, import_id, status=status, limit=limit + 1, after=after, before=before)
        more = len(rows) > limit
        kept = (rows[1:] if backwards else rows[:limit]) if more else rows
        following = encoded("n", [kept[-1].number]) if kept and (more or backwards) else None
        previous = encoded("p", [kept[0].number]) if kept and (more if backwards else after is not None) else None
        return Page([line_document(self._ring, caller.platform_id, row) for row in kept], following, previous)

    async def receive(self, caller: Caller, import_id: str, lines: Sequence[Line]) -> Document:
        """Take a part of the file in: each line by itself, so that a broken one stops no other.

        The same part again changes nothing. A line that says something else takes the place of the one with its number,
        unless that is an account already.

        Raises:
            Refusal: ``import_checking`` or ``import_running``: pause it first.
        """
        checked = [self._checked(caller, line) for line in lines]
        rows = [self._row(caller, import_id, line) for line in checked]
        async with self._database.transaction() as tx:
            row = _owned(await imports.lock(tx, import_id), caller)
            if row.state in UNDER_WAY:
                raise _stands(row)
            changed, kept = await imports.put_lines(tx, row, rows)
            state = ImportState.RECEIVING if changed and row.state in _REST else row.state
            await imports.put(tx, replace(row, state=state))
        refused = {line.number: refusal_document(line.refusal) for line in checked if line.refusal is not None}
        refused |= dict.fromkeys(kept, _ALREADY)
        return {
            "object": PART_TYPE,
            "import": import_id,
            "lines": {
                "received": len(rows),
                "changed": len(changed),
                "unchanged": len(rows) - len(changed) - len(kept),
                "refused": len(refused),
            },
            "refused": [{"line": number, **refused[number]} for number in sorted(refused)],
        }

    # --- what people do to one ----------------------------------------------------------------------------------------

    async def start(self, caller: Caller, import_id: str, key: RequestKey | None, *, is_dry_run: bool) -> Document:
        """Play all lines that are no accounts yet, those refused before too: to make the accounts, or only to see.

        Raises:
            Refusal: ``import_checking``, ``import_running`` or ``import_paused``.
        """
        under_way = ImportState.CHECKING if is_dry_run else ImportState.RUNNING

        async def started(tx: Transaction, row: ImportRow, now: datetime) -> ImportRow:
            if row.state == under_way:
                return row
            if row.state in (*UNDER_WAY, ImportState.PAUSED):
                raise _stands(row)
            await imports.reset_lines(tx, row.id)
            return replace(row, state=under_way, is_dry_run=is_dry_run, look_at=now)

        return await self._change(caller, import_id, key, started)

    async def pause(self, caller: Caller, import_id: str, key: RequestKey | None = None) -> Document:
        """Play no further line. What is made stays.

        Raises:
            Refusal: ``import_receiving``, ``import_checked`` or ``import_done``.
        """

        async def paused(_tx: Transaction, row: ImportRow, _now: datetime) -> ImportRow:
            if row.state not in (*UNDER_WAY, ImportState.PAUSED):
                raise _stands(row)
            return replace(row, state=ImportState.PAUSED, look_at=None)

        return await self._change(caller, import_id, key, paused)

    async def resume(self, caller: Caller, import_id: str, key: RequestKey | None = None) -> Document:
        """Go on where it was paused.

        Raises:
            Refusal: as for :meth:`pause`.
        """

        async def resumed(_tx: Transaction, row: ImportRow, now: datetime) -> ImportRow:
            if row.state in UNDER_WAY:
                return row
            if row.state != ImportState.PAUSED:
                raise _stands(row)
            state = ImportState.CHECKING if row.is_dry_run else ImportState.RUNNING
            return replace(row, state=state, look_at=now)

        return await self._change(caller, import_id, key, resumed)

    async def _change(
        self,
        caller: Caller,
        import_id: str,
        key: RequestKey | None,
        changed: Callable[[Transaction, ImportRow, datetime], Awaitable[ImportRow]],
    ) -> Document:
        async with self._database.transaction() as tx:
            existing = await self._door.claim(tx, caller, key, None, import_id)
            row = _owned(await imports.lock(tx, import_id), caller)
            if existing is None:
                await imports.put(tx, await changed(tx, row, await book.database_now(tx)))
        self._nudge(import_id)
        return await self.get(caller, import_id)

    # --- lines --------------------------------------------------------------------------------------------------------

    @staticmethod
    def _checked(caller: Caller, line: Line) -> Line:
        """The line, refused where its platform must not see such values: there only tokens bring them."""
        if line.said is None:
            return line
        try:
            with part(ACCOUNT):
                beside_token(TokenKind.ACCOUNT, caller, line.said[ACCOUNT])
            for place, person in enumerate(line.said.get(PERSONS, ())):
                with part(f"{PERSONS}[{place}]"):
                    beside_token(TokenKind.PERSON, caller, person)
        except Refusal as refusal:
            return replace(line, said=None, refusal=refusal)
        return line

    def _row(self, caller: Caller, import_id: str, line: Line) -> LineRow:
        platform_id = caller.platform_id
        if line.said is not None:
            plain = orjson.dumps(line.said, option=orjson.OPT_SORT_KEYS)
            digest = self._ring.platform_digest("import-line", platform_id, plain.decode())
            ref = line_ref(import_id, line.number)
            sealed = self._ring.seal_platform(plain, platform=platform_id, purpose=CONTENT, ref=ref)
            return LineRow(import_id, line.number, digest, LineStatus.PENDING, sealed)
        if line.refusal is None:
            raise LookupError("a line says something, or something is wrong with it")
        digest = self._ring.platform_digest("import-line-broken", platform_id, line.raw.hex(), line.refusal.code)
        error = sealed_refusal(self._ring, platform_id, import_id, line.number, line.refusal)
        return LineRow(import_id, line.number, digest, LineStatus.REFUSED, code=line.refusal.code, error=error)


_ALREADY: Document = {
    "code": ALREADY_IMPORTED,
    "message": "This line is an account already, and says something else now. Update the account instead.",
    "param": None,
}


def _object_of(existing: Existing | None) -> str | None:
    return existing.object_id if existing is not None else None


def _owned(row: ImportRow | None, caller: Caller) -> ImportRow:
    if row is None or (row.platform_id, row.livemode) != (caller.platform_id, caller.livemode):
        raise Refusal("not_found", "No such import.", kind=RefusalKind.NOT_FOUND)
    return row


def _stands(row: ImportRow) -> Refusal:
    return Refusal(f"import_{row.state}", f"The import is {row.state}.", kind=RefusalKind.CONFLICT)
