"""``Stripe-Version``: which are known, and what older ones are told."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from api.versions import DEFAULT, Release, Version, shown, understood, version_of
from onboarding.domain.errors import Refusal
from onboarding.scopes import Resource
from tests.api.test_orders import paid_out
from tests.support.samples import ALL, BARE
from tests.support.serving import Platform

ENDIVE, DAHLIA, CLOVER = "2026-10-28.endive", "2026-08-26.dahlia", "2026-02-25.clover"


def asked(platform: Platform, path: str, version: str | None = None, method: str = "GET", json: Any = None) -> Any:
    headers = {"Stripe-Version": version} if version is not None else {}
    return platform.request(method, path, json=json, headers=headers)


def test_request_without_a_version_speaks_the_newest(platform: Platform) -> None:
    answer = asked(platform, "/v2/core/accounts")

    assert (answer.status_code, answer.headers["stripe-version"]) == (200, ENDIVE)
    assert stripe.api_version == DEFAULT.text


@pytest.mark.parametrize(
    "version", [ENDIVE, DAHLIA, CLOVER, "2024-09-30.acacia", "2025-03-31.basil", "2026-11-25.endive"]
)
def test_known_version_is_sent_back(platform: Platform, version: str) -> None:
    assert asked(platform, "/v2/core/accounts", version).headers["stripe-version"] == version
    refused = asked(platform, "/v2/core/accounts/acct_0", version)
    assert (refused.status_code, refused.headers["stripe-version"]) == (404, version)


@pytest.mark.parametrize(
    "version",
    [
        "", "newest", "2026-10-28", "2026-10-28.", "2026-10-28.fuchsia", "2026-10-28.Endive", "2026-10-28.preview",
        "2026-13-01.endive", "2026-02-30.clover", "2026-09-29.endive", "2026-10-28.dahlia", "2026-10-28.endive,x",
        "x" * 5000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/v2/core/accounts", "/v1/accounts/acct_0/external_accounts"])
def test_unknown_version_is_refused_with_the_names_of_known_ones(platform: Platform, version: str, path: str) -> None:
    before = platform.server.count_rows()

    refused = asked(platform, path, version, "POST", BARE)

    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "parameter_invalid")
    assert "acacia, basil, clover, dahlia, endive" in refused.json()["error"]["message"]
    assert "stripe-version" not in refused.headers
    assert platform.server.count_rows() == before


def test_older_sdk_is_told_no_status_that_it_does_not_know(platform: Platform) -> None:
    account = paid_out(platform)
    platform.sdk().v1.accounts.reject(account, {"reason": "fraud_other"})
    path = f"/v2/core/accounts/{account}?include[0]=configuration.recipient"
    new = asked(platform, path, ENDIVE).json()

    old = asked(platform, path, DAHLIA).json()
    changed = asked(
        platform, f"/v2/core/accounts/{account}", CLOVER, "POST", {"include": ["configuration.recipient"]}
    ).json()

    assert _transfers(new) == {
        "status": "rejected",
        "status_details": [{"code": "rejected_platform_fraud", "resolution": "contact_stripe"}],
    }
    told = {
        "status": "restricted",
        "status_details": [{"code": "restricted_other", "resolution": "contact_stripe"}],
    }
    assert _transfers(old) == _transfers(changed) == told
    assert {**old, "configuration": None} == {**new, "configuration": None}


def _transfers(account: Any) -> Any:
    found = account["configuration"]["recipient"]["capabilities"]["stripe_balance"]["stripe_transfers"]
    return {name: found[name] for name in ("status", "status_details")}


def test_an_account_without_rejections_is_told_alike(platform: Platform) -> None:
    account = paid_out(platform)
    path = f"/v2/core/accounts/{account}?" + "&".join(f"include[{index}]={name}" for index, name in enumerate(ALL))

    assert asked(platform, path, CLOVER).json() == asked(platform, path, ENDIVE).json()


def test_event_destinations_of_before_dahlia() -> None:
    now = {"object": "v2.core.event_destination", "events_from": ["@self", "@accounts"]}
    clover, dahlia = version_of(CLOVER), version_of(DAHLIA)

    assert shown(now, clover)["events_from"] == ["self", "other_accounts"]
    assert shown(now, dahlia) == now
    sent = {"name": "n", "events_from": ["self", "other_accounts", 7]}
    assert understood(sent, Resource.EVENT_DESTINATIONS, clover)["events_from"] == ["@self", "@accounts", 7]
    assert understood(sent, Resource.EVENT_DESTINATIONS, dahlia) == sent
    assert understood(sent, Resource.ACCOUNTS, clover) == sent
    assert understood({"events_from": "self"}, Resource.EVENT_DESTINATIONS, clover) == {"events_from": "self"}


def test_releases_follow_each_other_without_a_gap() -> None:
    assert version_of("2025-09-29.basil") == Version("2025-09-29.basil", Release.BASIL)
    assert version_of("2025-09-30.clover").release is Release.CLOVER
    for text in ("2025-09-30.basil", "2025-09-29.clover"):
        with pytest.raises(Refusal):
            version_of(text)
