"""What a downstream system must still be told, over all accounts."""

from __future__ import annotations

from dataclasses import dataclass, fields

from onboarding.domain.activations import Activation
from onboarding.storage.accounts import columns, decode_activation
from onboarding.storage.database import Reading
from onboarding.storage.tables import OWED_ACTIVATION


@dataclass(frozen=True, slots=True)
class OwedActivation:
    """An owed activation and its account."""

    account_id: str
    activation: Activation


_COLUMNS = columns(Activation)
_WIDTH = len(fields(Activation))


async def list_owed(r: Reading, *, only_refused: bool, limit: int) -> list[OwedActivation]:
    """Those that are owed, the longest first; ``only_refused`` those that were told and refused."""
    rows = await r.fetch(
        f"SELECT {_COLUMNS}, t.account_id FROM activations t"  # noqa: S608 -- our own names
        f" WHERE {OWED_ACTIVATION} AND ($1 = false OR t.refusals > 0) ORDER BY t.since, t.account_id, t.capability"
        " LIMIT $2",
        only_refused,
        limit,
    )
    return [OwedActivation(row[_WIDTH], decode_activation(tuple(row[:_WIDTH]))) for row in rows]
