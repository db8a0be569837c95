"""Explanations over the API: with the official SDK, and with requests that it would never send."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.samples import BANK_ACCOUNT, MARKER, RECIPIENT, RECIPIENT_DETAILS, patched
from tests.support.serving import Platform

TRANSFERS = "recipient.stripe_balance.stripe_transfers"
PAYOUTS = "recipient.stripe_balance.payouts"
INVALID = "invalid_request_error"


def path(account_id: str) -> str:
    return f"/v2/verification/accounts/{account_id}/explanation"


def new_account(platform: Platform) -> str:
    """An individual whose transfers are active, and who has no bank account."""
    sdk = platform.sdk()
    account = sdk.v2.core.accounts.create(RECIPIENT)
    details = patched(RECIPIENT_DETAILS, identity__individual__surname=MARKER)
    sdk.v2.core.accounts.update(account.id, details)
    return str(account.id)


def test_sdk_asks_why_a_capability_is_off(platform: Platform) -> None:
    account_id, sdk = new_account(platform), platform.sdk()

    before = sdk.raw_request("get", path(account_id)).data
    sdk.v1.accounts.external_accounts.create(account_id, {"external_account": BANK_ACCOUNT})
    after = sdk.raw_request("get", path(account_id), capability=PAYOUTS, at=before["at"]).data
    now = sdk.raw_request("get", path(account_id), capability=PAYOUTS).data

    payouts, transfers = before["capabilities"]
    assert (transfers["capability"], transfers["status"]) == ("stripe_balance.stripe_transfers", "active")
    assert (payouts["capability"], payouts["status"]) == ("stripe_balance.payouts", "restricted")
    [blocked] = payouts["blocked_by"]
    assert (blocked["rule"], blocked["cause"], blocked["subject"]["type"]) == (
        "us.external_account",
        "missing",
        "account",
    )
    assert {one["type"] for node in transfers["satisfied"] for one in node["by"]} == {"field", "evidence"}
    assert after["capabilities"] == [payouts]
    assert [one["status"] for one in now["capabilities"]] == ["active"]
    assert before["reproduction"] == now["reproduction"] == {"result": "reproduced", "differences": []}
    assert MARKER not in str(before) + str(now)


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ({"at": "yesterday"}, "parameter_invalid", "at"),
        ({"at": "2026-01-01T00:00:00"}, "parameter_invalid", "at"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "parameter_invalid", "at"),
        ({"at": "1999-01-01T00:00:00Z"}, "parameter_invalid", "at"),
        ({"at": "9999-12-31T23:59:59Z"}, "parameter_invalid", "at"),
        ({"capability": "merchant.unheard_of"}, "parameter_invalid", "capability"),
        ({"capability": "card payments\x00"}, "parameter_invalid", "capability"),
        ({"limit": "3"}, "parameter_unknown", "limit"),
    ],
)
def test_what_makes_no_sense_is_refused(platform: Platform, query: dict[str, str], code: str, param: str) -> None:
    answer = platform.request("GET", path(new_account(platform)), params=query)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"], error["type"]) == (400, code, param, INVALID)


def test_nobody_elses_account_is_explained(platform: Platform, other_platform: Platform) -> None:
    account_id = new_account(platform)

    for asked, who in ((account_id, other_platform), ("acct_unknown", platform)):
        answer = who.request("GET", path(asked))
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_an_erased_account_is_explained_without_its_keys(platform: Platform) -> None:
    account_id = new_account(platform)
    before: Any = platform.request("GET", path(account_id)).json()
    platform.server.fetch("UPDATE accounts SET data_key = NULL, digest_key = NULL WHERE id = $1", account_id)

    after = platform.request("GET", path(account_id))

    assert after.status_code == 200
    assert {**after.json(), "at": before["at"]} == before
    assert platform.request("GET", f"/v2/core/accounts/{account_id}").status_code == 404
