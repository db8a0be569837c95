"""A live account: somebody who is paid out, and whose identity the vendor confirms.

Under a live key no value is a test value. Names are screened against lists, the identity vendor looks at a document,
people look at the rest. Transfers wait for the screening only; for the others the user has time.
"""

from __future__ import annotations

from datetime import date

from stripe import StripeClient

from examples import reading
from examples.example import Expected, Show
from examples.samples import accepted_now, bank_account, home
from examples.vendor import show_document

SUMMARY = "the user shows a document, a person looks at the address"
LIVE = True

EXPECTED = Expected(
    capabilities={"recipient.stripe_balance.stripe_transfers": "active", "recipient.stripe_balance.payouts": "active"},
    # For transfers these digits are due from a volume on; until then they hold back nothing.
    requirements={"identity.individual.id_numbers.us_ssn_last_4": "eventually_due"},
    checks={"screening": ("passed",), "keyed_identity": ("passed",), "address_match": ("passed",)},
    reviews={"manual_verification": ("passed",)},
)


def onboard(client: StripeClient, show: Show) -> None:
    """Create the account, send the user to the vendor, decide what is left to people."""
    account = client.v2.core.accounts.create(
        {
            "display_name": "Bram Okafor-Lind",
            "contact_email": "bram@okafor-lind.example",
            "dashboard": "none",
            "identity": {
                "country": "US",
                "entity_type": "individual",
                "individual": {
                    "given_name": "Bram",
                    "surname": "Okafor-Lind",
                    "email": "bram@okafor-lind.example",
                    "phone": "+12125550123",
                    "date_of_birth": {"day": 14, "month": 3, "year": 1988},
                    "address": home(),
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
    client.v1.accounts.external_accounts.create(account.id, {"external_account": bank_account()})
    show.step("complete; the user goes to the vendor", account)

    # The check says where. Its page is the vendor's: the platform never sees the document.
    check = show.until(
        "the check has a link for the user",
        lambda: reading.newest_check(client, account.id, "keyed_identity"),
        lambda check: reading.user_link(check) is not None,
    )
    link = check["next_action"]["redirect_to_url"]["url"]
    show_document(show, link, given_name="Bram", surname="Okafor-Lind", born=date(1988, 3, 14))
    show.until(
        "the vendor's answer has come",
        lambda: client.raw_request("get", f"/v2/verification/checks/{check['id']}").data,
        lambda now: now["outcome"] == "passed",
    )
    show.step("identity confirmed; a person looks at the address")

    # Whoever works for the platform sees what waits in a queue, and decides it.
    (review,) = client.raw_request(
        "get", "/v2/verification/reviews", account=account.id, queue="general", status="open"
    ).data["data"]
    client.raw_request("post", f"/v2/verification/reviews/{review['id']}/decide", decision="passed")
    show.step(f"{review['kind']} decided: passed")
