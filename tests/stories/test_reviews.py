"""What a person decides: evidence that stands until it changes, and what becomes of a review meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from onboarding.catalogue.loader import builtin_bytes
from onboarding.domain.errors import Refusal
from onboarding.domain.settle import Answer, Later
from onboarding.domain.state import Check, CheckState, Outcome
from onboarding.door.callers import Caller
from onboarding.door.draft import Draft
from onboarding.engine import Engine, open_engine
from onboarding.ids import new_id
from onboarding.reviews import Decision
from onboarding.settings import Settings
from onboarding.verifiers import sandbox
from onboarding.verifiers.port import Question
from onboarding.verifiers.registry import Verifiers
from tests.stories.telling import (
    ACTIVE,
    CARD,
    DAY,
    DETERMINING,
    START,
    Life,
    entries,
    individual,
    key,
    new_caller,
    statuses,
    test_policy,
)

SCREENING = "screening"
LASTS = timedelta(days=30)
HELD = "restricted/restricted_other"
FOUND = {"name": "Casimir Thornwood", "list": "sdn"}


@pytest.fixture
async def bureau(settings: Settings) -> AsyncIterator[Engine]:
    """An engine where screening and identity are a worker's, and a pass of a screening lasts a month."""
    verifier = sandbox.SandboxVerifier()

    class SomeSandbox:
        name, version = verifier.name, verifier.version

        def answer(self, question: Question) -> Answer | Later | None:
            return None if question.kind in (SCREENING, "keyed_identity") else verifier.answer(question)

    known = json.loads(builtin_bytes())["document"]["checks"][SCREENING]
    policy, packed = test_policy(41, screening={**known, "lasts_days": LASTS.days})
    verifiers = Verifiers(sandbox=SomeSandbox(), exempt=sandbox.is_test_value, bank_tokens=sandbox.BANK_TOKENS)
    engine = await open_engine(settings, verifiers=verifiers, policy=policy, policy_bytes=packed)
    yield engine
    await engine.close()


@pytest.fixture
async def life(bureau: Engine) -> Life:
    """Somebody about whom screening found something; all else has passed."""
    made = await Life.begin(bureau)
    await made.put(individual())
    await made.pays_into()
    await hears(made, Outcome.PASSED, kind="keyed_identity")
    await hears(made)
    return made


@dataclass(frozen=True)
class Heard:
    """A verifier answered about the open check of a kind."""

    kind: str
    answer: Callable[[datetime], Answer]
    cause = "check.attempt_heard"

    def apply(self, draft: Draft) -> None:
        [check] = [one for one in draft.state.checks if one.kind == self.kind]
        draft.answer(check, self.answer(draft.as_of))


@dataclass(frozen=True)
class HeardLate:
    """A verifier contradicted the answer of a check that has ended."""

    check: Any
    outcome: Outcome
    cause = "check.late_report"

    def apply(self, draft: Draft) -> None:
        row = self.check
        check = Check(row["id"], row["kind"], row["subject"], row["digest"], CheckState.CONCLUDED, row["opened_at"])
        answer = Answer(self.outcome, ("verification_failed_other",), "vendor", "1", draft.as_of)
        draft.answer(check, answer, attempt=2, contested=True)
        draft.reviews[check.id] = "contested"


async def hears(
    life: Life,
    outcome: Outcome = Outcome.INCONCLUSIVE,
    *reasons: str,
    kind: str = SCREENING,
    basis: str | None = "found-a",
) -> None:
    if kind == SCREENING and not outcome.is_decisive:
        reasons = ("screening_hit",)

    def answer(as_of: datetime) -> Answer:
        return Answer(outcome, reasons, "vendor", "7", as_of, basis, None if outcome.is_decisive else FOUND)

    await life.engine.door.revise(life.id, Heard(kind, answer))


async def hears_late(life: Life, outcome: Outcome) -> None:
    [row] = await life.rows("SELECT * FROM checks WHERE account_id = $1 AND kind = $2", life.id, SCREENING)
    await life.engine.door.revise(life.id, HeardLate(row, outcome))


