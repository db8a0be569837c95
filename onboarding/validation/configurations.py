"""Validation of what a request says about an account's configurations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from onboarding.domain.errors import Refusal
from onboarding.validation.addresses import check_address
from onboarding.validation.contacts import check_email, check_ip, check_phone, check_url
from onboarding.validation.descriptors import check_mcc, check_script_statement_descriptor, check_statement_descriptor
from onboarding.validation.files import check_file
from onboarding.validation.objects import Exempt, at, object_at

_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def check_merchant(patch: Mapping[str, Any], after: Mapping[str, Any], exempt: Exempt) -> None:
    """Check what a request says about the merchant; its arguments are those of ``validate_account``.

    Raises:
        Refusal: one of the contract's codes.
    """
    said = object_at(patch, "configuration", "merchant")
    path = "configuration.merchant"
    country = at(after, "identity", "country")
    check_mcc(said.get("mcc"), f"{path}.mcc")
    check_statement_descriptor(said.get("statement_descriptor"), f"{path}.statement_descriptor")
    check_script_statement_descriptor(said.get("script_statement_descriptor"), f"{path}.script_statement_descriptor")
    for name in ("icon", "logo"):
        check_file(at(said, "branding", name), f"{path}.branding.{name}", exempt)
    support = object_at(said, "support")
    check_email(support.get("email"), f"{path}.support.email")
    check_phone(support.get("phone"), f"{path}.support.phone", country, exempt)
    check_url(support.get("url"), f"{path}.support.url", exempt)
    check_address(
        support.get("address"),
        object_at(after, "configuration", "merchant", "support", "address"),
        f"{path}.support.address",
        exempt,
    )
    konbini = object_at(said, "konbini_payments", "support")
    check_email(konbini.get("email"), f"{path}.konbini_payments.support.email")
    _check_konbini(konbini, object_at(after, "configuration", "merchant", "konbini_payments", "support"), exempt)


def _check_konbini(said: Mapping[str, Any], after: Mapping[str, Any], exempt: Exempt) -> None:
    path = "configuration.merchant.konbini_payments.support"
    try:
        # A phone number for konbini payments is a Japanese one, wherever the merchant is.
        check_phone(said.get("phone"), f"{path}.phone", "JP", exempt)
    except Refusal as refusal:
        raise Refusal("invalid_konbini_payments_support_phone_number", refusal.message, param=refusal.param) from None
    hours = object_at(said, "hours")
    for name in ("start_time", "end_time"):
        if hours.get(name) is not None and _TIME_OF_DAY.fullmatch(hours[name]) is None:
            raise Refusal(
                "invalid_konbini_payments_support_hours",
                "Must be a time of day in Japan, like 09:00.",
                param=f"{path}.hours.{name}",
            )
    begins, ends = (at(after, "hours", name) for name in ("start_time", "end_time"))
    if hours and begins is not None and ends is not None and begins >= ends:
        raise Refusal(
            "invalid_konbini_payments_support_hours",
            "Support must end later than it begins.",
            param=f"{path}.hours.end_time",
        )


def check_customer(
    patch: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any], exempt: Exempt
) -> None:
    """Check what a request says about the customer; its arguments are those of ``validate_account``.

    Raises:
        Refusal: one of the contract's codes.
    """
    said = object_at(patch, "configuration", "customer")
    path = "configuration.customer"
    kept = object_at(after, "configuration", "customer", "shipping", "address")
    check_ip(at(said, "automatic_indirect_tax", "ip_address"), f"{path}.automatic_indirect_tax.ip_address")
    check_address(at(said, "shipping", "address"), kept, f"{path}.shipping.address", exempt, country_required=False)
    check_phone(at(said, "shipping", "phone"), f"{path}.shipping.phone", kept.get("country"), exempt)
    shipping = object_at(after, "configuration", "customer", "shipping")
    if object_at(said, "shipping") and shipping:
        for name, code in (("address", "shipping_address_required"), ("name", "shipping_name_required")):
            if not shipping.get(name):
                raise Refusal(code, "Shipping needs a name and an address.", param=f"{path}.shipping.{name}")
    if at(said, "automatic_indirect_tax", "validate_location") and at(before, "configuration", "customer") is None:
        raise Refusal(
            "cannot_use_validate_location_on_customer_create",
            "A location can be validated once the account is a customer.",
            param=f"{path}.automatic_indirect_tax.validate_location",
        )
