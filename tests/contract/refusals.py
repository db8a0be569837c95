"""For each code of the contract (errors of accounts) that a request can cause, a request that causes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.support.samples import ACCEPTANCE, BARE, COMPANY, CONTROLLED, RECIPIENT, patched

ACCOUNTS = "/v2/core/accounts"
ACCOUNT = f"{ACCOUNTS}/{{account}}"
PERSONS = f"{ACCOUNT}/persons"
PERSON = f"{PERSONS}/{{person}}"
EXTERNAL = "/v1/accounts/{account}/external_accounts"


@dataclass(frozen=True)
class Cause:
    """A request that is refused.

    Attributes:
        code: what with.
        param: what the refusal names.
        json: the request; a form where ``path`` is v1's.
        path: where to.
        account: made before, and persons of it; the last person is ``{person}``.
        changes: what the account was told after it was made.
        extra: further keys of the error.
    """

    code: str
    param: str | None
    json: Any
    path: str = ACCOUNTS
    account: Any = None
    persons: tuple[Any, ...] = ()
    changes: tuple[Any, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)


def _business(country: str = "US", **details: Any) -> Any:
    return {"identity": {"country": country, "entity_type": "company", "business_details": details}}


def _individual(country: str = "US", **details: Any) -> Any:
    return {"identity": {"country": country, "entity_type": "individual", "individual": details}}


def _merchant(**settings: Any) -> Any:
    return {**CONTROLLED, "identity": {"country": "US"}, "configuration": {"merchant": settings}}


def _capability(name: str, *, requested: bool) -> Any:
    return {"configuration": {"merchant": {"capabilities": {name: {"requested": requested}}}}}


def _controlled(dashboard: str, fees: str, losses: str) -> Any:
    return {
        **_merchant(),
        "dashboard": dashboard,
        "defaults": {"responsibilities": {"fees_collector": fees, "losses_collector": losses}},
    }


_CHILD = {"day": 31, "month": 12, "year": datetime.now(UTC).year - 12}
_FIRM: Any = {**BARE, "identity": {"country": "US", "entity_type": "company"}}
_PERSON: Any = {"given_name": "Jenny", "surname": "Rosen", "date_of_birth": {"day": 1, "month": 1, "year": 1902}}
_REPRESENTATIVE: Any = {"relationship": {"representative": True}}
_ADDRESS = "identity.business_details.address"
_NUMBER = "identity.business_details.id_numbers[0]"
_TERMS: Any = {"identity": {"attestations": {"terms_of_service": {"account": ACCEPTANCE}}}}
_CUSTOMER = "configuration.customer"

CAUSES = (
    # Dashboard, responsibilities, configurations
    Cause(
        "account_controller_stripe_pricing_platform_liable",
        "defaults.responsibilities.fees_collector",
        _controlled("none", "stripe", "application"),
    ),
    Cause(
        "account_controller_express_dash_without_application_losses_or_fees",
        "dashboard",
        _controlled("express", "application", "stripe"),
    ),
    Cause(
        "account_controller_unsupported_configuration",
        "defaults.responsibilities.fees_collector",
        _controlled("full", "application_custom", "application"),
        extra={
            "invalid_permutation": {
                "dashboard": "full",
                "fees_collector": "application_custom",
                "losses_collector": "application",
                "requirements_collector": "stripe",
            }
        },
    ),
    Cause(
        "configuration_creation_invalid",
        "configuration.merchant.applied",
        {"configuration": {"merchant": {"applied": False}}},
        ACCOUNT,
        BARE,
    ),
    Cause(
        "configuration_cannot_be_updated_while_deactivated",
        "configuration.merchant",
        {"configuration": {"merchant": {"mcc": "5734"}}},
        ACCOUNT,
        _merchant(),
        changes=({"configuration": {"merchant": {"applied": False}}},),
    ),
    Cause(
        "unsupported_identity_field_for_configs",
        "identity.individual",
        {"identity": {"individual": {"surname": "Rosen"}}},
        ACCOUNT,
        _FIRM,
    ),
    # Capabilities
    Cause(
        "capability_not_available_without_other_capability",
        "configuration.merchant.capabilities.jcb_payments",
        {**_merchant(), **_capability("jcb_payments", requested=True)},
    ),
    Cause(
        "capability_cannot_be_unrequested_due_to_other_capability_requirement",
        "configuration.merchant.capabilities.card_payments",
        _capability("card_payments", requested=False),
        ACCOUNT,
        _merchant(capabilities={"card_payments": {"requested": True}, "jcb_payments": {"requested": True}}),
    ),
    # Identity
    Cause("identity_country_required", "identity.country", {**COMPANY, "identity": {}}),
    Cause("immutable_identity_param", "identity.country", {"identity": {"country": "CA"}}, ACCOUNT, _FIRM),
    Cause("entity_type_not_supported_in_country", "identity.entity_type", {"identity": {"entity_type": "guild"}}),
    Cause(
        "structure_incompatible_for_entity_type_country",
        "identity.business_details.structure",
        _business(structure="cooperative"),
    ),
    Cause(
        "address_characters_invalid", f"{_ADDRESS}.city", _business(address={"country": "US", "city": "San\x07Jose"})
    ),
    Cause(
        "address_country_identity_country_mismatch",
        f"{_ADDRESS}.country",
        _business(address={"country": "CA", "city": "Toronto"}),
    ),
    Cause("address_country_required", f"{_ADDRESS}.country", _business(address={"city": "San Jose"})),
    Cause(
        "address_postal_code_invalid",
        f"{_ADDRESS}.postal_code",
        _business(address={"country": "US", "postal_code": "9410"}),
    ),
    Cause("address_state_invalid", f"{_ADDRESS}.state", _business(address={"country": "US", "state": "California"})),
    Cause("address_town_invalid", f"{_ADDRESS}.town", _business(address={"country": "US", "town": "12"})),
    Cause(
        "postal_code_required_for_jp_address",
        f"{_ADDRESS}.postal_code",
        _business("JP", address={"country": "JP", "city": "Tokyo"}),
    ),
    Cause(
        "non_jp_kana_kanji_address",
        "identity.business_details.script_addresses.kana",
        _business(script_addresses={"kana": {"city": "トウキョウ", "postal_code": "1500001"}}),
    ),
    Cause(
        "address_country_mismatch",
        "script_addresses.kanji.country",
        {
            "address": {"country": "US", "city": "San Jose"},
            "script_addresses": {"kanji": {"country": "JP", "city": "東京", "postal_code": "1500001"}},
        },
        PERSONS,
        _FIRM,
    ),
    Cause(
        "script_characters_invalid",
        "identity.business_details.script_names.kana.registered_name",
        _business("JP", script_names={"kana": {"registered_name": "東京"}}),
    ),
    Cause("date_of_birth_age_restriction", "date_of_birth", {"date_of_birth": _CHILD}, PERSONS, _FIRM),
    Cause(
        "date_of_birth_invalid",
        "date_of_birth",
        {"date_of_birth": {"day": 30, "month": 2, "year": 1980}},
        PERSONS,
        _FIRM,
    ),
    Cause(
        "document_invalid",
        "identity.business_details.documents.proof_of_address.files[0]",
        _business(documents={"proof_of_address": {"type": "files", "files": ["scan.pdf"]}}),
    ),
    Cause("email_invalid", "contact_email", {"contact_email": "jenny"}),
    Cause("email_domain_invalid_for_recipient", "contact_email", {**RECIPIENT, "contact_email": "j@example.com"}),
    Cause("phone_invalid", "contact_phone", {"contact_phone": "12"}),
    Cause(
        "ip_address_invalid",
        "identity.attestations.terms_of_service.account.ip",
        patched(_TERMS, identity__attestations__terms_of_service__account={**ACCEPTANCE, "ip": "300.1.1.1"}),
    ),
    Cause("id_number_invalid", f"{_NUMBER}.value", _business(id_numbers=[{"type": "us_ein", "value": "12345678"}])),
    Cause(
        "incorrect_id_number_for_country",
        f"{_NUMBER}.type",
        _business(id_numbers=[{"type": "gb_crn", "value": "12345678"}]),
    ),
    Cause(
        "invalid_id_number_for_structure",
        f"{_NUMBER}.type",
        _business(
            "DE",
            structure="unincorporated_partnership",
            id_numbers=[{"type": "de_hrn", "value": "HRB 12345", "registrar": "Amtsgericht Bonn"}],
        ),
    ),
    Cause(
        "invalid_id_number_registrar",
        f"{_NUMBER}.registrar",
        _business(id_numbers=[{"type": "us_ein", "value": "123456789", "registrar": "Amtsgericht Bonn"}]),
    ),
    Cause("mcc_invalid", "configuration.merchant.mcc", _merchant(mcc="0001")),
    Cause(
        "registration_date_invalid",
        "identity.business_details.registration_date",
        _business(registration_date={"day": 1, "month": 1, "year": 2999}),
    ),
    Cause(
        "statement_descriptor_invalid",
        "configuration.merchant.statement_descriptor.descriptor",
        _merchant(statement_descriptor={"descriptor": "12345"}),
    ),
    Cause("url_invalid", "defaults.profile.business_url", {"defaults": {"profile": {"business_url": "nowhere"}}}),
    Cause(
        "default_currency_immutable",
        "defaults.currency",
        {"defaults": {"currency": "eur"}},
        ACCOUNT,
        {**BARE, "defaults": {"currency": "usd"}},
    ),
    Cause(
        "account_country_unsupported_currency",
        "external_account[country]",
        {"country": "GB", "currency": "gbp", "account_number": "12345678", "routing_number": "123456"},
        EXTERNAL,
        _FIRM,
    ),
    Cause(
        "bgn_bank_accounts_unsupported",
        "external_account[currency]",
        {"country": "BG", "currency": "bgn", "account_number": "BG80BNBG96611020345678"},
        EXTERNAL,
        _FIRM,
    ),
    Cause(
        "invalid_konbini_payments_support_hours",
        "configuration.merchant.konbini_payments.support.hours.end_time",
        _merchant(konbini_payments={"support": {"hours": {"start_time": "17:00", "end_time": "09:00"}}}),
    ),
    Cause(
        "invalid_konbini_payments_support_phone_number",
        "configuration.merchant.konbini_payments.support.phone",
        _merchant(konbini_payments={"support": {"phone": "12"}}),
    ),
    # Attestations
    Cause(
        "tos_acceptance_on_behalf_not_allowed",
        "identity.attestations.terms_of_service.account",
        {**_controlled("express", "application", "application"), "identity": {"country": "US", **_TERMS["identity"]}},
    ),
    *(
        Cause(
            f"{name}_not_allowed_during_account_creation",
            f"identity.attestations.{name}",
            {"identity": {"attestations": {name: ACCEPTANCE}}},
        )
        for name in ("directorship_declaration", "ownership_declaration")
    ),
    # Persons
    Cause(
        "duplicate_person_not_allowed", "given_name", {**_PERSON, "given_name": "JENNY "}, PERSONS, _FIRM, (_PERSON,)
    ),
    Cause(
        "individual_additional_person_not_allowed", None, {"surname": "Muster"}, PERSONS, _individual(surname="Rosen")
    ),
    Cause(
        "additional_representative_not_allowed",
        "relationship.representative",
        _REPRESENTATIVE,
        PERSONS,
        _FIRM,
        (_REPRESENTATIVE,),
    ),
    Cause(
        "additional_legal_guardian_not_allowed",
        "relationship.legal_guardian",
        {"relationship": {"legal_guardian": True}},
        PERSONS,
        _FIRM,
        (_REPRESENTATIVE, {"relationship": {"legal_guardian": True}}),
    ),
    Cause(
        "additional_tos_only_allowed_for_legal_guardian",
        "additional_terms_of_service",
        {"additional_terms_of_service": {"account": ACCEPTANCE}},
        PERSONS,
        _FIRM,
    ),
    Cause(
        "legal_guardian_representative_not_allowed",
        "relationship.legal_guardian",
        {"relationship": {"legal_guardian": True}},
        PERSON,
        _FIRM,
        (_REPRESENTATIVE,),
    ),
    Cause(
        "legal_guardian_requires_existing_representative",
        "relationship.legal_guardian",
        {"relationship": {"legal_guardian": True}},
        PERSONS,
        _FIRM,
    ),
    Cause(
        "authorizer_duplicate",
        "relationship.authorizer",
        {"relationship": {"authorizer": True}},
        PERSONS,
        _FIRM,
        ({"relationship": {"authorizer": True}},),
    ),
    Cause(
        "authorizer_relationship_invalid_for_representative",
        "relationship.authorizer",
        {"relationship": {"authorizer": True}},
        PERSON,
        _FIRM,
        (_REPRESENTATIVE,),
    ),
    Cause(
        "invalid_relationship_for_identity_type_structure_and_country",
        "relationship.authorizer",
        {"relationship": {"authorizer": True}},
        f"{ACCOUNT}/persons/{{individual}}",
        _individual(surname="Rosen"),
    ),
    Cause(
        "person_percent_ownership_invalid",
        "relationship.percent_ownership",
        {"relationship": {"owner": True, "percent_ownership": "0"}},
        PERSONS,
        _FIRM,
    ),
    Cause(
        "total_person_ownership_exceeded",
        "relationship.percent_ownership",
        {"relationship": {"owner": True, "percent_ownership": "40.01"}},
        PERSONS,
        _FIRM,
        ({"relationship": {"owner": True, "percent_ownership": "60"}},),
    ),
    # Customers
    Cause(
        "cannot_use_validate_location_on_customer_create",
        f"{_CUSTOMER}.automatic_indirect_tax.validate_location",
        {"configuration": {"customer": {"automatic_indirect_tax": {"validate_location": "immediately"}}}},
        ACCOUNT,
        BARE,
    ),
    Cause(
        "shipping_address_required",
        f"{_CUSTOMER}.shipping.address",
        {"configuration": {"customer": {"shipping": {"name": "Jenny Rosen"}}}},
    ),
    Cause(
        "shipping_name_required",
        f"{_CUSTOMER}.shipping.name",
        {"configuration": {"customer": {"shipping": {"address": {"city": "San Jose"}}}}},
    ),
)

_NO_PLATFORM_OFFICE = "nobody is admitted as a platform here: who has a key may make accounts"
_NO_V1_OBJECTS = "there are no objects of v1 whose ids could be sent"
_STATUS = "a place, an entity or a dashboard that is not served makes the capability `unsupported`, not the request"
_NO_PAYMENTS = "nothing is charged here, so there is nothing to look up"
_NO_FIELD = "the SDK 16.1 has no field that could be wrong so"
ELSEWHERE = {
    **dict.fromkeys(
        (
            "account_token_required",
            "person_token_required",
            "param_alongside_account_token",
            "param_alongside_person_token",
            "token_already_used",
            "token_expired",
            "incorrect_token_wrong_type",
            "incorrect_account_for_person_token",
            "invalid_account_token",
            "invalid_person_token",
            "v1_token_invalid_in_v2",
        ),
        "tests/api/test_tokens.py",
    ),
    "document_purpose_invalid": "tests/api/test_file_use.py",
    "not_found": "tests/api/test_refusals.py",
    "idempotency_error": "tests/api/test_idempotency.py",
    "account_rate_limit_exceeded": "tests/api/test_concurrency.py",
}
"""Caused by tests of the protocol."""

NEVER = {
    **dict.fromkeys(
        (
            "accounts_v2_access_blocked",
            "non_connect_platform_accounts_v2_access_blocked",
            "account_create_activation_required",
            "account_creation_invalid",
            "account_creation_liability_unacknowledged",
            "account_creation_losses_collector_unavailable",
            "account_creation_requirement_collection_unacknowledged",
            "account_creation_requirement_collection_and_liability_unacknowledged",
            "can_create_platform_owned_onboarding_accounts_required",
            "cannot_create_connected_account",
            "cannot_create_new_account_rejected",
            "connect_identity_not_verified",
            "connect_profile_not_submitted",
            "platform_registration_required",
            "cross_border_connected_account_creation_not_allowed",
            "custom_account_beta",
            "account_controller_ua_unsupported_configuration",
            "account_controller_unsupported_configuration_private_preview",
        ),
        _NO_PLATFORM_OFFICE,
    ),
    **dict.fromkeys(
        (
            "account_not_yet_compatible_with_v2",
            "v1_account_instead_of_v2_account",
            "v1_customer_instead_of_v2_account",
        ),
        _NO_V1_OBJECTS,
    ),
    **dict.fromkeys(
        (
            "account_capability_not_supported",
            "account_configuration_not_supported",
            "capability_not_available_for_dashboard_type",
            "capability_not_available_for_entity_type_in_country",
            "capability_not_available_for_loss_collector",
            "capability_not_available_in_country",
            "capability_not_available_in_platform_country",
            "capability_not_available_without_other_capability_in_country",
            "unsupported_postal_code",
            "unsupported_state",
        ),
        _STATUS,
    ),
    **dict.fromkeys(
        (
            "default_payment_method_invalid",
            "default_payment_method_invalid_type",
            "attach_payment_method_to_customer",
            "customer_invalid_tax_location",
            "invoice_rendering_template_invalid",
            "default_outbound_destination_invalid",
        ),
        _NO_PAYMENTS,
    ),
    **dict.fromkeys(
        (
            "invalid_timezone",
            "high_risk_activities_none_cant_be_combined_with_other_options",
            "purpose_of_funds_description_must_be_empty_for_non_other_purpose_of_funds",
        ),
        _NO_FIELD,
    ),
    "configuration_cannot_be_deactivated": "every configuration can be switched off",
    "configuration_cannot_be_deactivated_due_to_other_configuration": "no configuration needs another one",
    "configuration_cannot_be_deactivated_due_to_other_capability_requirement": (
        "no capability of the built-in policy needs one of another configuration: test_validation_capabilities.py"
    ),
    "unsupported_field_for_configs": "settings are kept for the configuration that they are for, whenever it comes",
    "account_terms_of_service_not_accepted": "terms are a requirement of the account, not of a request",
}
"""Not caused by any request, and why."""
