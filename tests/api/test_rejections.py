"""Rejecting accounts and taking it back, in v1's words and over the official SDK."""

from __future__ import annotations

from datetime import datetime

import pytest
import stripe

from tests.api.test_orders import ACTIVE, PAYOUTS, TRANSFERS, paid_out, path, statuses
from tests.support.samples import BARE, RECIPIENT
from tests.support.serving import Platform


@pytest.fixture
def account(platform: Platform) -> str:
    return paid_out(platform)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("credit", "platform_other"),
        ("fraud_other", "platform_fraud"),
        ("fraud_payment_method_tester", "platform_fraud"),
        ("other", "platform_other"),
        ("terms_of_service", "platform_terms_of_service"),
    ],
)
def test_sdk_rejects_and_unrejects(platform: Platform, account: str, reason: str, code: str) -> None:
    sdk = platform.sdk()

    rejected = sdk.v1.accounts.reject(account, {"reason": reason})

    assert (type(rejected).__name__, rejected.id, rejected.object) == ("Account", account, "account")
    assert (rejected.charges_enabled, rejected.payouts_enabled) == (False, False)
    assert rejected.requirements.disabled_reason == f"rejected.{code}"
    assert (rejected.country, rejected.business_type, rejected.email) == (
        "US",
        "individual",
        RECIPIENT["contact_email"],
    )
    created = sdk.v2.core.accounts.retrieve(account).created
    assert rejected.created == int(datetime.fromisoformat(created).timestamp())
    assert statuses(platform, account)[TRANSFERS] == ["rejected", f"rejected_{code}", "contact_stripe"]
    [listed] = platform.request("GET", path(account)).json()["data"]
    assert (listed["kind"], listed["reason"], listed["capability"]) == ("reject", code, None)

    unrejected = sdk.v1.accounts.unreject(account)

    assert (unrejected.payouts_enabled, unrejected.requirements.disabled_reason) == (True, None)
    assert statuses(platform, account) == {TRANSFERS: ACTIVE, PAYOUTS: ACTIVE}


def test_rejecting_can_leave_payouts_alone(platform: Platform, account: str) -> None:
    sdk = platform.sdk()

    rejected = sdk.v1.accounts.reject(account, {"reason": "fraud_other", "payouts_action": "none"})

    assert (rejected.payouts_enabled, rejected.requirements.disabled_reason) == (True, "rejected.platform_fraud")
    assert statuses(platform, account) == {
        TRANSFERS: ["rejected", "rejected_platform_fraud", "contact_stripe"],
        PAYOUTS: ACTIVE,
    }
    # Now all of it: what is rejected already stays so, and unrejecting takes everything back.
    assert sdk.v1.accounts.reject(account, {"reason": "fraud_other"}).payouts_enabled is False
    assert sdk.v1.accounts.unreject(account).payouts_enabled is True
    assert statuses(platform, account)[TRANSFERS] == ACTIVE


def test_rejecting_and_unrejecting_again_change_nothing(platform: Platform, account: str) -> None:
    sdk = platform.sdk()
    first = sdk.v1.accounts.reject(account, {"reason": "other"}, {"idempotency_key": "once"}).to_dict()
    rows = platform.server.count_rows()

    with_key = sdk.v1.accounts.reject(account, {"reason": "other"}, {"idempotency_key": "once"}).to_dict()
    raw = platform.request("POST", f"/v1/accounts/{account}/reject", content=b"reason=other").json()

    assert with_key == raw == first
    assert platform.server.count_rows() == rows
    with pytest.raises(stripe.IdempotencyError):
        sdk.v1.accounts.reject(account, {"reason": "credit"}, {"idempotency_key": "once"})
    for _ in range(2):
        answer = platform.request("POST", f"/v1/accounts/{account}/unreject")
        assert answer.json()["requirements"] == {"disabled_reason": None}
    rows["audit_log"] += 1
    counted = platform.server.count_rows()
    assert (counted["orders"], counted["audit_log"]) == (rows["orders"], rows["audit_log"])


def test_an_account_that_asks_for_nothing_is_rejected_too(platform: Platform) -> None:
    sdk = platform.sdk()
    made = sdk.v2.core.accounts.create(BARE)

    assert (
        sdk.v1.accounts.reject(made.id, {"reason": "other"}).requirements.disabled_reason == "rejected.platform_other"
    )
    sdk.v2.core.accounts.update(made.id, RECIPIENT)
    assert statuses(platform, made.id)[TRANSFERS][0] == "rejected"
