"""An individual who might be on a sanctions list.

Screening is the one thing that a capability waits for. A possible match is neither passed nor failed: it opens a
review, and until a person decides it the capability is pending, with nothing for the user to do about it.
"""

from __future__ import annotations

from stripe import StripeClient

from examples.example import Expected, Show
from examples.samples import accepted_now, address

SUMMARY = "a possible match waits for a person, in an open review"

EXPECTED = Expected(
    capabilities={
        "recipient.stripe_balance.stripe_transfers": "pending",
        "recipient.stripe_balance.payouts": "pending",
    },
    requirements={"identity.individual.id_numbers.us_ssn_last_4": "eventually_due"},
    checks={"keyed_identity": ("passed",), "address_match": ("passed",), "screening": ("inconclusive",)},
    reviews={"screening_hit": "open"},
)


def onboard(client: StripeClient, show: Show) -> None:
    """Create the account complete, and read the review that holds it back."""
    account = client.v2.core.accounts.create(
        {
            "display_name": "Casimir Thornwood",
            "contact_email": "casimir@thornwood-maps.com",
            "dashboard": "none",
            "identity": {
                "country": "US",
                "entity_type": "individual",
                "individual": {
                    "given_name": "Casimir",
                    "surname": "Thornwood",
                    "email": "casimir@thornwood-maps.com",
                    "phone": "0000000000",
                    # The test date that screening finds something for.
                    "date_of_birth": {"day": 1, "month": 1, "year": 1900},
                    "address": address(),
                },
                "attestations": {"terms_of_service": {"account": accepted_now()}},
            },
            "configuration": {
                "recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": {"requested": True}}}},
            },
            "defaults": {"responsibilities": {"fees_collector": "application", "losses_collector": "application"}},
            "include": ["configuration.recipient", "requirements"],
        }
    )
    client.v1.accounts.external_accounts.create(account.id, {"external_account": "btok_us"})
    show.step("complete, but screening found something", account)

    reviews = client.raw_request("get", "/v2/verification/reviews", account=account.id).data["data"]
    show.must("one review is open", be=[review["status"] for review in reviews] == ["open"])
    show.step(f"waits for a decision in the queue {reviews[0]['queue']}")
