"""Accounts with random histories on a real engine, for whoever decides them again afterwards."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from onboarding.domain.errors import Refusal
from onboarding.domain.settle import Answer, Later
from onboarding.domain.state import Check, CheckState, Order, OrderKind, Outcome
from onboarding.door.draft import Draft
from onboarding.engine import Engine, open_engine
from onboarding.ids import new_id
from onboarding.settings import Settings
from onboarding.storage import policies, tables
from onboarding.verifiers import sandbox
from onboarding.verifiers.port import Question
from onboarding.verifiers.registry import Verifiers
from tests.stories.telling import CARD, DAY, HOUR, SECOND, Life, company, individual, new_caller, person, test_policy
from tests.stories.test_time_paths import SCRIPT
from tests.support import samples

AT_ONCE = 8
KINDS = ("keyed_identity", "screening", "address_match", "tax_id_match")
YEARLY = {"currency": "usd", "amount": 100_000, "period": "year"}
CODES = ("verification_failed_address_match", "verification_failed_other")
SUMMER = timezone(timedelta(hours=2))
HIT = {"day": 1, "month": 1, "year": 1900}

FIRST, FIRST_BYTES = test_policy(
    61,
    {
        "name": "lives.worker_count",
        "source": "test",
        "of": "account",
        "when": {"country": ["US"], "volume": YEARLY},
        "needs": ["identity.business_details.estimated_worker_count"],
        "restricts": [{"capabilities": ["all"], "falls": "eventually", "at_volume": YEARLY, "volume_grace_days": 10}],
    },
    screening={"inputs": [{"set": "name"}, {"set": "birth_date"}], "requires": [{"set": "name"}],
               "report_within_hours": 24, "sanctionable": True, "lasts_days": 30},
)  # fmt: skip
"""What binds accounts: the package's policy with evidence that expires, and a rule that counts from a volume on."""

SECOND_POLICY, SECOND_BYTES = test_policy(
    62,
    {
        "name": "lives.product",
        "source": "test",
        "of": "account",
        "when": {"country": ["US"]},
        "needs": ["defaults.profile.product_description"],
        "restricts": [{"capabilities": ["all"], "falls": "at_request", "grace_days": 5}],
    },
)
"""What is announced to some of them, and is current in the end."""


@dataclass(frozen=True)
class Ordered:
    """Somebody places an order, as it is written by whoever may."""

    kind: OrderKind
    reason: str
    capability: str | None = None
    lasts: timedelta | None = None
    target: str | None = None
    cause = "order.placed"

    def apply(self, draft: Draft) -> None:
        ends_at = draft.as_of + self.lasts if self.lasts is not None else None
        order = Order(
            new_id("ord_"), self.kind, self.reason, "ops", draft.as_of, ends_at, self.capability, self.target
        )  # fmt: skip
        draft.state = replace(draft.state, orders=(*draft.state.orders, order))
        draft.batch.insert(
            tables.Order,
            id=order.id, account_id=draft.account_id, kind=order.kind.value, reason=order.reason, actor=order.actor,
            starts_at=order.starts_at, ends_at=ends_at, capability=order.capability, target=order.target,
        )  # fmt: skip


@dataclass(frozen=True)
class Undone:
    """All orders are undone."""

    cause = "order.undone"

    def apply(self, draft: Draft) -> None:
        for order in draft.state.orders:
            draft.batch.update(tables.Order, {"id": order.id}, undone_at=draft.as_of, undone_by="ops")
        draft.state = replace(draft.state, orders=())


@dataclass(frozen=True)
class TurnedOver:
    """The account's turnover of a year is known anew."""

    amount: int
    cause = "activity.reported"

    def apply(self, draft: Draft) -> None:
        activity = {**draft.state.shape.activity, ("usd", "year", str(draft.as_of.year)): self.amount}
        draft.state = replace(draft.state, shape=replace(draft.state.shape, activity=activity))


@dataclass(frozen=True)
class Heard:
    """A verifier answers an open check, by its own clock and in its own time zone."""

    outcome: Outcome
    ago: timedelta
    cause = "check.attempt_heard"

    def apply(self, draft: Draft) -> None:
        for check in draft.state.checks[:1]:
            reasons = () if self.outcome is Outcome.PASSED else (CODES[0],)
            draft.answer(
                check, Answer(self.outcome, reasons, "vendor", "3", (draft.as_of - self.ago).astimezone(SUMMER))
            )


@dataclass(frozen=True)
class Contradicted:
    """A late report says the contrary of what concluded a check."""

    cause = "check.late_report"

    def apply(self, draft: Draft) -> None:
        known = next((row for row in draft.state.evidence if row.outcome.is_decisive and not row.contested), None)
        if known is not None and not any(review.check_id == known.check_id for review in self._reviews(draft)):
            check = Check(known.check_id, known.kind, known.subject, known.digest, CheckState.CONCLUDED, draft.as_of)
            said = Outcome.FAILED if known.outcome is Outcome.PASSED else Outcome.PASSED
            reasons = (CODES[1],) if said is Outcome.FAILED else ()
            answer = Answer(said, reasons, "vendor", "3", draft.as_of)
            draft.answer(check, answer, attempt=len(draft.state.evidence) + 1, contested=True)

    @staticmethod
    def _reviews(draft: Draft) -> Any:
        return draft.record.reviews if draft.record is not None else ()


