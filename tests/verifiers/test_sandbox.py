"""The sandbox answers Stripe's published test values (contract §8)."""

from datetime import UTC, datetime, timedelta

import pytest

from onboarding.catalogue import builtin_policy
from onboarding.domain.settle import Answer, Later
from onboarding.domain.state import Outcome
from onboarding.verifiers.port import Question
from onboarding.verifiers.sandbox import SandboxVerifier, is_test_value

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
EIN = "identity.business_details.id_numbers.us_ein"
BUSINESS_LINE = "identity.business_details.address.line1"
TAX_DOCUMENT = "identity.business_details.documents.company_tax_id_verification"

PASSED = (Outcome.PASSED, ())


def _answer(kind: str, **inputs: str) -> Answer | Later | None:
    question = Question("check_1", kind, "person_1", "digest", inputs, AS_OF)
    return SandboxVerifier().answer(question)


def _said(kind: str, inputs: dict[str, str]) -> tuple[Outcome, tuple[str, ...], bool]:
    """Outcome, reasons, and whether it is said at once."""
    answer = _answer(kind, **inputs)
    assert answer is not None
    if isinstance(answer, Later):
        assert answer.answer_at == answer.answer.occurred_at == AS_OF + timedelta(seconds=5)
        return answer.answer.outcome, answer.answer.reasons, False
    assert answer.occurred_at == AS_OF
    return answer.outcome, answer.reasons, True


def _born(iso: str) -> dict[str, str]:
    year, month, day = iso.split("-")
    return {
        "given_name": "jenny", "surname": "rosen",
        "date_of_birth.year": year, "date_of_birth.month": str(int(month)), "date_of_birth.day": str(int(day)),
    }  # fmt: skip


FAILED_IDENTITY = (Outcome.FAILED, ("verification_failed_keyed_identity",))
FAILED_ADDRESS = (Outcome.FAILED, ("verification_failed_address_match",))
FAILED_LINE = (Outcome.FAILED, ("invalid_street_address",))
FAILED_ID = (Outcome.FAILED, ("verification_failed_id_number_match",))
FAILED_TAX_ID = (Outcome.FAILED, ("verification_failed_tax_id_match",))
NOT_ISSUED = (Outcome.FAILED, ("verification_failed_tax_id_not_issued",))
TEST_MODE = (Outcome.FAILED, ("verification_document_failed_test_mode",))
HIT = (Outcome.INCONCLUSIVE, ("screening_hit",))


