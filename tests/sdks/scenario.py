"""What every SDK does: each operation that this API takes over from Stripe, as data.

Groups are independent of each other and run at once, each on a platform of its own. An operation that is not served
yet stands in ``AWAITED``; once it is served the tests fail until it is taken off there, and its group's transcript is
written anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi.routing import APIRoute

from api.app import ROUTERS
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

Step = dict[str, Any]

ROUTES = {
    "v2.core.accounts.create": "POST /v2/core/accounts",
    "v2.core.accounts.retrieve": "GET /v2/core/accounts/{}",
    "v2.core.accounts.update": "POST /v2/core/accounts/{}",
    "v2.core.accounts.list": "GET /v2/core/accounts",
    "v2.core.accounts.close": "POST /v2/core/accounts/{}/close",
    "v2.core.accounts.persons.create": "POST /v2/core/accounts/{}/persons",
    "v2.core.accounts.persons.retrieve": "GET /v2/core/accounts/{}/persons/{}",
    "v2.core.accounts.persons.update": "POST /v2/core/accounts/{}/persons/{}",
    "v2.core.accounts.persons.list": "GET /v2/core/accounts/{}/persons",
    "v2.core.accounts.persons.delete": "DELETE /v2/core/accounts/{}/persons/{}",
    "v2.core.accounts.person_tokens.create": "POST /v2/core/accounts/{}/person_tokens",
    "v2.core.accounts.person_tokens.retrieve": "GET /v2/core/accounts/{}/person_tokens/{}",
    "v2.core.account_tokens.create": "POST /v2/core/account_tokens",
    "v2.core.account_tokens.retrieve": "GET /v2/core/account_tokens/{}",
    "v2.core.account_links.create": "POST /v2/core/account_links",
    "v2.core.events.list": "GET /v2/core/events",
    "v2.core.events.retrieve": "GET /v2/core/events/{}",
    "v2.core.event_destinations.create": "POST /v2/core/event_destinations",
    "v2.core.event_destinations.retrieve": "GET /v2/core/event_destinations/{}",
    "v2.core.event_destinations.update": "POST /v2/core/event_destinations/{}",
    "v2.core.event_destinations.list": "GET /v2/core/event_destinations",
    "v2.core.event_destinations.disable": "POST /v2/core/event_destinations/{}/disable",
    "v2.core.event_destinations.enable": "POST /v2/core/event_destinations/{}/enable",
    "v2.core.event_destinations.ping": "POST /v2/core/event_destinations/{}/ping",
    "v2.core.event_destinations.delete": "DELETE /v2/core/event_destinations/{}",
    "v2.core.vault.us_bank_accounts.create": "POST /v2/core/vault/us_bank_accounts",
    "v2.core.vault.us_bank_accounts.retrieve": "GET /v2/core/vault/us_bank_accounts/{}",
    "v2.core.vault.us_bank_accounts.list": "GET /v2/core/vault/us_bank_accounts",
    "v2.core.vault.us_bank_accounts.archive": "POST /v2/core/vault/us_bank_accounts/{}/archive",
    "v1.accounts.external_accounts.create": "POST /v1/accounts/{}/external_accounts",
    "v1.accounts.external_accounts.list": "GET /v1/accounts/{}/external_accounts",
    "v1.accounts.reject": "POST /v1/accounts/{}/reject",
    "v1.accounts.unreject": "POST /v1/accounts/{}/unreject",
    "v1.files.create": "POST /v1/files",
    "v1.files.retrieve": "GET /v1/files/{}",
    "v1.files.list": "GET /v1/files",
}
"""The route of each operation, by its name in the Python SDK."""

NODE = {
    "v1.accounts.external_accounts.create": "accounts.createExternalAccount",
    "v1.accounts.external_accounts.list": "accounts.listExternalAccounts",
}
"""Names in the Node SDK that do not follow from Python's."""

AWAITED = {
    route
    for operation, route in ROUTES.items()
    if re.search(r"\.(person_tokens|account_tokens|account_links|event_destinations|vault|files)\.", operation)
}
"""Routes that are not served yet: their steps are ready, and their groups left out."""

INCLUDE_ALL = {"include": ALL}
CLOCK = "2030-01-01T00:00:00Z"
"""Where the time of an account on a test clock stands still."""
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""The smallest PNG."""
STRIPES = ("/v1/", "/v2/core/")
CLOCKS = "/v2/verification/test_clocks"


def node_name(operation: str) -> str:
    """An operation's name in the Node SDK."""
    if operation in NODE:
        return NODE[operation]
    name = re.sub(r"_([a-z])", lambda found: found[1].upper(), operation.removeprefix("v1."))
    return re.sub(r"\.delete$", ".del", name)


def call(name: str, operation: str, *arguments: Any, save: str = "", options: Mapping[str, Any] | None = None) -> Step:
    """A call of one operation. ``save`` names its result for later steps."""
    step: Step = {"name": name, "call": {"python": operation, "node": node_name(operation)}}
    step["arguments"] = list(arguments)
    if save:
        step["save"] = save
    if options:
        step["options"] = dict(options)
    return step


def pages(name: str, operation: str, *arguments: Any, at_least: int = 0, meanwhile: Any = None) -> Step:
    """A walk over all pages of a list."""
    step = call(name, operation, *arguments)
    step["pages"] = step.pop("call")
    return {**step, "at_least": at_least, "meanwhile": meanwhile or {}}


