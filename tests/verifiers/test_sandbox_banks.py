"""The sandbox's bank account tokens: each country of the catalogue has one, and its numbers are right by any rule."""

from __future__ import annotations

import pytest

from onboarding.catalogue import builtin_policy
from onboarding.domain.conditions import AllOf, Among, Not
from onboarding.domain.policy import Capability
from onboarding.validation import DEFAULT_CURRENCIES, validate_bank_account
from onboarding.validation.objects import nothing_exempt
from onboarding.verifiers.sandbox import BANK_TOKENS


def test_every_country_of_the_catalogue_has_a_token() -> None:
    known = {token.removeprefix("btok_").upper() for token in BANK_TOKENS if token.count("_") == 1}

    assert len(known) > 30
    assert known == _countries(builtin_policy().capabilities["merchant.card_payments"])


def _countries(capability: Capability) -> set[str]:
    """Where it is to be had: all but where it is said to be unsupported."""
    first = capability.unsupported[0].when
    assert isinstance(first, AllOf)
    [elsewhere] = [part.condition for part in first.conditions if isinstance(part, Not)]
    assert isinstance(elsewhere, Among)
    return set(elsewhere.values)


@pytest.mark.parametrize("token", sorted(BANK_TOKENS))
def test_its_numbers_are_valid_as_anybody_s(token: str) -> None:
    details = BANK_TOKENS[token]

    validate_bank_account({"external_account": details}, nothing_exempt)
    assert details["currency"] == DEFAULT_CURRENCIES[details["country"]]


def test_tokens_are_named_by_country_and_currency() -> None:
    assert BANK_TOKENS["btok_gb"] == BANK_TOKENS["btok_gb_gbp"]
    assert BANK_TOKENS["btok_us_verified"] == BANK_TOKENS["btok_us"] == BANK_TOKENS["btok_us_usd"]
    assert {token for token in BANK_TOKENS if token.startswith("btok_us_verified_")} == {
        f"btok_us_verified_{debit}"
        for debit in ("noAccount", "accountClosed", "insufficientFunds", "debitNotAuthorized", "invalidCurrency")
    }
