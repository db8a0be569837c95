"""The one door: every change of an account goes through :meth:`Door.revise` or :meth:`Door.create`.

One READ COMMITTED transaction: lock the account, claim the idempotency key, read the clock, play the looks that time
owed, apply the change, look, write. Nothing else writes an account's tables, and nothing outward happens under the
lock. Each odd-looking step closes a hole; the order is that of ``docs/architecture.md``.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from onboarding.activators.port import NOBODY
from onboarding.crypto import WrappedKeys
from onboarding.domain.errors import EngineFault, Refusal, RefusalKind
from onboarding.domain.evaluate import EVALUATOR_VERSION
from onboarding.domain.horizon import earliest
from onboarding.domain.instants import whole_milliseconds
from onboarding.domain.policy import Announced, Policies
from onboarding.domain.settle import play, settle
from onboarding.door.activations import desire_all
from onboarding.door.callers import WORKER, is_operator
from onboarding.door.draft import Draft
from onboarding.door.journal import Journal, Origin
from onboarding.door.owing import Owing
from onboarding.door.request_keys import RequestKeys
from onboarding.door.silence import Silence
from onboarding.door.view import SILENT_AFTER, OperatorView, view_of
from onboarding.door.world import World
from onboarding.ids import new_id
from onboarding.storage import accounts, files, tables
from onboarding.storage.listing import Scope
from onboarding.storage.work import AHEAD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from datetime import datetime

    from onboarding.activators.port import Downstream
    from onboarding.crypto import AccountKeys, KeyRing
    from onboarding.domain.events import Documents
    from onboarding.door.callers import Caller, RequestKey
    from onboarding.door.policies import PolicyShelf
    from onboarding.storage.accounts import AccountRecord
    from onboarding.storage.database import Database, Reading, Transaction
    from onboarding.storage.rows import AccountRow
    from onboarding.validation.file_references import FileReference
    from onboarding.verifiers.registry import Verifiers

WAIT = timedelta(seconds=2)
"""One budget for the account's turn in this process, its lock and its key; then the caller is told to come again."""

"""Purpose under which the secret that one answer shows is sealed, on the row of its idempotency key."""

STUCK_RETRY = timedelta(minutes=5)
"""First distance between tries of an account that the engine could not decide; it doubles up to a day."""


class Change(Protocol):
    """Something that happens to an account.

    Attributes:
        cause: the audit trail's action, ``object.past_participle``.
    """

    @property
    def cause(self) -> str:
        """See the class."""

    def apply(self, draft: Draft) -> Any:
        """Work on the draft. May raise Refusal: then nothing has happened."""


@runtime_checkable
class NamesFiles(Protocol):
    """A change that names files: which of them the account may use is read before it is applied, once for all."""

    @property
    def files(self) -> list[FileReference]:
        """Those that are to be looked up."""


@runtime_checkable
class Afterwards(Protocol):
    """A change that has something to do once it is known what the look decided."""

    def after_look(self, draft: Draft, view: OperatorView, wake_at: datetime | None) -> Any:
        """Claim what is owed; what it answers is the change's result."""


@runtime_checkable
class Noted(Protocol):
    """A change that makes an account and notes, in a row beside it, what the look decided about that."""

    def note(self, draft: Draft, evaluation: Mapping[str, Any]) -> Any:
        """Note it; what it answers is the change's result."""


@runtime_checkable
class Drawn(Protocol):
    """A change that lies in a row beside the account's, such as a token's: it is taken out in the same transaction."""

    async def draw(self, tx: Transaction, ring: KeyRing) -> Change:
        """The change itself. May raise Refusal: then nothing has happened. A replayed request draws nothing."""


@dataclass(frozen=True, slots=True)
class Look:
    """No change at all: only what time owes."""

    cause: str = "account.looked_at"

    def apply(self, draft: Draft) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Revised:
    """What came of a revision.

    Attributes:
        result: what the change returned; None for a replayed request.
        draft, documents: the account after it, and all that can be read of it; None for a replayed request.
        replayed: id of the object that the first request with this key made or changed.
        secret: the one-time secret that it was answered with, if it was.
        answer: what the caller wanted made of draft and documents.
    """

    result: Any
    draft: Draft | None = None
    documents: Documents | None = None
    replayed: str | None = None
    secret: str | None = field(default=None, repr=False)
    answer: dict[str, Any] = field(default_factory=dict)


class Nudge(Protocol):
    """Called after a commit with the ids of what somebody should look at, its account's first; must not block."""

    def __call__(self, *ids: str) -> None:
        """See the class."""


