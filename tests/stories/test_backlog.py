"""A vendor that slows down: dormant accounts wait in rows, whoever is asked for goes, and all of it drains after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import Result

from onboarding.attempts import Pace
from onboarding.backlog import HELD, Backlog, Bounds
from onboarding.checks import Checks
from onboarding.domain.state import OrderKind
from onboarding.door.callers import WORKER, Caller
from onboarding.door.orders import PlaceOrder
from onboarding.engine import Engine, open_engine
from onboarding.ids import new_id
from onboarding.settings import Settings, SettingsError, load_settings
from onboarding.verifiers import sandbox
from onboarding.verifiers.registry import Verifiers
from onboarding.work import Plan, Work
from tests.stories.telling import Life, fetch, new_caller
from tests.stories.test_local_verifiers import ASKED, Local, begun
from tests.support.http_vendor import HttpVendor, HttpVerifier

KIND = "keyed_identity"
BOUND = 3
QUICK = Pace(first=timedelta())


@dataclass
class Office:
    """An engine with one slow vendor, and what its worker would do."""

    engine: Engine
    vendor: HttpVendor
    work: Work
    checks: Checks
    caller: Caller

    async def life(self, caller: Caller | None = None) -> Life:
        """An account that nobody was asked about yet."""
        return await begun(self.engine, caller=caller or self.caller)

    async def plan(self, life: Life) -> Plan:
        return await self.work.plan(life.id, f"run-{life.id}")

    async def work_on(self, life: Life) -> Plan:
        """A plan, and a first step of what it gave away."""
        plan = await self.plan(life)
        for check_id in plan.checks:
            await self.checks.advance(life.id, check_id)
        return plan

    async def dormant(self, number: int, caller: Caller | None = None) -> list[Life]:
        """Active accounts of which nobody has heard for long, and whose answers somebody doubts now."""
        made = []
        for _ in range(number):
            life = await self.life(caller)
            await self.work_on(life)
            await self.plan(life)
            assert (await life.row())["stage"] == "active"
            await fetch(
                self.engine,
                "UPDATE accounts SET silent_at = silent_at - interval '40 days' WHERE id = $1 RETURNING id",
                life.id,
            )
            made.append(life)
        return made

    async def doubt(self, lives: list[Life]) -> None:
        self.work.backlog._read_at = float("-inf")  # long after they were asked about
        for life in lives:
            order = PlaceOrder(new_id("ord_"), OrderKind.RECHECK, "verifier_incident", WORKER, target=KIND)
            await self.engine.door.revise(life.id, order)

    async def in_hand(self) -> tuple[int, int]:
        """Attempts under way, and checks that are held back, as the command line shows them."""
        found = {name: row for name, row, _ in await self.work.backlog.state()}
        return (found["vendor"].running, found["vendor"].held) if "vendor" in found else (0, 0)


@pytest.fixture
def vendor() -> Iterator[HttpVendor]:
    with HttpVendor() as made:
        yield made


@pytest.fixture
async def office(own_settings: Settings, vendor: HttpVendor) -> AsyncIterator[Office]:
    verifiers = Verifiers(
        exempt=sandbox.is_test_value,
        local=(Local(tuple(kind for kind in ASKED if kind != KIND)),),
        outward=(HttpVerifier(vendor, frozenset({KIND})),),
        serve_sandbox=True,
    )
    engine = await open_engine(own_settings, verifiers=verifiers)
    backlog = Backlog(engine.database, verifiers, Bounds(BOUND))
    work = Work(engine.database, engine.door, verifiers, engine.files, backlog)
    checks = Checks(engine.door, engine.database, verifiers, engine.inbox, QUICK)
    yield Office(engine, vendor, work, checks, await new_caller(engine))
    await engine.close()


async def test_slow_vendor_gets_no_more_than_its_bound_and_all_drains_after(office: Office) -> None:
    other = await new_caller(office.engine)
    lives = await office.dormant(7) + await office.dormant(2, other)
    charged = office.vendor.charges
    office.vendor.reports_after = None
    await office.doubt(lives)
    plans = {life.id: await office.work_on(life) for life in lives}

    assert await office.in_hand() == (BOUND, len(lives) - BOUND)
    assert office.vendor.charges == charged + BOUND
    held = [life for life in lives if not plans[life.id].checks]
    assert len(held) == len(lives) - BOUND
    for life in held:
        assert plans[life.id].done  # no run is left open for it
        assert "held back, for `vendor`" in plans[life.id].details
        row = await life.row()
        assert row["stage"] != "restricted"
        assert row["look_at"] - row["last_as_of"] >= HELD  # not before, unless it is let go
    # While the vendor is slow, sweeps let nothing go.
    assert not {life.id for life in held} & set(await office.work.sweep(500))
    assert await office.in_hand() == (BOUND, len(lives) - BOUND)

    office.vendor.reports_after = 0
    by_id = {life.id: life for life in lives}
    released: list[str] = []
    for _ in range(9):
        for row in await fetch(office.engine, "SELECT account_id, check_id FROM attempts WHERE ended_at IS NULL"):
            await office.checks.advance(row["account_id"], row["check_id"])
        due = [account_id for account_id in await office.work.sweep(500) if account_id in by_id]
        released += [account_id for account_id in due if account_id in {life.id for life in held}]
        for account_id in due:
            await office.work_on(by_id[account_id])
            assert (await office.in_hand())[0] <= BOUND
    assert await office.in_hand() == (0, 0)
    assert sorted(set(released)) == sorted(life.id for life in held)
    assert office.vendor.charges == charged + len(lives)
    assert [(await life.row())["stage"] for life in lives] == ["active"] * len(lives)


async def test_released_fairly_between_platforms(office: Office) -> None:
    other = await new_caller(office.engine)
    lives = await office.dormant(6)
    few = await office.dormant(1, other)
    office.vendor.reports_after = None
    await office.doubt([*lives, *few])
    for life in (*lives, *few):
        await office.work_on(life)
    assert await office.in_hand() == (BOUND, 4)
    row = (await fetch(office.engine, "SELECT account_id, check_id FROM attempts WHERE ended_at IS NULL"))[:2]
    office.vendor.reports_after = 0
    for one in row:
        await office.checks.advance(one["account_id"], one["check_id"])
    assert await office.in_hand() == (1, 4)
    await office.work.backlog.release()
    assert await office.in_hand() == (1, 2)
    assert (
        await few[0].rows("SELECT held_for FROM checks WHERE account_id = $1 AND held_for IS NOT NULL", few[0].id) == []
    )


async def test_whoever_is_asked_for_goes_though_the_vendor_is_slow(
    office: Office, own_operators: Callable[..., Result]
) -> None:
    lives = await office.dormant(BOUND + 1)
    office.vendor.reports_after = None
    await office.doubt(lives)
    for life in lives:
        await office.work_on(life)
    assert await office.in_hand() == (BOUND, 1)

    fresh = await office.life()  # an onboarding
    assert len((await office.work_on(fresh)).checks) == 1
    assert await office.in_hand() == (BOUND + 1, 1)

    [held] = [life for life in lives if await held_for(life)]
    changed: Any = {"identity": {"individual": {"given_name": "Ottoline"}}}
    await held.put(changed)  # its platform changes what is asked about: it is another question, and somebody waits
    assert len((await office.work_on(held)).checks) == 1
    assert await office.in_hand() == (BOUND + 2, 0)
    shown = await asyncio.to_thread(own_operators, "verifiers")
    assert " ".join(shown.output.split()) == "vendor in hand 5 of 500, unavailable 0, held back 0"


@pytest.mark.parametrize("bounds", ["many", "0", "500,registry", "500,registry=0", "registry=20"])
def test_bounds_that_make_no_sense_are_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, bounds: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("ONBOARDING_ROOT_KEYS", settings.root_keys.get_secret_value())
    monkeypatch.setenv("ONBOARDING_VERIFIER_BACKLOG", "20, registry=20000")
    assert load_settings().backlog_bounds == (20, {"registry": 20_000})
    monkeypatch.setenv("ONBOARDING_VERIFIER_BACKLOG", bounds)
    with pytest.raises(SettingsError, match="ONBOARDING_VERIFIER_BACKLOG"):
        load_settings()


async def held_for(life: Life) -> bool:
    return bool(await life.rows("SELECT 1 FROM checks WHERE account_id = $1 AND held_for IS NOT NULL", life.id))
