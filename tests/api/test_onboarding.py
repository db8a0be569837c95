"""From nothing to active capabilities, with the official SDK as it is."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.support.samples import ALL, BARE, COMPANY, RECIPIENT, RECIPIENT_DETAILS, REPRESENTATIVE, patched
from tests.support.serving import Platform

CONFIGURATIONS = ["configuration.merchant", "configuration.recipient", "requirements"]


def descriptions(account: Any) -> set[str]:
    return {entry.description for entry in account.requirements.entries}


def test_individual_gets_transfers_by_supplying_what_is_required(platform: Platform) -> None:
    accounts = platform.sdk().v2.core.accounts

    created = accounts.create({**RECIPIENT, "include": CONFIGURATIONS})

    transfers = created.configuration.recipient.capabilities.stripe_balance.stripe_transfers
    assert created.id.startswith("acct_")
    assert (transfers.status, transfers.status_details[0].code) == ("restricted", "requirements_past_due")
    assert transfers.status_details[0].resolution == "provide_info"
    assert {
        "identity.individual.given_name",
        "identity.individual.date_of_birth.day",
        "identity.individual.address.line1",
        "identity.attestations.terms_of_service.account.date",
    } <= descriptions(created)
    assert created.requirements.summary.minimum_deadline.status == "past_due"

    supplied = accounts.update(created.id, {**RECIPIENT_DETAILS, "include": CONFIGURATIONS})

    transfers = supplied.configuration.recipient.capabilities.stripe_balance.stripe_transfers
    assert (transfers.status, list(transfers.status_details)) == ("active", [])
    assert descriptions(supplied) == {"external_account"}
    assert supplied.configuration.recipient.capabilities.stripe_balance.payouts.status == "restricted"


def test_bank_account_makes_payouts_active(platform: Platform) -> None:
    sdk = platform.sdk()
    account = sdk.v2.core.accounts.create(RECIPIENT)
    sdk.v2.core.accounts.update(account.id, RECIPIENT_DETAILS)

    bank_account = {
        "object": "bank_account",
        "country": "US",
        "account_number": "000123456789",
        "routing_number": "110000000",
    }
    sdk.v1.accounts.external_accounts.create(account.id, {"external_account": bank_account})

    now = sdk.v2.core.accounts.retrieve(account.id, {"include": CONFIGURATIONS})
    assert now.configuration.recipient.capabilities.stripe_balance.payouts.status == "active"
    assert list(now.requirements.entries) == []
    assert now.requirements.summary.minimum_deadline is None


def test_company_takes_cards_once_its_persons_are_known(platform: Platform) -> None:
    sdk = platform.sdk()

    created = sdk.v2.core.accounts.create({**COMPANY, "include": CONFIGURATIONS})

    assert created.configuration.merchant.capabilities.card_payments.status == "restricted"
    assert "representative.given_name" in descriptions(created)

    sdk.v2.core.accounts.persons.create(created.id, REPRESENTATIVE)

    now = sdk.v2.core.accounts.retrieve(created.id, {"include": CONFIGURATIONS})
    assert now.configuration.merchant.capabilities.card_payments.status == "active"
    assert list(now.configuration.merchant.capabilities.card_payments.status_details) == []


def test_failed_check_comes_back_as_an_entry_about_the_person(platform: Platform) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY)
    wrong = patched(REPRESENTATIVE, id_numbers=[{"type": "us_ssn", "value": "111111111"}])
    person = sdk.v2.core.accounts.persons.create(company.id, wrong)

    clock = platform.request(
        "POST", "/v2/verification/test_clocks", json={"frozen_time": "2030-01-01T00:00:00Z"}
    ).json()
    platform.request("POST", f"/v2/verification/test_clocks/{clock['id']}/attach", json={"account": company.id})

    now = sdk.v2.core.accounts.retrieve(company.id, {"include": ["requirements"]})
    failed = [entry for entry in now.requirements.entries if entry.errors]
    assert [(entry.description, entry.errors[0].code) for entry in failed] == [
        ("id_numbers.us_ssn", "verification_failed_id_number_match")
    ]
    assert (failed[0].reference.type, failed[0].reference.resource) == ("person", person.id)


def test_everything_that_can_be_included_is_null_unless_asked_for(platform: Platform) -> None:
    accounts = platform.sdk().v2.core.accounts
    account = accounts.create({**RECIPIENT, "include": ALL})
    assert account.identity.country == "US"

    bare = accounts.retrieve(account.id)

    assert [bare.identity, bare.requirements, bare.future_requirements, bare.defaults, bare.configuration] == [None] * 5
    assert (bare.display_name, bare.dashboard, bare.closed) == ("Rosen Gardens", "none", False)
    assert list(bare.applied_configurations) == ["recipient"]
    some = accounts.retrieve(account.id, {"include": ["configuration.merchant", "identity"]})
    assert some.identity.entity_type == "individual"
    assert (some.configuration.recipient, some.configuration.merchant, some.requirements) == (None, None, None)


@pytest.mark.parametrize("written", ["include=identity&include=defaults", "include[]=identity&include[]=defaults"])
def test_older_ways_to_write_arrays_in_a_query_are_read(platform: Platform, written: str) -> None:
    account = platform.sdk().v2.core.accounts.create(RECIPIENT)

    answer = platform.request("GET", f"/v2/core/accounts/{account.id}?{written}").json()

    assert answer["identity"]["country"] == "US"
    assert answer["defaults"]["responsibilities"]["requirements_collector"] == "application"
    assert answer["requirements"] is None


def test_null_unsets_and_metadata_keys_go_one_by_one(platform: Platform) -> None:
    accounts = platform.sdk().v2.core.accounts
    account = accounts.create({**BARE, "contact_phone": "+14155550123", "metadata": {"a": "1", "b": "2", "c": "3"}})

    changed = accounts.update(account.id, {"contact_phone": None, "metadata": {"a": None, "b": "4"}})

    assert changed.contact_phone is None
    assert changed.metadata.to_dict() == {"b": "4", "c": "3"}


def test_closed_account_is_closed_for_good(platform: Platform) -> None:
    sdk = platform.sdk()
    account = sdk.v2.core.accounts.create(RECIPIENT)

    with pytest.raises(stripe.InvalidRequestError) as incomplete:
        sdk.v2.core.accounts.close(account.id, {"applied_configurations": ["merchant"]})
    closed = sdk.v2.core.accounts.close(account.id, {"applied_configurations": ["recipient"]})

    assert closed.closed is True
    assert sdk.v2.core.accounts.retrieve(account.id).closed is True
    assert [one.id for one in sdk.v2.core.accounts.list().data] == []
    assert [one.id for one in sdk.v2.core.accounts.list({"closed": True}).data] == [account.id]
    with pytest.raises(stripe.InvalidRequestError) as late:
        sdk.v2.core.accounts.update(account.id, {"display_name": "Other"})
    assert (incomplete.value.param, late.value.code) == ("applied_configurations", "account_closed")


def test_sandbox_value_under_a_live_key_is_ordinary_data(platform: Platform) -> None:
    live = platform.sdk(live=True)
    account = live.v2.core.accounts.create({**RECIPIENT, "include": CONFIGURATIONS})
    assert account.livemode is True

    # 222222222 and address_full_match have a valid form, so they are stored; they just don't mean anything.
    details = patched(
        RECIPIENT_DETAILS,
        identity__individual__date_of_birth={"day": 1, "month": 1, "year": 1990},
        identity__individual__phone="+14155550123",
    )
    supplied = live.v2.core.accounts.update(account.id, {**details, "include": CONFIGURATIONS})

    transfers = supplied.configuration.recipient.capabilities.stripe_balance.stripe_transfers
    assert (transfers.status, transfers.status_details[0].code) == ("pending", "requirements_pending_verification")
    checks = platform.request("GET", f"/v2/verification/checks?account={account.id}", live=True).json()["data"]
    assert {check["kind"] for check in checks} >= {"keyed_identity", "address_match", "id_number_match", "screening"}
    assert all(check["verifier"] != "sandbox" and check["outcome"] is None for check in checks)