def raw(name: str, method: str, path: str, parameters: Mapping[str, Any], save: str = "") -> Step:
    """A call that the SDK has no method for."""
    return {"name": name, "raw": [method, path, dict(parameters)], **({"save": save} if save else {})}


def on_a_clock(account: str) -> list[Step]:
    """Stop an account's time, so that nothing about it depends on how long the steps take."""
    return [
        raw("make a test clock", "POST", CLOCKS, {"frozen_time": CLOCK}, save="clock"),
        raw("stop the account's time", "POST", f"{CLOCKS}/$clock.id/attach", {"account": account}),
    ]


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
    pages("listed", "v1.accounts.external_accounts.list", "$recipient.id", {"limit": 1}),
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

FILES = [
    call(
        "a scan",
        "v1.files.create",
        {
            "purpose": "identity_document",
            "file": {"$file": {"name": "passport.png", "type": "image/png", "base64": PIXEL}},
        },
        save="scan",
    ),
    call("retrieved", "v1.files.retrieve", "$scan.id"),
    pages("listed", "v1.files.list", {"limit": 1}),
    call(
        "another purpose than there is",
        "v1.files.create",
        {"purpose": "holiday", "file": {"$file": {"name": "a.png", "type": "image/png", "base64": PIXEL}}},
    ),
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
    call("an account of it", "v2.core.accounts.create", {"account_token": "$token.id"}),
    call("used once", "v2.core.accounts.create", {"account_token": "$token.id"}),
    call("a company", "v2.core.accounts.create", COMPANY, save="company"),
    call("a person as a token", "v2.core.accounts.person_tokens.create", "$company.id", _TOKEN_PERSON, save="person"),
    call("retrieved too", "v2.core.accounts.person_tokens.retrieve", "$company.id", "$person.id"),
    call("a person of it", "v2.core.accounts.persons.create", "$company.id", {"person_token": "$person.id"}),
]

_USE_CASE = {
    "type": "account_onboarding",
    "account_onboarding": {
        "refresh_url": "https://rosen-gardens.com/again",
        "return_url": "https://rosen-gardens.com/back",
    },
}
LINKS = [
    call("an account", "v2.core.accounts.create", RECIPIENT, save="account"),
    call("a link", "v2.core.account_links.create", {"account": "$account.id", "use_case": _USE_CASE}),
]

DESTINATIONS = [
    call(
        "a destination",
        "v2.core.event_destinations.create",
        {
            "name": "Ledger",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": ["v2.core.account[requirements].updated"],
            "webhook_endpoint": {"url": "https://rosen-gardens.com/hooks"},
            "include": ["webhook_endpoint.signing_secret", "webhook_endpoint.url"],
        },
        save="destination",
    ),
    call("without its secret", "v2.core.event_destinations.retrieve", "$destination.id"),
    call("renamed", "v2.core.event_destinations.update", "$destination.id", {"name": "Books"}),
    call("off", "v2.core.event_destinations.disable", "$destination.id"),
    call("on", "v2.core.event_destinations.enable", "$destination.id"),
    call("tried", "v2.core.event_destinations.ping", "$destination.id"),
    pages("listed", "v2.core.event_destinations.list", {"limit": 1}),
    call("deleted", "v2.core.event_destinations.delete", "$destination.id"),
]

_FOR = {"stripe_context": "$account.id"}
VAULT = [
    call("a recipient", "v2.core.accounts.create", RECIPIENT, save="account"),
    call(
        "its bank account",
        "v2.core.vault.us_bank_accounts.create",
        {"account_number": BANK_ACCOUNT["account_number"], "routing_number": "110000000", "currency": "usd"},
        save="bank",
        options=_FOR,
    ),
    call("retrieved", "v2.core.vault.us_bank_accounts.retrieve", "$bank.id", options=_FOR),
    call("listed", "v2.core.vault.us_bank_accounts.list", {"limit": 1}, options=_FOR),
    call("archived", "v2.core.vault.us_bank_accounts.archive", "$bank.id", options=_FOR),
]

PREPARED: dict[str, Sequence[Step]] = {
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
"""All groups, also those that can't be run yet."""


def served() -> set[str]:
    """The routes of Stripe that the API serves now, an empty pair of braces for each id."""
    return {
        f"{method} {re.sub(r'{[a-z_]+}', '{}', route.path)}"
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and route.path.startswith(STRIPES)
        for method in route.methods or ()
    }


def groups() -> dict[str, Sequence[Step]]:
    """The groups that can be run now: those of which no operation is awaited."""
    return {name: steps for name, steps in PREPARED.items() if not AWAITED & routes(steps)}


def routes(steps: Iterable[Step]) -> set[str]:
    """The routes of what some steps call."""
    told = list(steps)
    operations = {step[kind]["python"] for step in told for kind in ("call", "pages") if kind in step}
    by_hand = {f"{step['raw'][0]} {re.sub('[$][^/]+', '{}', step['raw'][1])}" for step in told if "raw" in step}
    return {ROUTES[operation] for operation in operations} | {
        route for route in by_hand if route.partition(" ")[2].startswith(STRIPES)
    }
