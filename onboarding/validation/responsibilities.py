"""Who is responsible for what: dashboard, fees, losses, and who collects requirements.

Accounts v2 contract, responsibilities: whoever takes payments or is sent transfers needs them; they can't be changed
afterwards; who collects requirements follows from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onboarding.domain.errors import Refusal
from onboarding.shape import applied_configurations, requested_capabilities
from onboarding.validation.objects import INVALID_REQUEST, at, object_at

_TRANSFERS = "recipient.stripe_balance.stripe_transfers"
# Who collects the fees when it is not the engine's operator. The last two are what v1 calls Custom and Express.
_APPLICATION_FEES = frozenset({"application", "application_custom", "application_express"})
_DASHBOARD_OF_FEES = {"application_custom": "none", "application_express": "express"}
_CONTROLS = {
    "dashboard": ("dashboard",),
    "defaults.responsibilities.fees_collector": ("defaults", "responsibilities", "fees_collector"),
    "defaults.responsibilities.losses_collector": ("defaults", "responsibilities", "losses_collector"),
}


def requirements_collector(values: Mapping[str, Any]) -> str:
    """Who collects requirements: ``application`` iff it bears the losses and there is no dashboard, else ``stripe``."""
    losses = at(values, "defaults", "responsibilities", "losses_collector")
    return "application" if losses == "application" and values.get("dashboard") == "none" else "stripe"


def needs_responsibilities(values: Mapping[str, Any]) -> bool:
    """Whether the account is a merchant or wants transfers."""
    return "merchant" in applied_configurations(values) or _TRANSFERS in requested_capabilities(values)


def check_responsibilities(
    patch: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any], *, on_behalf: bool
) -> None:
    """Check dashboard, responsibilities, and what depends on them.

    Args:
        patch: what the request says.
        before: the values before it.
        after: the values with it merged into them.
        on_behalf: whether the platform speaks; the account holder accepts terms for itself.

    Raises:
        Refusal: ``parameter_missing``; ``parameter_invalid`` for a change of what can't be changed;
            ``account_controller_stripe_pricing_platform_liable``;
            ``account_controller_express_dash_without_application_losses_or_fees``;
            ``account_controller_unsupported_configuration`` with ``invalid_permutation``;
            ``identity_country_required``; ``tos_acceptance_on_behalf_not_allowed``.
    """
    _refuse_change(before, after)
    if needs_responsibilities(after):
        _refuse_missing(after)
    _refuse_permutation(after)
    # A customer's capability is only stored, and a customer may be anywhere.
    decided = any(not name.startswith("customer.") for name in requested_capabilities(after))
    if decided and at(after, "identity", "country") is None:
        raise Refusal(
            "identity_country_required",
            "The account's country is needed before a capability can be requested.",
            param="identity.country",
        )
    if on_behalf:
        _refuse_terms(patch, before, after)


def _refuse_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Once they were needed and given, responsibilities stay as they are."""
    if not _were_needed(before):
        return
    for param, path in _CONTROLS.items():
        given = at(before, *path)
        if given is not None and at(after, *path) != given:
            raise Refusal(
                "parameter_invalid",
                "This can't be changed any more: the account has been given its responsibilities.",
                param=param,
                type=INVALID_REQUEST,
            )


def _were_needed(values: Mapping[str, Any]) -> bool:
    """Whether they were ever needed: switching a configuration off, or a request withdrawn, frees nobody."""
    recipient = object_at(values, "configuration", "recipient")
    asked = object_at(recipient, "capabilities", "stripe_balance")
    # A recipient that is switched off has forgotten what it had requested.
    return (
        at(values, "configuration", "merchant") is not None
        or "stripe_transfers" in asked
        or recipient.get("applied") is False
    )


def _refuse_missing(after: Mapping[str, Any]) -> None:
    for param, path in {**_CONTROLS, "contact_email": ("contact_email",)}.items():
        if not at(after, *path):
            raise Refusal(
                "parameter_missing",
                "This parameter is required for an account that takes payments or is sent transfers.",
                param=param,
                type=INVALID_REQUEST,
            )


def _refuse_permutation(after: Mapping[str, Any]) -> None:
    dashboard, fees, losses = (at(after, *path) for path in _CONTROLS.values())
    if fees is None or losses is None:
        return
    if losses == "application" and fees not in _APPLICATION_FEES:
        raise Refusal(
            "account_controller_stripe_pricing_platform_liable",
            "Who bears the losses must also collect the fees.",
            param="defaults.responsibilities.fees_collector",
        )
    if dashboard == "express" and (losses != "application" or fees not in _APPLICATION_FEES):
        raise Refusal(
            "account_controller_express_dash_without_application_losses_or_fees",
            "With an express dashboard the application must collect the fees and bear the losses.",
            param="dashboard",
        )
    if dashboard is not None and _DASHBOARD_OF_FEES.get(fees, dashboard) != dashboard:
        raise Refusal(
            "account_controller_unsupported_configuration",
            "This fees collector does not go with this dashboard.",
            param="defaults.responsibilities.fees_collector",
            extra={
                "invalid_permutation": {
                    "dashboard": dashboard,
                    "fees_collector": fees,
                    "losses_collector": losses,
                    "requirements_collector": requirements_collector(after),
                }
            },
        )


def _refuse_terms(patch: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """The platform may say that terms were accepted only if it collects the requirements.

    Until the responsibilities are known nobody can tell; so the question is asked again when they are.
    """
    path = ("identity", "attestations", "terms_of_service", "account")
    asked = at(patch, *path) or not _are_given(before)
    if asked and _are_given(after) and at(after, *path) and requirements_collector(after) == "stripe":
        raise Refusal(
            "tos_acceptance_on_behalf_not_allowed",
            "Terms can only be accepted on behalf of an account whose requirements the application collects.",
            param=".".join(path),
        )


def _are_given(values: Mapping[str, Any]) -> bool:
    return all(at(values, *path) is not None for path in _CONTROLS.values())
