"""A live account of somebody who has the name of a person on a list, and is another one.

Screening is the one thing that a capability waits for. A possible match is neither passed nor failed: it waits for one
of the platform's people, who sees why it matched. The user is told nothing of it, and has nothing to do.
"""

from __future__ import annotations

from datetime import date

from stripe import StripeClient
from stripe.v2.core import Account

from examples import people, reading
from examples.example import Expected, Show
from examples.samples import bank_account, recipient
from examples.vendor import link_for_user, show_document

SUMMARY = "a list has the name, not the birth date: a person clears it"
LIVE = True

EXPECTED = Expected(
    capabilities={
        "recipient.stripe_balance.stripe_transfers": "active",
        "recipient.stripe_balance.payouts": "active",
    },
    requirements={"identity.individual.id_numbers.us_ssn_last_4": "eventually_due"},
    checks={"screening": ("passed",), "keyed_identity": ("passed",), "address_match": ("passed",)},
    reviews={"screening_hit": ("passed",), "manual_verification": ("passed",)},
)

BORN = date(1983, 7, 19)


def onboard(client: StripeClient, show: Show) -> None:
    """Bring the account to where only the screening holds it back, then clear it."""
    account = client.v2.core.accounts.create(recipient("Casimir", "Thornwood", BORN))
    client.v1.accounts.external_accounts.create(account.id, {"external_account": bank_account()})
    show.step("complete; the user goes to the vendor", account)

    link = link_for_user(client, show, account.id)
    show_document(show, link, given_name="Casimir", surname="Thornwood", born=BORN)
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
    show.must("the name is the listed one", be=match["name"] == "Casimir Thornwood")
    show.must("the date of birth is not", be=match["why"]["birth_date"] == "different")
    show.step(f"born {BORN.year}, the listed one {match['dates_of_birth'][0]}: another person")
    people.decide(client, review, "passed")
    show.step("cleared")
