"""Proving that the book is consistent: rules that the rows of every account keep, whatever was killed and when.

Each rule has a stable code and one sentence of why. An account's rows are read in one snapshot and judged by
themselves, so a living system gives no false alarms; what a process may leave behind for a while (an attempt nobody
waits for) is a finding only after a bound. Nothing is written and memory stays flat. With its
database on two cores it reads about 750 accounts a second of 17 events and 4 checks each, or 550 with every seal
opened: half an hour for a million.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from onboarding.attempts import RUNNING, VENDOR_REFERENCE, AttemptState
from onboarding.crypto import SealBroken, WrappedKeys
from onboarding.domain.horizon import earliest
from onboarding.domain.instants import whole_milliseconds
from onboarding.domain.state import Check, CheckState, Outcome
from onboarding.door.activity import REPORT_ID
from onboarding.door.draft import BY_PERSON, DETAIL, NEXT_ACTION
from onboarding.door.journal import ANSWER, audit_hash
from onboarding.door.links import LINK
from onboarding.door.owing import needs_worker
from onboarding.door.policies import PolicyShelf
from onboarding.door.render import canonical_digest
from onboarding.door.review_rows import CONTESTED, SAMPLED, ReviewState, awaits_decision
from onboarding.door.reviews import NOTE
from onboarding.door.view import operator_view, parse_time
from onboarding.reproduction import Reproducer, fault
from onboarding.storage.inspection import count_accounts, inbox_items, whole_accounts
from onboarding.storage.tables import OPEN_CHECK_STATES, OPEN_REVIEW_STATES

if TYPE_CHECKING:
    from onboarding.crypto import AccountKeys, KeyRing
    from onboarding.reproduction import Reproduction
    from onboarding.storage.database import Database
    from onboarding.storage.inspection import EvidenceRow, InboxRow, WholeAccount
    from onboarding.storage.rows import AttemptRow, CheckRow, ReviewRow
    from onboarding.storage.versions import VersionRow

KEPT = 10_000
"""Findings that are kept at most; more are only counted."""

EVENT = "event"
"""Field group of what an event holds sealed."""

ABOUT_ENDED = (CONTESTED, SAMPLED)
"""Reasons of reviews whose check has ended."""

_DECISIVE = (Outcome.PASSED.value, Outcome.FAILED.value)

_T = TypeVar("_T", "AttemptRow", "EvidenceRow", "ReviewRow")


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that does not hold. ``says`` has codes, numbers and times in it, never a value."""

    rule: str
    account_id: str | None
    object_id: str | None
    says: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found, and how many rows of each kind were seen: ``counted["findings"]`` counts all of them."""

    findings: tuple[Finding, ...]
    counted: dict[str, int]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long what processes still have to do may be left undone.

    Attributes:
        leftover: an attempt that runs on after its check has ended.
        late: a wake time that nobody looks at, and work that nobody has claimed.
    """

    leftover: timedelta = timedelta(hours=2)
    late: timedelta = timedelta(hours=2)


class NoSuchAccount(Exception):  # noqa: N818 -- says what is
    """The book has no account of that id."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule; ``is_fallback``: told only where no other rule says what is wrong with the account."""

    code: str
    holds: Callable[[_Seen], Iterator[tuple[str | None, str]]]
    is_fallback: bool = False


ACCOUNT_RULES: dict[str, _Rule] = {}
"""The rules about one account's rows, by code."""

_Found = Iterator[tuple[str | None, str]]


def _rule(code: str, *, is_fallback: bool = False) -> Callable[[Callable[[_Seen], _Found]], Callable[[_Seen], _Found]]:
    def register(holds: Callable[[_Seen], _Found]) -> Callable[[_Seen], _Found]:
        ACCOUNT_RULES[code] = _Rule(code, holds, is_fallback)
        return holds

    return register


