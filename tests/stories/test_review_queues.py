"""How people share the reviews: who comes first, who has one, who must agree, and what the user is asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from onboarding.catalogue.loader import builtin_bytes, compile_policy, policy_bytes
from onboarding.domain.errors import EngineFault, Refusal
from onboarding.domain.reviews import is_sampled
from onboarding.domain.settle import Answer, Later
from onboarding.domain.state import Outcome
from onboarding.door.callers import Caller
from onboarding.door.draft import Draft
from onboarding.engine import Engine, open_engine
from onboarding.inspection import inspect
from onboarding.reviews import Decision
from onboarding.runs import minute
from onboarding.settings import Settings
from onboarding.verifiers import sandbox
from onboarding.verifiers.port import Question
from onboarding.verifiers.registry import Verifiers
from tests.stories.telling import ACTIVE, CARD, DAY, HOUR, PAST_DUE, Life, individual, new_caller
from tests.support.details import rows

SCREENING, IDENTITY = "screening", "keyed_identity"
ALL_ASKED = "address_match"
"""A kind of check of which every pass is looked at here."""

DOCUMENT = "identity.individual.documents.primary_verification"
UNREADABLE = "verification_document_not_readable"
MARKER = "Zelmira Quastenberger"
LATE_EVENT = "v2.verification.review.escalated"


@pytest.fixture(scope="module")
async def desk(settings: Settings) -> AsyncIterator[Engine]:
    """An engine where screening and identity are a worker's; two persons decide about identity."""
    verifier = sandbox.SandboxVerifier()

    class SomeSandbox:
        name, version = verifier.name, verifier.version

        def answer(self, question: Question) -> Answer | Later | None:
            return None if question.kind in (SCREENING, IDENTITY) else verifier.answer(question)

    document = json.loads(builtin_bytes())["document"]
    document["reviews"] |= {
        "screening": {"sla_hours": 8, "priority": 20},
        "identity": {"sla_hours": 30, "four_eyes": True},
        "addresses": {"sample_share": 1.0},
    }
    document["checks"][IDENTITY]["queue"] = "identity"
    document["checks"][ALL_ASKED]["queue"] = "addresses"
    packed = policy_bytes("desk", 1, document)
    verifiers = Verifiers(sandbox=SomeSandbox(), exempt=sandbox.is_test_value, bank_tokens=sandbox.BANK_TOKENS)
    engine = await open_engine(settings, verifiers=verifiers, policy=compile_policy(packed), policy_bytes=packed)
    yield engine
    await engine.close()


@dataclass(frozen=True)
class Heard:
    """A verifier answered about the open check of a kind."""

    kind: str
    outcome: Outcome
    cause = "check.attempt_heard"

    def apply(self, draft: Draft) -> None:
        [check] = [one for one in draft.state.checks if one.kind == self.kind]
        draft.answer(check, Answer(self.outcome, (), "vendor", "7", draft.as_of))


async def hears(life: Life, kind: str, outcome: Outcome = Outcome.INCONCLUSIVE) -> None:
    await life.engine.door.revise(life.id, Heard(kind, outcome))


async def in_review(engine: Engine, *kinds: str, caller: Caller | None = None) -> Life:
    """Somebody about whom these checks wait for a person; all else has passed."""
    life = await Life.begin(engine, caller)
    await life.put(individual())
    await life.pays_into()
    for kind in (SCREENING, IDENTITY):
        await hears(life, kind, Outcome.INCONCLUSIVE if kind in kinds else Outcome.PASSED)
    return life


async def listed(life: Life, **chosen: Any) -> list[dict[str, Any]]:
    return (await life.engine.reader.reviews(life.caller, **chosen)).data


async def review(life: Life, kind: str = SCREENING) -> dict[str, Any]:
    """The newest review about a kind of check that is no sample."""
    found = [one for one in await listed(life, account_id=life.id) if one["kind"] == kind]
    return max((one for one in found if one["reason"] != "sampled"), key=lambda one: one["id"])


