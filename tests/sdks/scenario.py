"""What every SDK does: each operation that this API takes over from Stripe, as data.

Groups are independent of each other and run at once, each on a platform of its own. The tests fail where a route is
served that no step calls.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from fastapi.routing import APIRoute

from api.app import ROUTERS
from tests.sdks.steps import STRIPES, Step, call, on_a_clock, pages
from tests.support.samples import (
    ALL,
    BANK_ACCOUNT,
    BARE,
    COMPANY,
    RECIPIENT,
    RECIPIENT_DETAILS,
    REPRESENTATIVE,
    patched,
)

INCLUDE_ALL = {"include": ALL}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""The smallest PNG."""

ACCOUNTS = [
    call("an account that asks for nothing", "v2.core.accounts.create", BARE, save="bare"),
    *on_a_clock("$bare.id"),
    call(
        "it becomes a company that takes cards",
        "v2.core.accounts.update",
        "$bare.id",
        {**COMPANY, **INCLUDE_ALL},
    ),
    call("without include the sections are null", "v2.core.accounts.retrieve", "$bare.id"),
    call("two sections", "v2.core.accounts.retrieve", "$bare.id", {"include": ["identity", "defaults"]}),
    call(
        "values are unset, metadata is merged",
        "v2.core.accounts.update",
        "$bare.id",
        {
            "display_name": None,
            "metadata": {"order": "6735", "gone": None},
            "identity": {"business_details": {"phone": None}},
            "include": ["identity"],
        },
    ),
    call(
        "created whole, under a key",
        "v2.core.accounts.create",
        {**BARE, "metadata": {"batch": "7"}},
        save="keyed",
        options={"idempotency_key": "the-first"},
    ),
    call("it changes", "v2.core.accounts.update", "$keyed.id", {"display_name": "Later"}),
    call(
        "the key again answers with the account as it is now",
        "v2.core.accounts.create",
        {**BARE, "metadata": {"batch": "7"}, "include": ["defaults"]},
        options={"idempotency_key": "the-first"},
    ),
    call(
        "the key with other parameters",
        "v2.core.accounts.create",
        {**BARE, "metadata": {"batch": "8"}},
        options={"idempotency_key": "the-first"},
    ),
    call("the newest", "v2.core.accounts.list", {"limit": 1}),
    pages("all that are companies", "v2.core.accounts.list", {"limit": 1, "applied_configurations": ["merchant"]}),
    call("closed", "v2.core.accounts.close", "$keyed.id", {"applied_configurations": []}),
    pages("open ones", "v2.core.accounts.list", {"limit": 1}),
    pages("closed ones", "v2.core.accounts.list", {"closed": True}),
    call("no such account", "v2.core.accounts.retrieve", "acct_0000000000000000"),
    call("a wrong address", "v2.core.accounts.create", {**BARE, "contact_email": "nobody"}),
    call("an unknown parameter", "v2.core.accounts.create", {**BARE, "colour": "blue"}),
    call("an unknown key", "v2.core.accounts.retrieve", "$bare.id", options={"api_key": "sk_test_unknown"}),
]

PERSONS = [
    call("a company", "v2.core.accounts.create", BARE, save="company"),
    *on_a_clock("$company.id"),
    call("it takes cards", "v2.core.accounts.update", "$company.id", COMPANY),
    call(
        "its representative",
        "v2.core.accounts.persons.create",
        "$company.id",
        {**REPRESENTATIVE, "nationalities": ["US"], "metadata": {"desk": "4"}},
        save="jenny",
    ),
    call(
        "another owner",
        "v2.core.accounts.persons.create",
        "$company.id",
        {"given_name": "Lena", "relationship": {"owner": True, "percent_ownership": "25.5"}},
        save="lena",
    ),
    call("retrieved", "v2.core.accounts.persons.retrieve", "$company.id", "$jenny.id"),
    call(
        "changed",
        "v2.core.accounts.persons.update",
        "$company.id",
        "$lena.id",
        {"surname": "Ortiz", "additional_names": [{"purpose": "alias", "full_name": "L. Ortiz"}]},
    ),
    pages("listed", "v2.core.accounts.persons.list", "$company.id", {"limit": 1}),
    call("what the company must tell", "v2.core.accounts.retrieve", "$company.id", INCLUDE_ALL),
    call("deleted", "v2.core.accounts.persons.delete", "$company.id", "$lena.id"),
    call("no such person", "v2.core.accounts.persons.retrieve", "$company.id", "$lena.id"),
    pages("who is left", "v2.core.accounts.persons.list", "$company.id"),
    call(
        "a second representative",
        "v2.core.accounts.persons.create",
        "$company.id",
        {"relationship": {"representative": True}},
    ),
]

