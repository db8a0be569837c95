"""What a vendor's callback leads to: it is asked at once, its answer counts once, and late answers are evidence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowExecutionStatus

from onboarding.attempts import Stand, Step
from onboarding.domain.settle import Answer
from onboarding.domain.state import Outcome
from onboarding.inbox import Received
from onboarding.inspection import inspect
from onboarding.local.processes import free_port
from onboarding.settings import Settings
from onboarding.storage.inbox import ItemState
from onboarding.temporal import connect
from onboarding.verifiers.manual import ManualVerifier
from onboarding.verifiers.port import Question, RepeatedStart
from onboarding.verifiers.registry import Verifiers
from onboarding.verifiers.sandbox import is_test_value
from tests.support.details import rows
from tests.support.http_vendor import CallingVerifier, Crashed, HttpVendor
from tests.support.temporal import QUICK, Bench, bench, event_names, eventually, made_worker
from tests.workflows.conftest import start_temporal
from tests.workflows.test_attempts import Story
from workflows import names
from workflows.messages import SweepInput
from workflows.static_details import STATIC_DETAILS

KIND = "screening"
KINDS = frozenset({"keyed_identity", "address_match", "id_number_match", KIND})
NAME: Any = {"identity": {"individual": {"given_name": "Jane"}}}
MOST_EVENTS = 20
"""Of one onboarding with local checks only."""
PAGE = "https://vendor.example/go-on/zqxmarkerqxz"


class Called(Story):
    """A story whose vendors call back."""

    vendor_names = ("first", "second")

    def __init__(self, made: Bench, caller: Any, account_id: str, check_id: str, vendors: list[HttpVendor]) -> None:
        super().__init__(made, caller, account_id, check_id)
        self._vendors = dict(zip(self.vendor_names, vendors, strict=False))

    async def callback(self, vendor: str = "first", event: str = "event-1", **changes: Any) -> Received:
        """The vendor says that something happened to its first case."""
        headers, body = self._vendors[vendor].event(changes.pop("case_id", "case-1"), event, **changes)
        return await self.made.engine.inbox.receive(vendor, headers, body)

    async def inbox(self) -> list[tuple[str, str | None]]:
        """States and codes of the items about the check, oldest first."""
        rows = await self.made.fetch(
            "SELECT state, error_code FROM inbox WHERE check_id = $1 ORDER BY received_at, id", self.check_id
        )
        return [(row["state"], row["error_code"]) for row in rows]

    async def poll_in_an_hour(self) -> None:
        """Nobody would ask the vendor before."""
        await self.made.fetch(
            "UPDATE attempts SET poll_at = clock_timestamp() + interval '1 hour' WHERE check_id = $1", self.check_id
        )

    async def document(self) -> dict[str, Any]:
        """The check as its platform sees it."""
        shown: dict[str, Any] = await self.made.engine.reader.check(self.caller, self.check_id)
        return shown

    async def events(self) -> list[str]:
        rows = await self.made.fetch("SELECT type FROM events WHERE account_id = $1 ORDER BY sequence", self.account_id)
        return [row["type"] for row in rows]

    async def is_consistent(self) -> None:
        found = await inspect(
            self.made.engine.database, self.made.engine.ring, account_id=self.account_id, is_opening=True
        )
        assert found.findings == ()


@pytest.fixture
def vendors() -> Iterator[Callable[..., HttpVendor]]:
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(HttpVendor(**options))


@pytest.fixture
async def tell(temporal_settings: Settings, client: Client) -> AsyncIterator[Callable[..., Any]]:
    """Begin a story with these vendors, the first of them preferred: an account whose check of KIND is due."""
    async with AsyncExitStack() as stack:

        async def begin(*asked: HttpVendor, **options: Any) -> Called:
            adapters = [
                CallingVerifier(vendor, frozenset({KIND}), name=name, **options)
                for vendor, name in zip(asked, Called.vendor_names, strict=False)
            ]
            known = asking(*adapters)
            made = await stack.enter_async_context(bench(temporal_settings, client, known, working=False))
            caller = await made.platform()
            account_id = await made.account(caller)
            await made.supply(caller, account_id)
            await forget_others(made)
            [row] = await made.fetch("SELECT id FROM checks WHERE account_id = $1 AND kind = $2", account_id, KIND)
            return Called(made, caller, account_id, row["id"], list(asked))

        yield begin


async def forget_others(made: Bench) -> None:
    """Each story's vendors begin to count their cases and events anew."""
    await made.fetch("DELETE FROM inbox")
    await made.fetch("UPDATE attempts SET vendor_digest = NULL")