async def decide(
    life: Life, known: dict[str, Any], decision: str, *reasons: str, reviewer: str | None = None, by: str = "key_story"
) -> dict[str, Any]:
    caller = replace(life.caller, actor=by)
    work = life.engine.reviews.decide(caller, known["id"], Decision(decision), reasons, None, reviewer=reviewer)
    return await work


async def outcome_of(work: Any) -> str:
    """What a call answers the status of, or the code that it is refused with."""
    try:
        return str((await work)["status"])
    except Refusal as refusal:
        return refusal.code


async def told(life: Life, what: str) -> list[tuple[timedelta, Any]]:
    """Events of a type about reviews, each with when it became so."""
    return [
        (datetime.fromisoformat(event["effective_at"]) - life.start, event["related_object"]["id"])
        for event in await life.events()
        if event["type"] == f"v2.verification.review.{what}"
    ]


async def actions(life: Life) -> list[str]:
    sql = "SELECT action FROM audit_log WHERE account_id = $1 AND action LIKE 'review.%' ORDER BY position"
    return [row["action"] for row in await life.rows(sql, life.id)]


async def is_consistent(life: Life) -> None:
    found = await inspect(life.engine.database, life.engine.ring, account_id=life.id, is_opening=True)
    assert [str(one) for one in found.findings] == []


# --- who has one ------------------------------------------------------------------------------------------------------


async def test_of_many_who_claim_at_once_one_has_it(desk: Engine) -> None:
    life = await in_review(desk, SCREENING)
    known = await review(life)
    names = [f"reviewer-{number}" for number in range(6)]

    claims = (outcome_of(desk.reviews.claim(life.caller, known["id"], None, reviewer=name)) for name in names)
    answers = await asyncio.gather(*claims)

    assert sorted(answers) == ["claimed", *["review_claimed"] * 5]
    held = await review(life)
    assert held["reviewer"] == names[answers.index("claimed")]
    assert held["claimed_by"] == "key_story"
    await is_consistent(life)


async def test_each_who_takes_the_next_gets_another_one(desk: Engine) -> None:
    caller = await new_caller(desk)
    lives = [await in_review(desk, SCREENING, caller=caller) for _ in range(3)]
    ids = [(await review(life))["id"] for life in lives]
    await desk.reviews.assign(caller, ids[0], "ada", None)

    def take(name: str | None) -> Any:
        return desk.reviews.claim_next(caller, "screening", None, reviewer=name)

    assert (await take("ada"))["id"] == ids[0]  # hers before any other
    taken = await asyncio.gather(take("ben"), take("cleo"))
    assert {one["id"] for one in taken} == set(ids[1:])
    assert await outcome_of(take(None)) == "review_queue_empty"
    assert await outcome_of(desk.reviews.claim_next(caller, "documents", None)) == "review_queue_empty"
    await desk.reviews.release(caller, ids[0], None, reviewer="ada")
    assert await outcome_of(take("ben")) == "review_queue_empty"  # it is assigned to somebody else
    await desk.reviews.assign(caller, ids[0], None, None)
    assert (await take("ben"))["id"] == ids[0]


async def test_a_claim_that_is_not_renewed_ends(desk: Engine) -> None:
    life = await in_review(desk, SCREENING)
    known = await review(life)
    await desk.reviews.claim(life.caller, known["id"], None, reviewer="ada")
    assert [one["id"] for one in await listed(life, status="claimed")] == [known["id"]]
    assert await listed(life, status="open", queue="screening") == []

    await life.rows("UPDATE reviews SET claimed_until = clock_timestamp() WHERE id = $1", known["id"])

    [again] = await listed(life, status="open", queue="screening")
    assert (again["claimed_by"], again["reviewer"], again["claimed_until"]) == (None, None, None)
    assert await listed(life, status="claimed") == []
    taken = await desk.reviews.claim_next(life.caller, "screening", None, reviewer="ben")
    assert taken["reviewer"] == "ben"
    assert await outcome_of(decide(life, known, "passed", reviewer="ada")) == "review_claimed"
    assert await outcome_of(decide(life, known, "passed", reviewer="ben")) == "decided"


