"""Policies, roll-outs and forecasts as the wire has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from onboarding.domain.instants import rfc3339
from onboarding.door.callers import shown_actor

if TYPE_CHECKING:
    from datetime import datetime

    from onboarding.door.callers import Caller
    from onboarding.forecast import Forecasted
    from onboarding.policies.diff import Diff
    from onboarding.storage.rollouts import Counts, RolloutRow
    from onboarding.storage.rows import PolicyRow

POLICY_TYPE = "v2.verification.policy"
SECTIONS = ("capabilities", "checks", "errors", "groups", "reviews", "risk", "roles", "sets")
"""Of a policy, beside its rules."""

DIFF_TYPE = "v2.verification.policy_diff"
DRY_RUN_TYPE = "v2.verification.policy_dry_run"
ROLLOUT_TYPE = "v2.verification.rollout"

SHOWN_DIGITS = 24
"""Digits of the hash in an id: 96 bits."""

Document = dict[str, Any]


def policy_id(policy_hash: str) -> str:
    """The wire's id of a policy."""
    return f"pol_{policy_hash[:SHOWN_DIGITS]}"


def policy_document(row: PolicyRow, *, is_current: bool, whole: bool = False) -> Document:
    """A policy; ``whole`` with what it says."""
    shown: Document = {
        "id": policy_id(row.hash),
        "object": POLICY_TYPE,
        "current": is_current,
        "hash": row.hash,
        "name": row.name,
        "platform": row.platform_id,
        "published": rfc3339(row.published_at),
        "version": row.version,
    }
    if whole:
        document = orjson.loads(row.document)["document"]
        shown |= {name: document.get(name, {}) for name in SECTIONS}
        shown["rules"] = document["rules"]
    return shown


def diff_document(old: PolicyRow, new: PolicyRow, found: Diff) -> Document:
    """What differs between two policies."""
    return {"object": DIFF_TYPE, "against": policy_id(old.hash), "policy": policy_id(new.hash), **found.document}


def forecast_document(row: PolicyRow, at: datetime, until: datetime, found: Forecasted) -> Document:
    """What a policy would change."""
    return {
        "object": DRY_RUN_TYPE,
        "policy": policy_id(row.hash),
        "at": rfc3339(at),
        "until": rfc3339(until),
        **numbers(found),
    }


def numbers(found: Forecasted) -> Document:
    """A forecast's numbers of accounts."""
    return {
        "accounts": found.accounts,
        "changed": found.changed,
        "undecided": found.undecided,
        "losing_active": found.losing,
        "share_restricted": round(found.share_restricted, 4),
        "becoming_due": dict(sorted(found.becoming_due.items())),
        "no_longer_due": dict(sorted(found.no_longer_due.items())),
        "falling": [
            {"capability": name, "date": day.isoformat(), "accounts": count}
            for (name, day), count in sorted(found.falling.items())
        ],
        "rising": [
            {"capability": name, "date": day.isoformat(), "accounts": count}
            for (name, day), count in sorted(found.rising.items())
        ],
    }


def rollout_document(caller: Caller | None, row: RolloutRow, counts: Counts) -> Document:
    """A roll-out with its numbers of accounts; ``caller`` None is an operator."""
    return {
        "id": row.id,
        "object": ROLLOUT_TYPE,
        "accounts": {
            "announced": counts.announced,
            "moved": counts.moved,
            "failed": sum(counts.failed.values()),
            "rolled_back": counts.undone,
        },
        "created": rfc3339(row.created_at),
        "created_by": row.actor if caller is None else shown_actor(row.actor),
        "failures": dict(sorted(counts.failed.items())),
        "from_name": row.from_name,
        "livemode": row.livemode,
        "platform": row.platform_id,
        "policy": policy_id(row.to_hash),
        "status": row.state,
        "waves": [
            {
                "announced": counts.waves.get(place, 0),
                "share": wave.share,
                "starts_at": rfc3339(wave.starts_at),
                "transition_at": rfc3339(wave.transition_at),
            }
            for place, wave in enumerate(row.planned)
        ],
    }
