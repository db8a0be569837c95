"""Pages of things, mostly newest first, with cursors that stay right while rows are added.

Accounts and test clocks are ordered by (created_at, id). Checks and evidence are ordered by id, which is the order in
which they were made: their own times may be those of a test clock, and the primary key serves the order of a whole
platform without an index of its own. Reviews come in the order in which they should be decided, the most urgent first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime
from typing import Any

from onboarding.crypto import WrappedKeys
from onboarding.domain.state import Evidence
from onboarding.storage.accounts import columns, decode_evidence
from onboarding.storage.database import Reading, Row
from onboarding.storage.rows import CheckRow, ClockRow, EventDestinationRow, FileRow, ReviewNoteRow, ReviewRow
from onboarding.storage.tables import OPEN_CHECK, OPEN_REVIEW, OPEN_REVIEW_STATES


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list ordered by (created_at, id): that of one row of it."""

    created_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class ReviewPlace:
    """A place in a list of reviews: that of one of them.

    ``closed`` is 1 where nothing is left to decide, which comes behind all else; ``sla_at`` is :data:`NO_SLA` where
    there is none.
    """

    closed: int
    priority: int
    sla_at: datetime
    id: str


NO_SLA = datetime(9999, 1, 1, tzinfo=UTC)
"""Sorts behind every SLA."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which page. Without a cursor the first.

    Attributes:
        limit: rows at most; ask for one more than is shown to know whether there are more.
        after: only rows behind this one, which are older in most lists; an id where the list is ordered by id.
        before: only rows in front of this one, the nearest of them; not with ``after``.
    """

    limit: int = 20
    after: Cursor | ReviewPlace | str | None = None
    before: Cursor | ReviewPlace | str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows: those of a platform in one mode, or of one of its accounts."""

    platform_id: str
    livemode: bool
    account_id: str | None = None


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """Evidence, and whose it is."""

    account_id: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class ReviewItem(ReviewRow):
    """A review with the question of its check and what a verifier found: ``outcome`` None where none answered.

    ``detail`` is sealed with ``evidence_id`` as its subject. ``now`` is the database's time, ``account_now`` the
    account's.
    """

    kind: str | None
    subject: str | None
    outcome: str | None
    evidence_id: str | None
    detail: bytes | None
    livemode: bool
    now: datetime
    account_now: datetime

    @property
    def place(self) -> ReviewPlace:
        """Where it stands in a list."""
        return ReviewPlace(int(self.state not in OPEN_REVIEW_STATES), self.priority, self.sla_at or NO_SLA, self.id)


@dataclass(frozen=True, slots=True)
class OwnedAccount:
    """An account of the scope; ``keys`` None where it was erased."""

    id: str
    shape: dict[str, Any]
    keys: WrappedKeys | None


@dataclass(frozen=True, slots=True)
class ActivityItem:
    """A report of activity; the platform's own id of it is ``sealed``, with ``id`` as its subject."""

    id: str
    account_id: str
    sealed: bytes
    currency: str
    totals: list[Any]
    reported_at: datetime


@dataclass(frozen=True, slots=True)
class OrderRow:
    """All columns of an order."""

    id: str
    account_id: str
    kind: str
    reason: str
    actor: str
    starts_at: datetime
    ends_at: datetime | None
    capability: str | None
    target: str | None
    audience: str
    undone_at: datetime | None
    undone_by: str | None
    subject: str | None
    campaign: str | None


@dataclass(frozen=True, slots=True)
class VaultRow:
    """A kept bank account without its details."""

    id: str
    account_id: str
    created_at: datetime
    country: str
    currency: str
    archived: bool


@dataclass(frozen=True, slots=True)
class VaultItem(VaultRow):
    """A kept bank account with its details, sealed with ``id`` as subject."""

    version: int
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OrderItem(OrderRow):
    """An order with its ticket, sealed with ``id`` as subject, and what says whether it has ended.

    That is its account's time, and of a recheck whether a check that it asks for is open.
    """

    ticket: bytes | None
    now: datetime
    is_asking: bool


