"""Reviews: checks that a person answers. Each call is one change through the door and answers with the review.

::

    open ──────> claimed ──────> decided       claimed, released and decided by one reviewer; open ones by any
      │  └─────────┴──> proposed ──┘           where the queue wants four eyes: two persons make the same decision
      ├──> waiting ──> open                    the user was asked for more, and has supplied it
      └──────────> superseded                  the check ended otherwise, or nobody needs its answer any more

A claim that is not renewed ends by itself. A decision becomes evidence of the verifier ``review``, so it stands until
the inputs change, and a finding it was about is not asked about again (:meth:`onboarding.door.draft.Draft.answer`). An
account that was closed has no open checks; a contested late report about it can still be decided, which changes no
capability.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onboarding.documents import rfc3339
from onboarding.domain.errors import EngineFault, Refusal, RefusalKind
from onboarding.door.callers import OPERATOR, UNVERIFIED, Caller, is_operator, shown_actor
from onboarding.door.review_rows import ReviewState
from onboarding.door.reviews import (
    NOTE,
    AddNote,
    AssignReview,
    ClaimReview,
    DecideReview,
    Decision,
    NoLongerOpen,
    ReleaseReview,
    RequestInformation,
    Reviewer,
    SeeReview,
    Stand,
)
from onboarding.ids import new_id
from onboarding.paging import Page, page_at, window
from onboarding.reading import review_document
from onboarding.storage import accounts, listing, reviews
from onboarding.storage.listing import Scope

if TYPE_CHECKING:
    from onboarding.crypto import AccountKeys
    from onboarding.door.callers import RequestKey
    from onboarding.door.door import Change, Door
    from onboarding.reading import Reader
    from onboarding.storage.database import Database
    from onboarding.storage.rows import ReviewNoteRow

__all__ = ["REVIEWER_PATTERN", "Decision", "Reviews", "Stand"]

REVIEWER_PATTERN = "^[A-Za-z0-9_.-]{1,64}$"
"""Ids of a platform's own for its people, which no address of theirs fits: they are stored as they are."""

NOTE_TYPE = "v2.verification.review_note"

CANDIDATES = 20
"""Reviews that one ``claim_next`` tries, where others are quicker with the first ones."""

_TAKEN = frozenset({"review_claimed", "review_decided", "review_superseded", "review_four_eyes"})
"""Why the next one is tried."""

Document = dict[str, Any]