_NUMBERS = {
    **{name: value for name, value in BANK_ACCOUNT.items() if name != "object"},
    "account_holder_name": "Jenny Rosen",
    "account_holder_type": "individual",
}
PAYOUTS = [
    call("a recipient", "v2.core.accounts.create", BARE, save="recipient"),
    *on_a_clock("$recipient.id"),
    call("it wants transfers", "v2.core.accounts.update", "$recipient.id", {**RECIPIENT, **INCLUDE_ALL}),
    call(
        "and tells all about itself", "v2.core.accounts.update", "$recipient.id", {**RECIPIENT_DETAILS, **INCLUDE_ALL}
    ),
    call(
        "a bank account",
        "v1.accounts.external_accounts.create",
        "$recipient.id",
        {"external_account": BANK_ACCOUNT},
        save="bank",
    ),
    call(
        "one by a token",
        "v1.accounts.external_accounts.create",
        "$recipient.id",
        {"external_account": "btok_us"},
    ),
    call(
        "a wrong number",
        "v1.accounts.external_accounts.create",
        "$recipient.id",
        {"external_account": patched(BANK_ACCOUNT, routing_number="110000001")},
    ),
    call("numbers as a token", "v1.tokens.create", {"bank_account": _NUMBERS}, save="token"),
    call("not used yet", "v1.tokens.retrieve", "$token.id"),
    call(
        "a bank account of it",
        "v1.accounts.external_accounts.create",
        "$recipient.id",
        {"external_account": "$token.id", "metadata": {"desk": "7"}},
        save="other",
        options={"idempotency_key": "bank"},
    ),
    call("now it is", "v1.tokens.retrieve", "$token.id"),
    call("used once", "v1.accounts.external_accounts.create", "$recipient.id", {"external_account": "$token.id"}),
    pages("listed", "v1.accounts.external_accounts.list", "$recipient.id", {"limit": 1}),
    call(
        "it becomes the default",
        "v1.accounts.external_accounts.update",
        "$recipient.id",
        "$other.id",
        {"default_for_currency": True, "account_holder_name": "Jenny R.", "metadata": {"desk": ""}},
    ),
    call(
        "v1 answers the key again as at first",
        "v1.accounts.external_accounts.create",
        "$recipient.id",
        {"external_account": "$token.id", "metadata": {"desk": "7"}},
        options={"idempotency_key": "bank"},
    ),
    call("the first is it no more", "v1.accounts.external_accounts.retrieve", "$recipient.id", "$bank.id"),
    call("the default stays", "v1.accounts.external_accounts.delete", "$recipient.id", "$other.id"),
    call("the first goes", "v1.accounts.external_accounts.delete", "$recipient.id", "$bank.id"),
    call("it is gone", "v1.accounts.external_accounts.retrieve", "$recipient.id", "$bank.id"),
    pages("what is left", "v1.accounts.external_accounts.list", "$recipient.id"),
    call("all is active", "v2.core.accounts.retrieve", "$recipient.id", {"include": ["configuration.recipient"]}),
    call("rejected", "v1.accounts.reject", "$recipient.id", {"reason": "fraud_other"}),
    call("it shows", "v2.core.accounts.retrieve", "$recipient.id", INCLUDE_ALL),
    call("taken back", "v1.accounts.unreject", "$recipient.id"),
    call("a wrong reason", "v1.accounts.reject", "$recipient.id", {"reason": "mood"}),
]

EVENTS = [
    call("an account", "v2.core.accounts.create", BARE, save="account", options={"idempotency_key": "the-cause"}),
    *on_a_clock("$account.id"),
    call("it wants transfers", "v2.core.accounts.update", "$account.id", RECIPIENT),
    call("it tells who it is", "v2.core.accounts.update", "$account.id", RECIPIENT_DETAILS),
    call("closed", "v2.core.accounts.close", "$account.id", {"applied_configurations": ["recipient"]}),
    pages("what happened, newest first", "v2.core.events.list", {"limit": 3}, at_least=16),
    call(
        "of one type",
        "v2.core.events.list",
        {"types": ["v2.core.account.created", "v2.core.account.closed"], "object_id": "$account.id"},
        save="chosen",
    ),
    call("how it began", "v2.core.events.retrieve", "$chosen.data.1.id", save="first"),
    {"name": "its account, without sections", "related": "first"},
    call("no such event", "v2.core.events.retrieve", "evt_test_0000000000000000"),
]

