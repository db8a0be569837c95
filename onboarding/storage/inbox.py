"""What vendors sent us: put in once each, matched to its attempt, found again until it is settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from onboarding.storage.accounts import columns
from onboarding.storage.database import Reading

FIRST_LOOK = timedelta(seconds=30)
"""Before a sweep looks at a pending item: whoever put it in has nudged its check already."""
LONGEST_WAIT = timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(days=3)
"""An item that no attempt wants, or whose vendor can't be asked about it, is left alone after so long."""
KEPT = timedelta(days=90)
"""Items that nobody waits for are deleted after so long."""
REFUSED_KEPT = timedelta(days=7)


class ItemState(StrEnum):
    """Where an item stands."""

    PENDING = "pending"
    SETTLED = "settled"
    IGNORED = "ignored"
    REFUSED = "refused"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item as it came. Digests and references are None where nothing authentic said them."""

    id: str
    verifier: str
    received_at: datetime
    state: ItemState
    ciphertext: bytes = field(repr=False)
    error_code: str | None = None
    event_digest: str | None = None
    vendor_digest: str | None = None
    our_reference: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PutItem:
    """What became of an item that was put in; ``id`` is that of the first delivery of the same event."""

    id: str
    is_new: bool
    state: ItemState
    account_id: str | None
    check_id: str | None


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item; the columns that people and adapters need."""

    id: str
    verifier: str
    received_at: datetime
    state: str
    error_code: str | None
    deliveries: int
    account_id: str | None
    check_id: str | None
    attempt_id: str | None
    tries: int
    settled_at: datetime | None
    ciphertext: bytes = field(repr=False)


_COLUMNS = columns(ItemRow)
_DONE = [ItemState.SETTLED.value, ItemState.IGNORED.value, ItemState.UNREADABLE.value]


async def put(r: Reading, item: NewItem) -> PutItem:
    """Put an item in and find its attempt, in one statement; the same event again only counts a delivery."""
    row = await r.fetch_one(
        _PUT,
        item.id, item.verifier, item.received_at, item.state.value, item.error_code, item.event_digest,
        item.vendor_digest, item.our_reference, item.occurred_at, item.ciphertext, FIRST_LOOK,
    )  # fmt: skip
    if row is None:  # an upsert returns its row
        raise LookupError("no row")
    return PutItem(row[0], row[1], ItemState(row[2]), row[3], row[4])


async def read_anew(r: Reading, item: NewItem) -> bool:
    """Put what a replay read into the row of ``item.id``; False where its event is there already in another row."""
    row = await r.fetch_one(
        _READ_ANEW,
        item.id, item.verifier, item.state.value, item.error_code, item.event_digest, item.vendor_digest,
        item.our_reference, item.occurred_at,
    )  # fmt: skip
    return row is not None


async def pending_of_check(r: Reading, check_id: str, *, limit: int = 50) -> list[ItemRow]:
    """Pending items about a check, the oldest first."""
    rows = await r.fetch(
        f"SELECT {_COLUMNS} FROM inbox t WHERE t.check_id = $1 AND t.state = 'pending'"  # noqa: S608 -- own names
        " ORDER BY t.received_at, t.id LIMIT $2",
        check_id,
        limit,
    )
    return [ItemRow(*row) for row in rows]


async def settle(
    r: Reading, item_ids: Sequence[str], state: ItemState = ItemState.SETTLED, code: str | None = None
) -> None:
    """Nobody has to look at these items any more."""
    await r.fetch(
        "UPDATE inbox SET state = $2, error_code = $3, settled_at = clock_timestamp(), look_at = NULL"
        " WHERE id = ANY($1::text[]) AND state = 'pending'",
        list(item_ids),
        state.value,
        code,
    )


async def due(r: Reading, *, limit: int) -> list[tuple[str, str]]:
    """Pick pending items that are due, match those that had no attempt yet, and move them on: (account, check)."""
    rows = await r.fetch(_DUE, limit, FIRST_LOOK, LONGEST_WAIT, GIVEN_UP_AFTER)
    return sorted({(row[0], row[1]) for row in rows if row[1] is not None})


async def list_items(
    r: Reading, *, states: Sequence[ItemState] = (), ids: Sequence[str] = (), verifier: str | None = None,
    since: datetime | None = None, limit: int = 100,
) -> list[ItemRow]:  # fmt: skip
    """Items, newest first; each condition that is given must hold."""
    rows = await r.fetch(
        f"SELECT {_COLUMNS} FROM inbox t"  # noqa: S608 -- own names
        " WHERE (cardinality($1::text[]) = 0 OR t.state = ANY($1)) AND (cardinality($2::text[]) = 0 OR t.id = ANY($2))"
        " AND ($3::text IS NULL OR t.verifier = $3) AND ($4::timestamptz IS NULL OR t.received_at >= $4)"
        " ORDER BY t.received_at DESC, t.id DESC LIMIT $5",
        [state.value for state in states],
        list(ids),
        verifier,
        since,
        limit,
    )
    return [ItemRow(*row) for row in rows]


