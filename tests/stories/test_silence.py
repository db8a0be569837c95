"""Users who do nothing: reminders on their days, an onboarding that is abandoned, and whoever comes back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from onboarding.documents.events import ABANDONED, REMINDER_DUE
from onboarding.domain.state import OrderKind
from onboarding.engine import Engine, open_engine
from onboarding.inspection import inspect
from onboarding.settings import Settings, SettingsError, load_settings
from tests.stories import telling
from tests.stories.telling import CARD, DAY, HOUR, PAST_DUE, Life, individual

UNSET_MCC: Any = {"configuration": {"merchant": {"mcc": None}}}


def asked(**changes: Any) -> Any:
    """An individual of whom something is missing still."""
    return individual(given_name=None, **changes)


async def silent(life: Life) -> list[tuple[int, str, int | None, int]]:
    """What the platform was told of the silence: day, what, which reminder, days of silence."""
    found = []
    for event in await life.events():
        if event["type"] in (REMINDER_DUE, ABANDONED):
            assert (event["related_object"]["id"], event["data"].pop("account_id")) == (life.id, life.id)
            day = (datetime.fromisoformat(event["effective_at"]) - life.start) // DAY
            what = event["type"].rpartition(".")[2]
            found.append((day, what, event["data"].get("number"), event["data"]["days_silent"]))
    return found


async def stage(life: Life) -> tuple[str, str]:
    row = await life.row()
    plan = await life.plan()
    return row["stage"], plan.waiting_for


async def texts(life: Life) -> list[str]:
    page = await life.engine.timeline.read(life.caller, life.id, limit=100)
    return [change["text"] for moment in reversed(page.data) for change in moment["changes"]]


async def test_a_silent_onboarding_is_reminded_of_abandoned_and_taken_up_again(engine: Engine) -> None:
    life = await Life.begin(engine)
    await life.put(asked())
    await life.comes(60 * DAY)

    assert await silent(life) == [
        (3, "reminder_due", 1, 3),
        (7, "reminder_due", 2, 7),
        (14, "reminder_due", 3, 14),
        (30, "abandoned", None, 30),
    ]
    assert await stage(life) == ("abandoned", "nobody")
    plan = await life.plan()
    assert (plan.done, plan.wake_in, (await life.row())["look_at"]) == (True, None, None)  # no run, no sweep
    assert plan.details.startswith("**abandoned**: waits for **nobody**")

    await life.put({"metadata": {"colour": "green"}})  # a sign of life, whatever it says
    assert await stage(life) == ("collecting", "user")
    await life.comes(64 * DAY)
    assert (await silent(life))[4:] == [(63, "reminder_due", 1, 3)]
    await life.put(individual())
    await life.comes(200 * DAY)
    told = await silent(life)
    assert told[5:] == [(67, "reminder_due", 1, 3), (71, "reminder_due", 2, 7), (78, "reminder_due", 3, 14)]
    words = [text for text in await texts(life) if "onboarding" in text or "silent" in text]
    assert [text.partition(":")[0] for text in words[:6]] == [
        *["The user is silent; the platform was told"] * 3,
        "The onboarding was abandoned",
        "The onboarding was resumed",
        "The user is silent; the platform was told",
    ]
    found = await inspect(engine.database, engine.ring, account_id=life.id, is_opening=True)
    assert found.findings == ()


async def test_the_count_begins_anew_with_whatever_the_user_does(engine: Engine) -> None:
    life = await Life.begin(engine)
    await life.put(asked())
    for day in (2, 4, 6):
        await life.comes(day * DAY)
        await life.supply(identity__individual__phone=f"+1415555010{day}")
    await life.comes(9 * DAY - HOUR)
    assert await silent(life) == []
    await life.comes(9 * DAY)
    assert await silent(life) == [(9, "reminder_due", 1, 3)]

    ann = await engine.orders.operator(life.id, "ann")
    held = await engine.orders.place(ann, life.id, None, kind=OrderKind.HOLD, reason="credit_review", capability=CARD)
    await engine.orders.undo(ann, life.id, held["id"], None)
    await life.comes(13 * DAY)  # what an operator does is no sign of life
    assert await silent(life) == [(9, "reminder_due", 1, 3), (13, "reminder_due", 2, 7)]


async def test_it_is_the_same_silence_however_often_somebody_looks(engine: Engine) -> None:
    lives = [await Life.begin(engine) for _ in range(3)]
    for life in lives:
        await life.put(asked())
    for hours in range(12, 40 * 24, 60):
        await lives[0].comes(hours * HOUR)
    await lives[1].comes(40 * DAY)
    await lives[2].passes(40 * DAY)  # an outage: nobody looked at all
    before = await lives[2].written()
    assert (await lives[2].statuses())[CARD] == PAST_DUE
    assert await lives[2].written() == before  # a read tells nobody anything
    for life in lives:
        await life.comes(40 * DAY)
        await life.look()
        await life.look()

    told = [await silent(life) for life in lives]
    assert told[0] == told[1] == told[2]
    assert len(told[0]) == 4
    lived = [str(await telling.lived(life)) for life in lives[:2]]
    assert lived[0] == lived[1]


@pytest.mark.parametrize("what", ["close", "reject", "wait for us", "settle"])
async def test_who_waits_for_nobody_or_for_us_is_not_reminded(engine: Engine, what: str) -> None:
    life = await Life.begin(engine)
    await life.put(asked())
    await life.comes(DAY)
    if what == "close":
        await engine.accounts.close(life.caller, life.id, None, None)
    elif what == "reject":
        await engine.orders.place(life.caller, life.id, None, kind=OrderKind.REJECT, reason="platform_fraud")
    elif what == "settle":
        await life.put(individual())
        await life.pays_into()
    else:
        await life.put(individual(date_of_birth={"day": 1, "month": 1, "year": 1900}))  # a hit: a review
        await life.pays_into()

    await life.comes(100 * DAY)

    assert await silent(life) == []
    assert (await life.row())["stage"] == {
        "close": "closed",
        "reject": "rejected",
        "wait for us": "verifying",
        "settle": "active",
    }[what]
    assert (await life.row())["waiting_since"] is None


async def test_who_was_active_is_reminded_but_has_no_onboarding_to_abandon(engine: Engine) -> None:
    life = await Life.begin(engine)
    await life.put(individual())
    await life.pays_into()
    await life.comes(300 * DAY)
    await life.put(UNSET_MCC)
    await life.comes(500 * DAY)

    # The mcc was due on day 330, and only from then on the account waits for its user.
    assert await silent(life) == [
        (333, "reminder_due", 1, 3),
        (337, "reminder_due", 2, 7),
        (344, "reminder_due", 3, 14),
    ]
    assert await stage(life) == ("collecting", "user")
    assert (await life.row())["remind_at"] is None


async def test_days_are_a_setting(settings: Settings) -> None:
    other = await open_engine(settings.model_copy(update={"remind_after_days": "10"}), name="reminders")
    none = await open_engine(settings.model_copy(update={"remind_after_days": "off"}), name="no-reminders")
    try:
        for engine, days in ((other, [10, 30]), (none, [30])):
            life = await Life.begin(engine)
            await life.put(asked())
            await life.comes(40 * DAY)
            assert [day for day, *_ in await silent(life)] == days
    finally:
        await other.close()
        await none.close()


@pytest.mark.parametrize("days", ["3,3", "7,3", "0", "30", "soon", "1.5", "-1"])
def test_days_that_make_no_sense_are_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch, days: str) -> None:
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("ONBOARDING_ROOT_KEYS", settings.root_keys.get_secret_value())
    monkeypatch.setenv("ONBOARDING_REMIND_AFTER_DAYS", days)
    with pytest.raises(SettingsError, match="ONBOARDING_REMIND_AFTER_DAYS"):
        load_settings()
