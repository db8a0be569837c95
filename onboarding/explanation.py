"""Explanations: why each capability of an account stands as it does, now or at an instant of the past.

What is told is read off the stored evaluation of the last version that was effective then
(:mod:`onboarding.derivation`), which is decided once more on the way (:mod:`onboarding.reproduction`). Time that nobody
has recorded yet is played in memory, as whenever an account is read: then there is no version to name. An erased
account keeps its versions, and time no longer plays on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from onboarding.derivation import Basis, Derivation
from onboarding.domain.capabilities import HELD
from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.domain.evaluate import EVALUATOR_VERSION
from onboarding.domain.instants import rfc3339, whole_milliseconds
from onboarding.domain.requirements import AUDIENCE_USER
from onboarding.domain.state import OrderKind
from onboarding.door.callers import is_operator, is_platform, shown_actor
from onboarding.door.journal import with_missed_restricted
from onboarding.policies.documents import policy_id
from onboarding.storage import accounts, tables, versions
from onboarding.storage.versions import Since

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from onboarding.derivation import Explained
    from onboarding.domain.state import Order, State
    from onboarding.door.callers import Caller
    from onboarding.door.door import Door
    from onboarding.door.draft import Draft
    from onboarding.reproduction import Reproducer, Reproduction
    from onboarding.storage.accounts import AccountRecord
    from onboarding.storage.database import Database

EXPLANATION_TYPE = "v2.verification.explanation"

Document = dict[str, Any]


# --- who may read why an order was placed -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who runs the engine. Made of a caller who is one, by :meth:`of` alone."""

    actor: str

    @classmethod
    def of(cls, caller: Caller) -> Operator | None:
        """The operator that a caller is; None for a platform's key."""
        return cls(caller.actor) if is_operator(caller.actor) else None


@dataclass(frozen=True, slots=True)
class OpenReason:
    """Why an order was placed, for everybody who may read the account."""

    code: str


@dataclass(frozen=True, slots=True)
class InternalReason:
    """Why an operator placed an order. Only an operator can be told: a platform has nothing to ask it with."""

    _code: str = field(repr=False)

    def told_to(self, _operator: Operator) -> str:
        """The reason's code."""
        return self._code


def reason_of(order: Order) -> OpenReason | InternalReason:
    """Why an order was placed. What a platform ordered itself is no secret from it."""
    is_open = order.audience == AUDIENCE_USER or is_platform(order.actor)
    return OpenReason(order.reason) if is_open else InternalReason(order.reason)


def order_document(order: Order, operator: Operator | None) -> Document:
    """An order as a platform may read it, or an operator."""
    reason, actor = reason_of(order), order.actor
    code = HELD.code if order.kind in (OrderKind.HOLD, OrderKind.REJECT) else None
    if isinstance(reason, InternalReason):
        told = reason.told_to(operator) if operator is not None else None
    else:
        told = reason.code
        if order.kind is OrderKind.REJECT:
            code = f"rejected_{told}"
    return {
        "id": order.id,
        "kind": order.kind.value,
        "code": code,
        "reason": told,
        "audience": order.audience,
        "placed_by": actor if operator is not None else shown_actor(actor),
        "starts_at": rfc3339(order.starts_at),
        "ends_at": rfc3339(order.ends_at) if order.ends_at is not None else None,
    }


# --- the service ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is explained: a stored version, or a look that was played in memory and has none."""

    basis: Basis
    announced: tuple[str, datetime] | None
    version: int | None
    evaluator_version: int
    reproduction: Reproduction | None