_SCAN = {"$file": {"name": "passport.png", "type": "image/png", "base64": PIXEL}}
_OF_ACCOUNT = {"stripe_account": "$company.id"}
FILES = [
    call("a scan", "v1.files.create", {"purpose": "identity_document", "file": _SCAN}, save="scan"),
    call("retrieved", "v1.files.retrieve", "$scan.id"),
    call("a company", "v2.core.accounts.create", COMPANY, save="company"),
    call(
        "its own scan",
        "v1.files.create",
        {"purpose": "identity_document", "file": _SCAN},
        save="own",
        options={**_OF_ACCOUNT, "idempotency_key": "scan"},
    ),
    call(
        "the key again answers with the same file",
        "v1.files.create",
        {"purpose": "identity_document", "file": _SCAN},
        options={**_OF_ACCOUNT, "idempotency_key": "scan"},
    ),
    call("its platform does not see it", "v1.files.retrieve", "$own.id"),
    call("the company does", "v1.files.retrieve", "$own.id", options=_OF_ACCOUNT),
    call(
        "a person names it",
        "v2.core.accounts.persons.create",
        "$company.id",
        {
            "given_name": "Jenny",
            "documents": {"primary_verification": {"type": "front_back", "front_back": {"front": "$own.id"}}},
        },
    ),
    call("the picture of a shop", "v1.files.create", {"purpose": "business_icon", "file": _SCAN}),
    pages("listed", "v1.files.list", {"limit": 1}),
    pages("those of the company", "v1.files.list", {"limit": 1}, options=_OF_ACCOUNT),
    call("pictures of shops", "v1.files.list", {"purpose": "business_icon"}),
    call("another purpose than there is", "v1.files.create", {"purpose": "holiday", "file": _SCAN}),
]

_TOKEN_PERSON = {name: value for name, value in REPRESENTATIVE.items() if name != "relationship"}
TOKENS = [
    call(
        "an account's data as a token",
        "v2.core.account_tokens.create",
        {
            **BARE,
            "identity": {
                "entity_type": "individual",
                "individual": RECIPIENT_DETAILS["identity"]["individual"],
                "attestations": {"terms_of_service": {"account": {"shown_and_accepted": True}}},
            },
        },
        save="token",
    ),
    call("retrieved", "v2.core.account_tokens.retrieve", "$token.id"),
    call("an account of it", "v2.core.accounts.create", {"account_token": "$token.id", "include": ["identity"]}),
    call("used once", "v2.core.accounts.create", {"account_token": "$token.id"}),
    call("a company", "v2.core.accounts.create", COMPANY, save="company"),
    call("a person as a token", "v2.core.accounts.person_tokens.create", "$company.id", _TOKEN_PERSON, save="person"),
    call("retrieved too", "v2.core.accounts.person_tokens.retrieve", "$company.id", "$person.id"),
    call("a person of it", "v2.core.accounts.persons.create", "$company.id", {"person_token": "$person.id"}),
]

_USE_CASE: dict[str, Any] = {
    "type": "account_onboarding",
    "account_onboarding": {
        "refresh_url": "https://rosen-gardens.com/again",
        "return_url": "https://rosen-gardens.com/back",
    },
}
LINKS = [
    call("an account", "v2.core.accounts.create", RECIPIENT, save="account"),
    call("a link", "v2.core.account_links.create", {"account": "$account.id", "use_case": _USE_CASE}),
    call(
        "a link under a key",
        "v2.core.account_links.create",
        {"account": "$account.id", "use_case": _USE_CASE},
        options={"idempotency_key": "link"},
    ),
    call(
        "the key again answers with the same link",
        "v2.core.account_links.create",
        {"account": "$account.id", "use_case": _USE_CASE},
        options={"idempotency_key": "link"},
    ),
    call(
        "one of v1",
        "v1.account_links.create",
        {"account": "$account.id", "type": "account_onboarding", **_USE_CASE["account_onboarding"]},
    ),
    call(
        "another use than there is",
        "v2.core.account_links.create",
        {"account": "$account.id", "use_case": {"type": "holiday"}},
    ),
]