async def inspect(
    database: Database,
    ring: KeyRing | None = None,
    *,
    account_id: str | None = None,
    is_opening: bool = False,
    is_reproducing: bool = False,
    bounds: Bounds | None = None,
    told: Callable[[int, int], None] | None = None,
) -> Inspection:
    """Inspect the whole book, or one account.

    Args:
        database: only read.
        ring: the root keys; without them nothing that is sealed is looked at.
        account_id: inspect this account only.
        is_opening: open every sealed value of each account, not only its keys.
        is_reproducing: decide the newest version of each account again, from what was stored with it; of the one
            account that is inspected every version.
        bounds: what may be left for how long.
        told: called now and then with the number of accounts seen, and about how many there are.

    Raises:
        NoSuchAccount: there is no account of that id.
    """
    desk = _Desk(ring, bounds or Bounds(), is_opening=is_opening and ring is not None)
    reproducer = Reproducer(database, PolicyShelf(database)) if is_reproducing else None
    expected = await count_accounts(database) if told is not None and account_id is None else 1
    async for page in whole_accounts(database, account_id, with_sealed=desk.is_opening):
        for account in page:
            desk.inspect_account(account)
        if reproducer is not None:
            ids = [account.row.id for account in page]
            async for version, found in reproducer.newest(ids) if account_id is None else reproducer.every(account_id):
                desk.note_reproduction(version, found)
        if told is not None:
            told(desk.counted["accounts"], expected)
    if account_id is not None and not desk.counted["accounts"]:
        raise NoSuchAccount
    async for items in inbox_items(database, account_id):
        for item in items:
            desk.inspect_item(item)
    return Inspection(tuple(desk.findings), dict(desk.counted))


class _Desk:
    """What an inspection has seen so far."""

    def __init__(self, ring: KeyRing | None, bounds: Bounds, *, is_opening: bool) -> None:
        self.is_opening = is_opening
        self.findings: list[Finding] = []
        self.counted: Counter[str] = Counter(dict.fromkeys(("accounts", *_COUNTED, "sealed", "inbox", "findings"), 0))
        self._ring = ring
        self._bounds = bounds

    def inspect_account(self, account: WholeAccount) -> None:
        """Ask every rule about one account."""
        self.counted["accounts"] += 1
        for name in _COUNTED:
            self.counted[name] += len(getattr(account, name))
        self.counted["sealed"] += len(account.values) + sum(map(len, account.sealed.values()))
        before = self.counted["findings"]
        try:
            seen = _Seen(account, self._bounds, self._ring)
            for rule in sorted(ACCOUNT_RULES.values(), key=lambda rule: rule.is_fallback):
                if not rule.is_fallback or self.counted["findings"] == before:
                    for object_id, says in rule.holds(seen):
                        self._note(Finding(rule.code, account.row.id, object_id, says))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # A row that no code could have written must not end the inspection of all the others.
            self._note(Finding("account.unreadable", account.row.id, None, f"{type(error).__name__} while reading it"))

    def inspect_item(self, item: InboxRow) -> None:
        """Ask the rules of the inbox about one item."""
        self.counted["inbox"] += 1
        for rule, says in _inbox_rules(item):
            self._note(Finding(rule, item.account_id, item.id, says))

    def note_reproduction(self, version: VersionRow, found: Reproduction | None) -> None:
        """Take in what came of deciding a version again."""
        if found is not None:
            self.counted[found.result.value] += 1
        says = fault(version, found)
        if says is not None:
            self._note(Finding("version.reproduced", version.account_id, None, says))

    def _note(self, finding: Finding) -> None:
        self.counted["findings"] += 1
        if len(self.findings) < KEPT:
            self.findings.append(finding)


_COUNTED = ("versions", "events", "audit", "checks", "attempts", "evidence", "reviews", "answers")


@dataclass(slots=True)
class _Seen:
    """One account's rows, put in order for the rules."""

    account: WholeAccount
    bounds: Bounds
    ring: KeyRing | None
    checks: dict[str, CheckRow] = field(init=False)
    open_checks: list[Check] = field(init=False)
    attempts: dict[str, list[AttemptRow]] = field(init=False)
    evidence: dict[str, list[EvidenceRow]] = field(init=False)
    reviews: dict[str, list[ReviewRow]] = field(init=False)
    as_of: datetime = field(init=False)

    def __post_init__(self) -> None:
        account = self.account
        self.checks = {check.id: check for check in account.checks}
        self.open_checks = [_as_domain(check) for check in account.checks if check.state in OPEN_CHECK_STATES]
        self.attempts = _by_check(account.attempts)
        self.evidence = _by_check(account.evidence)
        self.reviews = _by_check([review for review in account.reviews if review.check_id is not None])
        now = whole_milliseconds(account.clock_now or account.database_now)
        self.as_of = max(now, account.row.last_as_of or now)

    def ended_before(self, check: CheckRow, bound: timedelta) -> bool:
        """Whether the check ended longer ago than that. In the database's time: a test clock may have jumped."""
        noted = [one.recorded_at for one in self.account.versions if one.effective_at == check.ended_at]
        ended_at = max(noted, default=check.ended_at)
        return ended_at is not None and self.account.database_now - ended_at > bound


