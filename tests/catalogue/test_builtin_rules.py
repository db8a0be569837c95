"""What the built-in policy makes of each scenario, pinned: taking any one rule away changes at least one of them."""

import json
from typing import Any

import pytest

from onboarding.catalogue import compile_policy
from onboarding.catalogue.loader import builtin_bytes, policy_bytes
from onboarding.domain.policy import Policies
from tests.catalogue.scenarios import SCENARIOS, Outcomes, outcome
from tests.domain.stories import BUILTIN

ACTIVE = "active"
PAST_DUE = "restricted/requirements_past_due/provide_info"
DETERMINING = "pending/determining_status/no_resolution"

DOCUMENT: dict[str, Any] = json.loads(builtin_bytes())["document"]
RULES = [rule["name"] for rule in DOCUMENT["rules"] if rule["name"].startswith(("base.", "us."))]


def _all(status: str, *, transfers: str | None = None) -> dict[str, str]:
    other = status if transfers is None else transfers
    return {
        "merchant.card_payments": status,
        "merchant.stripe_balance.payouts": status,
        "recipient.stripe_balance.stripe_transfers": other,
        "recipient.stripe_balance.payouts": other,
    }


_GUARDIAN = {
    "legal_guardian.given_name": "pppp",
    "legal_guardian.surname": "pppp",
    "legal_guardian.date_of_birth.day": "pppp",
    "legal_guardian.date_of_birth.month": "pppp",
    "legal_guardian.date_of_birth.year": "pppp",
    "legal_guardian.address.line1": "pppp",
    "legal_guardian.address.city": "pppp",
    "legal_guardian.address.state": "pppp",
    "legal_guardian.address.postal_code": "pppp",
    "legal_guardian.email": "pppp",
    "legal_guardian.phone": "pppp",
    "legal_guardian.id_numbers.us_ssn_last_4": "pppp",
    "legal_guardian.additional_terms_of_service.account.date": "pppp",
    "legal_guardian.additional_terms_of_service.account.ip": "pppp",
}
"""What a minor's guardian is asked for: nothing of it is there yet."""