async def reviews(life: Life, **chosen: Any) -> list[dict[str, Any]]:
    """The account's reviews, oldest first."""
    return (await life.engine.reader.reviews(life.caller, account_id=life.id, **chosen)).data[::-1]


async def review(life: Life) -> dict[str, Any]:
    """The newest."""
    return (await reviews(life))[-1]


async def decide(life: Life, decision: str = "passed", *reasons: str, caller: Caller | None = None) -> dict[str, Any]:
    """Decide the newest review."""
    known = await review(life)
    return await life.engine.reviews.decide(caller or life.caller, known["id"], Decision(decision), reasons, None)


async def evidence(life: Life, kind: str = SCREENING) -> list[tuple[str, str, str | None]]:
    rows = await life.rows(
        "SELECT verifier, outcome, basis FROM evidence WHERE account_id = $1 AND kind = $2 ORDER BY recorded_at, id",
        life.id,
        kind,
    )
    return [tuple(row) for row in rows]


async def is_rechecked(life: Life, kind: str = SCREENING) -> None:
    """Somebody orders to ask again."""
    await life.rows(
        "INSERT INTO orders (id, account_id, kind, reason, actor, starts_at, target, audience)"
        " SELECT $1, a.id, 'recheck', 'other', 'ops', c.now, $2, 'internal'"
        " FROM accounts a JOIN test_clocks c ON c.id = a.test_clock_id WHERE a.id = $3",
        new_id("ord_"),
        kind,
        life.id,
    )
    await life.look()


async def code_of(work: Any) -> str:
    with pytest.raises(Refusal) as refused:
        await work
    return refused.value.code


# --- deciding ---------------------------------------------------------------------------------------------------------


async def test_a_pass_makes_active_at_once_and_a_second_look_changes_nothing(life: Life) -> None:
    assert (await life.statuses())[CARD] == DETERMINING
    told = len(await life.events())

    decided = await decide(life)

    assert (decided["status"], decided["decision"], decided["decided_by"]) == ("decided", "passed", "key_story")
    assert datetime.fromisoformat(decided["decided"]) == START
    assert set((await life.statuses()).values()) == {ACTIVE}
    assert await evidence(life) == [("vendor", "inconclusive", "found-a"), ("review", "passed", "found-a")]
    [row] = await life.rows("SELECT * FROM evidence WHERE account_id = $1 AND verifier = 'review'", life.id)
    assert (row["occurred_at"], row["attempt"], row["valid_until"]) == (START, 0, START + LASTS)
    types = [event["type"] for event in (await life.events())[told:]]
    assert types.count("v2.verification.check.updated") == 1
    assert len([one for one in types if one.endswith("capability_status_updated")]) == 4
    before = await life.written()
    await life.look()
    assert await life.written() == before
    checks = (await life.engine.reader.checks(life.caller, account_id=life.id)).data
    shown = next(check for check in checks if check["kind"] == SCREENING)
    assert (shown["outcome"], shown["verifier"], shown["status"]) == ("passed", "review", "concluded")


async def test_a_failed_screening_restricts_and_tells_the_user_nothing(life: Life) -> None:
    assert await code_of(decide(life, "failed", "verification_failed_other")) == "parameter_invalid"
    await decide(life, "failed")
    document = await life.account()
    assert statuses(document)[CARD] == HELD
    assert entries(document) == {}
    [row] = await life.rows("SELECT reasons FROM evidence WHERE account_id = $1 AND verifier = 'review'", life.id)
    assert row["reasons"] == []


@pytest.mark.parametrize(
    ("reported", "given", "recorded"),
    [
        ((), (), ["verification_failed_other"]),
        (("verification_failed_keyed_identity", "blurred"), (), ["verification_failed_keyed_identity"]),
        (
            ("verification_failed_other",),
            ("verification_failed_keyed_identity",) * 2,
            ["verification_failed_keyed_identity"],
        ),
    ],
)
async def test_any_other_failure_has_a_reason(
    bureau: Engine, reported: tuple[str, ...], given: tuple[str, ...], recorded: list[str]
) -> None:
    life = await Life.begin(bureau)
    await life.put(individual())
    await hears(life, Outcome.INCONCLUSIVE, *reported, kind="keyed_identity")
    await decide(life, "failed", *given)
    [row] = await life.rows("SELECT reasons FROM evidence WHERE account_id = $1 AND verifier = 'review'", life.id)
    assert row["reasons"] == recorded
    assert any(codes.endswith(recorded[0]) for codes in (await life.entries()).values())