async def list_checks(
    r: Reading,
    scope: Scope,
    page: Page,
    *,
    kinds: Sequence[str] = (),
    states: Sequence[str] = (),
    subject: str | None = None,
) -> list[CheckRow]:
    """Checks of these kinds and in these states; empty is any."""
    query = _of_accounts("checks", columns(CheckRow), scope)
    _add_chosen(query, {"kind": kinds, "state": states})
    if subject is not None:
        query.add("t.subject = {}", subject)
    return [CheckRow(*row) for row in await query.page(r, page)]


async def find_check(r: Reading, scope: Scope, check_id: str) -> CheckRow | None:
    """One check of the scope, or None."""
    query = _of_accounts("checks", columns(CheckRow), scope)
    query.add("t.id = {}", check_id)
    rows = await query.page(r, Page(limit=1))
    return CheckRow(*rows[0]) if rows else None


async def find_review(r: Reading, scope: Scope, review_id: str) -> ReviewItem | None:
    """One review of the scope, or None."""
    query = _reviews("e.detail", scope)
    query.add("t.id = {}", review_id)
    rows = await query.page(r, Page(limit=1))
    return ReviewItem(*rows[0]) if rows else None


async def list_evidence(
    r: Reading, scope: Scope, page: Page, *, kinds: Sequence[str] = (), check_id: str | None = None
) -> list[EvidenceRow]:
    """Evidence of these kinds, or of one check; empty is any."""
    query = _of_accounts("evidence", f"t.account_id, {columns(Evidence)}", scope)
    _add_chosen(query, {"kind": kinds})
    if check_id is not None:
        query.add("t.check_id = {}", check_id)
    return [EvidenceRow(row[0], decode_evidence(tuple(row)[1:])) for row in await query.page(r, page)]


async def list_reviews(
    r: Reading,
    scope: Scope | None,
    page: Page,
    *,
    queues: Sequence[str] = (),
    state: str | None = None,
    assignee: str | None = None,
    overdue: bool | None = None,
) -> list[ReviewItem]:
    """Reviews without their details, the most urgent first; a scope of None is every platform's.

    ``state`` is what is shown: a review whose claim has ended is open.
    """
    query = _reviews("NULL::bytea", scope, urgent_first=True)
    _add_chosen(query, {"queue": queues})
    if state is not None:
        query.add(_SHOWN_STATES.get(state, "t.state = {}"), *(() if state in _SHOWN_STATES else (state,)))
    if assignee is not None:
        query.add("t.assignee = {}", assignee)
    if overdue is not None:
        query.add(f"({OPEN_REVIEW_OF_T} AND coalesce(t.sla_at <= {_ACCOUNTS_TIME}, false)) = {{}}", overdue)
    return [ReviewItem(*row) for row in await query.page(r, page)]


async def list_review_notes(
    r: Reading, scope: Scope, page: Page, review_id: str, note_id: str | None = None
) -> list[ReviewNoteRow]:
    """What was noted about a review, or one note."""
    query = _of_accounts("review_notes", columns(ReviewNoteRow), scope)
    query.add("t.review_id = {}", review_id)
    if note_id is not None:
        query.add("t.id = {}", note_id)
    return [ReviewNoteRow(*row) for row in await query.page(r, page)]


async def find_owned(r: Reading, scope: Scope) -> OwnedAccount | None:
    """The scope's one account, or None."""
    query = _Query("SELECT a.id, a.shape, a.data_key, a.digest_key FROM accounts a", "a.id")
    query.add("a.id = {}", scope.account_id)
    query.add("a.platform_id = {}", scope.platform_id)
    query.add("a.livemode = {}", scope.livemode)
    rows = await query.page(r, Page(limit=1))
    if not rows:
        return None
    account_id, shape, data_key, digest_key = rows[0]
    is_erased = data_key is None or digest_key is None
    return OwnedAccount(account_id, shape, None if is_erased else WrappedKeys(data_key, digest_key))


async def list_activity(r: Reading, scope: Scope, page: Page, *, digest: str | None = None) -> list[ActivityItem]:
    """Reports of activity, or the one whose id has this digest."""
    query = _of_accounts("activity_reports", columns(ActivityItem), scope)
    if digest is not None:
        query.add("t.report_digest = {}", digest)
    return [ActivityItem(*row) for row in await query.page(r, page)]


