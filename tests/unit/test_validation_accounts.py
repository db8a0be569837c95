"""Which requests about an account are refused for their form, with which code, naming which parameter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from onboarding.domain.errors import Refusal
from onboarding.validation import validate_account
from onboarding.values import merge

AS_OF = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
SANDBOX = {
    ("id_number", "000000000"),
    ("phone", "0000000000"),
    ("url", "https://example.com/sandbox"),
    ("file", "test-file"),
    ("address_line1", "line\x07one"),
}


def _exempt(kind: str, value: str) -> bool:
    return (kind, value) in SANDBOX


def _validate(patch: dict[str, Any], before: dict[str, Any] | None = None, **known: Any) -> None:
    given: dict[str, Any] = {"livemode": False, "creating": not before, "was_active": False, **known}
    before = before or {}
    validate_account(patch, before, merge(before, patch), as_of=AS_OF, exempt=_exempt, **given)


def _refused(patch: dict[str, Any], before: dict[str, Any] | None = None, **known: Any) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as refused:
        _validate(patch, before, **known)
    assert refused.value.__cause__ is None
    return refused.value.code, refused.value.param


def _business(**details: Any) -> dict[str, Any]:
    return {"identity": {"country": "US", "business_details": details}}


def _merchant(**settings: Any) -> dict[str, Any]:
    return {
        "contact_email": "owner@furever.test",
        "dashboard": "none",
        "identity": {"country": "US"},
        "configuration": {"merchant": settings},
        "defaults": {"responsibilities": {"fees_collector": "application", "losses_collector": "application"}},
    }


COMPLETE = {
    **_merchant(
        mcc="5734",
        capabilities={"card_payments": {"requested": True}},
        statement_descriptor={"descriptor": "FUREVER INC", "prefix": "FUR"},
        branding={"icon": "file_icon1"},
        support={
            "email": "help@furever.test",
            "phone": "+1 415 555 0123",
            "url": "furever.test/help",
            "address": {"country": "US", "line1": "1 Main St", "state": "ca", "postal_code": "94103-1234"},
        },
    ),
    "contact_phone": "4155550123",
    "identity": {
        "country": "US",
        "entity_type": "company",
        "attestations": {"terms_of_service": {"account": {"date": "2026-01-01T00:00:00.000Z", "ip": "2001:db8::1"}}},
        "business_details": {
            "registered_name": "Furever, Inc.",
            "structure": "private_corporation",
            "phone": "+15555555555",
            "address": {"country": "US", "line1": "address_full_match", "city": "San Francisco", "state": "CA"},
            "additional_addresses": [{"purpose": "administrative", "city": "Oakland"}],
            "id_numbers": [{"type": "us_ein", "value": "12-3456789"}],
            "registration_date": {"day": 1, "month": 2, "year": 2003},
            "documents": {
                "company_license": {"type": "files", "files": ["file_1", "file_identity_document_success"]},
                "primary_verification": {"type": "front_back", "front_back": {"front": "file_2", "back": None}},
                "proof_of_registration": {"type": "files", "files": ["file_1"], "signer": {"person": "person_1"}},
            },
        },
    },
}


def test_a_complete_american_company_is_accepted() -> None:
    _validate(
        {**COMPLETE, "defaults": {**COMPLETE["defaults"], "profile": {"business_url": "https://accessible.stripe.com"}}}
    )


def test_an_account_that_says_nothing_is_accepted() -> None:
    _validate({})
    _validate({"display_name": None, "contact_email": None, "identity": {"business_details": None}})


@pytest.mark.parametrize(
    ("patch", "code", "param"),
    [
        ({"contact_email": "nobody"}, "email_invalid", "contact_email"),
        ({"contact_phone": "123"}, "phone_invalid", "contact_phone"),
        ({"contact_phone": "4155550123"}, "phone_invalid", "contact_phone"),  # no country to read it in
        ({"display_name": "bell\x07"}, "script_characters_invalid", "display_name"),
        (
            {"defaults": {"profile": {"business_url": "https://example.com"}}},
            "url_invalid",
            "defaults.profile.business_url",
        ),
        ({"identity": {"entity_type": "robot"}}, "entity_type_not_supported_in_country", "identity.entity_type"),
        (
            _business(registered_name="bell\x07"),
            "script_characters_invalid",
            "identity.business_details.registered_name",
        ),
        (_business(phone="0000000001"), "phone_invalid", "identity.business_details.phone"),
        (
            _business(script_names={"kana": {"registered_name": "Furever"}}),
            "script_characters_invalid",
            "identity.business_details.script_names.kana.registered_name",
        ),
        (
            _business(script_addresses={"kanji": {"line1": "丸の内1-1"}}),
            "non_jp_kana_kanji_address",
            "identity.business_details.script_addresses.kanji",
        ),
        (
            _business(registration_date={"day": 31, "month": 2, "year": 2003}),
            "registration_date_invalid",
            "identity.business_details.registration_date",
        ),
        (
            _business(registration_date={"day": 2, "month": 6, "year": 2026}),
            "registration_date_invalid",
            "identity.business_details.registration_date",
        ),
        (_business(address={"city": "Bonn"}), "address_country_required", "identity.business_details.address.country"),
        (
            _business(address={"country": "DE"}),
            "address_country_identity_country_mismatch",
            "identity.business_details.address.country",
        ),
        (
            _business(address={"country": "US", "state": "California Republic"}),
            "address_state_invalid",
            "identity.business_details.address.state",
        ),
        (
            _business(address={"country": "US", "postal_code": "9410"}),
            "address_postal_code_invalid",
            "identity.business_details.address.postal_code",
        ),
        (
            _business(address={"country": "US", "postal_code": "٩٤١٠٣"}),
            "address_postal_code_invalid",
            "identity.business_details.address.postal_code",
        ),
        (
            _business(address={"country": "US", "line1": "bell\x07"}),
            "address_characters_invalid",
            "identity.business_details.address.line1",
        ),
        (
            _business(additional_addresses=[{"purpose": "administrative"}, {"country": "US", "state": "XX"}]),
            "address_state_invalid",
            "identity.business_details.additional_addresses[1].state",
        ),
        (
            _business(documents={"company_license": {"type": "files", "files": ["file_1", "img.png"]}}),
            "document_invalid",
            "identity.business_details.documents.company_license.files[1]",
        ),
        (
            _business(documents={"company_license": {"type": "files", "files": []}}),
            "document_invalid",
            "identity.business_details.documents.company_license.files",
        ),
        (
            _business(documents={"primary_verification": {"type": "front_back", "front_back": {"back": "file_1"}}}),
            "document_invalid",
            "identity.business_details.documents.primary_verification.front_back.front",
        ),
        (
            _business(documents={"proof_of_registration": {"files": ["file_1"], "signer": {"person": "Jenny"}}}),
            "document_invalid",
            "identity.business_details.documents.proof_of_registration.signer.person",
        ),
        (_merchant(mcc="57"), "mcc_invalid", "configuration.merchant.mcc"),
        (_merchant(mcc="0000"), "mcc_invalid", "configuration.merchant.mcc"),
        (
            _merchant(statement_descriptor={"descriptor": "<FUREVER>"}),
            "statement_descriptor_invalid",
            "configuration.merchant.statement_descriptor.descriptor",
        ),
        (
            _merchant(statement_descriptor={"descriptor": "1234567"}),
            "statement_descriptor_invalid",
            "configuration.merchant.statement_descriptor.descriptor",
        ),
        (
            _merchant(statement_descriptor={"descriptor": "FUREVER", "prefix": "X" * 11}),
            "statement_descriptor_invalid",
            "configuration.merchant.statement_descriptor.prefix",
        ),
        (
            _merchant(script_statement_descriptor={"kanji": {"descriptor": "漢" * 18}}),
            "statement_descriptor_invalid",
            "configuration.merchant.script_statement_descriptor.kanji.descriptor",
        ),
        (_merchant(branding={"logo": "logo.png"}), "document_invalid", "configuration.merchant.branding.logo"),
        (_merchant(support={"email": "help"}), "email_invalid", "configuration.merchant.support.email"),
        (_merchant(support={"phone": "1"}), "phone_invalid", "configuration.merchant.support.phone"),
        (_merchant(support={"url": "ftp://furever.test"}), "url_invalid", "configuration.merchant.support.url"),
        (
            _merchant(support={"address": {"city": "Oakland"}}),
            "address_country_required",
            "configuration.merchant.support.address.country",
        ),
        (
            {"configuration": {"customer": {"automatic_indirect_tax": {"ip_address": "home"}}}},
            "ip_address_invalid",
            "configuration.customer.automatic_indirect_tax.ip_address",
        ),
        (
            {"configuration": {"customer": {"shipping": {"address": {"country": "US", "state": "XX"}}}}},
            "address_state_invalid",
            "configuration.customer.shipping.address.state",
        ),
        (
            {"identity": {"attestations": {"representative_declaration": {"ip": "999.0.0.1"}}}},
            "ip_address_invalid",
            "identity.attestations.representative_declaration.ip",
        ),
        (
            {"identity": {"attestations": {"terms_of_service": {"account": {"ip": "localhost"}}}}},
            "ip_address_invalid",
            "identity.attestations.terms_of_service.account.ip",
        ),
        (
            {"identity": {"attestations": {"ownership_declaration": {"date": "2026-01-01T00:00:00.000Z"}}}},
            "ownership_declaration_not_allowed_during_account_creation",
            "identity.attestations.ownership_declaration",
        ),
        (
            {"identity": {"attestations": {"directorship_declaration": {"ip": "192.0.2.1"}}}},
            "directorship_declaration_not_allowed_during_account_creation",
            "identity.attestations.directorship_declaration",
        ),
    ],
)
def test_a_format_problem_refuses_the_request(patch: dict[str, Any], code: str, param: str) -> None:
    assert _refused(patch) == (code, param)


def test_the_sandbox_s_values_pass_and_are_ordinary_in_live_data() -> None:
    patches: dict[str, tuple[dict[str, Any], str]] = {
        "phone": (_business(phone="0000000000"), "phone_invalid"),
        "id_number": (_business(id_numbers=[{"type": "us_ein", "value": "00-0000000"}]), "id_number_invalid"),
        "url": ({"defaults": {"profile": {"business_url": "https://example.com/sandbox"}}}, "url_invalid"),
        "file": (_business(documents={"company_license": {"files": ["test-file"]}}), "document_invalid"),
        "address_line1": (_business(address={"country": "US", "line1": "line\x07one"}), "address_characters_invalid"),
    }

    for patch, code in patches.values():
        _validate(patch)
        assert _refused(patch, livemode=True)[0] == code


def test_the_country_stays_once_it_is_set() -> None:
    before = {"identity": {"country": "US"}}

    _validate({"identity": {"country": "US"}}, before)
    for country in ("GB", None):
        assert _refused({"identity": {"country": country}}, before) == ("immutable_identity_param", "identity.country")


@pytest.mark.parametrize(
    ("patch", "param"),
    [
        ({"identity": {"entity_type": "non_profit"}}, "identity.entity_type"),
        ({"identity": {"business_details": {"structure": "multi_member_llc"}}}, "identity.business_details.structure"),
        ({"identity": {"business_details": None}}, "identity.business_details.structure"),
    ],
)
def test_entity_type_and_structure_stay_once_a_capability_was_active(patch: dict[str, Any], param: str) -> None:
    before = {"identity": {"entity_type": "company", "business_details": {"structure": "private_corporation"}}}

    assert _refused(patch, before, was_active=True) == ("immutable_identity_param", param)
    _validate(patch, {"identity": {"entity_type": "company"}}, was_active=False)


def test_a_declaration_can_be_made_once_the_account_exists() -> None:
    _validate({"identity": {"attestations": {"ownership_declaration": {"ip": "192.0.2.1"}}}}, {"display_name": "A"})


def test_a_configuration_that_is_off_is_changed_by_switching_it_on() -> None:
    before = merge(COMPLETE, {"configuration": {"merchant": {"applied": False}}})

    assert _refused({"configuration": {"merchant": {"mcc": "5812"}}}, before) == (
        "configuration_cannot_be_updated_while_deactivated",
        "configuration.merchant",
    )
    _validate({"configuration": {"merchant": {"applied": True, "mcc": "5812"}}}, before)


def test_metadata_of_several_requests_is_counted_together() -> None:
    before = {"metadata": {f"old{n}": "x" for n in range(30)}}
    patch = {"metadata": {f"new{n}": "x" for n in range(21)}}

    assert _refused(patch, before) == ("parameter_invalid", "metadata")
    _validate({"metadata": {**patch["metadata"], "old1": None}}, before)
