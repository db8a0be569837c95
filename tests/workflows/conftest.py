"""One Temporal server for the whole session, shared by all test processes: one for each of them is slower."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.client import Client

from onboarding.local import LocalTemporal, find_temporal
from onboarding.local.files import locked
from onboarding.local.processes import free_port
from onboarding.process_exit import settle_before_exit
from onboarding.settings import Settings
from onboarding.temporal import connect
from workflows.names import SEARCH_ATTRIBUTES


def start_temporal(folder: Path, *, database_file: Path | None = None, port: int | None = None) -> LocalTemporal:
    """A development server of one's own."""
    server = LocalTemporal(
        find_temporal(print),
        port=port or free_port(),
        search_attributes=SEARCH_ATTRIBUTES,
        log_file=folder / "temporal.log",
        database_file=database_file,
    )
    server.start()
    return server


@pytest.fixture(scope="session")
def temporal_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the shared server."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if worker != "main" else folder
    known, lock, mine = folder / "temporal.json", folder / "temporal.lock", folder / f"temporal-user-{worker}"
    server: LocalTemporal | None = None
    with locked(lock, waiting=lambda: None):
        if not known.exists():
            server = start_temporal(folder)
            known.write_text(json.dumps({"address": server.address, "pid": server.pid}))
        mine.touch()
    started = json.loads(known.read_text())
    yield started["address"]
    with locked(lock, waiting=lambda: None):
        mine.unlink()
        # Whoever is the last to leave ends it: to wait for the others here could take longer than a test may.
        if not list(folder.glob("temporal-user-*")):
            known.unlink()
            if server is not None:
                server.stop()
            else:
                os.kill(started["pid"], signal.SIGTERM)


@pytest.fixture(scope="session")
def temporal_settings(settings: Settings, temporal_address: str) -> Settings:
    """Settings of a process that knows the shared server."""
    return settings.model_copy(update={"temporal_address": temporal_address})


@pytest.fixture(scope="session")
async def client(temporal_settings: Settings) -> Client:
    """A client of the shared server, made as the product makes it."""
    return await connect(temporal_settings, lazy=False)


def pytest_unconfigure() -> None:
    """Let go of the SDK's threads before the interpreter ends, or a green session may end with SIGABRT."""
    settle_before_exit()
