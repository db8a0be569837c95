"""The sandbox verifier: pure, and answers every kind of check of the built-in catalogue."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from onboarding.domain.settle import Answer, Later
from onboarding.domain.state import Outcome
from onboarding.verifiers.sandbox import values
from onboarding.verifiers.sandbox.values import Number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from onboarding.verifiers.port import Question

ANSWER_DELAY = timedelta(seconds=5)
"""How long a delayed answer takes on the account's clock. Stripe's sandbox was seen to take 45 to 50 s."""

PASSED: tuple[Outcome, tuple[str, ...]] = (Outcome.PASSED, ())


class SandboxVerifier:
    """Answers by the published test values; a value that is not one of them passes, but for birth dates."""

    name = "sandbox"
    version = "1"

    def answer(self, question: Question) -> Answer | Later | None:
        """Now for the immediate values, later on the account's clock for the rest; None for an unknown kind."""
        read = _READERS.get(question.kind)
        if read is None:
            return None
        (outcome, reasons), at_once = read(question)
        answer_at = question.as_of if at_once else question.as_of + ANSWER_DELAY
        answer = Answer(outcome, reasons, self.name, self.version, answer_at)
        return answer if at_once else Later(answer_at, answer)


Reading = tuple[tuple[Outcome, tuple[str, ...]], bool]


def _failed(code: str) -> tuple[Outcome, tuple[str, ...]]:
    return Outcome.FAILED, (code,)


def _birth_date(question: Question) -> str | None:
    parts = [question.inputs.get(f"date_of_birth.{part}") for part in ("year", "month", "day")]
    if None in parts:
        return None
    year, month, day = (int(part or 0) for part in parts)
    return f"{year:04d}-{month:02d}-{day:02d}"


def _keyed_identity(question: Question) -> Reading:
    birth_date = _birth_date(question)
    if birth_date in (values.MATCH_NOW, values.SCREENING_HIT):
        return PASSED, True
    if birth_date == values.MATCH_LATER:
        return PASSED, False
    return _failed("verification_failed_keyed_identity"), False


def _address(path: str) -> Callable[[Question], Reading]:
    def read(question: Question) -> Reading:
        line = question.inputs.get(path, "")
        if line in values.ADDRESS_FAILS:
            return _failed("verification_failed_address_match"), False
        if line == values.ADDRESS_LINE_FAILS:
            return _failed("invalid_street_address"), False
        return PASSED, line == values.ADDRESS_MATCHES

    return read


def _number(found: Number | None, mismatch: str) -> Reading:
    match found:
        case Number.PASSES_NOW:
            return PASSED, True
        case Number.MISMATCH:
            return _failed(mismatch), False
        case Number.NOT_ISSUED:
            return _failed("verification_failed_tax_id_not_issued"), False
        case _:
            return PASSED, False


def _id_number(question: Question) -> Reading:
    number = question.inputs.get("id_numbers.us_ssn") or question.inputs.get("id_numbers.us_ssn_last_4", "")
    return _number(values.ID_NUMBERS.get(number), "verification_failed_id_number_match")


def _tax_id(question: Question) -> Reading:
    number = question.inputs.get("identity.business_details.id_numbers.us_ein", "")
    return _number(values.TAX_IDS.get(number), "verification_failed_tax_id_match")


def _document(path: str) -> Callable[[Question], Reading]:
    def read(question: Question) -> Reading:
        files = question.inputs.get(path, "")
        if values.DOCUMENT_FAILS in files:
            return _failed("verification_document_failed_test_mode"), False
        for name, code in values.RELATIONSHIP_DOCUMENTS.items():
            if f'"{name}"' in files:
                return _failed(code), False
        chosen = re.search(rf'"{values.CHOOSES_CODE}([a-z_]+)"', files)
        if chosen is not None and chosen[1] in values.DOCUMENT_CODES:
            return _failed(f"verification_document_{chosen[1]}"), False
        if any(one in files for one in (values.DOCUMENT_PASSES, "file_relationship_document_success")):
            return PASSED, False
        return _failed("verification_document_failed_other"), False

    return read