# --- two persons ------------------------------------------------------------------------------------------------------


async def test_another_person_confirms_and_the_same_one_can_not(desk: Engine) -> None:
    life = await in_review(desk, IDENTITY)
    known = await review(life, IDENTITY)
    code, before = "verification_failed_keyed_identity", await life.statuses()

    first = await decide(life, known, "failed", code, reviewer="ada")

    assert (first["status"], first["decision"], first["claimed_by"]) == ("proposed", None, None)
    [proposal] = first["proposals"]
    assert (proposal["decision"], proposal["reviewer"], proposal["reasons"]) == ("failed", "ada", [code])
    assert await life.statuses() == before
    for reviewer, by in (("ada", "key_story"), ("ada", "key_other"), (None, "key_story")):
        assert await outcome_of(decide(life, known, "failed", reviewer=reviewer, by=by)) == "review_four_eyes"
        claim = desk.reviews.claim(replace(life.caller, actor=by), known["id"], None, reviewer=reviewer)
        assert await outcome_of(claim) == "review_four_eyes"
    with pytest.raises(Refusal) as refused:
        await desk.reviews.decide_unverified(life.id, known["id"], Decision.FAILED, ())
    assert (refused.value.code, "Temporal UI" in refused.value.message) == ("review_four_eyes", True)

    second = await decide(life, known, "failed", reviewer="ben")

    assert (second["status"], second["decision"], second["reviewer"]) == ("decided", "failed", "ben")
    [row] = await life.rows("SELECT reasons FROM evidence WHERE account_id = $1 AND verifier = 'review'", life.id)
    assert row["reasons"] == [code]  # as the first one said it
    assert any(text.endswith(code) for text in (await life.entries()).values())
    assert await told(life, "escalated") == []
    await is_consistent(life)


async def test_persons_who_differ_escalate_until_two_agree(desk: Engine) -> None:
    life = await in_review(desk, IDENTITY)
    known = await review(life, IDENTITY)
    await decide(life, known, "failed", reviewer="ada")

    differs = await decide(life, known, "passed", reviewer="ben")

    assert (differs["status"], differs["priority"]) == ("proposed", 0)
    assert differs["escalated_at"] is not None
    assert await told(life, "escalated") == [(timedelta(), known["id"])]
    assert await outcome_of(decide(life, known, "failed", reviewer="ben")) == "review_four_eyes"
    third = await decide(life, known, "passed", reviewer="cleo")
    assert (third["status"], third["decision"]) == ("decided", "passed")
    assert (await life.statuses())[CARD] == ACTIVE


# --- when it is late --------------------------------------------------------------------------------------------------


async def test_a_late_review_comes_to_the_front_at_its_own_time(desk: Engine) -> None:
    life = await in_review(desk, SCREENING, IDENTITY)
    screening, identity = await review(life), await review(life, IDENTITY)
    assert datetime.fromisoformat(screening["sla_at"]) == life.start + 8 * HOUR
    assert (await life.row())["wake_at"] == life.start + 8 * HOUR
    row, link = await shown(life, screening)
    assert row[1:] == (
        minute(life.start),
        minute(life.start + 8 * HOUR),
        f"a reviewer decides {link}, in queue `screening`",
    )
    assert [one["id"] for one in await listed(life, status="open")][:2] == [screening["id"], identity["id"]]

    await life.comes(7 * HOUR)
    assert (await told(life, "escalated"), await listed(life, overdue=True)) == ([], [])
    await life.comes(9 * HOUR)

    late = await review(life)
    assert (late["priority"], late["overdue"]) == (0, True)
    assert datetime.fromisoformat(late["escalated_at"]) == life.start + 8 * HOUR
    assert await told(life, "escalated") == [(8 * HOUR, screening["id"])]
    assert [one["id"] for one in await listed(life, overdue=True)] == [screening["id"]]
    assert screening["id"] not in {one["id"] for one in await listed(life, overdue=False)}
    await decide(life, screening, "passed")
    assert (await life.row())["wake_at"] == life.start + 30 * HOUR  # when the other one is late
    await is_consistent(life)


