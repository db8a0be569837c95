"""The vault: bank accounts that an account keeps, named by the context."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.support.samples import COMPANY
from tests.support.serving import Platform

US: Any = {"account_number": "000 123-456789", "currency": "usd", "routing_number": "110000000"}
GB: Any = {"account_number": "00012345", "currency": "gbp", "sort_code": "10-88-00"}
US_PATH, GB_PATH = "/v2/core/vault/us_bank_accounts", "/v2/core/vault/gb_bank_accounts"


class Keeper:
    """An account, and its vault as the SDK sees it."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        core = platform.sdk().v2.core
        self.account_id: str = core.accounts.create(COMPANY).id
        self.us, self.gb = core.vault.us_bank_accounts, core.vault.gb_bank_accounts
        self.options = {"stripe_context": self.account_id}


@pytest.fixture
def keeper(platform: Platform) -> Keeper:
    return Keeper(platform)


def refusal(call: Any, *arguments: Any) -> Any:
    with pytest.raises(stripe.StripeError) as error:
        call(*arguments)
    return error.value


def test_us_bank_account_is_kept_without_its_number(keeper: Keeper) -> None:
    made = keeper.us.create({**US, "bank_account_type": "savings"}, keeper.options)

    assert (made.object, made.livemode, made.archived) == ("v2.core.vault.us_bank_account", False, False)
    assert made.id.startswith("usba_")
    assert (made.last4, made.routing_number, made.fedwire_routing_number) == ("6789", "110000000", None)
    assert (made.bank_account_type, made.supported_currencies, made.bank_name) == ("savings", ["usd"], None)
    assert (made.verification.status, made.restricted) == ("unverified", False)
    assert keeper.us.retrieve(made.id, None, keeper.options).to_dict() == made.to_dict()
    raw = keeper.platform.request("GET", f"{US_PATH}/{made.id}", headers={"Stripe-Context": keeper.account_id})
    assert "123456789" not in raw.text


@pytest.mark.parametrize("sent", [GB, {"iban": "gb82 west 1234 5698 7654 32", "currency": "GBP"}])
def test_gb_bank_account_is_kept_by_sort_code_or_iban(keeper: Keeper, sent: dict[str, str]) -> None:
    made = keeper.gb.create(sent, keeper.options)

    expected = ("00012345"[-4:], "108800") if sent is GB else ("5432", "123456")
    assert (made.last4, made.sort_code) == expected
    assert (made.object, made.supported_currencies) == ("v2.core.vault.gb_bank_account", ["gbp"])
    assert made.id.startswith("gbba_")
    assert keeper.gb.retrieve(made.id, None, keeper.options).to_dict() == made.to_dict()


def test_list_is_paged_newest_first_and_by_country(keeper: Keeper) -> None:
    made = [keeper.us.create({**US, "account_number": f"00012345678{n}"}, keeper.options).id for n in range(3)]
    british = keeper.gb.create(GB, keeper.options).id

    assert [one.id for one in keeper.us.list({"limit": 2}, keeper.options).auto_paging_iter()] == made[::-1]
    assert [one.id for one in keeper.gb.list(None, keeper.options).data] == [british]
    unverified = keeper.us.list({"verification_status": "unverified", "limit": 1}, keeper.options)
    assert [one.id for one in unverified.auto_paging_iter()] == made[::-1]
    assert keeper.us.list({"verification_status": "verified"}, keeper.options).data == []
    for number in range(3, 12):
        keeper.us.create({**US, "account_number": f"0001234567{number:02}"}, keeper.options)
    assert len(keeper.us.list(None, keeper.options).data) == 10


def test_archive_and_back(keeper: Keeper) -> None:
    for vault, sent in ((keeper.us, US), (keeper.gb, GB)):
        made = vault.create(sent, keeper.options)
        assert [vault.archive(made.id, None, keeper.options).archived for _ in range(2)] == [True, True]
        assert [one.archived for one in vault.list(None, keeper.options).data] == [True]
        assert vault.unarchive(made.id, None, keeper.options).archived is False
        assert vault.retrieve(made.id, None, keeper.options).archived is False


def test_routing_numbers_can_be_added_not_changed(keeper: Keeper) -> None:
    made = keeper.us.create({"account_number": "000123456789", "currency": "usd"}, keeper.options)
    assert made.routing_number is None

    added = keeper.us.update(made.id, {"routing_number": "110000000"}, keeper.options)
    both = keeper.us.update(
        made.id, {"routing_number": "110000000", "fedwire_routing_number": "121000358"}, keeper.options
    )

    assert added.routing_number == "110000000"
    assert (both.routing_number, both.fedwire_routing_number) == ("110000000", "121000358")
    changed = refusal(keeper.us.update, made.id, {"routing_number": "121000358"}, keeper.options)
    assert (changed.code, changed.param) == ("parameter_invalid", "routing_number")
    wrong = refusal(keeper.us.update, made.id, {"fedwire_routing_number": "123456789"}, keeper.options)
    assert (wrong.code, wrong.param) == ("routing_number_invalid", "fedwire_routing_number")
    assert keeper.us.retrieve(made.id, None, keeper.options).to_dict() == both.to_dict()


