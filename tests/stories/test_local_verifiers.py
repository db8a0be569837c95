"""Verifiers that have everything in memory: their answers are part of the plan, and only of a plan."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest

from onboarding.attempts import Stand
from onboarding.catalogue.loader import builtin_bytes
from onboarding.checks import Checks
from onboarding.domain.settle import Answer, Later
from onboarding.domain.state import Outcome
from onboarding.door.callers import Caller
from onboarding.engine import Engine, open_engine
from onboarding.settings import Settings
from onboarding.verifiers import lists, sandbox
from onboarding.verifiers.lists import ListVerifier
from onboarding.verifiers.manual import ManualVerifier
from onboarding.verifiers.port import Question, RepeatedStart, Report, Started, VerifierUnavailable
from onboarding.verifiers.registry import Verifiers
from onboarding.work import MAX_PLANS, Plan
from tests.stories.telling import DAY, SECOND, Life, individual, new_caller, test_policy
from tests.support.http_vendor import HttpVendor, HttpVerifier
from tests.support.pictures import pdf

SCREENING = "screening"
ASKED = ("address_match", "descriptor_review", "id_number_match", "keyed_identity", SCREENING, "website_review")
"""All that an individual is asked."""
UNSCREENED = tuple(kind for kind in ASKED if kind != SCREENING)
LISTED: dict[str, Any] = {
    "given_name": "Casimir",
    "surname": "Thornwood",
    "date_of_birth": {"day": 12, "month": 4, "year": 1961},
}
ORDINARY: dict[str, Any] = {
    "phone": "+14155552671",
    "date_of_birth": {"day": 7, "month": 6, "year": 1980},
    "address__line1": "12 Ordinary Road",
    "id_numbers": [],
}
"""Of somebody who lives."""
LASTS = timedelta(days=30)


@dataclass
class Local:
    """Answers its kinds, and counts the questions; ``ages`` are how old its next answers are."""

    kinds: tuple[str, ...] = ASKED
    name: str = "local"
    version: str = "7"
    outcome: Outcome = Outcome.PASSED
    is_loaded: bool = True
    ages: list[timedelta] = field(default_factory=list)
    asked: list[Question] = field(default_factory=list)

    def answer(self, question: Question) -> Answer | Later | None:
        self.asked.append(question)
        if question.kind not in self.kinds:
            return None
        if not self.is_loaded:
            raise VerifierUnavailable("not_loaded")
        reasons = () if self.outcome is Outcome.PASSED else ("verification_failed_other",)
        age = self.ages.pop(0) if self.ages else timedelta()
        return Answer(self.outcome, reasons, self.name, self.version, question.as_of - age)


class Opens(Protocol):
    """Opens an engine whose worker has these verifiers."""

    async def __call__(self, *local: Any, **more: Any) -> Engine: ...


@pytest.fixture
async def opens(settings: Settings) -> AsyncIterator[Opens]:
    async with AsyncExitStack() as stack:

        async def opened(*local: Any, policy: tuple[Any, bytes] | None = None, **more: Any) -> Engine:
            served: dict[str, Any] = {"exempt": sandbox.is_test_value, "local": local, "serve_sandbox": True}
            verifiers = Verifiers(**(served | more))
            published = {"policy": policy[0], "policy_bytes": policy[1]} if policy else {}
            engine = await open_engine(settings, verifiers=verifiers, **published)
            stack.push_async_callback(engine.close)
            return engine

        yield opened


async def begun(engine: Engine, caller: Caller | None = None, **changes: Any) -> Life:
    """An account that has told everything, and about which nobody was asked yet."""
    life = await Life.now(engine, individual(**changes), caller)
    await life.pays_into()
    return life


async def found(life: Life) -> list[tuple[str, str, str, str]]:
    """The evidence: kind, outcome, verifier and its version."""
    rows = await life.rows(
        "SELECT kind, outcome, verifier, verifier_version FROM evidence WHERE account_id = $1"
        " ORDER BY kind, recorded_at",
        life.id,
    )
    return [tuple(row) for row in rows]


async def states(life: Life) -> dict[str, str]:
    rows = await life.rows("SELECT kind, state FROM checks WHERE account_id = $1 ORDER BY opened_at, id", life.id)
    return {row["kind"]: row["state"] for row in rows}


async def test_a_plan_answers_what_local_verifiers_can_in_its_own_transaction(opens: Opens) -> None:
    local = Local()
    engine = await opens(local)
    life = await begun(engine)
    assert await states(life) == dict.fromkeys(ASKED, "due")
    assert local.asked == []  # a request asks nobody

    with engine.database.round_trips() as sent:
        plan = await life.plan()

    assert len([sql for sql in sent if sql.startswith("BEGIN")]) == 1
    assert (plan.checks, plan.done, plan.stage, plan.again) == ((), True, "active", False)
    assert await states(life) == dict.fromkeys(ASKED, "concluded")
    assert await found(life) == [(kind, "passed", "local", "7") for kind in ASKED]
    assert await life.rows("SELECT 1 FROM attempts WHERE account_id = $1", life.id) == []
    assert sorted(question.kind for question in local.asked) == sorted(ASKED)
    assert all(question.inputs for question in local.asked)

    before = await life.written()
    assert (await life.plan()).done
    assert await life.written() == before
    assert len(local.asked) == len(ASKED)


async def test_what_no_local_verifier_knows_is_claimed_for_a_run(opens: Opens) -> None:
    life = await begun(await opens(Local((SCREENING,))))

    plan = await life.plan()

    assert await found(life) == [(SCREENING, "passed", "local", "7")]
    rows = await life.rows("SELECT id FROM checks WHERE account_id = $1 AND kind <> $2", life.id, SCREENING)
    assert sorted(plan.checks) == sorted(row["id"] for row in rows)
    assert len(plan.checks) == len(ASKED) - 1
    assert (await life.plan("another")).checks == ()


async def test_the_first_that_knows_answers(opens: Opens) -> None:
    unknowing, absent, first, second = (
        Local((), "unknowing"),
        Local(ASKED, "absent", is_loaded=False),
        Local((SCREENING,), "first"),
        Local(ASKED, "second"),
    )
    life = await begun(await opens(unknowing, absent, first, second))

    await life.plan()

    assert [(kind, name) for kind, _, name, _ in await found(life)] == [
        (kind, "first" if kind == SCREENING else "second") for kind in ASKED
    ]
    assert len(unknowing.asked) == len(absent.asked) == len(ASKED)


async def test_sandbox_accounts_are_not_asked_about(opens: Opens) -> None:
    local, real = Local(), sandbox.SandboxVerifier()

    class Some:
        name, version = real.name, real.version

        def answer(self, question: Question) -> Answer | Later | None:
            return None if question.kind == SCREENING else real.answer(question)

    engine = await opens(local, sandbox=Some(), bank_tokens=sandbox.BANK_TOKENS, serve_sandbox=False)
    life = await begun(engine)
    plan = await life.plan()

    assert (local.asked, len(plan.checks)) == ([], 1)
    assert (await states(life))[SCREENING] == "due"

    # The same process serves live accounts, with values that are nobody's test values.
    caller = await new_caller(engine, livemode=True)
    live = await Life.now(engine, individual(**ORDINARY), caller)
    await live.plan()
    assert (SCREENING, "passed", "local", "7") in await found(live)


async def test_a_failure_is_told_and_an_indecisive_answer_goes_to_people(opens: Opens) -> None:
    engine = await opens(
        Local((SCREENING,)), Local(("address_match",), "strict", outcome=Outcome.FAILED), ManualVerifier(ASKED)
    )
    life = await begun(engine)

    plan = await life.plan()

    assert await states(life) == {
        "address_match": "concluded",
        "descriptor_review": "in_review",
        "id_number_match": "in_review",
        "keyed_identity": "in_review",
        "website_review": "in_review",
        SCREENING: "concluded",
    }
    assert (plan.checks, plan.waiting_for, (await life.plan()).review_queue) == ((), "review", "general")
    reviews = await life.rows("SELECT reason_code, state FROM reviews WHERE account_id = $1", life.id)
    assert [tuple(row) for row in reviews] == [("manual_verification", "open")] * 4
    assert "verification_failed_other" in " ".join((await life.entries()).values())


async def test_a_check_that_a_vendor_works_on_is_left_to_it(opens: Opens) -> None:
    local = Local((SCREENING,), is_loaded=False)
    with HttpVendor(reports_after=None) as vendor:
        engine = await opens(local, outward=(HttpVerifier(vendor, frozenset({SCREENING})),))
        life = await begun(engine)
        plan = await life.plan()
        [row] = await life.rows("SELECT id FROM checks WHERE account_id = $1 AND kind = $2", life.id, SCREENING)
        assert row["id"] in plan.checks
        checks = Checks(engine.door, engine.database, engine.verifiers, engine.inbox)
        assert (await checks.advance(life.id, row["id"])).stand is Stand.WAITING
        asked = len(local.asked)
        local.is_loaded = True

        await life.plan()

        assert [question for question in local.asked[asked:] if question.kind == SCREENING] == []
        assert await found(life) == []
        assert not vendor.cases["case-1"].cancelled


async def test_screening_waits_for_lists_that_are_not_loaded(opens: Opens, tmp_path: Path) -> None:
    source = Path(lists.__file__).parent / "data" / "fictional.yaml"
    (tmp_path / source.name).write_bytes(source.read_bytes())
    screening = ListVerifier(lists.sources_in(tmp_path))
    engine = await opens(screening, Local(UNSCREENED))
    life = await begun(engine)

    plan = await life.plan()
    assert (await states(life))[SCREENING] == "due"
    [check_id] = plan.checks
    step = await Checks(engine.door, engine.database, engine.verifiers, engine.inbox).advance(life.id, check_id)
    assert (step.stand, step.wait) == (Stand.UNAVAILABLE, None)
    waiting = await life.plan()
    assert (await states(life))[SCREENING] == "unavailable"
    assert (waiting.checks, waiting.done, waiting.waiting_for) == ((), False, "verifier")
    assert await life.rows("SELECT 1 FROM reviews WHERE account_id = $1", life.id) == []
    assert "passed" not in [outcome for kind, outcome, *_ in await found(life) if kind == SCREENING]

    screening.refresh()
    plan = await life.plan()
    assert (plan.checks, plan.stage) == ((), "active")
    assert (SCREENING, "passed", "lists", screening.version) in await found(life)


async def test_somebody_on_a_list_goes_to_people_with_what_was_found(opens: Opens) -> None:
    life = await begun(await opens(lists.bundled_lists(), Local(UNSCREENED)), **LISTED)

    plan = await life.plan()

    assert (await states(life))[SCREENING] == "in_review"
    assert (plan.waiting_for, plan.checks) == ("review", ())
    [review] = await life.rows("SELECT id, reason_code FROM reviews WHERE account_id = $1", life.id)
    assert review["reason_code"] == "screening_hit"
    shown = await life.engine.reader.review(life.caller, review["id"])
    assert "Thornwood" in json.dumps(shown["detail"])
    assert "Thornwood" not in plan.details
    # Another plan asks nobody again.
    before = await life.written()
    await life.plan()
    assert await life.written() == before


# --- checks that a plan's own look opens -----------------------------------------------------------------------------


def short_lived() -> tuple[Any, bytes]:
    """A policy by which a screening has to be repeated after a month."""
    known = json.loads(builtin_bytes())["document"]["checks"][SCREENING]
    return test_policy(43, screening={**known, "lasts_days": LASTS.days})


def screenings(local: Local) -> int:
    return len([question for question in local.asked if question.kind == SCREENING])


async def test_a_check_that_the_plans_own_look_opens_is_answered_by_the_next_round(opens: Opens) -> None:
    """An answer that is too old already is no answer: the look asks again."""
    local = Local()
    engine = await opens(local, policy=short_lived())
    life = await begun(engine)
    opened = {
        row["kind"]: row["id"] for row in await life.rows("SELECT kind, id FROM checks WHERE account_id = $1", life.id)
    }
    # The first answers of that plan: to all four, in the order of the checks.
    local.ages = [LASTS + DAY] * len(ASKED)

    with engine.database.round_trips() as sent:
        plan = await life.plan()

    assert len([sql for sql in sent if sql.startswith("BEGIN")]) == 2
    assert (plan.again, plan.checks, plan.stage) == (False, (), "active")
    rows = await life.checks(SCREENING)
    assert [(row["state"], row["outcome"]) for row in rows] == [("concluded", "passed")] * 2
    assert len(opened) == len(ASKED)


async def test_rounds_are_bounded_and_what_is_left_is_swept(opens: Opens) -> None:
    local = Local(ages=[LASTS + DAY] * 100)
    engine = await opens(local, policy=short_lived())
    life = await begun(engine)

    with engine.database.round_trips() as sent:
        plan = await life.plan()

    assert len([sql for sql in sent if sql.startswith("BEGIN")]) == MAX_PLANS
    assert (plan.again, plan.checks, plan.done) == (True, (), False)
    [row] = await life.rows("SELECT look_at <= clock_timestamp() FROM accounts WHERE id = $1", life.id)
    assert tuple(row) == (True,)
    assert life.id in await engine.work.sweep(10_000)


async def test_an_answer_that_time_took_is_given_again_by_the_plan_that_finds_out(opens: Opens) -> None:
    local = Local()
    engine = await opens(local, policy=short_lived())
    life = await Life.begin(engine)
    await life.put(individual())
    await life.pays_into()
    await life.plan()
    assert screenings(local) == 1

    await life.passes(LASTS + SECOND)
    plan: Plan = await life.plan()

    assert (plan.checks, plan.stage, screenings(local) > 1) == ((), "active", True)
    assert [row["state"] for row in await life.checks(SCREENING)] == ["concluded"] * 2


class Reads:
    """An outward verifier that asks for a document where the keyed data were wrong, and reads it."""

    name = "reads"
    version = "1"
    kinds = frozenset({"identity_document"})
    repeated_start = RepeatedStart.NONE
    key_lifetime = timedelta()

    def __init__(self) -> None:
        self.read: list[bytes] = []

    async def start(self, question: Question, *, our_reference: str, idempotency_key: str) -> Report:
        assert our_reference != idempotency_key
        documents = question.documents
        [file] = json.loads(question.inputs["documents.primary_verification"])["front_back"].values()
        if documents is not None:
            self.read = [part async for part in documents.read(file)]
        return Report(Outcome.PASSED, (), question.as_of)

    async def find(self, our_reference: str) -> Started | None:
        raise AssertionError(our_reference)

    async def poll(self, vendor_reference: str, question: Question | None) -> Report | Started | None:
        raise AssertionError(vendor_reference, question)

    async def cancel(self, vendor_reference: str) -> None:
        raise AssertionError(vendor_reference)


async def test_an_outward_verifier_reads_the_document_that_it_is_asked_about(opens: Opens) -> None:
    reads = Reads()
    engine = await opens(Local(("keyed_identity",), outcome=Outcome.FAILED), outward=(reads,))
    life = await begun(engine)
    await life.plan()
    async with engine.files.upload(life.caller, life.id) as upload:
        await upload.write(pdf())
        await upload.commit("identity_document", None, None, lambda _stored: {})
    front = {"type": "front_back", "front_back": {"front": upload.file_id}}
    await life.supply(identity__individual__documents={"primary_verification": front})
    await life.plan()
    [row] = await life.rows(
        "SELECT id FROM checks WHERE account_id = $1 AND kind = 'identity_document' AND ended_at IS NULL", life.id
    )

    checks = Checks(engine.door, engine.database, engine.verifiers, engine.inbox, files=engine.files)
    await checks.advance(life.id, row["id"])

    assert b"".join(reads.read) == pdf()
    assert (await states(life))["identity_document"] == "concluded"
