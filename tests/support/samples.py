"""Requests that are right: accounts and persons of the United States, with the sandbox's published values.

They are ``Any``: the SDK's parameters are typed dicts, which no ordinary dict is to a type checker.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

ALL = [
    "configuration.customer",
    "configuration.merchant",
    "configuration.recipient",
    "defaults",
    "future_requirements",
    "identity",
    "requirements",
]
"""Every section that can be included."""

MARKER = "Zelmira Quastenberger"
"""A name that nothing but the answer to its own platform may ever hold."""

ACCEPTANCE = {"date": "2026-03-01T12:00:00Z", "ip": "203.0.113.7", "user_agent": "Mozilla/5.0"}
ADDRESS = {
    "line1": "address_full_match",
    "city": "San Francisco",
    "state": "CA",
    "postal_code": "94103",
    "country": "US",
}

BARE: Any = {"display_name": "Rosen Gardens", "contact_email": "jenny@rosen-gardens.com"}
"""An account that asks for nothing."""

CONTROLLED: Any = {
    **BARE,
    "dashboard": "none",
    "defaults": {"responsibilities": {"fees_collector": "application", "losses_collector": "application"}},
}
"""An account whose requirements the platform collects."""

RECIPIENT: Any = {
    **CONTROLLED,
    "configuration": {"recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": {"requested": True}}}}},
    "identity": {"country": "us", "entity_type": "individual"},
}
"""An individual who wants to be paid out, as far as a first form asks."""

RECIPIENT_DETAILS: Any = {
    "identity": {
        "attestations": {"terms_of_service": {"account": ACCEPTANCE}},
        "individual": {
            "given_name": "Jenny",
            "surname": "Rosen",
            "date_of_birth": {"day": 1, "month": 1, "year": 1902},
            "address": ADDRESS,
            "email": "jenny@rosen-gardens.com",
            "phone": "0000000000",
            "id_numbers": [{"type": "us_ssn", "value": "222222222"}],
        },
    },
}
"""What such an individual must still tell before transfers are active."""

COMPANY: Any = {
    **CONTROLLED,
    "configuration": {
        "merchant": {
            "capabilities": {"card_payments": {"requested": True}},
            "mcc": "5734",
            "statement_descriptor": {"descriptor": "ROSEN GARDENS"},
        }
    },
    "identity": {
        "country": "US",
        "entity_type": "company",
        "business_details": {
            "registered_name": "Rosen Gardens Inc",
            "address": ADDRESS,
            "phone": "0000000000",
            "id_numbers": [{"type": "us_ein", "value": "222222222"}],
        },
        "attestations": {
            "terms_of_service": {"account": ACCEPTANCE},
            "persons_provided": {"owners": True},
        },
    },
}
COMPANY["defaults"] = {**CONTROLLED["defaults"], "profile": {"business_url": "https://accessible.stripe.com"}}
"""A company that takes cards, complete but for its persons."""

REPRESENTATIVE: Any = {
    **RECIPIENT_DETAILS["identity"]["individual"],
    "relationship": {
        "representative": True,
        "owner": True,
        "executive": True,
        "percent_ownership": "60",
        "title": "CEO",
    },
}
"""The person that makes such a company complete."""

BANK_ACCOUNT: Any = {
    "object": "bank_account",
    "country": "US",
    "currency": "usd",
    "account_number": "000123456789",
    "routing_number": "110000000",
}


def patched(sample: Any, **changes: Any) -> Any:
    """A copy of a sample with other values at dotted paths, ``__`` for each dot."""
    copy = deepcopy(sample)
    for path, value in changes.items():
        *parents, name = path.split("__")
        node = copy
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = value
    return copy