Act = Callable[[Life, random.Random], Awaitable[Any]]


def _revised(change: Callable[[random.Random], Any]) -> Act:
    return lambda life, chance: life.engine.door.revise(life.id, change(chance))


async def _announced(life: Life, chance: random.Random) -> None:
    """Another policy is announced, as a roll-out will write it; the next look knows it."""
    row = await life.row()
    at = (row["last_as_of"] or life.start) + chance.choice((SECOND, 3 * DAY, 40 * DAY))
    await life.rows(
        "UPDATE accounts SET announced_hash = $2, transition_at = $3 WHERE id = $1 AND policy_hash <> $2",
        life.id, SECOND_POLICY.hash, at,
    )  # fmt: skip
    await life.look()


ACTS: list[Act] = [
    *((lambda life, _, act=act: act(life)) for _, act in SCRIPT),
    lambda life, _: life.put(individual()),
    lambda life, _: life.put(individual(date_of_birth=HIT)),
    lambda life, _: life.put(company()),
    lambda life, _: life.add("rep", samples.REPRESENTATIVE),
    lambda life, _: life.add("rep", person(date_of_birth=HIT, relationship={"representative": True})),
    lambda life, _: life.pays_into(),
    lambda life, _: life.supply(configuration__merchant__mcc=None),
    lambda life, _: life.supply(identity__business_details__estimated_worker_count=3),
    lambda life, _: life.engine.accounts.close(life.caller, life.id, None, None),
    *[_revised(lambda chance: TurnedOver(chance.choice((100, 100_000, 1_000))))] * 3,
    *[_revised(lambda chance: Heard(chance.choice(tuple(Outcome)), chance.choice((SECOND, DAY))))] * 4,
    *[_revised(lambda _: Contradicted())] * 2,
    _revised(lambda chance: Ordered(OrderKind.HOLD, "legal_hold", CARD, chance.choice((None, 10 * DAY)))),
    _revised(lambda chance: Ordered(OrderKind.REJECT, chance.choice(("listed", "other", "fraud")))),
    _revised(lambda chance: Ordered(OrderKind.RECHECK, "other", target=chance.choice(KINDS))),
    *[_revised(lambda _: Undone())] * 2,
    *[_announced] * 2,
]
"""What may happen to an account, in any order."""


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Engine]:
    """An engine whose sandbox leaves some questions to others now and then; the second policy is published too."""
    verifier = sandbox.SandboxVerifier()

    class SomeSandbox:
        name, version = verifier.name, verifier.version

        def answer(self, question: Question) -> Answer | Later | None:
            is_left = question.kind in KINDS and int(question.digest[:2], 16) % 3 == 0
            return None if is_left else verifier.answer(question)

    verifiers = Verifiers(sandbox=SomeSandbox(), exempt=sandbox.is_test_value, bank_tokens=sandbox.BANK_TOKENS)
    engine = await open_engine(settings, verifiers=verifiers, policy=FIRST, policy_bytes=FIRST_BYTES, name="lives")
    try:
        async with engine.database.reading() as r:
            version = f"{SECOND_POLICY.version}+{SECOND_POLICY.hash[:12]}"
            await policies.seed(
                r, policy_hash=SECOND_POLICY.hash, name=SECOND_POLICY.name, version=version, document=SECOND_BYTES
            )  # fmt: skip
        yield engine
    finally:
        await engine.close()


async def random_life(engine: Engine, seed: int) -> Life:
    """One account; what the contract refuses has not happened."""
    chance = random.Random(seed)  # noqa: S311 -- the same lives each time
    caller = await new_caller(engine)
    life = await Life.begin(engine, caller) if seed % 4 else await Life.now(engine, individual(), caller)
    if life.clock_id:
        first = chance.choice((individual(), company()))
        await life.put(first)
    distance = timedelta()
    for _ in range(chance.randrange(3, 12)):
        if life.clock_id and chance.random() < 0.5:
            distance += chance.choice((SECOND, 6 * SECOND, HOUR, DAY, 20 * DAY, 45 * DAY))
            await life.passes(distance)
            await life.look()
        with suppress(Refusal, KeyError):  # a person who is not there, or not any more
            await chance.choice(ACTS)(life, chance)
    return life


async def random_lives(engine: Engine, count: int) -> list[Life]:
    """So many accounts, some at a time."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def live(seed: int) -> Life:
        async with turns:
            return await random_life(engine, seed)

    return list(await asyncio.gather(*(live(seed) for seed in range(count))))


def changed_evaluator(original: Callable[..., Any]) -> Callable[..., Any]:
    """An evaluator that looks at everything a day later than the one it is made of."""

    def changed(bound: Any, state: Any, as_of: datetime) -> Any:
        evaluation = original(bound, state, as_of)
        wake_at = (evaluation.wake_at or as_of) + DAY
        return replace(evaluation, wake_at=wake_at)

    return changed
