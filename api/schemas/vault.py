"""Parameters of the vault's bank accounts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.fields import Currency, Parameters, Text

Number = Annotated[Text, Field(min_length=1)]
AccountType = Literal["checking", "savings"]


class UsBankAccountCreate(Parameters):
    """``POST /v2/core/vault/us_bank_accounts``."""

    account_number: Number
    bank_account_type: AccountType = "checking"
    currency: Currency
    fedwire_routing_number: Number | None = None
    routing_number: Number | None = None


class UsBankAccountUpdate(Parameters):
    """``POST /v2/core/vault/us_bank_accounts/{id}``."""

    fedwire_routing_number: Number | None = None
    routing_number: Number | None = None


class GbBankAccountCreate(Parameters):
    """``POST /v2/core/vault/gb_bank_accounts``: an IBAN, or an account number with its sort code."""

    account_number: Number | None = None
    bank_account_type: AccountType = "checking"
    currency: Currency
    iban: Number | None = None
    sort_code: Number | None = None


class MicrodepositsConfirm(Parameters):
    """``POST /v2/core/vault/us_bank_accounts/{id}/confirm_microdeposits``."""

    amounts: Annotated[list[int], Field(max_length=2)] | None = None
    descriptor_code: Text | None = None


class Nothing(Parameters):
    """A request that has no parameters."""
