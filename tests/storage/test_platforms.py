"""Platforms, keys, policies, clocks and the book."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from onboarding.storage import book, clocks, keys, policies
from onboarding.storage.batch import Batch
from onboarding.storage.database import Database
from onboarding.storage.faults import StatementFailed
from onboarding.storage.rows import BookRow, ClockAccountRow, KeyRow
from tests.storage import making
from tests.storage.making import NOW


async def test_a_key_is_found_by_its_digest_until_it_is_revoked(db: Database) -> None:
    async with db.reading() as r:
        assert await keys.create_platform(r, platform_id="plat_1", sealed=b"name")
        assert not await keys.create_platform(r, platform_id="plat_1")
        assert await keys.create_key(r, key_id="key_1", platform_id="plat_1", livemode=True, digest="d")
        assert not await keys.create_key(r, key_id="key_2", platform_id="plat_1", livemode=True, digest="d")
        assert await keys.find_key(r, "d") == KeyRow("key_1", "plat_1", livemode=True)
        assert await keys.find_key(r, "e") is None
        assert await keys.revoke_key(r, "key_1")
        assert not await keys.revoke_key(r, "key_1")
        assert await keys.find_key(r, "d") is None
        with pytest.raises(StatementFailed, match="23503"):
            await keys.create_key(r, key_id="key_3", platform_id="plat_2", livemode=True, digest="f")


async def test_a_key_has_a_kind_and_its_platform_s_country(db: Database) -> None:
    async with db.reading() as r:
        assert await keys.create_platform(r, platform_id="plat_1", country="FR")
        assert await keys.create_key(
            r, key_id="key_1", platform_id="plat_1", livemode=False, digest="d", kind="publishable"
        )  # fmt: skip
        # As a process of the version before writes it.
        await r.fetch(
            "INSERT INTO api_keys (id, platform_id, livemode, digest, created_at) VALUES"
            " ('key_2', 'plat_1', false, 'e', clock_timestamp())"
        )
        assert await keys.find_key(r, "d") == KeyRow("key_1", "plat_1", False, "publishable", None, "FR")  # noqa: FBT003
        assert await keys.find_key(r, "e") == KeyRow("key_2", "plat_1", False, "secret", None, "FR")  # noqa: FBT003


async def test_a_policy_is_published_once_and_never_changed(db: Database) -> None:
    async with db.reading() as r:
        assert await policies.seed(r, policy_hash="h1", name="us", version="1", document=b"\x00one")
        assert not await policies.seed(r, policy_hash="h1", name="us", version="1", document=b"other")
        with pytest.raises(StatementFailed, match="uq_policies_name_version"):
            await policies.seed(r, policy_hash="h2", name="us", version="1", document=b"other")
        await policies.seed(r, policy_hash="h3", name="us", version="2", document=b"two")
        found = await policies.find(r, "h1")
        listed = await policies.list_all(r)
        assert await policies.find(r, "h2") is None

    assert found is not None
    assert found.document == b"\x00one"
    assert [policy.version for policy in listed] == ["2", "1"]


async def test_another_temporal_storage_raises_the_epoch_once(db: Database) -> None:
    async with db.reading() as r:
        assert await book.get(r) == BookRow(1, None, None)
        assert await book.meet_namespace(r, "ns_1") == BookRow(1, "ns_1", None)
        assert await book.meet_namespace(r, "ns_1") == BookRow(1, "ns_1", None)

    async def meet() -> BookRow:
        async with db.reading() as r:
            return await book.meet_namespace(r, "ns_2")

    assert set(await asyncio.gather(*(meet() for _ in range(8)))) == {BookRow(2, "ns_2", None)}


async def test_a_sweep_is_noted_before_and_after_the_first_worker(db: Database) -> None:
    async with db.reading() as r:
        await book.set_last_sweep(r)
        first = (await book.get(r)).last_sweep_at
        assert (await book.meet_namespace(r, "ns_1")).book_epoch == 1
        await book.set_last_sweep(r)
        second = (await book.get(r)).last_sweep_at

    assert first is not None
    assert second is not None
    assert second > first


async def test_a_clock_advances_to_its_target_and_never_goes_back(db: Database) -> None:
    day = timedelta(days=1)
    async with db.reading() as r:
        await keys.create_platform(r, platform_id="plat_1")
        await clocks.create(r, clock_id="clock_1", platform_id="plat_1", now=NOW)
        assert await clocks.find(r, platform_id="plat_2", clock_id="clock_1") is None
    async with db.transaction() as tx:
        assert await clocks.lock(tx, platform_id="plat_1", clock_id="clock_1") is not None
        await clocks.start_advancing(tx, "clock_1", NOW + 3 * day)
    async with db.reading() as r:
        assert await clocks.move(r, "clock_1", NOW + day)
        assert not await clocks.move(r, "clock_1", NOW)
        underway = await clocks.find(r, platform_id="plat_1", clock_id="clock_1")
        assert not await clocks.finish(r, "clock_1", NOW + 2 * day)
        assert await clocks.find(r, platform_id="plat_1", clock_id="clock_1") == underway
        assert await clocks.finish(r, "clock_1", NOW + 3 * day)
        assert not await clocks.finish(r, "clock_1", NOW + 3 * day)
        ended = await clocks.find(r, platform_id="plat_1", clock_id="clock_1")

    assert underway is not None
    assert (underway.now, underway.state, underway.target) == (NOW + day, "advancing", NOW + 3 * day)
    assert ended is not None
    assert (ended.now, ended.state, ended.target) == (NOW + 3 * day, "ready", None)


async def test_accounts_on_a_clock_are_listed_as_time_reaches_them(db: Database) -> None:
    batch = Batch()
    making.platform(batch)
    for number, wake_at in enumerate((None, NOW + timedelta(days=2), NOW)):
        making.account(batch, f"acct_{number}", test_clock_id="clock_1", wake_at=wake_at)
    making.account(batch, "acct_9")
    await making.apply(db, batch)

    async with db.reading() as r:
        found = await clocks.accounts_on(r, "clock_1")

    assert found[0] == ClockAccountRow("acct_2", NOW, None, None)
    assert [account.id for account in found] == ["acct_2", "acct_1", "acct_0"]
