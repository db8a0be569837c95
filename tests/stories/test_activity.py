"""What a reported volume causes: demands with their dates, once and for good."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest

from onboarding.activity import Report
from onboarding.domain.errors import Refusal
from onboarding.engine import Engine, open_engine
from onboarding.settings import Settings
from tests.stories import telling
from tests.stories.telling import ACTIVE, CARD, DAY, PAST_DUE, START, TRANSFERS, Life, entries, individual

DESCRIPTION = "defaults.profile.product_description"
CARDS_LIMIT, TRANSFERS_LIMIT = 100_000, 5_000

RULES: tuple[Any, ...] = (
    {
        "name": "test.described",
        "source": "a test",
        "of": "account",
        "when": {"country": ["US"]},
        "needs": [DESCRIPTION],
        "restricts": [
            {
                "capabilities": [CARD],
                "falls": "eventually",
                "at_volume": {"currency": "usd", "amount": CARDS_LIMIT, "period": "year"},
                "volume_grace_days": 30,
            },
            {
                "capabilities": [TRANSFERS],
                "falls": "eventually",
                "at_volume": {"currency": "eur", "amount": TRANSFERS_LIMIT, "period": "month"},
            },
        ],
    },
)


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[Engine]:
    policy, packed = telling.test_policy(77, *RULES)
    opened = await open_engine(settings, policy=policy, policy_bytes=packed)
    yield opened
    await opened.close()


@pytest.fixture
async def life(engine: Engine) -> Life:
    made = await Life.begin(engine)
    await made.put(individual())
    await made.pays_into()
    return made


async def says(
    life: Life, name: str, amounts: dict[str, int], *, currency: str = "usd", engine: Engine | None = None
) -> Any:
    report = Report(name, currency, tuple(amounts.items()))
    return await (engine or life.engine).activity.report(life.caller, life.id, report, None)


async def crossings(life: Life) -> list[tuple[str, datetime]]:
    rows = await life.rows("SELECT key, at FROM marks WHERE account_id = $1 AND kind = 'threshold'", life.id)
    return sorted((row["key"], row["at"]) for row in rows)


async def test_crossing_a_threshold_dates_a_demand_and_missing_it_restricts(life: Life) -> None:
    this_year = str(START.year)
    await says(life, "below", {this_year: CARDS_LIMIT - 1})
    document = await life.account()
    assert entries(document)[DESCRIPTION] == "eventually_due"
    assert document["requirements"]["summary"]["minimum_deadline"]["time"] is None

    await life.comes(5 * DAY)
    before = len(await life.events())
    await says(life, "at", {this_year: CARDS_LIMIT})
    document = await life.account()
    assert entries(document)[DESCRIPTION] == "currently_due"
    deadline = document["requirements"]["summary"]["minimum_deadline"]["time"]
    assert datetime.fromisoformat(deadline) == START + 35 * DAY
    assert [event["type"] for event in (await life.events())[before:]] == ["v2.core.account[requirements].updated"]

    await life.comes(35 * DAY - telling.SECOND)
    assert (await life.statuses())[CARD] == ACTIVE
    await life.comes(35 * DAY)
    assert (await life.statuses())[CARD] == PAST_DUE
    assert (await life.statuses())[TRANSFERS] == ACTIVE
    assert (
        telling.statuses(await life.supply(defaults__profile__product_description="Roses and tulips"))[CARD] == ACTIVE
    )


async def test_without_grace_a_month_restricts_at_once(life: Life) -> None:
    month = f"{START.year}-{START.month:02}"
    await says(life, "other currency", {month: 10 * TRANSFERS_LIMIT})
    assert (await life.statuses())[TRANSFERS] == ACTIVE

    await says(life, "enough", {month: TRANSFERS_LIMIT}, currency="eur")

    assert (await life.statuses())[TRANSFERS] == PAST_DUE
    story = [what for what, _ in await life.story() if what.startswith(TRANSFERS)]
    assert story == [f"{TRANSFERS} {ACTIVE}", f"{TRANSFERS} {PAST_DUE}"]


async def test_a_corrected_total_takes_no_crossing_back(life: Life) -> None:
    this_year = str(START.year)
    await says(life, "wrong", {this_year: CARDS_LIMIT})
    [crossing] = await crossings(life)
    await life.comes(5 * DAY)

    await says(life, "corrected", {this_year: 1})
    await says(life, "again", {this_year: CARDS_LIMIT})

    assert await crossings(life) == [crossing]
    assert entries(await life.account())[DESCRIPTION] == "currently_due"
    await life.comes(30 * DAY)
    assert (await life.statuses())[CARD] == PAST_DUE


async def test_another_process_knows_all_of_it(life: Life, settings: Settings) -> None:
    this_year = str(START.year)
    stored = await says(life, "r", {this_year: CARDS_LIMIT})
    document, written = await life.account(), await life.written()
    policy, packed = telling.test_policy(77, *RULES)
    other = await open_engine(settings, policy=policy, policy_bytes=packed)
    try:
        assert await says(life, "r", {this_year: CARDS_LIMIT}, engine=other) == stored
        assert (await other.reader.account(life.caller, life.id)).account == document
        with pytest.raises(Refusal) as refused:
            await says(life, "r", {this_year: 7}, engine=other)
        await life.look()
    finally:
        await other.close()

    assert refused.value.code == "idempotency_error"
    assert await life.written() == written
    # What it was decided from is kept as it was: a version without values can be decided again.
    shapes = await life.rows("SELECT shape FROM versions WHERE account_id = $1 ORDER BY version DESC LIMIT 1", life.id)
    assert shapes[0]["shape"]["activity"] == [["usd", "year", str(START.year), CARDS_LIMIT]]


async def test_what_was_reported_before_time_passed_counts_whoever_looks_when(engine: Engine) -> None:
    """Two lives that differ by how often somebody looked."""
    lives = [await Life.begin(engine) for _ in range(2)]
    for life in lives:
        await life.put(individual())
        await life.pays_into()
        await says(life, "r", {str(START.year): CARDS_LIMIT})
    for days in range(1, 41):
        await lives[0].comes(days * DAY)
    await lives[1].comes(40 * DAY)

    assert await telling.lived(lives[0]) == await telling.lived(lives[1])
    assert (await lives[1].statuses())[CARD] == PAST_DUE


async def test_an_account_keeps_so_many_totals(life: Life) -> None:
    for number in range(10):
        months = {f"{year}-{month:02}": 1 for year in range(1000, 1016) for month in range(1, 13)}
        await says(life, f"many-{number}", months, currency=f"us{chr(97 + number)}")

    with pytest.raises(Refusal) as refused:
        await says(life, "too many", {str(year): 1 for year in range(1000, 1100)}, currency="eur")

    assert (refused.value.code, refused.value.param) == ("parameter_invalid", "totals")