def _by_check(rows: tuple[_T, ...] | list[_T]) -> dict[str, list[_T]]:
    grouped: defaultdict[str, list[_T]] = defaultdict(list)
    for row in rows:
        grouped[row.check_id or ""].append(row)
    return grouped


def _as_domain(row: CheckRow) -> Check:
    state = CheckState(row.state)
    return Check(row.id, row.kind, row.subject, row.digest, state, row.opened_at, row.answer_at, row.retry_at)


# --- the chain, the events, the versions ------------------------------------------------------------------------------


def _first_gap(numbers: list[int]) -> str | None:
    for expected, number in enumerate(numbers, start=1):
        if number != expected:
            return f"{number} where {expected} should be"
    return None


@_rule("audit.position")
def _audit_position(seen: _Seen) -> _Found:
    """Positions run from 1 without a gap: an entry that was taken out would leave one."""
    gap = _first_gap([entry.position for entry in seen.account.audit])
    if gap:
        yield None, gap


@_rule("audit.hash")
def _audit_hash(seen: _Seen) -> _Found:
    """Each hash covers its row and the hash before it: nobody has changed a row, or put another in its place."""
    row, position, previous = seen.account.row, 0, ""
    for entry in seen.account.audit:
        fields = [row.id, entry.position, entry.at.isoformat(), entry.actor, entry.action, entry.digest]
        follows = entry.previous == previous or entry.position != position + 1
        if not follows:
            yield None, f"position {entry.position} does not follow the one before"
        elif entry.hash != audit_hash(entry.previous, fields):
            yield None, f"position {entry.position} has not the hash of its row"
        position, previous = entry.position, entry.hash


@_rule("audit.head")
def _audit_head(seen: _Seen) -> _Found:
    """Count and head on the account's row are those of the last entry: the end of the chain was not cut off."""
    row, last = seen.account.row, seen.account.audit[-1] if seen.account.audit else None
    if (last.position if last else 0) != row.audit_count:
        yield None, f"ends at {last.position if last else 0}, the account says {row.audit_count}"
    elif (last.hash if last else None) != row.audit_head:
        yield None, "the account has another head"


@_rule("event.sequence")
def _event_sequence(seen: _Seen) -> _Found:
    """Events are numbered from 1 to the account's count: a platform that saw n has missed none before it."""
    numbers = [event.sequence for event in seen.account.events]
    gap = _first_gap(numbers)
    if gap:
        yield None, gap
    elif len(numbers) != seen.account.row.event_sequence:
        yield None, f"ends at {len(numbers)}, the account says {seen.account.row.event_sequence}"


@_rule("event.owner")
def _event_owner(seen: _Seen) -> _Found:
    """An event belongs to its account's platform and mode: lists are filtered by these columns alone."""
    row = seen.account.row
    for event in seen.account.events:
        if (event.platform_id, event.livemode) != (row.platform_id, row.livemode):
            yield event.id, "another platform's or mode's"


@_rule("version.number")
def _version_number(seen: _Seen) -> _Found:
    """Versions are numbered from 1 to the account's: an explanation of the past has no hole."""
    numbers = [version.version for version in seen.account.versions]
    gap = _first_gap(numbers)
    if gap:
        yield None, gap
    elif len(numbers) != seen.account.row.version:
        yield None, f"ends at {len(numbers)}, the account says {seen.account.row.version}"


