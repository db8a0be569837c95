"""Every code of the contract that a request can cause is caused by one, through the API, and leaves nothing behind."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from onboarding.validation.objects import words
from tests.contract.refusals import CAUSES, ELSEWHERE, NEVER, Cause
from tests.support.serving import ApiServer, Platform

CODES = words(
    """
    accounts_v2_access_blocked non_connect_platform_accounts_v2_access_blocked
    account_not_yet_compatible_with_v2 v1_account_instead_of_v2_account v1_customer_instead_of_v2_account
    v1_token_invalid_in_v2 account_create_activation_required account_creation_invalid
    account_creation_liability_unacknowledged account_creation_losses_collector_unavailable
    account_creation_requirement_collection_unacknowledged
    account_creation_requirement_collection_and_liability_unacknowledged
    can_create_platform_owned_onboarding_accounts_required cannot_create_connected_account
    cannot_create_new_account_rejected connect_identity_not_verified connect_profile_not_submitted
    platform_registration_required cross_border_connected_account_creation_not_allowed custom_account_beta
    not_found account_rate_limit_exceeded idempotency_error
    account_controller_express_dash_without_application_losses_or_fees
    account_controller_stripe_pricing_platform_liable account_controller_unsupported_configuration
    account_controller_unsupported_configuration_private_preview account_controller_ua_unsupported_configuration
    account_configuration_not_supported configuration_creation_invalid configuration_cannot_be_deactivated
    configuration_cannot_be_deactivated_due_to_other_capability_requirement
    configuration_cannot_be_deactivated_due_to_other_configuration
    configuration_cannot_be_updated_while_deactivated unsupported_field_for_configs
    unsupported_identity_field_for_configs account_capability_not_supported
    capability_cannot_be_unrequested_due_to_other_capability_requirement
    capability_not_available_for_dashboard_type capability_not_available_for_entity_type_in_country
    capability_not_available_for_loss_collector capability_not_available_in_country
    capability_not_available_in_platform_country capability_not_available_without_other_capability
    capability_not_available_without_other_capability_in_country identity_country_required
    immutable_identity_param entity_type_not_supported_in_country structure_incompatible_for_entity_type_country
    address_characters_invalid address_country_identity_country_mismatch address_postal_code_invalid
    address_state_invalid address_town_invalid unsupported_postal_code unsupported_state
    non_jp_kana_kanji_address postal_code_required_for_jp_address script_characters_invalid
    date_of_birth_age_restriction date_of_birth_invalid document_invalid document_purpose_invalid email_invalid
    email_domain_invalid_for_recipient id_number_invalid incorrect_id_number_for_country
    invalid_id_number_for_structure invalid_id_number_registrar ip_address_invalid mcc_invalid phone_invalid
    registration_date_invalid statement_descriptor_invalid url_invalid account_country_unsupported_currency
    default_currency_immutable bgn_bank_accounts_unsupported invalid_timezone
    high_risk_activities_none_cant_be_combined_with_other_options
    purpose_of_funds_description_must_be_empty_for_non_other_purpose_of_funds
    tos_acceptance_on_behalf_not_allowed account_terms_of_service_not_accepted
    directorship_declaration_not_allowed_during_account_creation
    ownership_declaration_not_allowed_during_account_creation duplicate_person_not_allowed
    individual_additional_person_not_allowed additional_representative_not_allowed
    additional_legal_guardian_not_allowed additional_tos_only_allowed_for_legal_guardian
    legal_guardian_representative_not_allowed legal_guardian_requires_existing_representative
    authorizer_duplicate authorizer_relationship_invalid_for_representative
    invalid_relationship_for_identity_type_structure_and_country person_percent_ownership_invalid
    total_person_ownership_exceeded address_country_mismatch address_country_required account_token_required
    person_token_required param_alongside_account_token param_alongside_person_token token_already_used
    token_expired incorrect_token_wrong_type incorrect_account_for_person_token invalid_account_token
    invalid_person_token default_payment_method_invalid default_payment_method_invalid_type
    attach_payment_method_to_customer customer_invalid_tax_location
    cannot_use_validate_location_on_customer_create invoice_rendering_template_invalid shipping_address_required
    shipping_name_required invalid_konbini_payments_support_hours invalid_konbini_payments_support_phone_number
    default_outbound_destination_invalid
    """
)
"""Of the Accounts v2 contract, errors, but for those of its test clocks, which are not told one by one."""


def _answer(platform: Platform, path: str, parameters: Any) -> Any:
    form = (
        urlencode(
            [("external_account[object]", "bank_account")]
            + [(f"external_account[{name}]", value) for name, value in parameters.items()]
        )
        if path.startswith("/v1/")
        else None
    )
    return platform.request(
        "POST",
        path,
        json=parameters if form is None else None,
        content=form,
        headers={"Content-Type": "application/x-www-form-urlencoded"} if form else None,
    )


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.code)
def test_a_request_is_refused_with_its_code_and_nothing_is_stored(
    api: ApiServer, platform: Platform, cause: Cause
) -> None:
    ids = {"account": "", "person": "", "individual": ""}
    if cause.account is not None:
        ids["account"] = _answer(platform, "/v2/core/accounts", cause.account).json()["id"]
        for person in cause.persons:
            ids["person"] = _answer(platform, f"/v2/core/accounts/{ids['account']}/persons", person).json()["id"]
        persons = platform.request("GET", f"/v2/core/accounts/{ids['account']}/persons").json()["data"]
        ids["individual"] = persons[0]["id"] if persons else ""
        for change in cause.changes:
            assert _answer(platform, f"/v2/core/accounts/{ids['account']}", change).status_code == 200
    before = api.count_rows()

    answer = _answer(platform, cause.path.format(**ids), cause.json)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("param")) == (400, cause.code, cause.param)
    assert {key: value for key, value in error.items() if key in cause.extra} == cause.extra
    assert len(error["message"]) > 20
    assert api.count_rows() == before


def test_every_code_is_caused_or_told_why_not() -> None:
    caused = {cause.code for cause in CAUSES}

    assert not caused & (ELSEWHERE.keys() | NEVER.keys())
    assert not ELSEWHERE.keys() & NEVER.keys()
    assert caused | ELSEWHERE.keys() | NEVER.keys() == CODES
