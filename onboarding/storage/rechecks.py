"""The accounts of a recheck campaign: those that have answers to ask again, and have no order of the campaign yet."""

from __future__ import annotations

from dataclasses import dataclass

from onboarding.storage.database import Reading


@dataclass(frozen=True, slots=True)
class RecheckScope:
    """Which accounts: those with an answer of this kind; of one platform, mode and country, where None is any."""

    kind: str
    campaign: str
    platform_id: str | None = None
    livemode: bool | None = None
    country: str | None = None


async def count(r: Reading, scope: RecheckScope) -> tuple[int, int]:
    """How many accounts still are to be ordered, and how many have been."""
    rows = await r.fetch(
        f"SELECT {_IS_ORDERED}, count(*) FROM accounts a WHERE {_IN_SCOPE} GROUP BY 1",  # noqa: S608 -- ours
        *_parameters(scope),
    )
    found: dict[bool, int] = {row[0]: row[1] for row in rows}
    return found.get(False, 0), found.get(True, 0)


async def following(r: Reading, scope: RecheckScope, after: str, limit: int) -> list[str]:
    """The next accounts behind an id that are to be ordered, in the order of their ids."""
    rows = await r.fetch(
        f"SELECT a.id FROM accounts a WHERE {_IN_SCOPE} AND NOT {_IS_ORDERED} AND a.id > $6"  # noqa: S608 -- ours
        " ORDER BY a.id LIMIT $7",
        *_parameters(scope),
        after,
        limit,
    )
    return [row[0] for row in rows]


def _parameters(scope: RecheckScope) -> tuple[object, ...]:
    return scope.kind, scope.campaign, scope.platform_id, scope.livemode, scope.country


# An order that was undone counts too: whoever took it back does not want it again.
_IS_ORDERED = "EXISTS (SELECT 1 FROM orders o WHERE o.account_id = a.id AND o.campaign = $2)"
_IN_SCOPE = """
a.closed_at IS NULL AND a.data_key IS NOT NULL
AND ($3::text IS NULL OR a.platform_id = $3) AND ($4::boolean IS NULL OR a.livemode = $4)
AND ($5::text IS NULL OR a.country = $5)
AND EXISTS (SELECT 1 FROM evidence e WHERE e.account_id = a.id AND e.kind = $1
            AND e.outcome IN ('passed', 'failed') AND NOT e.contested)
"""