@pytest.mark.parametrize(
    ("kind", "inputs", "expected", "at_once"),
    [
        ("keyed_identity", _born("1901-01-01"), PASSED, False),
        ("keyed_identity", _born("1902-01-01"), PASSED, True),
        ("keyed_identity", _born("1985-04-12"), FAILED_IDENTITY, False),
        ("keyed_identity", _born("1900-01-01"), PASSED, True),
        ("screening", _born("1900-01-01"), HIT, True),
        ("screening", _born("1901-01-01"), PASSED, True),
        ("screening", {"given_name": "jenny"}, PASSED, True),
        ("address_match", {"address.line1": "address_full_match"}, PASSED, True),
        ("address_match", {"address.line1": "address_no_match"}, FAILED_ADDRESS, False),
        ("address_match", {"address.line1": "address_zip_no_match"}, FAILED_ADDRESS, False),
        ("address_match", {"address.line1": "address_line1_zip_no_match"}, FAILED_ADDRESS, False),
        ("address_match", {"address.line1": "address_line1_no_match"}, FAILED_LINE, False),
        ("address_match", {"address.line1": "1 main street"}, PASSED, False),
        ("business_address_match", {BUSINESS_LINE: "address_full_match"}, PASSED, True),
        ("business_address_match", {BUSINESS_LINE: "address_no_match"}, FAILED_ADDRESS, False),
        ("business_address_match", {BUSINESS_LINE: "address_line1_no_match"}, FAILED_LINE, False),
        ("id_number_match", {"id_numbers.us_ssn": "000000000"}, PASSED, False),
        ("id_number_match", {"id_numbers.us_ssn": "222222222"}, PASSED, True),
        ("id_number_match", {"id_numbers.us_ssn": "111111111"}, FAILED_ID, False),
        ("id_number_match", {"id_numbers.us_ssn_last_4": "0000"}, PASSED, False),
        ("id_number_match", {"id_numbers.us_ssn_last_4": "1111"}, FAILED_ID, False),
        (
            "id_number_match",
            {"id_numbers.us_ssn": "222222222", "id_numbers.us_ssn_last_4": "1111"},
            PASSED,
            True,
        ),
        ("tax_id_match", {EIN: "000000000"}, PASSED, False),
        ("tax_id_match", {EIN: "000000001"}, PASSED, False),
        ("tax_id_match", {EIN: "222222222"}, PASSED, True),
        ("tax_id_match", {EIN: "111111111"}, FAILED_TAX_ID, False),
        ("tax_id_match", {EIN: "111111112"}, NOT_ISSUED, False),
        ("tax_id_match", {EIN: "123456789"}, PASSED, False),
        ("identity_document", {"documents.primary_verification": "file_identity_document_success"}, PASSED, False),
        ("identity_document", {"documents.primary_verification": "file_identity_document_failure"}, TEST_MODE, False),
        (
            "identity_document",
            {"documents.primary_verification": '{"front_back":{"front":"file_identity_document_success"}}'},
            PASSED,
            False,
        ),
        (
            "identity_document",
            {
                "documents.primary_verification": '{"front_back":{"back":"file_identity_document_failure",'
                '"front":"file_identity_document_success"}}'
            },
            TEST_MODE,
            False,
        ),
        ("company_tax_document", {TAX_DOCUMENT: '{"files":["file_identity_document_success"]}'}, PASSED, False),
        ("company_tax_document", {TAX_DOCUMENT: '{"files":["file_identity_document_failure"]}'}, TEST_MODE, False),
        (
            "identity_document",
            {"documents.primary_verification": "file_1"},
            (Outcome.FAILED, ("verification_document_failed_other",)),
            False,
        ),
    ],
)
def test_a_test_value_is_answered_as_published(
    kind: str, inputs: dict[str, str], expected: tuple[Outcome, tuple[str, ...]], *, at_once: bool
) -> None:
    assert _said(kind, inputs) == (*expected, at_once)


def test_every_kind_of_the_built_in_policy_is_answered() -> None:
    for kind in builtin_policy().checks.values():
        inputs = dict.fromkeys(kind.inputs, "1")

        assert _answer(kind.name, **inputs) is not None, kind.name


def test_an_unknown_kind_is_not_answered() -> None:
    assert _answer("proof_of_liveness") is None


def test_every_reason_is_a_code_of_the_built_in_policy() -> None:
    codes = builtin_policy().errors
    for reasons in (FAILED_IDENTITY, FAILED_ADDRESS, FAILED_LINE, FAILED_ID, FAILED_TAX_ID, NOT_ISSUED, TEST_MODE):
        assert reasons[1][0] in codes


def test_the_same_question_is_answered_the_same() -> None:
    inputs = _born("1901-01-01")

    assert _answer("keyed_identity", **inputs) == _answer("keyed_identity", **inputs)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("id_number", "000-00-0000"),
        ("id_number", "0000"),
        ("id_number", "111111112"),
        ("date_of_birth", "1902-01-01"),
        ("date_of_birth", "1900-01-01"),
        ("phone", "0000000000"),
        ("phone", "+1 (000) 000-0000"),
        ("address_line1", "address_full_match"),
        ("file", "file_identity_document_success"),
    ],
)
def test_a_published_value_passes_ordinary_validation(kind: str, value: str) -> None:
    assert is_test_value(kind, value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("id_number", "123456789"),
        ("date_of_birth", "1903-01-01"),
        ("phone", "+15551234567"),
        ("address_line1", "1 main street"),
        ("url", "https://example.com"),
        ("anything", "0000"),
    ],
)
def test_an_ordinary_value_does_not(kind: str, value: str) -> None:
    assert not is_test_value(kind, value)
