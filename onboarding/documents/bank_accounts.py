"""The document of an external account: v1's ``bank_account``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def bank_account_document(
    *,
    id: str,  # noqa: A002 -- the wire's word
    account: str,
    values: Mapping[str, Any],
    last4: str,
    fingerprint: str,
    default_for_currency: bool,
    status: str = "new",
) -> dict[str, Any]:
    """The canonical document of a bank account that payouts go to.

    Args:
        id: ``ba_…``.
        account: id of the account it belongs to.
        values: ``country`` and ``currency``, and if known ``account_holder_name``, ``account_holder_type``,
            ``account_type``, ``bank_name``, ``routing_number`` and ``metadata``; an account number in it is not shown.
        last4: the last four characters of the account number.
        fingerprint: the same for the same bank account, and telling nothing about its number.
        default_for_currency: whether payouts in its currency go to it.
        status: ``new``, ``validated``, ``verified``, ``verification_failed``, ``tokenized_account_number_deactivated``
            or ``errored``.
    """
    return {
        "id": id,
        "object": "bank_account",
        "account": account,
        "account_holder_name": values.get("account_holder_name"),
        "account_holder_type": values.get("account_holder_type"),
        "account_type": values.get("account_type"),
        "available_payout_methods": ["standard"],
        "bank_name": values.get("bank_name"),
        "country": values["country"],
        "currency": values["currency"],
        "customer": None,
        "default_for_currency": default_for_currency,
        "fingerprint": fingerprint,
        "future_requirements": _no_requirements(),
        "last4": last4,
        "metadata": dict(values.get("metadata") or {}),
        "requirements": _no_requirements(),
        "routing_number": values.get("routing_number"),
        "status": status,
    }


def _no_requirements() -> dict[str, list[str]]:
    """Whatever is due about a bank account stands among the account's requirements."""
    return {"currently_due": [], "errors": [], "past_due": [], "pending_verification": []}
