"""Roll-outs: making, pausing, resuming and taking them back. What they do is done step by step (``steps.py``).

::

    scheduled ──> running ──────> done            every account of the scope has the policy or was told of it,
        └───────────┴──> paused ──┘  │            and new accounts begin with it
                           │         │
                     rolling_back <──┘ ──> rolled_back
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.domain.instants import whole_milliseconds
from onboarding.door.callers import Caller, is_operator, is_platform
from onboarding.door.door import Nudge, nobody
from onboarding.ids import new_id
from onboarding.paging import Page, page_at, window
from onboarding.policies.documents import forecast_document, rollout_document
from onboarding.storage import book, policies, rollouts
from onboarding.storage.rollouts import RolloutRow, RolloutState, Wave

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from onboarding.door.callers import RequestKey
    from onboarding.door.door import Door
    from onboarding.forecast import Forecasted
    from onboarding.policies.book import PolicyBook
    from onboarding.storage.database import Database, Transaction
    from onboarding.storage.idempotency import Existing
    from onboarding.storage.rollouts import RolloutScope
    from onboarding.storage.rows import PolicyRow

WATCHED = timedelta(days=14)
"""How long after its transition an account that loses a capability counts as restricted by the roll-out: a grace
that is longer leaves it time to do what it is then asked for."""

LATE = timedelta(minutes=5)
"""A first wave may be dated back so far: clocks differ, and people type slowly. More is a mistyped date."""

_WHOLE = 1e-9

Document = dict[str, Any]


class Rollouts:
    """A platform's key sees and makes roll-outs of its own accounts in its own mode. An operator sees and makes all.

    Every method raises Refusal ``not_found`` for a roll-out that there is not, or that is somebody else's.
    """

    def __init__(
        self,
        database: Database,
        door: Door,
        policy_book: PolicyBook,
        *,
        max_restricted_share: float,
        nudge: Nudge = nobody,
    ) -> None:
        self._database = database
        self._door = door
        self._book = policy_book
        self._most = max_restricted_share
        self._nudge = nudge

    async def create(
        self,
        caller: Caller,
        reference: str,
        scope: RolloutScope,
        waves: Sequence[Wave],
        *,
        allow_restricting: bool = False,
        max_restricted_share: float | None = None,
        key: RequestKey | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Document:
        """Roll a policy out to the accounts of a scope.

        Args:
            caller: whose roll-out it is.
            reference: of the policy.
            scope: of a platform's key its own accounts, whatever it says.
            waves: together they are all of the accounts.
            allow_restricting: make it, however many accounts lose an active capability.
            max_restricted_share: how many of the accounts may, if not as many as the settings say.
            key: of a request that may come twice.
            progress: called while the accounts are looked at.

        Raises:
            Refusal: ``rollout_restricts`` with the numbers of the ``dry_run``; ``rollout_under_way``; and
                ``parameter_invalid`` for waves that do not add up.
        """
        if not is_operator(caller.actor):
            scope = replace(scope, platform_id=caller.platform_id, livemode=caller.livemode)
        row = await self._book.find(caller, reference)
        if row.platform_id is not None:
            if scope.platform_id not in (None, row.platform_id):
                raise _invalid("The policy is another platform's own.", "policy")
            scope = replace(scope, platform_id=row.platform_id)
        replayed = await self._replayed(caller, key)
        if replayed is not None:
            return await self.get(caller, replayed)
        waves = [replace(wave, **_milliseconds(wave)) for wave in waves]
        _refuse_odd(waves, await self._book.now())
        if not allow_restricting:
            if not is_operator(caller.actor):
                await self._book.refuse_large(scope)
            most = self._most if max_restricted_share is None else max_restricted_share
            await self._refuse_restricting(row, scope, waves, most, progress)
        rollout_id = new_id("rol_")
        async with self._database.transaction() as tx:
            existing = await self._door.claim(tx, caller, key, None, rollout_id)
            if existing is None:
                await rollouts.take_turn(tx)
                await self._refuse_overlap(tx, caller, scope)
                await rollouts.create(
                    tx, rollout_id=rollout_id, to_hash=row.hash, scope=scope, waves=waves, actor=caller.actor
                )
        rollout_id = (existing.object_id if existing is not None else None) or rollout_id
        self._nudge(rollout_id)
        return await self.get(caller, rollout_id)

    async def get(self, caller: Caller, rollout_id: str) -> Document:
        """One roll-out."""
        async with self._database.reading() as r:
            row = _owned(await rollouts.find(r, rollout_id), caller)
            counted = await rollouts.count(r, [row.id])
        return rollout_document(_shown_to(caller), row, counted[row.id])

    async def list(self, caller: Caller, limit: int = 20, cursor: str | None = None) -> Page:
        """Roll-outs, newest first."""
        page = page_at(cursor, limit, timed=False)
        everything = is_operator(caller.actor)
        async with self._database.reading() as r:
            rows = await rollouts.list_page(
                r, None if everything else caller.platform_id, page, livemode=None if everything else caller.livemode
            )
            kept, following, previous = window([(row, [row.id]) for row in rows], page, limit)
            counted = await rollouts.count(r, [row.id for row in kept])
        data = [rollout_document(_shown_to(caller), row, counted[row.id]) for row in kept]
        return Page(data, following, previous)

    # --- what people do to one ----------------------------------------------------------------------------------------

    async def pause(self, caller: Caller, rollout_id: str, key: RequestKey | None = None) -> Document:
        """Tell no further account. Whoever was told stays so, and a transition that comes meanwhile comes."""

        def paused(row: RolloutRow, _now: datetime) -> RolloutRow:
            if row.state not in (RolloutState.SCHEDULED, RolloutState.RUNNING, RolloutState.PAUSED):
                raise _over(row)
            return replace(row, state=RolloutState.PAUSED, look_at=None)

        return await self._change(caller, rollout_id, key, paused)

    async def resume(self, caller: Caller, rollout_id: str, key: RequestKey | None = None) -> Document:
        """Go on where it was paused. A wave that is late for that gets all of its notice: its transition is later."""

        def resumed(row: RolloutRow, now: datetime) -> RolloutRow:
            if row.state in (RolloutState.SCHEDULED, RolloutState.RUNNING):
                return row
            if row.state != RolloutState.PAUSED:
                raise _over(row)
            planned = row.planned
            waves = [
                wave if place < row.wave or wave.starts_at >= now else _delayed(wave, now)
                for place, wave in enumerate(planned)
            ]
            has_begun = row.wave > 0 or bool(row.cursor)
            state = RolloutState.RUNNING if has_begun else RolloutState.SCHEDULED
            return replace(row, state=state, waves=[wave.document for wave in waves], look_at=now)

        return await self._change(caller, rollout_id, key, resumed)

    async def roll_back(self, caller: Caller, rollout_id: str, key: RequestKey | None = None) -> Document:
        """Take it back: whoever was told is told no more, whoever has moved gets back at once what they had before."""

        def taken_back(row: RolloutRow, now: datetime) -> RolloutRow:
            if row.state in (RolloutState.ROLLING_BACK, RolloutState.ROLLED_BACK):
                return row
            return replace(row, state=RolloutState.ROLLING_BACK, cursor="", look_at=now)

        async def restore(tx: Transaction, before: RolloutRow, after: RolloutRow) -> None:
            for platform_id, livemode, policy_hash in before.before if before.state != after.state else ():
                standing = await _standing(tx, platform_id, policy_hash, livemode=livemode)
                await policies.restore_current(tx, platform_id, standing, livemode=livemode, instead_of=after.to_hash)

        return await self._change(caller, rollout_id, key, taken_back, restore)

    async def _change(
        self,
        caller: Caller,
        rollout_id: str,
        key: RequestKey | None,
        changed: Callable[[RolloutRow, datetime], RolloutRow],
        also: Callable[[Transaction, RolloutRow, RolloutRow], Awaitable[None]] | None = None,
    ) -> Document:
        async with self._database.transaction() as tx:
            existing = await self._door.claim(tx, caller, key, None, rollout_id)
            row = _owned(await rollouts.lock(tx, rollout_id), caller)
            if not is_operator(caller.actor) and not is_platform(row.actor):
                message = "An operator made this roll-out: a platform changes only what it made itself."
                raise Refusal("rollout_not_yours", message, kind=RefusalKind.FORBIDDEN)
            if existing is None:
                after = changed(row, await book.database_now(tx))
                if also is not None:
                    await also(tx, row, after)
                await rollouts.put(tx, after)
        self._nudge(rollout_id)
        return await self.get(caller, rollout_id)

    # --- what keeps one from being made -------------------------------------------------------------------------------

    async def _replayed(self, caller: Caller, key: RequestKey | None) -> str | None:
        """What the first request with this key made. Asked before accounts are looked at, which takes time."""
        if key is None:
            return None
        with suppress(_Fresh):
            async with self._database.transaction() as tx:
                existing = await self._door.claim(tx, caller, key, None, None)
                return _object_of(existing)
        return None

    async def _refuse_overlap(self, tx: Transaction, caller: Caller, scope: RolloutScope) -> None:
        other = await rollouts.overlapping(tx, scope)
        if other is None:
            return
        extra: dict[str, object] = {"rollout": other.id} if _is_owned(other, caller) else {}
        message = "Another roll-out of some of these accounts is under way: let it end, or roll it back."
        raise Refusal("rollout_under_way", message, kind=RefusalKind.CONFLICT, extra=extra)

    async def _refuse_restricting(
        self,
        row: PolicyRow,
        scope: RolloutScope,
        waves: Sequence[Wave],
        most: float,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        # Every wave has its own transition, and as long after it as the first one to do what is asked for.
        at = min(wave.transition_at for wave in waves)
        until = at + WATCHED
        found = await self._book.forecast(row, scope, at, until, progress)
        # Of whom nothing can be said, the worst is assumed.
        if found.losing + found.undecided > most * found.accounts:
            raise _restricts(row, at, until, found, most)


class _Fresh(Exception):  # noqa: N818 -- says what is
    """The key was not used yet; raised to give it back."""


def _object_of(existing: Existing | None) -> str | None:
    if existing is None:
        raise _Fresh
    return existing.object_id


def _restricts(row: PolicyRow, at: datetime, until: datetime, found: Forecasted, most: float) -> Refusal:
    unknown = f", and of {found.undecided} it can't be said" if found.undecided else ""
    message = (
        f"{found.losing} of {found.accounts} accounts ({found.share_restricted:.1%}) would lose an active capability"
        f" within {WATCHED.days} days of the transition if nobody supplies anything{unknown}; {most:.1%} may."
        " Give the rules a longer grace, or allow it."
    )
    return Refusal(
        "rollout_restricts",
        message,
        param="allow_restricting",
        type="invalid_request_error",
        extra={"dry_run": forecast_document(row, at, until, found)},
    )


async def _standing(tx: Transaction, platform_id: str, policy_hash: str | None, *, livemode: bool) -> str | None:
    """The policy itself, or where that was taken back the one before it, and so on."""
    seen: set[str] = set()
    while policy_hash is not None and policy_hash not in seen:
        seen.add(policy_hash)
        is_taken_back, earlier = await rollouts.current_before(tx, platform_id, policy_hash, livemode=livemode)
        if not is_taken_back:
            return policy_hash
        policy_hash = earlier
    return None


def _refuse_odd(waves: Sequence[Wave], now: datetime) -> None:
    """Raises Refusal for waves that are not in order, or do not add up to all of the accounts."""
    if not waves:
        raise _invalid("There must be one wave at least.", "waves")
    earliest = now - LATE
    for place, wave in enumerate(waves):
        if not 0 < wave.share <= 1:
            raise _invalid("Must be more than 0 and at most 1.", f"waves[{place}].share")
        if wave.starts_at < earliest:
            before = "now" if place == 0 else "the wave before it"
            raise _invalid(f"Must not be before {before}.", f"waves[{place}].starts_at")
        if wave.transition_at < wave.starts_at:
            raise _invalid("Must not be before 'starts_at'.", f"waves[{place}].transition_at")
        earliest = wave.starts_at
    if abs(sum(wave.share for wave in waves) - 1) > _WHOLE:
        raise _invalid("The shares of all waves must add up to 1.", "waves")


def _milliseconds(wave: Wave) -> dict[str, Any]:
    """What is told is what is kept."""
    return {name: whole_milliseconds(getattr(wave, name)) for name in ("starts_at", "transition_at")}


def _delayed(wave: Wave, now: datetime) -> Wave:
    now = whole_milliseconds(now)
    return replace(wave, starts_at=now, transition_at=now + (wave.transition_at - wave.starts_at))


def _is_owned(row: RolloutRow, caller: Caller) -> bool:
    if is_operator(caller.actor):
        return True
    return row.platform_id == caller.platform_id and row.livemode in (None, caller.livemode)


def _owned(row: RolloutRow | None, caller: Caller) -> RolloutRow:
    if row is None or not _is_owned(row, caller):
        raise Refusal("not_found", "No such roll-out.", kind=RefusalKind.NOT_FOUND)
    return row


def _shown_to(caller: Caller) -> Caller | None:
    """None for an operator, who may read everything."""
    return None if is_operator(caller.actor) else caller


def _over(row: RolloutRow) -> Refusal:
    return Refusal(f"rollout_{row.state}", f"The roll-out is {row.state.replace('_', ' ')}.", kind=RefusalKind.CONFLICT)


def _invalid(message: str, param: str) -> Refusal:
    return Refusal("parameter_invalid", message, param=param, type="invalid_request_error")
