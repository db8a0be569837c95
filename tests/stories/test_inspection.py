"""Inspecting the book: every rule finds the break that it is there for, and nothing in books that lived."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from onboarding import inspection
from onboarding.account_links import LinkRequest
from onboarding.checks import Checks
from onboarding.cli import app
from onboarding.cli.operations import CommandFailed
from onboarding.domain.errors import Refusal
from onboarding.domain.settle import Answer, Later
from onboarding.domain.state import Outcome
from onboarding.engine import Engine, open_engine
from onboarding.inspection import ACCOUNT_RULES, Bounds, Inspection, NoSuchAccount, inspect
from onboarding.local.postgres import LocalPostgres
from onboarding.settings import Settings
from onboarding.storage import inspection as reading
from onboarding.storage import migrate
from onboarding.verifiers import sandbox
from onboarding.verifiers.port import Question, RepeatedStart, Report, Started
from onboarding.verifiers.registry import Verifiers
from tests.stories.telling import DAY, HOUR, SECOND, Life, company, fetch, individual, new_caller, person
from tests.stories.test_time_paths import SCRIPT
from tests.support import samples

ASKED = "address_match"
"""The kind of check that the vendors of these stories answer; the sandbox answers all others."""
ORDINARY: Any = {"identity": {"individual": {"address": {"line1": "12 Ordinary Road"}}}}
HIT = {"day": 1, "month": 1, "year": 1900}


class Vendor:
    """An outward verifier that says what it is told to; silent at first."""

    version = "1"
    kinds = frozenset({ASKED})
    repeated_start = RepeatedStart.KEY
    key_lifetime = DAY

    def __init__(self, name: str) -> None:
        self.name = name
        self.outcome: Outcome | None = None
        self.cancelled = 0

    def report(self, outcome: Outcome) -> Report:
        reasons = () if outcome is Outcome.PASSED else ("verification_failed_other",)
        return Report(outcome, reasons, datetime.now(UTC))

    async def start(self, question: Question, *, our_reference: str, idempotency_key: str) -> Started | Report:
        del question, idempotency_key
        return self.report(self.outcome) if self.outcome else Started(f"case of {our_reference}")

    async def find(self, our_reference: str) -> Started | None:
        return Started(f"case of {our_reference}")

    async def poll(self, vendor_reference: str, question: Question | None) -> Report | Started | None:
        del vendor_reference, question
        return self.report(self.outcome) if self.outcome else None

    async def cancel(self, vendor_reference: str) -> None:
        del vendor_reference
        self.cancelled += 1


class Book:
    """An engine on a database of its own, and two vendors for one kind of check."""

    def __init__(self, engine: Engine, vendors: tuple[Vendor, Vendor], asked: set[str]) -> None:
        self.engine = engine
        self.first, self.second = vendors
        self.asked = asked
        self.checks = Checks(engine.door, engine.database, engine.verifiers, engine.inbox)

    async def inspect(self, life: Life | None = None, **options: Any) -> Inspection:
        ring = self.engine.ring
        return await inspect(self.engine.database, ring, account_id=life.id if life else None, **options)

    async def healthy(self, **options: Any) -> dict[str, int]:
        found = await self.inspect(is_opening=True, **options)
        assert found.findings == ()
        return found.counted

    async def started(self) -> tuple[Life, str]:
        """An individual whose address somebody was asked about, who has not answered."""
        self.first.outcome = self.second.outcome = None
        life = await Life.now(self.engine, individual())
        self.asked.add(ASKED)
        await life.put(ORDINARY)
        self.asked.clear()
        [check_id] = (await life.plan()).checks
        await self.checks.advance(life.id, check_id)
        return life, check_id


@asynccontextmanager
async def opened(postgres: LocalPostgres, settings: Settings, name: str) -> AsyncIterator[Book]:
    postgres.create_database(name)
    url = postgres.url(name)
    migrate.upgrade(url)
    asked: set[str] = set()
    verifier = sandbox.SandboxVerifier()

    class SomeSandbox:
        name, version = verifier.name, verifier.version

        def answer(self, question: Question) -> Answer | Later | None:
            return None if question.kind in asked else verifier.answer(question)

    vendors = Vendor("first"), Vendor("second")
    verifiers = Verifiers(
        sandbox=SomeSandbox(),
        exempt=sandbox.is_test_value,
        bank_tokens=sandbox.BANK_TOKENS,
        outward=vendors,
        serve_sandbox=True,
    )
    own = settings.model_copy(update={"database_url": url})
    engine = await open_engine(own, verifiers=verifiers, name="inspected")
    try:
        yield Book(engine, vendors, asked)
    finally:
        await engine.close()


@pytest.fixture(scope="module")
async def book(postgres: LocalPostgres, settings: Settings) -> AsyncIterator[Book]:
    """A book in which everything goes right."""
    async with opened(postgres, settings, "inspected_book") as made:
        yield made


@pytest.fixture(scope="module")
async def torn(postgres: LocalPostgres, settings: Settings) -> AsyncIterator[Book]:
    """A book that tests break by hand."""
    async with opened(postgres, settings, "torn_book") as made:
        yield made


# --- books that lived -------------------------------------------------------------------------------------------------


async def test_a_book_of_many_kinds_of_accounts_has_nothing_wrong(book: Book) -> None:
    engine = book.engine
    await Life.now(engine, {})
    settled = await Life.now(engine, individual())
    await settled.pays_into()
    await settled.plan()
    closed = await Life.now(engine, individual())
    await engine.accounts.close(closed.caller, closed.id, None, None)
    await Life.now(engine, {**individual(), "identity": {"country": "US", "entity_type": "individual"}})
    await Life.now(engine, individual(date_of_birth=HIT))  # in review
    on_clock = await Life.begin(engine)
    await on_clock.put(individual())
    await on_clock.put(ORDINARY)  # answered later
    dormant = await Life.begin(engine)
    await dormant.put(individual())
    await dormant.comes(40 * DAY)
    live = await new_caller(engine, livemode=True)
    view = await engine.accounts.create(live, {"contact_email": "jenny@rosen-gardens.com"}, None)
    assert view.account["livemode"] is True

    counted = await book.healthy()
    assert counted["accounts"] == 8
    assert min(counted[name] for name in ("versions", "events", "audit", "checks", "evidence", "sealed")) > 8
    assert (counted["reviews"], counted["answers"], counted["findings"]) == (1, 1, 0)


async def let_deadline_pass(life: Life) -> None:
    await life.rows(
        "UPDATE checks SET deadline_at = clock_timestamp() - interval '1 second' WHERE account_id = $1"
        " AND deadline_at IS NOT NULL",
        life.id,
    )


async def test_attempts_of_every_end_leave_nothing_wrong(book: Book) -> None:
    first, second = book.first, book.second

    life, check_id = await book.started()
    await book.healthy()
    await let_deadline_pass(life)
    await book.checks.advance(life.id, check_id)  # timed out, the second is asked
    await book.healthy()
    second.outcome = Outcome.PASSED
    await life.rows("UPDATE attempts SET poll_at = NULL WHERE account_id = $1", life.id)
    await book.checks.advance(life.id, check_id)  # concluded
    await book.healthy()
    await book.checks.report(life.id, check_id, 1, first.report(Outcome.FAILED))  # contested
    assert (await book.healthy())["attempts"] == 2

    life, check_id = await book.started()
    await book.checks.report(life.id, check_id, 1, first.report(Outcome.INCONCLUSIVE))  # in review
    await book.healthy()

    life, check_id = await book.started()
    await life.supply(identity__individual__address__line1="address_full_match")  # superseded: an attempt runs on
    await book.healthy()
    await book.checks.advance(life.id, check_id)  # dropped
    assert first.cancelled
    await book.healthy(bounds=Bounds(leftover=timedelta(), late=timedelta(hours=2)))
    await book.checks.report(life.id, check_id, 1, first.report(Outcome.PASSED))  # late
    await book.healthy()


async def test_a_new_temporal_storage_leaves_nothing_wrong(book: Book) -> None:
    life, _ = await book.started()
    await book.engine.work.meet_temporal("one")
    await life.plan()
    await book.engine.work.meet_temporal("another")
    await book.healthy()
    await book.engine.work.sweep(1000)
    await book.healthy()


Act = Callable[[Life], Awaitable[Any]]
ACTS: list[Act] = [
    *(act for _, act in SCRIPT),
    lambda life: life.put(individual()),
    lambda life: life.put(individual(date_of_birth=HIT)),
    lambda life: life.put(ORDINARY),
    lambda life: life.put(company()),
    lambda life: life.add("rep", person(date_of_birth=HIT, relationship={"representative": True})),
    lambda life: life.pays_into(),
    lambda life: life.plan(),
    lambda life: life.look(),
    lambda life: life.engine.work.sweep(20),
    lambda life: life.supply(configuration__merchant__mcc=None),
    lambda life: life.engine.accounts.close(life.caller, life.id, None, None),
]


async def random_life(book: Book, chance: random.Random) -> Life:
    """An account to which anything happens in any order; what the contract refuses has not happened."""
    life = await Life.begin(book.engine) if chance.random() < 0.7 else await Life.now(book.engine, {})
    distance = timedelta()
    for _ in range(chance.randrange(4, 20)):
        book.asked.clear()
        if chance.random() < 0.2:
            book.asked.update({ASKED, "screening"})
        book.first.outcome = chance.choice((None, *Outcome))
        if life.clock_id and chance.random() < 0.4:
            distance += chance.choice((SECOND, 5 * SECOND, HOUR, DAY, 20 * DAY, 100 * DAY))
            # An advance waits for what workers owe, and here nobody works: the account is looked at once.
            await life.passes(distance)
            await life.look()
        with suppress(Refusal, KeyError):  # a person who is not there, or not any more
            await chance.choice(ACTS)(life)
        if chance.random() < 0.3:
            for check_id in (await life.plan()).checks:
                await book.checks.advance(life.id, check_id)
    book.asked.clear()
    return life


@pytest.mark.parametrize("seed", range(6))
async def test_random_lives_leave_nothing_wrong(book: Book, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 -- the same lives each time
    for _ in range(10):
        life = await random_life(book, chance)
        found = await book.inspect(life, is_opening=True)
        assert found.findings == (), seed
    assert (await book.healthy())["findings"] == 0


# --- broken books -----------------------------------------------------------------------------------------------------


async def varied(torn: Book) -> Life:
    """A company with a past: versions, events, checks of all ends, marks."""
    life = await Life.begin(torn.engine)
    await life.put(company(identity__business_details__id_numbers=[{"type": "us_ein", "value": "111111111"}]))
    await life.add("rep", samples.REPRESENTATIVE)
    await life.comes(40 * DAY)
    await life.supply(identity__business_details__id_numbers=[{"type": "us_ein", "value": "222222222"}])
    return life


async def active(torn: Book) -> Life:
    return await Life.now(torn.engine, individual())


async def linked(torn: Book) -> Life:
    """With a link, which somebody opened and came back from."""
    life = await active(torn)
    request = LinkRequest("account_onboarding", "https://platform.test/again")
    made = await torn.engine.account_links.create(life.caller, life.id, request, None)
    await torn.engine.account_links.open(life.id, made.secret or "")
    assert await torn.engine.account_links.returned(made)
    return life


async def settled(torn: Book) -> Life:
    """Without any owed work, but with a deadline ahead."""
    life = await active(torn)
    await life.pays_into()
    await life.put({"configuration": {"merchant": {"mcc": None}}})
    await life.plan()
    return life


async def waking(torn: Book) -> Life:
    """The same on a clock."""
    life = await Life.begin(torn.engine)
    await life.put(individual())
    await life.pays_into()
    await life.plan()
    await life.put({"configuration": {"merchant": {"mcc": None}}})
    await life.plan()
    return life


async def delayed(torn: Book) -> Life:
    life = await Life.begin(torn.engine)
    await life.put(individual())
    await life.put(ORDINARY)
    return life


async def reviewed(torn: Book) -> Life:
    return await Life.now(torn.engine, individual(date_of_birth=HIT))


async def started(torn: Book) -> Life:
    return (await torn.started())[0]


async def answered(torn: Book) -> Life:
    life, check_id = await torn.started()
    torn.first.outcome = Outcome.PASSED
    await life.rows("UPDATE attempts SET poll_at = NULL WHERE account_id = $1", life.id)
    await torn.checks.advance(life.id, check_id)
    return life


async def superseded(torn: Book) -> Life:
    """An attempt runs on though nobody waits for it."""
    life = await started(torn)
    await life.supply(identity__individual__address__line1="address_full_match")
    return life


def copied(table: str, condition: str, **changes: str) -> str:
    """SQL: rows of an account once more, with other values in some columns."""
    record = "jsonb_populate_record(t, jsonb_build_object({}))".format(
        ", ".join(f"'{name}', {value}" for name, value in changes.items())
    )
    return f"INSERT INTO {table} SELECT ({record}).* FROM {table} t WHERE account_id = $1 AND {condition}"  # noqa: S608


WORDS = {
    "OPEN_CHECK": "id = (SELECT id FROM checks WHERE account_id = $1 AND ended_at IS NULL)",
    "CONCLUDED": "(SELECT min(id) FROM checks WHERE account_id = $1 AND state = 'concluded')",
    "ONE_EVIDENCE": "id = (SELECT min(id) FROM evidence WHERE account_id = $1)",
    "LAST": "version = (SELECT max(version) FROM versions WHERE account_id = $1)",
}
"""What these words stand for in the statements below."""
INBOX = (
    "INSERT INTO inbox"
    " (id, verifier, received_at, pending_since, deliveries, tries, ciphertext, account_id, state, look_at, settled_at)"
    " VALUES ('in_' || $1, 'first', now(), now(), 1, 0, '', $1, {})"
)

BREAKS: list[tuple[str, Callable[[Book], Awaitable[Life]], str]] = [
    ("audit.position", varied, "DELETE FROM audit_log WHERE account_id = $1 AND position = 2"),
    ("audit.hash", varied, "UPDATE audit_log SET actor = 'nobody' WHERE account_id = $1 AND position = 2"),
    ("audit.hash", varied, "UPDATE audit_log SET previous = '' WHERE account_id = $1 AND position = 3"),
    (
        "audit.head",
        varied,
        "DELETE FROM audit_log l USING accounts a WHERE a.id = l.account_id AND a.id = $1 AND position = audit_count",
    ),
    ("audit.head", varied, "UPDATE accounts SET audit_head = '' WHERE id = $1"),
    ("event.sequence", varied, "DELETE FROM events WHERE account_id = $1 AND sequence = 2"),
    ("event.sequence", varied, "UPDATE accounts SET event_sequence = event_sequence + 1 WHERE id = $1"),
    ("event.owner", varied, "UPDATE events SET livemode = true WHERE account_id = $1 AND sequence = 2"),
    ("event.owner", varied, "UPDATE events SET platform_id = 'plat_' WHERE account_id = $1 AND sequence = 2"),
    ("version.number", varied, "DELETE FROM versions WHERE account_id = $1 AND version = 1"),
    ("version.number", varied, "DELETE FROM versions WHERE account_id = $1 AND LAST"),
    ("version.digest", varied, "UPDATE versions SET digest = '' WHERE account_id = $1 AND LAST"),
    (
        "version.time",
        varied,
        "UPDATE versions SET effective_at = effective_at - interval '1 year' WHERE account_id = $1 AND LAST",
    ),
    ("version.content", varied, "UPDATE versions SET shape = '{}' WHERE account_id = $1 AND LAST"),
    ("version.content", varied, "UPDATE versions SET policy_hash = '' WHERE account_id = $1 AND LAST"),
    ("version.content", varied, "UPDATE versions SET evaluator_version = 99 WHERE account_id = $1 AND LAST"),
    ("version.state", active, "DELETE FROM marks WHERE account_id = $1 AND kind = 'first_active'"),
    (
        "version.state",
        active,
        (
            "INSERT INTO acknowledgements SELECT account_id, 'merchant.other', true, at FROM acknowledgements"
            " WHERE account_id = $1 LIMIT 1"
        ),
    ),
    (
        "activation.acknowledged",
        active,
        "UPDATE acknowledgements SET \"on\" = false WHERE account_id = $1 AND capability = 'merchant.card_payments'",
    ),
    (
        "activation.settled",
        active,
        (
            "INSERT INTO activations (account_id, capability, desired, version, state, since, acknowledged,"
            " acknowledged_version, done, applied, attempts, refusals, lease_epoch)"
            " VALUES ($1, 'merchant.other', true, 2, 'settled', now(), true, 1, '{}', '{}', 0, 0, 0)"
        ),
    ),
    ("check.duplicate", started, copied("checks", "OPEN_CHECK", id="'check_copy' || id")),
    ("check.ended", started, "UPDATE checks SET ended_at = now() WHERE OPEN_CHECK"),
    ("check.ended", varied, "UPDATE checks SET ended_at = NULL WHERE id = CONCLUDED"),
    ("check.concluded", varied, "DELETE FROM evidence WHERE account_id = $1 AND check_id = CONCLUDED"),
    (
        "check.leftover",
        superseded,
        (
            "WITH past AS (UPDATE versions SET recorded_at = recorded_at - interval '3 hours' WHERE account_id = $1)"
            " UPDATE attempts SET started_at = started_at - interval '3 hours' WHERE account_id = $1"
        ),
    ),
    (
        "check.review",
        reviewed,
        (
            "WITH gone AS (DELETE FROM reviews WHERE account_id = $1)"
            " UPDATE accounts SET wake_at = least((evaluation->>'wake_at')::timestamptz, remind_at) WHERE id = $1"
        ),
    ),
    (
        "check.review",
        reviewed,
        (
            "WITH gone AS (UPDATE reviews SET state = 'superseded' WHERE account_id = $1)"
            " UPDATE accounts SET wake_at = least((evaluation->>'wake_at')::timestamptz, remind_at) WHERE id = $1"
        ),
    ),
    ("owed.wake", reviewed, "UPDATE reviews SET sla_at = sla_at + interval '1 s' WHERE account_id = $1"),
    ("check.review", reviewed, "UPDATE checks SET state = 'due' WHERE OPEN_CHECK"),
    ("check.review", reviewed, "UPDATE checks SET state = 'canceled', ended_at = now() WHERE OPEN_CHECK"),
    ("check.answer", delayed, "DELETE FROM answers WHERE account_id = $1"),
    ("check.answer", delayed, "UPDATE answers SET answer_at = answer_at + interval '1 s' WHERE account_id = $1"),
    ("check.answer", delayed, copied("answers", "true", check_id="CONCLUDED")),
    ("attempt.number", started, "UPDATE attempts SET number = 3 WHERE account_id = $1"),
    ("attempt.running", started, copied("attempts", "true", id="'att_copy' || id", number="2")),
    ("attempt.ended", started, "UPDATE attempts SET ended_at = now() WHERE account_id = $1"),
    ("attempt.ended", answered, "UPDATE attempts SET ended_at = NULL WHERE account_id = $1"),
    ("attempt.ended", answered, "UPDATE attempts SET next_action = '' WHERE account_id = $1"),
    ("attempt.reference", started, "UPDATE attempts SET vendor_reference = NULL WHERE account_id = $1"),
    ("attempt.answered", started, "UPDATE attempts SET state = 'answered', ended_at = now() WHERE account_id = $1"),
    (
        "attempt.evidence",
        answered,
        copied("evidence", "verifier = 'first'", id="'evid_copy' || id", attempt="7", outcome="'inconclusive'"),
    ),
    ("evidence.check", varied, "UPDATE evidence SET digest = '' WHERE ONE_EVIDENCE"),
    ("evidence.check", varied, "UPDATE evidence SET subject = 'person_' WHERE ONE_EVIDENCE"),
    (
        "evidence.time",
        varied,
        "UPDATE evidence SET recorded_at = occurred_at - interval '1 second' WHERE ONE_EVIDENCE",
    ),
    (
        "evidence.time",
        varied,
        (
            "UPDATE evidence SET recorded_at = recorded_at - interval '1 year', occurred_at = occurred_at - interval"
            " '1 year' WHERE ONE_EVIDENCE"
        ),
    ),
    ("evidence.decisive", answered, copied("evidence", "ONE_EVIDENCE", id="'evid_copy' || id")),
    ("owed.look", started, "UPDATE accounts SET look_at = NULL WHERE id = $1"),
    ("owed.look", active, "UPDATE accounts SET look_at = NULL WHERE id = $1"),
    ("owed.look", settled, "UPDATE accounts SET look_at = NULL WHERE id = $1"),
    ("owed.wake", settled, "UPDATE accounts SET wake_at = wake_at + interval '1 day' WHERE id = $1"),
    ("owed.wake", active, "UPDATE accounts SET wake_at = now() WHERE id = $1"),
    ("owed.late", active, "UPDATE accounts SET look_at = now() + interval '1 day' WHERE id = $1"),
    (
        "owed.late",
        started,
        "UPDATE accounts SET look_at = now() + interval '1 day', run_epoch = run_epoch - 1 WHERE id = $1",
    ),
    (
        "owed.late",
        waking,
        (
            "WITH ready AS (UPDATE accounts SET look_at = NULL, silent_at = NULL WHERE id = $1 RETURNING test_clock_id)"
            " UPDATE test_clocks SET now = now + interval '31 days' FROM ready WHERE id = test_clock_id"
        ),
    ),
    (
        "account.stuck",
        active,
        "UPDATE accounts SET stuck_code = 'engine_KeyError', stuck_since = now() WHERE id = $1",
    ),
    (
        "account.unreadable",
        active,
        (
            "WITH both_rows AS (UPDATE versions SET evaluation = '{}' WHERE account_id = $1)"
            " UPDATE accounts SET evaluation = '{}' WHERE id = $1"
        ),
    ),
    ("sealed.keys", active, "UPDATE accounts SET data_key = digest_key WHERE id = $1"),
    ("sealed.keys", active, "UPDATE accounts SET digest_key = NULL WHERE id = $1"),
    (
        "sealed.value",
        active,
        (
            "UPDATE events SET sealed = (SELECT sealed FROM events WHERE account_id = $1 AND sequence = 1)"
            " WHERE account_id = $1 AND sequence = 2"
        ),
    ),
    (
        "sealed.value",
        active,
        "UPDATE sealed_values SET version = version + 1 WHERE account_id = $1 AND subject = 'account'",
    ),
    ("sealed.value", started, "UPDATE attempts SET vendor_reference = '\\x01' WHERE account_id = $1"),
    ("sealed.value", delayed, "UPDATE answers SET ciphertext = '\\x01' WHERE account_id = $1"),
    ("sealed.value", linked, "UPDATE account_links SET sealed = '\\x01' WHERE account_id = $1"),
    ("inbox.pending", active, INBOX.format("'pending', NULL, NULL")),
    ("inbox.pending", active, INBOX.format("'pending', now(), now()")),
    ("inbox.settled", active, INBOX.format("'settled', NULL, NULL")),
    ("inbox.settled", active, INBOX.format("'settled', now(), now()")),
    ("inbox.settled", active, INBOX.format("'ignored', now(), NULL")),
]


@pytest.mark.parametrize(("rule", "begin", "sql"), BREAKS, ids=[f"{rule}-{n}" for n, (rule, *_) in enumerate(BREAKS)])
async def test_a_book_broken_by_hand_has_exactly_that_finding(
    torn: Book, rule: str, begin: Callable[[Book], Awaitable[Life]], sql: str
) -> None:
    await fetch(torn.engine, "DROP INDEX IF EXISTS uq_checks_open")  # what constraints forbid is found without them too
    life = await begin(torn)
    assert (await torn.inspect(life, is_opening=True)).findings == ()
    for word, meaning in WORDS.items():
        sql = sql.replace(word, meaning)
    await life.rows(sql, life.id)

    found = await torn.inspect(life, is_opening=rule == "sealed.value")
    assert [(one.rule, one.account_id) for one in found.findings] == [(rule, life.id)], found.findings
    assert found.counted["findings"] == 1
    # Ids, codes, numbers and times only.
    assert "Rosen" not in found.findings[0].says


def test_every_rule_has_its_break_and_says_why() -> None:
    broken = {rule for rule, *_ in BREAKS}
    assert broken == {*ACCOUNT_RULES, "account.unreadable", "inbox.pending", "inbox.settled"}
    for rule in ACCOUNT_RULES.values():
        assert re.fullmatch(r"[A-Z].*\.", rule.holds.__doc__ or ""), rule.code


async def test_the_whole_book_is_read_in_pages_and_only_some_findings_are_kept(
    torn: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    lives = [await active(torn) for _ in range(7)]
    for life in lives:
        await life.rows("UPDATE accounts SET audit_head = '' WHERE id = $1", life.id)
        await life.rows(INBOX.format("'settled', NULL, now()"), life.id)
    monkeypatch.setattr(reading, "ACCOUNTS_PER_PAGE", 3)
    monkeypatch.setattr(reading, "INBOX_PER_PAGE", 2)
    told: list[tuple[int, int]] = []

    found = await torn.inspect(told=lambda seen, expected: told.append((seen, expected)))
    [row] = await fetch(torn.engine, "SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM inbox)")
    assert (found.counted["accounts"], found.counted["inbox"]) == tuple(row)
    assert {one.account_id for one in found.findings} >= {life.id for life in lives}
    assert len(told) == -(-row[0] // 3)

    monkeypatch.setattr(inspection, "KEPT", 2)
    few = await torn.inspect()
    assert (len(few.findings), few.counted["findings"]) == (2, found.counted["findings"])


async def test_without_root_keys_seals_are_left_alone(torn: Book) -> None:
    life = await active(torn)
    await life.rows("UPDATE accounts SET data_key = digest_key WHERE id = $1", life.id)
    found = await inspect(torn.engine.database, account_id=life.id, is_opening=True)
    assert (found.findings, found.counted["sealed"]) == ((), 0)


async def test_an_inspection_writes_nothing(book: Book) -> None:
    life = await active(book)
    before = await life.written()
    with book.engine.database.round_trips() as sent:
        await book.inspect(is_opening=True)
    assert {sql.partition(" ")[0] for sql in sent} == {"SELECT"}
    assert await life.written() == before


async def test_an_unknown_account_is_no_empty_book(torn: Book) -> None:
    with pytest.raises(NoSuchAccount):
        await torn.inspect(replace(await active(torn), id="acct_none"))


# --- the command ------------------------------------------------------------------------------------------------------


async def test_the_command_says_what_is_wrong_where(
    torn: Book, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", torn.engine.settings.database_url)
    monkeypatch.setenv("ONBOARDING_ROOT_KEYS", settings.root_keys.get_secret_value())
    life = await active(torn)

    done = CliRunner().invoke(app, ["inspect", "--account", life.id, "--open"])
    assert (done.exit_code, done.stderr) == (0, "")
    assert re.search(r"^nothing wrong in 1 accounts \(\d+ events, \d+ evidence\)$", done.stdout, re.MULTILINE)

    await life.rows("UPDATE events SET livemode = true WHERE account_id = $1", life.id)
    done = CliRunner().invoke(app, ["inspect", "--account", life.id, "--limit", "1"])
    assert done.exit_code == 2
    assert (
        len(
            re.findall(
                rf"^event\.owner +{life.id}  evt_test_\w+  another platform's or mode's$", done.stdout, re.MULTILINE
            )
        )
        == 1
    )
    [more], [total] = (
        re.findall(form, done.stdout, re.MULTILINE) for form in (r"^and (\d+) more$", r"^(\d+) findings in 1 acc")
    )
    assert int(total) == int(more) + 1

    unknown = CliRunner().invoke(app, ["inspect", "--account", "acct_none"])
    assert isinstance(unknown.exception, CommandFailed)
    assert str(unknown.exception) == "no account has this id"
