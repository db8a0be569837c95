"""What callers told us stands sealed in the record, and nowhere else: no column, no log, no error, no repr."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import structlog

from onboarding.account_links import LinkRequest
from onboarding.domain import settle as settling
from onboarding.domain.errors import EngineFault, Refusal
from onboarding.door import bank_accounts, changes, vault
from onboarding.door.callers import RequestKey
from onboarding.door.door import Look
from onboarding.door.tokens import TokenKind, UseToken, opened_values
from onboarding.engine import Engine, open_engine
from onboarding.local.postgres import LocalPostgres
from onboarding.settings import Settings
from onboarding.storage import tables
from onboarding.storage.batch import Batch
from onboarding.storage.faults import StatementFailed
from onboarding.storage.rows import TokenRow
from onboarding.storage.tables import Table
from onboarding.telemetry import setup_logging
from onboarding.tokens import Origin
from onboarding.validation.objects import nothing_exempt
from tests.privacy import markers
from tests.privacy.markers import CORE, DIGITS, found, found_in_files, patterns
from tests.stories.telling import DAY, START, Life, fetch, new_caller
from tests.support.serving import Platform


@pytest.fixture(scope="module")
async def engine(settings: Settings) -> AsyncIterator[Engine]:
    opened = await open_engine(settings, name="privacy")
    yield opened
    await opened.close()


def key() -> RequestKey:
    return RequestKey("POST /v2/core/accounts", "", markers.word(), markers.text().encode())


async def busy_life(engine: Engine, entity_type: str) -> Life:
    """An account that met everything: changes, time, failures, deletions, all with markers in all their strings."""
    caller = await new_caller(engine)
    view = await engine.accounts.create(caller, markers.account(entity_type), key())
    life = Life(engine, caller, view.account["id"])
    clock = await engine.clocks.create(caller, START, markers.text(), key())
    await engine.clocks.attach(caller, clock["id"], life.id, key())
    life.clock_id = clock["id"]
    await engine.accounts.create_bank_account(caller, life.id, markers.bank_account(), key())
    destination = await engine.destinations.create(caller, markers.destination(), key())
    await engine.destinations.update(caller, destination["id"], {"metadata": {markers.word(): markers.text()}}, key())
    await engine.destinations.ping(caller, destination["id"], key())
    request = LinkRequest("account_onboarding", markers.url(), markers.url())
    link = await engine.account_links.create(caller, life.id, request, key())
    await engine.account_links.open(life.id, link.secret or "")
    await engine.account_links.returned(link)
    if entity_type == "company":
        share = {"representative": True, "owner": True, "executive": True, "percent_ownership": "60"}
        patch = markers.person(relationship={**share, "title": markers.text()})
        made = await engine.accounts.create_person(caller, life.id, patch, key())
        await engine.accounts.update_person(caller, life.id, made["id"], {"given_name": markers.text()}, key())
        gone = await engine.accounts.create_person(caller, life.id, markers.person(), key())
        await engine.accounts.delete_person(caller, life.id, gone["id"], key())
    else:
        hit = {"day": 1, "month": 1, "year": 1900}
        await engine.accounts.update(caller, life.id, {"identity": {"individual": {"date_of_birth": hit}}}, key())
    await tokens_and_vault(engine, life, entity_type)
    await life.comes(DAY)
    await engine.accounts.update(
        caller, life.id, {"display_name": markers.text(), "metadata": {markers.word(): markers.text()}}, key()
    )
    await life.comes(60 * DAY)
    await life.plan()
    return life


async def tokens_and_vault(engine: Engine, life: Life, entity_type: str) -> None:
    """Tokens that wait and tokens that were used, and bank accounts that are only kept."""
    caller, tokens = life.caller, engine.tokens
    origin = Origin(markers.ADDRESS_OF_USER, markers.text())
    held = [markers.account_token(entity_type) for _ in range(2)]
    waits, token = [await tokens.create_account_token(caller, one, origin, key()) for one in held]
    await engine.accounts.update(caller, life.id, {"account_token": token["id"]}, key())
    guardian = {
        "relationship": {"legal_guardian": True},
        "given_name": markers.text(),
        "metadata": {"k": markers.text()},
    }
    also_waits, token = [await tokens.create_person_token(caller, life.id, guardian, origin, key()) for _ in range(2)]
    if entity_type == "individual":
        made = await engine.accounts.create_person(caller, life.id, {"person_token": token["id"]}, key())
        await engine.accounts.delete_person(caller, life.id, made["id"], key())
    banks = [await tokens.create_bank_account_token(caller, markers.bank_token(), origin, key()) for _ in range(2)]
    bank = await engine.accounts.create_bank_account(
        caller, life.id, {"external_account": banks[1]["id"], "metadata": {markers.word(): markers.text()}}, key()
    )
    await engine.accounts.update_bank_account(
        caller, life.id, bank["id"], {"account_holder_name": markers.text(), "default_for_currency": True}, key()
    )
    assert not any(one["used"] for one in (waits, also_waits, banks[0]))
    kept = await engine.vault.create(caller, life.id, "US", markers.vault_bank_account(), key())
    await engine.vault.complete(caller, life.id, kept["id"], {"routing_number": "110000000"}, key())


async def dump(engine: Engine) -> dict[str, bytes]:
    """Every table, binary columns as they are: in hex, a long enough one holds any seven digits by chance."""
    dumped = {}
    for name in sorted(Table.metadata.tables):
        rows = await fetch(engine, f'SELECT * FROM "{name}"')  # noqa: S608 -- our own names
        dumped[name] = b"\n".join(
            value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row
        )
    return dumped


@pytest.fixture(scope="module")
async def lives(engine: Engine) -> list[Life]:
    return [await busy_life(engine, "individual"), await busy_life(engine, "company")]


async def test_no_column_holds_what_a_caller_said(engine: Engine, lives: list[Life]) -> None:
    # It is all there, and readable for its platform: otherwise there would be nothing to be found.
    for life in lives:
        view = await engine.reader.account(life.caller, life.id)
        assert len(found(str([view, await life.events()]), [CORE.encode()])) == 1
        assert found(str(view.account | {"persons": view.persons}).replace("+1415", ""), [DIGITS.encode()])

    dumped = await dump(engine)

    assert {name: found(content) for name, content in dumped.items() if found(content)} == {}
    filled = {name for name, content in dumped.items() if lives[1].id.encode() in content}
    assert filled >= {"accounts", "audit_log", "checks", "events", "evidence", "marks", "persons", "sealed_values"}
    assert filled >= {"account_links", "pending_deliveries"}
    assert filled >= {"bank_accounts", "tokens", "vault_bank_accounts"}


async def test_tokens_that_were_used_hold_nothing_and_those_that_wait_can_be_used(
    engine: Engine, lives: list[Life]
) -> None:
    for life in lives:
        rows = await fetch(engine, "SELECT * FROM tokens WHERE platform_id = $1", life.caller.platform_id)
        assert {row["kind"] for row in rows} == {"account", "person", "bank_account"}
        for row in rows:
            assert (row["sealed"] is None) is (row["used_at"] is not None)
            held = opened_values(engine.ring, TokenRow(**dict(row)))
            assert held is None or found(str(held))


# Others than the markers: what is planted in plain stays in Postgres' files for a while.
CONTROL, CONTROL_DIGITS = CORE[::-1], DIGITS[::-1]


@pytest.mark.parametrize(
    "planted",
    [
        {"id": f"plat_{CONTROL}"},
        {"id": f"plat_{CONTROL.upper()}"},
        {"id": f"plat_1{CONTROL_DIGITS}"},
        {"id": "plat_bytes", "sealed": f"name={CONTROL}".encode()},
        {"id": "plat_digits", "sealed": CONTROL_DIGITS.encode()},
        {"id": f"plat_{CONTROL.encode().hex()}"},
        {"id": f"plat_{base64.b64encode(CONTROL.encode()).decode()}"},
    ],
)
async def test_the_scan_would_find_it(engine: Engine, planted: dict[str, Any]) -> None:
    batch = Batch()
    batch.insert(tables.Platform, created_at=START, **planted)
    async with engine.database.transaction() as tx:
        await tx.apply(batch)
    try:
        assert found((await dump(engine))["platforms"], patterns(CONTROL, CONTROL_DIGITS))
    finally:
        await fetch(engine, "DELETE FROM platforms WHERE id = $1", planted["id"])


async def test_postgres_files_and_log_hold_nothing(engine: Engine, lives: list[Life], postgres: LocalPostgres) -> None:
    assert lives
    # Statements that fail with a caller's words in their parameters and texts.
    for sql, parameters in (
        ("SELECT $1::text::integer", (markers.text(),)),
        ("INSERT INTO platforms (id, created_at) VALUES ($1, NULL)", (markers.text(),)),
        ("SELECT ($1::jsonb)->>'a'", (markers.text(),)),
    ):
        with pytest.raises(StatementFailed) as failed:
            await fetch(engine, sql, *parameters)
        assert found(repr(failed.value)) == []
    await fetch(engine, "CHECKPOINT")

    log = postgres.log_file.read_bytes()
    assert found(log) == []
    assert found_in_files(Path(postgres.data_dir)) == []

    # The scan reads the right files.
    control = f"{CONTROL}control"
    await fetch(engine, f"DO $$ BEGIN RAISE LOG '{control}'; END $$")
    await fetch(engine, f"CREATE TABLE control AS SELECT '{control}'::text")
    await fetch(engine, "CHECKPOINT")
    wanted = patterns(control)
    assert found(postgres.log_file.read_bytes(), wanted)
    assert found_in_files(Path(postgres.data_dir), wanted)
    await fetch(engine, "DROP TABLE control")


BAD: list[dict[str, Any]] = [
    {"contact_email": f"{CORE} no address"},
    {"contact_phone": f"{CORE}"},
    {"display_name": f"{CORE}" * 2000},
    {"metadata": {f"{CORE}" * 10: "too long a key"}},
    {"metadata": {"key": f"{CORE}" * 100}},
    {"identity": {"country": "FR"}},
    {"identity": {"business_details": {"id_numbers": [{"type": "us_ein", "value": CORE}]}}},
    {"identity": {"business_details": {"address": {"country": "US", "state": CORE, "line1": CORE}}}},
    {"identity": {"attestations": {"terms_of_service": {"account": {"ip": CORE}}}}},
    {"defaults": {"profile": {"business_url": f"no url {CORE}"}}},
    {"configuration": {"merchant": {"mcc": CORE}}},
    {"configuration": {"merchant": {"statement_descriptor": {"descriptor": f"<{CORE}>"}}}},
    {"configuration": {"merchant": {"capabilities": {CORE: {"requested": True}}}}},
    {"configuration": {"merchant": {"support": {"email": CORE, "phone": CORE, "url": CORE}}}},
]


async def test_no_error_says_what_a_caller_said(
    engine: Engine, lives: list[Life], monkeypatch: pytest.MonkeyPatch
) -> None:
    life = lives[1]
    accounts, tokens, caller, origin = engine.accounts, engine.tokens, life.caller, Origin(None, CORE)
    person_id = (await engine.reader.account(caller, life.id)).persons[0]["id"]
    bad_person: list[dict[str, Any]] = [
        {"email": CORE},
        {"phone": CORE},
        {"id_numbers": [{"type": "us_ssn", "value": CORE}]},
        {"id_numbers": [{"type": CORE, "value": CORE}]},
        {"date_of_birth": {"day": 31, "month": 2, "year": 1980}},
        {"nationalities": [CORE]},
        {"relationship": {"percent_ownership": CORE}},
        {"documents": {"passport": {"type": "files", "files": [f"no file {CORE}"]}}},
    ]
    numbers = {"country": "US", "currency": "usd", "account_number": CORE, "routing_number": CORE}
    bad_bank: list[dict[str, Any]] = [
        {"external_account": f"btok_{CORE}"},
        {"external_account": CORE},
        {"external_account": numbers},
        {"external_account": {**numbers, "routing_number": "110000000"}},
    ]
    attempts: list[Callable[[], Any]] = [
        *(lambda bad=bad: accounts.update(caller, life.id, bad, key()) for bad in BAD),
        *(lambda bad=bad: accounts.update_person(caller, life.id, person_id, bad, key()) for bad in bad_person),
        *(lambda bad=bad: accounts.create_person(caller, life.id, bad, key()) for bad in bad_person),
        *(lambda bad=bad: accounts.create_bank_account(caller, life.id, bad, key()) for bad in bad_bank),
        *(lambda bad=bad: tokens.create_person_token(caller, life.id, bad, origin, key()) for bad in bad_person[2:5]),
        *(lambda bad=bad: tokens.create_account_token(caller, bad, origin, key()) for bad in BAD[:2]),
        lambda: tokens.create_bank_account_token(caller, numbers, origin, key()),
        lambda: tokens.get(caller, TokenKind.ACCOUNT, f"accttok_{CORE}"),
        lambda: accounts.update(caller, life.id, {"account_token": f"accttok_{CORE}"}, key()),
        lambda: accounts.update(caller, life.id, {"account_token": CORE, "display_name": CORE}, key()),
        lambda: accounts.create_person(caller, life.id, {"person_token": f"cpt_{CORE}"}, key()),
        lambda: accounts.update_bank_account(caller, life.id, f"ba_{CORE}", {}, key()),
        lambda: engine.vault.create(caller, life.id, "US", {"account_number": CORE, "currency": "usd"}, key()),
        lambda: engine.vault.create(caller, life.id, "GB", {"iban": CORE, "currency": "gbp"}, key()),
        lambda: accounts.close(caller, life.id, [CORE], key()),
        lambda: accounts.update_person(caller, life.id, CORE, {}, key()),
        lambda: engine.reader.account(caller, CORE),
        lambda: engine.reader.events(caller, cursor=CORE),
        lambda: engine.reader.accounts(caller, cursor=CORE),
        lambda: engine.clocks.get(caller, CORE),
    ]
    refused = 0
    for attempt in attempts:
        try:
            await attempt()
        except Refusal as refusal:
            refused += 1
            told = [refusal.message, refusal.code, str(refusal), repr(refusal), repr(refusal.extra)]
            assert found(str(told)) == []
    # Lengths, nationalities and shares are checked before the engine, by the API: their refusals are its own tests'.
    assert refused >= len(attempts) - 8, "most of these must be refused, or they show nothing"

    def broken(*_arguments: object) -> None:
        raise KeyError(CORE)

    monkeypatch.setattr(settling, "evaluate", broken)
    with pytest.raises(EngineFault) as fault:
        await accounts.update(caller, life.id, {"display_name": markers.text()}, key())
    assert found(f"{fault.value} {fault.value!r}") == []
    monkeypatch.undo()
    assert found(str(dict(await life.row()))) == []  # what is noted of a fault is its code
    await life.look()


async def test_no_repr_shows_what_a_caller_said(engine: Engine, lives: list[Life]) -> None:
    """Representations end in tracebacks, in debuggers and in whatever reports errors."""
    life = lives[1]
    revised = await engine.door.revise_whole(life.id, Look())
    draft = revised.draft
    assert draft is not None
    view = await engine.reader.account(life.caller, life.id)
    row = (await engine.reader.events(life.caller, limit=3)).data
    assert row
    shown: list[object] = [
        *(getattr(engine, one.name) for one in fields(engine)),
        engine,
        revised,
        revised.documents,
        draft,
        draft.record,
        draft.state,
        draft.account,
        *draft.persons.values(),
        *draft.bank_accounts.values(),
        draft.keys,
        view,
        await engine.reader.events(life.caller),
        key(),
        changes.PutAccount(markers.account("company"), nothing_exempt),
        changes.AddPerson(markers.person(), "person_1", nothing_exempt),
        changes.UpdatePerson("person_1", markers.person(), nothing_exempt),
        bank_accounts.AddBankAccount(markers.bank_account(), "ba_1", nothing_exempt, {}),
        bank_accounts.UpdateBankAccount("ba_1", {"account_holder_name": markers.text()}),
        vault.KeepBankAccount("US", markers.vault_bank_account(), "usba_1", nothing_exempt),
        vault.CompleteBankAccount("usba_1", {"routing_number": markers.DIGITS}, nothing_exempt),
        UseToken(
            markers.word(), TokenKind.ACCOUNT, life.caller, None, lambda held: changes.PutAccount(held, nothing_exempt)
        ),
        Origin(markers.ADDRESS_OF_USER, markers.text()),
        *vars(engine.door).values(),
    ]
    assert [type(one).__name__ for one in shown if found(repr(one))] == []
    assert found(repr(markers.person()))


@contextmanager
def logging_as_in_production() -> Iterator[None]:
    """Not a fixture: between a test's setup and the test itself pytest exchanges stdout."""
    root, configured = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    setup_logging(logging.DEBUG)
    try:
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)
        structlog.configure(**configured)


