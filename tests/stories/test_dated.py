"""Stories by the calendar: what a platform sees of an account while months go by on its test clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from onboarding.documents import rfc3339
from onboarding.documents.events import REMINDER_DUE
from onboarding.domain.errors import Refusal
from onboarding.door.callers import Caller
from onboarding.engine import Engine, open_engine
from onboarding.settings import Settings
from tests.stories import telling
from tests.stories.telling import (
    ACTIVE,
    CARD,
    CARD_PAYOUTS,
    DAY,
    DETERMINING,
    HOUR,
    PAST_DUE,
    SECOND,
    START,
    TRANSFERS,
    Life,
    company,
    entries,
    individual,
    key,
    new_caller,
    statuses,
)
from tests.support import samples

MCC = "configuration.merchant.mcc"
EIN = "identity.business_details.id_numbers.us_ein"
TERMS = "identity.attestations.terms_of_service.account.date"
FRONT = "identity.individual.documents.primary_verification"
PASSING = {"front_back": {"front": "file_identity_document_success"}, "type": "front_back"}
BANK_DOCUMENT = "identity.business_details.documents.bank_account_ownership_verification"
UNSET_MCC: Any = {"configuration": {"merchant": {"mcc": None}}}
SET_MCC: Any = {"configuration": {"merchant": {"mcc": "5734"}}}


def put_ein(value: str) -> Any:
    number = [{"type": "us_ein", "value": value}]
    return {"identity": {"business_details": {"id_numbers": number}}}


def summary(document: dict[str, Any]) -> tuple[str, timedelta | None]:
    found = document["requirements"]["summary"]["minimum_deadline"]
    return found["status"], datetime.fromisoformat(found["time"]) - START if found["time"] else None


@pytest.fixture
async def life(engine: Engine) -> Life:
    return await Life.begin(engine)


async def test_a_deadline_is_missed_and_mended(life: Life) -> None:
    await life.put(individual())
    await life.pays_into()
    assert (await life.statuses())[CARD] == ACTIVE

    await life.comes(10 * DAY)
    document = await life.put(UNSET_MCC)
    assert entries(document)[MCC] == "currently_due"
    assert summary(document) == ("currently_due", 40 * DAY)

    await life.comes(40 * DAY - SECOND)
    assert (await life.statuses())[CARD] == ACTIVE

    await life.comes(40 * DAY)
    document = await life.account()
    assert statuses(document)[CARD] == PAST_DUE
    assert entries(document)[MCC] == "past_due"
    assert summary(document) == ("past_due", None)
    assert statuses(document)[TRANSFERS] == ACTIVE

    await life.comes(45 * DAY)
    assert statuses(await life.put(SET_MCC))[CARD] == ACTIVE
    assert [line for line in await life.story() if line[0].startswith(f"{CARD} ")] == [
        (f"{CARD} active", "0:00:00"),
        (f"{CARD} {PAST_DUE}", "40 days, 0:00:00"),
        (f"{CARD} active", "45 days, 0:00:00"),
    ]

    # Losing it again is the same cycle: the deadline that was missed is not given a second time.
    await life.comes(50 * DAY)
    assert statuses(await life.put(UNSET_MCC))[CARD] == PAST_DUE


async def test_a_request_after_a_deadline_comes_after_the_restriction(life: Life) -> None:
    await life.put(individual())
    await life.put(UNSET_MCC)
    told = len(await life.events())

    await life.passes(35 * DAY)  # nobody looked
    document = await life.put(SET_MCC)

    assert statuses(document)[CARD] == ACTIVE
    story = [line for line in await life.story(told) if line[0].startswith(f"{CARD} ")]
    assert story == [(f"{CARD} {PAST_DUE}", "30 days, 0:00:00"), (f"{CARD} active", "35 days, 0:00:00")]
    by_time = [event for event in (await life.events())[told:] if event["reason"] is None]
    reminders = [event for event in by_time if event["type"] == REMINDER_DUE]  # there is no bank account either
    assert [event["effective_at"] for event in reminders] == [rfc3339(START + days * DAY) for days in (3, 7, 14)]
    assert {event["effective_at"] for event in by_time if event not in reminders} == {rfc3339(START + 30 * DAY)}


async def test_whoever_reads_after_a_deadline_sees_it_missed_though_nobody_looked(life: Life, engine: Engine) -> None:
    await life.put(individual())
    await life.put(UNSET_MCC)
    before = await life.written()

    await life.passes(30 * DAY - SECOND)
    assert (await life.statuses())[CARD] == ACTIVE
    await life.passes(30 * DAY)

    assert (await life.statuses())[CARD] == PAST_DUE
    listed = await engine.reader.accounts(life.caller)
    assert [statuses(one)[CARD] for one in listed.data] == [PAST_DUE]
    assert await life.written() == before

    seen = await life.account()
    await life.look()
    assert await life.account() == seen
    assert await life.written() != before


async def test_a_check_whose_answer_has_come_is_read_as_answered_though_nobody_looked(
    life: Life, engine: Engine
) -> None:
    await life.put(individual(date_of_birth={"day": 1, "month": 1, "year": 1901}))  # answered, but later
    waiting = {check["id"] for check in (await engine.reader.checks(life.caller)).data if check["outcome"] is None}
    assert waiting
    before = await life.written()

    await life.passes(HOUR)

    listed = {check["id"]: check["outcome"] for check in (await engine.reader.checks(life.caller)).data}
    assert {listed[check_id] for check_id in waiting} == {"passed"}
    for check_id in waiting:
        assert (await engine.reader.check(life.caller, check_id))["status"] == "concluded"
    assert await life.written() == before


async def test_the_deadline_that_is_told_is_the_one_that_is_kept(engine: Engine) -> None:
    real = await Life.now(engine, individual())
    await real.pays_into()
    await real.put(UNSET_MCC)

    told = datetime.fromisoformat((await real.account())["requirements"]["summary"]["minimum_deadline"]["time"])

    kept = [
        row["at"]
        for row in await real.rows("SELECT at FROM marks WHERE account_id = $1 AND kind = 'deadline'", real.id)
    ]
    assert set(kept) == {told}


DOCUMENT_RULE = {
    "name": "stories.document",
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
EXPIRING = {
    "inputs": ["documents.primary_verification"],
    "requires": ["documents.primary_verification"],
    "lasts_days": 400,
    "ask_again": True,
    "report_within_hours": 72,
}


async def test_evidence_expires_is_asked_for_again_and_expires_again(settings: Settings) -> None:
    policy, packed = telling.test_policy(400, DOCUMENT_RULE, identity_document=EXPIRING)
    engine = await open_engine(settings, policy=policy, policy_bytes=packed)
    try:
        life = await Life.begin(engine)
        await life.put(individual(documents={"primary_verification": PASSING}))
        await life.pays_into()
        await life.comes(5 * SECOND)
        assert (await life.statuses())[CARD] == ACTIVE

        await life.comes(400 * DAY + 4 * SECOND)
        assert FRONT not in await life.entries()
        await life.comes(400 * DAY + 5 * SECOND)
        document = await life.account()
        assert entries(document)[FRONT] == "currently_due"
        assert summary(document) == ("currently_due", 430 * DAY + 5 * SECOND)
        assert statuses(document)[CARD] == ACTIVE
        assert len(await life.checks("identity_document")) == 1  # not asked by itself: the user must supply it anew

        await life.comes(410 * DAY)
        again: Any = {"identity": {"individual": {"documents": {"primary_verification": PASSING}}}}
        document = await life.put(again)  # the very same file
        assert entries(document)[FRONT] == "eventually_due ours"
        await life.comes(410 * DAY + 5 * SECOND)
        assert FRONT not in await life.entries()
        assert [check["outcome"] for check in await life.checks("identity_document")] == ["passed", "passed"]

        await life.comes(810 * DAY + 5 * SECOND)
        document = await life.account()
        assert entries(document)[FRONT] == "currently_due"
        assert summary(document) == ("currently_due", 840 * DAY + 5 * SECOND)
        await life.comes(840 * DAY + 5 * SECOND)
        assert (await life.statuses())[CARD] == PAST_DUE
        assert sorted(
            (name.split("|")[3], at - START) for name, at in (await life.marks()).items() if name.endswith(CARD)
        ) == [
            ("1", 430 * DAY + 5 * SECOND),
            ("2", 840 * DAY + 5 * SECOND),
        ]

        # Late, but in the end: the mended account lives on, and once more for 400 days.
        assert statuses(await life.put(again))[CARD] == "pending/requirements_pending_verification"
        await life.comes(841 * DAY)
        assert (await life.statuses())[CARD] == ACTIVE
    finally:
        await engine.close()


async def test_a_minor_comes_of_age(life: Life) -> None:
    birthday = (START + 20 * DAY).replace(hour=0)
    document = await life.put(
        individual(date_of_birth=telling.born(18, birthday), documents={"primary_verification": PASSING})
    )
    assert statuses(document)[CARD] == PAST_DUE
    assert entries(document)["legal_guardian.given_name"] == "past_due"

    await life.comes(birthday - SECOND - START)
    assert (await life.statuses())[CARD] == PAST_DUE
    await life.comes(birthday - START)

    document = await life.account()
    assert statuses(document)[CARD] == ACTIVE
    assert not [label for label in entries(document) if "legal_guardian" in label]
    assert (f"{CARD} active", str(birthday - START)) in await life.story()


async def test_terms_are_bound_to_the_tax_id(life: Life) -> None:
    patch = company()
    del patch["identity"]["business_details"]["id_numbers"]
    await life.put(patch)
    await life.pays_into()
    document = await life.add("rep", samples.REPRESENTATIVE)
    assert (await life.statuses())[CARD] == ACTIVE

    # A first tax id after the acceptance is no change.
    assert TERMS not in entries(await life.put(put_ein("222222222")))

    await life.comes(3 * DAY)
    document = await life.put(put_ein("000000000"))
    assert entries(document)[TERMS] == "currently_due invalid_tos_acceptance"
    assert summary(document)[1] == 33 * DAY

    # The number that was accepted comes back, and with it the acceptance.
    assert TERMS not in entries(await life.put(put_ein("222222222")))
    assert TERMS in entries(await life.put(put_ein("000000000")))

    await life.comes(33 * DAY)
    assert (await life.statuses())[CARD] == PAST_DUE
    accepted = {**samples.ACCEPTANCE, "date": "2026-05-05T12:00:00Z"}
    document = await life.put({"identity": {"attestations": {"terms_of_service": {"account": accepted}}}})
    assert statuses(document)[CARD] == ACTIVE
    assert TERMS in entries(await life.put(put_ein("222222222")))


async def test_a_bank_account_of_another_owner_is_confirmed_by_a_document(life: Life) -> None:
    await life.put(company())
    await life.add("rep", samples.REPRESENTATIVE)
    await life.pays_into(account_number="000999999992")
    assert (await life.statuses())[CARD_PAYOUTS] == ACTIVE  # on collection: the answer comes later

    await life.comes(DAY)
    document = await life.account()
    assert entries(document) == {BANK_DOCUMENT: "currently_due verification_failed_name_match"}
    assert summary(document) == ("currently_due", 30 * DAY + 5 * SECOND)

    await life.comes(31 * DAY)
    assert (await life.statuses())[CARD_PAYOUTS] == PAST_DUE
    assert (await life.statuses())[CARD] == ACTIVE
    shown = {"type": "files", "files": ["file_relationship_document_success"]}
    documents = {"bank_account_ownership_verification": shown}
    await life.put({"identity": {"business_details": {"documents": documents}}})
    await life.comes(31 * DAY + HOUR)

    assert entries(await life.account()) == {}
    assert (await life.statuses())[CARD_PAYOUTS] == ACTIVE


async def test_a_screening_hit_is_one_review_and_tells_nothing(life: Life) -> None:
    hit = {"day": 1, "month": 1, "year": 1900}
    document = await life.put(individual(date_of_birth=hit))
    assert statuses(document) == {
        CARD: DETERMINING,
        CARD_PAYOUTS: PAST_DUE,  # the bank account is missing, which the user may well be told
        TRANSFERS: DETERMINING,
        "recipient.stripe_balance.payouts": PAST_DUE,
    }
    assert set(entries(document)) == {"external_account"}

    await life.look()
    await life.put({"display_name": "Another"})
    await life.comes(100 * DAY)
    reviews = "SELECT queue, reason_code, state, opened_at FROM reviews WHERE account_id = $1"
    assert [tuple(row) for row in await life.rows(reviews, life.id)] == [("screening", "screening_hit", "open", START)]
    assert (await life.statuses())[CARD] == DETERMINING

    # Another birth date is another question; the old one is nobody's any more.
    document = await life.supply(identity__individual__date_of_birth={"day": 1, "month": 1, "year": 1902})
    assert statuses(document)[CARD] == ACTIVE
    assert [row["state"] for row in await life.rows(reviews, life.id)] == ["superseded"]


async def test_an_answer_to_old_inputs_never_counts(life: Life) -> None:
    await life.put(individual(id_numbers=[{"type": "us_ssn", "value": "111111111"}]))
    await life.comes(3 * SECOND)
    await life.supply(identity__individual__given_name="Jane")
    await life.comes(4 * SECOND)
    await life.supply(identity__individual__given_name="Jenny")  # as it was: asked once more all the same

    asked = await life.checks("id_number_match")
    assert [(check["state"], check["outcome"]) for check in asked] == [
        ("superseded", None),
        ("superseded", None),
        ("started", None),
    ]
    assert len(await life.rows("SELECT 1 FROM answers WHERE account_id = $1", life.id)) == 1

    await life.comes(8 * SECOND)
    assert "identity.individual.id_numbers.us_ssn" not in await life.entries()
    await life.comes(9 * SECOND)
    assert "verification_failed_id_number_match" in (await life.entries())["identity.individual.id_numbers.us_ssn"]
    await life.comes(1 * DAY)
    asked = await life.checks("id_number_match")
    assert [(check["outcome"], check["ended_at"] - START) for check in asked] == [
        (None, 3 * SECOND),
        (None, 4 * SECOND),
        ("failed", 9 * SECOND),
    ]
    assert await life.rows("SELECT 1 FROM answers WHERE account_id = $1", life.id) == []


async def test_a_person_who_is_deleted_and_comes_back_keeps_the_first_deadline(life: Life) -> None:
    await life.put(company())
    await life.pays_into()
    await life.add("rep", samples.REPRESENTATIVE)
    assert (await life.statuses())[CARD] == ACTIVE

    await life.comes(4 * DAY)
    await life.change("rep", {"email": None})
    assert summary(await life.account()) == ("currently_due", 34 * DAY)

    await life.comes(20 * DAY)
    await life.remove("rep")
    await life.comes(29 * DAY)
    await life.add("rep", samples.patched(samples.REPRESENTATIVE, email=None, given_name="Another"))

    assert (await life.entries())["person:email"] == "currently_due"
    assert summary(await life.account()) == ("currently_due", 34 * DAY)
    await life.comes(34 * DAY)
    assert (await life.statuses())[CARD] == PAST_DUE


async def test_a_clock_never_goes_back(life: Life, engine: Engine) -> None:
    await life.comes(2 * DAY)
    with pytest.raises(Refusal) as refused:
        await life.comes(2 * DAY - SECOND)
    assert (refused.value.code, refused.value.param) == ("parameter_invalid", "frozen_time")

    # An account may not go back either.
    other = await Life.now(engine, individual(), life.caller)
    behind = await engine.clocks.create(life.caller, (await other.row())["last_as_of"] - SECOND, None, None)
    with pytest.raises(Refusal):
        await engine.clocks.attach(life.caller, behind["id"], other.id, None)
    assert (await other.row())["test_clock_id"] is None

    # Nor change its clock; being put on its own again is no change.
    second = await engine.clocks.create(life.caller, START + 90 * DAY, None, None)
    with pytest.raises(Refusal):
        await engine.clocks.attach(life.caller, second["id"], life.id, None)
    await engine.clocks.attach(life.caller, life.clock_id, life.id, None)


async def test_clocks_are_the_sandbox_s_and_their_platform_s(life: Life, engine: Engine) -> None:
    live = await new_caller(engine, livemode=True)
    with pytest.raises(Refusal):
        await engine.clocks.create(live, START, None, None)
    stranger = await new_caller(engine)
    for attempt in (
        engine.clocks.get(stranger, life.clock_id),
        engine.clocks.advance(stranger, life.clock_id, START + DAY, None),
        engine.clocks.attach(stranger, life.clock_id, (await Life.now(engine, {}, stranger)).id, None),
        engine.clocks.attach(life.caller, life.clock_id, (await Life.now(engine, {}, stranger)).id, None),
        engine.clocks.get(Caller(life.caller.platform_id, livemode=True, actor="key_live"), life.clock_id),
    ):
        with pytest.raises(Refusal) as refused:
            await attempt
        assert refused.value.code == "not_found"


async def test_an_account_that_comes_to_a_later_clock_lives_what_it_missed(engine: Engine) -> None:
    life = await Life.now(engine, individual())
    await life.put(UNSET_MCC)
    missed = next(at for name, at in (await life.marks()).items() if CARD in name)
    clock = await engine.clocks.create(life.caller, missed + 5 * DAY, None, None)

    await engine.clocks.attach(life.caller, clock["id"], life.id, None)

    assert (await life.statuses())[CARD] == PAST_DUE
    row = await life.row()
    assert row["look_at"] is None
    assert row["wake_at"] > missed + 365 * DAY  # nothing but its first review
    told = "SELECT effective_at FROM events WHERE account_id = $1 AND type LIKE '%capability%' ORDER BY sequence"
    assert [row["effective_at"] for row in await life.rows(told, life.id)][-1] == missed


async def test_an_individual_may_turn_out_to_be_a_company(life: Life) -> None:
    await life.put({**individual(), "configuration": {}, "dashboard": None, "defaults": None})
    await life.supply(identity__entity_type="company")
    await life.put(company())
    await life.pays_into()
    await life.add("rep", samples.REPRESENTATIVE)

    assert (await life.statuses())[CARD] == ACTIVE
    assert (await life.account())["identity"]["individual"] is None


async def test_an_advance_is_repeated_by_its_key_and_not_by_another_body(life: Life, engine: Engine) -> None:
    await life.put(individual())
    to = START + DAY
    mine = key("once", "POST advance", {"to": 1})
    first = await engine.clocks.advance(life.caller, life.clock_id, to, mine)
    await life.comes(2 * DAY)

    again = await engine.clocks.advance(life.caller, life.clock_id, to, mine)
    assert (first["frozen_time"], again["frozen_time"]) == tuple(rfc3339(START + days * DAY) for days in (1, 2))
    with pytest.raises(Refusal) as refused:
        await engine.clocks.advance(life.caller, life.clock_id, to, key("once", "POST advance", {"to": 2}))
    assert refused.value.code == "idempotency_error"

    # A refusal frees its key.
    late = key("late", "POST advance", {"to": 3})
    with pytest.raises(Refusal):
        await engine.clocks.advance(life.caller, life.clock_id, START, late)
    await engine.clocks.advance(life.caller, life.clock_id, START + 2 * DAY + HOUR, late)
