"""Activity: what accounts turn over, as their platform reports it.

A report has an id that the platform chose, unique to the account. It is taken in once: sending it again changes
nothing, and sending something else under its id is refused, so a platform may send again whatever it is not sure of.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from onboarding.documents import rfc3339
from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.door.activity import REPORT_ID, ReportActivity, ordered, sort_key
from onboarding.ids import new_id
from onboarding.paging import Page, page_at, window
from onboarding.storage import listing
from onboarding.storage.faults import StatementFailed

if TYPE_CHECKING:
    from onboarding.crypto import AccountKeys
    from onboarding.door.callers import Caller, RequestKey
    from onboarding.door.door import Door
    from onboarding.storage.database import Database
    from onboarding.storage.listing import ActivityItem, OwnedAccount

REPORT_TYPE = "v2.verification.activity_report"
TAKEN = "23505"
"""Postgres' code for a second row where one may be."""

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """What a platform says: ``id`` is its own, ``totals`` pairs of a period and an amount in the smallest unit."""

    id: str = field(repr=False)
    currency: str
    totals: tuple[tuple[str, int], ...]


class Activity:
    """Every method raises Refusal ``not_found`` for somebody else's account."""

    def __init__(self, database: Database, door: Door) -> None:
        self._database = database
        self._door = door

    async def report(self, caller: Caller, account_id: str, report: Report, key: RequestKey | None) -> Document:
        """Take a report in, once; answers with it as it is stored.

        Raises:
            Refusal: ``idempotency_error``: its id was used for another one; whatever the change refuses.
        """
        account = await self._owned(caller, account_id)
        keys = self._keys(account)
        if keys is None:
            raise _not_found()  # erased: nobody knows what it reported
        digest = keys.digest(REPORT_ID, report.id)
        stored = await self._find(caller, account_id, digest)
        if stored is None:
            await self._take_in(caller, account_id, report, key)
            stored = await self._find(caller, account_id, digest)
        elif _says_the_same(stored, report):
            # Nothing is to be changed; but the key belongs to this request from now on.
            async with self._database.transaction() as tx:
                await self._door.claim(tx, caller, key, account_id, stored.id)
        if stored is None:
            raise _not_found()
        if not _says_the_same(stored, report):
            raise Refusal(
                "idempotency_error",
                "A report of this id with other content was taken in before. Use a new id for another report.",
                param="id",
                kind=RefusalKind.CONFLICT,
                type="idempotency_error",
            )
        return _document(caller, keys, stored)

    async def totals(self, caller: Caller, account_id: str) -> list[Document]:
        """What counts now: the total last reported of each period."""
        account = await self._owned(caller, account_id)
        found = [(currency, period, total) for currency, _, period, total in account.shape.get("activity", ())]
        found.sort(key=lambda one: (one[0], sort_key(one[1])))
        return [{"amount": total, "currency": currency, "period": period} for currency, period, total in found]

    async def reports(self, caller: Caller, account_id: str, limit: int = 20, cursor: str | None = None) -> Page:
        """An account's reports, newest first; what an erased one called them is gone with its key."""
        keys = self._keys(await self._owned(caller, account_id))
        page = page_at(cursor, limit, timed=False)
        async with self._database.reading() as r:
            rows = await listing.list_activity(r, _scope(caller, account_id), page)
        kept, following, previous = window([(row, [row.id]) for row in rows], page, limit)
        return Page([_document(caller, keys, row) for row in kept], following, previous)

    async def _take_in(self, caller: Caller, account_id: str, report: Report, key: RequestKey | None) -> None:
        change = ReportActivity(new_id("rep_"), report.id, report.currency, report.totals)
        try:
            await self._door.revise_whole(account_id, change, caller, key, change.row_id)
        except StatementFailed as error:
            if error.sqlstate != TAKEN:
                raise
            # A report of the same id was quicker: it is compared with this one.

    async def _owned(self, caller: Caller, account_id: str) -> OwnedAccount:
        async with self._database.reading() as r:
            account = await listing.find_owned(r, _scope(caller, account_id))
        if account is None:
            raise _not_found()
        return account

    async def _find(self, caller: Caller, account_id: str, digest: str) -> ActivityItem | None:
        async with self._database.reading() as r:
            found = await listing.list_activity(r, _scope(caller, account_id), listing.Page(limit=1), digest=digest)
        return found[0] if found else None

    def _keys(self, account: OwnedAccount) -> AccountKeys | None:
        return None if account.keys is None else self._door.unwrap(account.id, account.keys)


def _says_the_same(stored: ActivityItem, report: Report) -> bool:
    return (stored.currency, stored.totals) == (report.currency, ordered(report.totals))


def _document(caller: Caller, keys: AccountKeys | None, row: ActivityItem) -> Document:
    report_id = None
    if keys is not None:
        plain = keys.try_open(row.sealed, account=row.account_id, subject=row.id, group=REPORT_ID, version=1)
        report_id = None if plain is None else plain.decode()
    return {
        "id": report_id,
        "object": REPORT_TYPE,
        "account": row.account_id,
        "created": rfc3339(row.reported_at),
        "currency": row.currency,
        "livemode": caller.livemode,
        "totals": [{"amount": amount, "period": period} for period, amount in row.totals],
    }


def _scope(caller: Caller, account_id: str) -> listing.Scope:
    return listing.Scope(caller.platform_id, caller.livemode, account_id)


def _not_found() -> Refusal:
    return Refusal("not_found", "No such account.", kind=RefusalKind.NOT_FOUND)