async def list_orders(
    r: Reading, scope: Scope, page: Page, *, kinds: Sequence[str], order_id: str | None = None
) -> list[OrderItem]:
    """Orders of these kinds, undone ones too, or one of them."""
    selected = f"{columns(OrderRow)}, s.ciphertext, {_ACCOUNTS_TIME}, {_IS_ASKING}"
    query = _of_accounts("orders", selected, scope, _ITS_TICKET)
    _add_chosen(query, {"kind": kinds})
    if order_id is not None:
        query.add("t.id = {}", order_id)
    return [OrderItem(*row) for row in await query.page(r, page)]


async def list_vault(
    r: Reading, scope: Scope, page: Page, *, country: str, bank_id: str | None = None
) -> list[VaultItem]:
    """Kept bank accounts of a country, archived ones too, or one of them."""
    query = _of_accounts("vault_bank_accounts", f"{columns(VaultRow)}, s.version, s.ciphertext", scope, _ITS_VALUES)
    query.add("t.country = {}", country)
    if bank_id is not None:
        query.add("t.id = {}", bank_id)
    return [VaultItem(*row) for row in await query.page(r, page)]


async def list_clocks(r: Reading, platform_id: str, page: Page) -> list[ClockRow]:
    """A platform's test clocks."""
    query = _Query(f"SELECT {columns(ClockRow)} FROM test_clocks t", "t.created_at", "t.id")  # noqa: S608
    query.add("t.platform_id = {}", platform_id)
    return [ClockRow(*row) for row in await query.page(r, page)]


async def list_destinations(r: Reading, scope: Scope, page: Page) -> list[EventDestinationRow]:
    """A platform's event destinations in one mode."""
    query = _Query(f"SELECT {columns(EventDestinationRow)} FROM event_destinations t", "t.created_at", "t.id")  # noqa: S608
    query.add("t.platform_id = {}", scope.platform_id)
    query.add("t.livemode = {}", scope.livemode)
    return [EventDestinationRow(*row) for row in await query.page(r, page)]


async def list_files(
    r: Reading,
    scope: Scope,
    page: Page,
    *,
    purpose: str | None = None,
    since: datetime | None = None,
    before: datetime | None = None,
) -> list[FileRow]:
    """The scope's own files: a platform's without an account are those that belong to none."""
    query = _Query(f"SELECT {columns(FileRow)} FROM files t", "t.created_at", "t.id")  # noqa: S608
    query.add("t.platform_id = {}", scope.platform_id)
    query.add("t.livemode = {}", scope.livemode)
    if scope.account_id is None:
        query.add("t.account_id IS NULL")
    else:
        query.add("t.account_id = {}", scope.account_id)
    for condition, value in (("purpose = {}", purpose), ("created_at >= {}", since), ("created_at < {}", before)):
        if value is not None:
            query.add(f"t.{condition}", value)
    return [FileRow(*row) for row in await query.page(r, page)]


class _Query:
    """A SELECT with its conditions; ``order`` are the columns of its cursor, the greatest first unless it ascends."""

    def __init__(self, select: str, *order: str, ascends: bool = False) -> None:
        self._select = select
        self._order = order
        self._ascends = ascends
        self._conditions: list[str] = []
        self._parameters: list[object] = []

    def add(self, condition: str, *values: object) -> None:
        """Add a condition with one ``{}`` for each value."""
        first = len(self._parameters) + 1
        self._parameters.extend(values)
        self._conditions.append(condition.format(*(f"${first + number}" for number in range(len(values)))))

    async def page(self, r: Reading, page: Page) -> list[Row]:
        backwards = page.before is not None
        cursor = page.before if backwards else page.after
        if cursor is not None:
            place = (cursor,) if isinstance(cursor, str) else astuple(cursor)
            marks = ", ".join("{}" for _ in place)
            self.add(f"({', '.join(self._order)}) {'>' if backwards is not self._ascends else '<'} ({marks})", *place)
        direction = "ASC" if backwards is not self._ascends else "DESC"
        order = ", ".join(f"{column} {direction}" for column in self._order)
        self._parameters.append(page.limit)
        rows = await r.fetch(
            f"{self._select} WHERE {' AND '.join(self._conditions or ['true'])}"
            f" ORDER BY {order} LIMIT ${len(self._parameters)}",
            *self._parameters,
        )
        return rows[::-1] if backwards else rows


