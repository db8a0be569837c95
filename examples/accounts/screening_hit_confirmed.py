"""A live account of somebody who is on a list.

One of the platform's people sees the match and confirms it. The capabilities are off for good: no requirement names
anything that the user could send, and none says why. Whom a list holds must not be told so.
"""

from __future__ import annotations

from datetime import date

from stripe import StripeClient
from stripe.v2.core import Account

from examples import people, reading
from examples.example import Expected, Show
from examples.samples import bank_account, recipient
from examples.vendor import link_for_user, show_document

SUMMARY = "a list has name and birth date: a person confirms it"
LIVE = True

EXPECTED = Expected(
    capabilities={
        "recipient.stripe_balance.stripe_transfers": "restricted",
        "recipient.stripe_balance.payouts": "restricted",
    },
    requirements={"identity.individual.id_numbers.us_ssn_last_4": "eventually_due"},
    checks={"screening": ("failed",), "keyed_identity": ("passed",), "address_match": ("passed",)},
    reviews={"screening_hit": ("failed",), "manual_verification": ("passed",)},
)

BORN = date(1958, 9, 30)


def onboard(client: StripeClient, show: Show) -> None:
    """Bring the account to where only the screening holds it back, then confirm the match."""
    account = client.v2.core.accounts.create(recipient("Oskar", "Brandlik", BORN))
    client.v1.accounts.external_accounts.create(account.id, {"external_account": bank_account()})
    show.step("complete; the user goes to the vendor", account)

    link = link_for_user(client, show, account.id)
    show_document(show, link, given_name="Oskar", surname="Brandlik", born=BORN)
    people.decide(client, people.review_of(client, show, account.id, "address_match"), "passed")

    def read() -> Account:
        return client.v2.core.accounts.retrieve(account.id, {"include": ["configuration.recipient", "requirements"]})

    pending = show.until(
        "nothing but the screening is left", read, lambda now: reading.owed(now) == EXPECTED.requirements
    )
    show.step("all is done, and transfers are pending", pending)
    show.must("transfers wait", be=set(reading.capabilities(pending).values()) == {"pending"})

    listed = people.review_of(client, show, account.id, "screening")
    show.must("it waits in the queue screening", be=listed["queue"] == "screening")
    review = client.raw_request("get", f"/v2/verification/reviews/{listed['id']}").data
    (match,) = review["detail"]["matches"]
    show.must("name and date of birth are the listed ones", be=match["why"]["birth_date"] == "same")
    show.step(f"score {match['score']}: the same person")
    people.decide(client, review, "failed")

    refused = show.until(
        "transfers are off", read, lambda now: set(reading.capabilities(now).values()) == {"restricted"}
    )
    show.must("no requirement changed, and none has an error", be=reading.owed(refused) == reading.owed(pending))
    show.must("nothing tells the user why", be=reading.errors(refused) == {} and "screening" not in str(refused))
    show.step("confirmed: no transfers, no reason given")
