"""``identity`` of an account's parameters: who the account is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.facts import (
    Acceptance,
    Address,
    Amount,
    BusinessIdNumber,
    DateParts,
    Files,
    FrontBack,
    ScriptAddresses,
    SignedFiles,
)
from api.schemas.fields import CalendarDate, Count, Country, Parameters, Text
from api.schemas.persons import Individual

_MAX_ITEMS = 100


class PersonsProvided(Parameters):
    """Declarations that all persons of a role have been named."""

    directors: bool | None = None
    executives: bool | None = None
    owners: bool | None = None
    ownership_exemption_reason: (
        Literal["qualified_entity_exceeds_ownership_threshold", "qualifies_as_financial_institution"] | None
    ) = None


class TermsOfService(Parameters):
    """Acceptances of terms of service; the last two can only be sent with an update."""

    account: Acceptance | None = None
    crypto_money_manager: Acceptance | None = None
    money_manager: Acceptance | None = None


class Attestations(Parameters):
    """What was declared and accepted on behalf of the account."""

    directorship_declaration: Acceptance | None = None
    ownership_declaration: Acceptance | None = None
    persons_provided: PersonsProvided | None = None
    representative_declaration: Acceptance | None = None
    terms_of_service: TermsOfService | None = None


class BusinessAddress(Address):
    """A further address of a business."""

    purpose: Literal["administrative", "principal_place_of_business"]


class AnnualRevenue(Parameters):
    """Revenue of a fiscal year."""

    amount: Amount | None = None
    fiscal_year_end: CalendarDate | None = None


class MonthlyRevenue(Parameters):
    """Estimated revenue of a month."""

    amount: Amount | None = None


class BusinessDocuments(Parameters):
    """Documents about a business."""

    bank_account_ownership_verification: Files | None = None
    company_license: Files | None = None
    company_memorandum_of_association: Files | None = None
    company_ministerial_decree: Files | None = None
    company_registration_verification: Files | None = None
    company_tax_id_verification: Files | None = None
    primary_verification: FrontBack | None = None
    proof_of_address: Files | None = None
    proof_of_registration: SignedFiles | None = None
    proof_of_ultimate_beneficial_ownership: SignedFiles | None = None


class ScriptBusinessName(Parameters):
    """A business's name in one of the Japanese scripts."""

    registered_name: Text | None = None


class ScriptBusinessNames(Parameters):
    """A business's name in the Japanese scripts."""

    kana: ScriptBusinessName | None = None
    kanji: ScriptBusinessName | None = None


class BusinessDetails(Parameters):
    """The business behind an account."""

    additional_addresses: Annotated[list[BusinessAddress], Field(max_length=_MAX_ITEMS)] | None = None
    address: Address | None = None
    annual_revenue: AnnualRevenue | None = None
    documents: BusinessDocuments | None = None
    estimated_worker_count: Count | None = None
    id_numbers: Annotated[list[BusinessIdNumber], Field(max_length=_MAX_ITEMS)] | None = None
    monthly_estimated_revenue: MonthlyRevenue | None = None
    phone: Text | None = None
    registered_name: Text | None = None
    registration_date: DateParts | None = None
    script_addresses: ScriptAddresses | None = None
    script_names: ScriptBusinessNames | None = None
    structure: Text | None = None


class Identity(Parameters):
    """Who the account is. ``individual`` can't be null: its fields are unset one by one."""

    attestations: Attestations | None = None
    business_details: BusinessDetails | None = None
    country: Country | None = None
    entity_type: Text | None = None
    individual: Individual = Individual()
