"""What leaves there are, and that spelling does not matter."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.shape import (
    account_leaves,
    applied_configurations,
    bank_accounts_leaf,
    birth_date,
    percent_ownership,
    person_leaves,
    requested_capabilities,
    roles,
)


def test_an_account_is_flattened_to_the_contract_s_leaves() -> None:
    values = {
        "display_name": "  Furever  ",
        "contact_email": "Owner@Furever.Example",
        "metadata": {"order": "1"},
        "identity": {
            "country": "US",
            "entity_type": "company",
            "attestations": {
                "persons_provided": {"owners": True, "directors": False},
                "terms_of_service": {"account": {"date": "2026-01-01T00:00:00.000Z", "ip": "192.0.2.1"}},
            },
            "business_details": {
                "registered_name": "Furever\u00a0 Inc",
                "address": {"line1": "1 Main St", "city": ""},
                "phone": "(415) 555-0123",
                "id_numbers": [{"type": "us_ein", "value": "12-3456789"}],
                "documents": {
                    "company_tax_id_verification": {"type": "files", "files": ["file_B", "file_A"]},
                    "company_license": {"type": "files", "files": []},
                },
            },
        },
        "configuration": {
            "merchant": {
                "applied": True,
                "mcc": "5734",
                "capabilities": {"card_payments": {"requested": True}},
                "statement_descriptor": {"descriptor": "FUREVER", "prefix": None},
            }
        },
        "defaults": {"profile": {"business_url": "https://accessible.stripe.com"}, "locales": ["en-US", "de"]},
    }

    assert account_leaves(values) == {
        "contact_email": "owner@furever.example",
        "defaults.locales": '["en-us","de"]',
        "defaults.profile.business_url": "https://accessible.stripe.com",
        "display_name": "furever",
        "identity.country": "us",
        "identity.entity_type": "company",
        "identity.attestations.persons_provided.owners": "true",
        "identity.attestations.terms_of_service.account.date": "2026-01-01t00:00:00.000z",
        "identity.attestations.terms_of_service.account.ip": "192.0.2.1",
        "identity.business_details.registered_name": "furever inc",
        "identity.business_details.address.line1": "1 main st",
        "identity.business_details.phone": "+14155550123",
        "identity.business_details.id_numbers.us_ein": "123456789",
        "identity.business_details.documents.company_tax_id_verification": '{"files":["file_B","file_A"]}',
        "configuration.merchant.mcc": "5734",
        "configuration.merchant.statement_descriptor.descriptor": "furever",
    }


def test_a_person_is_flattened_to_paths_relative_to_it() -> None:
    values = {
        "given_name": "Jenny",
        "phone": "030 901820",
        "address": {"country": "DE", "line1": "address_full_match"},
        "date_of_birth": {"day": 1, "month": 1, "year": 1902},
        "id_numbers": [{"type": "us_ssn_last_4", "value": "0000"}],
        "documents": {"primary_verification": {"type": "front_back", "front_back": {"front": "file_F", "back": None}}},
        "relationship": {"owner": True, "director": False, "title": "CEO", "percent_ownership": "25.50"},
        "metadata": {"k": "v"},
    }

    assert person_leaves(values) == {
        "given_name": "jenny",
        "phone": "+4930901820",
        "address.country": "de",
        "address.line1": "address_full_match",
        "date_of_birth.day": "1",
        "date_of_birth.month": "1",
        "date_of_birth.year": "1902",
        "id_numbers.us_ssn_last_4": "0000",
        "documents.primary_verification": '{"front_back":{"front":"file_F"}}',
        "relationship.owner": "true",
        "relationship.title": "ceo",
        "relationship.percent_ownership": "25.5",
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"surname": "Müller"}, {"surname": "Mu\u0308ller"}),
        ({"surname": "van  der Berg "}, {"surname": "VAN DER BERG"}),
        ({"surname": "Straße"}, {"surname": "STRASSE"}),
        (
            {"id_numbers": [{"type": "us_ssn", "value": "536-90-4399"}]},
            {"id_numbers": [{"type": "us_ssn", "value": "536904399"}]},
        ),
        ({"phone": "+1 415 555 0123"}, {"phone": "+1-415-555-0123"}),
        ({"relationship": {"percent_ownership": "25"}}, {"relationship": {"percent_ownership": "25.0"}}),
        ({"email": None, "address": {}}, {}),
    ],
)
def test_two_spellings_are_one_fact(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert person_leaves(one) == person_leaves(other)


def test_ids_of_files_keep_their_case() -> None:
    one, other = (
        person_leaves({"documents": {"passport": {"type": "files", "files": [file]}}}) for file in ("file_a", "file_A")
    )

    assert one != other


@given(st.text())
def test_normalising_is_idempotent(text: str) -> None:
    once = person_leaves({"surname": text})

    assert person_leaves(once) == once


def test_only_requests_of_applied_configurations_count() -> None:
    values = {
        "configuration": {
            "customer": {},
            "merchant": {"applied": False, "capabilities": {"card_payments": {"requested": True}}},
            "recipient": {
                "capabilities": {
                    "stripe_balance": {"stripe_transfers": {"requested": True}},
                    "bank_accounts": {"local": {"requested": False}, "ach": {"requested": True}},
                    "cards": {},
                }
            },
        }
    }

    assert applied_configurations(values) == ["customer", "recipient"]
    assert requested_capabilities(values) == [
        "recipient.bank_accounts.ach",
        "recipient.stripe_balance.stripe_transfers",
    ]


def test_roles_share_and_birth_date_are_read_off_a_person() -> None:
    values = {
        "relationship": {"owner": True, "representative": True, "director": False, "percent_ownership": "33.3"},
        "date_of_birth": {"day": 29, "month": 2, "year": 2000},
    }

    assert roles(values) == {"owner", "representative"}
    assert percent_ownership(values) == Decimal("33.3")
    assert birth_date(values) == date(2000, 2, 29)


@pytest.mark.parametrize("parts", [None, {}, {"day": 1, "month": 1}, {"day": 30, "month": 2, "year": 2000}])
def test_no_calendar_date_is_no_birth_date(parts: dict[str, int] | None) -> None:
    assert birth_date({"date_of_birth": parts}) is None
    assert (roles({}), percent_ownership({})) == (set(), None)


def test_bank_accounts_are_one_leaf_whatever_the_order() -> None:
    us = {"account_number": "000123456789", "routing_number": "110000000", "country": "US", "currency": "usd"}
    gb = {"account_number": "00012345", "country": "GB", "currency": "gbp", "account_holder_name": None}

    leaf = bank_accounts_leaf({"ba_2": us, "ba_1": {**gb, "metadata": {"note": "x"}, "bank_name": "Some Bank"}})

    assert leaf == bank_accounts_leaf({"ba_1": gb, "ba_2": us})
    assert json.loads(leaf) == [
        {"account_number": "00012345", "country": "GB", "currency": "gbp", "id": "ba_1"},
        {**us, "id": "ba_2"},
    ]
