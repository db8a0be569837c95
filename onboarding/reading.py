"""Reading: what a platform may see of its accounts, events, checks and reviews.

Everything is read from Postgres; nothing here writes. An account that time has changed since somebody last looked is
played forward in memory, so no answer ever shows a capability active past its deadline.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from onboarding.crypto import SealBroken
from onboarding.documents import account_document, person_document, rfc3339
from onboarding.documents.events import event_document
from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.domain.evaluate import EVALUATOR_VERSION
from onboarding.domain.state import ACCOUNT, Check, CheckState
from onboarding.door.callers import is_operator, shown_actor
from onboarding.door.draft import DETAIL, VALUES
from onboarding.door.render import EMPTY_EVALUATION, render_bank_account, render_check
from onboarding.door.review_rows import ReviewState, holder, shown_state
from onboarding.paging import Page, bad_cursor, decoded, encoded, instant_of, page_at, window
from onboarding.storage import accounts, events, listing, showing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from onboarding.crypto import AccountKeys, KeyRing
    from onboarding.domain.events import Documents
    from onboarding.door.callers import Caller
    from onboarding.door.door import Door
    from onboarding.door.draft import Draft
    from onboarding.storage.database import Database, Reading
    from onboarding.storage.listing import ReviewItem
    from onboarding.storage.rows import CheckRow, ClockRow, EventRow, SealedRow
    from onboarding.storage.showing import ShownAccount

Document = dict[str, Any]
REVIEW_TYPE = "v2.verification.review"
GROUP = "event"
STARTED = CheckState.STARTED.value


@dataclass(frozen=True, slots=True)
class View:
    """An account with all includes, and what belongs to it.

    ``deadlines`` are, by entry and capability, when the entry begins to restrict it; ``to_confirm`` the entries about
    what is there and only to be supplied again; ``as_of`` is the account's time.
    """

    account: Document = field(repr=False)
    persons: list[Document] = field(default_factory=list, repr=False)
    checks: list[Document] = field(default_factory=list, repr=False)
    bank_accounts: list[Document] = field(default_factory=list, repr=False)
    deadlines: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    to_confirm: frozenset[str] = frozenset()
    as_of: datetime | None = None


def view_of(draft: Draft, documents: Documents) -> View:
    """The view of a draft after a look."""
    return View(
        account=documents.account or {},
        persons=list(documents.persons.values()),
        checks=list(documents.checks.values()),
        bank_accounts=[render_bank_account(draft, bank) for bank in draft.bank_accounts.values()],
    )


class Reader:
    """Every method answers only about the caller's own platform and mode; anything else is ``not_found``."""

    def __init__(self, database: Database, ring: KeyRing, door: Door) -> None:
        self._database = database
        self._ring = ring
        self._door = door

    async def account(self, caller: Caller, account_id: str) -> View:
        """One account with everything that can be included."""
        async with self._database.reading() as r:
            record = await accounts.load(r, account_id)
        if record is None or (record.row.platform_id, record.row.livemode) != (caller.platform_id, caller.livemode):
            raise _not_found("account")
        draft, documents = await self._door.view(record)
        stored = record.row.evaluation or {}
        return replace(
            view_of(draft, documents),
            deadlines=stored.get("entry_deadlines", {}),
            to_confirm=frozenset(stored.get("to_confirm", ())),
            as_of=draft.as_of,
        )

    async def document(self, caller: Caller, account_id: str) -> Document:
        """One account with everything that can be included, and nothing beside it: the shortest way to read one."""
        async with self._database.reading() as r:
            shown = await showing.find(r, _scope(caller, account_id))
        if shown is None:
            raise _not_found("account")
        document = self._shown(caller, shown)
        return document if document is not None else (await self.account(caller, account_id)).account

    async def owns(self, caller: Caller, account_id: str) -> bool:
        """Whether the caller has this account, open or closed; not one whose keys were destroyed."""
        async with self._database.reading() as r:
            found = await listing.find_owned(r, _scope(caller, account_id))
        return found is not None and found.keys is not None

    async def person(self, caller: Caller, account_id: str, person_id: str) -> Document:
        """One person."""
        view = await self.account(caller, account_id)
        found = next((person for person in view.persons if person["id"] == person_id), None)
        if found is None:
            raise _not_found("person")
        return found

    async def accounts(
        self,
        caller: Caller,
        *,
        applied_configurations: Sequence[str] = (),
        closed: bool | None = False,
        limit: int = 20,
        cursor: str | None = None,
    ) -> Page:
        """Accounts that have all of these configurations, newest first."""
        page = page_at(cursor, limit, timed=True)
        async with self._database.reading() as r:
            found = await showing.find_page(
                r, _scope(caller), page, configurations=applied_configurations, closed=closed
            )
            rows = [(shown, [shown.created_at.isoformat(), shown.id]) for shown in found]
            kept, following, previous = window(rows, page, limit)
            documents = {shown.id: self._shown(caller, shown) for shown in kept}
            behind = [account_id for account_id, document in documents.items() if document is None]
            records = await accounts.find_many(r, behind) if behind else []
        for record in records:
            documents[record.row.id] = view_of(*await self._door.view(record)).account
        # None is left of an account that was erased in between.
        return Page([document for document in documents.values() if document is not None], following, previous)

    def _shown(self, caller: Caller, shown: ShownAccount) -> Document | None:
        """The document of an account that nobody has to decide about again; None for any other."""
        if not shown.is_current or shown.keys is None or shown.evaluator_version > EVALUATOR_VERSION:
            return None
        keys = self._door.unwrap(shown.id, shown.keys)
        individual = None
        if shown.individual is not None:
            individual = person_document(
                id=shown.individual.id,
                account=shown.id,
                created=shown.individual.created_at,
                updated=shown.individual.updated_at,
                livemode=caller.livemode,
                values=_values(keys, shown.id, shown.individual.id, shown.individual.sealed),
            )
        return account_document(
            id=shown.id,
            created=shown.created_at,
            livemode=caller.livemode,
            closed=shown.is_closed,
            values=_values(keys, shown.id, ACCOUNT, shown.sealed),
            individual=individual,
            capabilities=shown.capabilities or EMPTY_EVALUATION["capabilities"],
            requirements=shown.requirements or EMPTY_EVALUATION["requirements"],
            future_requirements=shown.future_requirements or EMPTY_EVALUATION["future_requirements"],
        )

    async def checks(
        self, caller: Caller, *, account_id: str | None = None, limit: int = 20, cursor: str | None = None
    ) -> Page:
        """Checks, newest first; of one account where it is given."""
        page = page_at(cursor, limit, timed=False)
        scope = _scope(caller, account_id)
        async with self._database.reading() as r:
            rows = await listing.list_checks(r, scope, page)
            kept, following, previous = window([(row, [row.id]) for row in rows], page, limit)
            data = [await self._check_document(r, caller, row) for row in kept]
        return Page(await self._played(caller, kept, data), following, previous)

    async def check(self, caller: Caller, check_id: str) -> Document:
        """One check."""
        async with self._database.reading() as r:
            row = await listing.find_check(r, _scope(caller), check_id)
            if row is None:
                raise _not_found("check")
            document = await self._check_document(r, caller, row)
        return (await self._played(caller, [row], [document]))[0]

    async def reviews(
        self,
        caller: Caller,
        *,
        account_id: str | None = None,
        status: str | None = None,
        queue: str | None = None,
        assignee: str | None = None,
        overdue: bool | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> Page:
        """Reviews without their details, the most urgent first: by priority, then by when they must be decided."""
        page = _reviews_page(cursor, limit)
        async with self._database.reading() as r:
            rows = await listing.list_reviews(
                r,
                _scope(caller, account_id),
                page,
                queues=[queue] if queue is not None else (),
                state=status,
                assignee=assignee,
                overdue=overdue,
            )
        places = [row.place for row in rows]
        placed = [
            (row, [at.closed, at.priority, at.sla_at.isoformat(), at.id])
            for row, at in zip(rows, places, strict=True)
        ]  # fmt: skip
        kept, following, previous = window(placed, page, limit)
        return Page([review_document(caller.actor, row, None) for row in kept], following, previous)

    async def review(self, caller: Caller, review_id: str) -> Document:
        """One review, with what a person needs to decide it."""
        async with self._database.reading() as r:
            row = await listing.find_review(r, _scope(caller), review_id)
            if row is None:
                raise _not_found("review")
            wrapped = await accounts.wrapped_keys(r, [row.account_id] if row.detail is not None else [])
        detail = None
        if row.detail is not None and row.evidence_id is not None and row.account_id in wrapped:
            keys = self._door.unwrap(row.account_id, wrapped[row.account_id])
            plain = keys.try_open(
                row.detail, account=row.account_id, subject=row.evidence_id, group=DETAIL, version=1
            )  # fmt: skip
            detail = None if plain is None else orjson.loads(plain)
        return review_document(caller.actor, row, detail)

    async def events(
        self,
        caller: Caller,
        *,
        object_id: str | None = None,
        types: Sequence[str] = (),
        created: Mapping[str, datetime] | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> Page:
        """Events, newest first, each with its ``changes``. Eventually consistent: see ``onboarding.storage.events``."""
        bounds = {f"created_{name}": instant for name, instant in (created or {}).items()}
        where = events.EventFilter(object_id=object_id, types=types, **bounds)
        backwards, place = decoded(cursor, int, int, str)
        if place and place[1] >= 2**31:
            raise bad_cursor()
        after = events.EventCursor(*place) if place else None
        async with self._database.reading() as r:
            rows = await events.list_events(
                r,
                platform_id=caller.platform_id,
                livemode=caller.livemode,
                where=where,
                after=after,
                descending=not backwards,
                limit=limit + 1,
            )
            more = len(rows) > limit
            rows = rows[:limit]
            if backwards:
                rows.reverse()
            data = await self._event_documents(r, rows)
        ends = [[row.xid, row.sequence, row.id] for row in (rows[:1] + rows[-1:])]
        following = encoded("n", ends[-1]) if rows and (more or backwards) else None
        previous = encoded("p", ends[0]) if rows and ((backwards and more) or (place and not backwards)) else None
        return Page(data, following, previous)

    async def event(self, caller: Caller, event_id: str) -> Document:
        """One event."""
        async with self._database.reading() as r:
            row = await events.get_event(r, platform_id=caller.platform_id, livemode=caller.livemode, event_id=event_id)
            if row is None:
                raise _not_found("event")
            return (await self._event_documents(r, [row]))[0]

    async def _check_document(self, r: Reading, caller: Caller, row: CheckRow) -> Document:
        scope = _scope(caller, row.account_id)
        found = await listing.list_evidence(r, scope, listing.Page(limit=100), check_id=row.id)
        check = Check(row.id, row.kind, row.subject, row.digest, CheckState(row.state), row.opened_at)
        return render_check(
            account_id=row.account_id,
            livemode=caller.livemode,
            check=check,
            ended_at=row.ended_at,
            # Oldest first, as the journal tells them: of one instant the last one counts.
            evidence=[one.evidence for one in reversed(found)],
        )

    async def _played(self, caller: Caller, rows: Sequence[CheckRow], data: list[Document]) -> list[Document]:
        """The documents; as their account's view shows them where a sealed answer or address may belong to them."""
        awaited = sorted({row.account_id for row in rows if row.answer_at is not None or row.state == STARTED})
        views = [await self.account(caller, account_id) for account_id in awaited]
        shown = {check["id"]: check for view in views for check in view.checks}
        return [shown.get(document["id"], document) for document in data]

    async def _event_documents(self, r: Reading, rows: Sequence[EventRow]) -> list[Document]:
        """The events' documents; what an erased account's events said is gone with its key."""
        owners = {row.account_id for row in rows if row.account_id is not None}
        wrapped = await accounts.wrapped_keys(r, sorted(owners))
        opened = {account_id: self._door.unwrap(account_id, keys) for account_id, keys in wrapped.items()}
        found = []
        for row in rows:
            plain = self._opened_event(row, opened)
            sealed = orjson.loads(plain) if plain is not None else {}
            changes = {name: sealed.get(name) for name in ("before", "after")}
            told = changes if any(value is not None for value in changes.values()) else None
            found.append(event_document(row, told, sealed.get("key") or ""))
        return found

    def _opened_event(self, row: EventRow, keys: Mapping[str, AccountKeys]) -> bytes | None:
        """What is sealed in an event, or None; one that is about no account is sealed for its platform."""
        if row.sealed is None:
            return None
        if row.account_id is None:
            try:
                return self._ring.open_platform(row.sealed, platform=row.platform_id, purpose=GROUP, ref=row.id)
            except SealBroken:
                return None
        if row.account_id not in keys:
            return None
        return keys[row.account_id].try_open(
            row.sealed, account=row.account_id, subject=row.id, group=GROUP, version=1
        )  # fmt: skip


async def paged_clocks(
    database: Database, caller: Caller, limit: int, cursor: str | None, render: Callable[[ClockRow], Document]
) -> Page:
    """A platform's test clocks, newest first."""
    page = page_at(cursor, limit, timed=True)
    async with database.reading() as r:
        rows = await listing.list_clocks(r, caller.platform_id, page)
    kept, following, previous = window([(row, [row.created_at.isoformat(), row.id]) for row in rows], page, limit)
    return Page([render(row) for row in kept], following, previous)


def _reviews_page(cursor: str | None, limit: int) -> listing.Page:
    backwards, place = decoded(cursor, int, int, str, str)
    if place is None:
        return listing.Page(limit=limit + 1)
    if max(place[:2]) >= 2**31:
        raise bad_cursor()
    at = listing.ReviewPlace(place[0], place[1], instant_of(place[2]), place[3])
    return listing.Page(limit=limit + 1, after=None if backwards else at, before=at if backwards else None)


def review_document(reader: str, row: ReviewItem, detail: Document | None) -> Document:
    """The document of a review for an actor: operators read who among them did what, platforms that one of them did."""

    def told(actor: str | None) -> str | None:
        return actor if actor is None or is_operator(reader) else shown_actor(actor)

    is_decided, state = row.state == ReviewState.DECIDED, shown_state(row, row.now)
    held = (row.claimed_by, row.claimed_reviewer) if is_decided else holder(row, row.now) or (None, None)
    is_late = state.is_open and row.sla_at is not None and row.sla_at <= row.account_now
    subject = None
    if row.subject is not None:
        person = None if row.subject == ACCOUNT else row.subject
        subject = {"type": "person" if person else ACCOUNT, "person": person}
    return {
        "id": row.id,
        "object": REVIEW_TYPE,
        "account": row.account_id,
        "assignee": row.assignee,
        "check": row.check_id,
        "created": rfc3339(row.opened_at),
        "claimed_by": told(held[0]),
        "claimed_until": rfc3339(row.claimed_until) if held[0] is not None and row.claimed_until else None,
        "decided": rfc3339(row.decided_at) if row.decided_at else None,
        "decided_by": told(row.claimed_by) if is_decided else None,
        "decision": row.decision,
        "detail": detail,
        "escalated_at": rfc3339(row.escalated_at) if row.escalated_at else None,
        "kind": row.kind,
        "livemode": row.livemode,
        "outcome": row.outcome,
        "overdue": is_late,
        "priority": row.priority,
        "proposals": [
            {"created": rfc3339(datetime.fromisoformat(at)), "decision": what, "proposed_by": told(actor),
             "reasons": reasons, "reviewer": name}
            for actor, name, what, reasons, at in row.proposals
        ],
        "queue": row.queue,
        "reason": row.reason_code,
        "reviewer": held[1],
        "sla_at": rfc3339(row.sla_at) if row.sla_at else None,
        "status": state.value,
        "subject": subject,
    }  # fmt: skip


def _values(keys: AccountKeys, account_id: str, subject: str, sealed: SealedRow | None) -> dict[str, Any]:
    """The stored values of an account or a person."""
    if sealed is None:
        return {}
    plain = keys.open(sealed.ciphertext, account=account_id, subject=subject, group=VALUES, version=sealed.version)
    values: dict[str, Any] = orjson.loads(plain)
    return values


def _scope(caller: Caller, account_id: str | None = None) -> listing.Scope:
    return listing.Scope(caller.platform_id, caller.livemode, account_id)


def _not_found(what: str) -> Refusal:
    return Refusal("not_found", f"No such {what}.", kind=RefusalKind.NOT_FOUND)
