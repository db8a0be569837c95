"""The inbox: what vendors send us, kept as it came before anything is made of it.

::

    pending ────> settled                 its attempt was looked at, whatever came of it
       └────────> ignored                 no attempt wanted it for days, or its event is about none
    refused                               not authentic: answered 400, kept for a while in case the fault was ours
    unreadable                            authentic, of a shape that the adapter does not know: kept until it does

The vendor is answered as soon as its body is committed; Temporal is not needed for that. A callback only says that
something happened: whoever works on the check asks the vendor what. So doubled, late and reordered ones are harmless,
and one that never comes is made good by the poll.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson

from onboarding import telemetry
from onboarding.crypto import SealBroken
from onboarding.door.door import Nudge, nobody
from onboarding.ids import new_id
from onboarding.storage import inbox
from onboarding.storage.inbox import ItemRow, ItemState, NewItem
from onboarding.verifiers.port import CallbackRefused, CallbackUnreadable, CallsBack, Notice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from onboarding.crypto import KeyRing
    from onboarding.storage.database import Database
    from onboarding.verifiers.registry import Verifiers

SEALED_FOR = "inbox"
"""Purpose under which items are sealed and digested."""

REFUSED_A_MINUTE = 60
"""Refused callbacks that one process keeps each minute: anybody may send some, and none of them is authentic."""

REFUSED_BYTES = 65_536
"""Of a refused body, which anybody may have sent; a larger one is kept cut, and so can't be replayed."""

