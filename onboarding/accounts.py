"""What a platform does to accounts, as calls: each is one change through the door and answers with what can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onboarding.door.changes import AddBankAccount, AddPerson, CloseAccount, DeletePerson, PutAccount, UpdatePerson
from onboarding.door.render import render_bank_account, render_person
from onboarding.ids import new_id
from onboarding.reading import View, view_of

if TYPE_CHECKING:
    from onboarding.door.callers import Caller, RequestKey
    from onboarding.door.door import Door, Revised
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
        exempt = self._verifiers.exemptions(livemode=caller.livemode)
        revised = await self._door.create(PutAccount(patch, exempt, creating=True), caller, key)
        return await self._view(caller, revised)

    async def update(self, caller: Caller, account_id: str, patch: Document, key: RequestKey | None) -> View:
        """Update an account: objects merge, null unsets."""
        exempt = self._verifiers.exemptions(livemode=caller.livemode)
        return await self._view(
            caller, await self._door.revise_whole(account_id, PutAccount(patch, exempt), caller, key, account_id)
        )

    async def close(
        self, caller: Caller, account_id: str, applied_configurations: list[str] | None, key: RequestKey | None
    ) -> View:
        """Close an account for good."""
        change = CloseAccount(applied_configurations)
        return await self._view(caller, await self._door.revise_whole(account_id, change, caller, key, account_id))

    async def create_person(self, caller: Caller, account_id: str, patch: Document, key: RequestKey | None) -> Document:
        """Add a person; answers its document."""
        person_id = new_id("person_")
        change = AddPerson(patch, person_id, self._verifiers.exemptions(livemode=caller.livemode))
        revised = await self._door.revise_whole(account_id, change, caller, key, person_id)
        return await self._person(caller, account_id, revised, person_id)

    async def update_person(
        self, caller: Caller, account_id: str, person_id: str, patch: Document, key: RequestKey | None
    ) -> Document:
        """Update a person; answers its document."""
        change = UpdatePerson(person_id, patch, self._verifiers.exemptions(livemode=caller.livemode))
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
        bank_id = new_id("ba_")
        change = AddBankAccount(
            params,
            bank_id,
            self._verifiers.exemptions(livemode=caller.livemode),
            self._verifiers.tokens(livemode=caller.livemode),
        )
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
