"""Three years of accounts, told by date: what stands, what is asked, until when, and what the platform was told.

Everything begins at a midnight, so that each thing is there at 00:00 and not at 23:59:59.999 of the day before.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from onboarding.catalogue.loader import builtin_bytes, compile_policy, policy_bytes
from onboarding.catalogue.texts import Locale
from onboarding.clocks import Clocks
from onboarding.documents import rfc3339
from onboarding.domain.errors import Refusal
from onboarding.domain.policy import Announced, Policies, Policy
from onboarding.domain.settle import Answer, Later
from onboarding.domain.state import OrderKind, Outcome
from onboarding.door.draft import Draft
from onboarding.door.reviews import Decision
from onboarding.engine import Engine, open_engine
from onboarding.people import Audience
from onboarding.settings import Settings
from onboarding.storage import policies as policy_rows
from onboarding.verifiers import sandbox
from onboarding.verifiers.port import Question
from onboarding.verifiers.registry import Verifiers
from tests.stories.telling import (
    ACTIVE,
    CARD,
    DAY,
    PAST_DUE,
    SECOND,
    START,
    TRANSFERS,
    VERIFYING,
    Life,
    entries,
    individual,
    statuses,
)
from tests.support import samples

MOMENT = timedelta(milliseconds=1)
"""The smallest step of an account's time."""
MIDNIGHT = START.replace(hour=0) + 2 * DAY
BEGINS = MIDNIGHT - 5 * SECOND
"""The sandbox takes five seconds to look at a passport: the accounts are active at midnight."""

EMAIL = "identity.individual.email"
PASSPORT = "identity.individual.documents.primary_verification"
WORKERS = "identity.business_details.estimated_worker_count"
HELD = "restricted/restricted_other"
SHOWN = {"front_back": {"front": "file_identity_document_success"}, "type": "front_back"}
SHOWS_PASSPORT: Any = {"identity": {"individual": {"documents": {"primary_verification": SHOWN}}}}
CONFIRMS: Any = {"identity": {"individual": {"email": samples.RECIPIENT_DETAILS["identity"]["individual"]["email"]}}}

RISK: Any = {
    "high": {
        "rank": 1, "source": "a story", "when": {"volume": {"currency": "usd", "amount": 10**9}},
        "every_days": 100, "grace_days": 10, "checks": ["screening"], "asks": ["account_review"],
    },
    "low": {
        "rank": 2, "source": "a story", "every_days": 365, "grace_days": 30,
        "confirms": {"person": {"of": "individual", "fields": ["email"]}}, "checks": ["screening"],
    },
}  # fmt: skip
PASSPORT_RULE: Any = {
    "name": "stories.passport",
    "source": "a story",
    "of": "individual",
    "when": {"country": ["US"], "entity_type": ["individual"]},
    "needs": [
        "documents.primary_verification",
        {
            "check": "identity_document",
            "pending": ["documents.primary_verification"],
            "remedies": {"*": {"raises": ["documents.primary_verification"]}},
        },
    ],
    "restricts": [{"capabilities": ["all"], "falls": "at_request", "grace_days": 30}],
}
WORKERS_RULE: Any = {
    "name": "stories.workers",
    "source": "a story",
    "of": "account",
    "when": {"country": ["US"]},
    "needs": [WORKERS],
    "restricts": [{"capabilities": ["merchant"], "falls": "at_request", "grace_days": 20}],
}


def policy(version: int, *rules: Any) -> tuple[Policy, bytes]:
    document = json.loads(builtin_bytes())["document"]
    document["risk"] = RISK
    document["checks"]["identity_document"] |= {"lasts_days": 400, "ask_again": True}
    document["rules"] += [PASSPORT_RULE, *rules]
    packed = policy_bytes("three years", version, document)
    return compile_policy(packed), packed


