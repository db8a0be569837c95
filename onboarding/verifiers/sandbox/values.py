"""Published test values (Stripe, "Testing account identity verification", May 2026), and ours where it is silent."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MATCH_LATER = "1901-01-01"
MATCH_NOW = "1902-01-01"
SCREENING_HIT = "1900-01-01"

ADDRESS_MATCHES = "address_full_match"
ADDRESS_FAILS = frozenset({"address_no_match", "address_line1_zip_no_match", "address_zip_no_match"})
ADDRESS_LINE_FAILS = "address_line1_no_match"

DOCUMENT_PASSES = "file_identity_document_success"
DOCUMENT_FAILS = "file_identity_document_failure"

PHONE_PASSES = "0000000000"

RELATIONSHIP_DOCUMENTS = {
    "file_relationship_document_invalid": "verification_document_invalid",
    "file_relationship_document_mismatch": "verification_document_name_mismatch",
    "file_relationship_document_invalid_signer": "verification_failed_representative_authority",
}
CHOOSES_CODE = "file_document_"
"""Ours: a file of this name fails with the rest of its name as the code, after ``verification_document_``."""
DOCUMENT_CODES = frozenset(
    {
        "address_mismatch",
        "address_missing",
        "corrupt",
        "country_not_supported",
        "directors_mismatch",
        "dob_mismatch",
        "duplicate_type",
        "expired",
        "failed_copy",
        "failed_greyscale",
        "failed_other",
        "failed_test_mode",
        "fraudulent",
        "id_number_mismatch",
        "id_number_missing",
        "incomplete",
        "invalid",
        "issue_or_expiry_date_missing",
        "manipulated",
        "missing_back",
        "missing_front",
        "name_mismatch",
        "name_missing",
        "nationality_mismatch",
        "not_readable",
        "not_signed",
        "not_uploaded",
        "photo_mismatch",
        "too_large",
        "type_not_supported",
    }
)
"""What may follow: the codes of documents (contract §2.5); with anything else the file is like any other."""

REGISTRY = {
    "222221000": "verification_failed_keyed_match",
    "222221001": "verification_missing_owners",
    "222221002": "verification_missing_directors",
    "222221003": "verification_missing_owners",
    "222221004": "verification_missing_directors",
}
"""Register numbers by the code with which the registry's answer fails."""
REGISTRY_PASSES = "222221005"
"""Published as "pending"; seen to be answered as a success."""

DIRECTORS = {
    "mismatch_director": "verification_directors_mismatch",
    "missing_director": "verification_missing_directors",
    "extraneous_director": "verification_extraneous_directors",
}
OWNERS = {"mismatch_owner": "verification_missing_owners", "extraneous_owner": "verification_missing_owners"}
WEBSITES = {
    "disallowed": "invalid_url_denylisted",
    "geoblocked": "invalid_url_website_inaccessible_geoblocked",
    "inaccessible": "invalid_url_website_inaccessible",
    "mismatch": "invalid_url_website_business_information_mismatch",
    "missing": "invalid_url_website_incomplete",
    "passwordprotected": "invalid_url_website_inaccessible_password_protected",
    "problem": "invalid_url_website_other",
    "underconstruction": "invalid_url_website_incomplete_under_construction",
}
"""First label of ``https://….stripe.com``, by what the website's review says."""

NAMES = {
    "disallowed_name": "invalid_company_name_denylisted",
    "disallowed_dba": "invalid_business_profile_name_denylisted",
    "invalid_dba": "invalid_business_profile_name",
}
NAME_ONLY = "match_name_only"
"""A registered name whose owners and executives the register has, written otherwise; ``match_name_relationships`` is
like any other name: all of it matches."""
NAME_MISMATCH = "mismatch_business_name"
DESCRIPTORS = {
    ("descriptor", "mismatch"): "invalid_statement_descriptor_business_mismatch",
    ("descriptor", "disallowed"): "invalid_statement_descriptor_denylisted",
    ("prefix", "mismatch"): "invalid_statement_descriptor_prefix_mismatch",
    ("prefix", "disallowed"): "invalid_statement_descriptor_prefix_denylisted",
}
DESCRIPTION_WITH_URL = "require_url"

BANK_OWNER_CONFIRMED = "000999999991"
BANK_OWNER_UNCONFIRMED = "000999999992"
"""US account numbers: the owner is confirmed by itself, or only by a document."""


class Number(Enum):
    """How the sandbox answers an ID number or tax ID."""

    PASSES_NOW = auto()
    PASSES_LATER = auto()
    MISMATCH = auto()
    NOT_ISSUED = auto()


ID_NUMBERS = {
    "000000000": Number.PASSES_LATER,
    "0000": Number.PASSES_LATER,
    "222222222": Number.PASSES_NOW,
    "2222": Number.PASSES_NOW,
    "111111111": Number.MISMATCH,
    "1111": Number.MISMATCH,
    "111111113": Number.MISMATCH,
}
TAX_IDS = {
    "000000000": Number.PASSES_LATER,
    "000000001": Number.PASSES_LATER,
    "222222222": Number.PASSES_NOW,
    "111111111": Number.MISMATCH,
    "111111112": Number.NOT_ISSUED,
    # Of a business that is no more: ours is that the tax office does not know it.
    "000000004": Number.MISMATCH,
}

_BY_KIND = {
    "id_number": frozenset(ID_NUMBERS) | frozenset(TAX_IDS) | frozenset(REGISTRY) | {REGISTRY_PASSES},
    "date_of_birth": frozenset({MATCH_LATER, MATCH_NOW, SCREENING_HIT}),
    "phone": frozenset({PHONE_PASSES}),
    "address_line1": frozenset({ADDRESS_MATCHES, ADDRESS_LINE_FAILS}) | ADDRESS_FAILS,
    "url": frozenset[str](),
    "account_number": frozenset({"000123456789", BANK_OWNER_CONFIRMED, BANK_OWNER_UNCONFIRMED}),
    "routing_number": frozenset({"110000000"}),
    "file": frozenset({DOCUMENT_PASSES, DOCUMENT_FAILS, "file_relationship_document_success", *RELATIONSHIP_DOCUMENTS})
    | {CHOOSES_CODE + code for code in DOCUMENT_CODES},
}


ENFORCES = "+enforce_future_requirements@"
"""In an email address: what is announced to the account binds it at once."""


def asks_for_what_is_announced(emails: Iterable[str]) -> bool:
    """Whether one of the account's email addresses says so."""
    return any(ENFORCES in email.lower() for email in emails)


def is_test_value(kind: str, value: str) -> bool:
    """Whether a value that ordinary validation may refuse is one of the sandbox's.

    ``kind`` is one of id_number, date_of_birth (ISO), phone, address_line1, url, account_number,
    routing_number, file.
    """
    if kind in ("phone", "id_number"):
        value = "".join(char for char in value if char.isdigit())
        value = value.removeprefix("1") if kind == "phone" and value.endswith(PHONE_PASSES) else value
    return value in _BY_KIND.get(kind, frozenset())
