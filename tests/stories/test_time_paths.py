"""The same life, however often somebody looked: hour by hour, in jumps, or with nobody at work for 25 days."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from onboarding.engine import Engine, open_engine
from onboarding.settings import Settings
from tests.stories import telling
from tests.stories.telling import CARD, DAY, HOUR, SECOND, START, Life, lived
from tests.support import samples

END = 60 * DAY
DOWN = (20 * DAY, 45 * DAY)

EIN = "identity__business_details__id_numbers"
DOCUMENT = "documents__primary_verification"

Act = Callable[[Life], Awaitable[Any]]


def put(**leaves: Any) -> Act:
    return lambda life: life.supply(**leaves)


def person(name: str, **leaves: Any) -> Act:
    return lambda life: life.change(name, samples.patched({}, **leaves))


def document(token: str) -> dict[str, Any]:
    return {"front_back": {"front": f"file_identity_document_{token}"}, "type": "front_back"}


def ein(value: str) -> list[dict[str, str]]:
    return [{"type": "us_ein", "value": value}]


ACCEPTED_AGAIN = {"date": "2026-04-01T09:00:00Z", "ip": "203.0.113.9", "user_agent": "Mozilla/5.0"}
TERMS = "identity__attestations__terms_of_service__account"

REPRESENTATIVE = telling.person(
    date_of_birth={"day": 1, "month": 1, "year": 1901},
    id_numbers=[{"type": "us_ssn_last_4", "value": "0000"}],
    relationship={"representative": True, "executive": True, "title": "CEO"},
)
# Comes of age on day 33, in the middle of the outage.
MINOR = telling.born(18, START + 33 * DAY)
OWNER = telling.person(given_name="Ada", date_of_birth=MINOR, relationship={"owner": True, "percent_ownership": "30"})

SCRIPT: list[tuple[timedelta, Act]] = [
    (HOUR, lambda life: life.put(telling.company(**{EIN: ein("111111111")}))),
    (HOUR, lambda life: life.pays_into()),
    (HOUR, lambda life: life.add("rep", REPRESENTATIVE)),
    (2 * DAY + 3 * HOUR, put(**{EIN: ein("000000000")})),
    (5 * DAY, person("rep", date_of_birth={"day": 1, "month": 1, "year": 1950})),
    (6 * DAY, person("rep", **{DOCUMENT: document("failure")})),
    (8 * DAY + 2 * SECOND, person("rep", **{DOCUMENT: document("success")})),
    (9 * DAY, lambda life: life.add("owner", OWNER)),
    (10 * DAY, person("rep", date_of_birth=MINOR)),
    (12 * DAY, person("rep", id_numbers=[{"type": "us_ssn_last_4", "value": "1111"}])),
    (25 * DAY, person("rep", address__line1="address_no_match")),
    (25 * DAY + 3 * SECOND, person("rep", address__line1="12 Ordinary Road")),
    (30 * DAY + 7 * HOUR, put(display_name="Rosen & Daughters", metadata={"shelf": "7"})),
    (36 * DAY + 30 * SECOND, put(**{TERMS: ACCEPTED_AGAIN})),
    (38 * DAY, lambda life: life.remove("owner")),
    (41 * DAY, lambda life: life.add("owner", samples.patched(OWNER, given_name="Grace"))),
    (42 * DAY, person("owner", date_of_birth={"day": 1, "month": 1, "year": 1902})),
    (43 * DAY, put(identity__business_details__address__line1="address_no_match")),
    (50 * DAY, put(configuration__merchant__mcc=None)),
    (55 * DAY, put(configuration__merchant__mcc="5734")),
]
HOURS = [hour * HOUR for hour in range(1, int(END / HOUR) + 1)]


async def hour_by_hour(life: Life) -> None:
    """By turns the clock is advanced, which looks at the very instants, or goes on until a worker comes late."""
    for number, instant in enumerate(sorted({*HOURS, *(at for at, _ in SCRIPT)})):
        if number % 2:
            await life.comes(instant)
        else:
            await life.passes(instant)
            await life.plan()
        for at, act in SCRIPT:
            if at == instant:
                await act(life)


async def in_jumps(life: Life) -> None:
    for at, act in SCRIPT:
        await life.comes(at)
        await act(life)
    await life.comes(END)


async def with_an_outage(life: Life) -> None:
    """Nobody at all looks while everything is down; requests arrive at their times."""
    looks = [instant for instant in HOURS if instant % (5 * HOUR) == timedelta() and not DOWN[0] < instant < DOWN[1]]
    for instant in sorted({*looks, END, *(at for at, _ in SCRIPT)}):
        if DOWN[0] < instant < DOWN[1]:
            await life.passes(instant)
        else:
            await life.comes(instant)
            await life.plan()
        for at, act in SCRIPT:
            if at == instant:
                await act(life)


async def test_however_often_somebody_looks_the_account_lives_the_same_life(settings: Settings) -> None:
    ways = (hour_by_hour, in_jumps, with_an_outage)
    engines = [await open_engine(settings, name=way.__name__) for way in ways]

    async def live(engine: Engine, way: Callable[[Life], Awaitable[None]]) -> tuple[dict[str, Any], Life]:
        life = await Life.begin(engine)
        await way(life)
        return await lived(life), life

    try:
        async with asyncio.TaskGroup() as together:
            lives = [together.create_task(live(*one)) for one in zip(engines, ways, strict=True)]

        (every_hour, life), (in_one_go, _), (after_an_outage, _) = (one.result() for one in lives)
        for part, expected in in_one_go.items():
            assert every_hour[part] == expected, part
            assert after_an_outage[part] == expected, part
        # The life was worth telling: all of what the script is about did happen.
        story = [line for line in await life.story() if line[0].startswith(CARD)]
        assert story == [
            (f"{CARD} restricted/requirements_past_due", "1:00:00"),
            (f"{CARD} active", "1:00:00"),
            (f"{CARD} restricted/requirements_past_due", "32 days, 3:00:00"),
            (f"{CARD} active", "36 days, 0:00:30"),
            # The owner who comes back is in the cycle of the one who left: its deadline has passed meanwhile.
            (f"{CARD} pending/requirements_pending_verification", "41 days, 0:00:00"),
            (f"{CARD} restricted/requirements_past_due", "41 days, 0:00:05"),
            (f"{CARD} active", "42 days, 0:00:00"),
        ]
        kinds = {(row["kind"], row["outcome"]) for row in in_one_go["evidence"]}
        assert {("identity_document", "failed"), ("identity_document", "passed"), ("tax_id_match", "failed")} <= kinds
        assert "superseded" in {row["state"] for row in in_one_go["checks"]}
        assert len(in_one_go["marks"]) >= 10
    finally:
        for engine in engines:
            await engine.close()