def of_accounts(select: str, scope: Scope) -> _Query:
    """Accounts ``a`` of the scope, in the order of their creation."""
    query = _Query(select, "a.created_at", "a.id")
    query.add("a.platform_id = {}", scope.platform_id)
    query.add("a.livemode = {}", scope.livemode)
    if scope.account_id is not None:
        query.add("a.id = {}", scope.account_id)
    return query


def _reviews(detail: str, scope: Scope | None, *, urgent_first: bool = False) -> _Query:
    """Reviews with their checks, and what a verifier had found when they were opened; else what came afterwards."""
    selected = (
        f"{columns(ReviewRow)}, c.kind, c.subject, e.outcome, e.id, {detail}, a.livemode, {_NOW}, {_ACCOUNTS_TIME}"
    )
    order = (*(_URGENCY if urgent_first else ()), "t.id")
    return _of_accounts("reviews", selected, scope, _WHAT_WAS_FOUND, order=order, ascends=urgent_first)


OPEN_REVIEW_OF_T = f"t.{OPEN_REVIEW}"
_NOW = "statement_timestamp()"
_URGENCY = (f"(NOT {OPEN_REVIEW_OF_T})::int", "t.priority", "coalesce(t.sla_at, '9999-01-01 00:00:00+00'::timestamptz)")
_CLAIM_HOLDS = f"coalesce(t.claimed_until > {_NOW}, false)"
_SHOWN_STATES = {
    "open": f"(t.state = 'open' OR t.state = 'claimed' AND NOT {_CLAIM_HOLDS})",
    "claimed": f"(t.state = 'claimed' AND {_CLAIM_HOLDS})",
}
_WHAT_WAS_FOUND = """
LEFT JOIN test_clocks k ON k.id = a.test_clock_id
LEFT JOIN checks c ON c.id = t.check_id
LEFT JOIN LATERAL (
  SELECT f.id, f.outcome, f.detail FROM evidence f WHERE f.check_id = t.check_id AND f.attempt > 0
  ORDER BY (f.recorded_at <= t.opened_at) DESC, f.recorded_at DESC, f.id DESC LIMIT 1
) e ON true
"""


_ACCOUNTS_TIME = "greatest(coalesce(k.now, clock_timestamp()), a.last_as_of)"
_IS_ASKING = f"""
EXISTS (SELECT 1 FROM checks c WHERE c.account_id = t.account_id AND {OPEN_CHECK}
  AND c.kind = coalesce(t.target, c.kind) AND c.subject = coalesce(t.subject, c.subject))
"""  # noqa: S608 -- names of our own schema
"""Of a recheck: whether it waits for an answer."""
_ITS_VALUES = """
JOIN sealed_values s ON s.account_id = t.account_id AND s.subject = t.id AND s.field_group = 'values'
"""
_ITS_TICKET = """
LEFT JOIN test_clocks k ON k.id = a.test_clock_id
LEFT JOIN sealed_values s ON s.account_id = t.account_id AND s.subject = t.id AND s.field_group = 'ticket'
"""


def _of_accounts(
    table: str,
    selected: str,
    scope: Scope | None,
    joined: str = "",
    *,
    order: Sequence[str] = ("t.id",),
    ascends: bool = False,
) -> _Query:
    """Rows of a table whose accounts are in the scope, ordered by id if nothing else is said."""
    source = f"{table} t JOIN accounts a ON a.id = t.account_id{joined}"
    query = _Query(f"SELECT {selected} FROM {source}", *order, ascends=ascends)  # noqa: S608 -- names of our own schema
    if scope is None:
        return query
    query.add("a.platform_id = {}", scope.platform_id)
    query.add("a.livemode = {}", scope.livemode)
    if scope.account_id is not None:
        query.add("t.account_id = {}", scope.account_id)
    return query


def _add_chosen(query: _Query, chosen: dict[str, Sequence[str]]) -> None:
    for column, values in chosen.items():
        if values:
            query.add(f"t.{column} = ANY({{}}::text[])", list(values))
