"""Packs of a platform, and roll-outs whose times are moved instead of waited for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from onboarding.door.callers import Caller
from onboarding.engine import Engine
from onboarding.policies import Pace, RolloutSteps
from onboarding.storage import book, rollouts
from onboarding.storage.rollouts import RolloutRow, RolloutScope, Wave
from tests.stories.telling import fetch, individual

DAY = timedelta(days=1)
NOTICE = 30 * DAY
WORKERS = "identity.business_details.estimated_worker_count"

QUICK = Pace(page=7, at_once=3, at_least=timedelta(), closing=timedelta())
"""Small pages, and no pauses."""

EVERYTHING = RolloutScope()


def asking(name: str = "acme.workers", **parts: Any) -> str:
    """A pack with a rule that asks every account in the United States for what none has."""
    whole = {"source": "Acme's own", "of": "account", "when": "{country: [US]}", "needs": f"[{WORKERS}]", **parts}
    whole.setdefault("restricts", "[{capabilities: [all], falls: at_request, grace_days: 20}]")
    return f"rules:\n  - name: {name}\n" + "".join(f"    {key}: {value}\n" for key, value in whole.items())


HARSH = asking(restricts="[{capabilities: [all], falls: at_request, grace_days: 2}]")
"""The same with a grace in which hardly anybody can do anything."""


async def published(engine: Engine, platform_id: str | None, text: str = "", name: str = "acme") -> str:
    """Hash of a policy made of what ships and one pack more."""
    made = await engine.policy_book.publish({"acme": text or asking()}, name, platform_id, with_builtin=True)
    return made.row.hash


async def accounts(engine: Engine, caller: Caller, number: int) -> list[str]:
    """Active individuals, in the order of their ids."""
    made = [(await engine.accounts.create(caller, individual(), None)).account["id"] for _ in range(number)]
    return sorted(made)


def steps_of(engine: Engine, pace: Pace = QUICK) -> RolloutSteps:
    """Steps as another process would take them."""
    return RolloutSteps(engine.database, engine.door, engine.policies, pace)


async def rolled_out(
    engine: Engine, caller: Caller, policy: str, *waves: tuple[float, timedelta, timedelta], **options: Any
) -> str:
    """Id of a new roll-out of the caller's accounts; waves are shares with distances from now, and of the notice."""
    now = await engine.policy_book.now()
    planned = [Wave(share, now + starts, now + starts + notice) for share, starts, notice in waves]
    scope = options.pop("scope", EVERYTHING)
    options.setdefault("allow_restricting", True)
    made = await engine.rollouts.create(caller, policy, scope, planned, **options)
    return str(made["id"])


async def finish(steps: RolloutSteps, rollout_id: str, most: int = 200) -> str:
    """Take steps until one has nothing to do now; answers where the roll-out stands."""
    for _ in range(most):
        step = await steps.step(rollout_id)
        if step.wait is None or step.wait:
            return step.state
    raise AssertionError("it does not end")


async def row_of(engine: Engine, rollout_id: str) -> RolloutRow:
    async with engine.database.reading() as r:
        row = await rollouts.find(r, rollout_id)
    assert row is not None
    return row


async def time_passes(engine: Engine, rollout_id: str, distance: timedelta) -> None:
    """The roll-out's times come nearer, those of the accounts that were told too, as if so much time had passed."""
    async with engine.database.transaction() as tx:
        row = await rollouts.lock(tx, rollout_id)
        assert row is not None
        waves = [
            replace(one, starts_at=one.starts_at - distance, transition_at=one.transition_at - distance)
            for one in row.planned
        ]
        await rollouts.put(tx, replace(row, waves=[one.document for one in waves]))
        await tx.fetch(
            "UPDATE rollout_accounts SET transition_at = transition_at - $2::interval WHERE rollout_id = $1",
            rollout_id,
            distance,
        )
        await tx.fetch(
            "UPDATE accounts a SET transition_at = a.transition_at - $2::interval,"
            " wake_at = least(a.wake_at, a.transition_at - $2::interval) FROM rollout_accounts t"
            " WHERE t.rollout_id = $1 AND t.account_id = a.id AND a.announced_hash IS NOT NULL",
            rollout_id,
            distance,
        )


async def bound(engine: Engine, ids: Iterable[str]) -> dict[str, tuple[str, str | None, datetime | None]]:
    """Of each account: the policy, the announced one, and when that comes into force."""
    rows = await fetch(
        engine,
        "SELECT id, policy_hash, announced_hash, transition_at FROM accounts WHERE id = ANY($1::text[])",
        list(ids),
    )
    return {row["id"]: (row["policy_hash"], row["announced_hash"], row["transition_at"]) for row in rows}


async def announcements(engine: Engine, ids: Iterable[str]) -> dict[str, int]:
    """How often each account was told of a policy."""
    rows = await fetch(
        engine,
        "SELECT account_id, count(*) FROM versions WHERE account_id = ANY($1::text[]) AND cause = 'policy.announced'"
        " GROUP BY account_id",
        list(ids),
    )
    return {row[0]: row[1] for row in rows}


async def now(engine: Engine) -> datetime:
    async with engine.database.reading() as r:
        return await book.database_now(r)
