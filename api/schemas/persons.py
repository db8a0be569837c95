"""Parameters of a person: of the persons endpoints, and of an individual's account."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from api.schemas.facts import Acceptance, Address, DateParts, Files, FrontBack, IdNumber, ScriptAddresses
from api.schemas.fields import Country, DecimalText, Metadata, Parameters, Text

_MAX_ITEMS = 100


class RegisteredAddress(Address):
    """A further address of a person."""

    purpose: Literal["registered"]


class AdditionalName(Parameters):
    """Another name that a person has or had."""

    full_name: Text | None = None
    given_name: Text | None = None
    purpose: Literal["alias", "maiden"]
    surname: Text | None = None


class AdditionalTerms(Parameters):
    """Acceptances of terms by somebody other than the account's representative."""

    account: Acceptance | None = None


class PersonDocuments(Parameters):
    """Documents about a person."""

    company_authorization: Files | None = None
    passport: Files | None = None
    primary_verification: FrontBack | None = None
    secondary_verification: FrontBack | None = None
    visa: Files | None = None


class IndividualRelationship(Parameters):
    """What an individual may be to the own account."""

    director: bool | None = None
    executive: bool | None = None
    owner: bool | None = None
    percent_ownership: DecimalText | None = None
    title: Text | None = None


class Relationship(IndividualRelationship):
    """What a person is to the account."""

    authorizer: bool | None = None
    legal_guardian: bool | None = None
    representative: bool | None = None


class ScriptName(Parameters):
    """A person's name in one of the Japanese scripts."""

    given_name: Text | None = None
    surname: Text | None = None


class ScriptNames(Parameters):
    """A person's name in the Japanese scripts."""

    kana: ScriptName | None = None
    kanji: ScriptName | None = None


class PersonDetails(Parameters):
    """What an individual and any other person have in common."""

    additional_addresses: Annotated[list[RegisteredAddress], Field(max_length=_MAX_ITEMS)] | None = None
    additional_names: Annotated[list[AdditionalName], Field(max_length=_MAX_ITEMS)] | None = None
    address: Address | None = None
    date_of_birth: DateParts | None = None
    documents: PersonDocuments | None = None
    email: Text | None = None
    given_name: Text | None = None
    id_numbers: Annotated[list[IdNumber], Field(max_length=_MAX_ITEMS)] | None = None
    legal_gender: Literal["female", "male"] | None = None
    metadata: Metadata | None = None
    nationalities: Annotated[list[Country], Field(max_length=_MAX_ITEMS)] | None = None
    phone: Text | None = None
    political_exposure: Literal["existing", "none"] | None = None
    script_addresses: ScriptAddresses | None = None
    script_names: ScriptNames | None = None
    surname: Text | None = None


class Individual(PersonDetails):
    """``identity.individual`` of an account's parameters."""

    relationship: IndividualRelationship | None = None


class PersonUpdate(PersonDetails):
    """``POST /v2/core/accounts/{id}/persons/{id}``."""

    additional_terms_of_service: AdditionalTerms | None = None
    person_token: Text = ""
    relationship: Relationship | None = None


class PersonCreate(PersonUpdate):
    """``POST /v2/core/accounts/{id}/persons``."""

    complete: ClassVar[dict[str, tuple[str, ...]]] = {
        "additional_terms_of_service.account": ("date", "ip"),
    }