def nobody(*_ids: str) -> None:
    """Nobody is nudged."""


class OlderThanRow(Exception):  # noqa: N818 -- says what is
    """This process runs an older evaluator than the one that wrote the row; a newer one must do it."""


class Door:
    """See the module. One per process; safe for many tasks."""

    def __init__(
        self,
        database: Database,
        ring: KeyRing,
        policies: PolicyShelf,
        verifiers: Verifiers,
        nudge: Nudge,
        remind_after: tuple[int, ...] = (),
        downstream: Downstream = NOBODY,
    ) -> None:
        self._database = database
        self._remind_after = remind_after
        self._ring = ring
        self._policies = policies
        self._verifiers = verifiers
        self._downstream = downstream
        self._nudge = nudge
        request_keys = RequestKeys(ring)
        # In the door's transaction, or in that of what belongs to no account.
        self.claim = request_keys.claim
        self.keep = request_keys.keep
        self.secret_of = request_keys.secret_of
        self._turns: defaultdict[str, _Turn] = defaultdict(_Turn)

    async def revise(
        self, account_id: str, change: Change | Drawn, caller: Caller | None = None, key: RequestKey | None = None
    ) -> Any:
        """Apply a change and return what it returned; a replayed request returns None."""
        return (await self.revise_whole(account_id, change, caller, key)).result

    async def revise_whole(
        self,
        account_id: str,
        change: Change | Drawn,
        caller: Caller | None = None,
        key: RequestKey | None = None,
        object_id: str | None = None,
        *,
        secret: str | None = None,
        answer: Callable[[Draft, Documents], dict[str, Any]] | None = None,
    ) -> Revised:
        """Apply a change to an existing account, after everything that time owed it.

        ``object_id`` is the id of what the change makes, so that a replay can find it; ``secret`` is what only the
        answer to this request shows, so that a replay can show it. ``answer`` makes the document that a v1 request is
        answered with: it is kept with the key, in the same transaction.

        Raises:
            Replayed: a v1 request came again.
            Refusal: ``not_found``; ``account_rate_limit_exceeded`` after :data:`WAIT`; ``idempotency_error``; whatever
                the change refuses. Nothing was written.
            EngineFault: the engine could not decide. The change is undone and the account marked stuck.
            ConnectionLost: nothing is known about the commit.
        """
        try:
            async with self._turn(account_id) as left, self._database.transaction(lock_timeout=left()) as tx:
                if not await accounts.lock(tx, account_id):
                    raise not_found()
                record = await accounts.load(tx, account_id)
                if record is None or not _owns(caller, record):
                    # Before the key: what is said of a key must not tell that somebody else's account is there.
                    raise not_found()
                keys = self._keys(record) if key is not None and key.keeps_answer else None
                existing = await self.claim(tx, caller, key, account_id, object_id, keys, secret)
                if existing is not None:
                    replayed = existing.object_id or account_id
                    shown = self.secret_of(caller, existing)
                    revised, nudge = Revised(None, replayed=replayed, secret=shown), True
                else:
                    change = await self._drawn(tx, change)
                    revised, nudge = await self._write(tx, record, change, caller, key)
                    if answer is not None and revised.draft is not None and revised.documents is not None:
                        revised = replace(revised, answer=answer(revised.draft, revised.documents))
                        await self.keep(tx, caller, key, revised.answer, keys)
        except EngineFault as fault:
            await self._mark_stuck(account_id, fault)
            raise
        if nudge:
            self._nudge(account_id)
        if revised.draft is not None:
            for check_id in revised.draft.withdrawn:
                self._nudge(account_id, check_id)
            for review_id in revised.draft.moved_reviews:
                self._nudge(account_id, review_id)
        return revised

    async def create(self, change: Change | Drawn, caller: Caller, key: RequestKey | None = None) -> Revised:
        """Make a new account and apply ``change`` to it. A replay answers with the first one's id."""
        account_id = new_id("acct_")
        turn = f"{caller.platform_id}:{key.key}" if key is not None else account_id
        async with self._turn(turn) as left, self._database.transaction(lock_timeout=left()) as tx:
            existing = await self.claim(tx, caller, key, account_id, account_id)
            if existing is None:
                change = await self._drawn(tx, change)
                revised, nudge = await self._make(tx, account_id, change, caller, key)
            else:
                account_id = existing.account_id or account_id
                revised, nudge = Revised(None, replayed=account_id), True
        if nudge:
            self._nudge(account_id)
        return revised

    async def rehearse(self, change: Change | Drawn, caller: Caller) -> Any:
        """What :meth:`create` would answer as the change's result. All of it is undone again, and nobody is nudged."""
        account_id = new_id("acct_")
        try:
            async with self._database.transaction() as tx:
                change = await self._drawn(tx, change)
                revised, _ = await self._make(tx, account_id, change, caller, None)
                raise _Rehearsed(revised.result)  # noqa: TRY301 -- what undoes a transaction is an exception
        except _Rehearsed as rehearsed:
            return rehearsed.result

    async def view(self, record: AccountRecord) -> tuple[Draft, Documents]:
        """What can be read of a loaded account now: time that nobody played yet is played in memory.

        Nothing is written; an account that is behind is nudged. Where the engine can't decide, the last good
        evaluation is shown, with every capability whose deadline has passed as restricted.
        """
        draft = await self._draft(record)
        journal = Journal(draft)
        wake_at = record.row.wake_at
        is_stuck = record.row.stuck_code is not None
        if wake_at is not None and wake_at <= draft.as_of:
            self._nudge(record.row.id)
            try:
                self._play(draft, journal, World(draft, self._verifiers), record, self._silence(record))
            except EngineFault:
                draft = await self._draft(record)
                journal = Journal(draft)
                is_stuck = True  # whoever changes it next will note it
        if is_stuck:
            journal.restrict_missed(draft.as_of)
        return draft, journal.documents

    async def draft_of(self, record: AccountRecord) -> Draft:
        """A loaded account as its rows have it, with its values in memory: no time is played, nothing is written.

        Raises:
            Refusal: ``not_found``: it was erased.
        """
        return await self._draft(record)

    # --- one transaction ----------------------------------------------------------------------------------------------

    async def _drawn(self, tx: Transaction, change: Change | Drawn) -> Change:
        return await change.draw(tx, self._ring) if isinstance(change, Drawn) else change

    async def _make(
        self, tx: Transaction, account_id: str, change: Change, caller: Caller, key: RequestKey | None
    ) -> tuple[Revised, bool]:
        began = await accounts.beginning(tx, caller.platform_id, livemode=caller.livemode)
        now = began.now
        policy = await self._policies.get(began.policy_hash, tx)
        keys = self._ring.new_account_keys()
        draft = Draft(
            record=None,
            account_id=account_id,
            platform_id=caller.platform_id,
            livemode=caller.livemode,
            keys=keys,
            policies=Policies(policy),
            created_at=whole_milliseconds(now),
            database_now=now,
            as_of=whole_milliseconds(now),
            is_told=self._downstream.is_told(livemode=caller.livemode),
        )
        journal = Journal(draft)
        await self._read_files(tx, draft, change)
        result = change.apply(draft)
        self._look(draft, journal, World(draft, self._verifiers), change, caller, key)
        if isinstance(change, Noted):
            result = change.note(draft, journal.evaluation)
        silence = self._silence(None).looked(
            draft, journal, view_of(draft, journal.evaluation), draft.as_of, caller.actor
        )
        journal.write()
        journal.deliver(began.destinations)
        columns, nudge = self._columns(draft, journal, None, silence, by_user=True, acted=True)
        wrapped = self._ring.wrap(keys, account=account_id)
        draft.batch.insert(
            tables.Account,
            id=account_id,
            platform_id=caller.platform_id,
            livemode=caller.livemode,
            created_at=draft.created_at,
            data_key=wrapped.data_key,
            digest_key=wrapped.digest_key,
            **columns,
        )
        await tx.apply(draft.batch)
        return Revised(result, draft, journal.documents), nudge

    async def _write(
        self, tx: Transaction, record: AccountRecord, change: Change, caller: Caller | None, key: RequestKey | None
    ) -> tuple[Revised, bool]:
        draft = await self._draft(record, tx)
        journal = Journal(draft)
        world = World(draft, self._verifiers)
        silence = self._play(draft, journal, world, record, self._silence(record))
        await self._read_files(tx, draft, change)
        result = change.apply(draft)
        self._look(draft, journal, world, change, caller, key)
        seen, actor = view_of(draft, journal.evaluation), _who_acted(caller)
        silence = silence.looked(draft, journal, seen, draft.as_of, actor)
        if isinstance(change, Afterwards):
            result = change.after_look(draft, silence.shown(seen), earliest(journal.wake_at, silence.remind_at))
        journal.write()
        journal.deliver(record.destinations)
        draft.withdrawn = journal.withdrawn
        columns, nudge = self._columns(
            draft, journal, record, silence, by_user=caller is not None, acted=actor is not None
        )
        known = {name: getattr(record.row, name) for name in columns}
        moved = {name: value for name, value in columns.items() if value != known[name]}
        moved.pop("last_as_of", None)
        if moved or draft.batch:
            draft.batch.update(tables.Account, {"id": draft.account_id}, **moved, last_as_of=draft.as_of)
            await tx.apply(draft.batch)
        return Revised(result, draft, journal.documents), nudge

    async def _read_files(self, tx: Transaction, draft: Draft, change: Change) -> None:
        named = sorted({reference.file for reference in change.files}) if isinstance(change, NamesFiles) else []
        if named:
            scope = Scope(draft.platform_id, draft.livemode, draft.account_id)
            draft.files = await files.usable(tx, scope, named)

    async def _draft(self, record: AccountRecord, r: Reading | None = None) -> Draft:
        row = record.row
        if row.evaluator_version > EVALUATOR_VERSION:
            raise OlderThanRow
        now = whole_milliseconds(record.clock_now or record.database_now)
        return Draft(
            record=record,
            account_id=row.id,
            platform_id=row.platform_id,
            livemode=row.livemode,
            keys=self._keys(record),
            policies=await self._policies_of(row, r),
            created_at=row.created_at,
            database_now=record.database_now,
            as_of=max(now, row.last_as_of) if row.last_as_of else now,
            is_told=self._downstream.is_told(livemode=row.livemode),
        )

    async def _policies_of(self, row: AccountRow, r: Reading | None) -> Policies:
        current = await self._policies.get(row.policy_hash, r)
        if row.announced_hash is None or row.transition_at is None:
            return Policies(current)
        return Policies(current, Announced(await self._policies.get(row.announced_hash, r), row.transition_at))

    def unwrap(self, account_id: str, wrapped: WrappedKeys) -> AccountKeys:
        """An account's keys, in memory only."""
        return self._ring.unwrap(wrapped, account=account_id)

    def _keys(self, record: AccountRecord) -> AccountKeys:
        row = record.row
        if row.data_key is None or row.digest_key is None:
            raise Refusal("not_found", "No such account: it was erased.", kind=RefusalKind.NOT_FOUND)
        return self.unwrap(row.id, WrappedKeys(row.data_key, row.digest_key))

    def _silence(self, record: AccountRecord | None) -> Silence:
        return Silence.of(record.row if record is not None else None, self._remind_after)

    def _play(self, draft: Draft, journal: Journal, world: World, record: AccountRecord, silence: Silence) -> Silence:
        """The looks that time owed, each at its own instant: an outage never prolongs a grace."""
        with _deciding():
            looks = play(draft.policies, draft.state, record.row.wake_at, draft.as_of, world, lambda: silence.remind_at)
            for step in looks:
                world.remember(step)
                journal.add(step, Origin("time.passed", WORKER), changed=False)
                silence = silence.looked(draft, journal, view_of(draft, journal.evaluation), step.as_of, None)
        return silence

    def _look(
        self,
        draft: Draft,
        journal: Journal,
        world: World,
        change: Change,
        caller: Caller | None,
        key: RequestKey | None,
    ) -> None:
        if self._verifiers.hastens_for(draft.emails, livemode=draft.livemode):
            draft.hasten()
        with _deciding():
            draft.reshape()
            step = settle(draft.policies, draft.state, draft.as_of, world)
        origin = Origin(
            change.cause,
            caller.actor if caller else WORKER,
            caller.request_id if caller else None,
            key.key if key else None,
        )
        journal.add(step, origin, changed=caller is not None)
        if draft.is_told:
            desire_all(draft, step.evaluation)

    def _columns(
        self,
        draft: Draft,
        journal: Journal,
        record: AccountRecord | None,
        silence: Silence,
        *,
        by_user: bool,
        acted: bool,
    ) -> tuple[dict[str, Any], bool]:
        """The account's row after the transaction, and whether somebody should look at it now."""
        row = record.row if record else None
        silent_at = draft.as_of + SILENT_AFTER if acted or row is None else row.silent_at
        view = silence.shown(view_of(draft, journal.evaluation))
        wake_at = earliest(journal.wake_at, silence.remind_at)
        lease = draft.row_changes.get("run_lease_until", row.run_lease_until if row else None)
        owing = Owing(draft, view, lease, wake_at, silent_at, record, by_user=by_user)
        ahead = draft.policies.ahead(draft.as_of)
        columns: dict[str, Any] = {
            "updated_at": draft.as_of if by_user or row is None else row.updated_at,
            "country": draft.state.shape.attributes.get("country"),
            "configurations": journal.applied_configurations,
            "shape": journal.shape,
            "evaluation": journal.evaluation,
            "policy_hash": draft.policy.hash,
            "announced_hash": ahead.policy.hash if ahead else None,
            "transition_at": ahead.transition_at if ahead else None,
            "evaluator_version": EVALUATOR_VERSION,
            "version": journal.version,
            "digest": journal.digest,
            "event_sequence": journal.sequence,
            "audit_count": journal.audit_count,
            "audit_head": journal.audit_head,
            "last_as_of": draft.as_of,
            "wake_at": wake_at,
            "look_at": owing.look_at,
            "stage": view.stage,
            "view_digest": owing.view_digest,
            "silent_at": silent_at,
            **silence.columns,
            "run_lease_until": lease,
            "run_epoch": draft.row_changes.get("run_epoch", row.run_epoch if row else 0),
            "stuck_code": None,
            "stuck_since": None,
            "stuck_retry_at": None,
            "stuck_engine": None,
            **draft.row_changes,
        }
        if by_user or (row is not None and row.look_at != owing.look_at):
            columns["look_tries"] = 0
        return columns, owing.nudge

    async def _mark_stuck(self, account_id: str, fault: EngineFault) -> None:
        """Note in a second transaction that the engine could not decide; tried again at growing distances."""
        async with self._database.transaction() as tx:
            if not await accounts.lock(tx, account_id):
                return
            record = await accounts.load(tx, account_id)
            if record is None:
                return
            now, row = record.database_now, record.row
            since = row.stuck_since or now
            retry_at = now + min(max(now - since, STUCK_RETRY), timedelta(days=1))
            draft = await self._draft(record, tx)
            draft.batch.update(
                tables.Account,
                {"id": account_id},
                stuck_code=fault.code,
                stuck_since=since,
                stuck_retry_at=retry_at,
                stuck_engine=EVALUATOR_VERSION,
                look_at=retry_at + AHEAD,
                look_tries=0,
                # Its run shows it as stuck: once it is not any more, a look of a run is owed.
                view_digest=None,
            )
            await tx.apply(draft.batch)

    @asynccontextmanager
    async def _turn(self, name: str) -> AsyncIterator[Callable[[], timedelta]]:
        """One task of this process at a time, so that waiting tasks hold no connection; yields what is left to wait."""
        ends = time.monotonic() + WAIT.total_seconds()
        turn = self._turns[name]
        turn.waiting += 1
        try:
            try:
                await asyncio.wait_for(turn.lock.acquire(), WAIT.total_seconds())
            except TimeoutError:
                raise busy() from None
            try:
                yield lambda: timedelta(seconds=max(0.001, ends - time.monotonic()))
            finally:
                turn.lock.release()
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                self._turns.pop(name, None)