class Explanations:
    """Explains the callers' own accounts, erased ones too."""

    def __init__(self, database: Database, door: Door, reproducer: Reproducer) -> None:
        self._database = database
        self._door = door
        self._reproducer = reproducer

    async def explain(
        self, caller: Caller, account_id: str, *, at: datetime | None = None, capability: str | None = None
    ) -> Document:
        """The explanation of an account's capabilities, or of one.

        Args:
            caller: a platform; or an operator, who is told the reasons of internal orders too.
            account_id: the account.
            at: an instant of the account's time that is not ahead; now if None.
            capability: as ``configuration.capability``.

        Raises:
            Refusal: ``not_found``; ``parameter_invalid`` for an instant that is ahead or before the account's first
                version, or a capability that the policy of that instant does not know.
            PolicyUnavailable: this process can't compile a policy that bound the account.
        """
        async with self._database.reading() as r:
            record = await accounts.load(r, account_id)
        if record is None or (record.row.platform_id, record.row.livemode) != (caller.platform_id, caller.livemode):
            raise Refusal("not_found", "No such account.", kind=RefusalKind.NOT_FOUND)
        if at is not None and at > _now(record):
            raise _invalid("at", "Must not be later than the account's time.")
        seen = await self._played(record, at) or await self._recorded(record, at)
        if seen is None:
            raise _invalid("at", "Must not be earlier than the account.")
        if capability is not None and capability not in seen.basis.policy.capabilities:
            raise _invalid("capability", "The account's policy knows no such capability.")
        named = [name for name in seen.basis.evaluation["capabilities"] if capability in (None, name)]
        derivation = Derivation(seen.basis)
        explained = [derivation.explain(name) for name in _in_order(seen.basis, named)]
        return await self._document(record, seen, at or _now(record), explained, Operator.of(caller))

    async def _recorded(self, record: AccountRecord, at: datetime | None) -> _Seen | None:
        """The last version that was effective then."""
        async with self._database.reading() as r:
            stored = await versions.effective(r, record.row.id, at)
            if stored is None:
                return None
            since = await versions.standing_since(r, record.row.id, stored.row.version)
        reproduction = await self._reproducer.reproduce(stored)
        row = stored.row
        # Of the newest one no deadline has passed that could be played: if one has, the engine could not decide it.
        missed_at = at or _now(record)
        is_played = row.version < record.row.version or _is_erased(record)
        basis = Basis(
            policy=(await self._reproducer.policies_of(stored)).current,
            state=stored.state,
            evaluation=row.evaluation if is_played else with_missed_restricted(row.evaluation, missed_at),
            as_of=row.effective_at,
            since=since,
            missed_at=None if is_played else missed_at,
        )
        return _Seen(basis, stored.announced, row.version, row.evaluator_version, reproduction)

    async def _played(self, record: AccountRecord, at: datetime | None) -> _Seen | None:
        """The looks that time owes up to then, played in memory; None if it owes none, or nobody can play them."""
        row, until = record.row, at or _now(record)
        if _is_erased(record) or row.wake_at is None or row.wake_at > until:
            return None
        on_clock = until if record.clock_now is not None else None
        draft, _ = await self._door.view(replace(record, database_now=until, clock_now=on_clock))
        looks = draft.batch.inserted(tables.Version)
        if not looks:
            return None  # nothing that was decided changed, or the engine can't decide
        last = looks[-1]
        as_of: datetime = last["effective_at"]
        async with self._database.reading() as r:
            since = await versions.standing_since(r, row.id, row.version)
        for look in looks:
            standing = versions.said(look["evaluation"])
            since = {one: since.get(one) or Since(look["effective_at"]) for one in standing}
        ahead = draft.policies.ahead(as_of)
        basis = Basis(
            policy=draft.policies.in_force(as_of),
            state=draft.state,
            evaluation=last["evaluation"],
            as_of=as_of,
            since=since,
            unrecorded=_unrecorded(record, draft),
        )
        announced = (ahead.policy.hash, ahead.transition_at) if ahead is not None else None
        return _Seen(basis, announced, None, EVALUATOR_VERSION, None)

    async def _document(
        self,
        record: AccountRecord,
        seen: _Seen,
        shown_at: datetime,
        explained: Iterable[Explained],
        operator: Operator | None,
    ) -> Document:
        policy, announced = seen.basis.policy, seen.announced
        async with self._database.reading() as r:
            names = await versions.policy_names(r, [policy.hash, *(announced[:1] if announced else ())])
        ahead = None
        if announced is not None:
            ahead = {**_policy_document(announced[0], names), "transition_at": rfc3339(announced[1])}
        return {
            "object": EXPLANATION_TYPE,
            "account": record.row.id,
            "livemode": record.row.livemode,
            "at": rfc3339(shown_at),
            "as_of": rfc3339(seen.basis.as_of),
            "version": seen.version,
            "policy": {**_policy_document(policy.hash, names), "announced": ahead},
            "evaluator_version": seen.evaluator_version,
            "reproduction": _reproduction_document(seen.reproduction),
            "risk": _risk_document(seen.basis.evaluation),
            "capabilities": [
                {**one.document, "orders": [order_document(order, operator) for order in one.orders]}
                for one in explained
            ],
        }


def _now(record: AccountRecord) -> datetime:
    """The account's own time."""
    now, last = whole_milliseconds(record.clock_now or record.database_now), record.row.last_as_of
    return max(now, last) if last is not None else now


def _is_erased(record: AccountRecord) -> bool:
    return record.row.data_key is None or record.row.digest_key is None


def _in_order(basis: Basis, names: list[str]) -> list[str]:
    """Capabilities in the policy's order: stored documents have none."""
    place = {name: number for number, name in enumerate(basis.policy.capabilities)}
    return sorted(names, key=place.__getitem__)


def _unrecorded(record: AccountRecord, draft: Draft) -> frozenset[str]:
    def ids(state: State) -> frozenset[str]:
        return frozenset(row.id for row in state.evidence) | frozenset(check.id for check in state.checks)

    return ids(draft.state) - ids(record.state)


def _policy_document(policy_hash: str, names: dict[str, tuple[str, str]]) -> Document:
    name, version = names.get(policy_hash, (None, None))
    return {"id": policy_id(policy_hash), "hash": policy_hash, "name": name, "version": version}


def _risk_document(evaluation: Mapping[str, Any]) -> Document | None:
    """The risk class, who or what set it, and the periodic review that is open or comes next."""
    risk = evaluation.get("risk")
    if risk is None:
        return None
    return {
        "class": risk["class"],
        "order": risk["order"],
        "review": {"number": risk["review"], "open": risk["review_open"], "due_at": risk["review_due_at"]},
    }


def _reproduction_document(found: Reproduction | None) -> Document | None:
    if found is None:
        return None
    differences = [{"path": one.path, "stored": one.stored, "now": one.now} for one in found.differences]
    return {"result": found.result.value, "differences": differences}


def _invalid(param: str, message: str) -> Refusal:
    return Refusal("parameter_invalid", message, param=param, type="invalid_request_error")
