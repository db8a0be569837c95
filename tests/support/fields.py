"""Twenty different places of one account, for clients that change it at once."""

from __future__ import annotations

from typing import Any

FIELDS: list[tuple[str, Any]] = [
    ("display_name", "Many Hands"),
    ("contact_phone", "+14155550123"),
    ("configuration.merchant.mcc", "5812"),
    ("configuration.merchant.statement_descriptor.prefix", "ROSEN"),
    ("configuration.merchant.support.email", "help@rosen-gardens.com"),
    ("configuration.merchant.support.url", "https://rosen-gardens.com/help"),
    ("configuration.merchant.support.phone", "+14155550124"),
    ("configuration.merchant.branding.primary_color", "#112233"),
    ("configuration.merchant.branding.secondary_color", "#445566"),
    ("defaults.profile.product_description", "Flowers by the dozen"),
    ("defaults.profile.doing_business_as", "Rosen"),
    ("defaults.profile.business_url", "https://rosen-gardens.com"),
    ("identity.business_details.estimated_worker_count", 12),
    ("identity.business_details.address.line2", "Suite 5"),
    ("identity.business_details.registered_name", "Rosen Gardens Incorporated"),
    ("identity.attestations.persons_provided.executives", True),
    ("identity.attestations.persons_provided.directors", True),
    ("metadata.one", "1"),
    ("metadata.two", "2"),
    ("metadata.three", "3"),
]


def nested(path: str, value: Any) -> Any:
    """A request that sets one place, given by its dotted path."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


def at(document: Any, path: str) -> Any:
    """What stands at a place."""
    for name in path.split("."):
        document = document[name]
    return document
