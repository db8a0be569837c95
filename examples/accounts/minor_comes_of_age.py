"""An individual who is 17 and has told everything.

A minor needs a legal guardian, who accepts the terms too. This one brings none and waits: on the eighteenth birthday,
at 00:00 UTC, the capability becomes active by itself. A test clock goes there.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from stripe import StripeClient
from stripe.v2.core import Account

from examples import reading
from examples.clocks import advance, put_on_clock
from examples.example import Expected, Show
from examples.samples import accepted_now, address

SUMMARY = "time alone makes a capability active, on a birthday"
LIVE = False

EXPECTED = Expected(
    capabilities={"recipient.stripe_balance.stripe_transfers": "active", "recipient.stripe_balance.payouts": "active"},
    requirements={"identity.individual.id_numbers.us_ssn_last_4": "eventually_due"},
    checks={
        # No test date makes anybody 17, so the date of birth can't be confirmed; the document stands in for it.
        "keyed_identity": ("failed",),
        "identity_document": ("passed",),
        "address_match": ("passed",),
        "screening": ("passed",),
    },
)


def onboard(client: StripeClient, show: Show) -> None:
    """Create the account complete, then let the clock reach the birthday."""
    birthday = first_of_a_month_ahead()
    account = client.v2.core.accounts.create(
        {
            "display_name": "Wren Castellane",
            "contact_email": "wren@castellane-kites.com",
            "dashboard": "none",
            "identity": {
                "country": "US",
                "entity_type": "individual",
                "individual": {
                    "given_name": "Wren",
                    "surname": "Castellane",
                    "email": "wren@castellane-kites.com",
                    "phone": "0000000000",
                    "date_of_birth": {"day": 1, "month": birthday.month, "year": birthday.year - 18},
                    "address": address(),
                    "documents": {
                        "primary_verification": {
                            "type": "front_back",
                            "front_back": {"front": "file_identity_document_success"},
                        },
                    },
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
    show.step("17 years old: restricted", account)
    show.must(
        "a legal guardian is asked for",
        be=reading.is_owed(account, "legal_guardian."),
    )

    def transfers() -> str:
        now: Account = client.v2.core.accounts.retrieve(account.id, {"include": ["configuration.recipient"]})
        return reading.capabilities(now)["recipient.stripe_balance.stripe_transfers"]

    clock = put_on_clock(client, account)
    advance(client, clock, birthday - timedelta(seconds=1))
    show.step("a second before the birthday: restricted")
    show.must("a minor gets no transfers", be=transfers() == "restricted")

    advance(client, clock, birthday)
    show.step("18 years old")
    show.must("transfers are active on the birthday", be=transfers() == "active")


def first_of_a_month_ahead() -> datetime:
    """A birthday one to two months from now: on the first of a month, which every year has."""
    today = datetime.now(UTC)
    months = today.year * 12 + (today.month - 1) + 2
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)