def test_micro_deposits_are_not_sent(keeper: Keeper) -> None:
    made = keeper.us.create(US, keeper.options)

    for call, sent in ((keeper.us.send_microdeposits, {}), (keeper.us.confirm_microdeposits, {"amounts": [32, 45]})):
        refused = refusal(call, made.id, sent, keeper.options)
        assert isinstance(refused, stripe.FeatureNotEnabledError)
        assert (refused.http_status, refused.code) == (400, "feature_not_enabled")
        assert refusal(call, "usba_0", sent, keeper.options).http_status == 404


def test_replays_make_one(keeper: Keeper) -> None:
    options = {**keeper.options, "idempotency_key": "one"}

    assert len({keeper.us.create(US, options).id for _ in range(2)}) == 1
    assert len(keeper.us.list(None, keeper.options).data) == 1
    other = Keeper(keeper.platform)
    assert other.us.create(US, {**other.options, "idempotency_key": "one"}).id  # the context is part of the key
    again = refusal(keeper.us.create, {**US, "account_number": "000123456780"}, options)
    assert (again.http_status, again.code) == (409, "idempotency_error")


def test_vault_answers_no_requirement(keeper: Keeper) -> None:
    keeper.us.create(US, keeper.options)
    sdk = keeper.platform.sdk()

    account = sdk.v2.core.accounts.retrieve(keeper.account_id, {"include": ["requirements"]})

    assert "external_account" in {entry.description for entry in account.requirements.entries}
    assert sdk.v1.accounts.external_accounts.list(keeper.account_id).data == []


def test_context_is_needed_and_must_be_the_platform_s(keeper: Keeper, other_platform: Platform) -> None:
    foreign = Keeper(other_platform)
    theirs = foreign.us.create(US, foreign.options)
    mine = keeper.us.create(US, keeper.options)

    nobody = refusal(keeper.us.list)
    assert (nobody.http_status, nobody.code) == (400, "parameter_missing")
    for context in (foreign.account_id, "acct_0", "acct-0"):
        refused = refusal(keeper.us.list, None, {"stripe_context": context})
        assert (refused.http_status, refused.code) == (404, "not_found")
        assert refusal(keeper.us.create, US, {"stripe_context": context}).http_status == 404
    assert refusal(keeper.us.retrieve, theirs.id, None, keeper.options).http_status == 404
    assert refusal(keeper.gb.retrieve, mine.id, None, keeper.options).http_status == 404
    assert refusal(keeper.gb.archive, mine.id, None, keeper.options).http_status == 404
    two = keeper.platform.request(
        "GET", US_PATH, headers={"Stripe-Context": keeper.account_id, "Stripe-Account": "acct_0"}
    )
    assert (two.status_code, two.json()["error"]["code"]) == (400, "parameter_invalid")
    deep = keeper.platform.request(
        "GET", US_PATH, headers={"Stripe-Context": f"{keeper.platform.id}/{keeper.account_id}"}
    )
    assert [one["id"] for one in deep.json()["data"]] == [mine.id]
    assert platform_live(keeper) == 404


def platform_live(keeper: Keeper) -> int:
    answer = keeper.platform.request("GET", US_PATH, headers={"Stripe-Context": keeper.account_id}, live=True)
    return answer.status_code


def test_closed_account_keeps_what_it_has(keeper: Keeper) -> None:
    made = keeper.us.create(US, keeper.options)
    keeper.platform.sdk().v2.core.accounts.close(keeper.account_id, {"applied_configurations": ["merchant"]})

    assert refusal(keeper.us.create, US, keeper.options).code == "account_closed"
    assert refusal(keeper.us.archive, made.id, None, keeper.options).code == "account_closed"
    assert keeper.us.retrieve(made.id, None, keeper.options).archived is False


@pytest.mark.parametrize(
    ("path", "sent", "code", "param"),
    [
        (US_PATH, {**US, "currency": "eur"}, "parameter_invalid", "currency"),
        (US_PATH, {"currency": "usd"}, "parameter_missing", "account_number"),
        (US_PATH, {**US, "account_number": "12"}, "account_number_invalid", "account_number"),
        (US_PATH, {**US, "routing_number": "110000001"}, "routing_number_invalid", "routing_number"),
        (US_PATH, {**US, "bank_account_type": "futsu"}, "parameter_invalid", "bank_account_type"),
        (
            US_PATH,
            {**US, "financial_connections_account": "fca_1"},
            "parameter_unknown",
            "financial_connections_account",
        ),
        (GB_PATH, {"currency": "gbp"}, "parameter_missing", "account_number"),
        (GB_PATH, {"currency": "gbp", "account_number": "00012345"}, "parameter_missing", "sort_code"),
        (GB_PATH, {**GB, "sort_code": "10880"}, "routing_number_invalid", "sort_code"),
        (GB_PATH, {**GB, "account_number": "1"}, "account_number_invalid", "account_number"),
        (GB_PATH, {**GB, "iban": "GB82WEST12345698765432"}, "parameter_invalid", "iban"),
        (GB_PATH, {"currency": "gbp", "iban": "GB82WEST12345698765433"}, "account_number_invalid", "iban"),
        (GB_PATH, {"currency": "gbp", "iban": "DE89370400440532013000"}, "account_number_invalid", "iban"),
    ],
)
def test_bad_bank_account_is_refused(keeper: Keeper, path: str, sent: dict[str, Any], code: str, param: str) -> None:
    before = keeper.platform.server.count_rows()

    answer = keeper.platform.request(
        "POST", path, json=sent, headers={"Stripe-Context": keeper.account_id, "Idempotency-Key": "k"}
    )

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)
    assert keeper.platform.server.count_rows() == before
