"""Parameters of tokens: what an account's or a person's are, but that attestations are true or false.

When, from where and with what somebody attests is the request's own to tell (SDK ``AccountTokenCreateParams``,
``PersonTokenCreateParams``).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic.json_schema import SkipJsonSchema

from api.schemas.bank_accounts import FormParameters, FormText, unset_if_empty
from api.schemas.fields import Country, Currency, Parameters, Text
from api.schemas.identity import BusinessDetails, PersonsProvided
from api.schemas.persons import Individual, PersonDetails, Relationship

Elsewhere = SkipJsonSchema[Any]
"""What is refused, whatever it is."""


class Attested(Parameters):
    """Whether something is declared."""

    attested: bool = False


class Accepted(Parameters):
    """Whether terms were shown and accepted."""

    shown_and_accepted: bool = False


class TokenTerms(Parameters):
    """Terms of service that were accepted."""

    account: Accepted | None = None


class TokenAttestations(Parameters):
    """What is declared and accepted."""

    directorship_declaration: Attested | None = None
    ownership_declaration: Attested | None = None
    persons_provided: PersonsProvided | None = None
    representative_declaration: Attested | None = None
    terms_of_service: TokenTerms | None = None


class TokenIdentity(Parameters):
    """Who the account is, but for its country, which the platform tells."""

    attestations: TokenAttestations | None = None
    business_details: BusinessDetails | None = None
    entity_type: Text | None = None
    individual: Individual = Individual()


class AccountTokenCreate(Parameters):
    """``POST /v2/core/account_tokens``."""

    contact_email: Text | None = None
    contact_phone: Text | None = None
    display_name: Text | None = None
    identity: TokenIdentity = TokenIdentity()


class PersonTokenCreate(PersonDetails):
    """``POST /v2/core/accounts/{id}/person_tokens``."""

    additional_terms_of_service: TokenTerms | None = None
    relationship: Relationship | None = None


class TokenBankAccount(FormParameters):
    """A bank account by its numbers."""

    account_holder_name: FormText = None
    account_holder_type: FormText = None
    account_number: Annotated[Text, Field(min_length=1)]
    account_type: FormText = None
    country: Country
    currency: Annotated[Currency | None, BeforeValidator(unset_if_empty)] = None
    object: Literal["bank_account"] = "bank_account"
    routing_number: FormText = None


class TokenCreate(FormParameters):
    """``POST /v1/tokens``. What other tokens of v1 hold is not looked at: none of them can be used here."""

    account: Elsewhere = None
    bank_account: TokenBankAccount | None = None
    card: Elsewhere = None
    cvc_update: Elsewhere = None
    expand: list[Text] = Field(default_factory=list, max_length=20)
    person: Elsewhere = None
    pii: Elsewhere = None
