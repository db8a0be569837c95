"""An individual whose identity can't be confirmed by name and date of birth, and whose first document fails.

The failed check raises a new entry, for a document. The document that fails brings the entry back with another error;
the next one satisfies it. Cards are accepted all the while: the deadline is 30 days away.
"""

from __future__ import annotations

from stripe import StripeClient
from stripe.v2.core import Account

from examples import reading
from examples.example import Expected, Show
from examples.samples import accepted_now, address

SUMMARY = "identity check fails, a document fails, the next one passes"
LIVE = False

DOCUMENT = "identity.individual.documents.primary_verification"

EXPECTED = Expected(
    capabilities={"merchant.card_payments": "active", "merchant.stripe_balance.payouts": "active"},
    checks={
        "keyed_identity": ("failed",),
        "identity_document": ("failed", "passed"),
        "address_match": ("passed",),
        "id_number_match": ("passed",),
        "screening": ("passed",),
        "website_review": ("passed",),
        "descriptor_review": ("passed",),
    },
)


def onboard(client: StripeClient, show: Show) -> None:
    """Create, wait for each answer, and send the document it asks for."""
    account = client.v2.core.accounts.create(
        {
            "display_name": "Larkspur Bindery",
            "contact_email": "noor@larkspur-bindery.com",
            "dashboard": "none",
            "identity": {
                "country": "US",
                "entity_type": "individual",
                "individual": {
                    "given_name": "Noor",
                    "surname": "Larkspur",
                    "email": "noor@larkspur-bindery.com",
                    "phone": "0000000000",
                    # None of the test dates, so the sandbox can't confirm who this is.
                    "date_of_birth": {"day": 17, "month": 5, "year": 1990},
                    "id_numbers": [{"type": "us_ssn_last_4", "value": "2222"}],
                    "address": address(),
                },
                "attestations": {"terms_of_service": {"account": accepted_now()}},
            },
            "configuration": {
                "merchant": {
                    "mcc": "5942",
                    "statement_descriptor": {"descriptor": "LARKSPUR BINDERY"},
                    "capabilities": {"card_payments": {"requested": True}},
                },
            },
            "defaults": {
                "profile": {"business_url": "https://accessible.stripe.com"},
                "responsibilities": {"fees_collector": "application", "losses_collector": "application"},
            },
        }
    )
    client.v1.accounts.external_accounts.create(account.id, {"external_account": "btok_us"})

    def read() -> Account:
        return client.v2.core.accounts.retrieve(account.id, {"include": ["configuration.merchant", "requirements"]})

    def comes_back_with(code: str) -> Account:
        return show.until(
            f"{DOCUMENT} comes back with {code}", read, lambda now: reading.errors(now).get(DOCUMENT) == code
        )

    def send(file: str) -> None:
        # A real file comes from client.v1.files.create; these two ids are test values.
        client.v2.core.accounts.update(
            account.id,
            {
                "identity": {
                    "individual": {
                        "documents": {"primary_verification": {"type": "front_back", "front_back": {"front": file}}},
                    },
                },
            },
        )

    show.step("complete; identity is being checked", read())
    comes_back_with("verification_failed_keyed_identity")
    show.step("not confirmed; a document that fails is sent")
    send("file_identity_document_failure")

    comes_back_with("verification_document_failed_test_mode")
    show.step("the document failed; a good one is sent")
    send("file_identity_document_success")