@dataclass
class Lists:
    """The sandbox with lists: a hit on whoever is on them, which a person decides."""

    listed: set[str] = field(default_factory=set)
    real: sandbox.SandboxVerifier = field(default_factory=sandbox.SandboxVerifier)
    name: str = "sandbox"
    version: str = "1"

    def answer(self, question: Question) -> Answer | Later | None:
        if question.kind != "screening" or question.inputs["surname"].casefold() not in self.listed:
            return self.real.answer(question)
        return Answer(Outcome.INCONCLUSIVE, ("screening_hit",), "lists", "1", question.as_of)


@dataclass(frozen=True)
class Wave:
    """What a wave of a roll-out does to an account on a clock."""

    policy: Policy
    transition_at: datetime
    cause: str = "policy.announced"

    def apply(self, draft: Draft) -> None:
        draft.policies = Policies(draft.policy, Announced(self.policy, self.transition_at))


@dataclass
class Told:
    """A life told by days since the midnight of the first activation."""

    life: Life
    lists: Lists

    async def day(self, number: int, before: timedelta = timedelta()) -> dict[str, Any]:
        """The account at 00:00 of a day, or so long before it."""
        await self.life.comes(MIDNIGHT + number * DAY - before - BEGINS)
        return await self.life.account()

    async def eve(self, number: int) -> dict[str, Any]:
        """At 23:59:59.999 of the day before."""
        return await self.day(number, MOMENT)

    async def list_adds(self, surname: str) -> None:
        """A list adds a name, and who has it is asked about again."""
        self.lists.listed.add(surname.casefold())
        await self.orders(OrderKind.RECHECK, "list_changed", target="screening")

    async def orders(self, kind: OrderKind, reason: str, **parts: Any) -> Any:
        caller = await self.life.engine.orders.operator(self.life.id, "ann")
        return await self.life.engine.orders.place(caller, self.life.id, None, kind=kind, reason=reason, **parts)

    async def decides(self, decision: str, *reasons: str) -> None:
        """A person decides the one review that is open."""
        found = (await self.life.engine.reader.reviews(self.life.caller, account_id=self.life.id)).data
        [open_one] = [one for one in found if one["status"] == "open"]
        await self.life.engine.reviews.decide(self.life.caller, open_one["id"], Decision(decision), reasons, None)

    async def story(self, capability: str) -> list[tuple[str, float]]:
        """What the platform was told of a capability, with the day."""
        found = []
        for event in await self.life.events():
            if event["type"].endswith("capability_status_updated"):
                after = statuses({"configuration": event["changes"]["after"]["configuration"]})
                if capability.endswith(event["data"]["updated_capability"]) and capability in after:
                    at = datetime.fromisoformat(event["effective_at"])
                    found.append((after[capability], (at - MIDNIGHT) / DAY))
        return found

    async def asked_on(self, entry: str) -> list[float]:
        """The days of the events since which an entry stood among the requirements."""
        days, stood = [], False
        for event in await self.life.events():
            if event["type"] == "v2.core.account[requirements].updated":
                now = entry in entries({"requirements": event["changes"]["after"]["requirements"]})
                if now and not stood:
                    days.append((datetime.fromisoformat(event["effective_at"]) - MIDNIGHT) / DAY)
                stood = now
        return days


def deadline(document: dict[str, Any]) -> float | None:
    """The day of the next deadline."""
    time = document["requirements"]["summary"]["minimum_deadline"]["time"]
    return (datetime.fromisoformat(time) - MIDNIGHT) / DAY if time else None


@pytest.fixture
async def lists() -> Lists:
    return Lists()


@pytest.fixture
async def reviewing(settings: Settings, lists: Lists) -> AsyncIterator[Engine]:
    first, packed = policy(1)
    verifiers = Verifiers(sandbox=lists, exempt=sandbox.is_test_value, bank_tokens=sandbox.BANK_TOKENS)
    opened = await open_engine(settings, verifiers=verifiers, policy=first, policy_bytes=packed)
    yield opened
    await opened.close()


@pytest.fixture
async def told(reviewing: Engine, lists: Lists) -> Told:
    return await begun(reviewing, lists)


