"""Validation of a request about an account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from onboarding.domain.errors import Refusal
from onboarding.shape import applied_configurations
from onboarding.validation.addresses import check_additional_addresses, check_address, check_script_addresses
from onboarding.validation.configurations import check_customer, check_merchant
from onboarding.validation.contacts import (
    check_acceptance,
    check_email,
    check_phone,
    check_recipient_email,
    check_url,
)
from onboarding.validation.dates import check_registration_date
from onboarding.validation.files import check_documents
from onboarding.validation.id_numbers import check_business_numbers
from onboarding.validation.metadata import check_metadata
from onboarding.validation.objects import Exempt, at, nothing_exempt, object_at
from onboarding.validation.responsibilities import check_responsibilities
from onboarding.validation.scripts import check_scripts, check_text
from onboarding.validation.structures import check_structure

_STRUCTURE = ("identity", "business_details", "structure")
_DECLARATIONS = ("directorship_declaration", "ownership_declaration", "representative_declaration")
NOT_AT_CREATION = ("directorship_declaration", "ownership_declaration")
"""What can be declared only once the account exists."""


def validate_account(  # noqa: PLR0913 -- the values before and after, and what is known about the moment
    patch: Mapping[str, Any],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    livemode: bool,
    creating: bool,
    was_active: bool,
    as_of: datetime,
    exempt: Exempt,
    on_behalf: bool = True,
) -> None:
    """Refuse what a request says about an account if its form is not acceptable.

    Args:
        patch: what the request says, without ``identity.individual`` (see ``onboarding.values.split_individual``).
        before: the account's values before it; empty for a new account.
        after: its values with the patch merged into them.
        livemode: whether it is live data: then nothing is exempt.
        creating: whether the request creates the account.
        was_active: whether any of its capabilities has ever been active.
        as_of: now, aware.
        exempt: see the package.
        on_behalf: whether the platform speaks for the account holder; False for pages that the holder fills in.

    Raises:
        Refusal: one of the contract's codes.
    """
    allowed = nothing_exempt if livemode else exempt
    _refuse_immutable(before, after, was_active=was_active)
    check_structure(patch, after)
    check_email(patch.get("contact_email"), "contact_email")
    if "recipient" in applied_configurations(after) and (patch.get("contact_email") or at(patch, "configuration")):
        check_recipient_email(after.get("contact_email"), "contact_email")
    check_phone(patch.get("contact_phone"), "contact_phone", at(after, "identity", "country"), allowed)
    check_text(patch.get("display_name"), "display_name")
    _check_business(patch, after, as_of, allowed)
    _check_attestations(object_at(patch, "identity", "attestations"), as_of, creating=creating)
    _check_applied(patch, before, after)
    check_merchant(patch, after, allowed)
    check_customer(patch, before, after, allowed)
    check_url(at(patch, "defaults", "profile", "business_url"), "defaults.profile.business_url", allowed)
    check_metadata(patch, after)
    check_responsibilities(patch, before, after, on_behalf=on_behalf)


def _refuse_immutable(before: Mapping[str, Any], after: Mapping[str, Any], *, was_active: bool) -> None:
    """A country stays once it is set; entity type and structure stay once a capability was active."""
    currency = at(before, "defaults", "currency")
    if currency is not None and at(after, "defaults", "currency") != currency:
        raise Refusal(
            "default_currency_immutable",
            "The default currency stays what it was first set to.",
            param="defaults.currency",
        )
    fixed: list[tuple[str, ...]] = [("identity", "country")]
    if was_active:
        fixed += [("identity", "entity_type"), _STRUCTURE]
    for path in fixed:
        was = at(before, *path)
        if was is not None and at(after, *path) != was:
            raise Refusal(
                "immutable_identity_param",
                "A country stays once it is set, entity type and structure once a capability was active: make another"
                " account.",
                param=".".join(path),
            )


def _check_business(patch: Mapping[str, Any], after: Mapping[str, Any], as_of: datetime, exempt: Exempt) -> None:
    said = object_at(patch, "identity", "business_details")
    kept = object_at(after, "identity", "business_details")
    country = at(after, "identity", "country")
    path = "identity.business_details"
    check_text(said.get("registered_name"), f"{path}.registered_name")
    check_scripts(said.get("script_names"), f"{path}.script_names")
    check_phone(said.get("phone"), f"{path}.phone", country or at(kept, "address", "country"), exempt)
    check_address(said.get("address"), object_at(kept, "address"), f"{path}.address", exempt)
    _refuse_other_country(patch, after)
    check_additional_addresses(
        said.get("additional_addresses"), f"{path}.additional_addresses", exempt, country_required=False
    )
    check_script_addresses(
        said.get("script_addresses"),
        object_at(kept, "script_addresses"),
        country,
        at(kept, "address", "country"),
        f"{path}.script_addresses",
    )
    check_registration_date(said.get("registration_date"), f"{path}.registration_date", as_of)
    check_documents(said.get("documents"), object_at(kept, "documents"), f"{path}.documents", exempt)
    check_business_numbers(patch, after, exempt)


def _refuse_other_country(patch: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """The registered address is in the country in which the business is."""
    country = at(after, "identity", "country")
    address_country = at(after, "identity", "business_details", "address", "country")
    touched = at(patch, "identity", "business_details", "address") or at(patch, "identity", "country")
    if touched and None not in {country, address_country} and country != address_country:
        raise Refusal(
            "address_country_identity_country_mismatch",
            "The business's address is not in the account's country.",
            param="identity.business_details.address.country",
        )


def _check_attestations(attestations: Mapping[str, Any], as_of: datetime, *, creating: bool) -> None:
    path = "identity.attestations"
    for name in NOT_AT_CREATION:
        if creating and attestations.get(name):
            raise Refusal(
                f"{name}_not_allowed_during_account_creation",
                "This can be declared once the account exists.",
                param=f"{path}.{name}",
            )
    for name in _DECLARATIONS:
        check_acceptance(attestations.get(name), f"{path}.{name}", as_of)
    for name, acceptance in object_at(attestations, "terms_of_service").items():
        check_acceptance(acceptance, f"{path}.terms_of_service.{name}", as_of)


def _check_applied(patch: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """A configuration begins switched on; one that is switched off is changed by switching it on, not before."""
    for name, said in object_at(patch, "configuration").items():
        if said.get("applied") is False and at(before, "configuration", name) is None:
            raise Refusal(
                "configuration_creation_invalid",
                "The account has no such configuration yet, so there is nothing to switch off.",
                param=f"configuration.{name}.applied",
            )
        path = ("configuration", name, "applied")
        if at(before, *path) is False and at(after, *path) is False and set(said) - {"applied"}:
            raise Refusal(
                "configuration_cannot_be_updated_while_deactivated",
                "The configuration must be applied before it can be changed.",
                param=f"configuration.{name}",
            )