async def test_nothing_is_logged(
    engine: Engine,
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with logging_as_in_production():
        await asyncio.to_thread(requests, platform)
        await busy_life(engine, "individual")

        def broken(*_arguments: object) -> None:
            raise KeyError(CORE)

        monkeypatch.setattr(settling, "evaluate", broken)
        answers = await asyncio.to_thread(
            lambda: [platform.request("POST", "/v2/core/accounts", json={"display_name": CORE}) for _ in range(2)]
        )
        assert [answer.status_code for answer in answers] == [500, 500]
        assert [found(answer.text) for answer in answers] == [[], []]
        monkeypatch.undo()
        # The capture works.
        silent = capfd.readouterr()
        structlog.get_logger("control").warning(CORE)
        control = capfd.readouterr()

    assert "engine_KeyError" in silent.out  # it is told of, as a code
    assert found(silent.out + silent.err) == []
    assert found(control.out)


def requests(platform: Platform) -> None:
    """Requests of every sort, with markers in all places."""
    path = "/v2/core/accounts"
    made = platform.request("POST", path, json={"display_name": CORE}, headers={"Idempotency-Key": markers.word()})
    assert made.status_code == 200
    account = f"{path}/{made.json()['id']}"
    wrong: list[dict[str, Any]] = [
        {"json": {CORE: CORE}},
        {"json": {"contact_email": CORE}},
        {"json": {"identity": {"country": CORE}}},
        {"content": f'{{"{CORE}"'.encode()},
        {"json": {"display_name": CORE}, "headers": {"Stripe-Context": CORE}},
        {"json": {"display_name": CORE}, "headers": {"Idempotency-Key": CORE * 30}},
        {"json": {"display_name": CORE}, "headers": {"Authorization": f"Bearer {CORE}"}},
    ]
    for request in wrong:
        assert 400 <= platform.request("POST", account, **request).status_code < 500
    assert platform.request("GET", f"{path}/{CORE}").status_code == 404
    assert platform.request("GET", path, params={"page": CORE, CORE: CORE}).status_code == 400
    assert platform.request("GET", f"/{CORE}").status_code == 404


async def test_a_constraint_s_error_names_no_value(engine: Engine) -> None:
    batch = Batch()
    batch.insert(tables.Platform, id=f"plat_twice_{CONTROL}", created_at=START)
    try:
        async with engine.database.transaction() as tx:
            await tx.apply(batch)
        with pytest.raises(StatementFailed) as failed:
            async with engine.database.transaction() as tx:
                await tx.apply(batch)
        error = failed.value
        assert error.sqlstate == asyncpg.UniqueViolationError.sqlstate
        assert found(f"{error} {error!r} {error.__cause__}", patterns(CONTROL)) == []
    finally:
        await fetch(engine, "DELETE FROM platforms WHERE id LIKE 'plat_twice_%'")
