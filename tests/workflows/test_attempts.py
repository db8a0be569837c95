"""The life of attempts against a real vendor over HTTP: what a crash at each point costs, and who is asked next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import pytest
from temporalio.client import Client

from onboarding.attempts import Stand, Step
from onboarding.domain.state import Outcome
from onboarding.door.callers import Caller
from onboarding.settings import Settings
from onboarding.verifiers.port import RepeatedStart, Report
from onboarding.verifiers.registry import Verifiers
from onboarding.verifiers.sandbox import is_test_value
from onboarding.work import START_WITHIN
from tests.support.http_vendor import Crashed, HttpVendor, HttpVerifier
from tests.support.temporal import Bench, bench, eventually

KIND = "screening"


class Story:
    """One account with one open check, and the vendors that may answer it."""

    def __init__(self, made: Bench, caller: Caller, account_id: str, check_id: str) -> None:
        self.made = made
        self.caller = caller
        self.account_id = account_id
        self.check_id = check_id

    async def step(self) -> Step:
        return await self.made.checks.advance(self.account_id, self.check_id)

    async def steps(self, until: Stand, within: float = 10.0) -> Step:
        """Steps, with the waits that they ask for, until the check stands so."""
        deadline = asyncio.get_running_loop().time() + within
        while (step := await self.step()).stand is not until:
            assert asyncio.get_running_loop().time() < deadline, step
            await asyncio.sleep(min(step.wait.total_seconds(), 0.5) if step.wait else 0.05)
        return step

    async def check(self) -> Any:
        [row] = await self.made.fetch("SELECT * FROM checks WHERE id = $1", self.check_id)
        return row

    async def attempts(self) -> list[tuple[str, str]]:
        rows = await self.made.fetch(
            "SELECT verifier, state FROM attempts WHERE check_id = $1 ORDER BY number", self.check_id
        )
        return [(row["verifier"], row["state"]) for row in rows]

    async def evidence(self) -> list[tuple[str, int, bool]]:
        rows = await self.made.fetch(
            "SELECT outcome, attempt, contested FROM evidence WHERE check_id = $1 ORDER BY recorded_at, id",
            self.check_id,
        )
        return [(row["outcome"], row["attempt"], row["contested"]) for row in rows]

    async def reviews(self) -> list[str]:
        rows = await self.made.fetch("SELECT reason_code FROM reviews WHERE check_id = $1", self.check_id)
        return [row["reason_code"] for row in rows]

    async def let_deadline_pass(self) -> None:
        """As if the days until the deadline had gone by."""
        await self.made.fetch(
            "UPDATE checks SET deadline_at = clock_timestamp() - interval '1 second' WHERE id = $1", self.check_id
        )


@pytest.fixture
def vendors() -> Iterator[Callable[..., HttpVendor]]:
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(HttpVendor(**options))


@pytest.fixture
async def tell(temporal_settings: Settings, client: Client) -> AsyncIterator[Callable[..., Any]]:
    """Begin a story with these verifiers: an account whose check of KIND is due."""
    async with _Stories(temporal_settings, client) as stories:
        yield stories.begin


class _Stories:
    def __init__(self, settings: Settings, client: Client) -> None:
        self._settings = settings
        self._client = client
        self._open: list[Any] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for opened in self._open:
            await opened.__aexit__(None, None, None)

    async def begin(self, *verifiers: HttpVerifier) -> Story:
        known = Verifiers(exempt=is_test_value, outward=verifiers, serve_sandbox=True)
        opened = bench(self._settings, self._client, known, working=False)
        made = await opened.__aenter__()
        self._open.append(opened)
        caller = await made.platform()
        account_id = await made.account(caller)
        await made.supply(caller, account_id)
        [row] = await made.fetch("SELECT id FROM checks WHERE account_id = $1 AND kind = $2", account_id, KIND)
        return Story(made, caller, account_id, row["id"])


def verifier(vendor: HttpVendor, name: str = "first", **options: Any) -> HttpVerifier:
    return HttpVerifier(vendor, frozenset({KIND}), name=name, **options)


def die() -> None:
    raise Crashed


ALL = list(RepeatedStart)
EXPECTED = {
    # What becomes of a check whose worker died before the call, and after it. Charged once at most, always.
    (RepeatedStart.KEY, "before_call"): (Stand.CLOSED, "answered", 1),
    (RepeatedStart.KEY, "after_call"): (Stand.CLOSED, "answered", 1),
    (RepeatedStart.LOOK_UP, "before_call"): (Stand.CLOSED, "answered", 1),
    (RepeatedStart.LOOK_UP, "after_call"): (Stand.CLOSED, "answered", 1),
    (RepeatedStart.NONE, "before_call"): (Stand.IN_REVIEW, "unknown", 0),
    (RepeatedStart.NONE, "after_call"): (Stand.IN_REVIEW, "unknown", 1),
}


@pytest.mark.parametrize("point", ["before_call", "after_call"])
@pytest.mark.parametrize("repeated_start", ALL)
async def test_crash_around_the_call_never_charges_twice(
    tell: Any, vendors: Any, repeated_start: RepeatedStart, point: str
) -> None:
    vendor = vendors(keeps_keys=repeated_start is RepeatedStart.KEY)
    asked = verifier(vendor, repeated_start=repeated_start)
    story = await tell(asked)
    setattr(asked, point, die)
    with pytest.raises(Crashed):
        await story.step()
    assert await story.attempts() == [("first", "starting")]  # committed before the call

    setattr(asked, point, lambda: None)
    stand, state, charges = EXPECTED[repeated_start, point]
    await story.steps(stand)
    assert await story.attempts() == [("first", state)]
    assert vendor.charges == charges
    assert await story.reviews() == (["attempt_unknown"] if stand is Stand.IN_REVIEW else [])


@pytest.mark.parametrize("repeated_start", ALL)
async def test_crash_between_answer_and_record_never_charges_twice(
    tell: Any, vendors: Any, repeated_start: RepeatedStart
) -> None:
    """The vendor has done its work, but its answer was lost on the way."""
    vendor = vendors(keeps_keys=repeated_start is RepeatedStart.KEY)
    story = await tell(verifier(vendor, repeated_start=repeated_start))
    vendor.script.append("reset_after")
    await story.step()
    await story.steps(Stand.IN_REVIEW if repeated_start is RepeatedStart.NONE else Stand.CLOSED)
    assert vendor.charges == 1


async def test_key_that_has_expired_is_not_used_again(tell: Any, vendors: Any) -> None:
    vendor = vendors()
    asked = verifier(vendor, key_lifetime=timedelta())
    story = await tell(asked)
    asked.after_call = die
    with pytest.raises(Crashed):
        await story.step()
    asked.after_call = lambda: None
    await story.steps(Stand.CLOSED)
    assert vendor.requests[:2] == ["POST cases", "GET cases"]  # looked up, not started again
    assert vendor.charges == 1


async def test_nobody_repeats_a_start_that_may_still_be_under_way(tell: Any, vendors: Any) -> None:
    vendor = vendors(keeps_keys=False)
    vendor.script.append(0.6)
    story = await tell(verifier(vendor, repeated_start=RepeatedStart.LOOK_UP))
    slow = asyncio.create_task(story.step())

    async def is_under_way() -> object:
        return vendor.requests

    await eventually(is_under_way)
    other = await story.step()  # another worker, which takes the first for dead
    assert (other.stand, other.wait is not None) == (Stand.STARTING, True)
    assert (await slow).stand is Stand.CLOSED
    assert vendor.charges == 1


@pytest.mark.parametrize("fault", ["500", "429", "reset"])
async def test_vendor_that_is_down_is_unknown_and_asked_again(tell: Any, vendors: Any, fault: str) -> None:
    vendor = vendors()
    vendor.script.extend([fault, fault])
    story = await tell(verifier(vendor))
    begun = datetime.now(UTC)
    assert (await story.step()).stand is Stand.UNAVAILABLE
    check = await story.check()
    assert (check["state"], check["retry_at"] > begun) == ("unavailable", True)
    await story.steps(Stand.CLOSED)
    assert await story.evidence() == [("passed", 1, False)]
    assert vendor.charges == 1


async def test_rate_limit_is_no_doubt_even_without_keys_and_look_up(tell: Any, vendors: Any) -> None:
    vendor = vendors()
    vendor.script.append("429")
    story = await tell(verifier(vendor, repeated_start=RepeatedStart.NONE))
    await story.steps(Stand.CLOSED)
    assert vendor.charges == 1


async def test_report_is_polled_for_with_growing_distance(tell: Any, vendors: Any) -> None:
    vendor = vendors(reports_after=3)
    story = await tell(verifier(vendor))
    assert (await story.step()).stand is Stand.WAITING
    assert (await story.check())["state"] == "started"
    await story.steps(Stand.CLOSED)
    assert (await story.check())["state"] == "concluded"
    assert vendor.requests == ["POST cases", "GET case-1", "GET case-1", "GET case-1"]


async def test_no_report_in_time_goes_to_the_next_verifier_and_then_to_a_review(tell: Any, vendors: Any) -> None:
    silent, also_silent = vendors(reports_after=None), vendors(reports_after=None)
    story = await tell(verifier(silent), verifier(also_silent, "second"))
    await story.steps(Stand.WAITING)
    await story.let_deadline_pass()
    assert (await story.steps(Stand.WAITING)).verifier == "second"
    assert await story.attempts() == [("first", "timed_out"), ("second", "started")]
    assert silent.cases["case-1"].cancelled
    await story.let_deadline_pass()
    await story.steps(Stand.IN_REVIEW)
    assert await story.reviews() == ["no_report"]
    assert (await story.check())["state"] == "in_review"


async def test_verifier_that_stays_down_gives_way_to_the_next(tell: Any, vendors: Any) -> None:
    down, up = vendors(), vendors()
    down.script.extend(["500"] * 50)
    story = await tell(verifier(down), verifier(up, "second"))
    await story.steps(Stand.CLOSED)
    assert await story.attempts() == [("first", "unavailable"), ("second", "answered")]
    assert (down.charges, up.charges) == (0, 1)


async def test_inputs_that_changed_are_never_sent(tell: Any, vendors: Any) -> None:
    vendor = vendors()
    story = await tell(verifier(vendor))
    await story.made.fetch("UPDATE checks SET digest = repeat('0', 32) WHERE id = $1", story.check_id)
    assert (await story.step()).stand is Stand.CLOSED
    assert (await story.check())["state"] == "superseded"
    assert (vendor.requests, await story.attempts()) == ([], [])


async def test_attempt_is_taken_back_when_the_inputs_change(tell: Any, vendors: Any) -> None:
    vendor = vendors(reports_after=None)
    story = await tell(verifier(vendor))
    await story.steps(Stand.WAITING)
    patch = {"identity": {"individual": {"given_name": "Jane"}}}
    await story.made.engine.accounts.update(story.caller, story.account_id, patch, None)
    assert (await story.step()).stand is Stand.CLOSED
    assert (await story.check())["state"] == "superseded"
    assert await story.attempts() == [("first", "canceled")]
    assert vendor.cases["case-1"].cancelled


async def test_first_decisive_report_concludes_and_a_contrary_later_one_is_contested(tell: Any, vendors: Any) -> None:
    silent, quick = vendors(reports_after=None), vendors()
    story = await tell(verifier(silent), verifier(quick, "second"))
    await story.steps(Stand.WAITING)
    await story.let_deadline_pass()
    await story.steps(Stand.CLOSED)
    late = Report(Outcome.FAILED, ("verification_failed_other",), datetime.now(UTC))
    before = await story.made.fetch("SELECT evaluation FROM accounts WHERE id = $1", story.account_id)
    for _ in range(2):  # doubled, as webhooks are
        await story.made.checks.report(story.account_id, story.check_id, 1, late)
    assert await story.evidence() == [("passed", 2, False), ("failed", 1, True)]
    assert await story.reviews() == ["contested"]
    after = await story.made.fetch("SELECT evaluation FROM accounts WHERE id = $1", story.account_id)
    assert after[0]["evaluation"]["capabilities"] == before[0]["evaluation"]["capabilities"]


async def test_late_report_of_a_check_nobody_waits_for_is_evidence_all_the_same(tell: Any, vendors: Any) -> None:
    vendor = vendors(reports_after=None)
    story = await tell(verifier(vendor))
    await story.steps(Stand.WAITING)
    patch = {"identity": {"individual": {"given_name": "Jane"}}}
    await story.made.engine.accounts.update(story.caller, story.account_id, patch, None)
    await story.step()
    report = Report(Outcome.PASSED, (), datetime.now(UTC))
    await story.made.checks.report(story.account_id, story.check_id, 1, report)
    assert await story.evidence() == [("passed", 1, False)]
    assert (await story.check())["state"] == "superseded"


async def test_indecisive_report_goes_to_a_review(tell: Any, vendors: Any) -> None:
    vendor = vendors(result="unsure")
    story = await tell(verifier(vendor))
    await story.steps(Stand.IN_REVIEW)
    assert await story.evidence() == [("inconclusive", 1, False)]
    assert await story.reviews() == ["verification_failed_other"]


async def test_check_without_verifier_stays_open_and_is_claimed_again_later(tell: Any) -> None:
    story = await tell()
    step = await story.step()
    assert (step.stand, step.wait) == (Stand.UNAVAILABLE, None)
    check = await story.check()
    assert check["state"] == "unavailable"
    assert timedelta() <= check["retry_at"] - check["lease_until"] < timedelta(seconds=1)
    plan = await story.made.engine.work.plan(story.account_id, "run")
    assert story.check_id not in plan.checks
    await story.made.fetch(
        "UPDATE checks SET lease_until = clock_timestamp(), retry_at = clock_timestamp() WHERE id = $1", story.check_id
    )
    plan = await story.made.engine.work.plan(story.account_id, "run")
    assert story.check_id in plan.checks


async def test_unknown_account_and_check_are_closed(tell: Any) -> None:
    story = await tell()
    assert (await story.made.checks.advance("acct_none", "check_none")).stand is Stand.CLOSED
    assert (await story.made.checks.advance(story.account_id, "check_none")).stand is Stand.CLOSED


async def test_no_row_holds_the_vendors_reference_in_plain(tell: Any, vendors: Any) -> None:
    vendor = vendors(reports_after=None)
    story = await tell(verifier(vendor))
    await story.steps(Stand.WAITING)
    [row] = await story.made.fetch("SELECT * FROM attempts WHERE check_id = $1", story.check_id)
    assert b"case-1" not in row["vendor_reference"]
    assert "case-1" not in str(tuple(row.values())[:-1]).replace(repr(row["vendor_reference"]), "")


@pytest.mark.parametrize("refusal", ["429", "401"])
async def test_start_that_may_have_arrived_stays_so_whatever_is_refused_later(
    tell: Any, vendors: Any, refusal: str
) -> None:
    vendor = vendors(keeps_keys=False, reports_after=1)
    vendor.script.extend(["reset_after", refusal])  # the start is taken, its answer lost; then the look-up is refused
    story = await tell(verifier(vendor, repeated_start=RepeatedStart.LOOK_UP))

    await story.steps(Stand.WAITING)

    assert vendor.requests[:3] == ["POST cases", "GET cases", "GET cases"]
    assert vendor.charges == 1
    assert await story.attempts() == [("first", "started")]


async def test_attempt_that_runs_while_a_person_decides_is_ended_and_its_vendor_told(tell: Any, vendors: Any) -> None:
    silent, other = vendors(reports_after=None), vendors(reports_after=None)
    story = await tell(verifier(silent), verifier(other, "second"))
    await story.steps(Stand.WAITING)
    await story.let_deadline_pass()
    await story.steps(Stand.WAITING)
    assert await story.attempts() == [("first", "timed_out"), ("second", "started")]

    unsure = Report(Outcome.INCONCLUSIVE, ("verification_failed_other",), datetime.now(UTC))
    await story.made.checks.report(story.account_id, story.check_id, 1, unsure)
    assert (await story.step()).stand is Stand.IN_REVIEW

    assert await story.attempts() == [("first", "answered"), ("second", "canceled")]
    assert [case.cancelled for case in other.cases.values()] == [True]


async def test_leftover_of_an_ended_check_is_found_by_the_sweep(tell: Any, vendors: Any) -> None:
    vendor = vendors(reports_after=None)
    story = await tell(verifier(vendor))
    await story.steps(Stand.WAITING)
    await story.made.engine.accounts.update(
        story.caller, story.account_id, {"identity": {"individual": {"surname": "Ottoway"}}}, None
    )
    assert (story.account_id, story.check_id) not in await story.made.engine.work.leftovers(100)

    await story.made.fetch(
        "UPDATE attempts SET started_at = started_at - interval '1 hour' WHERE check_id = $1", story.check_id
    )
    assert (story.account_id, story.check_id) in await story.made.engine.work.leftovers(100)

    assert (await story.step()).stand is Stand.CLOSED
    assert (story.account_id, story.check_id) not in await story.made.engine.work.leftovers(100)
    assert [case.cancelled for case in vendor.cases.values()] == [True]


async def test_claim_whose_plan_was_lost_is_made_again_soon(tell: Any, vendors: Any) -> None:
    """A worker may die after the claim's commit and before the server knows what to start."""
    story = await tell(verifier(vendors(reports_after=None)))
    work = story.made.engine.work
    assert story.check_id in (await work.plan(story.account_id, "lost")).checks
    assert story.check_id in (await work.plan(story.account_id, "lost")).checks  # the same run is given it again
    assert story.check_id not in (await work.plan(story.account_id, "next")).checks
    [row] = await story.made.fetch(
        "SELECT look_at - clock_timestamp() AS until FROM accounts WHERE id = $1", story.account_id
    )
    assert row["until"] <= START_WITHIN

    await story.made.fetch("UPDATE checks SET lease_until = clock_timestamp() WHERE id = $1", story.check_id)
    assert story.check_id in (await work.plan(story.account_id, "next")).checks

    await story.steps(Stand.WAITING)
    assert story.check_id not in (await work.plan(story.account_id, "next")).checks  # its own run has taken it over
    await story.made.fetch("UPDATE attempts SET poll_at = clock_timestamp() WHERE check_id = $1", story.check_id)
    await story.step()
    check = await story.check()
    assert check["lease_until"] > check["deadline_at"]
