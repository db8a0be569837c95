"""Stored versions of accounts, each with all that it was decided from. Nothing here needs a key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from onboarding.domain.state import Evidence, Mark, State
from onboarding.storage.accounts import columns, decode_evidence, decode_mark
from onboarding.storage.shapes import decode_inputs, decode_shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from onboarding.storage.database import Reading, Row

READ = 200
"""Versions that are read at most to say since when something has stood: months of a busy account."""


@dataclass(frozen=True, slots=True)
class VersionRow:
    """The columns of a version that say what was decided, and from what."""

    account_id: str
    version: int
    effective_at: datetime
    shape: dict[str, Any]
    inputs: dict[str, Any]
    evaluation: dict[str, Any]
    policy_hash: str
    evaluator_version: int


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version with its account's evidence and marks as they were then: neither ever changes."""

    row: VersionRow
    evidence: tuple[Evidence, ...]
    marks: tuple[Mark, ...]

    @property
    def has_inputs(self) -> bool:
        """False of a version that was written before versions kept all that they were decided from."""
        return bool(self.row.inputs)

    @property
    def state(self) -> State:
        """What ``evaluate`` read."""
        shape = decode_shape(self.row.shape)
        state = State(self.row.account_id, shape, evidence=self.evidence, marks=self.marks)
        return decode_inputs(self.row.inputs, state) if self.has_inputs else state

    @property
    def announced(self) -> tuple[str, datetime] | None:
        """Hash of the policy that was ahead, and when it was to come into force."""
        found = self.row.inputs.get("announced")
        return None if found is None else (found[0], datetime.fromisoformat(found[1]))


class Standing(NamedTuple):
    """Something that a version says: a need with its cause (None: satisfied), or a capability with its status.

    Of a capability ``rule`` is its name, ``cause`` its status, and ``subject`` and ``need`` are empty.
    """

    rule: str
    subject: str
    need: str
    cause: str | None


@dataclass(frozen=True, slots=True)
class Since:
    """From when on something has stood without a break; ``before``: or longer, for older versions were not read."""

    time: datetime
    before: bool = False


async def effective(r: Reading, account_id: str, at: datetime | None = None) -> StoredVersion | None:
    """The account's last version that was effective at an instant, or the newest; None if there was none yet."""
    condition = "v.account_id = $1 AND ($2::timestamptz IS NULL OR v.effective_at <= $2)"
    row = await r.fetch_one(f"{_LOAD} WHERE {condition} ORDER BY v.version DESC LIMIT 1", account_id, at)
    return None if row is None else _decoded(row)


async def newest(r: Reading, account_ids: Sequence[str]) -> list[StoredVersion]:
    """The newest version of each of these accounts that has one."""
    rows = await r.fetch(
        f"{_LOAD} JOIN accounts a ON a.id = v.account_id AND a.version = v.version WHERE a.id = ANY($1::text[])",
        list(account_ids),
    )
    return [_decoded(row) for row in rows]


async def all_of(r: Reading, account_id: str) -> list[StoredVersion]:
    """Every version of an account, the first first."""
    rows = await r.fetch(f"{_LOAD} WHERE v.account_id = $1 ORDER BY v.version", account_id)
    return [_decoded(row) for row in rows]


async def policy_names(r: Reading, hashes: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Name and version of published policies, by their hash."""
    rows = await r.fetch("SELECT hash, name, version FROM policies WHERE hash = ANY($1::text[])", list(hashes))
    return {row[0]: (row[1], row[2]) for row in rows}


async def standing_since(r: Reading, account_id: str, version: int) -> dict[Standing, Since]:
    """Since when all that a version says has stood, as far as the :data:`READ` versions up to it tell."""
    rows = await r.fetch(_SINCE, account_id, version, READ)
    return {Standing(*row[:4]): Since(row[4], before=row[5]) for row in rows}


def said(evaluation: Mapping[str, Any]) -> list[Standing]:
    """All that a stored evaluation says."""
    nodes = [Standing(*node[:4]) for node in evaluation.get("findings", ())]
    return nodes + [Standing(name, "", "", one["status"]) for name, one in evaluation["capabilities"].items()]


_LOAD = f"""
SELECT {columns(VersionRow, "v")},
  ARRAY(SELECT ROW({columns(Evidence)}) FROM evidence t WHERE t.account_id = v.account_id AND t.version <= v.version),
  ARRAY(SELECT ROW({columns(Mark)}) FROM marks t WHERE t.account_id = v.account_id AND t.version <= v.version)
FROM versions v
"""  # noqa: S608 -- names of our own schema

# Versions are numbered without a gap, so the versions in which something stands without a break are those where the
# number and the place among all in which it stands have the same distance.
_SINCE = """
WITH seen AS (
  SELECT version, effective_at, evaluation FROM versions
  WHERE account_id = $1 AND version <= $2 ORDER BY version DESC LIMIT $3
), said AS (
  SELECT DISTINCT s.version, s.effective_at, n->>0 AS rule, n->>1 AS subject, n->>2 AS need, n->>3 AS cause
  FROM seen s CROSS JOIN LATERAL jsonb_array_elements(s.evaluation->'findings') n
  UNION ALL
  SELECT s.version, s.effective_at, c.key, '', '', c.value->>'status'
  FROM seen s CROSS JOIN LATERAL jsonb_each(s.evaluation->'capabilities') c
), runs AS (
  SELECT *, version - row_number() OVER (PARTITION BY rule, subject, need, cause ORDER BY version) AS run FROM said
)
SELECT rule, subject, need, cause, min(effective_at),
  min(version) > 1 AND min(version) = (SELECT min(version) FROM seen)
FROM runs GROUP BY rule, subject, need, cause, run HAVING max(version) = $2
"""


def _decoded(loaded: Row) -> StoredVersion:
    values: tuple[Any, ...] = tuple(loaded)
    *own, evidence, marks = values
    return StoredVersion(
        VersionRow(*own),
        tuple(map(decode_evidence, evidence)),
        tuple(map(decode_mark, marks)),
    )
