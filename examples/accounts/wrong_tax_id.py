"""A company that mistypes its tax ID.

A wrong value never fails the request. Cards are accepted meanwhile; seconds later the check's answer comes back as an
entry with an error and a deadline, and with a document as an alternative. The corrected number is checked in turn.
"""

from __future__ import annotations

from stripe import StripeClient
from stripe.v2.core import Account

from examples import reading
from examples.example import Expected, Show
from examples.samples import accepted_now, company, representative

SUMMARY = "a mismatch comes back as an entry and is corrected"
LIVE = False

TAX_ID = "identity.business_details.id_numbers.us_ein"

EXPECTED = Expected(
    capabilities={"merchant.card_payments": "active", "merchant.stripe_balance.payouts": "active"},
    checks={
        "tax_id_match": ("failed", "passed"),
        "business_address_match": ("passed",),
        "keyed_identity": ("passed",),
        "address_match": ("passed",),
        "id_number_match": ("passed",),
        "screening": ("passed",),
        "website_review": ("passed",),
        "descriptor_review": ("passed",),
        "name_review": ("passed",),
        "bank_account_match": ("passed",),
    },
)


def onboard(client: StripeClient, show: Show) -> None:
    """Create with a number that does not match, wait until it comes back, correct it."""
    account = client.v2.core.accounts.create(company("Quill & Sons Inc", "QUILL AND SONS", tax_id="111111111"))
    client.v2.core.accounts.persons.create(account.id, representative())
    client.v1.accounts.external_accounts.create(account.id, {"external_account": "btok_us"})

    def read() -> Account:
        return client.v2.core.accounts.retrieve(account.id, {"include": ["configuration.merchant", "requirements"]})

    show.step("complete; its tax ID is being checked", read())
    refused = show.until("the tax ID comes back", read, lambda now: TAX_ID in reading.errors(now))
    show.must(
        "the entry says that the tax ID does not match",
        be=reading.errors(refused)[TAX_ID] == "verification_failed_tax_id_match",
    )
    show.must("it is due by a date, and cards are accepted until then", be=reading.deadline(refused) is not None)
    show.step(f"came back: {reading.errors(refused)[TAX_ID]}")

    # Terms are accepted for one tax ID: with another, they have to be accepted again.
    client.v2.core.accounts.update(
        account.id,
        {
            "identity": {
                "business_details": {"id_numbers": [{"type": "us_ein", "value": "000000000"}]},
                "attestations": {"terms_of_service": {"account": accepted_now()}},
            },
        },
    )
    show.step("corrected; checked again")
