"""An individual who tells everything at once.

All checks answer at once, so cards are accepted in the answer to the very request that creates the account. Only the
bank account comes separately: Accounts v2 keeps bank accounts for payouts on v1.
"""

from __future__ import annotations

from stripe import StripeClient

from examples import reading
from examples.example import Expected, Show
from examples.samples import accepted_now, address

SUMMARY = "everything in one request, active in its answer"
LIVE = False

EXPECTED = Expected(
    capabilities={"merchant.card_payments": "active", "merchant.stripe_balance.payouts": "active"},
    checks={
        "keyed_identity": ("passed",),
        "address_match": ("passed",),
        "id_number_match": ("passed",),
        "screening": ("passed",),
        "website_review": ("passed",),
        "descriptor_review": ("passed",),
    },
)


def onboard(client: StripeClient, show: Show) -> None:
    """Create the account complete, then add where payouts go."""
    account = client.v2.core.accounts.create(
        {
            "display_name": "Quill Lamps",
            "contact_email": "ada@quill-lamps.com",
            "dashboard": "none",
            "identity": {
                "country": "US",
                "entity_type": "individual",
                "individual": {
                    "given_name": "Ada",
                    "surname": "Quill",
                    "email": "ada@quill-lamps.com",
                    "phone": "0000000000",
                    # This date of birth matches at once, and so does this number.
                    "date_of_birth": {"day": 1, "month": 1, "year": 1902},
                    "id_numbers": [{"type": "us_ssn_last_4", "value": "2222"}],
                    "address": address(),
                },
                "attestations": {"terms_of_service": {"account": accepted_now()}},
            },
            "configuration": {
                "merchant": {
                    "mcc": "5734",
                    "statement_descriptor": {"descriptor": "QUILL LAMPS"},
                    "capabilities": {"card_payments": {"requested": True}},
                },
            },
            "defaults": {
                "profile": {"business_url": "https://accessible.stripe.com"},
                "responsibilities": {"fees_collector": "application", "losses_collector": "application"},
            },
            # Anything that is not asked for here is null in the answer.
            "include": ["configuration.merchant", "requirements"],
        }
    )
    show.step("created: cards are accepted already", account)
    show.must(
        "the answer to the POST shows card_payments active",
        be=reading.capabilities(account)["merchant.card_payments"] == "active",
    )
    show.must(
        "it asks only for a bank account, which payouts need",
        be=reading.owed(account) == {"external_account": "past_due"},
    )

    client.v1.accounts.external_accounts.create(account.id, {"external_account": "btok_us"})
    show.step("bank account added")
