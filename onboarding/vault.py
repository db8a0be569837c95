"""The vault: bank accounts of the United States and Great Britain that an account keeps, by their last four digits.

They are no external accounts: no requirement asks for one, and no payout goes to one (Accounts v2 contract, bank
accounts). Nothing is verified here: that a bank account is somebody's is for micro-deposits or a bank to tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NoReturn

import orjson

from onboarding.documents import rfc3339
from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.door.draft import VALUES
from onboarding.door.vault import ArchiveBankAccount, CompleteBankAccount, KeepBankAccount
from onboarding.ids import Prefix, new_id
from onboarding.paging import Page, page_at, window
from onboarding.storage import listing

if TYPE_CHECKING:
    from onboarding.crypto import AccountKeys
    from onboarding.door.callers import Caller, RequestKey
    from onboarding.door.door import Door
    from onboarding.storage.database import Database
    from onboarding.storage.listing import VaultItem
    from onboarding.verifiers.registry import Verifiers

Document = dict[str, Any]
Country = Literal["GB", "US"]

UNVERIFIED = "unverified"
"""The one verification status that a bank account has here (SDK ``UsBankAccount.Verification.status``)."""

_PREFIXES: dict[Country, Prefix] = {"GB": "gbba_", "US": "usba_"}


class Vault:
    """Every method raises Refusal ``not_found`` for somebody else's account, or a bank account that it has not."""

    def __init__(self, database: Database, door: Door, verifiers: Verifiers) -> None:
        self._database = database
        self._door = door
        self._verifiers = verifiers

    async def create(
        self, caller: Caller, account_id: str, country: Country, details: Document, key: RequestKey | None
    ) -> Document:
        """Keep a bank account."""
        bank_id = new_id(_PREFIXES[country])
        exempt = self._verifiers.exemptions(livemode=caller.livemode)
        change = KeepBankAccount(country, details, bank_id, exempt)
        revised = await self._door.revise_whole(account_id, change, caller, key, bank_id)
        return await self.get(caller, account_id, country, revised.replayed or bank_id)

    async def get(self, caller: Caller, account_id: str, country: Country, bank_id: str) -> Document:
        """One bank account."""
        keys = await self._keys(caller, account_id)
        async with self._database.reading() as r:
            found = await listing.list_vault(
                r, _scope(caller, account_id), listing.Page(limit=1), country=country, bank_id=bank_id
            )
        if not found:
            raise Refusal("not_found", "No such bank account.", kind=RefusalKind.NOT_FOUND)
        return _document(caller, keys, found[0])

    async def list(
        self,
        caller: Caller,
        account_id: str,
        country: Country,
        *,
        verification_status: str | None = None,
        limit: int = 10,
        cursor: str | None = None,
    ) -> Page:
        """Bank accounts of a country, archived ones too, newest first."""
        keys = await self._keys(caller, account_id)
        page = page_at(cursor, limit, timed=False)
        if verification_status not in (None, UNVERIFIED):
            return Page([])
        async with self._database.reading() as r:
            rows = await listing.list_vault(r, _scope(caller, account_id), page, country=country)
        kept, following, previous = window([(row, [row.id]) for row in rows], page, limit)
        return Page([_document(caller, keys, row) for row in kept], following, previous)

    async def complete(
        self, caller: Caller, account_id: str, bank_id: str, patch: Document, key: RequestKey | None
    ) -> Document:
        """Add routing numbers to a bank account of the United States that lacks them."""
        # Rows of the vault are never deleted: what is found here is there for the change.
        await self.get(caller, account_id, "US", bank_id)
        change = CompleteBankAccount(bank_id, patch, self._verifiers.exemptions(livemode=caller.livemode))
        await self._door.revise_whole(account_id, change, caller, key, bank_id)
        return await self.get(caller, account_id, "US", bank_id)

    async def archive(
        self,
        caller: Caller,
        account_id: str,
        country: Country,
        bank_id: str,
        key: RequestKey | None,
        *,
        archived: bool,
    ) -> Document:
        """Archive a bank account, or take it out of the archive."""
        await self.get(caller, account_id, country, bank_id)
        await self._door.revise_whole(account_id, ArchiveBankAccount(bank_id, archived), caller, key, bank_id)
        return await self.get(caller, account_id, country, bank_id)

    async def refuse_microdeposits(self, caller: Caller, account_id: str, bank_id: str) -> NoReturn:
        """Refuse to move money.

        Raises:
            Refusal: ``feature_not_enabled``, in the SDK's words, for a bank account that is there.
        """
        await self.get(caller, account_id, "US", bank_id)
        raise Refusal(
            "feature_not_enabled",
            "Micro-deposits move money, which is not done here: the bank account stays unverified.",
            type="feature_not_enabled",
        )

    async def _keys(self, caller: Caller, account_id: str) -> AccountKeys:
        async with self._database.reading() as r:
            account = await listing.find_owned(r, _scope(caller, account_id))
        if account is None or account.keys is None:
            raise Refusal("not_found", "No such account.", kind=RefusalKind.NOT_FOUND)
        return self._door.unwrap(account.id, account.keys)


def _document(caller: Caller, keys: AccountKeys, row: VaultItem) -> Document:
    """The SDK's ``UsBankAccount`` or ``GbBankAccount``. No directory of banks is at hand, so none is named."""
    plain = keys.open(row.sealed, account=row.account_id, subject=row.id, group=VALUES, version=row.version)
    values = orjson.loads(plain)
    document: Document = {
        "id": row.id,
        "object": f"v2.core.vault.{row.country.lower()}_bank_account",
        "archived": row.archived,
        "bank_account_type": values["bank_account_type"],
        "bank_name": None,
        "created": rfc3339(row.created_at),
        "last4": values["account_number"][-4:],
        "livemode": caller.livemode,
        "restricted": False,
        "supported_currencies": [row.currency],
    }
    if row.country == "GB":
        return document | {"sort_code": values["routing_number"]}
    return document | {
        "fedwire_routing_number": values.get("fedwire_routing_number"),
        "financial_connections_account": None,
        "routing_number": values.get("routing_number"),
        "verification": {"microdeposit_verification_details": None, "status": UNVERIFIED},
    }


def _scope(caller: Caller, account_id: str) -> listing.Scope:
    return listing.Scope(caller.platform_id, caller.livemode, account_id)
