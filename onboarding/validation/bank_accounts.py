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
_GB_IBAN = re.compile(r"GB[0-9]{2}[A-Z]{4}[0-9]{14}")
# ISO 13616 registry: its first two letters are the country's, two check digits follow.
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]+")

DEFAULT_CURRENCIES: dict[str, str] = {
    "AU": "aud",
    "CA": "cad",
    "CH": "chf",
    "CZ": "czk",
    "DK": "dkk",
    "GB": "gbp",
    "HU": "huf",
    "IS": "isk",
    "JP": "jpy",
    "LI": "chf",
    "NO": "nok",
    "PL": "pln",
    "RO": "ron",
    "SE": "sek",
    "US": "usd",
    **dict.fromkeys(words("AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK"), "eur"),
}
"""Currency of a bank account whose request doesn't say it, by country."""


def validate_bank_account(params: Mapping[str, Any], exempt: Exempt) -> None:
    """Refuse an external account whose numbers can't be those of a bank account.

    Args:
        params: the parsed request: ``external_account`` is a token's id or a bank account's details. Whether a token
            exists is for the caller to know.
        exempt: see the package; kinds ``account_number`` and ``routing_number``.

    Raises:
        Refusal: ``parameter_invalid`` for a token of another sort; else as ``validate_bank_details``.
    """
    details = params["external_account"]
    if not isinstance(details, str):
        validate_bank_details(details, exempt, "external_account")
    elif _TOKEN.fullmatch(details) is None:
        raise Refusal(
            "parameter_invalid",
            "Must be the id of a bank account token, or a bank account.",
            param="external_account",
            type=INVALID_REQUEST,
        )


def validate_bank_details(details: Mapping[str, Any], exempt: Exempt, param: str = "") -> None:
    """Refuse numbers that can't be those of a bank account.

    Args:
        details: ``{account_number, country, currency, routing_number, ...}``.
        exempt: see the package; kinds ``account_number`` and ``routing_number``.
        param: path of the details; empty where they are the request.

    Raises:
        Refusal: ``parameter_missing`` for a currency that can't be guessed; ``routing_number_invalid`` and
            ``account_number_invalid`` (v1's codes); ``bgn_bank_accounts_unsupported``.
    """
    prefix = f"{param}." if param else ""
    _check_currency(details, prefix)
    account, routing = (compact(details.get(name)) for name in ("account_number", "routing_number"))
    if not exempt("routing_number", routing) and not _is_routing(routing, account, details["country"]):
        raise _bad_routing(f"{prefix}routing_number")
    is_account = exempt("account_number", account) or _is_account(account, details["country"])
    _refuse_account(is_account, f"{prefix}account_number")


def validate_vault_bank_account(country: str, details: Mapping[str, Any], exempt: Exempt) -> None:
    """Refuse a bank account for the vault whose numbers can't be those of one in its country.

    Args:
        country: ``US`` or ``GB``.
        details: US: ``{account_number, currency, routing_number, fedwire_routing_number}``; either routing number may
            come later. GB: ``{currency, iban}`` or ``{account_number, currency, sort_code}``.
        exempt: see the package; kinds ``account_number`` and ``routing_number``.

    Raises:
        Refusal: ``parameter_missing``, ``parameter_invalid``, ``routing_number_invalid`` or ``account_number_invalid``.
    """
    if details["currency"] != DEFAULT_CURRENCIES[country]:
        raise Refusal(
            "parameter_invalid",
            f"A bank account of this sort is in {DEFAULT_CURRENCIES[country]}.",
            param="currency",
            type=INVALID_REQUEST,
        )
    if country == "US":
        check_us_routing(details, exempt)
        _refuse_account(_US_ACCOUNT.fullmatch(compact(details["account_number"])) is not None, "account_number")
        return
    if details.get("iban") is not None:
        if details.get("account_number") is not None or details.get("sort_code") is not None:
            message = "Send either the IBAN or the account number with its sort code."
            raise Refusal("parameter_invalid", message, param="iban", type=INVALID_REQUEST)
        number = compact(details["iban"])
        _refuse_account(_GB_IBAN.fullmatch(number) is not None and bool(iban.is_valid(number)), "iban")
        return
    for name in ("account_number", "sort_code"):
        if details.get(name) is None:
            message = "The account number and the sort code are required where no IBAN is sent."
            raise Refusal("parameter_missing", message, param=name, type=INVALID_REQUEST)
    if _SORT_CODE.fullmatch(compact(details["sort_code"])) is None:
        raise _bad_routing("sort_code")
    _refuse_account(_GB_ACCOUNT.fullmatch(compact(details["account_number"])) is not None, "account_number")


def check_us_routing(details: Mapping[str, Any], exempt: Exempt) -> None:
    """Refuse routing numbers that are none of the United States, where they are given.

    Raises:
        Refusal: ``routing_number_invalid``.
    """
    for name in ("routing_number", "fedwire_routing_number"):
        routing = compact(details.get(name))
        if routing and not exempt("routing_number", routing) and not rtn.is_valid(routing):
            raise _bad_routing(name)


def _refuse_account(is_one: bool, param: str) -> None:  # noqa: FBT001 -- reads as a question
    if not is_one:
        raise Refusal(
            "account_number_invalid",
            "The account number has not the form of one in the bank account's country.",
            param=param,
            type=INVALID_REQUEST,
        )


def _bad_routing(param: str) -> Refusal:
    return Refusal(
        "routing_number_invalid",
        "The routing number has not the form of one in the bank account's country.",
        param=param,
        type=INVALID_REQUEST,
    )


def _check_currency(details: Mapping[str, Any], prefix: str) -> None:
    currency = details.get("currency") or DEFAULT_CURRENCIES.get(details["country"])
    if currency is None:
        raise Refusal(
            "parameter_missing",
            "The currency is required for a bank account in this country.",
            param=f"{prefix}currency",
            type=INVALID_REQUEST,
        )
    if currency == "bgn":
        # Bulgaria has had the euro since 1 January 2026.
        raise Refusal(
            "bgn_bank_accounts_unsupported",
            "Bank accounts in Bulgarian lev are not supported.",
            param=f"{prefix}currency",
        )


def compact(text: str | None) -> str:
    """A number of a bank or of a bank account without what people write between its characters."""
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