def asking(*verifiers: CallingVerifier) -> Verifiers:
    return Verifiers(exempt=is_test_value, outward=verifiers, serve_sandbox=True)


def adapter(story: Called, name: str = "first") -> CallingVerifier:
    found = story.made.engine.verifiers.named(name)
    assert isinstance(found, CallingVerifier)
    return found


# --- the attempt that runs --------------------------------------------------------------------------------------------


async def test_a_notice_has_the_vendor_asked_at_once(tell: Any, vendors: Any) -> None:
    vendor = vendors(reports_after=None)
    story = await tell(vendor)
    await story.steps(Stand.WAITING)
    await story.poll_in_an_hour()
    assert (await story.step()).wait > timedelta(minutes=50)
    assert vendor.requests == ["POST cases"]

    vendor.reports_after = 0
    assert (await story.callback()).state is ItemState.PENDING
    assert await story.inbox() == [("pending", None)]
    assert (await story.step()).stand is Stand.CLOSED

    assert vendor.requests == ["POST cases", "GET case-1"]
    assert await story.evidence() == [("passed", 1, False)]
    assert await story.attempts() == [("first", "answered")]
    assert await story.inbox() == [("settled", None)]
    await story.is_consistent()


async def test_a_notice_of_something_in_between_leaves_the_attempt_waiting(tell: Any, vendors: Any) -> None:
    vendor = vendors(reports_after=None)
    story = await tell(vendor)
    await story.steps(Stand.WAITING)
    await story.poll_in_an_hour()

    await story.callback()
    step = await story.step()

    assert (step.stand, step.wait is not None) == (Stand.WAITING, True)
    assert vendor.requests == ["POST cases", "GET case-1"]
    assert await story.inbox() == [("settled", None)]
    assert await story.evidence() == []


async def test_doubled_and_reordered_notices_are_one_answer(tell: Any, vendors: Any) -> None:
    vendor = vendors(reports_after=None)
    story = await tell(vendor)
    await story.steps(Stand.WAITING)
    vendor.reports_after = 0

    assert (await story.callback(event="event-2", at=2_000_000_000)).is_new
    assert (await story.callback(event="event-1", at=1_000_000_000)).is_new
    assert not (await story.callback(event="event-2", at=2_000_000_000)).is_new
    await asyncio.gather(*(story.step() for _ in range(4)))
    await story.callback(event="event-3")
    await story.steps(Stand.CLOSED)

    assert await story.evidence() == [("passed", 1, False)]
    assert await story.inbox() == [("settled", None)] * 3
    assert vendor.charges == 1
    await story.is_consistent()


async def test_a_vendor_that_can_not_be_asked_about_a_notice_is_asked_again(tell: Any, vendors: Any) -> None:
    vendor = vendors(reports_after=None)
    story = await tell(vendor)
    await story.steps(Stand.WAITING)
    await story.poll_in_an_hour()
    await story.callback()
    vendor.reports_after = 0
    vendor.script.extend(["500", "reset"])

    for _ in range(2):
        step = await story.step()
        assert step.stand is Stand.WAITING
        assert step.wait is not None
        assert step.wait >= QUICK.first  # not at once, over and over
        assert await story.inbox() == [("pending", None)]
        await story.poll_in_an_hour()
    assert (await story.step()).stand is Stand.CLOSED

    assert await story.inbox() == [("settled", None)]
    assert await story.evidence() == [("passed", 1, False)]


@pytest.mark.parametrize("repeated_start", list(RepeatedStart))
async def test_a_notice_before_the_starts_answer_says_that_it_arrived(
    tell: Any, vendors: Any, repeated_start: RepeatedStart
) -> None:
    vendor = vendors(reports_after=None, keeps_keys=False)
    story = await tell(vendor, repeated_start=repeated_start)
    adapter(story).after_call = die
    with pytest.raises(Crashed):
        await story.step()
    adapter(story).after_call = lambda: None
    assert await story.attempts() == [("first", "starting")]

    await story.callback()
    assert (await story.step()).stand is Stand.WAITING
    assert await story.attempts() == [("first", "started")]
    vendor.reports_after = 0
    await story.callback(event="event-2")
    assert (await story.step()).stand is Stand.CLOSED

    assert vendor.requests == ["POST cases", "GET case-1", "GET case-1"]
    assert vendor.charges == 1
    assert await story.evidence() == [("passed", 1, False)]
    await story.is_consistent()


