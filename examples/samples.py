"""What several examples send: made-up companies and persons, with the sandbox's published values or with ordinary ones.

Examples that are about collecting spell everything out themselves.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from stripe.params.v2.core import AccountCreateParams
from stripe.params.v2.core.accounts import PersonCreateParams

# Every kind of parameters has an address type of its own with the same fields, so these are untyped.


def address() -> Any:
    """An address that the sandbox confirms at once."""
    return {
        "line1": "address_full_match",
        "city": "Albany",
        "state": "NY",
        "postal_code": "12207",
        "country": "US",
    }


def accepted_now() -> Any:
    """The terms of service as the platform's own form has just had them accepted; the IP is a documentation one."""
    # A minute ago: this machine's clock may be a little ahead of the engine's.
    return {
        "date": (datetime.now(UTC) - timedelta(minutes=1)).isoformat(timespec="milliseconds"),
        "ip": "203.0.113.7",
        "user_agent": "Mozilla/5.0",
    }


def company(name: str, descriptor: str, *, tax_id: str | None) -> AccountCreateParams:
    """A company that takes cards, complete but for its representative, its bank account, and maybe its tax ID."""
    params: AccountCreateParams = {
        "display_name": name,
        "contact_email": "office@quill-and-sons.com",
        "dashboard": "none",
        "identity": {
            "country": "US",
            "entity_type": "company",
            "business_details": {"registered_name": name, "phone": "0000000000", "address": address()},
            "attestations": {
                "persons_provided": {"owners": True},
                "terms_of_service": {"account": accepted_now()},
            },
        },
        "configuration": {
            "merchant": {
                "mcc": "5734",
                "statement_descriptor": {"descriptor": descriptor},
                "capabilities": {"card_payments": {"requested": True}},
            },
        },
        "defaults": {
            "profile": {"business_url": "https://accessible.stripe.com"},
            "responsibilities": {"fees_collector": "application", "losses_collector": "application"},
        },
        "include": ["configuration.merchant", "requirements"],
    }
    if tax_id is not None:
        params["identity"]["business_details"]["id_numbers"] = [{"type": "us_ein", "value": tax_id}]
    return params


def representative() -> PersonCreateParams:
    """The person who makes such a company complete; every check of hers passes at once."""
    return {
        "given_name": "Marit",
        "surname": "Quill",
        "email": "marit@quill-and-sons.com",
        "phone": "0000000000",
        "date_of_birth": {"day": 1, "month": 1, "year": 1902},
        "address": address(),
        "id_numbers": [{"type": "us_ssn_last_4", "value": "2222"}],
        "relationship": {
            "representative": True,
            "executive": True,
            "title": "CEO",
            "owner": True,
            "percent_ownership": Decimal(60),
        },
    }


def home() -> Any:
    """An ordinary address. A live key takes no test values: what is sent is what is verified."""
    return {
        "line1": "100 Example Street",
        "city": "Columbus",
        "state": "OH",
        "postal_code": "43004",
        "country": "US",
    }


def bank_account() -> Any:
    """An ordinary bank account; tokens such as ``btok_us`` are the sandbox's."""
    return {
        "object": "bank_account",
        "country": "US",
        "currency": "usd",
        "routing_number": "110000000",
        "account_number": "000123456789",
    }


def recipient(given_name: str, surname: str, born: date) -> AccountCreateParams:
    """A live individual who is paid out, complete but for the bank account."""
    email = f"{given_name}@{surname}.example".lower()
    return {
        "display_name": f"{given_name} {surname}",
        "contact_email": email,
        "dashboard": "none",
        "identity": {
            "country": "US",
            "entity_type": "individual",
            "individual": {
                "given_name": given_name,
                "surname": surname,
                "email": email,
                "phone": "+12125550123",
                "date_of_birth": {"day": born.day, "month": born.month, "year": born.year},
                "address": home(),
            },
            "attestations": {"terms_of_service": {"account": accepted_now()}},
        },
        "configuration": {
            "recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": {"requested": True}}}},
        },
        "defaults": {"responsibilities": {"fees_collector": "application", "losses_collector": "application"}},
        "include": ["configuration.recipient", "requirements"],
    }