@_rule("version.digest")
def _version_digest(seen: _Seen) -> _Found:
    """The last version has the account's digest: the next look compares with it to know whether anything changed."""
    last = seen.account.versions[-1] if seen.account.versions else None
    if last is not None and last.version == seen.account.row.version and last.digest != seen.account.row.digest:
        yield None, f"version {last.version} has another digest than the account"


@_rule("version.time")
def _version_time(seen: _Seen) -> _Found:
    """The account's time never goes back: what was in force at an instant is the last version before it."""
    for earlier, later in pairwise(seen.account.versions):
        if later.effective_at < earlier.effective_at:
            yield None, f"version {later.version} is effective before version {earlier.version}"


@_rule("version.content")
def _version_content(seen: _Seen) -> _Found:
    """The account shows what its last version says; the evaluator's version alone may move on without a new one."""
    row, last = seen.account.row, seen.account.versions[-1] if seen.account.versions else None
    for name in seen.account.differs:
        yield None, f"version {row.version} has another {name} than the account"
    if last is not None and last.evaluator_version > row.evaluator_version:
        yield None, f"version {last.version} is by a newer evaluator than the account"


@_rule("version.state", is_fallback=True)
def _version_state(seen: _Seen) -> _Found:
    """The account's digest is that of the rows which decide about it: none was lost, changed or added by the way."""
    account, row = seen.account, seen.account.row
    digest = canonical_digest(
        row.shape,
        row.evaluation,
        sorted([kind, key, at.isoformat(), value] for kind, key, at, value in account.marks),
        sorted(evidence.id for evidence in account.evidence),
        sorted([check.id, check.state.value] for check in seen.open_checks),
        sorted([order_id, True] for order_id in account.orders),
        sorted([capability, on] for capability, on in account.acknowledgements),
    )
    if row.digest is not None and digest != row.digest:
        yield None, "marks, evidence, checks, orders or acknowledgements are not those of its digest"


# --- checks -----------------------------------------------------------------------------------------------------------


@_rule("check.duplicate")
def _check_duplicate(seen: _Seen) -> _Found:
    """One question is open once: two open checks would charge twice, and each could answer the other's."""
    known: dict[tuple[str, str, str], str] = {}
    for check in seen.open_checks:
        first = known.setdefault((check.kind, check.subject, check.digest), check.id)
        if first != check.id:
            yield check.id, f"asks the same as {first}"


@_rule("check.ended")
def _check_ended(seen: _Seen) -> _Found:
    """A check has an end exactly if it is not open."""
    for check in seen.account.checks:
        if (check.ended_at is None) is not (check.state in OPEN_CHECK_STATES):
            yield check.id, f"{check.state} with{'out' if check.ended_at is None else ''} an end"


@_rule("check.concluded")
def _check_concluded(seen: _Seen) -> _Found:
    """What concludes a check is evidence that decides, a verifier's or a person's: none is concluded without."""
    for check in seen.account.checks:
        if check.state == CheckState.CONCLUDED and not any(map(_decides, seen.evidence.get(check.id, ()))):
            yield check.id, "concluded without an answer"


@_rule("check.leftover")
def _check_leftover(seen: _Seen) -> _Found:
    """Nobody waits for an attempt of a check that has ended: it was to be ended too, and its vendor told."""
    for attempt in seen.account.attempts:
        check, bound = seen.checks.get(attempt.check_id), seen.bounds.leftover
        if check is None or attempt.state not in RUNNING or check.state in OPEN_CHECK_STATES:
            continue
        if seen.account.database_now - attempt.started_at > bound and seen.ended_before(check, bound):
            yield attempt.id, f"{attempt.state} though its check is {check.state}"


@_rule("check.review")
def _check_review(seen: _Seen) -> _Found:
    """A check waits for a person exactly if somebody can find its review and decide it."""
    for check in seen.account.checks:
        undecided = [one for one in seen.reviews.get(check.id, ()) if one.state in OPEN_REVIEW_STATES]
        in_review = check.state == CheckState.IN_REVIEW
        if in_review and not undecided:
            yield check.id, "in review without a review"
        for review in undecided:
            if not in_review and (check.state in OPEN_CHECK_STATES or review.reason_code not in ABOUT_ENDED):
                yield review.id, f"{review.state} though its check is {check.state}"


