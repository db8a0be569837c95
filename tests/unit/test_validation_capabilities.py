"""Capabilities that need others: asked for together, and given up in the right order."""

from __future__ import annotations

from typing import Any

import pytest

from onboarding.domain.errors import Refusal
from onboarding.validation import check_required_capabilities
from onboarding.values import merge

REQUIRED = {"merchant.instant": ("merchant.card_payments", "recipient.stripe_balance.stripe_transfers")}
TRANSFERS = {"recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": {"requested": True}}}}}
BOTH = {
    "merchant": {"capabilities": {"instant": {"requested": True}, "card_payments": {"requested": True}}},
    **TRANSFERS,
}
WITHDRAWN = {"merchant": {"capabilities": {"card_payments": {"requested": False}}}}


def _check(before: dict[str, Any], patch: dict[str, Any]) -> None:
    was = {"configuration": before}
    check_required_capabilities(was, merge(was, {"configuration": patch}), REQUIRED)


@pytest.mark.parametrize(
    ("before", "patch", "code", "param"),
    [
        (
            {},
            {"merchant": BOTH["merchant"]},
            "capability_not_available_without_other_capability",
            "configuration.merchant.capabilities.instant",
        ),
        (
            BOTH,
            WITHDRAWN,
            "capability_cannot_be_unrequested_due_to_other_capability_requirement",
            "configuration.merchant.capabilities.card_payments",
        ),
        (
            BOTH,
            {"recipient": {"applied": False}},
            "configuration_cannot_be_deactivated_due_to_other_capability_requirement",
            "configuration.recipient.applied",
        ),
    ],
)
def test_what_would_leave_a_capability_alone_is_refused(
    before: dict[str, Any], patch: dict[str, Any], code: str, param: str
) -> None:
    with pytest.raises(Refusal) as refused:
        _check(before, patch)

    assert (refused.value.code, refused.value.param) == (code, param)


@pytest.mark.parametrize(
    ("before", "patch"),
    [
        ({}, BOTH),
        (BOTH, {"merchant": {"applied": False}}),
        (BOTH, {"merchant": {"capabilities": {"instant": {"requested": False}}}, "recipient": {"applied": False}}),
        # Its policy came to need it later.
        ({"merchant": BOTH["merchant"]}, {"merchant": {"mcc": "5734"}}),
    ],
)
def test_what_goes_together_is_accepted(before: dict[str, Any], patch: dict[str, Any]) -> None:
    _check(before, patch)
