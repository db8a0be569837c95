"""A live account whose first visit to the vendor fails: its user mistyped the date of birth.

A photo that can't be read only means another try, on the same page. A document that says something else fails the
check, and the account asks for what would settle it. Corrected data are another question: a new check, a new session.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from stripe import StripeClient
from stripe.v2.core import Account

from examples import people, reading
from examples.example import Expected, Show
from examples.samples import bank_account, recipient
from examples.vendor import BLURRED_PHOTO, link_for_user, show_document

SUMMARY = "the document says another birth date: corrected, shown again"
LIVE = True

EXPECTED = Expected(
    capabilities={"recipient.stripe_balance.stripe_transfers": "active", "recipient.stripe_balance.payouts": "active"},
    requirements={"identity.individual.id_numbers.us_ssn_last_4": "eventually_due"},
    checks={
        # The date of birth is also part of what is screened, so that is asked again too.
        "screening": ("passed", "passed"),
        "keyed_identity": ("failed", "passed"),
        "address_match": ("passed",),
    },
    reviews={"manual_verification": ("passed",)},
)

TYPED = date(1990, 5, 17)
ON_THE_DOCUMENT = date(1990, 5, 7)


def onboard(client: StripeClient, show: Show) -> None:
    """Create with a wrong date of birth, let the user show the document, correct it, let them show it again."""
    account = client.v2.core.accounts.create(recipient("Pia", "Sorrel", TYPED))
    client.v1.accounts.external_accounts.create(account.id, {"external_account": bank_account()})
    show.step("complete; the user goes to the vendor", account)

    def check() -> dict[str, Any]:
        return reading.newest_check(client, account.id, "keyed_identity")

    def read() -> Account:
        return client.v2.core.accounts.retrieve(account.id, {"include": ["configuration.recipient", "requirements"]})

    link = link_for_user(client, show, account.id)
    page = show_document(show, link, given_name="Pia", surname="Sorrel", born=ON_THE_DOCUMENT, button=BLURRED_PHOTO)
    show.must("the page offers another try", be="You can try again" in page)
    show.must("the check goes on, on the same page", be=link_for_user(client, show, account.id) == link)
    show.step("the photo was blurred; tries again")

    show_document(show, link, given_name="Pia", surname="Sorrel", born=ON_THE_DOCUMENT)
    failed = show.until("the check has failed", check, lambda now: now["outcome"] == "failed")
    now = read()
    show.step("not confirmed: the document says another birth date", now)
    show.must(
        "a requirement says that the identity could not be confirmed",
        be="verification_failed_keyed_identity" in reading.errors(now).values(),
    )

    client.v2.core.accounts.update(
        account.id,
        {"identity": {"individual": {"date_of_birth": {"day": 7, "month": 5, "year": 1990}}}},
    )
    show.until("there is a new check", check, lambda now: now["id"] != failed["id"])
    another = link_for_user(client, show, account.id)
    show.must("it is a new session", be=another != link)
    show.must("nothing that came back is left", be=reading.errors(read()) == {})
    show.step("corrected; a new session begins")

    show_document(show, another, given_name="Pia", surname="Sorrel", born=ON_THE_DOCUMENT)
    show.until("the vendor's answer has come", check, lambda now: now["outcome"] == "passed")
    show.step("identity confirmed; a person looks at the address")
    people.decide(client, people.review_of(client, show, account.id, "address_match"), "passed")
    show.step("address decided: passed")