async def test_asked_again_the_verifiers_are_asked_anew(life: Life) -> None:
    decided = await decide(life, "ask_again")
    assert (decided["status"], decided["decision"]) == ("decided", "ask_again")
    states = [(row["state"], row["outcome"]) for row in await life.checks(SCREENING)]
    assert states == [("canceled", "inconclusive"), ("due", None)]
    assert len(await evidence(life)) == 1
    assert (await life.statuses())[CARD] != ACTIVE
    plan = await life.plan()
    assert len(plan.checks) == 1

    # Nobody has decided about the finding, so it comes to a person again.
    await hears(life)
    assert [one["status"] for one in await reviews(life)] == ["decided", "open"]
    await decide(life, "ask_again")
    await hears(life, Outcome.PASSED)
    assert (await life.statuses())[CARD] == ACTIVE


async def test_what_a_person_needs_is_shown_with_the_one_review_only(life: Life) -> None:
    listed = await review(life)
    shown = await life.engine.reader.review(life.caller, listed["id"])
    assert shown == {**listed, "detail": FOUND}
    person = (await life.engine.reader.account(life.caller, life.id)).persons[0]["id"]
    assert listed["subject"] == {"type": "person", "person": person}
    assert (listed["kind"], listed["outcome"], listed["queue"]) == (SCREENING, "inconclusive", "screening")
    assert (await decide(life))["detail"] == FOUND

    await life.rows("UPDATE accounts SET data_key = NULL, digest_key = NULL WHERE id = $1", life.id)
    assert (await life.engine.reader.review(life.caller, listed["id"]))["detail"] is None


# --- a decision sticks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decision", ["passed", "failed"])
async def test_the_same_finding_needs_no_second_decision(life: Life, decision: str) -> None:
    await decide(life, decision)
    stands = (await life.statuses())[CARD]
    await life.passes(DAY)
    await is_rechecked(life)
    assert [row["state"] for row in await life.checks(SCREENING)] == ["concluded", "due"]

    await hears(life, basis="found-a")

    assert len(await reviews(life)) == 1
    assert [row["state"] for row in await life.checks(SCREENING)] == ["concluded", "concluded"]
    assert (await evidence(life))[2:] == [("vendor", "inconclusive", "found-a"), ("review", decision, "found-a")]
    assert (await life.statuses())[CARD] == stands
    await life.look()
    assert len(await life.checks(SCREENING)) == 2  # the order is fulfilled


async def test_another_finding_does(life: Life) -> None:
    await decide(life)
    await life.passes(DAY)
    await is_rechecked(life)
    await hears(life, basis="found-b")
    assert [one["status"] for one in await reviews(life)] == ["decided", "open"]
    assert (await life.statuses())[CARD] == ACTIVE  # what was decided stays until there is another answer

    await decide(life, "failed")
    assert (await life.statuses())[CARD] == HELD
    # The newest decision counts: what was cleared once is looked at again after something else was found.
    await life.passes(2 * DAY)
    await is_rechecked(life)
    await hears(life, basis="found-a")
    assert [one["status"] for one in await reviews(life)] == ["decided", "decided", "open"]


async def test_a_finding_without_basis_always_goes_to_a_person(bureau: Engine) -> None:
    life = await Life.begin(bureau)
    await life.put(individual())
    await hears(life, basis=None)
    await decide(life)
    await life.passes(DAY)
    await is_rechecked(life)
    await hears(life, basis=None)
    assert [one["status"] for one in await reviews(life)] == ["decided", "open"]


async def test_an_expired_decision_holds_for_the_same_finding(life: Life) -> None:
    await decide(life)
    await life.passes(LASTS + DAY)
    await life.look()
    assert [row["state"] for row in await life.checks(SCREENING)] == ["concluded", "due"]
    await hears(life, basis="found-a")
    assert len(await reviews(life)) == 1
    assert (await life.statuses())[CARD] == ACTIVE


