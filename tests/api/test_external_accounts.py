"""Bank accounts for payouts, in v1's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.support.samples import BANK_ACCOUNT, BARE, COMPANY
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


def _added(sdk: Any, account_id: str, count: int) -> list[str]:
    external = sdk.v1.accounts.external_accounts
    numbers = [{**BANK_ACCOUNT, "account_number": f"00012345678{number}"} for number in range(count)]
    return [external.create(account_id, {"external_account": one}).id for one in numbers]


def _defaults(sdk: Any, account_id: str) -> list[str]:
    listed = sdk.v1.accounts.external_accounts.list(account_id).data
    return [bank.id for bank in listed if bank.default_for_currency]


def test_first_of_a_currency_is_its_default_until_another_is_chosen(platform: Platform) -> None:
    sdk = platform.sdk()
    bare = sdk.v2.core.accounts.create(BARE)
    external = sdk.v1.accounts.external_accounts
    first, second = _added(sdk, bare.id, 2)
    euro = external.create(bare.id, {"external_account": "btok_de"}).id
    assert _defaults(sdk, bare.id) == [first, euro]

    chosen = external.create(bare.id, {"external_account": "btok_us", "default_for_currency": True})
    assert chosen.default_for_currency is True
    assert _defaults(sdk, bare.id) == [euro, chosen.id]
    assert external.update(bare.id, second, {"default_for_currency": True}).default_for_currency is True
    assert _defaults(sdk, bare.id) == [second, euro]
    # Nothing else takes a default away.
    external.update(bare.id, second, {"default_for_currency": False, "account_holder_name": "Jenny Rosen"})
    assert _defaults(sdk, bare.id) == [second, euro]


def test_bank_account_is_retrieved_and_changed(platform: Platform) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY)
    external = sdk.v1.accounts.external_accounts
    made = external.create(company.id, {"external_account": BANK_ACCOUNT, "metadata": {"desk": "7", "row": "2"}})

    changed = external.update(
        company.id,
        made.id,
        {
            "account_holder_name": "Rosen Gardens Inc",
            "account_holder_type": "company",
            "account_type": "savings",
            "metadata": {"desk": "", "shelf": "4"},
        },
    )

    assert (changed.account_holder_name, changed.account_holder_type) == ("Rosen Gardens Inc", "company")
    assert (changed.account_type, changed.last4) == ("savings", "6789")
    assert changed.metadata.to_dict() == {"row": "2", "shelf": "4"}
    assert external.retrieve(company.id, made.id, {"expand": ["account"]}).to_dict() == changed.to_dict()
    unset = external.update(company.id, made.id, {"account_holder_type": "", "metadata": ""})
    assert (unset.account_holder_type, unset.metadata.to_dict()) == (None, {})


def test_last_bank_account_that_goes_reopens_the_requirement(platform: Platform) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY)
    external = sdk.v1.accounts.external_accounts
    first, second = _added(sdk, company.id, 2)

    def asked() -> bool:
        found = sdk.v2.core.accounts.retrieve(company.id, {"include": ["requirements"]}).requirements
        return "external_account" in {entry.description for entry in found.entries}

    assert not asked()
    with pytest.raises(stripe.InvalidRequestError, match="You cannot delete the default external account") as refused:
        external.delete(company.id, first)
    assert (refused.value.http_status, len(external.list(company.id).data)) == (400, 2)
    assert external.delete(company.id, second).to_dict() == {"id": second, "object": "bank_account", "deleted": True}
    assert not asked()
    gone = external.delete(company.id, first, options={"idempotency_key": "gone"})
    replayed = external.delete(company.id, first, options={"idempotency_key": "gone"})
    assert gone.to_dict() == replayed.to_dict()
    assert asked()
    latest = sdk.v2.core.events.list({"object_id": company.id}).data[0]
    assert latest.type == "v2.core.account[requirements].updated"
    left = platform.server.fetch("SELECT count(*) FROM sealed_values WHERE subject = ANY($1::text[])", [first, second])
    assert left[0][0] == 0


@pytest.mark.parametrize("bank_id", ["ba_67c7stg2swd76drvx3j3bw1mxk3", "card_1"])
def test_unknown_bank_account_is_missing(platform: Platform, other_platform: Platform, bank_id: str) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY)
    external = sdk.v1.accounts.external_accounts
    _added(sdk, company.id, 1)
    foreign = other_platform.sdk()
    theirs = foreign.v2.core.accounts.create(COMPANY)
    [their_bank] = _added(foreign, theirs.id, 1)

    calls: list[Callable[[], Any]] = [
        lambda: external.retrieve(company.id, bank_id),
        lambda: external.update(company.id, bank_id, {"metadata": {"a": "b"}}),
        lambda: external.delete(company.id, bank_id),
        lambda: external.retrieve(company.id, their_bank),
    ]
    for call in calls:
        with pytest.raises(stripe.InvalidRequestError) as missing:
            call()
        assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError) as hidden:
        external.retrieve(theirs.id, their_bank)
    assert (hidden.value.http_status, hidden.value.code) == (404, "not_found")


@pytest.mark.parametrize(
    ("sent", "code", "param"),
    [
        ({"account_number": "000123456789"}, "parameter_unknown", "account_number"),
        ({"default_for_currency": "maybe"}, "parameter_invalid", "default_for_currency"),
        ({"exp_month": "1"}, "parameter_unknown", "exp_month"),
        ({"metadata": {f"k{number}": "v" for number in range(51)}}, "parameter_invalid", "metadata"),
    ],
)
def test_bad_change_is_refused(platform: Platform, sent: dict[str, Any], code: str, param: str) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY)
    [bank_id] = _added(sdk, company.id, 1)
    before = platform.server.count_rows()

    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk.v1.accounts.external_accounts.update(company.id, bank_id, sent)

    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, code, param)
    assert platform.server.count_rows() == before


def test_closed_account_s_bank_accounts_stay_as_they_are(platform: Platform) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY)
    [bank_id] = _added(sdk, company.id, 1)
    sdk.v2.core.accounts.close(company.id, {"applied_configurations": ["merchant"]})
    external = sdk.v1.accounts.external_accounts

    calls: list[Callable[[], Any]] = [
        lambda: external.update(company.id, bank_id, {"metadata": {"a": "b"}}),
        lambda: external.delete(company.id, bank_id),
    ]
    for call in calls:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            call()
        assert refused.value.code == "account_closed"
    assert external.retrieve(company.id, bank_id).id == bank_id
