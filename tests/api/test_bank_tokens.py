"""v1's tokens: bank accounts that an external account is made of, once; and those of the sandbox."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import stripe

from tests.support.keys import with_publishable_keys
from tests.support.samples import BANK_ACCOUNT, BARE, COMPANY
from tests.support.serving import Platform

NUMBERS: Any = {name: value for name, value in BANK_ACCOUNT.items() if name != "object"}
HELD: Any = {**NUMBERS, "account_holder_name": "Jenny Rosen", "account_holder_type": "individual"}


def refusal(call: Any, *arguments: Any) -> Any:
    with pytest.raises(stripe.StripeError) as error:
        call(*arguments)
    return error.value


def test_token_becomes_an_external_account_once(platform: Platform) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY)
    external = sdk.v1.accounts.external_accounts

    token = sdk.v1.tokens.create({"bank_account": HELD})
    unused = sdk.v1.tokens.retrieve(token.id)
    bank = external.create(company.id, {"external_account": token.id, "metadata": {"desk": "7"}})
    used = sdk.v1.tokens.retrieve(token.id)
    again = refusal(external.create, company.id, {"external_account": token.id})

    assert (token.object, token.type, token.used, token.livemode) == ("token", "bank_account", False, False)
    assert (token.bank_account.last4, token.bank_account.account_holder_name) == ("6789", "Jenny Rosen")
    assert unused.bank_account.to_dict() == token.bank_account.to_dict()
    assert token.client_ip == "127.0.0.1"
    assert (bank.id, bank.last4, bank.account_holder_name) == (token.bank_account.id, "6789", "Jenny Rosen")
    assert bank.metadata.to_dict() == {"desk": "7"}
    assert (used.used, used.bank_account, used.client_ip) == (True, None, None)
    assert (again.http_status, again.code, again.param) == (400, "token_already_used", "external_account")
    assert len(external.list(company.id).data) == 1


def test_same_key_replays(platform: Platform) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY)
    made = [sdk.v1.tokens.create({"bank_account": HELD}, {"idempotency_key": "make"}) for _ in range(2)]
    assert made[0].id == made[1].id
    external = sdk.v1.accounts.external_accounts

    banks = [
        external.create(company.id, {"external_account": made[0].id}, {"idempotency_key": "use"}) for _ in range(2)
    ]

    assert banks[0].id == banks[1].id


def test_of_many_accounts_at_once_one_gets_the_bank_account(platform: Platform) -> None:
    sdk = platform.sdk()
    companies = [sdk.v2.core.accounts.create(COMPANY).id for _ in range(4)]
    token = sdk.v1.tokens.create({"bank_account": HELD})

    def use(company: str) -> str | None:
        try:
            platform.sdk().v1.accounts.external_accounts.create(company, {"external_account": token.id})
        except stripe.StripeError as error:
            return error.code
        return "made"

    with ThreadPoolExecutor(4) as pool:
        codes = sorted(map(str, pool.map(use, companies)))

    assert codes == ["made"] + ["token_already_used"] * 3
    counted = [len(sdk.v1.accounts.external_accounts.list(company).data) for company in companies]
    assert sorted(counted) == [0, 0, 0, 1]


def test_refused_use_leaves_the_token(platform: Platform) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY)
    token = sdk.v1.tokens.create({"bank_account": {"country": "DE", "account_number": "DE89370400440532013000"}})
    before = platform.server.count_rows()

    abroad = refusal(sdk.v1.accounts.external_accounts.create, company.id, {"external_account": token.id})

    assert (abroad.code, token.bank_account.currency) == ("account_country_unsupported_currency", "eur")
    assert platform.server.count_rows() == before
    assert sdk.v1.tokens.retrieve(token.id).used is False
    bare = sdk.v2.core.accounts.create(BARE)
    assert sdk.v1.accounts.external_accounts.create(bare.id, {"external_account": token.id}).currency == "eur"


def test_expired_and_foreign_tokens_are_refused(platform: Platform, other_platform: Platform) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY)
    external = sdk.v1.accounts.external_accounts
    token = sdk.v1.tokens.create({"bank_account": HELD})
    expire = "UPDATE tokens SET expires_at = clock_timestamp() - $2::interval WHERE id = $1"
    platform.server.fetch(expire, token.id, timedelta(milliseconds=1))
    foreign = other_platform.sdk().v1.tokens.create({"bank_account": HELD})
    live = platform.sdk(live=True).v1.tokens.create({"bank_account": NUMBERS})
    account_token = sdk.v2.core.account_tokens.create({"display_name": "Rosen"})

    assert refusal(external.create, company.id, {"external_account": token.id}).code == "token_expired"
    for unknown in (foreign.id, live.id, "btok_nothing"):
        assert refusal(external.create, company.id, {"external_account": unknown}).code == "resource_missing"
    assert refusal(external.create, company.id, {"external_account": account_token.id}).code == "parameter_invalid"
    assert refusal(sdk.v1.tokens.retrieve, foreign.id).http_status == 404
    assert refusal(sdk.v1.tokens.retrieve, account_token.id).http_status == 404


@pytest.mark.parametrize(
    ("sent", "code", "param"),
    [
        ({"card": {"number": "4242424242424242", "exp_month": "1", "exp_year": "2030"}}, "parameter_invalid", "card"),
        ({"card": "card_1"}, "parameter_invalid", "card"),
        ({"pii": {"id_number": "000000000"}}, "parameter_invalid", "pii"),
        ({"cvc_update": {"cvc": "123"}}, "parameter_invalid", "cvc_update"),
        ({"account": {"business_type": "company"}}, "parameter_invalid", "account"),
        ({"person": {"first_name": "Jenny"}}, "parameter_invalid", "person"),
        ({"bank_account": HELD, "person": {"first_name": "Jenny"}}, "parameter_invalid", "person"),
        ({}, "parameter_missing", "bank_account"),
        ({"customer": "cus_1"}, "parameter_unknown", "customer"),
        ({"bank_account": {"country": "US"}}, "parameter_missing", "bank_account[account_number]"),
        (
            {"bank_account": {**NUMBERS, "routing_number": "1"}},
            "routing_number_invalid",
            "bank_account[routing_number]",
        ),
        (
            {"bank_account": {**NUMBERS, "account_number": "x"}},
            "account_number_invalid",
            "bank_account[account_number]",
        ),
        ({"bank_account": {**NUMBERS, "currency": "bgn"}}, "bgn_bank_accounts_unsupported", "bank_account[currency]"),
    ],
)
def test_other_tokens_and_bad_numbers_are_refused(
    platform: Platform, sent: dict[str, Any], code: str, param: str
) -> None:
    before = platform.server.count_rows()

    refused = refusal(platform.sdk().v1.tokens.create, sent)

    assert isinstance(refused, stripe.InvalidRequestError)
    assert (refused.http_status, refused.code, refused.param) == (400, code, param)
    assert platform.server.count_rows() == before


def test_any_key_makes_a_token_of_a_bank_account(platform: Platform) -> None:
    browser = with_publishable_keys(platform)

    for sdk in (browser.sdk(), browser.sdk(live=True), platform.sdk(), platform.sdk(live=True)):
        assert sdk.v1.tokens.create({"bank_account": NUMBERS}).type == "bank_account"


@pytest.mark.parametrize(
    ("token", "country", "currency", "last4"),
    [
        ("btok_us", "US", "usd", "6789"),
        ("btok_us_verified_noAccount", "US", "usd", "6789"),
        ("btok_ca_cad", "CA", "cad", "6789"),
        ("btok_gb_gbp", "GB", "gbp", "2345"),
        ("btok_de", "DE", "eur", "3000"),
        ("btok_no_nok", "NO", "nok", "7947"),
    ],
)
def test_sandbox_tokens_serve_any_number_of_times(
    platform: Platform, token: str, country: str, currency: str, last4: str
) -> None:
    sdk = platform.sdk()
    account = sdk.v2.core.accounts.create({"identity": {"country": country, "entity_type": "company"}})
    external = sdk.v1.accounts.external_accounts

    banks = [external.create(account.id, {"external_account": token}) for _ in range(2)]

    assert {(bank.country, bank.currency, bank.last4) for bank in banks} == {(country, currency, last4)}
    live = platform.sdk(live=True)
    account = live.v2.core.accounts.create({"identity": {"country": country, "entity_type": "company"}})
    missing = refusal(live.v1.accounts.external_accounts.create, account.id, {"external_account": token})
    assert missing.code == "resource_missing"