async def test_a_notice_while_the_start_is_under_way_is_no_second_start(tell: Any, vendors: Any) -> None:
    vendor = vendors(reports_after=None, keeps_keys=False, page=PAGE)
    story = await tell(vendor)
    adapter(story).after_call = told = Paused(story)
    slow = asyncio.create_task(told.start())

    async def is_known() -> object:
        return vendor.cases

    await eventually(is_known)
    await story.callback()
    other = await story.step()
    assert other.stand is Stand.WAITING
    assert (await slow).stand is Stand.WAITING

    assert (await story.document())["next_action"]["redirect_to_url"]["url"] == PAGE
    assert vendor.charges == 1
    assert await story.attempts() == [("first", "started")]
    await story.is_consistent()


class Paused:
    """A start whose answer is a while on its way: the vendor is slow after it has done its work."""

    def __init__(self, story: Called) -> None:
        self._story = story

    def __call__(self) -> None:
        return

    async def start(self) -> Step:
        asked = adapter(self._story)
        real = asked._send

        async def slowly(method: str, path: str, **request: Any) -> dict[str, Any]:
            answer = await real(method, path, **request)
            if method == "POST" and path == "/cases":
                await asyncio.sleep(0.7)
            return answer

        asked._send = slowly  # type: ignore[method-assign]  # the way back takes its time
        return await self._story.step()


async def test_notices_about_nothing_we_know_change_nothing(tell: Any, vendors: Any) -> None:
    vendor = vendors(reports_after=None)
    story = await tell(vendor)
    await story.steps(Stand.WAITING)
    await story.poll_in_an_hour()
    before = await story.check()

    unknown = [
        await story.callback(event="event-2", case_id="case-7"),
        await story.callback(event="event-3", case_id="case-7", reference="att_" + "0" * 27),
        await story.callback(event="event-4", case_id="case-7", reference="a reference of somebody else"),
    ]
    assert [one.state for one in unknown] == [ItemState.PENDING] * 3
    rows = await story.made.fetch("SELECT our_reference, check_id FROM inbox ORDER BY received_at, id")
    ours = [None, "att_" + "0" * 27, None]  # what somebody else's says is no id, and stays sealed
    assert [tuple(row) for row in rows] == [(reference, None) for reference in ours]
    assert (await story.made.engine.inbox.receive("first", *vendor.event("", ping=1))).state is ItemState.IGNORED
    assert (await story.made.engine.inbox.receive("first", *vendor.event("x", case=None))).state is ItemState.UNREADABLE
    assert (await story.step()).stand is Stand.WAITING
    assert await story.check() == before
    assert vendor.requests == ["POST cases"]

    # Of an account that is gone: its rows are not there any more.
    await story.callback()
    await story.made.fetch(
        "UPDATE inbox SET check_id = 'check_gone', attempt_id = 'att_gone', account_id = 'acct_gone'"
    )
    for account_id in ("acct_gone", story.account_id):
        assert (await story.made.checks.advance(account_id, "check_gone")).stand is Stand.CLOSED
    rows = await story.made.fetch("SELECT DISTINCT state FROM inbox WHERE state NOT IN ('ignored', 'unreadable')")
    assert [row["state"] for row in rows] == ["settled"]


# --- attempts that have ended -----------------------------------------------------------------------------------------


async def second_is_asked(story: Called) -> None:
    """The first vendor let its time pass, and the second one has the question."""
    await story.steps(Stand.WAITING)
    await story.let_deadline_pass()
    await story.steps(Stand.WAITING)
    assert await story.attempts() == [("first", "timed_out"), ("second", "started")]


async def test_a_report_of_an_attempt_that_timed_out_concludes_and_the_other_is_taken_back(
    tell: Any, vendors: Any
) -> None:
    silent, other = vendors(reports_after=None), vendors(reports_after=None)
    story = await tell(silent, other)
    await second_is_asked(story)

    silent.reports_after = 0
    await story.callback()
    assert (await story.step()).stand is Stand.CLOSED

    assert await story.evidence() == [("passed", 1, False)]
    assert (await story.check())["state"] == "concluded"
    assert await story.attempts() == [("first", "answered"), ("second", "canceled")]
    assert other.cases["case-1"].cancelled
    assert await story.inbox() == [("settled", None)]
    assert await story.reviews() == []
    await story.is_consistent()


async def test_nothing_new_about_an_attempt_that_timed_out_leaves_the_other_alone(tell: Any, vendors: Any) -> None:
    silent, other = vendors(reports_after=None, page=PAGE), vendors(reports_after=None)
    story = await tell(silent, other)
    await second_is_asked(story)

    await story.callback()
    assert (await story.step()).stand is Stand.WAITING

    assert await story.attempts() == [("first", "timed_out"), ("second", "started")]
    assert (await story.document())["next_action"] is None
    assert await story.inbox() == [("settled", None)]
    other.reports_after = 0
    assert (await story.steps(Stand.CLOSED)).stand is Stand.CLOSED
    await story.is_consistent()


