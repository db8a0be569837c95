"""Every version of many accounts is decided again, long after: other catalogue, other engine, half of the keys gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from typer.testing import CliRunner

from onboarding import reproduction
from onboarding.cli import app
from onboarding.crypto import SealBroken, WrappedKeys
from onboarding.domain.errors import Refusal
from onboarding.domain.evaluate import EVALUATOR_VERSION, evaluate
from onboarding.engine import Engine, open_engine
from onboarding.inspection import inspect
from onboarding.local.postgres import LocalPostgres
from onboarding.reproduction import Reproducer, Result
from onboarding.settings import Settings
from onboarding.storage import migrate, versions
from tests.explanation import lives
from tests.explanation.lives import SECOND_BYTES, SECOND_POLICY, changed_evaluator, random_life, random_lives
from tests.stories.telling import Life, fetch

pytestmark = pytest.mark.timeout(400)  # the first test waits for two hundred lives

ACCOUNTS = 200


@dataclass(frozen=True)
class Book:
    """Accounts of the past; ``engine`` has a newer catalogue. ``erased`` are ids of those without keys."""

    engine: Engine
    lives: list[Life]
    erased: frozenset[str]


@pytest.fixture(scope="module")
async def book(postgres: LocalPostgres, settings: Settings) -> AsyncIterator[Book]:
    postgres.create_database("reproduced_book")
    url = postgres.url("reproduced_book")
    migrate.upgrade(url)
    own = settings.model_copy(update={"database_url": url})
    async with lives.opened(own) as engine:
        lived = await random_lives(engine, ACCOUNTS)
    engine = await open_engine(own, policy=SECOND_POLICY, policy_bytes=SECOND_BYTES, name="later")
    lived += [await random_life(engine, ACCOUNTS + number) for number in range(5)]
    erased = [life.id for life in lived[::2]]
    await fetch(engine, "UPDATE accounts SET data_key = NULL, digest_key = NULL WHERE id = ANY($1::text[])", erased)
    try:
        yield Book(engine, lived, frozenset(erased))
    finally:
        await engine.close()


async def results(book: Book) -> Counter[Result]:
    """What came of deciding every version again."""
    reproducer, counted = Reproducer(book.engine.database, book.engine.policies), Counter[Result]()
    for life in book.lives:
        async with book.engine.database.reading() as r:
            stored = await versions.all_of(r, life.id)
        for version in stored:
            found = await reproducer.reproduce(version)
            counted[found.result] += 1
            assert found.result is not Result.DIFFERS, (life.id, version.row.version, found.differences[:2])
    return counted


async def test_every_version_is_reproduced_by_the_same_code_however_it_is_called(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    [count] = await fetch(book.engine, "SELECT count(*) FROM versions")
    assert await results(book) == {Result.REPRODUCED: count[0]}
    monkeypatch.setattr(reproduction, "EVALUATOR_VERSION", EVALUATOR_VERSION + 1)
    assert await results(book) == {Result.REPRODUCED: count[0]}
    assert count[0] > 5 * ACCOUNTS


async def test_the_histories_were_worth_it(book: Book) -> None:
    said: Any = await fetch(
        book.engine,
        "SELECT count(*) FILTER (WHERE inputs->'orders' <> '[]') AS ordered,"
        " count(*) FILTER (WHERE inputs->'checks' <> '[]') AS checked,"
        " count(*) FILTER (WHERE inputs ? 'announced') AS announced,"
        " count(*) FILTER (WHERE shape ? 'activity') AS turned_over,"
        " count(*) FILTER (WHERE evaluation @? '$.capabilities.*.status ? (@ == \"active\")') AS active,"
        " count(DISTINCT policy_hash) AS policies FROM versions",
    )
    assert said[0]["policies"] == 2
    assert min(said[0].values()) >= 2
    assert min(value for name, value in said[0].items() if name != "policies") > 30
    found = await fetch(book.engine, "SELECT kind, count(*) AS number FROM marks GROUP BY kind")
    assert {row["kind"] for row in found} == {"deadline", "expired", "first_active", "terms_bound", "threshold"}
    contested = await fetch(book.engine, "SELECT count(*) AS number FROM evidence WHERE contested")
    assert contested[0]["number"] > 5


async def test_a_changed_evaluator_is_told_from_a_broken_record(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproduction, "evaluate", changed_evaluator(evaluate))
    monkeypatch.setattr(reproduction, "EVALUATOR_VERSION", EVALUATOR_VERSION + 1)
    assert set(await results(book)) == {Result.EVALUATOR_CHANGED}

    monkeypatch.setattr(reproduction, "EVALUATOR_VERSION", EVALUATOR_VERSION)
    async with book.engine.database.reading() as r:
        stored = await versions.newest(r, [book.lives[0].id])
    found = await book.engine.explanations._reproducer.reproduce(stored[0])
    assert (found.result, [one.path for one in found.differences]) == (Result.DIFFERS, ["wake_at"])


async def test_an_inspection_decides_every_newest_version_again(book: Book) -> None:
    found = await inspect(book.engine.database, book.engine.ring, is_reproducing=True)
    assert [one for one in found.findings if one.rule.startswith("version.")] == []
    assert found.counted["reproduced"] == found.counted["accounts"] == len(book.lives)

    life = book.lives[1]
    await fetch(
        book.engine,
        "UPDATE versions v SET evaluation = jsonb_set(v.evaluation, '{requirements,summary}', '{}')"
        " FROM accounts a WHERE a.id = v.account_id AND a.version = v.version AND a.id = $1",
        life.id,
    )
    found = await inspect(book.engine.database, None, account_id=life.id, is_reproducing=True)
    [newest] = await fetch(book.engine, "SELECT version FROM accounts WHERE id = $1", life.id)
    await fetch(
        book.engine,
        "UPDATE versions v SET evaluation = a.evaluation FROM accounts a"
        " WHERE a.id = v.account_id AND a.version = v.version AND a.id = $1",
        life.id,
    )
    [said] = [one.says for one in found.findings if one.rule == "version.reproduced"]
    assert said == f"version {newest[0]}, decided again, differs in requirements.summary.minimum_deadline"
    assert found.counted["reproduced"] == newest[0] - 1


async def test_a_version_whose_policy_is_gone_is_told(book: Book) -> None:
    life, gone = book.lives[3], "0" * 64
    await fetch(
        book.engine, "UPDATE versions SET policy_hash = $2 WHERE account_id = $1 AND version = 1", life.id, gone
    )
    found = await inspect(book.engine.database, None, account_id=life.id, is_reproducing=True)
    await fetch(
        book.engine,
        "UPDATE versions SET policy_hash = evaluation->>'policy' WHERE account_id = $1 AND version = 1",
        life.id,
    )
    says = [one.says for one in found.findings if one.rule == "version.reproduced"]
    assert says == ["a policy that bound version 1 can't be loaded"]


async def test_the_command_counts_what_was_reproduced(
    book: Book, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", book.engine.settings.database_url)
    monkeypatch.setenv("ONBOARDING_ROOT_KEYS", settings.root_keys.get_secret_value())
    life = book.lives[0]  # without keys
    [newest] = await fetch(book.engine, "SELECT version FROM accounts WHERE id = $1", life.id)

    done = CliRunner().invoke(app, ["inspect", "--account", life.id, "--reproduce"])

    assert f"reproduced {newest[0]:>10}\n" in done.stdout
    assert "version.reproduced" not in done.stdout


async def test_nothing_sealed_of_an_erased_account_can_be_opened(book: Book) -> None:
    engine = book.engine
    rows = await fetch(engine, "SELECT id, data_key, digest_key FROM accounts WHERE data_key IS NOT NULL LIMIT 5")
    others = [engine.ring.unwrap(WrappedKeys(row["data_key"], row["digest_key"]), account=row["id"]) for row in rows]
    sealed = await fetch(
        engine,
        "SELECT * FROM sealed_values s JOIN accounts a ON a.id = s.account_id WHERE a.data_key IS NULL",
    )
    assert len(sealed) > ACCOUNTS // 4
    for row in sealed:
        place = {"subject": row["subject"], "group": row["field_group"], "version": row[3]}
        for keys in others:
            with pytest.raises(SealBroken):
                keys.open(row["ciphertext"], account=row["account_id"], **place)
    for life in book.lives[:20:2]:
        with pytest.raises(Refusal, match="not_found"):
            await engine.reader.account(life.caller, life.id)


async def test_erased_accounts_are_explained_like_others(book: Book) -> None:
    for life in book.lives[:40]:
        document = await book.engine.explanations.explain(life.caller, life.id)
        [row] = await fetch(book.engine, "SELECT evaluation FROM accounts WHERE id = $1", life.id)
        if document["version"] is None:  # time was played, which needs the keys
            assert life.id not in book.erased
            continue
        assert document["reproduction"] == {"result": "reproduced", "differences": []}
        shown = {f"{one['configuration']}.{one['capability']}": one["status"] for one in document["capabilities"]}
        assert shown == {name: one["status"] for name, one in row["evaluation"]["capabilities"].items()}
