"""Pages are complete, in order, and only of what the caller may see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from onboarding.storage import clocks, listing, showing, tables
from onboarding.storage.batch import Batch
from onboarding.storage.database import Database
from onboarding.storage.listing import Cursor, Page, Scope
from tests.storage import making
from tests.storage.making import NOW

SCOPE = Scope("plat_1", livemode=False)


async def _accounts(db: Database) -> None:
    batch = Batch()
    keys: Any = {"data_key": b"wrapped", "digest_key": b"wrapped"}
    making.platform(batch)
    making.platform(batch, "plat_2")
    for number in range(6):
        created_at = NOW + timedelta(seconds=number // 2)  # pairs of the same instant
        making.account(batch, f"acct_{number}", created_at=created_at, configurations=["merchant", "recipient"], **keys)
    making.account(batch, "acct_closed", created_at=NOW, closed_at=NOW, **keys)
    making.account(batch, "acct_live", livemode=True, created_at=NOW, **keys)
    making.account(batch, "acct_other", platform_id="plat_2", created_at=NOW, **keys)
    making.account(batch, "acct_erased", created_at=NOW)
    await making.apply(db, batch)


async def _ids(db: Database, page: Page, scope: Scope = SCOPE, **options: object) -> list[str]:
    async with db.reading() as r:
        found = await showing.find_page(r, scope, page, **options)  # type: ignore[arg-type]  # passed through
    return [shown.id for shown in found]


async def test_accounts_page_by_page_and_back(db: Database) -> None:
    await _accounts(db)

    first = await _ids(db, Page(limit=4))
    second = await _ids(db, Page(limit=4, after=Cursor(NOW + timedelta(seconds=1), "acct_2")))
    back = await _ids(db, Page(limit=1, before=Cursor(NOW, "acct_1")))

    assert first == ["acct_5", "acct_4", "acct_3", "acct_2"]
    assert second == ["acct_1", "acct_0"]
    assert back == ["acct_2"]


async def test_accounts_by_configuration_and_closing(db: Database) -> None:
    await _accounts(db)

    assert await _ids(db, Page(), closed=True) == ["acct_closed"]
    assert len(await _ids(db, Page(), closed=None)) == 7
    assert len(await _ids(db, Page(), configurations=["recipient"])) == 6
    assert await _ids(db, Page(), configurations=["recipient", "customer"]) == []
    assert await _ids(db, Page(), Scope("plat_1", livemode=True)) == ["acct_live"]
    assert await _ids(db, Page(), Scope("plat_1", livemode=False, account_id="acct_other")) == []


async def test_a_page_of_accounts_is_one_statement(db: Database) -> None:
    await _accounts(db)
    with db.round_trips() as sent:
        await _ids(db, Page(limit=4))

    assert len(sent) == 1


async def test_checks_evidence_and_reviews_of_a_platform_or_an_account(db: Database) -> None:
    await _accounts(db)
    batch = Batch()
    for number, account_id in enumerate(("acct_0", "acct_1", "acct_0", "acct_live", "acct_other")):
        check = {"kind": f"kind_{number % 2}", "subject": "account", "digest": str(number)}
        batch.insert(
            tables.Check, id=f"check_{number}", account_id=account_id, **check, state="in_review", opened_at=NOW
        )
        batch.insert(
            tables.Evidence,
            id=f"evid_{number}",
            account_id=account_id,
            check_id=f"check_{number}",
            **check,
            outcome="passed",
            reasons=["r"],
            verifier="v",
            verifier_version="1",
            occurred_at=NOW,
            recorded_at=NOW,
        )
        batch.insert(
            tables.Review,
            id=f"rev_{number}",
            account_id=account_id,
            check_id=f"check_{number}",
            queue=f"queue_{number % 2}",
            reason_code="contested",
            state="open",
            opened_at=NOW,
        )
    await making.apply(db, batch)
    one = Scope("plat_1", livemode=False, account_id="acct_0")

    async with db.reading() as r:
        checks = await listing.list_checks(r, SCOPE, Page())
        of_one = await listing.list_checks(r, one, Page(after="check_2"))
        newer = await listing.list_checks(r, SCOPE, Page(limit=1, before="check_0"))
        of_kind = await listing.list_checks(r, SCOPE, Page(), kinds=["kind_1"], states=["in_review", "due"])
        none = await listing.list_checks(r, SCOPE, Page(), states=["due"], subject="account")
        evidence = await listing.list_evidence(r, one, Page(limit=1))
        of_check = await listing.list_evidence(r, SCOPE, Page(), kinds=["kind_1"], check_id="check_1")
        reviews = await listing.list_reviews(r, SCOPE, Page(), queues=["queue_0"], state="open")

    assert [check.id for check in checks] == ["check_2", "check_1", "check_0"]
    assert [check.id for check in of_one] == ["check_0"]
    assert [check.id for check in newer] == ["check_1"]
    assert [(check.id, check.account_id) for check in of_kind] == [("check_1", "acct_1")]
    assert none == []
    assert [(row.account_id, row.evidence.id, row.evidence.reasons) for row in evidence] == [
        ("acct_0", "evid_2", ("r",))
    ]
    assert [row.evidence.id for row in of_check] == ["evid_1"]
    assert [review.id for review in reviews] == ["rev_0", "rev_2"]


async def test_clocks_of_a_platform(db: Database) -> None:
    await _accounts(db)
    async with db.reading() as r:
        made = [
            await clocks.create(r, clock_id=f"clock_{number}", platform_id="plat_1", now=NOW, sealed=b"n")
            for number in range(3)
        ]
        page = await listing.list_clocks(r, "plat_1", Page(limit=2, after=Cursor(made[2].created_at, "clock_2")))
        assert await listing.list_clocks(r, "plat_2", Page()) == []

    assert page == [made[1], made[0]]