@pytest.mark.parametrize(("result", "told"), [("clear", ("passed", False)), ("consider", ("failed", True))])
async def test_a_report_about_a_check_that_has_ended_is_late_evidence(
    tell: Any, vendors: Any, result: str, told: tuple[str, bool]
) -> None:
    silent, quick = vendors(reports_after=None, result=result), vendors()
    story = await tell(silent, quick)
    await story.steps(Stand.WAITING)
    await story.let_deadline_pass()
    await story.steps(Stand.CLOSED)
    assert await story.evidence() == [("passed", 2, False)]

    silent.reports_after = 0
    for number in range(2):
        await story.callback(event=f"event-{number}")
        step = await story.step()
        assert (step.stand, step.wait) == (Stand.CLOSED, None)

    outcome, is_contested = told
    assert await story.evidence() == [("passed", 2, False), (outcome, 1, is_contested)]
    assert await story.reviews() == (["contested"] if is_contested else [])
    assert (await story.check())["state"] == "concluded"
    assert await story.inbox() == [("settled", None)] * 2
    await story.is_consistent()


async def test_a_late_report_waits_for_a_vendor_that_is_away(tell: Any, vendors: Any) -> None:
    silent, quick = vendors(reports_after=None), vendors()
    story = await tell(silent, quick)
    await story.steps(Stand.WAITING)
    await story.let_deadline_pass()
    await story.steps(Stand.CLOSED)
    silent.reports_after = 0
    silent.script.extend(["500", "reset", "429"])
    await story.callback()

    for _ in range(3):
        step = await story.step()
        assert step.stand is Stand.CLOSED
        assert step.wait is not None
        assert step.wait >= QUICK.first
        assert await story.inbox() == [("pending", None)]
    assert (await story.step()).wait is None

    assert await story.evidence() == [("passed", 2, False), ("passed", 1, False)]
    assert await story.inbox() == [("settled", None)]


async def test_a_late_report_that_can_not_be_had_does_not_hold_up_the_running_attempt(tell: Any, vendors: Any) -> None:
    silent, other = vendors(reports_after=None), vendors(reports_after=None)
    story = await tell(silent, other)
    await second_is_asked(story)
    silent.script.append("500")
    other.reports_after = 0
    await story.callback("first")
    await story.callback("second", "event-2")

    step = await story.step()

    assert (step.stand, step.wait is not None) == (Stand.CLOSED, True)
    assert await story.evidence() == [("passed", 2, False)]
    assert await story.inbox() == [("pending", None), ("settled", None)]


async def test_an_indecisive_late_report_leads_to_one_review_and_the_other_vendor_is_told(
    tell: Any, vendors: Any
) -> None:
    silent, other = vendors(reports_after=None, result="unsure"), vendors(reports_after=None, page=PAGE)
    story = await tell(silent, other)
    await second_is_asked(story)
    assert (await story.document())["next_action"] is not None

    silent.reports_after = 0
    await story.callback()
    step = await story.step()

    assert (step.stand, step.wait) == (Stand.IN_REVIEW, None)
    assert await story.reviews() == ["verification_failed_other"]
    assert await story.attempts() == [("first", "answered"), ("second", "canceled")]
    assert other.cases["case-1"].cancelled
    assert (await story.document())["next_action"] is None
    await story.is_consistent()


async def test_a_notice_that_came_around_the_deadline_is_not_lost(tell: Any, vendors: Any) -> None:
    """The vendor has reported, and says so; the check's run was late to look."""
    slow, other = vendors(reports_after=None), vendors(reports_after=None)
    story = await tell(slow, other)
    await story.steps(Stand.WAITING)
    slow.reports_after = 0
    await story.callback()
    await story.let_deadline_pass()

    assert (await story.step()).wait == timedelta()
    await story.step()

    assert await story.evidence() == [("passed", 1, False)]
    assert await story.attempts() == [("first", "answered"), ("second", "canceled")]
    assert other.cases["case-1"].cancelled
    assert await story.inbox() == [("settled", None)]
    await story.is_consistent()


async def test_a_notice_about_a_running_attempt_of_a_reviewed_check_is_not_lost(tell: Any, vendors: Any) -> None:
    """Both vendors report at about the same time, the first of them that it can't say."""
    silent, other = vendors(reports_after=None, result="unsure"), vendors(reports_after=None)
    story = await tell(silent, other)
    await second_is_asked(story)
    silent.reports_after = other.reports_after = 0
    await story.callback("first")
    await story.callback("second", "event-2")

    await story.step()
    await story.step()

    assert sorted(await story.evidence()) == [("inconclusive", 1, False), ("passed", 2, False)]
    assert (await story.check())["state"] == "concluded"
    rows = await story.made.fetch("SELECT state FROM reviews WHERE check_id = $1", story.check_id)
    assert [row["state"] for row in rows] == ["superseded"]
    assert await story.inbox() == [("settled", None)] * 2
    await story.is_consistent()


