"""What happened to an account, moment by moment, from the rows that nobody changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onboarding.storage.database import Reading


@dataclass(frozen=True, slots=True)
class Action:
    """One link of the audit chain."""

    at: datetime
    position: int
    actor: str
    action: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What was decided from one instant on; ``before`` is what the version before it said."""

    at: datetime
    evaluation: dict[str, Any]
    inputs: dict[str, Any]
    before: dict[str, Any] | None
    inputs_before: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A check that was opened or ended."""

    at: datetime
    check_id: str
    kind: str
    subject: str
    state: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """An answer to a check."""

    at: datetime
    evidence_id: str
    kind: str
    subject: str
    outcome: str
    verifier: str
    contested: bool


@dataclass(frozen=True, slots=True)
class Moments:
    """Everything that happened at some instants of an account."""

    actions: list[Action]
    standings: list[Standing]
    asked: list[Asked]
    said: list[Said]


async def instants(
    r: Reading, account_id: str, *, limit: int, before: datetime | None = None, after: datetime | None = None
) -> list[datetime]:
    """Instants at which something happened, newest first: those before one, or the first ones after one."""
    if after is not None:
        rows = await r.fetch(
            "SELECT DISTINCT at FROM audit_log WHERE account_id = $1 AND at > $2 ORDER BY at LIMIT $3",
            account_id,
            after,
            limit,
        )
        return [row[0] for row in reversed(rows)]
    rows = await r.fetch(
        "SELECT DISTINCT at FROM audit_log WHERE account_id = $1 AND ($2::timestamptz IS NULL OR at < $2)"
        " ORDER BY at DESC LIMIT $3",
        account_id,
        before,
        limit,
    )
    return [row[0] for row in rows]


async def moments(r: Reading, account_id: str, at: list[datetime]) -> Moments:
    """What happened at these instants, each kind in its order."""
    actions = await r.fetch(
        "SELECT at, position, actor, action FROM audit_log"
        " WHERE account_id = $1 AND at = ANY($2::timestamptz[]) ORDER BY position",
        account_id,
        at,
    )
    standings = await r.fetch(
        "SELECT v.effective_at, v.evaluation, v.inputs, b.evaluation, b.inputs FROM versions v"
        " LEFT JOIN versions b ON b.account_id = v.account_id AND b.version = v.version - 1"
        " WHERE v.account_id = $1 AND v.effective_at = ANY($2::timestamptz[]) ORDER BY v.version",
        account_id,
        at,
    )
    asked = await r.fetch(
        "SELECT opened_at, id, kind, subject, NULL FROM checks"
        " WHERE account_id = $1 AND opened_at = ANY($2::timestamptz[])"
        " UNION ALL SELECT ended_at, id, kind, subject, state FROM checks"
        " WHERE account_id = $1 AND ended_at = ANY($2::timestamptz[]) ORDER BY 1, 2",
        account_id,
        at,
    )
    said = await r.fetch(
        "SELECT recorded_at, id, kind, subject, outcome, verifier, contested FROM evidence"
        " WHERE account_id = $1 AND recorded_at = ANY($2::timestamptz[]) ORDER BY recorded_at, id",
        account_id,
        at,
    )
    return Moments(
        [Action(*row) for row in actions],
        [Standing(*row) for row in standings],
        [Asked(*row) for row in asked],
        [Said(*row) for row in said],
    )