HEADER_BYTES = 16_384
_NOT_KEPT = frozenset({"authorization", "cookie", "proxy-authorization"})
_OURS = re.compile(r"att_[0-9a-z]{27}")


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a callback; ``code`` says why one that is not kept as authentic was refused."""

    state: ItemState
    code: str | None = None
    is_new: bool = True


@dataclass(frozen=True, slots=True)
class Pending:
    """An item that is about an attempt, and what it says."""

    item_id: str
    attempt_id: str
    received_at: datetime
    notice: Notice = field(repr=False)


class Inbox:
    """See the module. One per process.

    Args:
        database: where it is kept.
        ring: seals it.
        verifiers: whose callbacks are taken.
        nudge: told of a check that a callback is about, so that somebody looks at once.
    """

    def __init__(
        self,
        database: Database,
        ring: KeyRing,
        verifiers: Verifiers,
        nudge: Nudge = nobody,
    ) -> None:
        self._database = database
        self._ring = ring
        self._verifiers = verifiers
        self._nudge = nudge
        self._refused = (0, 0)

    def takes(self, verifier: str) -> bool:
        """Whether there is a verifier of that name that calls back."""
        return self._adapter(verifier) is not None

    def vendor_digest(self, verifier: str, vendor_reference: str) -> str:
        """Keyed digest by which a callback finds its attempt."""
        return self._ring.platform_digest("vendor-reference", verifier, vendor_reference)

    async def receive(self, verifier: str, headers: Mapping[str, str], body: bytes) -> Received:
        """Keep a callback: one statement, committed when this returns. See :meth:`takes`.

        Args:
            verifier: its name.
            headers: with names in lower case.
            body: the raw bytes.

        Raises:
            ConnectionLost: it may not have been kept; the vendor must send it again.
        """
        item = self._read(new_id("in_"), verifier, headers, body, datetime.now(UTC))
        if item.state is ItemState.REFUSED and not self._may_keep_refused():
            telemetry.callbacks.add(1, {"verifier": verifier, "outcome": "dropped"})
            return Received(item.state, item.error_code)
        async with self._database.reading() as r:
            found = await inbox.put(r, item)
        telemetry.callbacks.add(1, {"verifier": verifier, "outcome": item.state.value if found.is_new else "repeated"})
        if found.state is ItemState.PENDING and found.account_id is not None and found.check_id is not None:
            self._nudge(found.account_id, found.check_id)
        return Received(item.state, item.error_code, found.is_new)

    async def pending(self, check_id: str) -> list[Pending]:
        """What is to be taken in about a check. One that can't be read any more is set aside."""
        async with self._database.reading() as r:
            rows = await inbox.pending_of_check(r, check_id)
        found = []
        for row in rows:
            notice = self._notice(row)
            if notice is None or row.attempt_id is None:
                await self.settle([row.id], ItemState.UNREADABLE, "not_readable_any_more")
            else:
                found.append(Pending(row.id, row.attempt_id, row.received_at, notice))
        return found

    async def settle(
        self, item_ids: Sequence[str], state: ItemState = ItemState.SETTLED, code: str | None = None
    ) -> None:
        """Nobody has to look at these items any more."""
        if item_ids:
            async with self._database.reading() as r:
                await inbox.settle(r, item_ids, state, code)

    async def due(self, limit: int) -> list[tuple[str, str]]:
        """Accounts and checks whose items nobody has taken in yet. Also deletes what is too old to be needed."""
        async with self._database.reading() as r:
            found = await inbox.due(r, limit=limit)
            await inbox.purge(r)
        return found

    async def items(
        self,
        *,
        states: Sequence[ItemState] = (),
        ids: Sequence[str] = (),
        verifier: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[ItemRow]:
        """Items, newest first. For people: what they hold stays sealed."""
        async with self._database.reading() as r:
            return await inbox.list_items(r, states=states, ids=ids, verifier=verifier, since=since, limit=limit)

    async def replay(self, row: ItemRow) -> Received:
        """Read an item again, as it came and as of when it came, and have it taken in again where it is authentic."""
        opened = self._opened(row)
        if opened is None or not self.takes(row.verifier):
            return Received(ItemState(row.state), "not_readable_any_more")
        headers, body = opened
        item = replace(self._read(row.id, row.verifier, headers, body, row.received_at), ciphertext=row.ciphertext)
        if item.state is not ItemState.PENDING and row.state in (ItemState.SETTLED, ItemState.IGNORED):
            return Received(ItemState(row.state), item.error_code)  # it was taken in once: a secret was removed since
        async with self._database.reading() as r:
            if not await inbox.read_anew(r, item):
                await inbox.discard(r, row.id)  # the vendor has sent the same event again, and that one was kept
                return Received(item.state, "repeated", is_new=False)
            for account_id, check_id in await inbox.due(r, limit=100):
                self._nudge(account_id, check_id)
        return Received(item.state, item.error_code)

    def _read(
        self, item_id: str, verifier: str, headers: Mapping[str, str], body: bytes, received_at: datetime
    ) -> NewItem:
        adapter = self._adapter(verifier)
        state: ItemState = ItemState.PENDING
        code: str | None = None
        notice: Notice | None = None
        try:
            notice = adapter.read_callback(headers, body, received_at) if adapter is not None else None
        except CallbackRefused as refused:
            state, code = ItemState.REFUSED, refused.code
            body = body[:REFUSED_BYTES]
        except CallbackUnreadable:
            state, code = ItemState.UNREADABLE, "unknown_shape"
        except Exception as error:  # noqa: BLE001 -- an adapter's mistake must not lose what a vendor sent
            state, code = ItemState.UNREADABLE, f"adapter_failed_{type(error).__name__}"
        if notice is None and state is ItemState.PENDING:
            state, code = ItemState.IGNORED, "about_no_attempt"
        item = NewItem(item_id, verifier, received_at, state, self._sealed(item_id, headers, body), code)
        if notice is None:
            return item
        return replace(
            item,
            event_digest=self._ring.platform_digest(SEALED_FOR, verifier, notice.event_id),
            vendor_digest=self.vendor_digest(verifier, notice.vendor_reference),
            # What anybody else's reference says is no id of ours, and stays sealed.
            our_reference=notice.our_reference if _OURS.fullmatch(notice.our_reference) else None,
            occurred_at=notice.occurred_at,
        )

    def _notice(self, row: ItemRow) -> Notice | None:
        opened = self._opened(row)
        adapter = self._adapter(row.verifier)
        if opened is None or adapter is None:
            return None
        try:
            return adapter.read_callback(*opened, row.received_at)
        except Exception:  # noqa: BLE001 -- whatever it is, it must not keep the check from going on
            return None

    def _adapter(self, verifier: str) -> CallsBack | None:
        adapter: object = self._verifiers.named(verifier)
        return adapter if isinstance(adapter, CallsBack) else None

    def _sealed(self, item_id: str, headers: Mapping[str, str], body: bytes) -> bytes:
        kept: dict[str, str] = {}
        left = HEADER_BYTES
        # The short ones first: a signature is one of them, and a replay needs it.
        for name, value in sorted(headers.items(), key=lambda item: len(item[1])):
            if name not in _NOT_KEPT and len(name) + len(value) <= left:
                left -= len(name) + len(value)
                kept[name] = value
        # Two parts: the headers as one line of JSON, then the body as it came.
        plain = orjson.dumps(kept) + b"\n" + body
        return self._ring.seal_platform(plain, platform="", purpose=SEALED_FOR, ref=item_id)

    def _opened(self, row: ItemRow) -> tuple[dict[str, str], bytes] | None:
        try:
            plain = self._ring.open_platform(row.ciphertext, platform="", purpose=SEALED_FOR, ref=row.id)
        except SealBroken:
            return None
        headers, _, body = plain.partition(b"\n")
        return orjson.loads(headers), body

    def _may_keep_refused(self) -> bool:
        minute, count = int(time.monotonic() // 60), 0
        if self._refused[0] == minute:
            count = self._refused[1]
        self._refused = (minute, count + 1)
        return count < REFUSED_A_MINUTE
