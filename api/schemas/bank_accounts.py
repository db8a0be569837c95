"""Parameters of v1 external accounts: forms, so every value arrives as a string and ``""`` means "unset"."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from api.schemas.fields import Country, Currency, Metadata, Text


class FormParameters(BaseModel):
    """An object of a v1 form: unknown keys are refused, ``"true"`` is a boolean."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


def unset_if_empty(value: Any) -> Any:
    """v1's way to say "unset" is an empty string."""
    return None if value == "" else value


def _unset_empty_keys(metadata: Any) -> Any:
    if metadata == "":
        return None
    return {key: value or None for key, value in metadata.items()} if isinstance(metadata, dict) else metadata


def _branch(value: object) -> str:
    return "<token>" if isinstance(value, str) else "<object>"


FormMetadata = Annotated[Metadata | None, BeforeValidator(_unset_empty_keys)]
FormText = Annotated[Text | None, BeforeValidator(unset_if_empty)]


class BankAccountDetails(FormParameters):
    """A bank account by its numbers."""

    object: Literal["bank_account"]
    account_holder_name: FormText = None
    account_holder_type: FormText = None
    account_number: Annotated[Text, Field(min_length=1)]
    country: Country
    currency: Annotated[Currency | None, BeforeValidator(unset_if_empty)] = None
    routing_number: FormText = None


class BankAccountCreate(FormParameters):
    """``POST /v1/accounts/{id}/external_accounts``.

    ``external_account`` is a token's id (``btok_…``) or a bank account; debit cards are not supported.
    """

    default_for_currency: bool = False
    expand: list[Text] = Field(default_factory=list, max_length=20)
    external_account: Annotated[
        Annotated[Text, Tag("<token>")] | Annotated[BankAccountDetails, Tag("<object>")], Discriminator(_branch)
    ]
    metadata: FormMetadata = None


class BankAccountUpdate(FormParameters):
    """``POST /v1/accounts/{id}/external_accounts/{id}``: what v1 lets a platform change of a bank account."""

    account_holder_name: FormText = None
    account_holder_type: FormText = None
    account_type: FormText = None
    default_for_currency: bool = False
    expand: list[Text] = Field(default_factory=list, max_length=20)
    metadata: FormMetadata = None
