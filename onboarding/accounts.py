"""What a platform does to accounts, as calls: each is one change through the door and answers with what can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onboarding.door.bank_accounts import AddBankAccount, DeleteBankAccount, UpdateBankAccount, no_bank_account
from onboarding.door.changes import AddPerson, CloseAccount, DeletePerson, PutAccount, UpdatePerson
from onboarding.door.render import render_bank_account, render_person
from onboarding.door.tokens import TokenKind, UseToken, bank_account_of, beside_token
from onboarding.ids import new_id
from onboarding.reading import View, view_of
from onboarding.validation import validate_bank_account

if TYPE_CHECKING:
    from collections.abc import Callable

    from onboarding.door.callers import Caller, RequestKey
    from onboarding.door.door import Change, Door, Drawn, Revised
    from onboarding.reading import Reader
    from onboarding.verifiers.registry import Verifiers

Document = dict[str, Any]


class Accounts:
    """Every method raises :class:`onboarding.domain.errors.Refusal` with a code of the wire contract.

    A request that repeats an idempotency key changes nothing and answers with the object as it is now; under v1 the
    door answers it (``onboarding.door.callers.Replayed``).
    """

    def __init__(self, door: Door, reader: Reader, verifiers: Verifiers) -> None:
        self._door = door
        self._reader = reader
        self._verifiers = verifiers

    async def create(self, caller: Caller, patch: Document, key: RequestKey | None) -> View:
        """Create an account from a request's parameters, ``identity.individual`` included."""
        return await self._view(caller, await self._door.create(self._put(caller, patch, creating=True), caller, key))

    async def update(self, caller: Caller, account_id: str, patch: Document, key: RequestKey | None) -> View:
        """Update an account: objects merge, null unsets."""
        change = self._put(caller, patch)
        return await self._view(caller, await self._door.revise_whole(account_id, change, caller, key, account_id))

    async def close(
        self, caller: Caller, account_id: str, applied_configurations: list[str] | None, key: RequestKey | None
    ) -> View:
        """Close an account for good."""
        change = CloseAccount(applied_configurations)
        return await self._view(caller, await self._door.revise_whole(account_id, change, caller, key, account_id))

    async def create_person(self, caller: Caller, account_id: str, patch: Document, key: RequestKey | None) -> Document:
        """Add a person; answers its document."""
        person_id = new_id("person_")
        exempt = self._verifiers.exemptions(livemode=caller.livemode)
        change = self._put_person(caller, account_id, patch, lambda values: AddPerson(values, person_id, exempt))
        revised = await self._door.revise_whole(account_id, change, caller, key, person_id)
        return await self._person(caller, account_id, revised, person_id)

    async def update_person(
        self, caller: Caller, account_id: str, person_id: str, patch: Document, key: RequestKey | None
    ) -> Document:
        """Update a person; answers its document."""
        exempt = self._verifiers.exemptions(livemode=caller.livemode)
        change = self._put_person(caller, account_id, patch, lambda values: UpdatePerson(person_id, values, exempt))
        revised = await self._door.revise_whole(account_id, change, caller, key, person_id)
        return await self._person(caller, account_id, revised, person_id)

    async def delete_person(self, caller: Caller, account_id: str, person_id: str, key: RequestKey | None) -> Document:
        """Delete a person; a replay answers the same."""
        await self._door.revise_whole(account_id, DeletePerson(person_id), caller, key, person_id)
        return {"id": person_id, "object": "v2.core.account_person", "deleted": True}

    async def create_bank_account(
        self, caller: Caller, account_id: str, params: Document, key: RequestKey | None
    ) -> Document:
        """Add a bank account to pay out to; answers v1's document."""
        exempt = self._verifiers.exemptions(livemode=caller.livemode)
        sandbox = self._verifiers.tokens(livemode=caller.livemode)
        bank_id, token_id = new_id("ba_"), params["external_account"]
        change: Change | Drawn = AddBankAccount(params, bank_id, exempt, sandbox)
        if isinstance(token_id, str) and token_id not in sandbox:
            validate_bank_account(params, exempt)
            bank_id = bank_account_of(token_id)
            change = UseToken(
                token_id,
                TokenKind.BANK_ACCOUNT,
                caller,
                None,
                lambda held: AddBankAccount({**params, "external_account": held["bank_account"]}, bank_id, exempt, {}),
            )
        return await self._revise_bank_account(caller, account_id, bank_id, change, key)

    async def update_bank_account(
        self, caller: Caller, account_id: str, bank_id: str, patch: Document, key: RequestKey | None
    ) -> Document:
        """Update a bank account to pay out to; answers v1's document."""
        return await self._revise_bank_account(caller, account_id, bank_id, UpdateBankAccount(bank_id, patch), key)

    async def delete_bank_account(
        self, caller: Caller, account_id: str, bank_id: str, key: RequestKey | None
    ) -> Document:
        """Delete a bank account to pay out to; answers v1's document."""
        deleted = {"id": bank_id, "object": "bank_account", "deleted": True}
        revised = await self._door.revise_whole(
            account_id,
            DeleteBankAccount(bank_id),
            caller,
            key,
            bank_id,
            answer=lambda _draft, _documents: deleted,
        )
        return revised.answer

    async def bank_account(self, caller: Caller, account_id: str, bank_id: str) -> Document:
        """One bank account to pay out to: v1's document."""
        found = (await self._reader.account(caller, account_id)).bank_accounts
        bank = next((one for one in found if one["id"] == bank_id), None)
        if bank is None:
            raise no_bank_account()
        return bank

    def _put(self, caller: Caller, patch: Document, *, creating: bool = False) -> Change | Drawn:
        exempt = self._verifiers.exemptions(livemode=caller.livemode)
        beside = beside_token(TokenKind.ACCOUNT, caller, patch)
        if beside is None:
            return PutAccount(patch, exempt, creating)

        def change(held: Document) -> Change:
            identity = {**held.get("identity", {}), **beside.get("identity", {})}
            return PutAccount({**held, **beside, "identity": identity}, exempt, creating)

        return UseToken(patch["account_token"], TokenKind.ACCOUNT, caller, None, change)

    @staticmethod
    def _put_person(
        caller: Caller, account_id: str, patch: Document, change: Callable[[Document], Change]
    ) -> Change | Drawn:
        beside = beside_token(TokenKind.PERSON, caller, patch)
        if beside is None:
            return change(patch)
        token_id = patch["person_token"]
        return UseToken(token_id, TokenKind.PERSON, caller, account_id, lambda held: change({**held, **beside}))

    async def _revise_bank_account(
        self, caller: Caller, account_id: str, bank_id: str, change: Change | Drawn, key: RequestKey | None
    ) -> Document:
        revised = await self._door.revise_whole(
            account_id,
            change,
            caller,
            key,
            bank_id,
            answer=lambda draft, _documents: render_bank_account(draft, draft.bank_accounts[bank_id]),
        )
        return revised.answer

    async def _view(self, caller: Caller, revised: Revised) -> View:
        if revised.draft is None or revised.documents is None:
            return await self._reader.account(caller, revised.replayed or "")
        return view_of(revised.draft, revised.documents)

    async def _person(self, caller: Caller, account_id: str, revised: Revised, person_id: str) -> Document:
        draft = revised.draft
        if draft is None:
            return await self._reader.person(caller, account_id, revised.replayed or person_id)
        return render_person(draft, draft.persons[person_id])
