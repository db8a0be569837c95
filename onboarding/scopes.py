"""What an API key may do: kinds of object, and whether it may read them only or change them too."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum


class Resource(StrEnum):
    """What a route is about. Each route of the API declares one (``api.access``)."""

    ACCOUNTS = "accounts"
    PERSONS = "persons"
    EXTERNAL_ACCOUNTS = "external_accounts"
    ACCOUNT_LINKS = "account_links"
    TOKENS = "tokens"
    VAULT = "vault"
    FILES = "files"
    EVENTS = "events"
    EVENT_DESTINATIONS = "event_destinations"
    EXPLANATIONS = "verification.explanations"
    CHECKS = "verification.checks"
    REVIEWS = "verification.reviews"
    ORDERS = "verification.orders"
    ACTIVITY = "verification.activity"
    POLICIES = "verification.policies"
    TEST_CLOCKS = "verification.test_clocks"


class Level(StrEnum):
    """How far a scope goes; whoever may write may read."""

    READ = "read"
    WRITE = "write"


class UnknownScope(ValueError):  # noqa: N818 -- says what it is
    """A scope is not one of ``<resource>:read`` and ``<resource>:write``."""


def scope(resource: Resource, level: Level) -> str:
    """A scope's code, such as ``accounts:read``."""
    return f"{resource}:{level}"


SCOPES = tuple(scope(resource, level) for resource in Resource for level in Level)


def known_scopes(codes: Iterable[str]) -> list[str]:
    """The codes, each once, in the order of :data:`SCOPES`.

    Raises:
        UnknownScope: one of them is none.
    """
    asked = set(codes)
    if asked - set(SCOPES):
        raise UnknownScope
    return [code for code in SCOPES if code in asked]


def allows(scopes: Collection[str] | None, resource: Resource, level: Level) -> bool:
    """Whether a key with these scopes may do that; None is a key without restriction."""
    if scopes is None or scope(resource, level) in scopes:
        return True
    return level is Level.READ and scope(resource, Level.WRITE) in scopes
