"""Orders of accounts, placed and undone by platforms and by operators.

Every order stays in the record, with who placed it and who undid it. What an operator's internal hold is about no
platform ever reads, nor its ticket; that an operator placed it, it may know, but not which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onboarding.documents import rfc3339
from onboarding.documents.v1_accounts import PAYOUTS, v1_account_document
from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.domain.state import OrderKind
from onboarding.door.callers import OPERATOR, UNVERIFIED, Caller, is_operator, is_platform, shown_actor
from onboarding.door.orders import (
    TICKET,
    Audience,
    NothingToDo,
    PlaceOrder,
    RejectAccount,
    UndoOrder,
    UnrejectAccount,
    not_yours,
)
from onboarding.ids import new_id
from onboarding.order_rules import REASONS
from onboarding.paging import Page, page_at, window
from onboarding.storage import accounts, listing

if TYPE_CHECKING:
    from datetime import datetime

    from onboarding.crypto import AccountKeys
    from onboarding.domain.events import Documents
    from onboarding.door.callers import RequestKey
    from onboarding.door.door import Change, Door
    from onboarding.door.draft import Draft
    from onboarding.reading import Reader
    from onboarding.storage.database import Database
    from onboarding.storage.listing import OrderItem

ORDER_TYPE = "v2.verification.order"
KINDS = tuple(kind.value for kind in REASONS)
"""Kinds that are placed here; others have interfaces of their own."""

V1_REASONS = {
    "credit": "platform_other",
    "fraud_no_intent_to_fulfill": "platform_fraud",
    "fraud_other": "platform_fraud",
    "fraud_payment_method_casher": "platform_fraud",
    "fraud_payment_method_tester": "platform_fraud",
    "other": "platform_other",
    "terms_of_service": "platform_terms_of_service",
}
"""Our reason for each that v1 knows."""

Document = dict[str, Any]


class Orders:
    """Every method raises Refusal ``not_found`` for somebody else's account or order."""

    def __init__(self, database: Database, door: Door, reader: Reader) -> None:
        self._database = database
        self._door = door
        self._reader = reader

    async def place(  # noqa: PLR0913 -- keyword-only parts of one order
        self,
        caller: Caller,
        account_id: str,
        key: RequestKey | None,
        *,
        kind: OrderKind,
        reason: str,
        capability: str | None = None,
        ends_at: datetime | None = None,
        audience: Audience | None = None,
        ticket: str | None = None,
        target: str | None = None,
        person: str | None = None,
        campaign: str | None = None,
    ) -> Document:
        """Place an order; answers with it."""
        order_id = new_id("ord_")
        change = PlaceOrder(
            order_id, kind, reason, caller.actor, capability, ends_at, audience, ticket, target, person, campaign
        )
        revised = await self._door.revise_whole(account_id, change, caller, key, order_id)
        return await self.get(caller, account_id, revised.replayed or order_id)

    async def undo(self, caller: Caller, account_id: str, order_id: str, key: RequestKey | None) -> Document:
        """Undo an order; one that is undone already stays as it is."""
        keys, row = await self._find(caller, account_id, order_id)
        if not is_operator(caller.actor) and not is_platform(row.actor):
            raise not_yours()
        if row.undone_at is not None:
            await self._claim(caller, account_id, order_id, key)
            return _document(caller, keys, row)
        await self._revise(caller, account_id, UndoOrder(order_id, caller.actor), key, order_id)
        return await self.get(caller, account_id, order_id)

    async def get(self, caller: Caller, account_id: str, order_id: str) -> Document:
        """One order."""
        keys, row = await self._find(caller, account_id, order_id)
        return _document(caller, keys, row)

    async def list(self, caller: Caller, account_id: str, limit: int = 20, cursor: str | None = None) -> Page:
        """An account's orders, undone ones too, newest first."""
        keys = await self._keys(caller, account_id)
        page = page_at(cursor, limit, timed=False)
        async with self._database.reading() as r:
            rows = await listing.list_orders(r, _scope(caller, account_id), page, kinds=KINDS)
        kept, following, previous = window([(row, [row.id]) for row in rows], page, limit)
        return Page([_document(caller, keys, row) for row in kept], following, previous)

    async def reject(
        self, caller: Caller, account_id: str, reason: str, key: RequestKey | None, *, spares_payouts: bool
    ) -> Document:
        """Reject an account for a reason of v1's; answers v1's document. To do so again changes nothing."""
        spared = frozenset({PAYOUTS} if spares_payouts else ())
        change = RejectAccount(V1_REASONS[reason], caller.actor, spared)
        return await self._revise_v1(caller, account_id, change, key)

    async def unreject(self, caller: Caller, account_id: str, key: RequestKey | None) -> Document:
        """Take back what the platform rejected; answers v1's document. Nothing to take back changes nothing."""
        return await self._revise_v1(caller, account_id, UnrejectAccount(caller.actor), key)

    async def operator(self, account_id: str, name: str) -> Caller:
        """Somebody who runs the engine, as a caller who acts on this account."""
        return await self._acting(account_id, f"{OPERATOR}{name}")

    async def unverified(self, account_id: str) -> Caller:
        """Somebody in Temporal's own UI, as a caller who acts on this account."""
        return await self._acting(account_id, UNVERIFIED)

    async def _acting(self, account_id: str, actor: str) -> Caller:
        async with self._database.reading() as r:
            found = await accounts.find_many(r, [account_id])
        if not found:
            raise _not_found("account")
        row = found[0].row
        return Caller(row.platform_id, row.livemode, actor)

    async def _revise(
        self, caller: Caller, account_id: str, change: Change, key: RequestKey | None, object_id: str
    ) -> None:
        try:
            await self._door.revise_whole(account_id, change, caller, key, object_id)
        except NothingToDo:
            await self._claim(caller, account_id, object_id, key)

    async def _revise_v1(self, caller: Caller, account_id: str, change: Change, key: RequestKey | None) -> Document:
        try:
            revised = await self._door.revise_whole(account_id, change, caller, key, account_id, answer=_v1_account)
        except NothingToDo:
            document = await self._v1_account(caller, account_id)
            keys = await self._keys(caller, account_id)
            async with self._database.transaction() as tx:
                await self._door.claim(tx, caller, key, account_id, account_id, keys)
                await self._door.keep(tx, caller, key, document, keys)
            return document
        return revised.answer

    async def _claim(self, caller: Caller, account_id: str, object_id: str, key: RequestKey | None) -> None:
        """A request that had nothing to change keeps its key all the same."""
        async with self._database.transaction() as tx:
            await self._door.claim(tx, caller, key, account_id, object_id)

    async def _v1_account(self, caller: Caller, account_id: str) -> Document:
        view = await self._reader.account(caller, account_id)
        async with self._database.reading() as r:
            rows = await listing.list_orders(
                r, _scope(caller, account_id), listing.Page(limit=1000), kinds=[OrderKind.REJECT.value]
            )
        standing = [row.reason for row in rows if row.undone_at is None]
        return v1_account_document(view.account, rejected=standing[-1] if standing else None)  # as capabilities tell it

    async def _keys(self, caller: Caller, account_id: str) -> AccountKeys | None:
        async with self._database.reading() as r:
            account = await listing.find_owned(r, _scope(caller, account_id))
        if account is None:
            raise _not_found("account")
        return None if account.keys is None else self._door.unwrap(account.id, account.keys)

    async def _find(self, caller: Caller, account_id: str, order_id: str) -> tuple[AccountKeys | None, OrderItem]:
        keys = await self._keys(caller, account_id)
        async with self._database.reading() as r:
            rows = await listing.list_orders(
                r, _scope(caller, account_id), listing.Page(limit=1), kinds=KINDS, order_id=order_id
            )
        if not rows:
            raise _not_found("order")
        return keys, rows[0]


