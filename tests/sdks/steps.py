"""The words in which a scenario is told to the drivers, and which operation of an SDK is which route."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

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
    "v2.core.vault.us_bank_accounts.update": "POST /v2/core/vault/us_bank_accounts/{}",
    "v2.core.vault.us_bank_accounts.list": "GET /v2/core/vault/us_bank_accounts",
    "v2.core.vault.us_bank_accounts.archive": "POST /v2/core/vault/us_bank_accounts/{}/archive",
    "v2.core.vault.us_bank_accounts.unarchive": "POST /v2/core/vault/us_bank_accounts/{}/unarchive",
    "v2.core.vault.us_bank_accounts.send_microdeposits": "POST /v2/core/vault/us_bank_accounts/{}/send_microdeposits",
    "v2.core.vault.us_bank_accounts.confirm_microdeposits": (
        "POST /v2/core/vault/us_bank_accounts/{}/confirm_microdeposits"
    ),
    "v2.core.vault.gb_bank_accounts.create": "POST /v2/core/vault/gb_bank_accounts",
    "v2.core.vault.gb_bank_accounts.retrieve": "GET /v2/core/vault/gb_bank_accounts/{}",
    "v2.core.vault.gb_bank_accounts.list": "GET /v2/core/vault/gb_bank_accounts",
    "v2.core.vault.gb_bank_accounts.archive": "POST /v2/core/vault/gb_bank_accounts/{}/archive",
    "v2.core.vault.gb_bank_accounts.unarchive": "POST /v2/core/vault/gb_bank_accounts/{}/unarchive",
    "v1.account_links.create": "POST /v1/account_links",
    "v1.accounts.external_accounts.create": "POST /v1/accounts/{}/external_accounts",
    "v1.accounts.external_accounts.retrieve": "GET /v1/accounts/{}/external_accounts/{}",
    "v1.accounts.external_accounts.update": "POST /v1/accounts/{}/external_accounts/{}",
    "v1.accounts.external_accounts.delete": "DELETE /v1/accounts/{}/external_accounts/{}",
    "v1.accounts.external_accounts.list": "GET /v1/accounts/{}/external_accounts",
    "v1.accounts.reject": "POST /v1/accounts/{}/reject",
    "v1.accounts.unreject": "POST /v1/accounts/{}/unreject",
    "v1.tokens.create": "POST /v1/tokens",
    "v1.tokens.retrieve": "GET /v1/tokens/{}",
    "v1.files.create": "POST /v1/files",
    "v1.files.retrieve": "GET /v1/files/{}",
    "v1.files.list": "GET /v1/files",
}
"""The route of each operation, by its name in the Python SDK."""

EXEMPT = {"GET /v1/files/{}/contents": "no SDK has a method for it; tests/api/test_files.py downloads by hand"}
"""Routes without steps, and why."""

NODE = {
    f"v1.accounts.external_accounts.{verb}": f"accounts.{verb}ExternalAccount"
    for verb in ("create", "delete", "retrieve", "update")
} | {"v1.accounts.external_accounts.list": "accounts.listExternalAccounts"}
"""Names in the Node SDK that do not follow from Python's."""

CLOCK = "2030-01-01T00:00:00Z"
"""Where the time of an account on a test clock stands still."""
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


def pages(
    name: str, operation: str, *arguments: Any, at_least: int = 0, meanwhile: Any = None, options: Any = None
) -> Step:
    """A walk over all pages of a list."""
    step = call(name, operation, *arguments, options=options)
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


def routes(steps: Iterable[Step]) -> set[str]:
    """The routes of what some steps call."""
    told = list(steps)
    operations = {step[kind]["python"] for step in told for kind in ("call", "pages") if kind in step}
    by_hand = {f"{step['raw'][0]} {re.sub('[$][^/]+', '{}', step['raw'][1])}" for step in told if "raw" in step}
    return {ROUTES[operation] for operation in operations} | {
        route for route in by_hand if route.partition(" ")[2].startswith(STRIPES)
    }
