"""Policies for forecasts: what binds the accounts, and what comes."""

from __future__ import annotations

import json
from typing import Any

from onboarding.catalogue.loader import builtin_bytes, policy_bytes

WORKERS = "identity.business_details.estimated_worker_count"


def asking(when: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A rule that asks every account it applies to for a leaf that none has."""
    return {
        "name": "made.worker_count",
        "source": "test",
        "of": "account",
        "when": when,
        "needs": [WORKERS],
        "restricts": [{"capabilities": ["all"], "falls": "at_request", "grace_days": 20}],
        **parts,
    }


def packed(name: str, *rules: dict[str, Any], checks: dict[str, Any] | None = None, **edits: Any) -> bytes:
    """The built-in policy with more rules, with other parts of those it has, and without those that are None."""
    document = json.loads(builtin_bytes())["document"]
    kept = [rule for rule in document["rules"] if edits.get(rule["name"], rule) is not None]
    document["rules"] = [{**rule, **edits.get(rule["name"], {})} for rule in kept] + list(rules)
    for kind, parts in (checks or {}).items():
        document["checks"][kind].update(parts)
    return policy_bytes(name, 1, document)


def _restricts(falls: str, **parts: Any) -> list[dict[str, Any]]:
    return [{"capabilities": ["all"], "falls": falls, **parts}]


US = {"country": ["US"]}
VOLUME = {"currency": "usd", "amount": 600_000, "period": "year"}

CURRENT = packed(
    "current",
    asking(US, restricts=_restricts("eventually", at_volume=VOLUME, volume_grace_days=15)),
    checks={
        "keyed_identity": {"lasts_days": 60},
        "tax_id_match": {"lasts_days": 65, "ask_again": True},
        "address_match": {"lasts_days": 95, "ask_again": True},
        "id_number_match": {"lasts_days": 110, "ask_again": True},
    },
)
"""Evidence that expires while nobody looks, some of it to be supplied anew, and a leaf that is due with volume."""

EARLIER = packed(
    "earlier",
    asking({**US, "entity_type": ["individual"]}, of="individual", needs=["relationship.title"]),
)
"""Announced to some accounts before; another one takes its place."""

STRICTER = packed(
    "stricter",
    asking(US, restricts=_restricts("at_request", grace_days=12)),
    asking(
        US,
        name="made.age",
        of="individual",
        needs=[{"age": 21, "raises": ["date_of_birth.year"], "error": "invalid_dob_age_under_18"}],
        restricts=_restricts("at_request", grace_days=25),
    ),
    asking(
        {**US, "volume": {"currency": "usd", "amount": 200_000, "period": "year"}},
        name="made.title",
        of="representative",
        needs=["relationship.director"],
    ),
    **{"us.mcc": {"when": US, "restricts": _restricts("at_request", grace_days=5)}},
)
"""Asks for more, and sooner; what it says of expiry is the package's."""

MILDER = packed(
    "milder",
    asking(US, restricts=_restricts("at_request", grace_days=60)),
    checks={"keyed_identity": {"lasts_days": 60}},
    **{
        "us.mcc": None,
        "us.business_url": {"restricts": _restricts("eventually")},
        "us.external_account": {"restricts": [{"capabilities": ["payouts"], "falls": "eventually"}]},
    },
)
"""Asks for less, but for one leaf."""