async def test_nobody_needs_to_look_in_time(desk: Engine) -> None:
    life = await in_review(desk, SCREENING, IDENTITY)
    screening, identity = await review(life), await review(life, IDENTITY)
    assert await listed(life, overdue=True) == []

    await life.passes(2 * DAY)  # nobody works, but whoever reads is told
    assert screening["id"] in {one["id"] for one in await listed(life, overdue=True)}
    assert await told(life, "escalated") == []
    await life.look()

    late = await told(life, "escalated")
    assert late[0] == (8 * HOUR, screening["id"])
    assert (30 * HOUR, identity["id"]) in late
    assert late == sorted(late)
    moments = (await life.engine.timeline.read(life.caller, life.id, limit=50)).data
    [at] = {one["at"] for one in moments for what in one["changes"] if what["type"] == "review.escalated"} - {
        one["at"] for one in moments if datetime.fromisoformat(one["at"]) != life.start + 8 * HOUR
    }
    assert datetime.fromisoformat(at) == life.start + 8 * HOUR
    before = await life.written()
    await life.look()
    assert await life.written() == before
    await is_consistent(life)


async def test_a_live_accounts_review_is_found_without_temporal(desk: Engine) -> None:
    life = await Life.now(desk, individual())
    await life.pays_into()
    await hears(life, IDENTITY, Outcome.PASSED)
    await hears(life, SCREENING)
    known = await review(life)
    await life.plan()  # claims the account's run
    row = await life.row()
    assert row["look_at"] <= datetime.fromisoformat(known["sla_at"])
    await life.rows("UPDATE reviews SET look_at = clock_timestamp() WHERE account_id = $1", life.id)

    assert (life.id, known["id"]) in await desk.reviews.due(10_000)
    assert (life.id, known["id"]) not in await desk.reviews.due(10_000)  # offered, and only later again

    await life.rows("UPDATE reviews SET look_at = clock_timestamp() WHERE id = $1", known["id"])
    assert known["id"] in (await life.plan()).reviews
    assert (await life.plan()).reviews == ()
    stand = await desk.reviews.see(life.id, known["id"])
    assert stand is not None
    assert (stand.status, stand.queue) == ("open", "screening")
    assert stand.wait is not None
    assert 7 * HOUR < stand.wait <= 8 * HOUR


async def test_what_a_review_s_run_shows_is_owed_until_it_has_looked_again(desk: Engine) -> None:
    """Whoever claimed or decided it may have died before it said so, or Temporal was away."""
    life = await in_review(desk, SCREENING)
    known = await review(life)
    due = (life.id, known["id"])
    await life.plan()
    await desk.reviews.see(life.id, known["id"])  # it has a run
    assert due not in await desk.reviews.due(10_000)

    await desk.reviews.claim(life.caller, known["id"], None, reviewer="ada")
    assert due in await desk.reviews.due(10_000)
    stand = await desk.reviews.see(life.id, known["id"])
    assert stand is not None
    assert stand.status == "claimed"
    assert due not in await desk.reviews.due(10_000)

    assert (await decide(life, known, "passed", reviewer="ada"))["status"] == "decided"
    assert due in await desk.reviews.due(10_000)
    stand = await desk.reviews.see(life.id, known["id"])
    assert stand is not None
    assert (stand.status, stand.wait) == ("decided", None)
    [row] = await life.rows("SELECT look_at FROM reviews WHERE id = $1", known["id"])
    assert row["look_at"] is None


