"""A live account that is completed while the identity vendor is down.

What can't be asked is unknown, never failed: nothing is held against the user, and transfers don't wait. The engine
asks again by itself, and once the vendor is back the user gets the link.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from stripe import StripeClient

from examples import people, reading
from examples.example import Expected, Show
from examples.samples import bank_account, recipient
from examples.vendor import link_for_user, outage, show_document

SUMMARY = "completed while the vendor is down: asked when it is back"
LIVE = True

EXPECTED = Expected(
    capabilities={"recipient.stripe_balance.stripe_transfers": "active", "recipient.stripe_balance.payouts": "active"},
    requirements={"identity.individual.id_numbers.us_ssn_last_4": "eventually_due"},
    # One check all along: the outage is no answer.
    checks={"screening": ("passed",), "keyed_identity": ("passed",), "address_match": ("passed",)},
    reviews={"manual_verification": ("passed",)},
)

BORN = date(1985, 2, 3)


def onboard(client: StripeClient, show: Show) -> None:
    """Complete the account during an outage, then let the user show the document."""
    # Without a surname there is nothing to ask anybody about this person yet.
    incomplete = recipient("Lena", "Vale", BORN)
    del incomplete["identity"]["individual"]["surname"]
    account = client.v2.core.accounts.create(incomplete)
    client.v1.accounts.external_accounts.create(account.id, {"external_account": bank_account()})
    show.step("all but a surname; the vendor goes down", account)

    def check() -> dict[str, Any]:
        return reading.newest_check(client, account.id, "keyed_identity")

    with outage(show.vendor):
        client.v2.core.accounts.update(account.id, {"identity": {"individual": {"surname": "Vale"}}})
        away = show.until("the check is unavailable", check, lambda now: now.get("status") == "unavailable")
        show.must("an outage is no outcome", be=away["outcome"] is None)
        now = client.v2.core.accounts.retrieve(account.id, {"include": ["configuration.recipient", "requirements"]})
        show.step("complete, and nobody there to ask", now)
        show.must("nothing came back to the user", be=reading.errors(now) == {})
    show.step("the vendor is back; the engine will notice")

    link = link_for_user(client, show, account.id)
    show.must("it is the same check", be=check()["id"] == away["id"])
    show.step("asked again by itself; the user goes to the vendor")
    show_document(show, link, given_name="Lena", surname="Vale", born=BORN)
    show.until("the vendor's answer has come", check, lambda now: now["outcome"] == "passed")
    people.decide(client, people.review_of(client, show, account.id, "address_match"), "passed")
    show.step("identity confirmed, address decided")