async def test_another_name_is_another_question(life: Life) -> None:
    await decide(life)
    await life.supply(identity__individual__surname="Thornwood")
    assert [row["state"] for row in await life.checks(SCREENING)] == ["concluded", "due"]
    await hears(life, basis="found-a")
    assert [one["status"] for one in await reviews(life)] == ["decided", "open"]


# --- contested --------------------------------------------------------------------------------------------------------


@pytest.fixture
async def contested(bureau: Engine) -> Life:
    """A screening passed, and a late report says otherwise."""
    life = await Life.begin(bureau)
    await life.put(individual())
    await life.pays_into()
    await hears(life, Outcome.PASSED, kind="keyed_identity")
    await hears(life, Outcome.PASSED)
    await hears_late(life, Outcome.FAILED)
    assert (await life.statuses())[CARD] == ACTIVE
    return life


@pytest.mark.parametrize(("decision", "status"), [("passed", ACTIVE), ("failed", HELD)])
async def test_a_contested_report_is_decided_by_its_review_alone(contested: Life, decision: str, status: str) -> None:
    life = contested
    assert await code_of(decide(life, "ask_again")) == "parameter_invalid"
    known = await review(life)
    assert (known["reason"], known["outcome"], known["status"]) == ("contested", "failed", "open")
    await decide(life, decision)
    assert (await life.statuses())[CARD] == status
    assert [row["state"] for row in await life.checks(SCREENING)] == ["concluded"]
    assert (await evidence(life))[-1][:2] == ("review", decision)
    assert (await review(life))["outcome"] == "failed"  # what was found, not what was decided


async def test_a_closed_account_has_no_open_reviews_but_contested_ones(life: Life, contested: Life) -> None:
    for one in (life, contested):
        await one.engine.accounts.close(one.caller, one.id, None, None)
    assert (await review(life))["status"] == "superseded"
    assert await code_of(decide(life)) == "review_superseded"
    before = await contested.statuses()
    assert (await decide(contested, "failed"))["status"] == "decided"
    assert await contested.statuses() == before


# --- claims -----------------------------------------------------------------------------------------------------------


async def test_a_claimed_review_is_its_claimers(life: Life) -> None:
    made, other = life.engine.reviews, replace(life.caller, actor="key_other")
    known = (await review(life))["id"]
    claimed = await made.claim(life.caller, known, None)
    assert (claimed["status"], claimed["claimed_by"], claimed["decided_by"]) == ("claimed", "key_story", None)
    again = await made.claim(life.caller, known, None)
    assert again == {**claimed, "claimed_until": again["claimed_until"]}
    claimed = again
    for work in (made.claim(other, known, None), made.release(other, known, None), decide(life, caller=other)):
        assert await code_of(work) == "review_claimed"
    released = await made.release(life.caller, known, None)
    assert (released["status"], released["claimed_by"]) == ("open", None)
    assert await made.release(other, known, None) == released
    assert (await decide(life, caller=other))["decided_by"] == "key_other"
    for work in (made.claim(life.caller, known, None), made.release(other, known, None), decide(life)):
        assert await code_of(work) == "review_decided"
    audit = await life.rows(
        "SELECT action, actor FROM audit_log WHERE account_id = $1 AND action LIKE 'review.%' ORDER BY position",
        life.id,
    )
    assert [tuple(row) for row in audit] == [
        ("review.claimed", "key_story"),
        ("review.claimed", "key_story"),
        ("review.released", "key_story"),
        ("review.released", "key_other"),
        ("review.decided", "key_other"),
    ]


async def test_a_claim_writes_no_version_and_no_event(life: Life) -> None:
    count = "SELECT (SELECT count(*) FROM versions WHERE account_id = $1) + (SELECT count(*) FROM events e"
    count += " WHERE e.account_id = $1)"
    before = await life.rows(count, life.id)
    await life.engine.reviews.claim(life.caller, (await review(life))["id"], None)
    assert await life.rows(count, life.id) == before


