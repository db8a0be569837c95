"""Bank accounts that an account keeps in its vault. No rule asks for them, and no payout goes to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from onboarding.domain.errors import Refusal
from onboarding.door.changes import refuse_closed
from onboarding.door.render import bank_fingerprint
from onboarding.storage import tables
from onboarding.validation import validate_vault_bank_account
from onboarding.validation.bank_accounts import check_us_routing, compact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from onboarding.door.draft import Draft

Values = dict[str, Any]

ROUTING_NUMBERS = ("routing_number", "fedwire_routing_number")

# ISO 13616 registry, GB: country, check digits, four letters of the bank, then six digits of sort code.
_IBAN_SORT_CODE = slice(8, 14)
_IBAN_ACCOUNT = slice(14, 22)


def vault_values(country: str, details: Mapping[str, Any]) -> Values:
    """A bank account's values, from details that were found in order; a sort code is its routing number."""
    values = {name: value for name, value in details.items() if value is not None}
    values |= {name: compact(values[name]) for name in ("account_number", *ROUTING_NUMBERS) if name in values}
    if "sort_code" in values:
        values["routing_number"] = compact(values.pop("sort_code"))
    if "iban" in values:
        iban = compact(values["iban"])
        values |= {"iban": iban, "routing_number": iban[_IBAN_SORT_CODE], "account_number": iban[_IBAN_ACCOUNT]}
    return {"bank_account_type": "checking", **values, "country": country}


@dataclass(frozen=True, slots=True)
class KeepBankAccount:
    """Put a bank account of a country into the account's vault."""

    country: str
    details: Values = field(repr=False)
    bank_id: str
    exempt: Callable[[str, str], bool]
    cause: str = "vault_bank_account.created"

    def apply(self, draft: Draft) -> None:
        """Raises Refusal if it can't be one of that country."""
        refuse_closed(draft)
        validate_vault_bank_account(self.country, self.details, self.exempt)
        values = vault_values(self.country, self.details)
        draft.add_vault_bank_account(self.bank_id, values, bank_fingerprint(draft, values))


@dataclass(frozen=True, slots=True)
class CompleteBankAccount:
    """Give a kept bank account of the United States the routing numbers that it lacks."""

    bank_id: str
    patch: Values = field(repr=False)
    exempt: Callable[[str, str], bool]
    cause: str = "vault_bank_account.updated"

    def apply(self, draft: Draft) -> None:
        """Raises Refusal for what is no routing number, and for another one where there is one already."""
        refuse_closed(draft)
        check_us_routing(self.patch, self.exempt)
        bank = draft.vault_bank_account(self.bank_id)
        given = {name: compact(value) for name, value in self.patch.items() if value is not None}
        for name, number in given.items():
            if bank.values.get(name, number) != number:
                message = "A routing number can be added where there is none, not changed."
                raise Refusal("parameter_invalid", message, param=name, type="invalid_request_error")
        values = {**bank.values, **given}
        if values != bank.values:
            draft.put_vault_bank_account(bank, values, bank_fingerprint(draft, values))


@dataclass(frozen=True, slots=True)
class ArchiveBankAccount:
    """Archive a kept bank account, or take it out of the archive; it may stand there already."""

    bank_id: str
    archived: bool

    @property
    def cause(self) -> str:
        """Of the audit trail."""
        return f"vault_bank_account.{'archived' if self.archived else 'unarchived'}"

    def apply(self, draft: Draft) -> None:
        """Raises Refusal for a closed account."""
        refuse_closed(draft)
        draft.batch.update(tables.VaultBankAccount, {"id": self.bank_id}, archived=self.archived)
