"""Which external accounts are refused for their numbers."""

from __future__ import annotations

from typing import Any

import pytest

from onboarding.domain.errors import Refusal
from onboarding.validation import validate_bank_account
from onboarding.validation.objects import nothing_exempt

US = {"country": "US", "currency": "usd", "routing_number": "110000000", "account_number": "000123456789"}
GB = {"country": "GB", "routing_number": "10-88-00", "account_number": "00012345"}
DE = {"country": "DE", "account_number": "DE89 3704 0044 0532 0130 00"}


@pytest.mark.parametrize(
    "external_account",
    [US, GB, DE, {**GB, "routing_number": None, "account_number": "GB82WEST12345698765432"}, "btok_us"],
)
def test_a_well_formed_bank_account_is_accepted(external_account: Any) -> None:
    validate_bank_account({"external_account": external_account}, nothing_exempt)


@pytest.mark.parametrize(
    ("external_account", "code", "param"),
    [
        ({**US, "routing_number": "110000001"}, "routing_number_invalid", "external_account.routing_number"),
        ({**US, "routing_number": None}, "routing_number_invalid", "external_account.routing_number"),
        ({**US, "account_number": "123"}, "account_number_invalid", "external_account.account_number"),
        ({**US, "account_number": "١٢٣٤٥٦"}, "account_number_invalid", "external_account.account_number"),
        ({**GB, "routing_number": "1088"}, "routing_number_invalid", "external_account.routing_number"),
        ({**GB, "account_number": "12345"}, "account_number_invalid", "external_account.account_number"),
        (
            {**DE, "account_number": "DE89370400440532013001"},
            "account_number_invalid",
            "external_account.account_number",
        ),
        ({**DE, "country": "ZA", "account_number": "1"}, "parameter_missing", "external_account.currency"),
        ({**DE, "currency": "bgn"}, "bgn_bank_accounts_unsupported", "external_account.currency"),
        ("tok_visa", "parameter_invalid", "external_account"),
    ],
)
def test_a_malformed_one_is_refused(external_account: Any, code: str, param: str) -> None:
    with pytest.raises(Refusal) as refused:
        validate_bank_account({"external_account": external_account}, nothing_exempt)

    assert (refused.value.code, refused.value.param) == (code, param)


def test_the_sandbox_s_numbers_pass() -> None:
    exempt = {("routing_number", "110000001"), ("account_number", "000")}
    external_account = {**US, "routing_number": "110000001", "account_number": "000"}

    validate_bank_account({"external_account": external_account}, lambda kind, value: (kind, value) in exempt)
