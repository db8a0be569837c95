"""A company that is asked step by step.

The account begins as a wish: a country, an entity type and a capability. From then on the platform knows nothing of
rules. It reads ``requirements.entries``, asks its user for what they name, and sends that, until nothing is past due.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from stripe import StripeClient
from stripe.v2.core import Account

from examples import reading
from examples.example import Differs, Expected, Show
from examples.samples import accepted_now, address

SUMMARY = "requirements say what to send next: business, persons, bank"
LIVE = False

EXPECTED = Expected(
    capabilities={"merchant.card_payments": "active", "merchant.stripe_balance.payouts": "active"},
    # The second owner's details would be due with volume; until then they hold back nothing.
    requirements={
        "date_of_birth.day": "eventually_due",
        "date_of_birth.month": "eventually_due",
        "date_of_birth.year": "eventually_due",
        "address.line1": "eventually_due",
        "address.city": "eventually_due",
        "address.state": "eventually_due",
        "address.postal_code": "eventually_due",
        "phone": "eventually_due",
        "id_numbers.us_ssn_last_4": "eventually_due",
    },
    checks={
        "tax_id_match": ("passed",),
        "business_address_match": ("passed",),
        "keyed_identity": ("passed",),
        "address_match": ("passed",),
        "id_number_match": ("passed",),
        "screening": ("passed", "passed"),
        "website_review": ("passed",),
        "descriptor_review": ("passed",),
        "name_review": ("passed",),
        "bank_account_match": ("passed",),
    },
)


def onboard(client: StripeClient, show: Show) -> None:
    """Create the company with next to nothing, then send what is asked for."""
    account = client.v2.core.accounts.create(
        {
            "display_name": "Harbour Clockworks",
            "contact_email": "office@harbour-clockworks.com",
            "dashboard": "none",
            "identity": {"country": "US", "entity_type": "company"},
            "configuration": {"merchant": {"capabilities": {"card_payments": {"requested": True}}}},
            "defaults": {"responsibilities": {"fees_collector": "application", "losses_collector": "application"}},
        }
    )

    # What to send, by what the entries ask for. Persons are roles until somebody has them.
    steps: dict[str, Callable[[StripeClient, str], None]] = {
        "identity.business_details": send_business,
        "representative": send_persons,
        "external_account": send_bank_account,
    }
    for asked, send in steps.items():
        account = read(client, account.id)
        show.step(f"asked for {asked}", account)
        show.must(f"the entries ask for {asked}", be=reading.is_owed(account, asked))
        send(client, account.id)

    account = read(client, account.id)
    if left := [name for name, due in reading.owed(account).items() if due == "past_due"]:
        raise Differs(f"after all three steps still past due: {', '.join(left)}")
    show.step("nothing is past due; one check still runs", account)


def read(client: StripeClient, account_id: str) -> Account:
    """The account with what it may do and what it owes."""
    return client.v2.core.accounts.retrieve(account_id, {"include": ["configuration.merchant", "requirements"]})


def send_business(client: StripeClient, account_id: str) -> None:
    """First step: what the business is, what it sells, and that it accepts the terms."""
    client.v2.core.accounts.update(
        account_id,
        {
            "identity": {
                "business_details": {
                    "registered_name": "Harbour Clockworks Inc",
                    "phone": "0000000000",
                    "address": address(),
                    # This tax ID matches, five seconds later.
                    "id_numbers": [{"type": "us_ein", "value": "000000000"}],
                },
                "attestations": {"terms_of_service": {"account": accepted_now()}},
            },
            "configuration": {
                "merchant": {"mcc": "5944", "statement_descriptor": {"descriptor": "HARBOUR CLOCKS"}},
            },
            "defaults": {"profile": {"business_url": "https://accessible.stripe.com"}},
        },
    )


def send_persons(client: StripeClient, account_id: str) -> None:
    """Second step: who represents the company, who owns it, and that these are all of its owners."""
    client.v2.core.accounts.persons.create(
        account_id,
        {
            "given_name": "Ines",
            "surname": "Harbour",
            "email": "ines@harbour-clockworks.com",
            "phone": "0000000000",
            "date_of_birth": {"day": 1, "month": 1, "year": 1902},
            "id_numbers": [{"type": "us_ssn_last_4", "value": "2222"}],
            "address": address(),
            "relationship": {"representative": True, "executive": True, "title": "CEO"},
        },
    )
    client.v2.core.accounts.persons.create(
        account_id,
        {
            "given_name": "Tomas",
            "surname": "Harbour",
            "email": "tomas@harbour-clockworks.com",
            "relationship": {"owner": True, "percent_ownership": Decimal(70)},
        },
    )
    client.v2.core.accounts.update(account_id, {"identity": {"attestations": {"persons_provided": {"owners": True}}}})


def send_bank_account(client: StripeClient, account_id: str) -> None:
    """Third step: where payouts go."""
    client.v1.accounts.external_accounts.create(
        account_id,
        {
            "external_account": {
                "object": "bank_account",
                "country": "US",
                "currency": "usd",
                "routing_number": "110000000",
                "account_number": "000123456789",
            },
        },
    )