# --- inputs that change -----------------------------------------------------------------------------------------------


async def test_a_report_about_values_that_are_gone_is_inconclusive_evidence_of_the_old_question(
    tell: Any, vendors: Any
) -> None:
    vendor = vendors(reports_after=None)
    story = await tell(vendor)
    await story.steps(Stand.WAITING)
    asked = (await story.check())["digest"]
    await story.made.engine.accounts.update(story.caller, story.account_id, NAME, None)
    assert (await story.step()).stand is Stand.CLOSED
    assert vendor.cases["case-1"].cancelled

    vendor.reports_after = 0
    await story.callback()
    await story.step()

    rows = await story.made.fetch("SELECT outcome, digest FROM evidence WHERE check_id = $1", story.check_id)
    assert [tuple(row) for row in rows] == [("inconclusive", asked)]
    checks = await story.made.fetch(
        "SELECT id, state, digest FROM checks WHERE account_id = $1 AND kind = $2 ORDER BY opened_at, id",
        story.account_id,
        KIND,
    )
    assert [row["state"] for row in checks] == ["superseded", "due"]
    assert checks[1]["digest"] != asked
    assert await story.reviews() == []
    await story.is_consistent()


async def test_a_report_about_values_that_came_back_is_an_answer(tell: Any, vendors: Any) -> None:
    vendor = vendors(reports_after=None)
    story = await tell(vendor)
    await story.steps(Stand.WAITING)
    back: Any = {"identity": {"individual": {"given_name": "Jenny"}}}
    await story.made.engine.accounts.update(story.caller, story.account_id, NAME, None)
    await story.step()
    await story.made.engine.accounts.update(story.caller, story.account_id, back, None)

    vendor.reports_after = 0
    await story.callback()
    await story.step()

    assert await story.evidence() == [("passed", 1, False)]
    await story.is_consistent()


async def test_a_page_of_a_check_that_has_ended_is_forgotten_whoever_ends_its_attempt(tell: Any, vendors: Any) -> None:
    vendor = vendors(reports_after=None, page=PAGE)
    story = await tell(vendor)
    await story.steps(Stand.WAITING)
    await story.made.engine.accounts.update(story.caller, story.account_id, NAME, None)

    await story.callback()  # before anybody told the vendor
    await story.step()

    assert await story.attempts() == [("first", "canceled")]
    assert vendor.cases["case-1"].cancelled
    rows = await story.made.fetch("SELECT next_action, poll_at FROM attempts WHERE check_id = $1", story.check_id)
    assert [tuple(row) for row in rows] == [(None, None)]
    await story.is_consistent()


# --- adapters that change ---------------------------------------------------------------------------------------------


async def test_a_notice_that_can_not_be_read_any_more_is_set_aside_and_the_check_goes_on(
    tell: Any, vendors: Any
) -> None:
    vendor = vendors(reports_after=None)
    story = await tell(vendor)
    await story.steps(Stand.WAITING)
    await story.callback()
    adapter(story).secret = b"another"

    assert (await story.step()).stand is Stand.WAITING

    assert await story.inbox() == [("unreadable", "not_readable_any_more")]


async def test_an_adapter_that_fails_at_a_kept_notice_does_not_stop_the_check(tell: Any, vendors: Any) -> None:
    vendor = vendors(reports_after=None)
    story = await tell(vendor)
    await story.steps(Stand.WAITING)
    await story.callback()

    def fail(*_: object) -> None:
        raise KeyError("at")

    adapter(story).read_callback = fail  # type: ignore[method-assign, assignment]  # a mistake of a new version

    assert (await story.step()).stand is Stand.WAITING
    assert await story.inbox() == [("unreadable", "not_readable_any_more")]


# --- the page of the end user -----------------------------------------------------------------------------------------