async def test_a_decision_is_owed_where_nobody_was_told_of_the_claim_before_it_either(desk: Engine) -> None:
    life = await in_review(desk, SCREENING)
    known = await review(life)
    await life.plan()
    await desk.reviews.see(life.id, known["id"])
    await desk.reviews.claim(life.caller, known["id"], None, reviewer="ada")
    await decide(life, known, "passed", reviewer="ada")

    assert (life.id, known["id"]) in await desk.reviews.due(10_000)


async def test_the_run_of_a_decided_review_ends_though_its_account_can_not_be_decided(
    desk: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await in_review(desk, SCREENING, IDENTITY)
    known, other = await review(life), await review(life, IDENTITY)
    await life.plan()
    await decide(life, known, "passed")

    async def broken(*_: object) -> None:
        raise EngineFault("engine_KeyError")

    monkeypatch.setattr(desk.door, "revise", broken)
    stand = await desk.reviews.see(life.id, known["id"])
    assert stand is not None
    assert (stand.status, stand.wait) == ("decided", None)
    assert (life.id, known["id"]) not in await desk.reviews.due(10_000)
    with pytest.raises(EngineFault):  # nobody has decided this one
        await desk.reviews.see(life.id, other["id"])


async def shown(life: Life, known: Any) -> tuple[tuple[str, ...], str]:
    """The row of a review's check in what operators read, and the link to the review's run."""
    [found] = [row for row in rows((await life.plan()).details) if row[0] == f"{known['kind']}: in review"]
    return found, f"[the review](namespaces/{{namespace}}/workflows/review%2F{known['id']})"


# --- what the user is asked -------------------------------------------------------------------------------------------


async def test_the_user_is_asked_and_what_comes_opens_the_review_again(desk: Engine) -> None:
    life = await in_review(desk, SCREENING)
    known = await review(life)
    before = await life.entries()
    await desk.reviews.claim(life.caller, known["id"], None, reviewer="ada")

    asked = await desk.reviews.request_information(
        life.caller, known["id"], ((DOCUMENT, UNREADABLE),), None, reviewer="ada"
    )

    assert (asked["status"], asked["sla_at"], asked["claimed_by"]) == ("waiting", None, None)
    assert await life.entries() == {**before, DOCUMENT: f"past_due {UNREADABLE}"}
    assert (await life.statuses())[CARD] == PAST_DUE
    plan = await life.plan()
    assert plan.waiting_for == "user"
    row, link = await shown(life, known)
    assert row[2:] == ("—", f"the platform's user supplies what {link} asks for")
    explained = await desk.explanations.explain(life.caller, life.id, capability=CARD)
    [node] = [one for one in explained["capabilities"][0]["blocked_by"] if one["cause"] == "ordered"]
    assert (node["need"], node["reasons"]) == ({"type": "check", "kind": SCREENING}, [UNREADABLE])
    assert {"type": "field", "path": "documents.primary_verification"} in node["by"]
    assert await outcome_of(desk.reviews.claim_next(life.caller, "screening", None)) == "review_queue_empty"
    await life.comes(2 * DAY)
    assert known["id"] not in [one for _, one in await told(life, "escalated")]  # no SLA runs while the user has it

    await life.put({"identity": {"individual": {"phone": "+14155550123"}}})
    assert (await review(life))["status"] == "waiting"  # that was not what was asked for
    await supplies(life)

    again = await review(life)
    assert (again["id"], again["status"], again["priority"]) == (known["id"], "open", 0)
    assert datetime.fromisoformat(again["sla_at"]) == life.start + 2 * DAY + 8 * HOUR
    assert await life.entries() == before
    assert [at for at, _ in await told(life, "information_requested")] == [timedelta()]
    assert [at for at, _ in await told(life, "information_supplied")] == [2 * DAY]
    [order] = await life.rows("SELECT * FROM orders WHERE account_id = $1", life.id)
    assert (order["kind"], order["reason"], order["undone_by"]) == ("request_information", UNREADABLE, "worker")
    await decide(life, known, "passed")
    assert (await life.statuses())[CARD] == ACTIVE
    assert await actions(life) == [
        "review.claimed",
        "review.information_requested",
        "review.decided",
    ]
    await is_consistent(life)


async def test_the_same_value_supplied_anew_counts_though_no_time_passes(desk: Engine) -> None:
    life = await in_review(desk, SCREENING)
    known = await review(life)
    phone = "identity.individual.phone"
    entries = ((phone, "verification_failed_other"), (DOCUMENT, UNREADABLE))
    await desk.reviews.request_information(life.caller, known["id"], entries, None)
    await life.look()
    assert phone in await life.entries()

    await life.put({"identity": {"individual": {"phone": individual()["identity"]["individual"]["phone"]}}})

    assert phone not in await life.entries()
    assert (await review(life))["status"] == "waiting"  # one of the two is still missing
    await supplies(life)
    assert (await review(life))["status"] == "open"


async def test_an_input_supplied_anew_is_another_question(desk: Engine) -> None:
    life = await in_review(desk, SCREENING)
    known = await review(life)
    surname = "identity.individual.surname"
    await desk.reviews.request_information(life.caller, known["id"], ((surname, "verification_failed_other"),), None)

    await life.put({"identity": {"individual": {"surname": "Rosenthal"}}})

    assert (await review(life))["status"] == "superseded"
    assert (await life.entries())[surname] == "eventually_due ours"
    assert await life.rows("SELECT 1 FROM orders WHERE account_id = $1 AND undone_at IS NULL", life.id) == []
    await is_consistent(life)


async def test_a_decision_ends_what_was_asked(desk: Engine) -> None:
    life = await in_review(desk, SCREENING)
    known = await review(life)
    await desk.reviews.request_information(life.caller, known["id"], ((DOCUMENT, UNREADABLE),), None)

    await decide(life, known, "passed")

    assert DOCUMENT not in await life.entries()
    assert (await life.statuses())[CARD] == ACTIVE
    assert await life.rows("SELECT 1 FROM orders WHERE account_id = $1 AND undone_at IS NULL", life.id) == []
    await is_consistent(life)


@pytest.mark.parametrize(
    ("entry", "param"),
    [
        (("identity.business_details.phone", UNREADABLE), "entries[0].description"),
        ((MARKER, UNREADABLE), "entries[0].description"),
        ((DOCUMENT, MARKER), "entries[0].error"),
    ],
)
async def test_only_fields_and_codes_of_the_policy_are_asked(desk: Engine, entry: tuple[str, str], param: str) -> None:
    life = await in_review(desk, SCREENING)
    known = await review(life)
    before = await life.written()

    with pytest.raises(Refusal) as refused:
        await desk.reviews.request_information(life.caller, known["id"], (entry,), None)

    assert (refused.value.code, refused.value.param) == ("parameter_invalid", param)
    assert MARKER not in refused.value.message
    assert await life.written() == before


# --- samples ----------------------------------------------------------------------------------------------------------


def test_a_share_of_passes_is_chosen_by_their_ids() -> None:
    ids = [f"check_{number}" for number in range(10_000)]
    chosen = {share: {one for one in ids if is_sampled(one, share)} for share in (0.0, 0.02, 0.5, 1.0)}

    assert (len(chosen[0.0]), len(chosen[1.0])) == (0, 10_000)
    assert 150 <= len(chosen[0.02]) <= 250
    assert 4800 <= len(chosen[0.5]) <= 5200
    assert chosen[0.02] < chosen[0.5]  # a greater share looks at the same ones and more
    assert sorted(chosen[0.02])[:3] == sorted(one for one in ids if is_sampled(one, 0.02))[:3]


async def test_a_sampled_pass_blocks_nothing_and_can_be_found_wrong(desk: Engine) -> None:
    right, wrong = await in_review(desk), await in_review(desk)
    for life in (right, wrong):
        [sample] = await listed(life, account_id=life.id)
        assert (sample["queue"], sample["reason"], sample["kind"]) == ("quality", "sampled", ALL_ASKED)
        assert set((await life.statuses()).values()) == {ACTIVE}
    before = await right.rows("SELECT id FROM evidence WHERE account_id = $1", right.id)

    [sample] = await listed(right, account_id=right.id)
    assert (await decide(right, sample, "passed"))["status"] == "decided"
    assert await right.rows("SELECT id FROM evidence WHERE account_id = $1", right.id) == before
    [sample] = await listed(wrong, account_id=wrong.id)
    assert await outcome_of(decide(wrong, sample, "ask_again")) == "parameter_invalid"
    assert (await decide(wrong, sample, "failed"))["status"] == "decided"

    [row] = await wrong.rows(
        "SELECT kind, outcome FROM evidence WHERE account_id = $1 AND verifier = 'review'", wrong.id
    )
    assert (row["kind"], row["outcome"]) == (ALL_ASKED, "failed")
    assert any(text.endswith("verification_failed_other") for text in (await wrong.entries()).values())
    for life in (right, wrong):
        await is_consistent(life)


# --- the list and the notes -------------------------------------------------------------------------------------------


async def test_pages_stay_right_while_reviews_are_added(desk: Engine) -> None:
    caller = await new_caller(desk)
    lives = [await in_review(desk, SCREENING, caller=caller) for _ in range(3)]
    ids = [(await review(life))["id"] for life in lives]
    chosen: dict[str, Any] = {"queue": "screening", "limit": 1}
    first = await desk.reader.reviews(caller, **chosen)
    urgent = await in_review(desk, SCREENING, caller=caller)
    in_front = (await review(urgent))["id"]
    await urgent.rows("UPDATE reviews SET priority = 1 WHERE id = $1", in_front)

    second = await desk.reader.reviews(caller, cursor=first.next, **chosen)
    third = await desk.reader.reviews(caller, cursor=second.next, **chosen)
    back = await desk.reader.reviews(caller, cursor=third.previous, **chosen)
    before_all = await desk.reader.reviews(caller, cursor=(await desk.reader.reviews(caller, **chosen)).next, **chosen)

    assert [page.data[0]["id"] for page in (first, second, third, back)] == [*ids, ids[1]]
    assert third.next is None
    assert before_all.data[0]["id"] == ids[0]
    assert [one["id"] for one in await listed(urgent, queue="screening")] == [in_front, *ids]


async def test_notes_are_sealed_and_belong_to_the_review(desk: Engine) -> None:
    life = await in_review(desk, SCREENING)
    known = await review(life)
    told_before = len(await life.events())

    made = await desk.reviews.add_note(life.caller, known["id"], MARKER, None, reviewer="ada")
    await decide(life, known, "passed")
    await desk.reviews.add_note(life.caller, known["id"], "and once more", None)

    found = (await desk.reviews.notes(life.caller, known["id"])).data
    assert [(one["text"], one["reviewer"]) for one in found] == [("and once more", None), (MARKER, "ada")]
    assert found[1] == made
    [row] = await life.rows("SELECT t::text AS text, sealed FROM review_notes t WHERE id = $1", made["id"])
    assert MARKER not in row["text"]
    assert MARKER.encode() not in row["sealed"]
    assert not any(MARKER in json.dumps(event, default=str) for event in (await life.events())[told_before:])
    stranger = await new_caller(desk)
    assert await outcome_of(desk.reviews.add_note(stranger, known["id"], "mine", None)) == "not_found"
    await is_consistent(life)


async def supplies(life: Life) -> None:
    """The user supplies the document."""
    await life.put({"identity": {"individual": {"documents": {"primary_verification": DOCUMENT_VALUE}}}})


DOCUMENT_VALUE: dict[str, Any] = {"type": "front_back", "front_back": {"front": "file_identity_document_success"}}