async def discard(r: Reading, item_id: str) -> None:
    """Delete one item: another row holds the same event."""
    await r.fetch("DELETE FROM inbox WHERE id = $1", item_id)


async def purge(r: Reading, *, limit: int = 1000) -> None:
    """Delete items that nobody needs any more, some of them."""
    for states, kept in ((_DONE, KEPT), ([ItemState.REFUSED.value], REFUSED_KEPT)):
        await r.fetch(
            "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox"
            " WHERE state = ANY($1::text[]) AND received_at < statement_timestamp() - $2::interval LIMIT $3)",
            states,
            kept,
            limit,
        )


_ATTEMPT = """
  SELECT a.id, a.check_id, a.account_id FROM attempts a
  WHERE a.verifier = {verifier} AND (a.id = {ours} OR a.vendor_digest = {theirs})
  ORDER BY coalesce(a.id = {ours}, false) DESC, a.id LIMIT 1
"""
_PUT = f"""
INSERT INTO inbox (id, verifier, received_at, state, error_code, event_digest, vendor_digest, our_reference,
                   occurred_at, ciphertext, pending_since, deliveries, tries,
                   account_id, check_id, attempt_id, look_at, settled_at)
SELECT $1::text, $2::text, $3::timestamptz, $4::text, $5::text, $6::text, $7::text, $8::text, $9::timestamptz,
       $10::bytea, $3, 1, 0, m.account_id, m.check_id, m.id,
       CASE WHEN $4 = 'pending' THEN clock_timestamp() + $11::interval END,
       CASE WHEN $4 <> 'pending' THEN clock_timestamp() END
FROM (SELECT 1) AS one
LEFT JOIN LATERAL ({_ATTEMPT.format(verifier="$2", ours="$8", theirs="$7")}) m ON true
ON CONFLICT (verifier, event_digest) DO UPDATE SET deliveries = inbox.deliveries + 1
RETURNING id, id = $1, state, account_id, check_id
"""  # noqa: S608 -- our own names
_READ_ANEW = """
UPDATE inbox SET
  state = $3::text, error_code = $4::text, event_digest = $5::text, vendor_digest = $6::text,
  our_reference = $7::text, occurred_at = $8::timestamptz, pending_since = clock_timestamp(), tries = 0,
  look_at = CASE WHEN $3 = 'pending' THEN clock_timestamp() END,
  settled_at = CASE WHEN $3 <> 'pending' THEN clock_timestamp() END
WHERE id = $1 AND verifier = $2
  AND NOT EXISTS (SELECT 1 FROM inbox o WHERE o.verifier = $2 AND o.event_digest = $5 AND o.id <> $1)
RETURNING id
"""
_DUE = f"""
WITH picked AS (
  SELECT i.id FROM inbox i WHERE i.look_at <= statement_timestamp()
  ORDER BY i.look_at LIMIT $1 FOR UPDATE SKIP LOCKED
), matched AS (
  SELECT i.id, i.pending_since < statement_timestamp() - $4::interval AS is_over,
    coalesce(i.attempt_id, m.id) AS attempt_id, coalesce(i.check_id, m.check_id) AS check_id,
    coalesce(i.account_id, m.account_id) AS account_id
  FROM picked JOIN inbox i USING (id)
  LEFT JOIN LATERAL ({_ATTEMPT.format(verifier="i.verifier", ours="i.our_reference", theirs="i.vendor_digest")}) m
    ON i.attempt_id IS NULL
)
UPDATE inbox i SET
  attempt_id = m.attempt_id, check_id = m.check_id, account_id = m.account_id, tries = i.tries + 1,
  state = CASE WHEN m.is_over THEN 'ignored' ELSE i.state END,
  error_code = CASE WHEN m.is_over AND m.attempt_id IS NULL THEN 'no_such_attempt'
                    WHEN m.is_over THEN 'vendor_not_reached' ELSE i.error_code END,
  settled_at = CASE WHEN m.is_over THEN statement_timestamp() END,
  look_at = CASE WHEN NOT m.is_over
                 THEN statement_timestamp() + least($2::interval * 2 ^ least(i.tries, 12), $3::interval) END
FROM matched m WHERE i.id = m.id
RETURNING i.account_id, i.check_id
"""  # noqa: S608 -- our own names
