"""``configuration`` of an account's document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onboarding.documents.templates import ADDRESS, Each, Template, render, scalars

MERCHANT_CAPABILITIES: Template = {
    **scalars(
        "ach_debit_payments",
        "acss_debit_payments",
        "affirm_payments",
        "afterpay_clearpay_payments",
        "alma_payments",
        "amazon_pay_payments",
        "au_becs_debit_payments",
        "bacs_debit_payments",
        "bancontact_payments",
        "blik_payments",
        "blik_recurring_payments",
        "boleto_payments",
        "card_payments",
        "cartes_bancaires_payments",
        "cashapp_payments",
        "eps_payments",
        "fpx_payments",
        "gb_bank_transfer_payments",
        "grabpay_payments",
        "ideal_payments",
        "jcb_payments",
        "jp_bank_transfer_payments",
        "kakao_pay_payments",
        "klarna_payments",
        "konbini_payments",
        "kr_card_payments",
        "link_payments",
        "mobilepay_payments",
        "multibanco_payments",
        "mx_bank_transfer_payments",
        "naver_pay_payments",
        "oxxo_payments",
        "p24_payments",
        "pay_by_bank_payments",
        "payco_payments",
        "paynow_payments",
        "promptpay_payments",
        "revolut_pay_payments",
        "samsung_pay_payments",
        "satispay_payments",
        "sepa_bank_transfer_payments",
        "sepa_debit_payments",
        "sequra_payments",
        "sunbit_payments",
        "swish_payments",
        "twint_payments",
        "us_bank_transfer_payments",
        "zip_payments",
    ),
    "stripe_balance": scalars("payouts"),
}
RECIPIENT_CAPABILITIES: Template = {
    "bank_accounts": scalars("ach", "fedwire", "fps", "local", "rtp", "sepa", "swift"),
    "cards": None,
    "stripe_balance": scalars("payouts", "stripe_transfers"),
}
CUSTOMER_CAPABILITIES: Template = scalars("automatic_indirect_tax")

_STATEMENT_DESCRIPTOR: Template = scalars("descriptor", "prefix")
_SHIPPING_ADDRESS: Template = scalars("city", "country", "line1", "line2", "postal_code", "state")

_CUSTOMER: Template = {
    "automatic_indirect_tax": {
        "exempt": None,
        "ip_address": None,
        "location": scalars("country", "state"),
        "location_source": None,
    },
    "billing": {
        "default_payment_method": None,
        "invoice": {
            "custom_fields": Each(scalars("name", "value"), empty=True),
            "footer": None,
            "next_sequence": None,
            "prefix": None,
            "rendering": scalars("amount_tax_display", "template"),
        },
    },
    "shipping": {"address": _SHIPPING_ADDRESS, "name": None, "phone": None},
    "test_clock": None,
}
_MERCHANT: Template = {
    "bacs_debit_payments": scalars("display_name", "service_user_number"),
    "branding": scalars("icon", "logo", "primary_color", "secondary_color"),
    "card_payments": {"decline_on": scalars("avs_failure", "cvc_failure")},
    "konbini_payments": {
        "support": {"email": None, "hours": scalars("end_time", "start_time"), "phone": None},
    },
    "mcc": None,
    "script_statement_descriptor": {"kana": _STATEMENT_DESCRIPTOR, "kanji": _STATEMENT_DESCRIPTOR},
    "sepa_debit_payments": scalars("creditor_id"),
    "statement_descriptor": _STATEMENT_DESCRIPTOR,
    "support": {"address": ADDRESS, "email": None, "phone": None, "url": None},
}
_RECIPIENT: Template = {}

CONFIGURATIONS: tuple[tuple[str, Template, Template], ...] = (
    ("customer", _CUSTOMER, CUSTOMER_CAPABILITIES),
    ("merchant", _MERCHANT, MERCHANT_CAPABILITIES),
    ("recipient", _RECIPIENT, RECIPIENT_CAPABILITIES),
)


def configuration_section(
    values: Mapping[str, Any], capabilities: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any] | None]:
    """``configuration`` of an account, with all three configurations; null where the account doesn't have one.

    Args:
        values: the stored ``configuration`` of the account.
        capabilities: ``{"status", "status_details"}`` by dotted name, such as
            ``recipient.stripe_balance.stripe_transfers``; a capability that is not in it was never requested: null.

    Returns:
        Each configuration that exists has ``applied`` and, always, the object of its capabilities. A capability of
        the platform's own, which no SDK knows, stands beside the known ones.
    """
    section: dict[str, dict[str, Any] | None] = {}
    for name, template, known in CONFIGURATIONS:
        settings = values.get(name)
        if settings is None:
            section[name] = None
            continue
        section[name] = {
            "applied": settings.get("applied") is not False,
            "capabilities": _capabilities(known, _tree(name, capabilities)),
            **render(template, settings),
        }
    return section


def _tree(configuration: str, capabilities: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The configuration's capabilities, nested as their dotted names say."""
    tree: dict[str, Any] = {}
    for dotted, status in capabilities.items():
        owner, *groups, name = dotted.split(".")
        if owner != configuration:
            continue
        node = tree
        for group in groups:
            node = node.setdefault(group, {})
        node[name] = {
            "status": status["status"],
            "status_details": [dict(detail) for detail in status.get("status_details") or ()],
        }
    return tree


def _capabilities(known: Template, tree: Mapping[str, Any]) -> dict[str, Any]:
    document = render(known, tree)
    for name, node in tree.items():
        template = known.get(name)
        if name not in document:
            document[name] = node
        elif isinstance(template, Mapping):
            document[name] = _capabilities(template, node)
    return document
