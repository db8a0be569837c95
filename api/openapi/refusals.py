"""Codes of refusals by status: those that follow from what a route is, and those of accounts and persons.

Every code that the source can raise stands in the description; ``tests/api/test_openapi.py`` compares the two.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from api.access import ContextUse
from api.openapi.described import Described
from onboarding.storage.imports import UNDER_WAY, ImportState
from onboarding.storage.rollouts import RolloutState

Codes = Mapping[int, Sequence[str]]

_VALUES = (
    "additional_tos_only_allowed_for_legal_guardian",
    "address_characters_invalid",
    "address_country_required",
    "address_country_mismatch",
    "address_town_invalid",
    "address_postal_code_invalid",
    "address_state_invalid",
    "date_of_birth_age_restriction",
    "date_of_birth_invalid",
    "document_invalid",
    "document_purpose_invalid",
    "email_invalid",
    "id_number_invalid",
    "incorrect_id_number_for_country",
    "individual_additional_person_not_allowed",
    "invalid_id_number_for_structure",
    "invalid_id_number_registrar",
    "invalid_relationship_for_identity_type_structure_and_country",
    "ip_address_invalid",
    "non_jp_kana_kanji_address",
    "person_percent_ownership_invalid",
    "postal_code_required_for_jp_address",
    "phone_invalid",
    "script_characters_invalid",
    "total_person_ownership_exceeded",
)
_CLOSED = "account_closed"
_TOKEN = ("incorrect_token_wrong_type", "token_already_used", "token_expired")
_ACCOUNT_TOKEN = (*_TOKEN, "account_token_required", "param_alongside_account_token", "v1_token_invalid_in_v2")
_PERSON_TOKEN = (
    *_TOKEN,
    "incorrect_account_for_person_token",
    "param_alongside_person_token",
    "person_token_required",
    "v1_token_invalid_in_v2",
)
_CONFIGURATIONS = (
    "capability_cannot_be_unrequested_due_to_other_capability_requirement",
    "capability_not_available_without_other_capability",
    "configuration_cannot_be_deactivated_due_to_other_capability_requirement",
    "configuration_creation_invalid",
    "email_domain_invalid_for_recipient",
    "invalid_konbini_payments_support_hours",
    "invalid_konbini_payments_support_phone_number",
    "shipping_address_required",
    "shipping_name_required",
)
ACCOUNT_CREATION: Codes = {
    400: (
        *_VALUES,
        *_ACCOUNT_TOKEN,
        *_CONFIGURATIONS,
        "account_controller_express_dash_without_application_losses_or_fees",
        "account_controller_stripe_pricing_platform_liable",
        "account_controller_unsupported_configuration",
        "address_country_identity_country_mismatch",
        "cannot_use_validate_location_on_customer_create",
        "directorship_declaration_not_allowed_during_account_creation",
        "entity_type_not_supported_in_country",
        "identity_country_required",
        "mcc_invalid",
        "ownership_declaration_not_allowed_during_account_creation",
        "registration_date_invalid",
        "statement_descriptor_invalid",
        "structure_incompatible_for_entity_type_country",
        "tos_acceptance_on_behalf_not_allowed",
        "unsupported_identity_field_for_configs",
        "url_invalid",
    ),
    403: ("invalid_account_token",),
}
ACCOUNT_CHANGE: Codes = {
    400: (
        *(code for code in ACCOUNT_CREATION[400] if not code.endswith("_not_allowed_during_account_creation")),
        _CLOSED,
        "configuration_cannot_be_updated_while_deactivated",
        "default_currency_immutable",
        "immutable_identity_param",
    ),
    403: ("invalid_account_token",),
}
PERSON_CHANGE: Codes = {
    400: (
        *_VALUES,
        *_PERSON_TOKEN,
        _CLOSED,
        "additional_legal_guardian_not_allowed",
        "additional_representative_not_allowed",
        "authorizer_duplicate",
        "authorizer_relationship_invalid_for_representative",
        "duplicate_person_not_allowed",
        "legal_guardian_representative_not_allowed",
        "legal_guardian_requires_existing_representative",
    ),
    403: ("invalid_person_token",),
}
CLOSED_ACCOUNT: Codes = {400: (_CLOSED,)}
BANK_ACCOUNT: Codes = {
    400: (
        *_TOKEN,
        _CLOSED,
        "account_country_unsupported_currency",
        "account_number_invalid",
        "bgn_bank_accounts_unsupported",
        "resource_missing",
        "routing_number_invalid",
    )
}
NO_BANK_ACCOUNT: Codes = {404: ("resource_missing",)}
BANK_ACCOUNT_CHANGE: Codes = {400: (_CLOSED,), **NO_BANK_ACCOUNT}
BANK_TOKEN: Codes = {
    400: ("account_number_invalid", "bgn_bank_accounts_unsupported", "parameter_missing", "routing_number_invalid")
}
BANK_NUMBERS: Codes = {400: (_CLOSED, *BANK_TOKEN[400])}
NO_MICRODEPOSITS: Codes = {400: ("feature_not_enabled",)}
DESTINATION_CHANGE: Codes = {400: ("url_invalid",)}
DESTINATION_CREATION: Codes = {400: (*DESTINATION_CHANGE[400], "quota_exceeded")}
PING: Codes = {400: ("event_destination_disabled",)}
ACCOUNT_LINK: Codes = {400: (_CLOSED, "url_invalid")}
_NOT_IN_TOKENS = frozenset(
    {
        *_ACCOUNT_TOKEN,
        *_PERSON_TOKEN,
        *_CONFIGURATIONS,
        _CLOSED,
        "account_controller_express_dash_without_application_losses_or_fees",
        "account_controller_stripe_pricing_platform_liable",
        "account_controller_unsupported_configuration",
        "cannot_use_validate_location_on_customer_create",
        "mcc_invalid",
        "statement_descriptor_invalid",
        "url_invalid",
    }
)
"""A token holds no other token, no configuration and no defaults, and is made for no account yet."""
ACCOUNT_TOKEN: Codes = {
    400: (*(code for code in ACCOUNT_CREATION[400] if code not in _NOT_IN_TOKENS), "immutable_identity_param"),
    403: ("publishable_key_required",),
}
PERSON_TOKEN: Codes = {
    400: tuple(code for code in PERSON_CHANGE[400] if code not in _NOT_IN_TOKENS),
    403: ("publishable_key_required",),
}
PERSON_DELETION: Codes = {400: (_CLOSED, "individual_additional_person_not_allowed")}
ORDERING: Codes = {400: (_CLOSED,), 403: ("order_for_operators",)}
UNDOING: Codes = {400: (_CLOSED,), 403: ("order_not_yours",)}
SIGNATURES = ("signature_missing", "signature_old", "signature_wrong")
REVIEW: Codes = {409: ("review_claimed", "review_decided", "review_superseded")}
REVIEW_CLAIM: Codes = {403: ("review_four_eyes",), **REVIEW}
REVIEW_QUEUE: Codes = {404: ("review_queue_empty",)}
REVIEW_REQUEST: Codes = {400: (_CLOSED,), 409: ("review_check_ended", *REVIEW[409])}
ROLLOUT_CHANGE: Codes = {403: ("rollout_not_yours",), 409: tuple(f"rollout_{state}" for state in RolloutState)}
IMPORT_CHANGE: Codes = {409: tuple(f"import_{state}" for state in ImportState)}
IMPORT_LINES: Codes = {400: ("content_type_unsupported",), 409: tuple(f"import_{state}" for state in UNDER_WAY)}

INVALID = 400
BUSY = 429
OF_ANY = frozenset(
    {
        "content_encoding_unsupported",
        "header_repeated",
        "parameter_invalid",
        "parameter_unknown",
        "transfer_encoding_unsupported",
    }
)
"""What any request with a key may be refused for; in the document they stand once."""

MEANINGS = {
    400: "The request is not acceptable; nothing of it was done.",
    401: "No valid API key was given.",
    403: "The key may not do that: it lacks the scope, is a publishable one, or another did what is to be undone.",
    404: "There is no such object, or it is another platform's.",
    409: "It contradicts what was asked or decided before.",
    413: "The body is larger than 1 MB, or a file larger than its purpose allows.",
    429: "Too many requests with this key (`rate_limit`), or others keep the account busy: try again a little later.",
    500: "Something went wrong on the engine's side. The request had no effect.",
    503: "The database is away for a moment.",
}

SHARED: Mapping[str, tuple[int, Sequence[str]]] = {
    "Unauthorized": (401, ["unauthorized"]),
    "Forbidden": (403, ["permission_denied", "secret_key_required"]),
    "NotFound": (404, ["not_found"]),
    "TooLarge": (413, ["request_too_large"]),
    "Busy": (BUSY, ["account_rate_limit_exceeded", "rate_limit"]),
    "BusyV1": (BUSY, ["lock_timeout", "rate_limit"]),
    "Fault": (500, ["api_error"]),
    "Unavailable": (503, ["service_unavailable"]),
}
"""Refusals that most operations have in common, by the name of their component: status and codes."""

_CODES = {status: codes for name, (status, codes) in SHARED.items() if name != "BusyV1"}


def refusals(said: Described, method: str, path: str, context: ContextUse) -> dict[int, list[str]]:
    """All codes that a route may answer with, by status."""
    found: defaultdict[int, set[str]] = defaultdict(set)
    is_v1, changes = path.startswith("/v1/"), method != "GET"
    if not said.public:
        found[400] |= OF_ANY
        found[401], found[403] = set(_CODES[401]), set(_CODES[403])
        found[BUSY] = set(SHARED["BusyV1" if is_v1 else "Busy"][1])  # the same two reasons by each one's names
        if any(query.required for query in said.query):
            found[400].add("parameter_missing")
    if said.body is not None:
        found[400] |= {"content_type_unsupported", "parameter_missing"} | (set() if is_v1 else {"invalid_json"})
    if said.body is not None or said.raw_body is not None:
        found[413] = set(_CODES[413])
    if context is ContextUse.REQUIRED:
        found[400].add("parameter_missing")
    if "{" in path or said.missing or context is not ContextUse.PATH:
        found[404] = set(_CODES[404])
    if changes and said.keyed and not said.public:
        found[400 if is_v1 else 409].add("idempotency_error")
    found[500] = set(_CODES[500])
    found[503] = set(_CODES[503])
    for status, codes in (said.refused or {}).items():
        found[status] |= set(codes)
    return {status: sorted(codes) for status, codes in sorted(found.items())}
