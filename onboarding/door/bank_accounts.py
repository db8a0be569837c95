"""What a platform may do to the bank accounts that an account is paid out to: v1's external accounts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.door.changes import refuse_closed
from onboarding.door.render import DEFAULT_FOR_CURRENCY, bank_fingerprint, default_bank_account
from onboarding.validation import DEFAULT_CURRENCIES, validate_bank_account
from onboarding.validation.metadata import check_metadata
from onboarding.values import merge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from onboarding.door.draft import Draft, Subject

Values = dict[str, Any]


def bank_values(details: Mapping[str, Any]) -> Values:
    """A bank account's values, from a request's details that were found in order."""
    values = {name: value for name, value in details.items() if name != "object" and value is not None}
    values["country"] = str(values["country"]).upper()
    values["currency"] = str(values.get("currency") or DEFAULT_CURRENCIES[values["country"]]).lower()
    return values


@dataclass(frozen=True, slots=True)
class AddBankAccount:
    """Add a bank account to pay out to. ``tokens`` are the sandbox's bank account tokens."""

    params: Values = field(repr=False)
    bank_id: str
    exempt: Callable[[str, str], bool]
    tokens: Mapping[str, Mapping[str, str]]
    cause: str = "external_account.created"

    def apply(self, draft: Draft) -> None:
        """Raises Refusal with v1's codes."""
        refuse_closed(draft)
        validate_bank_account(self.params, self.exempt)
        details = self.params["external_account"]
        if isinstance(details, str):
            if details not in self.tokens:
                raise Refusal(
                    "resource_missing", "No such token.", param="external_account", type="invalid_request_error"
                )
            details = self.tokens[details]
        values = bank_values(details)
        if self.params.get("metadata"):
            values["metadata"] = self.params["metadata"]
        home = (draft.account.values.get("identity") or {}).get("country")
        if home is not None and values["country"] != home:
            raise Refusal(
                "account_country_unsupported_currency",
                "The bank account must be in the account's country.",
                param="external_account.country",
            )
        bank = draft.add_bank_account(values, bank_fingerprint(draft, values), self.bank_id)
        if self.params.get(DEFAULT_FOR_CURRENCY):
            _make_default(draft, bank)


@dataclass(frozen=True, slots=True)
class UpdateBankAccount:
    """Change what may be changed of a bank account: whose it is, its type, metadata, and whether it is the default."""

    bank_id: str
    patch: Values = field(repr=False)
    cause: str = "external_account.updated"

    def apply(self, draft: Draft) -> None:
        """Raises Refusal ``resource_missing``, or for too much metadata."""
        refuse_closed(draft)
        bank = _bank_account(draft, self.bank_id)
        patch = {name: value for name, value in self.patch.items() if name != DEFAULT_FOR_CURRENCY}
        values = merge(bank.values, patch)
        check_metadata(patch, values)
        draft.put_bank_account(bank, values)
        if self.patch.get(DEFAULT_FOR_CURRENCY):
            _make_default(draft, bank)


@dataclass(frozen=True, slots=True)
class DeleteBankAccount:
    """Delete a bank account; the default of its currency only as the last one."""

    bank_id: str
    cause: str = "external_account.deleted"

    def apply(self, draft: Draft) -> None:
        """Raises Refusal ``resource_missing``, or for the default of a currency that has others."""
        refuse_closed(draft)
        bank = _bank_account(draft, self.bank_id)
        currency = bank.values["currency"]
        others = [one for one in draft.bank_accounts.values() if one.values["currency"] == currency and one is not bank]
        if others and default_bank_account(draft, currency) is bank:
            raise Refusal(
                "parameter_invalid",
                # v1's own sentence: clients look for it.
                "You cannot delete the default external account for your default currency. Please make another"
                " external account the default using the `default_for_currency` param, and then delete this one.",
                param="id",
                type="invalid_request_error",
            )
        draft.delete_bank_account(bank)


def _bank_account(draft: Draft, bank_id: str) -> Subject:
    bank = draft.bank_accounts.get(bank_id)
    if bank is None:
        raise no_bank_account()
    return bank


def no_bank_account() -> Refusal:
    """The account has no such external account."""
    return Refusal(
        "resource_missing",
        "No such external account.",
        param="id",
        kind=RefusalKind.NOT_FOUND,
        type="invalid_request_error",
    )


def _make_default(draft: Draft, chosen: Subject) -> None:
    """Payouts in its currency go to this one from now on."""
    for bank in draft.bank_accounts.values():
        if bank.values["currency"] == chosen.values["currency"]:
            rest = {name: value for name, value in bank.values.items() if name != DEFAULT_FOR_CURRENCY}
            draft.put_bank_account(bank, {**rest, DEFAULT_FOR_CURRENCY: True} if bank is chosen else rest)
