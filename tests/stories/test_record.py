"""The record: what a change writes, and what it does not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from onboarding import catalogue
from onboarding.catalogue.loader import compile_policy, load_packs, policy_bytes
from onboarding.documents.events import REMINDER_DUE
from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.door.callers import Caller, Replayed
from onboarding.door.door import Look
from onboarding.door.journal import audit_hash
from onboarding.engine import Engine, open_engine
from onboarding.settings import Settings
from onboarding.storage import tables
from onboarding.storage.batch import Batch
from tests.stories.telling import ACTIVE, CARD, DAY, SECOND, START, Life, company, fetch, individual, key, noting
from tests.support import samples

PACKS = Path(catalogue.__file__).parent / "packs"
ADDRESS_LATER: Any = {"identity": {"individual": {"address": {"line1": "1 Ordinary Road"}}}}


@pytest.fixture
async def life(engine: Engine) -> Life:
    """A company that had a varied life."""
    life = await Life.begin(engine)
    await life.put(company(identity__business_details__id_numbers=[{"type": "us_ein", "value": "111111111"}]))
    await life.pays_into()
    await life.add("rep", samples.REPRESENTATIVE)
    await life.add("owner", {"given_name": "Ada", "surname": "Rosen", "relationship": {"owner": True}})
    await life.comes(40 * DAY)
    await life.change("rep", {"email": None, "metadata": {"a": "1"}})
    await life.supply(display_name="Rosen & Daughters", metadata={"b": "2"})
    await life.remove("owner")
    await life.supply(identity__business_details__id_numbers=[{"type": "us_ein", "value": "222222222"}])
    await life.comes(80 * DAY)
    return life


async def test_versions_and_events_are_dense(life: Life) -> None:
    row = await life.row()
    versions = await life.rows("SELECT version, effective_at FROM versions WHERE account_id = $1 ORDER BY 1", life.id)
    sequences = await life.rows("SELECT sequence, effective_at FROM events WHERE account_id = $1 ORDER BY 1", life.id)

    assert [one["version"] for one in versions] == list(range(1, row["version"] + 1))
    assert [one["sequence"] for one in sequences] == list(range(1, row["event_sequence"] + 1))
    for numbered in (versions, sequences):
        times = [one["effective_at"] for one in numbered]
        assert times == sorted(times)


AUDIT = "SELECT * FROM audit_log WHERE account_id = $1 ORDER BY position"


def broken_links(rows: list[dict[str, Any]], count: int, head: str) -> list[int]:
    """Positions at which a chain does not hold; 0 where it does not end in the head."""
    broken = []
    previous = ""
    for position, row in enumerate(rows, start=1):
        fields = [row["account_id"], position, row["at"].isoformat(), row["actor"], row["action"], row["digest"]]
        if (row["position"], row["previous"], row["hash"]) != (position, previous, audit_hash(previous, fields)):
            broken.append(position)
        previous = row["hash"]
    if (len(rows), previous) != (count, head):
        broken.append(0)
    return broken


async def test_the_audit_chain_holds_and_shows_every_tampering(life: Life) -> None:
    row = await life.row()
    rows = [dict(one) for one in await life.rows(AUDIT, life.id)]

    def verify(changed: list[dict[str, Any]]) -> list[int]:
        return broken_links(changed, row["audit_count"], row["audit_head"])

    assert verify(rows) == []
    assert {"account.created", "account.updated", "person.created", "person.deleted", "time.passed"} <= {
        one["action"] for one in rows
    }
    for column, value in (
        ("actor", "key_other"),
        ("action", "account.closed"),
        ("digest", "0" * 64),
        ("at", START + SECOND),
        ("account_id", "acct_other"),
    ):
        changed = [dict(one) for one in rows]
        changed[3][column] = value
        assert 4 in verify(changed), column
    assert verify(rows[:-1]) == [0]
    assert verify(rows[:2] + rows[3:]) != []
    assert verify([*rows[:2], rows[3], rows[2], *rows[4:]]) != []

    # And in the database itself, as an intruder would do it.
    await life.rows("UPDATE audit_log SET actor = 'nobody' WHERE account_id = $1 AND position = 5", life.id)
    assert verify([dict(one) for one in await life.rows(AUDIT, life.id)]) == [5]


async def test_events_chain_and_fold_to_what_can_be_read(life: Life) -> None:
    folded: dict[str, dict[str, Any]] = {}
    for event in await life.events():
        related = event["related_object"]["id"]
        if event["type"] == REMINDER_DUE:
            continue  # that nothing happened
        before, after = event["changes"]["before"], event["changes"]["after"]
        known = folded.get(related, {})
        assert known or before is None, event["type"]
        for name, value in (before or {}).items():
            assert known[name] == value, (event["type"], name)
        if after is None:
            del folded[related]
        else:
            folded[related] = {**known, **after}

    view = await life.engine.reader.account(life.caller, life.id)
    assert folded.pop(life.id) == view.account
    assert [folded.pop(person["id"]) for person in view.persons] == view.persons
    checks = await life.engine.reader.checks(life.caller, account_id=life.id, limit=100)
    assert [folded.pop(check["id"]) for check in checks.data] == checks.data
    assert folded == {}


async def test_deliveries_are_owed_to_whoever_wants_the_type(engine: Engine, caller: Caller) -> None:
    wanted: list[tuple[str, bool, bool, list[str]]] = [
        ("ed_all", False, True, ["*"]),
        ("ed_some", False, True, ["v2.core.account.created", "v2.core.account.updated"]),
        ("ed_off", False, False, ["*"]),
        ("ed_live", True, True, ["*"]),
    ]
    batch = Batch()
    for name, livemode, enabled, types in wanted:
        batch.insert(
            tables.EventDestination,
            id=f"{name}_{caller.platform_id}", platform_id=caller.platform_id, livemode=livemode,
            enabled=enabled, enabled_events=types, created_at=START, updated_at=START,
        )  # fmt: skip
    async with engine.database.transaction() as tx:
        await tx.apply(batch)

    life = await Life.now(engine, individual(), caller)
    await life.supply(display_name="Another")
    await engine.door.revise(life.id, Look())

    rows = await life.rows(
        "SELECT p.*, e.type, e.sequence AS told FROM pending_deliveries p JOIN events e ON e.id = p.event_id"
        " WHERE p.account_id = $1 ORDER BY told",
        life.id,
    )
    assert all(row["sequence"] == row["told"] for row in rows)
    to = {name: [row["type"] for row in rows if row["destination_id"].startswith(name)] for name, *_ in wanted}
    assert to["ed_all"] == [event["type"] for event in await life.events()]
    assert to["ed_some"] == ["v2.core.account.created", "v2.core.account.updated"]
    assert to["ed_off"] == to["ed_live"] == []


async def test_a_look_that_changes_nothing_writes_nothing(life: Life, engine: Engine) -> None:
    before = await life.written()
    for _ in range(3):
        await life.look()
        await life.account()
        await life.comes(80 * DAY)
    assert await life.written() == before

    in_real_time = await Life.now(engine, individual())
    await in_real_time.plan()  # claims the run
    before = await in_real_time.written()
    for _ in range(3):
        await in_real_time.look()
        await in_real_time.plan()
        await engine.reader.account(in_real_time.caller, in_real_time.id)
    assert await in_real_time.written() == before


# --- idempotency ------------------------------------------------------------------------------------------------------


async def accounts_of(engine: Engine, caller: Caller) -> list[str]:
    rows = await fetch(engine, "SELECT id FROM accounts WHERE platform_id = $1", caller.platform_id)
    return [row["id"] for row in rows]


async def test_twenty_creations_with_one_key_in_two_processes_make_one_account(
    engine: Engine, settings: Settings, caller: Caller
) -> None:
    nudged: list[str] = []
    other = await open_engine(settings, nudge=noting(nudged))
    try:
        mine = key("twenty", body="x")
        views = await asyncio.gather(
            *((engine, other)[number % 2].accounts.create(caller, individual(), mine) for number in range(20))
        )
        made = await accounts_of(engine, caller)
        assert len(made) == 1
        assert {view.account["id"] for view in views} == set(made)
        created = [event for event in await Life(engine, caller, made[0]).events() if event["type"].endswith("created")]
        assert len([event for event in created if event["related_object"]["id"] == made[0]]) == 1
        nudged.clear()
        await other.accounts.create(caller, individual(), mine)
        assert nudged == made  # a replay is a chance for whoever lost the first nudge
    finally:
        await other.close()


async def test_a_key_with_another_body_is_refused_and_with_another_operation_free(
    engine: Engine, caller: Caller
) -> None:
    life = await Life.now(engine, {}, caller)
    accounts = engine.accounts
    mine = key("once", body={"a": 1})
    await accounts.update(caller, life.id, {"display_name": "First"}, mine)
    before = await life.written()

    with pytest.raises(Refusal) as refused:
        await accounts.update(caller, life.id, {"display_name": "Second"}, key("once", body={"a": 2}))
    assert (refused.value.code, refused.value.kind) == ("idempotency_error", RefusalKind.CONFLICT)
    assert await life.written() == before

    # The same request again: the account as it is now, and nothing written.
    await accounts.update(caller, life.id, {"display_name": "Third"}, None)
    before = await life.written()
    replayed = await accounts.update(caller, life.id, {"display_name": "First"}, mine)
    assert replayed.account["display_name"] == "Third"
    assert await life.written() == before

    fourth = await accounts.update(caller, life.id, {"display_name": "Fourth"}, key("once", "POST another"))
    assert fourth.account["display_name"] == "Fourth"
    live = Caller(caller.platform_id, livemode=True, actor="key_live")
    assert (await accounts.create(live, {}, mine)).account["livemode"] is True


async def test_a_refusal_gives_its_key_back(engine: Engine, caller: Caller) -> None:
    life = await Life.now(engine, {}, caller)
    mine = key("refused")
    with pytest.raises(Refusal):
        await engine.accounts.update(caller, life.id, {"contact_email": "nonsense"}, mine)
    view = await engine.accounts.update(caller, life.id, {"display_name": "Free"}, mine)
    assert view.account["display_name"] == "Free"

    create = key("refused creation")
    with pytest.raises(Refusal):
        await engine.accounts.create(caller, {"contact_email": "nonsense"}, create)
    assert (await engine.accounts.create(caller, {}, create)).account["id"] in await accounts_of(engine, caller)


async def test_a_deletion_and_a_creation_of_a_person_are_replayed(engine: Engine, caller: Caller) -> None:
    life = await Life.now(engine, {**individual(), "identity": company()["identity"]}, caller)
    add, remove = key("add", "POST persons"), key("remove", "DELETE person")
    first = await engine.accounts.create_person(caller, life.id, samples.REPRESENTATIVE, add)
    again = await engine.accounts.create_person(caller, life.id, samples.REPRESENTATIVE, add)
    assert first == again

    deleted = await engine.accounts.delete_person(caller, life.id, first["id"], remove)
    before = await life.written()
    assert await engine.accounts.delete_person(caller, life.id, first["id"], remove) == deleted
    assert await life.written() == before
    with pytest.raises(Refusal) as refused:
        await engine.accounts.delete_person(caller, life.id, first["id"], key())
    assert refused.value.code == "not_found"

    bank = replace(key("bank", "v1"), keeps_answer=True)
    params = {"external_account": samples.BANK_ACCOUNT}
    made = await engine.accounts.create_bank_account(caller, life.id, params, bank)
    with pytest.raises(Replayed) as replayed:
        await engine.accounts.create_bank_account(caller, life.id, params, bank)
    assert orjson.loads(replayed.value.body) == made


async def test_a_stranger_finds_nothing_and_leaves_no_key(engine: Engine, caller: Caller) -> None:
    life = await Life.now(engine, {}, caller)
    before = await life.written()
    for stranger in (
        replace(caller, livemode=True),
        Caller("plat_nobody", livemode=False, actor="key_stranger"),
    ):
        attempts: list[Callable[[], Any]] = [
            partial(engine.accounts.update, stranger, life.id, {"display_name": "Mine"}, key("x")),
            partial(engine.accounts.close, stranger, life.id, None, key("x")),
            partial(engine.reader.account, stranger, life.id),
            partial(engine.accounts.create_person, stranger, life.id, {}, key("x")),
        ]
        for attempt in attempts:
            with pytest.raises(Refusal) as refused:
                await attempt()
            assert refused.value.code == "not_found"
    assert await life.written() == before
    assert await fetch(engine, "SELECT 1 FROM idempotency_keys WHERE platform_id = 'plat_nobody'") == []


async def test_twenty_updates_at_once_while_answers_arrive(engine: Engine, settings: Settings) -> None:
    life = await Life.begin(engine)
    await life.put(individual(date_of_birth={"day": 1, "month": 1, "year": 1901}))
    await life.put(ADDRESS_LATER)
    other = await open_engine(settings)
    sides = (engine, other)
    try:

        async def update(number: int) -> None:
            patch = {"metadata": {f"m{number}": str(number)}}
            await sides[number % 2].accounts.update(life.caller, life.id, patch, key())

        async def answers() -> None:
            for second in range(1, 8):
                await life.passes(second * SECOND)
                await sides[second % 2].door.revise(life.id, Look())

        await asyncio.gather(*(update(number) for number in range(20)), answers())
    finally:
        await other.close()

    document = await life.account()
    assert document["metadata"] == {f"m{number}": str(number) for number in range(20)}
    assert (await life.statuses())[CARD] == ACTIVE
    evidence = await life.rows(
        "SELECT kind, occurred_at FROM evidence WHERE account_id = $1 AND occurred_at > $2", life.id, START
    )
    assert {tuple(row) for row in evidence} == {
        (kind, START + 5 * SECOND) for kind in ("keyed_identity", "address_match")
    }
    await test_versions_and_events_are_dense(life)
    await test_events_chain_and_fold_to_what_can_be_read(life)
    row = await life.row()
    rows = [dict(one) for one in await life.rows(AUDIT, life.id)]
    assert broken_links(rows, row["audit_count"], row["audit_head"]) == []


async def test_a_closed_account_is_done_with(life: Life) -> None:
    mine = key("close", "POST close")
    view = await life.engine.accounts.close(life.caller, life.id, ["merchant", "recipient"], mine)
    assert view.account["closed"] is True
    assert {row["state"] for row in await life.rows("SELECT state FROM checks WHERE account_id = $1", life.id)} <= {
        "concluded",
        "superseded",
    }
    row = await life.row()
    assert (row["stage"], row["wake_at"], row["look_at"]) == ("closed", None, None)
    before = await life.written()
    await life.engine.accounts.close(life.caller, life.id, ["merchant", "recipient"], mine)
    with pytest.raises(Refusal):
        await life.supply(display_name="Too late")
    await life.comes(1000 * DAY)
    assert await life.written() == before
    assert json.dumps(await life.account())
    assert datetime.fromisoformat((await life.events())[-1]["effective_at"]) == START + 80 * DAY


async def test_an_edited_catalogue_is_another_version_and_accounts_keep_theirs(
    engine: Engine, settings: Settings
) -> None:
    old = await Life.now(engine, individual())
    packs = {path.stem: path.read_text(encoding="utf-8") for path in PACKS.glob("*.yaml")}
    packs["us"] = packs["us"].replace("grace_days: 30", "grace_days: 31")
    edited = policy_bytes("builtin", 1, load_packs(packs))

    other = await open_engine(settings, policy=compile_policy(edited), policy_bytes=edited)
    new = await Life.now(other, individual())
    await other.door.revise(old.id, Look())
    hashes = [row["policy_hash"] for row in [await old.row(), await new.row()]]
    await other.close()

    assert hashes == [engine.policies.current.hash, compile_policy(edited).hash]
