"""ListDeltaWorkflow on the real engine and a real server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus

from onboarding.list_deltas import ListDeltas, Pace
from onboarding.settings import Settings
from onboarding.verifiers.lists import ListVerifier, sources_in
from onboarding.verifiers.registry import Verifiers
from onboarding.verifiers.sandbox import is_test_value
from tests.stories.telling import individual
from tests.stories.test_local_verifiers import ORDINARY, UNSCREENED, Local
from tests.support.temporal import Bench, bench, eventually, made_worker
from tests.workflows.recording import record
from workflows import names

PAGE = 3
QUICK = Pace(per_second=30, page=PAGE, at_once=1, settles_in=timedelta())
"""A tenth of a second for a page."""


def write(folder: Path, *listed: str) -> None:
    entries = [{"id": f"h-{number}", "name": name} for number, name in enumerate(listed)]
    (folder / "house.yaml").write_text(json.dumps({"entries": entries, "count": len(entries)}) + "\n")


@asynccontextmanager
async def screened_bench(settings: Settings, client: Client, folder: Path) -> AsyncIterator[tuple[Bench, ListVerifier]]:
    """A bench whose worker screens with the lists of the folder; it is started by the test."""
    screening = ListVerifier(sources_in(folder))
    screening.refresh()
    local: Any = (screening, Local(UNSCREENED))
    verifiers = Verifiers(exempt=is_test_value, local=local, serve_sandbox=True)
    async with bench(settings, client, verifiers, working=False) as made:
        engine = made.engine
        made.engine = replace(engine, list_deltas=ListDeltas(engine.database, engine.door, screening, QUICK))
        yield made, screening


async def test_sweep_starts_it_and_a_killed_worker_is_made_good(
    temporal_settings: Settings, client: Client, tmp_path: Path, new_book: Callable[[], str]
) -> None:
    write(tmp_path, "Ysolde Varkentin")
    settings = temporal_settings.model_copy(update={"database_url": new_book()})  # a delta looks at everybody
    async with screened_bench(settings, client, tmp_path) as (made, screening):
        caller = await made.platform()
        await made.engine.list_deltas.note()
        ids = []
        for number in range(8):
            given, surname = ("Teodrique", "Ombolo") if number % 2 else ("Jenny", "Rosen")
            patch = individual(**ORDINARY | {"given_name": given, "surname": surname})
            ids.append((await made.engine.accounts.create(caller, patch, None)).account["id"])
            await made.engine.work.plan(ids[-1], "run")
        meant = set(ids[1::2])
        write(tmp_path, "Ysolde Varkentin", "Teodrique Ombolo")
        screening.refresh()

        await made.sweep()  # notes the new version
        [delta] = await made.fetch("SELECT id, state FROM list_deltas WHERE state <> 'done'")
        run = names.list_delta_workflow_id(delta["id"])

        async def orders() -> list[str]:
            rows = await made.fetch("SELECT account_id FROM orders WHERE campaign = $1", delta["id"])
            return [row["account_id"] for row in rows]

        async def some() -> bool:
            return bool(await orders())

        async def is_over() -> bool:
            return await made.status(run) is WorkflowExecutionStatus.COMPLETED

        async with made_worker(made):
            await made.sweep()  # starts it
            await eventually(some)
        async with made_worker(made):
            await eventually(is_over, 30)
            assert sorted(await orders()) == sorted(meant)

            async def are_in_review() -> bool:
                rows = await made.fetch(
                    "SELECT DISTINCT account_id FROM reviews WHERE state = 'open' AND account_id = ANY($1::text[])", ids
                )
                return {row["account_id"] for row in rows} == meant

            await eventually(are_in_review)
        await record("list_delta", await made.history(run))
