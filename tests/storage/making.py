"""Rows for the tests of the storage."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from onboarding.storage import tables
from onboarding.storage.batch import Batch
from onboarding.storage.database import Database

NOW = datetime(2026, 3, 4, 5, 6, 7, 123456, tzinfo=UTC)


async def apply(db: Database, batch: Batch) -> None:
    async with db.transaction() as tx:
        await tx.apply(batch)


def platform(batch: Batch, platform_id: str = "plat_1") -> None:
    batch.insert(tables.Platform, id=platform_id, created_at=NOW)


def account(batch: Batch, account_id: str = "acct_1", platform_id: str = "plat_1", **row: Any) -> None:
    row = {"livemode": False, "created_at": NOW, "updated_at": NOW, "shape": {}, **row}
    batch.insert(tables.Account, id=account_id, platform_id=platform_id, **row)


async def make_account(db: Database, account_id: str = "acct_1", **row: Any) -> None:
    batch = Batch()
    platform(batch)
    account(batch, account_id, **row)
    await apply(db, batch)


def event(batch: Batch, sequence: int, account_id: str = "acct_1", **row: Any) -> None:
    row = {"platform_id": "plat_1", "livemode": False, "type": "v2.core.account.updated", "effective_at": NOW, **row}
    batch.insert(tables.Event, id=f"evt_{account_id}_{sequence:03}", account_id=account_id, sequence=sequence, **row)
