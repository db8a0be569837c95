"""A company without a tax ID, which it may send within 30 days, and does not.

A test clock passes the deadline. Cards stop with it, and go on once the tax ID is there.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from stripe import StripeClient
from stripe.v2.core import Account

from examples import reading
from examples.clocks import advance, put_on_clock
from examples.example import Differs, Expected, Show
from examples.samples import company, representative

SUMMARY = "30 days pass without a tax ID: cards stop until it is there"
LIVE = False

TAX_ID = "identity.business_details.id_numbers.us_ein"

EXPECTED = Expected(
    capabilities={"merchant.card_payments": "active", "merchant.stripe_balance.payouts": "active"},
    checks={
        "tax_id_match": ("passed",),
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
    """Complete the company but for its tax ID, pass the deadline, then send it."""
    account = client.v2.core.accounts.create(company("Foghorn Ceramics Inc", "FOGHORN CERAMICS", tax_id=None))
    client.v2.core.accounts.persons.create(account.id, representative())
    client.v1.accounts.external_accounts.create(account.id, {"external_account": "btok_us"})

    def read() -> Account:
        return client.v2.core.accounts.retrieve(account.id, {"include": ["configuration.merchant", "requirements"]})

    def cards(now: Account) -> str:
        return reading.capabilities(now)["merchant.card_payments"]

    now = read()
    due_by = reading.deadline(now)
    show.step("cards are accepted; the tax ID has 30 days", now)
    show.must("cards are accepted without a tax ID", be=cards(now) == "active")
    show.must("the tax ID is currently due", be=reading.owed(now) == {TAX_ID: "currently_due"})
    if due_by is None:
        raise Differs("the requirements have no date by which the tax ID is due")

    clock = put_on_clock(client, account)
    advance(client, clock, datetime.fromisoformat(due_by) - timedelta(minutes=1))
    show.must("cards are accepted a minute before the deadline", be=cards(read()) == "active")

    advance(client, clock, datetime.fromisoformat(due_by) + timedelta(seconds=1))
    now = read()
    show.step("the deadline is missed: cards stop", now)
    show.must("cards stop once the deadline has passed", be=cards(now) == "restricted")
    show.must("the tax ID is past due", be=reading.owed(now) == {TAX_ID: "past_due"})

    client.v2.core.accounts.update(
        account.id, {"identity": {"business_details": {"id_numbers": [{"type": "us_ein", "value": "222222222"}]}}}
    )
    show.step("tax ID sent: cards go on")