@_rule("check.answer")
def _check_answer(seen: _Seen) -> _Found:
    """A sealed answer belongs to an open check, and is there where the check waits for its time."""
    answers = {answer.check_id: answer.answer_at for answer in seen.account.answers}
    waiting = {check.id: check.answer_at for check in seen.open_checks if check.answer_at is not None}
    is_open = {check.id for check in seen.open_checks}
    for check_id in answers.keys() - is_open:
        yield check_id, "an answer is kept though the check is not open"
    for check_id, answer_at in waiting.items():
        if answers.get(check_id) != answer_at:
            yield check_id, f"waits for {answer_at:%Y-%m-%dT%H:%M:%SZ}, when no answer comes"


# --- attempts and evidence --------------------------------------------------------------------------------------------


@_rule("attempt.number")
def _attempt_number(seen: _Seen) -> _Found:
    """Attempts of a check are numbered from 1: evidence names its attempt by that number."""
    for check_id, rows in seen.attempts.items():
        gap = _first_gap([attempt.number for attempt in rows])
        if gap:
            yield check_id, gap


@_rule("attempt.running")
def _attempt_running(seen: _Seen) -> _Found:
    """At most one attempt of a check runs: two at a time would charge twice."""
    for check_id, rows in seen.attempts.items():
        running = sum(attempt.state in RUNNING for attempt in rows)
        if running > 1:
            yield check_id, f"{running} attempts run"


@_rule("attempt.ended")
def _attempt_ended(seen: _Seen) -> _Found:
    """An attempt has an end exactly if it does not run, and then keeps no address of the end user's."""
    for attempt in seen.account.attempts:
        if (attempt.ended_at is None) is not (attempt.state in RUNNING):
            yield attempt.id, f"{attempt.state} with{'out' if attempt.ended_at is None else ''} an end"
        elif attempt.ended_at is not None and attempt.next_action is not None:
            yield attempt.id, f"{attempt.state} with a next action"


@_rule("attempt.reference")
def _attempt_reference(seen: _Seen) -> _Found:
    """A started attempt has the vendor's reference: without it nobody could ask for the report."""
    for attempt in seen.account.attempts:
        if attempt.state == AttemptState.STARTED and attempt.vendor_reference is None:
            yield attempt.id, "started without the vendor's reference"


@_rule("attempt.answered")
def _attempt_answered(seen: _Seen) -> _Found:
    """What a vendor answered, and was paid for, is evidence."""
    for attempt in seen.account.attempts:
        told = {(row.attempt, row.verifier) for row in seen.evidence.get(attempt.check_id, ())}
        if attempt.state == AttemptState.ANSWERED and (attempt.number, attempt.verifier) not in told:
            yield attempt.id, "answered without evidence"


@_rule("attempt.evidence")
def _attempt_evidence(seen: _Seen) -> _Found:
    """Evidence names an attempt of its verifier. A person's has none, nor what a local verifier said beside them."""
    for check_id, rows in seen.evidence.items():
        attempts = {attempt.number: attempt.verifier for attempt in seen.attempts.get(check_id, ())}
        for row in rows if attempts else ():
            is_local = row.attempt == 1 and row.verifier not in attempts.values()
            if row.attempt != BY_PERSON and not is_local and attempts.get(row.attempt) != row.verifier:
                yield row.id, f"attempt {row.attempt} is none of its verifier's"


@_rule("evidence.check")
def _evidence_check(seen: _Seen) -> _Found:
    """Evidence answers the question of its check and no other."""
    for row in seen.account.evidence:
        check = seen.checks.get(row.check_id)
        if check is None:
            yield row.id, "its check is not the account's"
        elif (row.kind, row.subject, row.digest) != (check.kind, check.subject, check.digest):
            yield row.id, f"answers another question than {check.id}"


@_rule("evidence.time")
def _evidence_time(seen: _Seen) -> _Found:
    """An answer is recorded once it was given, and never before its check: one from the future would outrank all."""
    for row in seen.account.evidence:
        check = seen.checks.get(row.check_id)
        if row.recorded_at < row.occurred_at:
            yield row.id, "recorded before it occurred"
        elif check is not None and row.recorded_at < check.opened_at:
            yield row.id, "recorded before its check was opened"


