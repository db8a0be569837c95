"""``onboarding inbox``: people see what came, and have it read again after they mended something."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from onboarding.attempts import Stand
from onboarding.checks import Checks
from onboarding.cli import app
from onboarding.cli.operations import CommandFailed
from onboarding.door.callers import Caller
from onboarding.engine import Engine, open_engine
from onboarding.inbox import Received
from onboarding.local.processes import free_port
from onboarding.settings import Settings
from onboarding.storage.inbox import GIVEN_UP_AFTER, ItemState
from onboarding.verifiers.configured import verifiers_from
from onboarding.verifiers.port import CallbackUnreadable, Notice
from onboarding.verifiers.stripe_identity import StripeIdentity
from tests.privacy.markers import CORE, found
from tests.stories.telling import Life, individual, new_caller
from tests.verifiers.stripe_identity.canned import Canned, session

KIND = "keyed_identity"
WRONG, RIGHT = "whsec_wrong", "whsec_right"
ORDINARY: dict[str, Any] = {
    "phone": "+14155552671",
    "date_of_birth": {"day": 7, "month": 6, "year": 1980},
    "address__line1": "12 Ordinary Road",
    "id_numbers": [],
}


@dataclass
class Desk:
    """The engine of an API that has the wrong secret, the vendor, and the command line."""

    engine: Engine
    vendor: Canned
    settings: Settings
    set_variable: Callable[[str, str], None]

    async def receives(self, *, secret: str = RIGHT, name: str = "", **subject: Any) -> Received:
        """Stripe sends an event about its session."""
        told = {"id": f"vs_{CORE}", "object": "identity.verification_session", **subject}
        event = {
            "id": f"evt_{name or uuid4().hex}",
            "object": "event",
            "created": int(time.time()),
            "type": "identity.verification_session.verified",
            "data": {"object": told},
        }
        body = json.dumps(event).encode()
        at = int(time.time())
        signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"stripe-signature": f"t={at},v1={signed}", "x-marker": CORE}
        return await self.engine.inbox.receive("stripe_identity", headers, body)

    def mend(self, *secrets: str) -> None:
        """What the processes that start from now on know."""
        self.set_variable("ONBOARDING_STRIPE_IDENTITY_WEBHOOK_SECRETS", ",".join(secrets))

    def run(self, *arguments: str) -> Result:
        done = CliRunner().invoke(app, ["inbox", *arguments])
        assert found(done.output) == []
        return done

    def says(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert (done.exit_code, done.stderr) == (0, ""), done.exception
        return done.stdout.strip()

    async def rows(self) -> list[Any]:
        async with self.engine.database.reading() as r:
            return await r.fetch("SELECT * FROM inbox ORDER BY received_at, id")

    async def states(self) -> list[tuple[str, str | None]]:
        return [(row["state"], row["error_code"]) for row in await self.rows()]

    async def fetch(self, sql: str, *parameters: object) -> list[Any]:
        async with self.engine.database.reading() as r:
            return await r.fetch(sql, *parameters)


@pytest.fixture
async def desk(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    with Canned() as vendor:
        environment = {
            "DATABASE_URL": settings.database_url,
            "ONBOARDING_ROOT_KEYS": settings.root_keys.get_secret_value(),
            "ONBOARDING_STRIPE_IDENTITY_KEY": "rk_test_1",
            "ONBOARDING_STRIPE_IDENTITY_URL": vendor.url,
            "ONBOARDING_STRIPE_IDENTITY_WEBHOOK_SECRETS": WRONG,
            "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        known = Settings.model_validate(environment)
        engine = await open_engine(known, verifiers=verifiers_from(known))
        made = Desk(engine, vendor, known, monkeypatch.setenv)
        await made.fetch("TRUNCATE inbox")
        await made.fetch("UPDATE attempts SET vendor_digest = NULL")
        yield made
        await made.fetch("TRUNCATE inbox")
        await engine.close()


async def started(desk: Desk) -> tuple[Life, str, str]:
    """A live account whose identity Stripe is asked about: with its check and its attempt."""
    caller: Caller = await new_caller(desk.engine, livemode=True)
    life = await Life.now(desk.engine, individual(**ORDINARY), caller)
    [row] = await life.rows("SELECT id FROM checks WHERE account_id = $1 AND kind = $2", life.id, KIND)
    checks = Checks(desk.engine.door, desk.engine.database, desk.engine.verifiers, desk.engine.inbox)
    desk.vendor.will_answer({"error": {"type": "api_error"}}, 500)
    assert (await checks.advance(life.id, row["id"])).stand is Stand.UNAVAILABLE
    [attempt] = await life.rows("SELECT id FROM attempts WHERE check_id = $1", row["id"])
    return life, row["id"], attempt["id"]


async def test_a_list_tells_where_items_stand_and_nothing_of_what_they_say(desk: Desk) -> None:
    assert desk.says("list") == ""
    life, check_id, attempt_id = await started(desk)
    await desk.receives(secret=WRONG, client_reference_id=attempt_id)
    await desk.receives(secret=WRONG, name="twice")
    await desk.receives(secret=WRONG, name="twice")
    await desk.receives(secret="no")

    lines = desk.says("list").splitlines()

    assert [re.sub(r"  +", "  ", re.sub(r"^in_\w{27}  [\d-]{10} [\d:]{8}  ", "", line)) for line in lines] == [
        "stripe_identity  refused  -  signature_wrong",
        "stripe_identity  pending  -  x2",
        f"stripe_identity  pending  {check_id}",
    ]
    assert desk.says("list", "--state", "refused") == lines[0]
    assert desk.says("list", "--state", "refused", "--state", "pending").splitlines() == lines
    assert desk.says("list", "--limit", "1") == lines[0]
    assert desk.says("list", "--verifier", "other") == ""
    assert life.id not in "".join(lines)


async def test_refused_ones_are_taken_in_after_the_secret_was_mended(desk: Desk) -> None:
    _, check_id, attempt_id = await started(desk)
    assert (await desk.receives(client_reference_id=attempt_id)).code == "signature_wrong"
    await desk.receives(secret="whsec_nobody")
    assert desk.says("replay", "--state", "refused") == "refused: 2"
    assert await desk.states() == [("refused", "signature_wrong")] * 2

    desk.mend(RIGHT, WRONG)
    assert desk.says("replay", "--state", "refused") == "pending: 1, refused: 1"

    first, second = await desk.rows()
    assert (first["state"], first["error_code"], first["settled_at"]) == ("pending", None, None)
    assert (first["check_id"], first["attempt_id"]) == (check_id, attempt_id)
    assert None not in (first["event_digest"], first["vendor_digest"], first["occurred_at"])
    assert (second["state"], second["check_id"]) == ("refused", None)
    assert [row["state"] for row in await desk.rows()] == ["pending", "refused"]


async def test_the_age_of_a_signature_is_that_of_its_arrival(desk: Desk) -> None:
    await desk.receives()
    opened = (await desk.rows())[0]["received_at"]
    await desk.fetch("UPDATE inbox SET received_at = received_at + interval '10 minutes'")
    desk.mend(RIGHT)
    assert desk.says("replay", "--state", "refused") == "refused: 1"
    assert await desk.states() == [("refused", "signature_old")]

    await desk.fetch("UPDATE inbox SET received_at = $1", opened)
    assert desk.says("replay", "--state", "refused") == "pending: 1"


async def test_unreadable_ones_are_taken_in_after_the_adapter_was_mended(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, check_id, attempt_id = await started(desk)

    def unreadable(*_: object) -> Notice | None:
        raise CallbackUnreadable

    with monkeypatch.context() as broken:
        broken.setattr(StripeIdentity, "read_callback", unreadable)
        assert (await desk.receives(secret=WRONG, client_reference_id=attempt_id)).state is ItemState.UNREADABLE
        assert desk.says("replay", "--state", "unreadable") == "unreadable: 1"

    assert desk.says("replay", "--state", "unreadable") == "pending: 1"

    [row] = await desk.rows()
    assert (row["state"], row["error_code"], row["check_id"], row["attempt_id"]) == (
        "pending",
        None,
        check_id,
        attempt_id,
    )
    assert desk.says("replay", "--state", "unreadable") == "nothing to replay"


async def test_what_the_vendor_has_sent_again_meanwhile_is_discarded(desk: Desk) -> None:
    await desk.receives(name="one")
    await desk.receives(name="one")
    desk.mend(RIGHT)
    assert desk.says("replay", "--state", "refused") == "pending: 1, repeated: 1"

    [row] = await desk.rows()
    assert (row["state"], row["deliveries"]) == ("pending", 1)


async def test_items_that_are_done_come_to_the_same_end_when_they_are_replayed(desk: Desk) -> None:
    life, check_id, attempt_id = await started(desk)
    await desk.receives(secret=WRONG, client_reference_id=attempt_id)
    checks = Checks(desk.engine.door, desk.engine.database, desk.engine.verifiers, desk.engine.inbox)
    vendor = session("canceled", id=f"vs_{CORE}", client_reference_id=attempt_id)
    desk.vendor.will_answer(vendor)
    assert (await checks.advance(life.id, check_id)).stand is Stand.IN_REVIEW
    assert await desk.states() == [("settled", None)]
    evidence = await life.rows("SELECT * FROM evidence WHERE check_id = $1", check_id)
    assert len(evidence) == 1

    [row] = await desk.rows()
    assert desk.says("replay", row["id"]) == "pending: 1"
    desk.vendor.will_answer(vendor)
    await checks.advance(life.id, check_id)

    assert await desk.states() == [("settled", None)]
    assert await life.rows("SELECT * FROM evidence WHERE check_id = $1", check_id) == evidence
    assert len(await desk.rows()) == 1


async def test_only_those_that_are_asked_for_are_replayed(desk: Desk) -> None:
    for _ in range(3):
        await desk.receives()
    desk.mend(RIGHT)
    first, *_ = await desk.rows()
    await desk.fetch("UPDATE inbox SET received_at = received_at - interval '5 s' WHERE id = $1", first["id"])
    tomorrow = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86_400))

    assert desk.says("replay", "--state", "refused", "--since", tomorrow) == "nothing to replay"
    assert desk.says("replay", "--state", "refused", "--verifier", "other") == "nothing to replay"
    assert desk.says("replay", "in_unknown") == "nothing to replay"
    assert desk.says("replay", first["id"]) == "pending: 1"
    assert [row["state"] for row in await desk.rows()] == ["pending", "refused", "refused"]
    assert desk.says("replay", "--state", "refused", "--limit", "1") == "pending: 1"


@pytest.mark.parametrize("age", [GIVEN_UP_AFTER - timedelta(hours=1), 2 * GIVEN_UP_AFTER])
async def test_an_item_is_taken_in_however_long_it_took_to_mend(desk: Desk, age: timedelta) -> None:
    _, check_id, attempt_id = await started(desk)
    body_signed_then = time.time() - age.total_seconds()
    with pytest.MonkeyPatch.context() as then:
        then.setattr(time, "time", lambda: body_signed_then)
        await desk.receives(client_reference_id=attempt_id)
    await desk.fetch("UPDATE inbox SET received_at = to_timestamp($1)", body_signed_then)
    desk.mend(RIGHT)

    assert desk.says("replay", "--state", "refused") == "pending: 1"

    [row] = await desk.rows()
    assert (row["state"], row["error_code"], row["check_id"]) == ("pending", None, check_id)


async def test_a_result_is_all_that_is_printed(desk: Desk) -> None:
    """Also while Temporal is away."""
    _, _, attempt_id = await started(desk)
    await desk.receives(client_reference_id=attempt_id)
    desk.mend(RIGHT)

    assert desk.run("replay", "--state", "refused").stdout == "pending: 1\n"


@pytest.mark.parametrize("command", ["list", "replay"])
async def test_a_name_of_no_state_is_told(desk: Desk, command: str) -> None:
    done = desk.run(command, "--state", "lost")

    assert isinstance(done.exception, CommandFailed)
    assert str(done.exception) == "a state is one of pending, settled, ignored, refused, unreadable"


async def test_a_replay_of_everything_has_to_be_asked_for(desk: Desk) -> None:
    done = desk.run("replay")

    assert isinstance(done.exception, CommandFailed)
    assert str(done.exception) == "say which: ids, or --state"


async def test_a_verifier_that_is_not_there_any_more_leaves_items_as_they_are(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.receives()
    before = await desk.rows()
    monkeypatch.delenv("ONBOARDING_STRIPE_IDENTITY_KEY")

    assert desk.says("replay", "--state", "refused") == "refused: 1"

    assert await desk.rows() == before
