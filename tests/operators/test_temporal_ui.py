"""An operator finds out in Temporal's own UI why an account waits, decides its review there, and sees it go on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from onboarding.door.callers import UNVERIFIED
from tests.faults.lives import REVIEWS, SCRIPTS, Life, Platform
from tests.faults.stack import Stack
from tests.operators.walk import Operator, at_work

# The first use may have to install the browser.
pytestmark = pytest.mark.timeout(900)

PICTURES = os.environ.get("OPERATIONS_PICTURES")
"""A folder: the walk's pictures are written there, as docs/operations.md shows them."""


@pytest.fixture(scope="module")
async def stack() -> AsyncIterator[Stack]:
    async with Stack() as running:
        yield running


@dataclass
class Walk:
    """The operator's side, in a thread of its own, and everybody else's on the loop of the tests."""

    loop: asyncio.AbstractEventLoop
    life: Life
    operator: Operator
    platform_id: str

    def others(self, doing: Coroutine[Any, Any, Any]) -> Any:
        """Let somebody else do something."""
        return asyncio.run_coroutine_threadsafe(doing, self.loop).result(120)

    def finds_the_waiting_check(self) -> None:
        check = self.others(self.life.until_asked())
        operator = self.operator
        operator.open_view("one platform's checks that a vendor has not answered", **{"plat_…": self.platform_id})
        operator.open_run(f"check/{check['id']}")
        said = operator.details()
        assert f"keyed_identity of account {self.life.id}: waits for a verifier" in said
        assert "since until who acts" in said
        operator.picture("operators-check")
        pending = operator.pending()
        assert "waiting: stripe_identity, attempt 1" in pending
        assert '"nextRetryDelay"' in pending
        assert "Stack Trace" not in pending

        operator.open_view("one platform's", **{"plat_…": self.platform_id})
        operator.open_run(f"account/{self.life.id}")
        said = operator.details()
        assert "waits for a reviewer" in said, said  # there are reviews, too
        assert "since: 20" in said
        assert "keyed_identity: started 20" in said, said
        assert "stripe_identity is asked, attempt 1: the end user must go on at its page" in said, said
        operator.picture("operators-account")
        operator.follow("keyed_identity", f"check/{check['id']}")
        assert self.others(self.life.act(check))

    def decides_the_review(self) -> None:
        [review] = self.others(self.until_only_the_screening_is_left())
        operator, run = self.operator, f"review/{review['id']}"
        operator.open_view("waiting for people of ours")
        operator.open_run(f"account/{self.life.id}")
        said = operator.details()
        assert "waits for a reviewer" in said
        assert "a reviewer decides the review, in queue screening" in said, said
        operator.follow("the review", run)

        operator.open_view("a queue of reviews")
        operator.open_run(run)
        said = operator.details()
        assert "open in queue screening: waits for a reviewer" in said
        assert "a reviewer of queue screening" in said
        with operator.updating("decide") as dialog:
            operator.send(dialog, {"decision": "maybe"})
            expect(dialog).to_contain_text("The decision is one of passed, failed, ask_again.")
            assert "File " not in dialog.inner_text()
            operator.picture("operators-decision")
            assert [one["status"] for one in self.others(self.life.reviews())] == ["open"]
            operator.send(dialog, {"decision": "passed"})
            expect(dialog).to_be_hidden()
        expect(operator.page.get_by_test_id("execution-status").first).to_have_text("Completed", ignore_case=True)

    def sees_the_account_go_on(self) -> None:
        operator = self.operator
        operator.open_ended(f"account/{self.life.id}")
        assert "active: waits for nobody" in operator.details()

    async def until_only_the_screening_is_left(self) -> list[Any]:
        """The other review is decided through the API, by somebody whose name is known."""
        found: list[Any] = []

        async def is_left() -> bool:
            found[:] = await self.life.reviews()
            for review in found:
                if review["kind"] != "screening":
                    await self.life.platform.call("POST", f"{REVIEWS}/{review['id']}/decide", {"decision": "passed"})
            checks = await self.life.checks()
            open_ones = [one["kind"] for one in checks if one["status"] in ("due", "started", "in_review")]
            return open_ones == ["screening"] and len(found) == 1

        await self.life.platform.stack.until(is_left, "everything but the screening")
        return found


async def test_operator_finds_out_why_an_account_waits_and_decides_its_review(stack: Stack) -> None:
    await walked(stack)


async def walked(stack: Stack, number: int = 11) -> None:
    """The whole walk."""
    life = Life(Platform(stack), SCRIPTS["listed"], number)
    await life.open()
    [row] = await stack.fetch("SELECT platform_id FROM accounts WHERE id = $1", life.id)
    loop = asyncio.get_running_loop()

    def walk() -> None:
        with at_work(stack.temporal_ui, Path(PICTURES) if PICTURES else None) as operator:
            here = Walk(loop, life, operator, row["platform_id"])
            here.finds_the_waiting_check()
            here.decides_the_review()
            here.sees_the_account_go_on()

    await asyncio.to_thread(walk)
    assert await life.step() == life.script.end
    rows = await stack.fetch("SELECT actor FROM audit_log WHERE account_id = $1 AND action = 'review.decided'", life.id)
    assert [row["actor"] for row in rows].count(UNVERIFIED) == 1