@_rule("evidence.decisive")
def _evidence_decisive(seen: _Seen) -> _Found:
    """An attempt decides once: a second answer that decides is contested, or a person's."""
    known: dict[tuple[str, int], str] = {}
    for row in seen.account.evidence:
        if row.attempt != BY_PERSON and _decides(row):
            first = known.setdefault((row.check_id, row.attempt), row.id)
            if first != row.id:
                yield row.id, f"attempt {row.attempt} is decided by {first} already"


def _decides(row: EvidenceRow) -> bool:
    return row.outcome in _DECISIVE and not row.contested


# --- activations ------------------------------------------------------------------------------------------------------


@_rule("activation.acknowledged")
def _activation_acknowledged(seen: _Seen) -> _Found:
    """A capability is active only where it was confirmed as on: by the downstream system, where there is one."""
    row = seen.account.row
    counted = {capability for capability, is_on in seen.account.acknowledgements if is_on}
    told = {one.capability: one.acknowledged for one in seen.account.activations}
    for name, status in (row.evaluation or {"capabilities": {}})["capabilities"].items():
        if status["status"] != "active":
            continue
        if name not in counted:
            yield name, "active, and nobody confirmed it"
        elif not told.get(name, True):
            yield name, "active, and the downstream system has not confirmed it"


@_rule("activation.settled")
def _activation_settled(seen: _Seen) -> _Found:
    """An activation is settled exactly if what is desired was confirmed, under the newest version."""
    for one in seen.account.activations:
        is_confirmed = one.acknowledged is one.desired and one.acknowledged_version == one.version
        if is_confirmed is one.is_owed:
            yield one.capability, f"{one.state.value}, version {one.acknowledged_version} of {one.version} confirmed"
        elif not one.is_owed and not one.desired and one.applied:
            yield one.capability, "off, with steps that may be in force"


# --- owed work --------------------------------------------------------------------------------------------------------


@_rule("owed.look")
def _owed_look(seen: _Seen) -> _Found:
    """Whatever is owed can be found: without ``look_at`` no sweep ever would, whoever has claimed it and died."""
    row = seen.account.row
    if row.look_at is not None:
        return
    for check in seen.open_checks:
        if needs_worker(check):
            yield check.id, f"{check.state.value}, and nobody will look"
            return
    for activation in seen.account.activations:
        if activation.is_owed:
            yield activation.capability, f"{activation.state.value}, and nobody will look"
            return
    if _is_unsettled(seen):
        yield None, f"{row.stage}, and nobody will look"
    elif row.wake_at is not None and seen.account.clock_now is None:
        yield None, "has a wake time, and nobody will look"


@_rule("owed.wake")
def _owed_wake(seen: _Seen) -> _Found:
    """The wake time is the evaluation's, a reminder's or a review's: nothing else may say when time does something."""
    row = seen.account.row
    evaluated = parse_time(row.evaluation["wake_at"]) if row.evaluation is not None else None
    late = [review.sla_at for review in seen.account.reviews if awaits_decision(review)]
    if row.wake_at != earliest(evaluated, row.remind_at, *late):
        yield None, "its wake time is not that of its evaluation, nor of a reminder or a review"


@_rule("owed.late")
def _owed_late(seen: _Seen) -> _Found:
    """What is owed is found soon: not long after its wake time, nor much later than a sweep backs off."""
    account, row, late = seen.account, seen.account.row, seen.bounds.late
    if row.stuck_code is not None:
        return  # tried again at its own distances
    if row.look_at is None:
        # Where there is no clock, or it moves, somebody comes by.
        if account.clock_state == "ready" and row.wake_at is not None and seen.as_of - row.wake_at > late:
            yield None, "its wake time has passed, and nobody will look"
    elif row.look_at - account.database_now > late and _is_unclaimed(seen):
        yield None, "what nobody has claimed is looked at much later"


def _is_unsettled(seen: _Seen) -> bool:
    row = seen.account.row
    if row.evaluation is None:
        return False
    at_users = {attempt.check_id for attempt in seen.account.attempts if attempt.next_action is not None}
    at_users |= {review.check_id or "" for review in seen.account.reviews if review.state == ReviewState.WAITING}
    view = operator_view(row.evaluation, seen.open_checks, at_users, closed=row.closed_at is not None)
    return row.abandoned_at is None and view.is_worked_on(row.silent_at, seen.as_of)