async def begun(engine: Engine, lists: Lists) -> Told:
    made = Told(await Life.begin(engine, start=BEGINS), lists)
    await made.life.put(individual(documents={"primary_verification": SHOWN}))
    await made.life.pays_into()
    assert statuses(await made.eve(0))[CARD] == VERIFYING
    assert statuses(await made.day(0))[CARD] == ACTIVE
    return made


async def test_a_review_is_completed_a_passport_expires_and_a_review_is_missed(told: Told) -> None:
    life = told.life
    assert entries(await told.eve(365)) == {}
    document = await told.day(365)
    assert entries(document) == {EMAIL: "currently_due"}
    assert (deadline(document), statuses(document)[CARD]) == (395, ACTIVE)
    assert [check["outcome"] for check in await life.checks("screening")] == ["passed", "passed"]
    await told.day(380)
    assert entries(await life.put(CONFIRMS)) == {}

    # The passport: valid for 400 days from the answer, 30 days of grace, and a new one ten days late.
    assert entries(await told.eve(400)) == {}
    document = await told.day(400)
    assert (entries(document), deadline(document)) == ({PASSPORT: "currently_due"}, 430)
    assert statuses(await told.eve(430))[CARD] == ACTIVE
    document = await told.day(430)
    assert (statuses(document)[CARD], entries(document)) == (PAST_DUE, {PASSPORT: "past_due"})
    await told.day(440, 5 * SECOND)
    assert statuses(await life.put(SHOWS_PASSPORT))[CARD] == VERIFYING
    assert statuses(await told.day(440))[CARD] == ACTIVE

    # The second review is counted from the end of the first one. It is missed.
    assert entries(await told.eve(745)) == {}
    document = await told.day(745)
    assert (entries(document), deadline(document)) == ({EMAIL: "currently_due"}, 775)
    assert statuses(await told.eve(775))[CARD] == ACTIVE
    assert statuses(await told.day(775))[CARD] == PAST_DUE
    await told.day(800)
    assert statuses(await life.put(CONFIRMS))[CARD] == ACTIVE

    # The second passport was shown on day 440, and expires in its own cycle.
    assert entries(await told.eve(840)) == {}
    assert deadline(await told.day(840)) == 870
    await told.day(850, 5 * SECOND)
    await life.put(SHOWS_PASSPORT)
    document = await told.day(3 * 365)
    assert (entries(document), statuses(document)[CARD]) == ({}, ACTIVE)

    assert await told.story(CARD) == [
        (VERIFYING, -5 * SECOND / DAY),
        (ACTIVE, 0),
        (PAST_DUE, 430),
        (VERIFYING, 440 - 5 * SECOND / DAY),
        (ACTIVE, 440),
        (PAST_DUE, 775),
        (ACTIVE, 800),
    ]
    assert await told.asked_on(EMAIL) == [365, 745]
    reviewed = await life.rows(
        "SELECT kind, key, at FROM marks WHERE account_id = $1 AND kind LIKE 'review%' ORDER BY at", life.id
    )
    assert [(row["kind"], row["key"], (row["at"] - MIDNIGHT) / DAY) for row in reviewed] == [
        ("review_due", "1", 365), ("review_done", "1", 380), ("review_due", "2", 745), ("review_done", "2", 800),
    ]  # fmt: skip
    assert (await life.row())["wake_at"] == MIDNIGHT + (800 + 365) * DAY


async def test_it_is_the_same_life_if_nobody_looks_on_the_way(reviewing: Engine, lists: Lists) -> None:
    often, once = await begun(reviewing, lists), await begun(reviewing, lists)
    for month in range(1, 27):
        await often.day(30 * month)
    await once.day(780)

    assert await often.story(CARD) == await once.story(CARD)
    assert await often.story(CARD) == [(VERIFYING, -5 * SECOND / DAY), (ACTIVE, 0), (PAST_DUE, 395)]
    assert await often.asked_on(EMAIL) == await once.asked_on(EMAIL) == [365]
    assert await often.life.marks() == await once.life.marks()
    assert entries(await often.life.account()) == entries(await once.life.account())


