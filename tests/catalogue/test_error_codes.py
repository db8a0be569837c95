"""Every error code of the contract (§2.5) that a verifier can cause comes to stand on an entry of some account."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from onboarding.catalogue import builtin_policy
from onboarding.catalogue.texts import LOCALES, NOT_AVAILABLE, UNDER_REVIEW, Reason, operator_texts, texts_of
from onboarding.validation.objects import words
from tests.catalogue.driver import bare, onboard
from tests.domain.stories import CARD, World, facts, fails


@dataclass(frozen=True)
class Cause:
    """An account on which a check fails; to be asked it may need ``given``, and another check to fail ``before``."""

    country: str
    entity_type: str
    kind: str
    codes: frozenset[str]
    before: str = ""
    given: tuple[str, ...] = ()


def _codes(prefix: str, text: str) -> frozenset[str]:
    return frozenset(prefix + word for word in words(text))


DOCUMENTS = _codes(
    "verification_document_",
    "address_mismatch address_missing corrupt country_not_supported directors_mismatch dob_mismatch duplicate_type"
    " expired failed_copy failed_greyscale failed_other failed_test_mode fraudulent id_number_mismatch"
    " id_number_missing incomplete invalid issue_or_expiry_date_missing manipulated missing_back missing_front"
    " name_mismatch name_missing nationality_mismatch not_readable not_signed not_uploaded photo_mismatch too_large"
    " type_not_supported",
)
SELFIES = _codes("verification_selfie_", "document_missing_photo face_mismatch manipulated unverified_other")
ADDRESSES = {
    "invalid_street_address",
    "unresolvable_postal_code",
    "verification_failed_residential_address",
    *_codes(
        "invalid_address_",
        "city_state_postal_code cmra_address highway_contract_box private_mailbox registered_agent_address",
    ),
}
WEBSITES = _codes(
    "invalid_url_",
    "denylisted format website_business_information_mismatch website_empty website_inaccessible"
    " website_inaccessible_geoblocked website_inaccessible_password_protected website_incomplete"
    " website_incomplete_cancellation_policy website_incomplete_customer_service_details"
    " website_incomplete_legal_restrictions website_incomplete_refund_policy website_incomplete_return_policy"
    " website_incomplete_terms_and_conditions website_incomplete_under_construction website_other",
)
DESCRIPTORS = _codes(
    "invalid_statement_descriptor_", "business_mismatch denylisted length prefix_denylisted prefix_mismatch"
)
REGISTRIES = {
    "verification_failed_business_iec_number",
    "verification_failed_document_match",
    "verification_failed_keyed_match",
    "verification_failed_name_match",
    "verification_failed_other",
    "verification_supportability",
}
ADDITIONAL = _codes("verification_requires_additional_", "memorandum_of_associations proof_of_registration")

CAUSES = (
    Cause("US", "individual", "identity_document", DOCUMENTS | SELFIES, before="keyed_identity"),
    Cause("DE", "individual", "identity_document", DOCUMENTS | SELFIES, before="keyed_identity"),
    Cause("US", "individual", "keyed_identity", frozenset({"verification_failed_keyed_identity"})),
    Cause("US", "individual", "address_match", frozenset({*ADDRESSES, "verification_failed_address_match"})),
    Cause("US", "individual", "id_number_match", frozenset({"verification_failed_id_number_match"})),
    Cause("US", "company", "business_address_match", frozenset({"verification_failed_address_match"})),
    Cause(
        "US",
        "company",
        "tax_id_match",
        frozenset(
            {"invalid_tax_id", "invalid_tax_id_format", *_codes("verification_failed_tax_id_", "match not_issued")}
        ),
    ),
    Cause("GB", "company", "registry_match", frozenset(REGISTRIES | ADDITIONAL)),
    Cause(
        "GB",
        "company",
        "directors_match",
        _codes("verification_", "directors_mismatch extraneous_directors missing_directors"),
    ),
    Cause("DE", "company", "owners_match", frozenset({"verification_missing_owners"})),
    Cause("DE", "company", "executives_match", frozenset({"verification_missing_executives"})),
    Cause(
        "DE",
        "company",
        "representative_authority",
        frozenset({"verification_failed_representative_authority", "invalid_representative_country"}),
    ),
    Cause("DE", "company", "website_review", WEBSITES),
    Cause(
        "DE",
        "company",
        "name_review",
        _codes("invalid_", "business_profile_name business_profile_name_denylisted company_name_denylisted"),
    ),
    Cause("DE", "company", "descriptor_review", DESCRIPTORS),
    Cause(
        "DE",
        "company",
        "description_review",
        _codes(
            "invalid_", "product_description_length product_description_url_match url_web_presence_detected value_other"
        ),
        given=("defaults.profile.product_description",),
    ),
)

BY_RULE = {"invalid_dob_age_under_18", "invalid_tos_acceptance"}
"""Codes that a rule itself puts on its entry: shown where the rules are tested."""
ELSEWHERE = {
    "invalid_dob_age_over_maximum": "such a birth date is refused with 400",
    "invalid_dob_age_under_minimum": "such a birth date is refused with 400",
    "unresolvable_ip_address": "no check reads the address that accepted the terms",
    "verification_token_stale": "sessions are made by checks, which are asked anew",
    NOT_AVAILABLE: "ours: for whoever may not be told more",
}


@pytest.mark.parametrize(
    ("cause", "code"),
    [pytest.param(one, code, id=f"{one.country}-{one.kind}-{code}") for one in CAUSES for code in sorted(one.codes)],
)
def test_a_failure_comes_to_stand_on_an_entry(cause: Cause, code: str) -> None:
    world = World({cause.kind: fails(code)})
    if cause.before:
        world.answers[cause.before] = fails("verification_failed_other")

    shape = bare(cause.country, cause.entity_type, requested={CARD})

    shown = [
        said["code"]
        for rounds in range(3)
        for entry in onboard(replace(shape, facts=facts(cause.given)), world, rounds=rounds).story.document["entries"]
        for said in entry["errors"]
    ]

    assert code in shown


def test_every_code_of_the_contract_is_shown_or_told_why_not() -> None:
    shown = {code for cause in CAUSES for code in cause.codes}

    assert not shown & (BY_RULE | ELSEWHERE.keys())
    assert shown | BY_RULE | ELSEWHERE.keys() == builtin_policy().errors.keys()


@pytest.mark.parametrize("code", sorted(builtin_policy().errors))
def test_every_code_has_a_text_of_its_own(code: str) -> None:
    # A code that no file names is told as under review to users, and to operators with the words of any other reason.
    unknown = operator_texts().reason(Reason("no_such_code")).text.replace("no_such_code", code)

    assert operator_texts().reason(Reason(code)).text != unknown
    for locale in LOCALES:
        texts = texts_of(locale)
        assert texts.problem(Reason(code)).text != texts.problem(Reason(UNDER_REVIEW)).text