_DESTINATION = {
    "name": "Ledger",
    "type": "webhook_endpoint",
    "event_payload": "thin",
    "enabled_events": ["v2.core.account[requirements].updated"],
    "webhook_endpoint": {"url": "https://rosen-gardens.com/hooks"},
    "include": ["webhook_endpoint.signing_secret", "webhook_endpoint.url"],
}
_DESTINATION_KEY = {"idempotency_key": "destination"}
DESTINATIONS = [
    call(
        "a destination",
        "v2.core.event_destinations.create",
        _DESTINATION,
        save="destination",
        options=_DESTINATION_KEY,
    ),
    call("another has another secret", "v2.core.event_destinations.create", _DESTINATION, save="other"),
    call(
        "without its secret",
        "v2.core.event_destinations.retrieve",
        "$destination.id",
        {"include": ["webhook_endpoint.url"]},
    ),
    call(
        "nobody is told it again",
        "v2.core.event_destinations.retrieve",
        "$destination.id",
        {"include": ["webhook_endpoint.signing_secret"]},
    ),
    call(
        "renamed",
        "v2.core.event_destinations.update",
        "$destination.id",
        {"name": "Books", "metadata": {"team": "books"}},
    ),
    call("off", "v2.core.event_destinations.disable", "$destination.id"),
    call(
        "the key again tells the same secret, and how it is now",
        "v2.core.event_destinations.create",
        _DESTINATION,
        options=_DESTINATION_KEY,
    ),
    call("on", "v2.core.event_destinations.enable", "$destination.id"),
    call("tried", "v2.core.event_destinations.ping", "$destination.id"),
    pages("listed", "v2.core.event_destinations.list", {"limit": 1}),
    call("deleted", "v2.core.event_destinations.delete", "$destination.id"),
    call("no such destination", "v2.core.event_destinations.retrieve", "$destination.id"),
    pages("what is left", "v2.core.event_destinations.list"),
    call("the ping is an event", "v2.core.events.list", {"object_id": "$destination.id"}),
]

_FOR = {"stripe_context": "$account.id"}
_US = {"account_number": BANK_ACCOUNT["account_number"], "currency": "usd"}
VAULT = [
    call("a company", "v2.core.accounts.create", COMPANY, save="account"),
    call("its bank account", "v2.core.vault.us_bank_accounts.create", _US, save="bank", options=_FOR),
    call(
        "its routing number",
        "v2.core.vault.us_bank_accounts.update",
        "$bank.id",
        {"routing_number": "110000000"},
        options=_FOR,
    ),
    call("another", "v2.core.vault.us_bank_accounts.create", {**_US, "routing_number": "110000000"}, options=_FOR),
    call("retrieved", "v2.core.vault.us_bank_accounts.retrieve", "$bank.id", options=_FOR),
    call("archived", "v2.core.vault.us_bank_accounts.archive", "$bank.id", options=_FOR),
    pages("listed", "v2.core.vault.us_bank_accounts.list", {"limit": 1}, options=_FOR),
    call("back", "v2.core.vault.us_bank_accounts.unarchive", "$bank.id", options=_FOR),
    call("nothing is sent", "v2.core.vault.us_bank_accounts.send_microdeposits", "$bank.id", options=_FOR),
    call(
        "nothing is confirmed",
        "v2.core.vault.us_bank_accounts.confirm_microdeposits",
        "$bank.id",
        {"amounts": [32, 45]},
        options=_FOR,
    ),
    call(
        "a British one",
        "v2.core.vault.gb_bank_accounts.create",
        {"account_number": "00012345", "currency": "gbp", "sort_code": "108800"},
        save="british",
        options=_FOR,
    ),
    call("retrieved too", "v2.core.vault.gb_bank_accounts.retrieve", "$british.id", options=_FOR),
    call("archived too", "v2.core.vault.gb_bank_accounts.archive", "$british.id", options=_FOR),
    call("back too", "v2.core.vault.gb_bank_accounts.unarchive", "$british.id", options=_FOR),
    pages("listed too", "v2.core.vault.gb_bank_accounts.list", {"limit": 1}, options=_FOR),
    call("whose is not said", "v2.core.vault.us_bank_accounts.retrieve", "$bank.id"),
]

GROUPS: dict[str, Sequence[Step]] = {
    "accounts": ACCOUNTS,
    "persons": PERSONS,
    "payouts": PAYOUTS,
    "events": EVENTS,
    "files": FILES,
    "tokens": TOKENS,
    "links": LINKS,
    "destinations": DESTINATIONS,
    "vault": VAULT,
}
"""All groups."""


def served() -> set[str]:
    """The routes of Stripe that the API serves now, an empty pair of braces for each id."""
    return {
        f"{method} {re.sub(r'{[a-z_]+}', '{}', route.path)}"
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and route.path.startswith(STRIPES)
        for method in route.methods or ()
    }