PINNED: dict[str, Outcomes] = {
    "no country": ({"identity.country": "pppp"}, _all(PAST_DUE), []),
    "no entity type": ({"identity.entity_type": "pppp"}, _all(PAST_DUE), []),
    "bare individual": (
        {
            "configuration.merchant.mcc": "pp--",
            "defaults.profile.business_url": "pp--",
            "configuration.merchant.statement_descriptor.descriptor": "pp--",
            "identity.attestations.terms_of_service.account.date": "pppp",
            "identity.attestations.terms_of_service.account.ip": "pppp",
            "external_account": "-p-p",
            "identity.individual.given_name": "pppp",
            "identity.individual.surname": "pppp",
            "identity.individual.date_of_birth.day": "pppp",
            "identity.individual.date_of_birth.month": "pppp",
            "identity.individual.date_of_birth.year": "pppp",
            "identity.individual.address.line1": "pppp",
            "identity.individual.address.city": "pppp",
            "identity.individual.address.state": "pppp",
            "identity.individual.address.postal_code": "pppp",
            "identity.individual.email": "pppp",
            "identity.individual.phone": "pppp",
            "identity.individual.id_numbers.us_ssn_last_4": "ppee",
        },
        _all(PAST_DUE),
        [],
    ),
    "bare company": (
        {
            "configuration.merchant.mcc": "pp--",
            "defaults.profile.business_url": "pp--",
            "configuration.merchant.statement_descriptor.descriptor": "pp--",
            "identity.attestations.terms_of_service.account.date": "pppp",
            "identity.attestations.terms_of_service.account.ip": "pppp",
            "external_account": "-p-p",
            "identity.business_details.registered_name": "pppp",
            "identity.business_details.address.line1": "pppp",
            "identity.business_details.address.city": "pppp",
            "identity.business_details.address.state": "pppp",
            "identity.business_details.address.postal_code": "pppp",
            "identity.business_details.phone": "pppp",
            "identity.business_details.id_numbers.us_ein": "eeee",
            "representative.given_name": "pppp",
            "representative.surname": "pppp",
            "representative.date_of_birth.day": "pppp",
            "representative.date_of_birth.month": "pppp",
            "representative.date_of_birth.year": "pppp",
            "representative.address.line1": "pppp",
            "representative.address.city": "pppp",
            "representative.address.state": "pppp",
            "representative.address.postal_code": "pppp",
            "representative.email": "pppp",
            "representative.phone": "pppp",
            "representative.relationship.title": "pppp",
            "representative.relationship.executive": "pppp",
            "representative.id_numbers.us_ssn_last_4": "ppee",
            "owners.given_name": "pppp",
            "owners.surname": "pppp",
            "owners.email": "pppp",
            "owners.date_of_birth.day": "eeee",
            "owners.date_of_birth.month": "eeee",
            "owners.date_of_birth.year": "eeee",
            "owners.address.line1": "eeee",
            "owners.address.city": "eeee",
            "owners.address.state": "eeee",
            "owners.address.postal_code": "eeee",
            "owners.phone": "eeee",
            "owners.id_numbers.us_ssn_last_4": "eeee",
            "identity.attestations.persons_provided.owners": "pppp",
        },
        _all(PAST_DUE),
        [],
    ),
    "no dashboard, engine bears losses": (
        {"configuration.merchant.support.phone": "pp--"},
        _all(PAST_DUE, transfers=ACTIVE),
        ["address_match person_i", "id_number_match person_i", "keyed_identity person_i", "screening person_i"],
    ),
    "minor individual and a guardian": (
        {
            "person_g:documents.primary_verification": "cccc verification_failed_keyed_identity",
            "person_g:id_numbers.us_ssn": "cccc verification_failed_id_number_match",
        },
        {
            "merchant.card_payments": "active",
            "merchant.stripe_balance.payouts": "active",
            "recipient.stripe_balance.payouts": "active",
            "recipient.stripe_balance.stripe_transfers": "active",
        },
        [
            "address_match person_i",
            "id_number_match person_g",
            "id_number_match person_i",
            "keyed_identity person_g",
            "keyed_identity person_i",
            "screening person_g",
            "screening person_i",
        ],
    ),
    "minor representative and a guardian": (
        {
            "person_g:documents.primary_verification": "cccc verification_failed_keyed_identity",
            "person_g:id_numbers.us_ssn": "cccc verification_failed_id_number_match",
        },
        {
            "merchant.card_payments": "active",
            "merchant.stripe_balance.payouts": "active",
            "recipient.stripe_balance.payouts": "active",
            "recipient.stripe_balance.stripe_transfers": "active",
        },
        [
            "address_match person_r",
            "business_address_match account",
            "id_number_match person_g",
            "id_number_match person_r",
            "keyed_identity person_g",
            "keyed_identity person_r",
            "screening person_g",
            "screening person_r",
            "tax_id_match account",
        ],
    ),
    "minor individual": (
        {
            **_GUARDIAN,
        },
        _all(PAST_DUE),
        ["address_match person_i", "id_number_match person_i", "keyed_identity person_i", "screening person_i"],
    ),
    "individual fails everything": (
        {
            "identity.individual.documents.primary_verification": "cccc verification_failed_keyed_identity",
            "identity.individual.address.line1": "cccc verification_failed_address_match",
            "identity.individual.id_numbers.us_ssn": "cccc verification_failed_id_number_match",
        },
        _all(ACTIVE),
        ["address_match person_i", "id_number_match person_i", "keyed_identity person_i", "screening person_i"],
    ),
    "individual is on a list": (
        {},
        _all(DETERMINING),
        ["address_match person_i", "id_number_match person_i", "keyed_identity person_i", "screening person_i"],
    ),
    "company without tax ID": (
        {"identity.business_details.id_numbers.us_ein": "ccee"},
        _all(ACTIVE),
        [
            "address_match person_r",
            "business_address_match account",
            "id_number_match person_r",
            "keyed_identity person_r",
            "screening person_r",
        ],
    ),
    "company fails everything": (
        {
            "identity.business_details.id_numbers.us_ein": "cccc verification_failed_tax_id_match",
            "identity.business_details.address.line1": "cccc invalid_street_address",
            "person_o:address.line1": "eeee",
            "person_o:address.city": "eeee",
            "person_o:address.state": "eeee",
            "person_o:address.postal_code": "eeee",
            "person_o:phone": "eeee",
            "person_o:id_numbers.us_ssn_last_4": "eeee",
            "person_o:documents.primary_verification": "cccc verification_failed_keyed_identity",
            "person_r:documents.primary_verification": "cccc verification_failed_keyed_identity",
            "person_r:address.line1": "cccc verification_failed_address_match",
            "person_r:id_numbers.us_ssn": "cccc verification_failed_id_number_match",
        },
        _all(ACTIVE),
        [
            "address_match person_r",
            "business_address_match account",
            "id_number_match person_r",
            "keyed_identity person_o",
            "keyed_identity person_r",
            "screening person_o",
            "screening person_r",
            "tax_id_match account",
        ],
    ),
    "business address is only inexact": (
        {"identity.business_details.address.line1": "-c-c verification_failed_address_match"},
        _all(ACTIVE),
        [
            "address_match person_r",
            "business_address_match account",
            "id_number_match person_r",
            "keyed_identity person_r",
            "screening person_r",
            "tax_id_match account",
        ],
    ),
    "minor representative": (
        {
            "person_o:address.line1": "eeee",
            "person_o:address.city": "eeee",
            "person_o:address.state": "eeee",
            "person_o:address.postal_code": "eeee",
            "person_o:phone": "eeee",
            "person_o:id_numbers.us_ssn_last_4": "eeee",
            **_GUARDIAN,
        },
        _all(PAST_DUE),
        [
            "address_match person_r",
            "business_address_match account",
            "id_number_match person_r",
            "keyed_identity person_o",
            "keyed_identity person_r",
            "screening person_o",
            "screening person_r",
            "tax_id_match account",
        ],
    ),
    "representative is on a list": (
        {
            "person_o:address.line1": "eeee",
            "person_o:address.city": "eeee",
            "person_o:address.state": "eeee",
            "person_o:address.postal_code": "eeee",
            "person_o:phone": "eeee",
            "person_o:id_numbers.us_ssn_last_4": "eeee",
        },
        _all(DETERMINING),
        [
            "address_match person_r",
            "business_address_match account",
            "id_number_match person_r",
            "keyed_identity person_o",
            "keyed_identity person_r",
            "screening person_o",
            "screening person_r",
            "tax_id_match account",
        ],
    ),
    "owner is on a list": (
        {
            "person_o:address.line1": "eeee",
            "person_o:address.city": "eeee",
            "person_o:address.state": "eeee",
            "person_o:address.postal_code": "eeee",
            "person_o:phone": "eeee",
            "person_o:id_numbers.us_ssn_last_4": "eeee",
        },
        _all(DETERMINING),
        [
            "address_match person_r",
            "business_address_match account",
            "id_number_match person_r",
            "keyed_identity person_o",
            "keyed_identity person_r",
            "screening person_o",
            "screening person_r",
            "tax_id_match account",
        ],
    ),
    "owners add up to the whole": (
        {
            "person_b:email": "pppp",
            "person_b:date_of_birth.day": "eeee",
            "person_b:date_of_birth.month": "eeee",
            "person_b:date_of_birth.year": "eeee",
            "person_b:address.line1": "eeee",
            "person_b:address.city": "eeee",
            "person_b:address.state": "eeee",
            "person_b:address.postal_code": "eeee",
            "person_b:phone": "eeee",
            "person_b:id_numbers.us_ssn_last_4": "eeee",
        },
        _all(PAST_DUE),
        [
            "address_match person_r",
            "business_address_match account",
            "id_number_match person_r",
            "keyed_identity person_a",
            "keyed_identity person_r",
            "screening person_a",
            "screening person_b",
            "screening person_r",
            "tax_id_match account",
        ],
    ),
    "individual turns over half a million": (
        {"identity.individual.id_numbers.us_ssn": "-c-c"},
        _all(ACTIVE),
        ["address_match person_i", "id_number_match person_i", "keyed_identity person_i", "screening person_i"],
    ),
    "company turns over half a million": (
        {
            "person_o:address.line1": "eeee",
            "person_o:address.city": "eeee",
            "person_o:address.state": "eeee",
            "person_o:address.postal_code": "eeee",
            "person_o:phone": "eeee",
            "person_o:id_numbers.us_ssn_last_4": "eeee",
            "person_o:id_numbers.us_ssn": "-c-c",
            "person_r:id_numbers.us_ssn": "-c-c",
        },
        _all(ACTIVE),
        [
            "address_match person_r",
            "business_address_match account",
            "id_number_match person_r",
            "keyed_identity person_o",
            "keyed_identity person_r",
            "screening person_o",
            "screening person_r",
            "tax_id_match account",
        ],
    ),
    "public company": (
        {
            "configuration.merchant.mcc": "pp--",
            "defaults.profile.business_url": "pp--",
            "configuration.merchant.statement_descriptor.descriptor": "pp--",
            "identity.attestations.terms_of_service.account.date": "pppp",
            "identity.attestations.terms_of_service.account.ip": "pppp",
            "external_account": "-p-p",
            "identity.business_details.registered_name": "pppp",
            "identity.business_details.address.line1": "pppp",
            "identity.business_details.address.city": "pppp",
            "identity.business_details.address.state": "pppp",
            "identity.business_details.address.postal_code": "pppp",
            "identity.business_details.phone": "pppp",
            "identity.business_details.id_numbers.us_ein": "eeee",
            "representative.given_name": "pppp",
            "representative.surname": "pppp",
            "representative.date_of_birth.day": "pppp",
            "representative.date_of_birth.month": "pppp",
            "representative.date_of_birth.year": "pppp",
            "representative.address.line1": "pppp",
            "representative.address.city": "pppp",
            "representative.address.state": "pppp",
            "representative.address.postal_code": "pppp",
            "representative.email": "pppp",
            "representative.phone": "pppp",
            "representative.relationship.title": "pppp",
            "representative.id_numbers.us_ssn_last_4": "ppee",
        },
        _all(PAST_DUE),
        [],
    ),
    "terms after a changed tax ID": (
        {"identity.attestations.terms_of_service.account.date": "cccc invalid_tos_acceptance"},
        _all(ACTIVE),
        [
            "address_match person_r",
            "business_address_match account",
            "id_number_match person_r",
            "keyed_identity person_r",
            "screening person_r",
            "tax_id_match account",
        ],
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_comes_to_what_is_pinned(name: str) -> None:
    assert PINNED[name] == outcome(SCENARIOS[name](BUILTIN))


@pytest.mark.parametrize("name", RULES)
def test_without_this_rule_a_pinned_outcome_changes(name: str) -> None:
    rules = [rule for rule in DOCUMENT["rules"] if rule["name"] != name]
    policies = Policies(compile_policy(policy_bytes("without", 1, {**DOCUMENT, "rules": rules})))

    assert any(PINNED[scenario] != outcome(make(policies)) for scenario, make in SCENARIOS.items())


def test_the_built_in_policy_has_these_rules_and_no_other() -> None:
    assert RULES == [
        "base.country",
        "us.entity_type",
        "us.mcc",
        "us.business_url",
        "us.statement_descriptor",
        "us.support_phone",
        "us.terms_of_service",
        "us.external_account",
        "us.individual.person",
        "us.individual.ssn_last_4",
        "us.individual.identity",
        "us.individual.address",
        "us.individual.id_number",
        "us.individual.screening",
        "us.company.entity",
        "us.company.tax_id",
        "us.company.tax_id_match",
        "us.company.address_match",
        "us.company.representative",
        "us.company.representative.standing",
        "us.company.representative.ssn_last_4",
        "us.company.representative.identity",
        "us.company.representative.address",
        "us.company.representative.id_number",
        "us.company.representative.screening",
        "us.company.owners",
        "us.company.owners.details",
        "us.company.owners.identity",
        "us.company.owners.screening",
        "us.company.owners_provided",
        "us.individual.guardian",
        "us.individual.guardian.checks",
        "us.individual.guardian.screening",
        "us.representative.guardian",
        "us.representative.guardian.checks",
        "us.representative.guardian.screening",
        "us.individual.full_number",
        "us.representative.full_number",
        "us.owners.full_number",
    ]
