"""What a vendor sends too early, twice, wrongly signed, in another order, late or never: each answer counts once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from tests.faults.lives import SCRIPTS, Life, Platform
from tests.faults.stack import Stack

pytestmark = pytest.mark.timeout(180)

END_SECONDS = 60.0


class Vendor:
    """Accounts that wait for their user, and what their vendor does wrong."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.platform = Platform(stack)

    async def asked(self, number: int, *faults: Mapping[str, Any]) -> Life:
        """An account that waits for its user; the faults are about its next callbacks."""
        life, before = Life(self.platform, SCRIPTS["passes"], number), await self.stack.told()
        await life.open()
        await life.until_asked()
        await self.stack.until_told(before + 1)  # that the session was created
        [row] = await self.stack.fetch("SELECT our_reference FROM attempts WHERE account_id = $1", life.id)
        await self.stack.script(*({**fault, "reference": row[0]} for fault in faults))
        return life

    async def kept(self, life: Life) -> int:
        """Callbacks about an account that may hold an answer."""
        [row] = await self.stack.fetch("SELECT count(*) FROM inbox WHERE account_id = $1", life.id)
        return int(row[0])

    async def deliveries(self, life: Life) -> int:
        """How often they were delivered."""
        [row] = await self.stack.fetch("SELECT coalesce(sum(deliveries), 0) FROM inbox WHERE account_id = $1", life.id)
        return int(row[0])

    async def refused(self) -> int:
        """Callbacks that were kept as not authentic."""
        [row] = await self.stack.fetch("SELECT count(*) FROM inbox WHERE state = 'refused'")
        return int(row[0])

    async def outcomes(self, life: Life) -> list[str]:
        """What the vendor's evidence says, in the order in which it was recorded."""
        rows = await self.stack.fetch(
            "SELECT e.outcome FROM evidence e JOIN checks c ON c.id = e.check_id"
            " WHERE c.account_id = $1 AND c.kind = 'keyed_identity' ORDER BY e.recorded_at, e.id",
            life.id,
        )
        return [row[0] for row in rows]


@pytest.fixture(scope="module")
def vendor(stack: Stack) -> Vendor:
    return Vendor(stack)


async def finished(life: Life) -> None:
    await life.finish(END_SECONDS)
    assert life.trouble == ""


async def test_callback_before_the_start_was_answered(vendor: Vendor) -> None:
    await vendor.stack.script({"on": "create", "do": "before_response"})
    life = Life(vendor.platform, SCRIPTS["passes"], 500)
    await life.open()
    await finished(life)
    assert await vendor.outcomes(life) == ["passed"]


async def test_wrong_and_old_signatures_are_refused_and_right_ones_taken(vendor: Vendor) -> None:
    before = await vendor.refused()
    life = await vendor.asked(501, {"on": "webhook", "do": "wrong_signature"}, {"on": "webhook", "do": "old_signature"})
    assert await life.act(await life.check())
    await vendor.stack.until(lambda: _is(vendor.kept(life), 1), "the callback")
    await finished(life)
    assert await vendor.refused() == before + 2
    assert await vendor.outcomes(life) == ["passed"]


async def test_duplicates_and_another_order(vendor: Vendor) -> None:
    doubled = await vendor.asked(502, *[{"on": "webhook", "do": "duplicate"}] * 2)
    reordered = await vendor.asked(503, {"on": "webhook", "do": "reorder"})
    await asyncio.gather(finished(doubled), finished(reordered))
    await vendor.stack.until(lambda: _is(vendor.deliveries(doubled), 2), "both deliveries")
    await vendor.stack.until(lambda: _is(vendor.kept(reordered), 1), "the callback")
    assert await vendor.kept(doubled) == 1
    assert await vendor.outcomes(doubled) == await vendor.outcomes(reordered) == ["passed"]


async def test_callbacks_that_never_come_are_made_good_by_the_poll(vendor: Vendor) -> None:
    life = await vendor.asked(504, *[{"on": "webhook", "do": "never"}] * 2)
    await finished(life)
    assert await vendor.kept(life) == 0
    assert await vendor.outcomes(life) == ["passed"]


async def test_report_about_what_is_not_asked_any_more(vendor: Vendor) -> None:
    late = {"on": "webhook", "do": "late", "seconds": 3}
    life = await vendor.asked(505, late, late)
    check = await life.check()
    assert await life.act(check)
    await life.change(surname="Umberfield-Rowe")
    life.renamed = "Umberfield-Rowe"
    await vendor.stack.until(lambda: _is(vendor.outcomes(life), ["inconclusive"]), "late evidence")
    old = next(one for one in await life.checks() if one["id"] == check["id"])
    assert (old["status"], old["next_action"]) == ("superseded", None)
    await finished(life)
    assert await vendor.outcomes(life) == ["inconclusive", "passed"]
    assert len(await vendor.stack.sessions_of(life.id)) == 2


async def test_nothing_is_wrong_afterwards(vendor: Vendor) -> None:
    assert await vendor.stack.wrong() == []


async def _is(found: Any, wanted: Any) -> bool:
    return bool(await found == wanted)