async def test_a_list_adds_a_name_and_a_person_decides(told: Told) -> None:
    life = told.life
    await told.day(500, 5 * SECOND)
    await life.put(CONFIRMS)
    await life.put(SHOWS_PASSPORT)
    document = await told.day(600)
    assert (entries(document), statuses(document)[CARD]) == ({}, ACTIVE)

    surname = samples.RECIPIENT_DETAILS["identity"]["individual"]["surname"]
    await told.list_adds(surname)
    document = await life.account()
    assert (entries(document), statuses(document)[CARD]) == ({}, ACTIVE)  # what stood stands until it is decided
    await told.day(602)
    await told.decides("failed")
    document = await life.account()
    assert (entries(document), set(statuses(document).values())) == ({}, {HELD})  # and nobody is told why

    await told.day(610)
    told.lists.listed.clear()
    await told.orders(OrderKind.RECHECK, "list_changed", target="screening")
    assert statuses(await life.account())[CARD] == ACTIVE
    assert (await told.story(CARD))[-2:] == [(HELD, 602), (ACTIVE, 610)]


async def test_a_policy_comes_in_waves(reviewing: Engine, lists: Lists) -> None:
    second, packed = policy(2, WORKERS_RULE)
    async with reviewing.database.reading() as r:
        await policy_rows.seed(r, policy_hash=second.hash, name=second.name, version="2", document=packed)
    early, late = await begun(reviewing, lists), await begun(reviewing, lists)
    for wave, announced, transition in ((early, 100, 130), (late, 140, 170)):
        await wave.day(announced)
        await reviewing.door.revise(wave.life.id, Wave(second, MIDNIGHT + transition * DAY))

        document = await wave.eve(transition)
        assert [one["description"] for one in document["future_requirements"]["entries"]] == [WORKERS]
        assert document["future_requirements"]["minimum_transition_date"] == rfc3339(MIDNIGHT + transition * DAY)
        assert entries(document) == {}

        document = await wave.day(transition)
        assert document["future_requirements"]["entries"] == []
        assert (entries(document), deadline(document)) == ({WORKERS: "currently_due"}, transition + 20)
        assert statuses(await wave.eve(transition + 20))[CARD] == ACTIVE
        document = await wave.day(transition + 20)
        assert (statuses(document)[CARD], statuses(document)[TRANSFERS]) == (PAST_DUE, ACTIVE)
        await wave.day(transition + 25)
        assert statuses(await wave.life.supply(identity__business_details__estimated_worker_count=5))[CARD] == ACTIVE
        assert (await wave.story(CARD))[-2:] == [(PAST_DUE, transition + 20), (ACTIVE, transition + 25)]

        # The review is counted from the first activation, whatever the policy is by then.
        assert entries(await wave.eve(365)) == {}
        assert entries(await wave.day(365)) == {EMAIL: "currently_due"}


