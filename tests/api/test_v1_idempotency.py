"""One key, one answer: v1 repeats the first answer byte for byte, for a day."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest

from onboarding.storage import idempotency
from onboarding.storage.database import Database
from onboarding.work import Work
from tests.api.test_orders import paid_out
from tests.support.samples import BANK_ACCOUNT, COMPANY
from tests.support.serving import Platform

FORM = "&".join(f"external_account[{key}]={value}" for key, value in BANK_ACCOUNT.items())


@pytest.fixture
def company(platform: Platform) -> str:
    account_id: str = platform.sdk().v2.core.accounts.create(COMPANY).id
    return account_id


def add(platform: Platform, account_id: str, key: str | None = "k", form: str = FORM, **options: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key is not None else {}
    path = f"/v1/accounts/{account_id}/external_accounts"
    return platform.request("POST", path, content=form.encode(), headers=headers, **options)


def reject(platform: Platform, account_id: str, key: str, form: str = "reason=other") -> httpx.Response:
    headers = {"Idempotency-Key": key}
    return platform.request("POST", f"/v1/accounts/{account_id}/reject", content=form.encode(), headers=headers)


def test_replay_is_the_first_answer_byte_for_byte(platform: Platform, company: str) -> None:
    first = add(platform, company)
    before = platform.server.count_rows()

    again = add(platform, company)

    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["content-type"] == first.headers["content-type"] == "application/json"
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert first.headers["idempotency-key"] == again.headers["idempotency-key"] == "k"
    assert again.headers["request-id"] != first.headers["request-id"]
    assert platform.server.count_rows() == before


def test_replay_tells_nothing_that_came_later(platform: Platform) -> None:
    account_id = paid_out(platform)
    rejected = reject(platform, account_id, "r")
    undone = platform.request("POST", f"/v1/accounts/{account_id}/unreject", headers={"Idempotency-Key": "u"})
    assert undone.json()["payouts_enabled"] is True

    again = reject(platform, account_id, "r")

    assert again.content == rejected.content
    assert again.json()["requirements"]["disabled_reason"] == "rejected.platform_other"
    assert platform.sdk().v1.accounts.unreject(account_id).payouts_enabled is True
    [order] = platform.request("GET", f"/v2/verification/accounts/{account_id}/orders").json()["data"]
    assert order["status"] == "undone"


def test_what_had_nothing_to_change_is_repeated_too(platform: Platform) -> None:
    account_id = paid_out(platform)
    reject(platform, account_id, "first")
    idle = reject(platform, account_id, "second")
    platform.request("POST", f"/v1/accounts/{account_id}/unreject")

    again = reject(platform, account_id, "second")

    assert (again.content, again.headers["idempotent-replayed"]) == (idle.content, "true")
    assert platform.sdk().v2.core.accounts.retrieve(account_id).closed is False
    orders = platform.request("GET", f"/v2/verification/accounts/{account_id}/orders").json()["data"]
    assert [one["status"] for one in orders] == ["undone"]


@pytest.mark.parametrize(
    "form",
    [FORM + "&default_for_currency=true", FORM + "&expand[0]=account", FORM.replace("000123456789", "000999999991")],
)
def test_other_parameters_are_refused_in_v1s_words(platform: Platform, company: str, form: str) -> None:
    assert add(platform, company).status_code == 200
    before = platform.server.count_rows()

    refused = add(platform, company, form=form)

    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "idempotency_error")
    assert refused.json()["error"]["message"].startswith(
        "Keys for idempotent requests can only be used with the same parameters"
    )
    assert refused.headers["stripe-should-retry"] == "false"
    assert "idempotent-replayed" not in refused.headers
    assert platform.server.count_rows() == before


def test_other_path_is_refused_too(platform: Platform, company: str) -> None:
    add(platform, company)

    refused = platform.request("POST", f"/v1/accounts/{company}/unreject", headers={"Idempotency-Key": "k"})

    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "idempotency_error")


def test_key_of_v1_is_no_key_of_v2(platform: Platform, company: str) -> None:
    add(platform, company)
    path = f"/v2/core/accounts/{company}"

    updated = platform.request("POST", path, json={"display_name": "New"}, headers={"Idempotency-Key": "k"})

    assert (updated.status_code, updated.json()["display_name"]) == (200, "New")


def test_refusal_is_not_recorded(platform: Platform, company: str) -> None:
    wrong = add(platform, company, form=FORM.replace("110000000", "110000001"))

    right = add(platform, company)

    assert (wrong.status_code, right.status_code) == (400, 200)
    assert "idempotent-replayed" not in right.headers


def test_other_platform_and_other_mode_have_keys_of_their_own(
    platform: Platform, other_platform: Platform, company: str
) -> None:
    foreign = other_platform.sdk().v2.core.accounts.create(COMPANY).id
    ids = {add(platform, company).json()["id"], add(other_platform, foreign).json()["id"]}

    assert len(ids) == 2
    for account_id in (company, "acct_0000"):
        assert add(other_platform, account_id).json()["error"]["code"] == "not_found"


def test_twenty_requests_at_once_get_one_answer(platform: Platform, company: str) -> None:
    def add_as_an_sdk_would(_: int) -> httpx.Response:
        while (answer := add(platform, company)).headers.get("stripe-should-retry") == "true":
            assert answer.json()["error"]["code"] == "lock_timeout"
        return answer

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(add_as_an_sdk_would, range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sorted("idempotent-replayed" in answer.headers for answer in answers) == [False] + [True] * 19
    assert len(platform.sdk().v1.accounts.external_accounts.list(company).data) == 1


def test_answer_is_kept_for_a_day_and_sealed(platform: Platform, company: str) -> None:
    made = add(platform, company).json()

    [row] = platform.server.fetch(
        "SELECT sealed, expires_at - created_at AS lives FROM idempotency_keys WHERE account_id = $1"
        " AND operation = 'v1'",
        company,
    )

    assert abs(row["lives"] - idempotency.V1_LIFETIME) < timedelta(seconds=1)
    assert made["id"].encode() not in row["sealed"]
    assert made["last4"].encode() not in row["sealed"]


def test_answer_goes_with_the_keys_of_its_account(platform: Platform, company: str) -> None:
    assert add(platform, company).status_code == 200
    platform.server.fetch("UPDATE accounts SET data_key = NULL, digest_key = NULL WHERE id = $1", company)

    assert add(platform, company).json()["error"]["code"] == "not_found"


def test_key_is_free_again_after_a_day(platform: Platform, company: str) -> None:
    first = add(platform, company)
    platform.server.fetch(
        "UPDATE idempotency_keys SET expires_at = clock_timestamp() WHERE account_id = $1 AND operation = 'v1'", company
    )

    again = add(platform, company)

    assert again.status_code == 200
    assert "idempotent-replayed" not in again.headers
    assert again.json()["id"] != first.json()["id"]


def test_sweep_deletes_expired_keys_in_bounded_batches(
    platform: Platform, company: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        reject(platform, company, f"k{number}")
    platform.server.fetch(
        "UPDATE idempotency_keys SET expires_at = clock_timestamp() - interval '2 days'"
        " WHERE account_id = $1 AND operation = 'v1'",
        company,
    )
    monkeypatch.setattr("onboarding.work.PURGED_AT_ONCE", 2)
    monkeypatch.setattr("onboarding.work.PURGES", 2)
    work: Work = platform.server.engine.work
    database: Database = platform.server.engine.database

    with database.round_trips() as sent:
        platform.server.run(work.swept())
    assert _left(platform, company) == 1
    assert sum("DELETE FROM idempotency_keys" in statement for statement in sent) == 2

    platform.server.run(work.swept())
    assert _left(platform, company) == 0


def _left(platform: Platform, account_id: str) -> int:
    [row] = platform.server.fetch(
        "SELECT count(*) FROM idempotency_keys WHERE account_id = $1 AND operation = 'v1'", account_id
    )
    count: int = row[0]
    return count