async def test_a_claim_does_not_keep_a_review_whose_question_is_gone(life: Life) -> None:
    known = (await review(life))["id"]
    await life.engine.reviews.claim(life.caller, known, None)
    await life.supply(identity__individual__surname="Thornwood")
    assert (await review(life))["status"] == "superseded"
    for work in (life.engine.reviews.claim(life.caller, known, None), decide(life)):
        assert await code_of(work) == "review_superseded"
    assert [one[0] for one in await evidence(life)] == ["vendor"]


async def test_a_request_repeated_answers_with_the_review_as_it_is_now(life: Life) -> None:
    made, known = life.engine.reviews, (await review(life))["id"]
    again = key("claim-1", f"POST /v2/verification/reviews/{known}/claim")
    await made.claim(life.caller, known, again)
    decided = await decide(life)
    assert await made.claim(life.caller, known, again) == decided
    assert len(await evidence(life)) == 2


# --- at once ----------------------------------------------------------------------------------------------------------


async def test_of_many_deciders_at_once_one_wins(life: Life) -> None:
    known = (await review(life))["id"]
    decisions = [Decision.PASSED, Decision.FAILED] * 4
    results = await asyncio.gather(
        *(
            life.engine.reviews.decide(replace(life.caller, actor=f"key_{number}"), known, one, (), None)
            for number, one in enumerate(decisions)
        ),
        return_exceptions=True,
    )
    [won] = [result for result in results if isinstance(result, dict)]
    lost = [result.code for result in results if isinstance(result, Refusal)]
    assert lost == ["review_decided"] * 7
    assert (await evidence(life))[1:] == [("review", won["decision"], "found-a")]


async def test_a_decision_and_a_change_of_inputs_at_once(life: Life) -> None:
    outcomes: list[Any] = await asyncio.gather(
        decide(life), life.supply(identity__individual__surname="Thornwood"), return_exceptions=True
    )
    came_late = isinstance(outcomes[0], Refusal)
    assert not came_late or outcomes[0].code == "review_superseded"
    assert (await review(life))["status"] == ("superseded" if came_late else "decided")
    assert [row["state"] for row in await life.checks(SCREENING)][1:] == ["due"]
    assert (await life.statuses())[CARD] != DETERMINING


# --- live, and whose --------------------------------------------------------------------------------------------------


async def test_live_reviews_are_decided_alike_and_are_nobody_elses(bureau: Engine) -> None:
    caller = await new_caller(bureau, livemode=True)
    patch = individual()
    patch["identity"] = {
        "country": "US",
        "entity_type": "individual",
        "individual": {"given_name": "Jenny", "surname": "Rosen"},
    }
    life = await Life.now(bureau, patch, caller)
    await hears(life)
    known = (await review(life))["id"]
    for stranger in (replace(caller, livemode=False), await new_caller(bureau, livemode=True)):
        assert await code_of(bureau.reviews.claim(stranger, known, None)) == "not_found"
        assert await code_of(bureau.reviews.decide(stranger, known, Decision.PASSED, (), None)) == "not_found"
    decided = await decide(life)
    assert (decided["livemode"], decided["detail"]) == (True, FOUND)
    assert [row["state"] for row in await life.checks(SCREENING)] == ["concluded"]


async def test_reviews_are_listed_by_status_and_queue(bureau: Engine, life: Life) -> None:
    first = (await review(life))["id"]
    await decide(life, "ask_again")
    await hears(life)
    second = await review(life)
    assert [one["id"] for one in await reviews(life, status="open")] == [second["id"]]
    assert [one["id"] for one in await reviews(life, status="decided")] == [first]
    assert [one["id"] for one in await reviews(life, queue="screening")] == [first, second["id"]]
    assert await reviews(life, queue="general") == []
    assert {one["detail"] for one in await reviews(life)} == {None}
    page = await bureau.reader.reviews(life.caller, queue="screening", limit=1)
    rest = await bureau.reader.reviews(life.caller, queue="screening", limit=1, cursor=page.next)
    assert ([one["id"] for one in page.data + rest.data], rest.next) == ([second["id"], first], None)
