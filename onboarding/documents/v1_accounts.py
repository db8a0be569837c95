"""An account in v1's words, as far as they are true of it: the rest of v1's account is left out, not made up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

PAYOUTS = "stripe_balance.payouts"
"""The capability, of any configuration, that v1 means by payouts."""

_DISABLED = (
    ("requirements_past_due", "requirements.past_due"),
    ("requirements_pending_verification", "requirements.pending_verification"),
    ("determining_status", "under_review"),
    ("restricted_other", "other"),
)
"""What stands for a status code in v1, the first that any capability has; what is unsupported is ``other`` too."""


def v1_account_document(account: Mapping[str, Any], *, rejected: str | None) -> dict[str, Any]:
    """Ids, contact and what is enabled.

    Args:
        account: what ``account_document`` returned, with everything in it.
        rejected: why the account stands rejected.
    """
    found = list(_capabilities(account["configuration"] or {}))
    identity = account["identity"] or {}
    return {
        "id": account["id"],
        "object": "account",
        "business_type": identity.get("entity_type"),
        "charges_enabled": any(_is_active(one) for name, one in found if _takes_payments(name)),
        "country": identity.get("country"),
        "created": int(datetime.fromisoformat(account["created"]).timestamp()),
        "email": account["contact_email"],
        "metadata": account["metadata"],
        "payouts_enabled": any(_is_active(one) for name, one in found if name.endswith(PAYOUTS)),
        "requirements": {"disabled_reason": f"rejected.{rejected}" if rejected else _disabled_reason(found)},
    }


def _disabled_reason(found: list[tuple[str, Mapping[str, Any]]]) -> str | None:
    codes = {detail["code"] for _, one in found for detail in one["status_details"]}
    return next((reason for code, reason in _DISABLED if code in codes), "other" if codes else None)


def _capabilities(configurations: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each capability that the account has, by its dotted name."""
    for configuration, content in configurations.items():
        yield from _named(configuration, (content or {}).get("capabilities"))


def _named(prefix: str, node: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not isinstance(node, Mapping):
        return
    if "status" in node:
        yield prefix, node
        return
    for name, below in node.items():
        yield from _named(f"{prefix}.{name}", below)


def _takes_payments(name: str) -> bool:
    return name.startswith("merchant.") and not name.endswith(PAYOUTS)


def _is_active(capability: Mapping[str, Any]) -> bool:
    return bool(capability["status"] == "active")