def _is_unclaimed(seen: _Seen) -> bool:
    account, row = seen.account, seen.account.row
    for check in seen.open_checks:
        claim = seen.checks[check.id]
        if needs_worker(check) and not _is_held(account, claim.lease_until, claim.lease_epoch):
            return True
    for activation in account.activations:
        if activation.is_owed and not _is_held(account, activation.lease_until, activation.lease_epoch):
            return True
    return not _is_held(account, row.run_lease_until, row.run_epoch) and _is_unsettled(seen)


def _is_held(account: WholeAccount, until: datetime | None, epoch: int) -> bool:
    return until is not None and until > account.database_now and epoch == account.book_epoch


@_rule("account.stuck")
def _stuck(seen: _Seen) -> _Found:
    """No fault of the book, but an account that the engine can't decide needs a person."""
    row = seen.account.row
    if row.stuck_code is not None:
        yield None, f"{row.stuck_code} since {row.stuck_since:%Y-%m-%dT%H:%M:%SZ}"


# --- seals ------------------------------------------------------------------------------------------------------------


@_rule("sealed.keys")
def _sealed_keys(seen: _Seen) -> _Found:
    """Both keys of an account open, or both are gone: a lost key is the loss of everything sealed with it."""
    row = seen.account.row
    if (row.data_key is None) is not (row.digest_key is None):
        yield None, "one of its keys is gone"
    elif seen.ring is not None and row.data_key is not None and _keys(seen) is None:
        yield None, "its keys do not open"


@_rule("sealed.value")
def _sealed_value(seen: _Seen) -> _Found:
    """Every sealed value opens in its own place: it was neither altered nor moved to another row."""
    keys = _keys(seen) if seen.account.values or seen.account.sealed else None
    if keys is None:
        return
    for where, subject, group, version, sealed in _sealed_rows(seen.account):
        try:
            keys.open(sealed, account=seen.account.row.id, subject=subject, group=group, version=version)
        except SealBroken:
            yield subject, f"{where} does not open"


def _keys(seen: _Seen) -> AccountKeys | None:
    row = seen.account.row
    if seen.ring is None or row.data_key is None or row.digest_key is None:
        return None
    try:
        return seen.ring.unwrap(WrappedKeys(row.data_key, row.digest_key), account=row.id)
    except SealBroken:
        return None


_GROUPS = {
    "events.sealed": EVENT,
    "answers.ciphertext": ANSWER,
    "evidence.detail": DETAIL,
    "activity_reports.sealed": REPORT_ID,
    "account_links.sealed": LINK,
    "review_notes.sealed": NOTE,
}


def _sealed_rows(account: WholeAccount) -> Iterator[tuple[str, str, str, int, bytes]]:
    """Column, subject, field group, version and bytes of everything that is sealed with the account's key."""
    for value in account.values:
        yield "sealed_values.ciphertext", value.subject, value.group, value.version, value.ciphertext
    for column, rows in account.sealed.items():
        for subject, sealed in rows:
            yield column, subject, _GROUPS[column], 1, sealed
    for attempt in account.attempts:
        if attempt.vendor_reference is not None:
            yield "attempts.vendor_reference", attempt.id, VENDOR_REFERENCE, 1, attempt.vendor_reference
        if attempt.next_action is not None:
            yield "attempts.next_action", attempt.id, NEXT_ACTION, 1, attempt.next_action


# --- the inbox --------------------------------------------------------------------------------------------------------


def _inbox_rules(item: InboxRow) -> Iterator[tuple[str, str]]:
    """What a vendor sent is either to be looked at, or done with: nothing in between would ever be found."""
    if item.state == "pending":
        if item.look_at is None:
            yield "inbox.pending", "pending, and nobody will look"
        if item.settled_at is not None:
            yield "inbox.pending", "pending, and settled"
        return
    if item.state == "settled" and item.settled_at is None:
        yield "inbox.settled", "settled at no time"
    if item.look_at is not None:
        yield "inbox.settled", f"{item.state}, and still to be looked at"
