"""Finding and claiming work: what a workflow run is told to do about an account, and what the sweep finds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from onboarding.backlog import HELD, Backlog
from onboarding.details import account_details, waiting_since
from onboarding.domain.errors import EngineFault
from onboarding.domain.evaluate import EVALUATOR_VERSION
from onboarding.domain.settle import Answer
from onboarding.domain.state import Check, MarkKind
from onboarding.door.door import Look, OlderThanRow
from onboarding.door.draft import Lease
from onboarding.door.owing import activation_claimed_until, claimed_until, needs_worker
from onboarding.door.view import SILENT_AFTER, SOON, OperatorView, parse_time
from onboarding.storage import book, destinations, idempotency, imports, links, tokens
from onboarding.storage.work import StuckRow, due_accounts, leftover_checks, retry_stuck, stuck_accounts
from onboarding.verifiers.port import Question, VerifierUnavailable

if TYPE_CHECKING:
    from onboarding.domain.activations import Activation
    from onboarding.door.door import Door
    from onboarding.door.draft import Draft
    from onboarding.files import Files
    from onboarding.storage.database import Database
    from onboarding.verifiers.registry import Verifiers

_log = structlog.stdlib.get_logger(__name__)

RUN_LEASE = timedelta(hours=25)
"""A run that lives looks daily, and renews its claim with it."""

RENEW_BELOW = timedelta(hours=20)
"""Renewed only then, so that the looks in between write nothing."""

DAILY = timedelta(hours=24)

START_WITHIN = timedelta(minutes=2)
"""A plan claims a check for its run, and for so long only; the check's own run takes the claim over in its first turn.
A worker that dies after the claim, before the server knows what to start, leaves a check that looks taken: the same run
plans again and is given it again, and when that run is gone too, so is the claim soon."""

ASKED_FOR = timedelta(hours=1)
"""A check that is opened so soon after what a platform or a user did is of their asking: one leads to another."""

MAX_PLANS = 4
"""A plan is repeated while its look opens checks that local verifiers answer at once; what is left then is swept."""

PURGED_AT_ONCE = 1000
PURGES = 10
"""Expired idempotency keys that one sweep deletes at most: 10,000 a minute, in short transactions."""

PER_PLATFORM = 50
"""Accounts of one platform that a sweep takes at a time, so that a large platform does not starve the others."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a workflow run is to do. Ids, codes and times only.

    Attributes:
        checks: claimed now: each is to be carried on by a workflow of its own.
        activations: the same, by capability.
        changed: those of them that were nobody's: a run that works on one all the same must look again.
        wake_in: when to look again, at most a day; None where nothing is to be waited for.
        done: the run may end if nobody nudged it meanwhile.
        details: Markdown for operators.
        since: since when it waits for whomever it waits for.
        open_checks: all that wait for an answer.
        again: another plan is to follow at once.
        reviews: given to the run now: each is to be shown by a workflow of its own.
        risk: the account's risk class; empty where its policy has none.
    """

    account_id: str
    stage: str
    checks: tuple[str, ...]
    wake_in: timedelta | None
    done: bool
    platform: str
    country: str
    waiting_for: str
    review_queue: str
    stuck: bool
    next_due: datetime | None
    details: str
    since: datetime | None = None
    open_checks: tuple[Check, ...] = ()
    again: bool = False
    activations: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    reviews: tuple[str, ...] = ()
    risk: str = ""


@dataclass(frozen=True, slots=True)
class ClaimWork:
    """Answer what local verifiers can, look, then claim the checks that a worker must carry on, and the run itself."""

    verifiers: Verifiers
    run_id: str
    backlog: Backlog
    cause: str = "work.claimed"

    def apply(self, draft: Draft) -> None:
        """Ask the local verifiers: they have everything in memory, so one transaction does for all their answers."""
        draft.is_shown = True
        for check in draft.state.checks:
            answer = self._local_answer(draft, check)
            if answer is not None:
                draft.answer(check, answer)

    def _local_answer(self, draft: Draft, check: Check) -> Answer | None:
        known = check.kind in draft.policy.checks
        if not needs_worker(check) or any(row.check_id == check.id for row in draft.attempts) or not known:
            return None
        if draft.current_digest(check.kind, check.subject) != check.digest:
            return None  # the look that follows supersedes it
        inputs = draft.inputs(check.kind, check.subject)
        question = Question(check.id, check.kind, check.subject, check.digest, inputs, draft.as_of)
        for verifier in self.verifiers.local_for(livemode=draft.livemode):
            try:
                answer = verifier.answer(question)
            except VerifierUnavailable:
                continue
            except Exception as error:  # noqa: BLE001 -- one verifier's mistake must not stop the account's other work
                _log.error("verifier_failed", verifier=verifier.name, error=type(error).__name__)
                continue
            if isinstance(answer, Answer):
                return answer
        return None

    def after_look(self, draft: Draft, view: OperatorView, wake_at: datetime | None) -> Plan:
        """Claim under the account's lock; what is claimed already by another living run is left to it."""
        record = draft.record
        if record is None:
            raise LookupError("a plan needs an account")
        now, row = draft.database_now, record.row
        owed = [check for check in draft.state.checks if needs_worker(check)]
        claimed, held = [], 0
        again = False
        for check in owed:
            if check.id not in record.checks and self._local_answer(draft, check) is not None:
                again = True  # this look opened it: the next plan answers it
                continue
            lease = claimed_until(record, check.id)
            is_free = lease is None or lease <= now
            if self._held_back(draft, check) if is_free else record.checks[check.id].held_for is not None:
                held += 1
            elif is_free or record.checks[check.id].lease_run == self.run_id:
                draft.leases[check.id] = Lease(now + START_WITHIN, self.run_id)
                claimed.append(check.id)
        told = [one for one in draft.activations.values() if one.is_owed]
        unsettled = view.is_worked_on(row.silent_at, draft.as_of)
        on_clock = record.clock_now is not None
        wake_in = None if wake_at is None or on_clock else max(wake_at - now, timedelta())
        soon = wake_in is not None and wake_in <= SOON
        done = len(owed) == held and not told and not unsettled and not soon
        self._claim_run(draft, done=done)
        changed, again_told = self._claim_activations(draft, told)
        return Plan(
            account_id=draft.account_id,
            stage=view.stage,
            checks=tuple(claimed),
            wake_in=None if done else min(wake_in or DAILY, DAILY),
            done=done,
            platform=draft.platform_id,
            country=draft.state.shape.attributes.get("country", ""),
            waiting_for=view.waiting_for,
            review_queue=next((review.queue for review in record.reviews), "") if view.in_review else "",
            stuck=any(one.is_refused for one in told),
            next_due=parse_time(view.next_due),
            details=account_details(draft, view, wake_at, self.verifiers),
            since=waiting_since(draft, view),
            open_checks=tuple(check for check in draft.state.checks if check.state.is_open),
            again=again,
            activations=(*changed, *again_told),
            changed=changed,
            reviews=_give_reviews(draft),
            risk=view.risk,
        )

    def _held_back(self, draft: Draft, check: Check) -> bool:
        """Hold a check that nobody waits for, if its verifier has too much in hand; else count it as given away."""
        asked = self.verifiers.outward_for(check.kind, livemode=draft.livemode)
        if not asked or any(row.check_id == check.id for row in draft.attempts):
            return False
        verifier = asked[0].name
        if self.backlog.is_full(verifier) and _is_dormant(draft, check):
            draft.leases[check.id] = Lease(draft.database_now + HELD, held_for=verifier)
            self.backlog.hold(verifier)
            return True
        self.backlog.take(verifier)
        return False

    def _claim_activations(self, draft: Draft, told: list[Activation]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Capabilities that nobody worked on, and those that this run has claimed before; both are its own now."""
        changed: list[str] = []
        again: list[str] = []
        now, epoch = draft.database_now, draft.record.book_epoch if draft.record is not None else 0
        for one in told:
            until = activation_claimed_until(one, draft.record)
            is_free = until is None or until <= now
            if is_free or one.lease_run == self.run_id:
                (changed if is_free else again).append(one.capability)
                lease = now + START_WITHIN
                draft.put_activation(replace(one, lease_until=lease, lease_epoch=epoch, lease_run=self.run_id))
        return tuple(changed), tuple(again)

    @staticmethod
    def _claim_run(draft: Draft, *, done: bool) -> None:
        record = draft.record
        if record is None:
            return
        now, row = draft.database_now, record.row
        if done:
            if row.run_lease_until is not None:
                draft.row_changes["run_lease_until"] = None
            return
        held = row.run_lease_until is not None and row.run_epoch == record.book_epoch
        if not held or row.run_lease_until is None or row.run_lease_until - now < RENEW_BELOW:
            draft.row_changes |= {"run_lease_until": now + RUN_LEASE, "run_epoch": record.book_epoch}


def _is_dormant(draft: Draft, check: Check) -> bool:
    """Whether a check is none of an onboarding, nor of what the platform or the user has just done."""
    if draft.silent_at is None or not any(mark.kind is MarkKind.FIRST_ACTIVE for mark in draft.state.marks):
        return False
    return draft.silent_at - SILENT_AFTER + ASKED_FOR < check.opened_at


def _give_reviews(draft: Draft) -> tuple[str, ...]:
    """Reviews without a run, for this one to start theirs; they are found again where none of them ever looks."""
    now = draft.database_now
    rows = draft.record.reviews if draft.record is not None else ()
    due = [row for row in rows if row.look_at is not None and row.look_at <= now]
    for row in due:
        draft.move_review(row, look_at=now + START_WITHIN)
    draft.new_reviews[:] = [replace(row, look_at=now + START_WITHIN) for row in draft.new_reviews]
    return tuple(row.id for row in (*due, *draft.new_reviews))


class Work:
    """What workers ask the engine."""

    def __init__(
        self,
        database: Database,
        door: Door,
        verifiers: Verifiers,
        files: Files,
        backlog: Backlog | None = None,
    ) -> None:
        self._database = database
        self._door = door
        self._verifiers = verifiers
        self._files = files
        self.backlog = backlog or Backlog(database, verifiers)

    async def plan(self, account_id: str, run_id: str) -> Plan:
        """Look at an account and claim what is owed for a run.

        Safe to repeat: the same run is given again what it claimed and nobody works on yet, another run is not.

        Raises:
            Refusal: ``not_found`` for an unknown account.
        """
        await self.backlog.refresh()
        change = ClaimWork(self._verifiers, run_id, self.backlog)
        plan: Plan = await self._door.revise(account_id, change)
        for _ in range(MAX_PLANS - 1):
            if not plan.again:
                break
            # To the second plan, what the first one claimed is the run's own already.
            changed = plan.changed
            plan = await self._door.revise(account_id, change)
            plan = replace(plan, changed=tuple(sorted({*changed, *plan.changed} & {*plan.activations})))
        return plan

    async def sweep(self, limit: int) -> list[str]:
        """Accounts that somebody must look at; each is offered again later if nobody does.

        Before that, checks that were held back are let go as far as their verifiers have room.
        """
        await self.backlog.release()
        async with self._database.reading() as r:
            return await due_accounts(r, limit=limit, per_platform=PER_PLATFORM)

    async def meet_temporal(self, namespace_id: str) -> bool:
        """Note which Temporal storage belongs to this book; True if it is a new one, which voids every claim.

        A worker does this at its start, so accounts that an older engine could not decide are tried again too.
        """
        # One transaction: an epoch that was raised without the looks that it owes would never be noticed again.
        async with self._database.transaction() as tx:
            await retry_stuck(tx, engine=EVALUATOR_VERSION)
            before = await book.get(tx)
            after = await book.meet_namespace(tx, namespace_id)
            if after.book_epoch == before.book_epoch:
                return False
            await book.void_claims(tx)
        return True

    async def stuck(self, code: str | None, limit: int) -> list[StuckRow]:
        """Accounts that the engine could not decide about, with this code or with any; the longest ones first."""
        async with self._database.reading() as r:
            return await stuck_accounts(r, code=code, limit=limit)

    async def retry(self, account_id: str) -> str | None:
        """Try to decide about an account now; the code of why this engine can't either, None if it can.

        Raises:
            Refusal: ``not_found`` for an unknown account; ``account_rate_limit_exceeded``.
        """
        try:
            await self._door.revise(account_id, Look())
        except EngineFault as fault:
            return fault.code
        except OlderThanRow:
            return "engine_older"
        return None

    async def leftovers(self, limit: int) -> list[tuple[str, str]]:
        """Accounts and checks that ended while a verifier worked on them, and of which it was not told."""
        async with self._database.reading() as r:
            return await leftover_checks(r, limit=limit)

    async def swept(self) -> None:
        """Note that a sweep ended, and delete what nobody needs any more, some at a time and not all of a flood."""
        async with self._database.transaction() as tx:
            await book.set_last_sweep(tx)
            await destinations.purge_deliveries(tx)
            await links.purge(tx)
            await tokens.purge(tx)
        async with self._database.transaction() as tx:
            await imports.purge(tx)
        for _ in range(PURGES):
            async with self._database.transaction() as tx:
                purged = await idempotency.purge(tx, limit=PURGED_AT_ONCE)
            if purged < PURGED_AT_ONCE:
                break
        await self._files.purge()