class Reviews:
    """Every method raises Refusal ``not_found``, ``review_claimed``, ``review_decided`` or ``review_superseded``.

    ``reviewer`` is the person who acts, by an id of the platform's own; without it the caller's key is the person.
    A request that repeats an idempotency key changes nothing and answers with the review as it is now.
    """

    def __init__(self, database: Database, door: Door, reader: Reader) -> None:
        self._database = database
        self._door = door
        self._reader = reader

    async def claim(
        self, caller: Caller, review_id: str, key: RequestKey | None, *, reviewer: str | None = None
    ) -> Document:
        """Take a review for half an hour, so that nobody else decides it; to take it again renews that."""
        return await self._revise(caller, review_id, ClaimReview(review_id, Reviewer(caller.actor, reviewer)), key)

    async def claim_next(
        self, caller: Caller, queue: str, key: RequestKey | None, *, reviewer: str | None = None
    ) -> Document:
        """Take the most urgent review of a queue that nobody has.

        Raises:
            Refusal: ``review_queue_empty``: nothing waits there for this reviewer.
        """
        async with self._database.reading() as r:
            scope = Scope(caller.platform_id, caller.livemode)
            found = await reviews.next_in_queue(r, scope, queue, reviewer, CANDIDATES)
        for account_id, review_id in found:
            claimed = await self._claim_if_free(caller, account_id, review_id, key, reviewer)
            if claimed is not None:
                return claimed
        return await self._claimed_before(caller, key)

    async def release(
        self, caller: Caller, review_id: str, key: RequestKey | None, *, reviewer: str | None = None
    ) -> Document:
        """Give a review back; one that nobody has claimed stays open."""
        return await self._revise(caller, review_id, ReleaseReview(review_id, Reviewer(caller.actor, reviewer)), key)

    async def assign(self, caller: Caller, review_id: str, assignee: str | None, key: RequestKey | None) -> Document:
        """Say whose a review is; None is nobody's. It changes no claim."""
        return await self._revise(caller, review_id, AssignReview(review_id, assignee), key)

    async def decide(
        self,
        caller: Caller,
        review_id: str,
        decision: Decision,
        reasons: tuple[str, ...],
        key: RequestKey | None,
        *,
        reviewer: str | None = None,
    ) -> Document:
        """Decide a review. ``reasons`` are codes of the account's policy, for a failure.

        Raises:
            Refusal: also ``review_four_eyes``, where another person must decide.
        """
        return await self._revise(
            caller, review_id, DecideReview(review_id, Reviewer(caller.actor, reviewer), decision, reasons), key
        )

    async def request_information(
        self,
        caller: Caller,
        review_id: str,
        entries: tuple[tuple[str, str], ...],
        key: RequestKey | None,
        *,
        reviewer: str | None = None,
    ) -> Document:
        """Ask the user for fields; each entry is a field as requirements describe it, and an error code.

        Raises:
            Refusal: also ``review_check_ended``, ``account_closed``.
        """
        return await self._revise(
            caller, review_id, RequestInformation(review_id, Reviewer(caller.actor, reviewer), entries), key
        )

    # --- notes --------------------------------------------------------------------------------------------------------

    async def add_note(
        self, caller: Caller, review_id: str, text: str, key: RequestKey | None, *, reviewer: str | None = None
    ) -> Document:
        """Note something about a review, whoever has it and whether or not it is decided."""
        note_id = new_id("rnote_")
        account_id = (await self._reader.review(caller, review_id))["account"]
        change = AddNote(review_id, Reviewer(caller.actor, reviewer), note_id, text)
        revised = await self._door.revise_whole(account_id, change, caller, key, note_id)
        found = await self.notes(caller, review_id, limit=1, note_id=revised.replayed or note_id)
        return found.data[0]

    async def notes(
        self, caller: Caller, review_id: str, *, limit: int = 20, cursor: str | None = None, note_id: str | None = None
    ) -> Page:
        """What was noted about a review, newest first; or one note."""
        account_id = (await self._reader.review(caller, review_id))["account"]
        page = page_at(cursor, limit, timed=False)
        scope = Scope(caller.platform_id, caller.livemode, account_id)
        async with self._database.reading() as r:
            rows = await listing.list_review_notes(r, scope, page, review_id, note_id)
            wrapped = await accounts.wrapped_keys(r, [account_id] if rows else [])
        keys = self._door.unwrap(account_id, wrapped[account_id]) if account_id in wrapped else None
        kept, following, previous = window([(row, [row.id]) for row in rows], page, limit)
        return Page([_note_document(caller, keys, row) for row in kept], following, previous)

    # --- operators and runs -------------------------------------------------------------------------------------------

    async def operator(self, review_id: str, name: str) -> Caller:
        """Somebody who runs the engine, as a caller who acts on this review."""
        return await self._acting(review_id, f"{OPERATOR}{name}")

    async def everywhere(
        self,
        name: str,
        *,
        queue: str | None,
        status: str | None,
        assignee: str | None,
        overdue: bool | None,
        limit: int,
    ) -> list[Document]:
        """Reviews of all platforms for an operator, the most urgent first."""
        async with self._database.reading() as r:
            rows = await listing.list_reviews(
                r,
                None,
                listing.Page(limit=limit),
                queues=[queue] if queue else (),
                state=status,
                assignee=assignee,
                overdue=overdue,
            )
        return [review_document(f"{OPERATOR}{name}", row, None) for row in rows]

    async def claim_next_anywhere(self, name: str, queue: str) -> Document:
        """The same as :meth:`claim_next` for an operator, in a queue of all platforms.

        Raises:
            Refusal: ``review_queue_empty``: nothing waits there for an operator of this name.
        """
        async with self._database.reading() as r:
            found = await reviews.next_in_queue(r, None, queue, name, CANDIDATES)
        for account_id, review_id in found:
            claimed = await self._claim_if_free(await self.operator(review_id, name), account_id, review_id, None, None)
            if claimed is not None:
                return claimed
        raise _empty()

    async def see(self, account_id: str, review_id: str) -> Stand | None:
        """Where a review stands, for its own run, after whatever time owed; None where there is no such review."""
        stand: Stand | None = None
        fault: EngineFault | None = None
        is_gone = False
        try:
            stand = await self._door.revise(account_id, SeeReview(review_id))
        except Refusal as refusal:
            if refusal.code != "not_found":
                raise
            is_gone = True
        except EngineFault as stuck:
            fault = stuck  # a review that has ended needs no decision about its account
        if stand is not None:
            return stand
        async with self._database.reading() as r:
            await reviews.put_away(r, review_id, is_gone=is_gone)
            state = await reviews.state_of(r, review_id)
        if state is None or is_gone:
            return None
        if fault is not None and ReviewState(state).is_open:
            raise fault
        return Stand(state)

    async def decide_unverified(
        self,
        account_id: str,
        review_id: str,
        decision: Decision,
        reasons: tuple[str, ...],
        key: RequestKey | None = None,
    ) -> None:
        """Decide for somebody in the Temporal UI, of whom nothing is known.

        Raises:
            Refusal: as :meth:`decide`.
        """
        caller = await self._acting(review_id, UNVERIFIED)
        try:
            await self._door.revise(
                account_id, DecideReview(review_id, Reviewer(UNVERIFIED), decision, reasons), caller, key
            )
        except NoLongerOpen:
            async with self._database.reading() as r:
                state = await reviews.state_of(r, review_id)
            raise _closed(is_decided=state == ReviewState.DECIDED) from None

    async def due(self, limit: int) -> list[tuple[str, str]]:
        """Accounts and reviews that no run shows as they are; each is offered again later if none looks."""
        async with self._database.reading() as r:
            return await reviews.due(r, limit=limit)

    async def _acting(self, review_id: str, actor: str) -> Caller:
        """Somebody who is no key of the platform's, as a caller who acts on its review."""
        async with self._database.reading() as r:
            found = await reviews.owner(r, review_id)
        if found is None:
            raise Refusal("not_found", "No such review.", kind=RefusalKind.NOT_FOUND)
        _, platform_id, livemode = found
        return Caller(platform_id, livemode, actor)

    async def _revise(self, caller: Caller, review_id: str, change: Change, key: RequestKey | None) -> Document:
        account_id = (await self._reader.review(caller, review_id))["account"]
        try:
            await self._door.revise_whole(account_id, change, caller, key, review_id)
        except NoLongerOpen:
            status = (await self._reader.review(caller, review_id))["status"]
            raise _closed(is_decided=status == ReviewState.DECIDED) from None
        return await self._reader.review(caller, review_id)

    async def _claim_if_free(
        self, caller: Caller, account_id: str, review_id: str, key: RequestKey | None, reviewer: str | None
    ) -> Document | None:
        """The claimed review, or the one that this key has claimed before; None where this one is not to be had."""
        change = ClaimReview(review_id, Reviewer(caller.actor, reviewer))
        try:
            revised = await self._door.revise_whole(account_id, change, caller, key, review_id)
        except NoLongerOpen:
            return None
        except Refusal as refusal:
            if refusal.code in _TAKEN or refusal.kind is RefusalKind.BUSY:
                return None
            raise
        return await self._reader.review(caller, revised.replayed or review_id)

    async def _claimed_before(self, caller: Caller, key: RequestKey | None) -> Document:
        """What the first request with this key has claimed; the queue has nothing more."""
        async with self._database.transaction() as tx:
            existing = await self._door.claim(tx, caller, key, None, None)
            if existing is None or existing.object_id is None:
                raise _empty()  # which gives the key back
        return await self._reader.review(caller, existing.object_id)


def _note_document(caller: Caller, keys: AccountKeys | None, row: ReviewNoteRow) -> Document:
    plain = None
    if keys is not None:
        plain = keys.try_open(row.sealed, account=row.account_id, subject=row.id, group=NOTE, version=1)
    return {
        "id": row.id,
        "object": NOTE_TYPE,
        "account": row.account_id,
        "created": rfc3339(row.created_at),
        "created_by": row.actor if is_operator(caller.actor) else shown_actor(row.actor),
        "livemode": caller.livemode,
        "review": row.review_id,
        "reviewer": row.reviewer,
        "text": None if plain is None else plain.decode(),
    }


def _empty() -> Refusal:
    return Refusal("review_queue_empty", "No review waits there.", kind=RefusalKind.NOT_FOUND)


def _closed(*, is_decided: bool) -> Refusal:
    if is_decided:
        return Refusal("review_decided", "The review is decided already.", kind=RefusalKind.CONFLICT)
    message = "The review's check has ended, or nobody needs its answer any more."
    return Refusal("review_superseded", message, kind=RefusalKind.CONFLICT)