async def test_the_users_page_is_shown_while_the_check_waits_and_sealed(tell: Any, vendors: Any) -> None:
    vendor = vendors(reports_after=None, page=PAGE)
    story = await tell(vendor)
    assert (await story.document())["next_action"] is None
    await story.steps(Stand.WAITING)

    shown = await story.document()
    assert shown["next_action"] == {"type": "redirect_to_url", "redirect_to_url": {"url": PAGE}}
    page = await story.made.engine.reader.checks(story.caller, account_id=story.account_id, limit=20, cursor=None)
    assert {one["id"]: one["next_action"] for one in page.data}[story.check_id] == shown["next_action"]
    assert [one["next_action"] for one in page.data].count(None) == len(page.data) - 1
    for table, column in (
        ("attempts", "account_id"),
        ("events", "account_id"),
        ("versions", "account_id"),
        ("checks", "account_id"),
        ("accounts", "id"),
        ("audit_log", "account_id"),
    ):
        for row in await story.made.fetch(f"SELECT * FROM {table} WHERE {column} = $1", story.account_id):  # noqa: S608 -- own names
            for value in row.values():
                assert b"zqxmarkerqxz" not in (value if isinstance(value, bytes) else str(value).encode())

    vendor.reports_after = 0
    await story.steps(Stand.CLOSED)
    assert (await story.document())["next_action"] is None
    rows = await story.made.fetch("SELECT next_action FROM attempts WHERE check_id = $1", story.check_id)
    assert [row["next_action"] for row in rows] == [None]
    await story.is_consistent()


async def test_an_event_tells_of_the_page_once_and_of_another_one_again(tell: Any, vendors: Any) -> None:
    vendor = vendors(reports_after=None, page=PAGE)
    story = await tell(vendor)
    before = await story.events()
    await story.step()
    started = (await story.events())[len(before) :]
    assert len(started) == 2  # that it was begun, and where the user goes on

    async def adds(expected: int, shown: str | None) -> None:
        told = len(await story.events())
        await story.callback(event=f"event-{told}-{shown}-{vendor.requests}")
        await story.step()
        assert len(await story.events()) - told == expected
        document = await story.document()
        assert (document["next_action"] or {}).get("redirect_to_url", {}).get("url") == shown

    for _ in range(3):
        await adds(0, PAGE)
    vendor.page = PAGE + "/2"
    await adds(1, PAGE + "/2")
    await adds(0, PAGE + "/2")
    assert set((await story.events())[len(before) :]) == set(started)


async def test_a_page_that_is_gone_stays_while_the_vendor_says_nothing_of_it(tell: Any, vendors: Any) -> None:
    """A poll that finds nothing at all says nothing about the page either."""
    vendor = vendors(reports_after=None, page=PAGE)
    story = await tell(vendor)
    await story.steps(Stand.WAITING)
    vendor.page = None

    await story.callback()
    await story.step()

    assert (await story.document())["next_action"] is not None


async def test_a_page_is_gone_when_its_time_is_over_and_the_next_one_has_its_own(tell: Any, vendors: Any) -> None:
    silent, other = vendors(reports_after=None, page=PAGE), vendors(reports_after=None)
    story = await tell(silent, other)
    await second_is_asked(story)
    assert (await story.document())["next_action"] is None

    await story.let_deadline_pass()
    await story.steps(Stand.IN_REVIEW)
    assert (await story.document())["next_action"] is None
    await story.is_consistent()


async def test_operators_see_that_the_user_must_go_on_and_where(tell: Any, vendors: Any) -> None:
    vendor = vendors(reports_after=None, page=PAGE)
    story = await tell(vendor)
    # All else passed.
    await story.made.fetch(
        "UPDATE checks SET state = 'canceled', ended_at = clock_timestamp() WHERE account_id = $1 AND kind <> $2",
        story.account_id,
        KIND,
    )
    await story.steps(Stand.WAITING)

    plan = await story.made.engine.work.plan(story.account_id, "run")

    assert plan.waiting_for == "user"
    [(what, since, until, acts)] = [row for row in rows(plan.details) if KIND in row[0]]
    check = next(check for check in plan.open_checks if check.kind == KIND)
    assert what == f"[{KIND}](namespaces/{{namespace}}/workflows/check%2F{check.id}): started"
    assert since == f"{check.opened_at:%Y-%m-%d %H:%M:%S} UTC"
    assert until == f"report due {check.deadline_at:%Y-%m-%d %H:%M:%S} UTC"
    assert acts == "`first` is asked, attempt 1: the end user must go on at its page"
    assert "zqxmarkerqxz" not in plan.details


# --- with workers -----------------------------------------------------------------------------------------------------


async def run_of(made: Bench, check_id: str) -> WorkflowExecutionStatus | None:
    return await made.status(names.check_workflow_id(check_id))


