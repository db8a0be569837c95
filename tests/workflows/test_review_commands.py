"""``onboarding reviews``, as somebody types it who runs the engine."""

from __future__ import annotations

import asyncio
import getpass
import re
from collections.abc import Iterator

import pytest
import structlog
from typer.testing import CliRunner

from onboarding.cli import app
from onboarding.cli.operations import CommandFailed
from onboarding.engine import open_engine
from onboarding.settings import Settings
from tests.stories.telling import new_caller
from tests.support.commands import environment
from tests.workflows.test_review import hit

MARKER = "Zelmira Quastenberger"


@pytest.fixture(autouse=True)
def as_typed(temporal_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands run in this process, which is no command line otherwise: what they set up is taken back."""
    for name, value in environment(temporal_settings).items():
        monkeypatch.setenv(name, value)
    before = structlog.get_config()
    yield
    structlog.configure(**before)


async def said(*arguments: str) -> str:
    """What a command prints, or the line that tells why it failed."""
    done = await asyncio.to_thread(CliRunner().invoke, app, ["reviews", *arguments])
    if isinstance(done.exception, CommandFailed):
        return f"onboarding: {done.exception}"
    assert done.exit_code == 0, done.output
    return done.output


async def test_a_review_from_the_list_to_the_decision(temporal_settings: Settings) -> None:
    me = f"operator:{getpass.getuser()}"
    engine = await open_engine(temporal_settings)
    try:
        caller = await new_caller(engine)
        (account, review), (_, other) = await hit(engine, caller), await hit(engine, caller)
        async with engine.database.reading() as r:
            await r.fetch(
                "UPDATE reviews SET assignee = $1 WHERE account_id = $2", review[-20:].replace("_", ""), account
            )
            [row] = await r.fetch("SELECT assignee FROM reviews WHERE id = $1", review)

        listed = await said("list", "--queue", "screening", "--status", "open", "--assignee", row["assignee"])
        assert re.search(rf"{review} +screening +20 +open +\d{{4}}-\d\d-\d\dT\S+ +screening", listed), listed
        assert other not in listed
        assert (await said("claim", other)).startswith(f"{other}  claimed  until ")
        assert await said("release", other) == f"{other}  open\n"
        assert await said("decide", other, "perhaps") == "onboarding: perhaps is not one of passed, failed, ask_again"
        field, code = "identity.individual.documents.primary_verification", "verification_document_not_readable"
        wrong = await said("ask", review, f"identity.individual.colour={code}")
        assert wrong.startswith("onboarding: entries[0].description: ")
        assert await said("ask", review, field) == "onboarding: an entry is FIELD=CODE"
        assert await said("ask", review, f"{field}={code}") == f"{review}  waiting\n"
        noted = await said("note", review, f"{MARKER} called")
        assert noted.endswith(f"  {me}  {MARKER} called\n")
        assert await said("note", review) == noted
        assert await said("decide", review, "passed") == f"{review}  decided  passed\n"
        assert await said("decide", review, "failed") == "onboarding: The review is decided already."
        assert await said("assign", "rev_0000", "ada") == "onboarding: No such review."
        assert await said("claim", "rev_0000") == "onboarding: No such review."
        shown = await engine.reader.review(caller, review)
        assert (shown["status"], shown["decided_by"]) == ("decided", "operator")  # which one is nobody else's to know
        async with engine.database.reading() as r:
            rows = await r.fetch(
                "SELECT actor FROM audit_log WHERE account_id = $1 AND action LIKE 'review.%'", account
            )
        assert {one["actor"] for one in rows} == {me}
    finally:
        await engine.close()


async def test_the_next_of_a_queue_of_all_platforms(temporal_settings: Settings) -> None:
    engine = await open_engine(temporal_settings)
    try:
        callers = [await new_caller(engine) for _ in range(3)]
        reviews = [(await hit(engine, caller))[1] for caller in callers]
        corner = f"corner_{reviews[0][-10:]}"  # other tests' reviews wait in the queues of the policy
        async with engine.database.reading() as r:
            for priority, review in enumerate(reviews):
                await r.fetch("UPDATE reviews SET queue = $2, priority = $3 WHERE id = $1", review, corner, priority)
        first, second, third = reviews

        assert await said("assign", first, "ada") == f"{first}  open\n"
        assert (await said("assign", first, "ada@rosen.example")).startswith("onboarding: an assignee is an id of ")
        assert await said("assign", third, getpass.getuser()) == f"{third}  open\n"
        shown = await engine.reader.review(callers[2], third)
        assert shown["assignee"] == getpass.getuser()

        for mine in (third, second):
            assert (await said("claim-next", corner)).startswith(f"{mine}  claimed  until ")
        assert await said("claim-next", corner) == "onboarding: No review waits there."
        assert await said("assign", first) == f"{first}  open\n"
        assert (await said("claim-next", corner)).startswith(f"{first}  claimed  until ")

        for caller, review in zip(callers, reviews, strict=True):
            shown = await engine.reader.review(caller, review)
            assert (shown["claimed_by"], shown["reviewer"]) == ("operator", None)
        async with engine.database.reading() as r:
            rows = await r.fetch("SELECT DISTINCT claimed_by FROM reviews WHERE queue = $1", corner)
        assert [row["claimed_by"] for row in rows] == [f"operator:{getpass.getuser()}"]
    finally:
        await engine.close()