def _v1_account(draft: Draft, documents: Documents) -> Document:
    standing = [order.reason for order in draft.state.orders if order.kind is OrderKind.REJECT]
    return v1_account_document(documents.account or {}, rejected=standing[0] if standing else None)


def _document(caller: Caller, keys: AccountKeys | None, row: OrderItem) -> Document:
    """What the caller may read of an order: an operator everything, a platform what is not internal to operators."""
    all_of_it = is_operator(caller.actor)
    own = all_of_it or is_platform(row.actor)
    return {
        "id": row.id,
        "object": ORDER_TYPE,
        "account": row.account_id,
        "audience": row.audience,
        "capability": row.capability,
        "created": rfc3339(row.starts_at),
        "ends_at": rfc3339(row.ends_at) if row.ends_at else None,
        "kind": row.kind,
        "livemode": caller.livemode,
        "person": row.subject,
        "placed_by": row.actor if all_of_it else shown_actor(row.actor),
        "reason": row.reason if own or row.audience != Audience.INTERNAL else None,
        "status": _status(row),
        "target": row.target,
        "ticket": _ticket(keys, row) if own else None,
        "undone": rfc3339(row.undone_at) if row.undone_at else None,
        "undone_by": row.undone_by if all_of_it or row.undone_by is None else shown_actor(row.undone_by),
    }


def _status(row: OrderItem) -> str:
    """``ended`` is also a recheck of which nothing waits for an answer any more."""
    if row.undone_at is not None:
        return "undone"
    is_asked = row.kind == OrderKind.RECHECK and row.starts_at <= row.now and not row.is_asking
    return "ended" if is_asked or (row.ends_at is not None and row.ends_at <= row.now) else "in_force"


def _ticket(keys: AccountKeys | None, row: OrderItem) -> str | None:
    if keys is None or row.ticket is None:
        return None
    plain = keys.try_open(row.ticket, account=row.account_id, subject=row.id, group=TICKET, version=1)
    return None if plain is None else plain.decode()


def _scope(caller: Caller, account_id: str) -> listing.Scope:
    return listing.Scope(caller.platform_id, caller.livemode, account_id)


def _not_found(what: str) -> Refusal:
    return Refusal("not_found", f"No such {what}.", kind=RefusalKind.NOT_FOUND)
