"""Validation of a request for an external account."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stdnum import iban
from stdnum.us import rtn

from onboarding.domain.errors import Refusal
from onboarding.validation.objects import INVALID_REQUEST, Exempt, words

_TOKEN = re.compile(r"btok_[A-Za-z0-9_]{1,250}")
_US_ACCOUNT = re.compile(r"[0-9]{4,17}")
_GB_ACCOUNT = re.compile(r"[0-9]{8}")
_SORT_CODE = re.compile(r"[0-9]{6}")
_ANY_ACCOUNT = re.compile(r"[A-Z0-9]{1,34}")
_ANY_ROUTING = re.compile(r"[A-Z0-9]{1,34}")
# ISO 13616 registry: its first two letters are the country's, two check digits follow.
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]+")

DEFAULT_CURRENCIES: dict[str, str] = {
    "AU": "aud",
    "CA": "cad",
    "CH": "chf",
    "GB": "gbp",
    "JP": "jpy",
    "US": "usd",
    **dict.fromkeys(words("AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK"), "eur"),
}
"""Currency of a bank account whose request doesn't say it, by country."""


def validate_bank_account(params: Mapping[str, Any], exempt: Exempt) -> None:
    """Refuse an external account whose numbers can't be those of a bank account.

    Args:
        params: the parsed request: ``external_account`` is a token's id or ``{account_number, country, currency,
            routing_number, ...}``. Whether a token exists is for the caller to know.
        exempt: see the package; kinds ``account_number`` and ``routing_number``.

    Raises:
        Refusal: ``parameter_invalid`` for a token of another sort, ``parameter_missing`` for a currency that can't be
            guessed; ``routing_number_invalid`` and ``account_number_invalid`` (v1's codes);
            ``bgn_bank_accounts_unsupported``.
    """
    details = params["external_account"]
    if isinstance(details, str):
        if _TOKEN.fullmatch(details) is None:
            raise Refusal(
                "parameter_invalid",
                "Must be the id of a bank account token, or a bank account.",
                param="external_account",
                type=INVALID_REQUEST,
            )
        return
    _check_currency(details)
    account, routing = (_compact(details.get(name)) for name in ("account_number", "routing_number"))
    if not exempt("routing_number", routing) and not _is_routing(routing, account, details["country"]):
        raise Refusal(
            "routing_number_invalid",
            "The routing number has not the form of one in the bank account's country.",
            param="external_account.routing_number",
            type=INVALID_REQUEST,
        )
    if not exempt("account_number", account) and not _is_account(account, details["country"]):
        raise Refusal(
            "account_number_invalid",
            "The account number has not the form of one in the bank account's country.",
            param="external_account.account_number",
            type=INVALID_REQUEST,
        )


def _check_currency(details: Mapping[str, Any]) -> None:
    currency = details.get("currency") or DEFAULT_CURRENCIES.get(details["country"])
    if currency is None:
        raise Refusal(
            "parameter_missing",
            "The currency is required for a bank account in this country.",
            param="external_account.currency",
            type=INVALID_REQUEST,
        )
    if currency == "bgn":
        # Bulgaria has had the euro since 1 January 2026.
        raise Refusal(
            "bgn_bank_accounts_unsupported",
            "Bank accounts in Bulgarian lev are not supported.",
            param="external_account.currency",
        )


def _compact(text: str | None) -> str:
    return re.sub(r"[\s-]", "", text or "").upper()


def _is_routing(routing: str, account: str, country: str) -> bool:
    if country == "US":
        return bool(rtn.is_valid(routing))
    if country == "GB" and _IBAN.fullmatch(account) is None:
        return _SORT_CODE.fullmatch(routing) is not None
    # An IBAN holds the bank's number.
    return not routing or _ANY_ROUTING.fullmatch(routing) is not None


def _is_account(account: str, country: str) -> bool:
    if country == "US":
        return _US_ACCOUNT.fullmatch(account) is not None
    if _IBAN.fullmatch(account) is not None:
        return bool(iban.is_valid(account))
    if country == "GB":
        return _GB_ACCOUNT.fullmatch(account) is not None
    return _ANY_ACCOUNT.fullmatch(account) is not None
