"""What the sandbox says of registers, persons, public details and files that are not an identity document."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from onboarding.catalogue import builtin_policy
from onboarding.domain.settle import Answer, Later
from onboarding.domain.state import Outcome
from onboarding.shape import bank_accounts_leaf
from onboarding.verifiers.port import Question
from onboarding.verifiers.sandbox import SandboxVerifier, values

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
BUSINESS = "identity.business_details"
REGISTERED = f"{BUSINESS}.registered_name"
URL = "defaults.profile.business_url"
TRADE_NAME = "defaults.profile.doing_business_as"
DESCRIPTION = "defaults.profile.product_description"
STATEMENT = "configuration.merchant.statement_descriptor"

DOCUMENTS = {
    "identity_document": "documents.primary_verification",
    "address_document": "documents.secondary_verification",
    "authority_document": "documents.company_authorization",
    "company_tax_document": f"{BUSINESS}.documents.company_tax_id_verification",
    "entity_document": f"{BUSINESS}.documents.primary_verification",
    "registration_document": f"{BUSINESS}.documents.proof_of_registration",
    "ownership_document": f"{BUSINESS}.documents.proof_of_ultimate_beneficial_ownership",
    "bank_account_document": f"{BUSINESS}.documents.bank_account_ownership_verification",
}
FILES = {
    "file_identity_document_success": None,
    "file_identity_document_failure": "verification_document_failed_test_mode",
    "file_relationship_document_success": None,
    "file_relationship_document_invalid": "verification_document_invalid",
    "file_relationship_document_mismatch": "verification_document_name_mismatch",
    "file_relationship_document_invalid_signer": "verification_failed_representative_authority",
    "file_document_expired": "verification_document_expired",
    "file_document_missing_back": "verification_document_missing_back",
    "file_document_nonsense": "verification_document_failed_other",
    "file_61": "verification_document_failed_other",
}


def said(kind: str, inputs: dict[str, str]) -> tuple[str | None, bool]:
    """The code of a failure, None for a pass, and whether it is said at once."""
    answer = SandboxVerifier().answer(Question("check_1", kind, "account", "digest", inputs, AS_OF))
    told = answer.answer if isinstance(answer, Later) else answer
    assert isinstance(told, Answer)
    assert told.occurred_at == AS_OF + timedelta(seconds=5 if isinstance(answer, Later) else 0)
    code = told.reasons[0] if told.reasons else None
    assert told.outcome is (Outcome.FAILED if code else Outcome.PASSED)
    assert code is None or code in builtin_policy().errors
    return code, not isinstance(answer, Later)


@pytest.mark.parametrize(("file", "code"), FILES.items())
@pytest.mark.parametrize(("kind", "path"), DOCUMENTS.items())
def test_a_file_is_answered_by_its_name(kind: str, path: str, file: str, code: str | None) -> None:
    assert path in builtin_policy().checks[kind].inputs
    assert said(kind, {path: f'{{"files":["{file}"]}}'}) == (code, False)


@pytest.mark.parametrize(
    "name", sorted(code for code in builtin_policy().errors if code.startswith("verification_document_"))
)
def test_a_file_can_choose_every_code_of_documents(name: str) -> None:
    file = values.CHOOSES_CODE + name.removeprefix("verification_document_")

    assert said("address_document", {DOCUMENTS["address_document"]: f'["{file}"]'}) == (name, False)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("222221000", "verification_failed_keyed_match"),
        ("222221001", "verification_missing_owners"),
        ("222221002", "verification_missing_directors"),
        ("222221003", "verification_missing_owners"),
        ("222221004", "verification_missing_directors"),
        ("222221005", None),
        ("HRB 222221002", "verification_missing_directors"),
        ("12345678", None),
    ],
)
def test_a_register_is_answered_by_the_number(number: str, code: str | None) -> None:
    assert said("registry_match", {f"{BUSINESS}.id_numbers.gb_crn": number}) == (code, code is None)


def test_a_register_is_answered_by_the_name_first() -> None:
    inputs = {REGISTERED: "mismatch_business_name ltd", f"{BUSINESS}.id_numbers.gb_crn": "222221002"}

    assert said("registry_match", inputs) == ("verification_failed_name_match", False)


@pytest.mark.parametrize(
    ("kind", "name", "code"),
    [
        ("directors_match", "mismatch_director", "verification_directors_mismatch"),
        ("directors_match", "missing_director", "verification_missing_directors"),
        ("directors_match", "extraneous_director", "verification_extraneous_directors"),
        ("directors_match", "mismatch_owner", None),
        ("owners_match", "mismatch_owner", "verification_missing_owners"),
        ("owners_match", "extraneous_owner", "verification_missing_owners"),
        ("owners_match", "mismatch_director", None),
        ("executives_match", "mismatch_director", None),
    ],
)
def test_persons_are_answered_by_any_given_name(kind: str, name: str, code: str | None) -> None:
    flag = kind.partition("s_")[0]
    inputs = {f"{flag}.person_1.given_name": "jenny", f"{flag}.person_2.given_name": name}

    assert said(kind, inputs) == (code, True)


@pytest.mark.parametrize(
    ("kind", "path", "value", "code"),
    [
        ("website_review", URL, "https://accessible.stripe.com", None),
        ("website_review", URL, "https://disallowed.stripe.com", "invalid_url_denylisted"),
        ("website_review", URL, "https://geoblocked.stripe.com", "invalid_url_website_inaccessible_geoblocked"),
        ("website_review", URL, "https://inaccessible.stripe.com", "invalid_url_website_inaccessible"),
        ("website_review", URL, "https://mismatch.stripe.com", "invalid_url_website_business_information_mismatch"),
        ("website_review", URL, "https://missing.stripe.com", "invalid_url_website_incomplete"),
        (
            "website_review",
            URL,
            "https://passwordprotected.stripe.com",
            "invalid_url_website_inaccessible_password_protected",
        ),
        ("website_review", URL, "https://problem.stripe.com/shop", "invalid_url_website_other"),
        (
            "website_review",
            URL,
            "https://underconstruction.stripe.com",
            "invalid_url_website_incomplete_under_construction",
        ),
        ("website_review", URL, "https://problem.rosen-gardens.com", None),
        ("name_review", REGISTERED, "disallowed_name", "invalid_company_name_denylisted"),
        ("name_review", TRADE_NAME, "disallowed_dba", "invalid_business_profile_name_denylisted"),
        ("name_review", TRADE_NAME, "invalid_dba", "invalid_business_profile_name"),
        ("name_review", REGISTERED, "rosen gardens", None),
        (
            "descriptor_review",
            f"{STATEMENT}.descriptor",
            "mismatch",
            "invalid_statement_descriptor_business_mismatch",
        ),
        ("descriptor_review", f"{STATEMENT}.descriptor", "disallowed", "invalid_statement_descriptor_denylisted"),
        ("descriptor_review", f"{STATEMENT}.prefix", "mismatch", "invalid_statement_descriptor_prefix_mismatch"),
        ("descriptor_review", f"{STATEMENT}.prefix", "disallowed", "invalid_statement_descriptor_prefix_denylisted"),
        ("descriptor_review", f"{STATEMENT}.descriptor", "rosen gardens", None),
        ("description_review", DESCRIPTION, "require_url", "invalid_url_web_presence_detected"),
        ("description_review", DESCRIPTION, "flowers and trees", None),
    ],
)
def test_public_details_are_answered_at_once(kind: str, path: str, value: str, code: str | None) -> None:
    assert path in builtin_policy().checks[kind].inputs
    assert said(kind, {path: value}) == (code, True)


@pytest.mark.parametrize(
    ("number", "told"),
    [
        ("000999999991", (None, True)),
        ("000123456789", (None, True)),
        ("000999999992", ("verification_failed_name_match", False)),
    ],
)
def test_a_bank_account_is_answered_by_its_number(number: str, told: tuple[str | None, bool]) -> None:
    banks = {"ba_1": {"country": "US", "currency": "usd", "account_number": number}}

    assert said("bank_account_match", {"external_account": bank_accounts_leaf(banks)}) == told
