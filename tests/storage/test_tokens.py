"""Tokens wait sealed; what they hold is destroyed with their use, or soon after they expired."""

from __future__ import annotations

from datetime import timedelta

from onboarding.storage import tokens
from onboarding.storage.batch import Batch
from onboarding.storage.database import Database
from onboarding.storage.rows import TokenRow
from tests.storage import making
from tests.storage.making import NOW


def token(number: int) -> TokenRow:
    return TokenRow(
        id=f"accttok_{number}",
        platform_id="plat_1",
        livemode=False,
        kind="account",
        account_id=None,
        created_at=NOW,
        expires_at=NOW + timedelta(minutes=10),
        used_at=None,
        sealed=b"sealed",
    )


async def make(db: Database, count: int) -> None:
    batch = Batch()
    making.platform(batch)
    await making.apply(db, batch)
    async with db.transaction() as tx:
        for number in range(count):
            await tokens.create(tx, token(number))


async def expire(db: Database, token_id: str, ago: timedelta) -> None:
    async with db.reading() as r:
        await r.fetch(
            "UPDATE tokens SET expires_at = clock_timestamp() - $2::interval WHERE id = $1", token_id, ago
        )  # fmt: skip


async def test_a_token_is_its_platform_s_and_mode_s(db: Database) -> None:
    await make(db, 1)
    async with db.transaction() as tx:
        assert await tokens.find(tx, "accttok_0", platform_id="plat_1", livemode=False) == token(0)
        assert await tokens.find(tx, "accttok_0", platform_id="plat_1", livemode=True) is None
        assert await tokens.lock(tx, "accttok_0", platform_id="plat_2", livemode=False) is None
        locked = await tokens.lock(tx, "accttok_0", platform_id="plat_1", livemode=False)
    assert locked is not None
    assert locked[0] == token(0)
    assert locked[1] > NOW


async def test_a_used_token_holds_nothing(db: Database) -> None:
    await make(db, 2)
    async with db.transaction() as tx:
        await tokens.use(tx, "accttok_0")

    async with db.reading() as r:
        used = await tokens.find(r, "accttok_0", platform_id="plat_1", livemode=False)
        other = await tokens.find(r, "accttok_1", platform_id="plat_1", livemode=False)
    assert used is not None
    assert used.used_at is not None
    assert used.sealed is None
    assert other == token(1)


async def test_a_purge_empties_what_expired_and_deletes_what_nobody_can_ask_for(db: Database) -> None:
    await make(db, 4)
    await expire(db, "accttok_0", timedelta(days=31, minutes=1))
    await expire(db, "accttok_1", timedelta(days=30))
    await expire(db, "accttok_2", timedelta(milliseconds=1))
    await expire(db, "accttok_3", -timedelta(minutes=1))

    async with db.transaction() as tx:
        await tokens.purge(tx)

    async with db.reading() as r:
        rows = await r.fetch("SELECT id, sealed IS NOT NULL FROM tokens ORDER BY id")
    assert [tuple(row) for row in rows] == [("accttok_1", False), ("accttok_2", False), ("accttok_3", True)]


async def test_a_purge_is_bounded_and_waits_for_nobody(db: Database) -> None:
    await make(db, 4)
    for number in range(4):
        await expire(db, f"accttok_{number}", timedelta(milliseconds=1))
    async with db.transaction() as user:
        assert await tokens.lock(user, "accttok_0", platform_id="plat_1", livemode=False)
        async with db.transaction() as tx:
            await tokens.purge(tx, limit=2)
            rows = await tx.fetch("SELECT id, sealed IS NOT NULL FROM tokens")
    assert sum(row[1] for row in rows) == 2
    assert dict(map(tuple, rows))["accttok_0"] is True
