"""Bank accounts for payouts, in v1's words."""

from __future__ import annotations

import pytest
import stripe

from tests.support.samples import BANK_ACCOUNT, COMPANY
from tests.support.serving import Platform


def test_bank_account_is_added_and_listed_without_its_number(platform: Platform) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY)
    external = sdk.v1.accounts.external_accounts

    made = external.create(company.id, {"external_account": BANK_ACCOUNT, "metadata": {"desk": "7"}})

    assert (made.object, made.account, made.last4) == ("bank_account", company.id, "6789")
    assert (made.default_for_currency, made.metadata.to_dict()) == (True, {"desk": "7"})
    listed = external.list(company.id)
    assert [one.id for one in listed.data] == [made.id]
    answer = platform.request("GET", f"/v1/accounts/{company.id}/external_accounts")
    assert {key: answer.json()[key] for key in ("object", "has_more", "url")} == {
        "object": "list",
        "has_more": False,
        "url": f"/v1/accounts/{company.id}/external_accounts",
    }
    assert BANK_ACCOUNT["account_number"] not in answer.text


def test_list_is_paged_by_the_ids_of_neighbours(platform: Platform) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY)
    external = sdk.v1.accounts.external_accounts
    for number in range(5):
        external.create(company.id, {"external_account": {**BANK_ACCOUNT, "account_number": f"00012345678{number}"}})
    every = [one.id for one in external.list(company.id).data]
    assert len(every) == 5

    paged = [one.id for one in external.list(company.id, {"limit": 2}).auto_paging_iter()]
    back = external.list(company.id, {"limit": 2, "ending_before": every[4]})

    assert paged == every
    assert ([one.id for one in back.data], back.has_more) == (every[2:4], True)
    assert external.list(company.id, {"object": "card"}).data == []


@pytest.mark.parametrize("header", ["Stripe-Account", "Stripe-Context"])
def test_acting_as_the_account_is_the_same(platform: Platform, header: str) -> None:
    company = platform.sdk().v2.core.accounts.create(COMPANY)
    body = "&".join(f"external_account[{key}]={value}" for key, value in BANK_ACCOUNT.items()).encode()
    path = f"/v1/accounts/{company.id}/external_accounts"

    made = platform.request("POST", path, content=body, headers={header: company.id})

    assert made.json()["account"] == company.id
    other = platform.request("POST", path, content=body, headers={header: "acct_another"})
    assert (other.status_code, other.json()["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize(
    ("query", "param"),
    [({"limit": 101}, "limit"), ({"starting_after": "ba_0"}, "starting_after"), ({"object": "cash"}, "object")],
)
def test_query_is_checked(platform: Platform, query: dict[str, object], param: str) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk.v1.accounts.external_accounts.list(company.id, query)

    assert (refused.value.http_status, refused.value.param) == (400, param)