async def waiting(made: Bench, account_id: str, number: int = 1) -> dict[str, str]:
    """Wait until a vendor works on all checks of the account, and would be polled in an hour; their ids by kind."""

    async def are_started() -> bool:
        rows = await made.fetch(
            "SELECT 1 FROM attempts t JOIN checks c ON c.id = t.check_id"
            " WHERE t.account_id = $1 AND t.state = 'started' AND c.ended_at IS NULL AND t.number = $2",
            account_id,
            number,
        )
        return len(rows) == len(KINDS)

    await eventually(are_started)
    await made.fetch(
        "UPDATE attempts SET poll_at = clock_timestamp() + interval '1 hour'"
        " WHERE account_id = $1 AND ended_at IS NULL",
        account_id,
    )
    rows = await made.fetch("SELECT kind, id FROM checks WHERE account_id = $1 AND ended_at IS NULL", account_id)
    return {row["kind"]: row["id"] for row in rows}


async def case_of(made: Bench, vendor: HttpVendor, check_id: str) -> str:
    """The vendor's newest case about a check."""
    rows = await made.fetch("SELECT our_reference FROM attempts WHERE check_id = $1 ORDER BY number", check_id)
    return next(case.id for case in vendor.cases.values() if case.reference == rows[-1]["our_reference"])


async def test_callbacks_carry_an_account_to_its_end_without_a_poll(
    temporal_settings: Settings, client: Client, vendors: Any
) -> None:
    vendor = vendors(reports_after=None)
    async with bench(temporal_settings, client, asking(CallingVerifier(vendor, KINDS))) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await forget_others(made)
        await made.supply(caller, account_id)
        checks = await waiting(made, account_id)
        vendor.reports_after = 0
        for number, check_id in enumerate(checks.values()):
            event = vendor.event(await case_of(made, vendor, check_id), f"{account_id}-{number}")
            for _ in range(3):
                await made.engine.inbox.receive("vendor", *event)
        await made.ended(account_id)
        rows = await made.fetch("SELECT outcome FROM evidence WHERE account_id = $1", account_id)
        assert [row["outcome"] for row in rows] == ["passed"] * len(KINDS)
        [account] = await made.fetch("SELECT stage FROM accounts WHERE id = $1", account_id)
        assert (account["stage"], vendor.charges) == ("active", len(KINDS))

        # A run that has ended: the callback starts another one, which takes it in and ends.
        check_id = checks[KIND]

        async def is_over() -> bool:
            return await run_of(made, check_id) is WorkflowExecutionStatus.COMPLETED

        await eventually(is_over)
        first_run = (await client.get_workflow_handle(names.check_workflow_id(check_id)).describe()).run_id
        event = vendor.event(await case_of(made, vendor, check_id), f"{account_id}-late")
        await made.engine.inbox.receive("vendor", *event)

        async def is_settled() -> bool:
            rows = await made.fetch("SELECT state FROM inbox WHERE check_id = $1", check_id)
            return [row["state"] for row in rows] == ["settled"] * 2

        await eventually(is_settled)
        await eventually(is_over)
        again = await client.get_workflow_handle(names.check_workflow_id(check_id)).describe()
        assert (again.run_id != first_run, again.status) == (True, WorkflowExecutionStatus.COMPLETED)
        assert len(await made.fetch("SELECT 1 FROM evidence WHERE check_id = $1", check_id)) == 1


async def test_changed_inputs_take_the_vendors_session_back_at_once_and_open_another(
    temporal_settings: Settings, client: Client, vendors: Any
) -> None:
    vendor = vendors(reports_after=None, page=PAGE)
    async with bench(temporal_settings, client, asking(CallingVerifier(vendor, KINDS))) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await made.supply(caller, account_id)
        before = await waiting(made, account_id)
        old = await case_of(made, vendor, before[KIND])
        kept = await case_of(made, vendor, before["address_match"])

        await made.engine.accounts.update(caller, account_id, NAME, None)

        async def is_cancelled() -> object:
            return vendor.cases[old].cancelled

        await eventually(is_cancelled, within=10)
        after = await waiting(made, account_id)
        assert after[KIND] != before[KIND]
        new = await case_of(made, vendor, after[KIND])
        assert (vendor.cases[old].reference != vendor.cases[new].reference, vendor.cases[new].cancelled) == (
            True,
            False,
        )
        assert after["address_match"] == before["address_match"]
        assert not vendor.cases[kept].cancelled
        assert vendor.cases[new].asked["given_name"].lower() == "jane"
        shown = await made.engine.reader.check(caller, before[KIND])
        assert (shown["status"], shown["next_action"]) == ("superseded", None)
        metadata = await client.get_workflow_handle(names.account_workflow_id(account_id)).query(
            "__temporal_workflow_metadata", result_type=WorkflowMetadata
        )
        assert metadata.current_details.startswith("**verifying**: waits for **the platform's user**")
        check = client.get_workflow_handle(names.check_workflow_id(before[KIND]))
        assert await (await check.describe()).static_details() == STATIC_DETAILS[names.CHECK_WORKFLOW]
        said = [row[3] for row in rows(metadata.current_details)]
        assert "`vendor` is asked, attempt 1: the end user must go on at its page" in said
        assert PAGE not in metadata.current_details