async def test_an_operator_sets_the_class_and_a_person_ends_the_review(told: Told) -> None:
    life = told.life
    await told.day(50)
    with pytest.raises(Refusal) as refused:
        await told.orders(OrderKind.SET_RISK_CLASS, "adverse_media", target="middling")
    assert (refused.value.code, refused.value.param) == ("parameter_invalid", "target")
    assert "high, low" in refused.value.message
    placed = await told.orders(OrderKind.SET_RISK_CLASS, "adverse_media", target="high")

    plan = await life.plan()
    assert plan.risk == "high"
    assert f"- next periodic review: {MIDNIGHT + 100 * DAY:%Y-%m-%d} 00:00:00 UTC" in plan.details
    document = await told.day(100)
    assert (entries(document), statuses(document)[CARD]) == ({}, ACTIVE)  # nothing is asked of the user
    assert (await explained(life))["risk"] == {
        "class": "high",
        "order": placed["id"],
        "review": {"number": 1, "open": True, "due_at": rfc3339(MIDNIGHT + 100 * DAY)},
    }
    [awaited] = [node for node in await nodes(life, "eventually_due") if node["rule"] == "risk.high.checks"]
    assert (awaited["need"], awaited["cause"]) == ({"type": "check", "kind": "account_review"}, "pending")
    assert {"type": "periodic_review", "holds": True, "class": "high"} in awaited["because"]

    await told.day(104)
    await told.decides("failed")
    assert (deadline_of(await nodes(life, "at_risk")), statuses(await told.eve(114))[CARD]) == ({114}, ACTIVE)
    assert statuses(await told.day(114))[CARD] == HELD

    # Undone: the review is that of the milder class, which asks the user and nobody else.
    await life.engine.orders.undo(await life.engine.orders.operator(life.id, "ann"), life.id, placed["id"], None)
    document = await life.account()
    assert (statuses(document)[CARD], entries(document), deadline(document)) == (ACTIVE, {EMAIL: "currently_due"}, 144)
    await life.put(CONFIRMS)
    assert (await explained(life))["risk"]["review"] == {
        "number": 2, "open": False, "due_at": rfc3339(MIDNIGHT + (114 + 365) * DAY),
    }  # fmt: skip

    told_of = [change["text"] for moment in await moments(life) for change in moment["changes"]]
    assert [text for text in told_of if "review" in text.partition(" ")[2] and "periodic" in text] == [
        "The periodic review came due", "The periodic review was completed",
    ]  # fmt: skip
    assert [text for text in told_of if text.startswith("Its risk class")] == [
        "Its risk class is low", "Its risk class is high", "Its risk class is low",
    ]  # fmt: skip


async def test_what_is_to_be_confirmed_is_said_so_in_words(told: Told) -> None:
    await told.day(365)
    said: dict[Locale, str] = {"en": "still right", "de": "noch stimmt", "fr": "toujours exacte", "es": "correcto"}
    for locale, words in said.items():
        page = await told.life.engine.people.requirements(told.life.caller, told.life.id, locale, Audience.END_USER)
        [item] = [item for group in page["groups"] for item in group["items"]]
        assert item["requirements"] == [EMAIL]
        assert [one["code"] for one in item["problems"]] == ["confirmation_needed"]
        assert words in item["problems"][0]["text"]
        assert item["due"] == rfc3339(MIDNIGHT + 395 * DAY)


async def test_four_hundred_days_are_a_few_looks(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """A review that comes due, its deadline, a reminder, and a passport: nothing else happens, so nobody looks."""
    looks = []
    look = Clocks._look

    async def counted(clocks: Clocks, account_id: str, until: float = 0.0) -> bool:
        looks.append((await told.life.row())["wake_at"])
        return await look(clocks, account_id, until)

    monkeypatch.setattr(Clocks, "_look", counted)
    await told.day(401)
    assert [(at - MIDNIGHT) / DAY for at in looks] == [365, 395, 398, 400]

    with pytest.raises(Refusal) as refused:
        await told.day(401, MOMENT)
    assert (refused.value.code, refused.value.param) == ("parameter_invalid", "frozen_time")
    assert len(looks) == 4


async def explained(life: Life) -> dict[str, Any]:
    return await life.engine.explanations.explain(life.caller, life.id)


async def nodes(life: Life, sort: str) -> list[dict[str, Any]]:
    """What the explanation says of card payments."""
    found = (await life.engine.explanations.explain(life.caller, life.id, capability=CARD))["capabilities"]
    return list(found[0][sort])


def deadline_of(found: list[dict[str, Any]]) -> set[float]:
    return {(datetime.fromisoformat(node["deadline"]) - MIDNIGHT) / DAY for node in found}


async def moments(life: Life) -> list[dict[str, Any]]:
    """The timeline, oldest first."""
    return (await life.engine.timeline.read(life.caller, life.id, limit=100)).data[::-1]
