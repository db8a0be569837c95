"""``onboarding reviews``, as somebody types it who runs the engine."""

from __future__ import annotations

import asyncio
import getpass
import re

import pytest

from onboarding.engine import open_engine
from onboarding.settings import Settings
from tests.stories.telling import new_caller
from tests.support.commands import command
from tests.workflows.test_review import hit

pytestmark = pytest.mark.timeout(240)  # a dozen commands, each a process of its own

MARKER = "Zelmira Quastenberger"


async def said(settings: Settings, *arguments: str, code: int = 0) -> str:
    """What a command prints, if its exit status is this one; errors behind what it printed before."""
    done = await command(settings, "reviews", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


async def test_a_review_from_the_list_to_the_decision(temporal_settings: Settings) -> None:
    settings, me = temporal_settings, f"operator:{getpass.getuser()}"
    engine = await open_engine(settings)
    try:
        caller = await new_caller(engine)
        (account, review), (_, other) = await hit(engine, caller), await hit(engine, caller)
        async with engine.database.reading() as r:
            await r.fetch(
                "UPDATE reviews SET assignee = $1 WHERE account_id = $2", review[-20:].replace("_", ""), account
            )
            [row] = await r.fetch("SELECT assignee FROM reviews WHERE id = $1", review)

        listed, claimed = await asyncio.gather(
            said(settings, "list", "--queue", "screening", "--status", "open", "--assignee", row["assignee"]),
            said(settings, "claim", other),
        )
        assert re.search(rf"{review} +screening +20 +open +\d{{4}}-\d\d-\d\dT\S+ +screening", listed), listed
        assert other not in listed
        assert claimed.startswith(f"{other}  claimed  until ")
        field = "identity.individual.documents.primary_verification"
        wrong, asked, noted, released, odd = await asyncio.gather(
            said(settings, "ask", review, "identity.individual.colour=verification_document_not_readable", code=1),
            said(settings, "ask", review, f"{field}=verification_document_not_readable"),
            said(settings, "note", review, f"{MARKER} called"),
            said(settings, "release", other),
            said(settings, "decide", other, "perhaps", code=1),
        )
        assert wrong.startswith("onboarding: entries[0].description: ")
        assert asked == f"{review}  waiting\n"
        assert noted.endswith(f"  {me}  {MARKER} called\n")
        assert released == f"{other}  open\n"
        assert odd == "onboarding: perhaps is not one of passed, failed, ask_again\n"
        decided, notes, unknown = await asyncio.gather(
            said(settings, "decide", review, "passed"),
            said(settings, "note", review),
            said(settings, "claim", "rev_0000", code=1),
        )
        assert decided == f"{review}  decided  passed\n"
        assert notes == noted
        assert unknown == "onboarding: No such review.\n"
        again = await said(settings, "decide", review, "failed", code=1)
        assert again == "onboarding: The review is decided already.\n"
        shown = await engine.reader.review(caller, review)
        assert (shown["status"], shown["decided_by"]) == ("decided", "operator")  # which one is nobody else's to know
        async with engine.database.reading() as r:
            rows = await r.fetch(
                "SELECT actor FROM audit_log WHERE account_id = $1 AND action LIKE 'review.%'", account
            )
        assert {one["actor"] for one in rows} == {me}
    finally:
        await engine.close()