async def test_a_callback_that_temporal_did_not_hear_of_is_swept(
    settings: Settings, vendors: Any, tmp_path: Path
) -> None:
    away = settings.model_copy(update={"temporal_address": f"127.0.0.1:{free_port()}"})
    vendor = vendors(reports_after=None)
    known = asking(CallingVerifier(vendor, frozenset({KIND})))
    async with bench(away, await connect(away), known, working=False) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await made.supply(caller, account_id)
        await forget_others(made)
        [row] = await made.fetch("SELECT id FROM checks WHERE account_id = $1 AND kind = $2", account_id, KIND)
        story = Called(made, caller, account_id, row["id"], [vendor])
        await story.steps(Stand.WAITING)
        await story.poll_in_an_hour()
        # Claimed by a run that is gone with its Temporal.
        await made.fetch("UPDATE accounts SET look_at = NULL WHERE id = $1", account_id)
        vendor.reports_after = 0
        started = asyncio.get_running_loop().time()
        received = await made.engine.inbox.receive("vendor", *vendor.event("case-1"))
        assert (received.state, asyncio.get_running_loop().time() - started < 1) == (ItemState.PENDING, True)

        async def nobody_was_told() -> bool:
            return not made.nudger._senders

        await eventually(nobody_was_told)
        server = start_temporal(tmp_path, port=int(away.temporal_address.rpartition(":")[2]))
        try:
            made.client = client = await connect(away, lazy=False)
            async with made_worker(made):

                async def sweep(name: str) -> None:
                    await client.execute_workflow(
                        names.SWEEP_WORKFLOW, SweepInput(500), id=name, task_queue=made.task_queue
                    )

                await sweep("too-early")  # within the first half minute somebody else is expected to be at it
                assert await run_of(made, story.check_id) is None
                await made.fetch("UPDATE inbox SET look_at = clock_timestamp() WHERE check_id = $1", story.check_id)
                await sweep("in-time")

                async def has_evidence() -> object:
                    return await story.evidence()

                await eventually(has_evidence)
        finally:
            server.stop()
        assert await story.evidence() == [("passed", 1, False)]
        assert await story.inbox() == [("settled", None)]


# --- checks that need no run at all ----------------------------------------------------------------------------------


@dataclass
class Local:
    """Answers everything at once."""

    name: str = "local"
    version: str = "1"

    def answer(self, question: Question) -> Answer | None:
        return Answer(Outcome.PASSED, (), self.name, self.version, question.as_of)


async def test_local_verifiers_start_no_run_and_stay_within_the_events_of_an_onboarding(
    temporal_settings: Settings, client: Client
) -> None:
    known = Verifiers(exempt=is_test_value, local=(Local(),), serve_sandbox=True)
    async with bench(temporal_settings, client, known) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await made.supply(caller, account_id)
        await made.ended(account_id)

        rows = await made.fetch("SELECT id, state FROM checks WHERE account_id = $1", account_id)
        assert [row["state"] for row in rows] == ["concluded"] * len(KINDS)
        assert {await run_of(made, row["id"]) for row in rows} == {None}
        history = await made.history(names.account_workflow_id(account_id))
        assert len(history.events) <= MOST_EVENTS, event_names(history)
        assert "START_CHILD_WORKFLOW_EXECUTION_INITIATED" not in event_names(history)
        [row] = await made.fetch("SELECT stage FROM accounts WHERE id = $1", account_id)
        assert row["stage"] == "active"


async def test_people_who_verify_are_shown_their_queue(temporal_settings: Settings, client: Client) -> None:
    known = Verifiers(exempt=is_test_value, local=(ManualVerifier(KINDS),), serve_sandbox=True)
    async with bench(temporal_settings, client, known) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await made.supply(caller, account_id)
        # Nobody sweeps here, and a busy server may be told nothing by a request's own nudge.
        assert await made.nudger.nudge_all([account_id]) == 1
        handle = client.get_workflow_handle(names.account_workflow_id(account_id))

        async def is_shown() -> bool:
            attributes = (await handle.describe()).typed_search_attributes
            return (attributes.get(names.WAITING_FOR), attributes.get(names.REVIEW_QUEUE)) == ("review", "general")

        await eventually(is_shown)
        rows = await made.fetch("SELECT id, state FROM checks WHERE account_id = $1", account_id)
        assert [row["state"] for row in rows] == ["in_review"] * len(KINDS)
        assert {await run_of(made, row["id"]) for row in rows} == {None}


def die() -> None:
    raise Crashed
