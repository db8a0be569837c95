"""ImportWorkflow on the real engine and a real server, and ``onboarding import`` in front of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import TypedSearchAttributes

from api.app import create_app
from onboarding.imports import ImportSteps, Pace, Step
from onboarding.settings import Settings
from tests.imports.telling import SWIFT, book, made_of, report, shop, started, steps_of
from tests.support.commands import Done, command
from tests.support.samples import MARKER
from tests.support.serving import ApiServer, new_platform
from tests.support.temporal import Bench, bench, event_names, eventually, made_worker
from tests.workflows.recording import record
from workflows import names, options

SMALL = replace(SWIFT, page=5)


@asynccontextmanager
async def quick_bench(settings: Settings, client: Client, pace: Pace = SMALL) -> AsyncIterator[Bench]:
    """A bench whose imports have small steps; its worker is started by the test."""
    async with bench(settings, client, working=False) as made:
        made.engine = replace(made.engine, import_steps=steps_of(made.engine, pace))
        yield made


async def has_ended(made: Bench, imported: str) -> bool:
    return await made.status(names.import_workflow_id(imported)) is WorkflowExecutionStatus.COMPLETED


async def attributes(made: Bench, imported: str) -> TypedSearchAttributes:
    found = await made.client.get_workflow_handle(names.import_workflow_id(imported)).describe()
    return found.typed_search_attributes


async def test_a_book_is_imported_and_the_run_ends(temporal_settings: Settings, client: Client) -> None:
    async with quick_bench(temporal_settings, client) as made, made_worker(made):
        caller = await made.platform()
        lines = [shop(number, display_name=MARKER) for number in range(12)] + [shop(12, contact_email=MARKER)]
        imported = await started(made.engine, caller, lines)
        await eventually(lambda: has_ended(made, imported), 30)
        assert (await made.engine.imports.get(caller, imported))["status"] == "done"
        assert len(await made_of(made.engine, caller)) == 12
        # Its accounts are worked on, as any other.
        account_id = (await made_of(made.engine, caller))[0]["id"]
        assert await made.status(names.account_workflow_id(account_id)) is not None

        found = await attributes(made, imported)
        assert (found[names.PLATFORM], found[names.STAGE]) == (caller.platform_id, "done")
        handle = made.client.get_workflow_handle(names.import_workflow_id(imported))
        metadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
        assert "- imported: 12" in metadata.current_details
        assert "- refused: 1" in metadata.current_details
        history = await made.history(names.import_workflow_id(imported))
        assert MARKER not in history.to_json()
        assert "TIMER_STARTED" not in event_names(history)
        await record("import_done", history)


async def test_paused_one_has_no_run_until_it_is_resumed(temporal_settings: Settings, client: Client) -> None:
    async with quick_bench(temporal_settings, client) as made, made_worker(made):
        engine, caller = made.engine, await made.platform()
        imported = await started(engine, caller, [shop(number) for number in range(5)], 0.5)

        async def waits() -> bool:
            return len(await made_of(engine, caller)) >= 2

        await eventually(waits)
        await engine.imports.pause(caller, imported)
        await eventually(lambda: has_ended(made, imported), 30)
        left = len(await made_of(engine, caller))
        assert left < 5
        assert (await attributes(made, imported))[names.STAGE] == "paused"
        await record("import_paused", await made.history(names.import_workflow_id(imported)))
        await made.fetch("UPDATE imports SET accounts_per_second = 100, next_at = NULL WHERE id = $1", imported)
        await engine.imports.resume(caller, imported)

        async def is_done() -> bool:
            return bool((await engine.imports.get(caller, imported))["status"] == "done")

        await eventually(is_done, 30)
        assert len(await made_of(engine, caller)) == 5


async def test_a_slow_one_waits_by_a_timer_and_looks_when_it_is_told(
    temporal_settings: Settings, client: Client
) -> None:
    async with quick_bench(temporal_settings, client) as made, made_worker(made):
        engine, caller = made.engine, await made.platform()
        imported = await started(engine, caller, [shop(1), shop(2)], 0.1)

        async def sleeps() -> bool:
            run = names.import_workflow_id(imported)
            return await made.status(run) is not None and "TIMER_STARTED" in event_names(await made.history(run))

        await eventually(sleeps)
        await made.fetch("UPDATE imports SET next_at = NULL WHERE id = $1", imported)
        made.nudger.nudge(imported)
        await eventually(lambda: has_ended(made, imported), 8)
        await record("import_slow", await made.history(names.import_workflow_id(imported)))


async def test_sweep_starts_a_run_that_was_lost(temporal_settings: Settings, client: Client) -> None:
    async with quick_bench(temporal_settings, client) as made:
        engine, caller = made.engine, await made.platform()
        await made.nudger.close()  # no nudge arrives
        imported = await started(engine, caller, [shop(1)])
        async with bench(temporal_settings, client, working=False) as other, made_worker(made):
            assert await made.status(names.import_workflow_id(imported)) is None
            other.nudger._task_queue = made.task_queue
            await made.sweep(other.nudger)
            await eventually(lambda: has_ended(made, imported))
        assert len(await made_of(engine, caller)) == 1


class Long(ImportSteps):
    """Comes to the lines after many steps in which there was little to do."""

    left = options.BATCH_STEPS_A_RUN + 2

    async def step(self, import_id: str) -> Step:
        self.left -= 1
        step = await super().step(import_id if self.left <= 0 else "imp_of_nobody")
        return step if self.left <= 0 else Step("running", timedelta(), "plat_1")


async def test_long_one_continues_as_new(temporal_settings: Settings, client: Client) -> None:
    async with quick_bench(temporal_settings, client) as made:
        engine, caller = made.engine, await made.platform()
        steps = Long(engine.database, engine.ring, engine.door, engine.verifiers, SMALL)
        made.engine = replace(engine, import_steps=steps)
        async with made_worker(made):
            imported = await started(engine, caller, [shop(1), shop(2)])
            await eventually(lambda: has_ended(made, imported), 40)
        handle = client.get_workflow_handle(names.import_workflow_id(imported))
        last = await handle.describe()
        first_id = last.raw_description.workflow_execution_info.first_run_id
        assert first_id != last.run_id
        first = await client.get_workflow_handle(handle.id, run_id=first_id).fetch_history()
        assert event_names(first)[-1] == "WORKFLOW_EXECUTION_CONTINUED_AS_NEW"
        assert len(first.events) < 600
        # What the search attributes say was handed on, and is not said again.
        assert event_names(await handle.fetch_history()).count("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES") == 1
        assert len(await made_of(engine, caller)) == 2


async def test_as_a_platform_types_it(temporal_settings: Settings, client: Client, tmp_path: Path) -> None:
    async with quick_bench(temporal_settings, client) as made, made_worker(made):
        own = temporal_settings.model_copy(update={"task_queue": made.task_queue})
        server = ApiServer(own, lambda _engine: create_app(own))  # with its own engine, which nudges
        await asyncio.to_thread(server.start)
        try:
            platform = await asyncio.to_thread(lambda: server.run(new_platform(server)))
            caller = await made.engine.authenticate(platform.test_key)
            assert caller is not None
            environ = {"ONBOARDING_API_URL": server.url, "ONBOARDING_API_KEY": platform.test_key}

            async def said(*arguments: str, code: int = 0) -> Done:
                done = await command(own, *arguments, **environ)
                assert done.returncode == code, done.stdout + done.stderr
                return done

            path = tmp_path / "book.jsonl"
            path.write_bytes(book([shop(1), shop(2, contact_email=MARKER), b"{", b"x" * 200_000, shop(5)]))
            tried = (await said("import", str(path), "--dry-run", "--pace", "50/s", code=1)).stdout
            [imported] = re.findall(r"^imp_\w+$", tried, re.MULTILINE)
            assert f"{imported}  checked: received 5, pending 0, accepted 2, refused 3, imported 0" in tried
            assert re.search(r"^ *2 +email_invalid +account\.contact_email ", tried, re.MULTILINE)
            assert re.search(r"^ *3 +invalid_json ", tried, re.MULTILINE)
            assert re.search(r"^ *4 +request_too_large ", tried, re.MULTILINE)
            assert MARKER not in tried
            assert await made_of(made.engine, caller) == []

            path.write_bytes(book([shop(number) for number in range(1, 6)]))
            done = (await said("import", str(path), "--import", imported)).stdout
            assert "done: received 5, pending 0, accepted 0, refused 0, imported 5" in done
            assert len(await made_of(made.engine, caller)) == 5
            listed, again, late, none = await asyncio.gather(
                said("imports", "list"),
                said("import", str(path), code=1),
                said("imports", "pause", imported, code=1),
                said("imports", "show", imported, "--key", "sk_test_none", code=1),
            )
            assert imported in listed.stdout
            assert again.stdout.count("import_line_imported_before") == 5
            assert (await report(made.engine, caller, imported))[1]["account"] in again.stdout
            assert late.stderr == "onboarding: The import is done.\n"
            assert "No valid API key was given" in none.stderr
        finally:
            await asyncio.to_thread(server.stop)