class _Rehearsed(Exception):  # noqa: N818 -- says what is
    """What a rehearsal came to; raised to undo it."""

    def __init__(self, result: Any) -> None:
        super().__init__("rehearsed")
        self.result = result


class _Turn:
    """The queue of one account in this process."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.waiting = 0


class _deciding:  # noqa: N801 -- reads as a statement
    """Turns whatever goes wrong while deciding into the engine's own fault; refusals pass."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, (Refusal, EngineFault)):
            raise EngineFault(f"engine_{type(error).__name__}") from error


def _who_acted(caller: Caller | None) -> str | None:
    """The platform or the user: what operators do is no sign of life of theirs."""
    return caller.actor if caller is not None and not is_operator(caller.actor) else None


def not_found() -> Refusal:
    """The account does not exist, or belongs to somebody else: both look the same."""
    return Refusal("not_found", "No such account.", kind=RefusalKind.NOT_FOUND)


def busy() -> Refusal:
    """Others are changing the account; the SDK tries again."""
    return Refusal(
        "account_rate_limit_exceeded",
        "The account is being changed by other requests. Try again.",
        kind=RefusalKind.BUSY,
        type="rate_limit",
    )


def _owns(caller: Caller | None, record: AccountRecord) -> bool:
    row = record.row
    return caller is None or (caller.platform_id == row.platform_id and caller.livemode == row.livemode)
