"""One request of many twins takes effect; the others learn what it made."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from onboarding.domain.errors import Refusal
from onboarding.storage.database import Database
from onboarding.storage.idempotency import Claimed, Existing, KeyScope, claim, purge

SCOPE = KeyScope("plat_1", livemode=False, context="", operation="account.create", key_digest="kd")


async def _execute(db: Database, number: int, *, hold: float = 0.0, fail: bool = False) -> Claimed | Existing:
    async with db.transaction() as tx:
        answer = await claim(tx, SCOPE, fingerprint="fp", account_id=f"acct_{number}", object_id=f"acct_{number}")
        await asyncio.sleep(hold)
        if fail:
            raise ZeroDivisionError
        return answer


async def test_one_of_twenty_twins_wins_and_the_others_see_its_result(db: Database) -> None:
    answers = await asyncio.gather(*(_execute(db, number, hold=0.05) for number in range(20)))

    winners = [number for number, answer in enumerate(answers) if isinstance(answer, Claimed)]
    assert len(winners) == 1
    account_id = f"acct_{winners[0]}"
    losers = {answer for answer in answers if isinstance(answer, Existing)}
    assert losers == {Existing("fp", account_id, account_id, None)}


async def test_a_winner_that_fails_leaves_the_key_to_the_next(db: Database) -> None:
    answers = await asyncio.gather(
        *(_execute(db, number, hold=0.05, fail=number < 5) for number in range(10)), return_exceptions=True
    )

    assert sum(isinstance(answer, Claimed) for answer in answers) == 1
    assert sum(isinstance(answer, Existing) for answer in answers) == 4


async def test_a_twin_that_takes_too_long_is_a_refusal(db: Database) -> None:
    async with db.transaction() as first:
        await claim(first, SCOPE, fingerprint="fp", account_id=None, object_id=None)
        with pytest.raises(Refusal, match="account_rate_limit_exceeded"):
            async with db.transaction(lock_timeout=timedelta(milliseconds=50)) as second:
                await claim(second, SCOPE, fingerprint="fp", account_id=None, object_id=None)


async def test_other_scopes_have_other_keys(db: Database) -> None:
    await _execute(db, 1)
    others = [
        KeyScope("plat_2", SCOPE.livemode, SCOPE.context, SCOPE.operation, SCOPE.key_digest),
        KeyScope(SCOPE.platform_id, True, SCOPE.context, SCOPE.operation, SCOPE.key_digest),  # noqa: FBT003
        KeyScope(SCOPE.platform_id, SCOPE.livemode, "acct_1", SCOPE.operation, SCOPE.key_digest),
        KeyScope(SCOPE.platform_id, SCOPE.livemode, SCOPE.context, "account.update", SCOPE.key_digest),
        KeyScope(SCOPE.platform_id, SCOPE.livemode, SCOPE.context, SCOPE.operation, "other"),
    ]

    async with db.transaction() as tx:
        for scope in others:
            assert await claim(tx, scope, fingerprint="fp", account_id=None, object_id=None) == Claimed()


async def test_an_expired_key_is_free_again_and_its_secret_is_gone(db: Database) -> None:
    async with db.transaction() as tx:
        await claim(tx, SCOPE, fingerprint="old", account_id=None, object_id="ed_1", sealed=b"secret")
    async with db.transaction() as tx:
        answer = await claim(tx, SCOPE, fingerprint="new", account_id=None, object_id=None)
        assert answer == Existing("old", None, "ed_1", b"secret")
        await tx.fetch("UPDATE idempotency_keys SET expires_at = clock_timestamp()")
    async with db.transaction() as tx:
        assert await claim(tx, SCOPE, fingerprint="new", account_id=None, object_id="ed_2") == Claimed()
    async with db.transaction() as tx:
        answer = await claim(tx, SCOPE, fingerprint="new", account_id=None, object_id=None)

    assert answer == Existing("new", None, "ed_2", None)


async def test_a_purge_takes_only_what_expired_a_day_ago(db: Database) -> None:
    await _execute(db, 1)
    async with db.transaction() as tx:
        assert await purge(tx) == 0
        await tx.fetch("UPDATE idempotency_keys SET expires_at = clock_timestamp() - interval '25 hours'")
        assert await purge(tx) == 1
