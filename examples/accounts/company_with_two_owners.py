"""A live company with two owners, one of whom represents it.

Each owner is a person with a check, a session and a link of their own, and shows their own document. What no vendor
answers goes to the platform's people: the company's tax ID, address and bank account, the representative's number and
address. Rules review the names and texts.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from stripe import StripeClient
from stripe.params.v2.core.accounts import PersonCreateParams

from examples import people
from examples.example import Expected, Show
from examples.samples import accepted_now, bank_account, home
from examples.vendor import link_for_user, show_document

SUMMARY = "each of two owners shows a document; people check the rest"
LIVE = True

EXPECTED = Expected(
    capabilities={"merchant.card_payments": "active", "merchant.stripe_balance.payouts": "active"},
    checks={
        "screening": ("passed", "passed"),
        "keyed_identity": ("passed", "passed"),
        "address_match": ("passed",),
        "id_number_match": ("passed",),
        "tax_id_match": ("passed",),
        "business_address_match": ("passed",),
        "bank_account_match": ("passed",),
        "description_review": ("passed",),
        "descriptor_review": ("passed",),
        "name_review": ("passed",),
    },
    reviews={"manual_verification": ("passed", "passed", "passed", "passed", "passed")},
)

ADA: PersonCreateParams = {
    "given_name": "Ada",
    "surname": "Sable",
    "email": "ada@sable-and-finch.example",
    "phone": "+12125550141",
    "date_of_birth": {"day": 2, "month": 11, "year": 1979},
    "address": home(),
    "id_numbers": [{"type": "us_ssn_last_4", "value": "4821"}],
    "relationship": {
        "representative": True,
        "executive": True,
        "title": "CEO",
        "owner": True,
        "percent_ownership": Decimal(60),
    },
}
NED: PersonCreateParams = {
    "given_name": "Ned",
    "surname": "Finch",
    "email": "ned@sable-and-finch.example",
    "phone": "+12125550142",
    "date_of_birth": {"day": 25, "month": 6, "year": 1984},
    "address": home(),
    "id_numbers": [{"type": "us_ssn_last_4", "value": "4822"}],
    "relationship": {"owner": True, "percent_ownership": Decimal(40)},
}


def onboard(client: StripeClient, show: Show) -> None:
    """Create the company and its owners, send each of them to the vendor, decide what people have to."""
    account = client.v2.core.accounts.create(
        {
            "display_name": "Sable and Finch",
            "contact_email": "office@sable-and-finch.example",
            "dashboard": "none",
            "identity": {
                "country": "US",
                "entity_type": "company",
                "business_details": {
                    "registered_name": "Sable and Finch Inc",
                    "phone": "+12125550140",
                    "address": home(),
                    "id_numbers": [{"type": "us_ein", "value": "12-3456789"}],
                },
                "attestations": {"terms_of_service": {"account": accepted_now()}},
            },
            "configuration": {
                "merchant": {
                    "mcc": "5734",
                    "statement_descriptor": {"descriptor": "SABLE AND FINCH"},
                    "capabilities": {"card_payments": {"requested": True}},
                },
            },
            "defaults": {
                "profile": {"product_description": "Leather bags and field notebooks, made to order."},
                "responsibilities": {"fees_collector": "application", "losses_collector": "application"},
            },
        }
    )
    client.v1.accounts.external_accounts.create(account.id, {"external_account": bank_account()})
    ada = client.v2.core.accounts.persons.create(account.id, ADA)
    ned = client.v2.core.accounts.persons.create(account.id, NED)
    account = client.v2.core.accounts.retrieve(account.id, {"include": ["configuration.merchant", "requirements"]})
    show.step("complete; each owner goes to the vendor", account)

    link = link_for_user(client, show, account.id, ned.id)
    show_document(show, link, given_name="Ned", surname="Finch", born=date(1984, 6, 25))
    show.step("one owner has shown a document")
    link = link_for_user(client, show, account.id, ada.id)
    show_document(show, link, given_name="Ada", surname="Sable", born=date(1979, 11, 2))
    show.step("both have; people look at the rest")

    for kind in ("tax_id_match", "business_address_match", "address_match", "id_number_match", "bank_account_match"):
        people.decide(client, people.review_of(client, show, account.id, kind), "passed")
    show.step("people decided five checks: passed")
