"""Dashboard and responsibilities: needed, permitted, immutable, and what follows from them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from onboarding.domain.errors import Refusal
from onboarding.validation import requirements_collector, validate_account
from onboarding.validation.objects import nothing_exempt
from onboarding.values import merge

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
TERMS = {
    "identity": {
        "attestations": {"terms_of_service": {"account": {"date": "2026-01-01T00:00:00.000Z", "ip": "192.0.2.1"}}}
    }
}
TRANSFERS = {"recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": {"requested": True}}}}}


def _validate(patch: dict[str, Any], before: dict[str, Any] | None = None, *, on_behalf: bool = True) -> None:
    before = before or {}
    validate_account(
        patch,
        before,
        merge(before, patch),
        livemode=False,
        creating=not before,
        was_active=False,
        as_of=AS_OF,
        exempt=nothing_exempt,
        on_behalf=on_behalf,
    )


def _refusal(patch: dict[str, Any], before: dict[str, Any] | None = None) -> Refusal:
    with pytest.raises(Refusal) as refused:
        _validate(patch, before)
    return refused.value


def _account(dashboard: str = "none", fees: str = "application", losses: str = "application") -> dict[str, Any]:
    return {
        "contact_email": "owner@furever.test",
        "dashboard": dashboard,
        "identity": {"country": "US"},
        "configuration": {"merchant": {}},
        "defaults": {"responsibilities": {"fees_collector": fees, "losses_collector": losses}},
    }


@pytest.mark.parametrize("configuration", [{"merchant": {}}, TRANSFERS])
@pytest.mark.parametrize(
    ("without", "param"),
    [
        ("dashboard", "dashboard"),
        ("defaults", "defaults.responsibilities.fees_collector"),
        ("contact_email", "contact_email"),
    ],
)
def test_who_takes_payments_or_transfers_needs_responsibilities(
    configuration: dict[str, Any], without: str, param: str
) -> None:
    patch = {key: part for key, part in _account().items() if key != without} | {"configuration": configuration}
    refusal = _refusal(patch)

    assert (refusal.code, refusal.param, refusal.type) == ("parameter_missing", param, "invalid_request_error")


@pytest.mark.parametrize(
    "configuration",
    [
        {},
        {"customer": {}},
        {"recipient": {}},
        {"recipient": {"capabilities": {"bank_accounts": {"local": {"requested": True}}}}},
    ],
)
def test_nobody_else_needs_them(configuration: dict[str, Any]) -> None:
    _validate({"identity": {"country": "US"}, "configuration": configuration})


@pytest.mark.parametrize(
    ("dashboard", "fees", "losses", "collector"),
    [
        ("none", "application", "application", "application"),
        ("none", "application_custom", "application", "application"),
        ("none", "stripe", "stripe", "stripe"),
        ("none", "application", "stripe", "stripe"),
        ("express", "application", "application", "stripe"),
        ("express", "application_express", "application", "stripe"),
        ("full", "stripe", "stripe", "stripe"),
        ("full", "application", "application", "stripe"),
    ],
)
def test_who_collects_requirements_follows(dashboard: str, fees: str, losses: str, collector: str) -> None:
    values = _account(dashboard, fees, losses)

    _validate(values)

    assert requirements_collector(values) == collector
    assert requirements_collector({}) == "stripe"


@pytest.mark.parametrize(
    ("dashboard", "fees", "losses", "code"),
    [
        ("none", "stripe", "application", "account_controller_stripe_pricing_platform_liable"),
        ("full", "stripe", "application", "account_controller_stripe_pricing_platform_liable"),
        ("express", "stripe", "stripe", "account_controller_express_dash_without_application_losses_or_fees"),
        ("express", "application", "stripe", "account_controller_express_dash_without_application_losses_or_fees"),
        ("full", "application_custom", "application", "account_controller_unsupported_configuration"),
        ("none", "application_express", "application", "account_controller_unsupported_configuration"),
    ],
)
def test_other_permutations_are_refused(dashboard: str, fees: str, losses: str, code: str) -> None:
    assert _refusal(_account(dashboard, fees, losses)).code == code


def test_an_unsupported_permutation_is_told() -> None:
    assert _refusal(_account("full", "application_custom")).extra == {
        "invalid_permutation": {
            "dashboard": "full",
            "fees_collector": "application_custom",
            "losses_collector": "application",
            "requirements_collector": "stripe",
        }
    }


@pytest.mark.parametrize(
    ("patch", "param"),
    [
        ({"dashboard": "full"}, "dashboard"),
        ({"dashboard": None}, "dashboard"),
        ({"defaults": None}, "defaults.responsibilities.fees_collector"),
        (
            {"defaults": {"responsibilities": {"fees_collector": "application", "losses_collector": "stripe"}}},
            "defaults.responsibilities.losses_collector",
        ),
    ],
)
def test_they_can_not_be_changed_afterwards(patch: dict[str, Any], param: str) -> None:
    refusal = _refusal(patch, _account())

    assert (refusal.code, refusal.param) == ("parameter_invalid", param)


def test_they_can_be_repeated_and_are_free_until_they_are_needed() -> None:
    _validate({"dashboard": "none"}, _account())
    _validate({"dashboard": "full"}, {"dashboard": "none"})


@pytest.mark.parametrize("name", ["merchant", "recipient"])
def test_switching_a_configuration_off_does_not_free_them(name: str) -> None:
    configuration = {"merchant": {}} if name == "merchant" else TRANSFERS
    before = merge({**_account(), "configuration": configuration}, {"configuration": {name: {"applied": False}}})

    assert _refusal({"dashboard": "full"}, before).param == "dashboard"


def test_withdrawing_a_request_does_not_free_them() -> None:
    withdrawn = {"recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": {"requested": False}}}}}
    before = {**_account(), "configuration": withdrawn}

    assert _refusal({"dashboard": "full"}, before).param == "dashboard"


def test_an_email_address_that_is_needed_can_not_be_unset() -> None:
    assert _refusal({"contact_email": None}, _account()).param == "contact_email"


def test_a_capability_needs_the_account_s_country() -> None:
    patch = {**_account(), "configuration": TRANSFERS, "identity": {}}
    refusal = _refusal(patch)

    assert (refusal.code, refusal.param) == ("identity_country_required", "identity.country")
    _validate({"configuration": {"customer": {"capabilities": {"automatic_indirect_tax": {"requested": True}}}}})


def test_terms_are_accepted_on_behalf_only_where_the_application_collects() -> None:
    _validate(TERMS, _account("none"))
    refusal = _refusal(TERMS, _account("express"))

    assert refusal.code == "tos_acceptance_on_behalf_not_allowed"
    assert refusal.param == "identity.attestations.terms_of_service.account"
    _validate(TERMS, _account("express"), on_behalf=False)


def test_terms_that_came_first_are_looked_at_again_with_the_responsibilities() -> None:
    _validate(TERMS)

    assert _refusal(_account("express"), TERMS).code == "tos_acceptance_on_behalf_not_allowed"
    _validate(_account("none"), TERMS)


def test_terms_the_holder_accepted_do_not_get_in_the_way_of_later_requests() -> None:
    before = merge(_account("express"), TERMS)

    _validate({"dashboard": "express", "display_name": "Furever"}, before)
