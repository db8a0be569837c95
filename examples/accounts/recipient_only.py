"""Somebody who takes no cards and is only paid out.

The configuration is ``recipient`` and the capability ``stripe_transfers``. It owes less than a merchant: nothing about
a shop, and the last digits of a social security number only from a volume on, so that entry stays and has no date.
"""

from __future__ import annotations

from stripe import StripeClient

from examples import reading
from examples.example import Expected, Show
from examples.samples import accepted_now, address

SUMMARY = "paid out, takes no cards: owes less"

EXPECTED = Expected(
    capabilities={"recipient.stripe_balance.stripe_transfers": "active", "recipient.stripe_balance.payouts": "active"},
    requirements={"identity.individual.id_numbers.us_ssn_last_4": "eventually_due"},
    checks={"keyed_identity": ("passed",), "address_match": ("passed",), "screening": ("passed",)},
)


def onboard(client: StripeClient, show: Show) -> None:
    """Create, read what is owed, supply it in one update, add the bank account."""
    account = client.v2.core.accounts.create(
        {
            "display_name": "Bram Okafor-Lind",
            "contact_email": "bram@okafor-lind.com",
            "dashboard": "none",
            "identity": {"country": "US", "entity_type": "individual"},
            "configuration": {
                "recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": {"requested": True}}}},
            },
            "defaults": {"responsibilities": {"fees_collector": "application", "losses_collector": "application"}},
            "include": ["configuration.recipient", "requirements"],
        }
    )
    show.step("created: nothing is asked about a shop", account)
    show.must("a recipient owes no mcc", be=not reading.is_owed(account, "configuration.merchant"))
    show.must("a recipient owes a name", be=reading.is_owed(account, "identity.individual.given_name"))

    account = client.v2.core.accounts.update(
        account.id,
        {
            "identity": {
                "individual": {
                    "given_name": "Bram",
                    "surname": "Okafor-Lind",
                    "email": "bram@okafor-lind.com",
                    "phone": "0000000000",
                    # This date of birth matches too, five seconds later; transfers don't wait for it.
                    "date_of_birth": {"day": 1, "month": 1, "year": 1901},
                    "address": address(),
                },
                "attestations": {"terms_of_service": {"account": accepted_now()}},
            },
            "include": ["configuration.recipient", "requirements"],
        },
    )
    show.step("details sent: transfers are active while the check runs", account)
    show.must(
        "the answer shows stripe_transfers active",
        be=reading.capabilities(account)["recipient.stripe_balance.stripe_transfers"] == "active",
    )

    client.v1.accounts.external_accounts.create(account.id, {"external_account": "btok_us"})
    show.step("bank account added")
