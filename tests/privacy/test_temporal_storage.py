"""Not a byte of Temporal's storage is a word of a caller's."""

from __future__ import annotations

import uuid
from pathlib import Path

from onboarding.settings import Settings
from onboarding.temporal import connect
from tests.privacy import markers
from tests.privacy.markers import CORE, found_in_files, patterns
from tests.stories.telling import Life
from tests.support.temporal import bench
from tests.workflows.conftest import start_temporal
from workflows import names


async def test_temporal_s_files_hold_nothing_a_caller_said(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "temporal"
    folder.mkdir()
    server = start_temporal(tmp_path, database_file=folder / "temporal.db")
    control = f"{CORE[::-1]}control"
    try:
        known = settings.model_copy(update={"temporal_address": server.address})
        client = await connect(known, lazy=False)
        async with bench(known, client) as made:
            caller = await made.platform()
            lives = []
            for entity_type in ("individual", "company"):
                account = await made.engine.accounts.create(caller, markers.account(entity_type), None)
                lives.append(Life(made.engine, caller, account.account["id"]))
            share = {"representative": True, "executive": True, "title": markers.text()}
            await lives[1].add("rep", markers.person(relationship=share))
            await lives[0].supply(display_name=markers.text(), identity__individual__surname=markers.text())
            await made.engine.accounts.close(caller, lives[0].id, None, None)
            await made.ended(lives[0].id)
            # A live account: its checks become workflows of their own.
            live = await made.platform(livemode=True)
            patch = markers.account("company")
            # Files would have to be uploaded first.
            patch["configuration"]["merchant"].pop("branding")
            patch["identity"]["business_details"].pop("documents")
            outward = Life(made.engine, live, (await made.engine.accounts.create(live, patch, None)).account["id"])
            await outward.plan()
            assert await made.status(names.account_workflow_id(lives[1].id)) is not None
        await client.start_workflow("Unknown", control, id=f"control-{uuid.uuid4()}", task_queue="nobody")
        alive = found_in_files(folder)
    finally:
        server.stop()

    assert alive == []
    assert found_in_files(tmp_path) == []
    files = {file.name for file in folder.iterdir()}
    assert "temporal.db" in files
    assert found_in_files(folder, patterns(control)) != []
