"""Reading an account: what it may do, what it owes, what came back, and what is being checked.

An account's sections are null unless the request includes them, so these functions want ``configuration.*`` and
``requirements`` included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import stripe
from stripe.v2.core import Account


def capabilities(account: Account) -> dict[str, str]:
    """Status by name, such as ``merchant.card_payments``, of every capability that the account has."""
    # Over a hundred capabilities exist; all but those an account asked for are null.
    found = account.configuration.to_dict() if account.configuration is not None else {}
    return {
        f"{configuration}.{name}": status
        for configuration, content in found.items()
        if content is not None
        for name, status in _statuses(content["capabilities"] or {}, "")
    }


def _statuses(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, content in tree.items():
        if content is not None and "status" in content:
            yield prefix + name, content["status"]
        elif content is not None:
            yield from _statuses(content, f"{prefix}{name}.")


def owed(account: Account) -> dict[str, str]:
    """Due status by description, of every entry: ``past_due`` ones hold a capability back now."""
    entries = (account.requirements.entries if account.requirements is not None else None) or []
    return {entry.description: entry.minimum_deadline.status for entry in entries}


def is_owed(account: Account, prefix: str) -> bool:
    """Whether the user owes anything that begins so: ``representative``, ``identity.business_details``."""
    entries = (account.requirements.entries if account.requirements is not None else None) or []
    return any(entry.awaiting_action_from == "user" and entry.description.startswith(prefix) for entry in entries)


def errors(account: Account) -> dict[str, str]:
    """Code of the error by description, of every entry that came back with one."""
    entries = (account.requirements.entries if account.requirements is not None else None) or []
    return {entry.description: error.code for entry in entries for error in entry.errors}


def deadline(account: Account) -> str | None:
    """When the first requirement becomes past due; None if none will."""
    summary = account.requirements.summary if account.requirements is not None else None
    return summary.minimum_deadline.time if summary is not None and summary.minimum_deadline is not None else None


RUNNING = ("due", "started", "in_review")
"""Statuses of a check that goes on."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An account at one moment, in the terms of ``Expected``.

    A check without an outcome is ``running``, or ``unavailable`` while its verifier can't be asked, or says how it
    ended without one.
    """

    capabilities: Mapping[str, str] = field(default_factory=dict)
    requirements: Mapping[str, str] = field(default_factory=dict)
    checks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reviews: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def snapshot(client: stripe.StripeClient, account_id: str) -> Snapshot:
    """Read an account with its checks and reviews."""
    account = client.v2.core.accounts.retrieve(
        account_id, {"include": ["configuration.merchant", "configuration.recipient", "requirements"]}
    )
    # What Accounts v2 has no words for is under /v2/verification; the SDK reaches it by raw requests.
    checks: dict[str, tuple[str, ...]] = {}
    for check in reversed(verification(client, "checks", account_id)):
        stands = "running" if check["status"] in RUNNING else check["status"]
        checks[check["kind"]] = (*checks.get(check["kind"], ()), check["outcome"] or stands)
    reviews: dict[str, tuple[str, ...]] = {}
    for review in reversed(verification(client, "reviews", account_id)):
        reviews[review["reason"]] = (*reviews.get(review["reason"], ()), review["decision"] or review["status"])
    return Snapshot(capabilities(account), owed(account), checks, reviews)


def newest_check(
    client: stripe.StripeClient, account_id: str, kind: str, person_id: str | None = None
) -> dict[str, Any]:
    """The newest check of that kind, of the one person if an id is given; empty if there is none yet."""
    return next(
        (
            check
            for check in verification(client, "checks", account_id)
            if check["kind"] == kind and person_id in {None, check["subject"]["person"]}
        ),
        {},
    )


def user_link(check: Mapping[str, Any]) -> str | None:
    """Where the user has to go so that the check goes on; None while there is nothing for them to do."""
    action = check.get("next_action")
    return None if action is None else str(action["redirect_to_url"]["url"])


def verification(client: stripe.StripeClient, what: str, account_id: str, **filters: str) -> list[dict[str, Any]]:
    """The account's ``checks`` or ``reviews``, newest first."""
    answer = client.raw_request("get", f"/v2/verification/{what}", account=account_id, limit=100, **filters)
    found: list[dict[str, Any]] = answer.data["data"]
    return found
