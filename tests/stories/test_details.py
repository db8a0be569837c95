"""What operators read of an account in the Temporal UI: what is open, since when, until when, who acts."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from onboarding import runs
from onboarding.details import MOST_ROWS, first_rows
from onboarding.domain.state import OrderKind
from onboarding.door.door import Look
from onboarding.engine import Engine
from onboarding.runs import minute
from tests.stories.telling import CARD, DAY, START, Life, individual
from tests.support.details import rows
from workflows import names

USER = "the platform's user"
UNSET: Any = {
    "configuration": {"merchant": {"mcc": None}},
    "defaults": {"profile": {"business_url": None, "product_description": None}},
}


async def test_what_the_user_is_asked_for_stands_with_its_deadline(engine: Engine) -> None:
    life = await Life.begin(engine)
    await life.put(individual())
    assert rows((await life.plan()).details) == [("external_account", minute(START), "past due", USER)]
    await life.pays_into()
    assert rows((await life.plan()).details) == []
    await life.comes(DAY)
    await life.put(UNSET)

    told = {row[0]: row[1:] for row in rows((await life.plan()).details)}

    assert told["configuration.merchant"] == ("—", minute(START + 31 * DAY), USER)
    shown = await digest(life)
    ann = await engine.orders.operator(life.id, "ann")
    await engine.orders.place(
        ann, life.id, None, kind=OrderKind.EXTEND_DEADLINE, reason="user_unable", ends_at=START + 45 * DAY,
        target="us.mcc/configuration.merchant.mcc",
    )  # fmt: skip
    assert await digest(life) != shown  # its run is told, though the next deadline is another one's
    moved = {row[0]: row[1:] for row in rows((await life.plan()).details)}
    assert moved == {**told, "configuration.merchant": ("—", minute(START + 45 * DAY), USER)}


async def digest(life: Life) -> str:
    await life.engine.door.revise(life.id, Look())
    return str((await life.row())["view_digest"])


def test_links_of_details_lead_to_the_runs_that_workflows_start() -> None:
    known = {
        runs.account_run("acct_1"): names.account_workflow_id("acct_1"),
        runs.check_run("check_1"): names.check_workflow_id("check_1"),
        runs.review_run("rev_1"): names.review_workflow_id("rev_1"),
        runs.activation_run("acct_1", CARD): names.activation_workflow_id("acct_1", CARD),
    }
    for mine, theirs in known.items():
        assert mine == theirs
        path = runs.link("here", mine).partition("(")[2].rstrip(")")
        assert path.count("/") == 3  # what is part of the id is no step of the path
        assert unquote(path) == f"namespaces/{{namespace}}/workflows/{theirs}"


def test_a_table_has_a_cell_for_everything() -> None:
    assert runs.table([]) == ""
    told = runs.table([("a check", minute(START), "", "a verifier")])
    assert rows(told) == [("a check", f"{START:%Y-%m-%d %H:%M:%S} UTC", "—", "a verifier")]


def test_no_more_rows_than_anybody_reads() -> None:
    row = ("`group`", "", "", USER)
    assert first_rows([row] * MOST_ROWS) == [row] * MOST_ROWS
    assert first_rows([row] * (MOST_ROWS + 3)) == [*[row] * MOST_ROWS, ("and 3 more", "", "", "")]