def _registry(question: Question) -> Reading:
    """By the register number; the country's own number may carry letters that say nothing here."""
    if values.NAME_MISMATCH in question.inputs.get("identity.business_details.registered_name", ""):
        return _failed("verification_failed_name_match"), False
    for path, value in question.inputs.items():
        if ".id_numbers." in path:
            code = values.REGISTRY.get("".join(character for character in value if character.isdigit()))
            if code is not None:
                return _failed(code), False
    return PASSED, True


def _persons(codes: Mapping[str, str], *, discrepant: bool = False) -> Callable[[Question], Reading]:
    """By the given names of the persons that the question is about; where they may differ, by the business's name."""

    def read(question: Question) -> Reading:
        if discrepant and question.inputs.get("identity.business_details.registered_name") == values.NAME_ONLY:
            return _failed("verification_failed_name_match"), True
        names = [value for path, value in question.inputs.items() if path.endswith(".given_name")]
        code = next((codes[name] for name in names if name in codes), None)
        return (PASSED if code is None else _failed(code)), True

    return read


def _website(question: Question) -> Reading:
    url = question.inputs.get("defaults.profile.business_url", "")
    found = re.search(r"//([a-z]+)\.stripe\.com", url)
    code = values.WEBSITES.get(found[1]) if found else None
    return (PASSED if code is None else _failed(code)), True


def _name(question: Question) -> Reading:
    told = " ".join(question.inputs.values())
    code = next((code for name, code in values.NAMES.items() if name in told), None)
    return (PASSED if code is None else _failed(code)), True


def _descriptor(question: Question) -> Reading:
    for (part, value), code in values.DESCRIPTORS.items():
        if question.inputs.get(f"configuration.merchant.statement_descriptor.{part}") == value:
            return _failed(code), True
    return PASSED, True


def _description(question: Question) -> Reading:
    names_url = values.DESCRIPTION_WITH_URL in question.inputs.get("defaults.profile.product_description", "")
    return (_failed("invalid_url_web_presence_detected") if names_url else PASSED), True


def _bank_account(question: Question) -> Reading:
    if f'"{values.BANK_OWNER_UNCONFIRMED}"' in question.inputs.get("external_account", ""):
        return _failed("verification_failed_name_match"), False
    return PASSED, True


def _passes(question: Question) -> Reading:  # noqa: ARG001 -- nothing of it chooses another answer
    return PASSED, True


def _asks_people(question: Question) -> Reading:  # noqa: ARG001 -- whatever it is about
    """What people decide is decided by the platform's own in the sandbox too."""
    return (Outcome.INCONCLUSIVE, ("manual_verification",)), True


def _screening(question: Question) -> Reading:
    hit = _birth_date(question) == values.SCREENING_HIT
    return ((Outcome.INCONCLUSIVE, ("screening_hit",)) if hit else PASSED), True


_READERS: dict[str, Callable[[Question], Reading]] = {
    "keyed_identity": _keyed_identity,
    "address_match": _address("address.line1"),
    "business_address_match": _address("identity.business_details.address.line1"),
    "id_number_match": _id_number,
    "tax_id_match": _tax_id,
    "identity_document": _document("documents.primary_verification"),
    "company_tax_document": _document("identity.business_details.documents.company_tax_id_verification"),
    "screening": _screening,
    "registry_match": _registry,
    "directors_match": _persons(values.DIRECTORS),
    "owners_match": _persons(values.OWNERS, discrepant=True),
    "executives_match": _persons({}, discrepant=True),
    "website_review": _website,
    "name_review": _name,
    "descriptor_review": _descriptor,
    "description_review": _description,
    "representative_authority": _passes,
    "account_review": _asks_people,
    "bank_account_match": _bank_account,
    "address_document": _document("documents.secondary_verification"),
    "authority_document": _document("documents.company_authorization"),
    "entity_document": _document("identity.business_details.documents.primary_verification"),
    "registration_document": _document("identity.business_details.documents.proof_of_registration"),
    "ownership_document": _document("identity.business_details.documents.proof_of_ultimate_beneficial_ownership"),
    "bank_account_document": _document("identity.business_details.documents.bank_account_ownership_verification"),
}
