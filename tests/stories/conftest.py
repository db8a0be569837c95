"""An engine on a real Postgres for the stories; every story has a platform of its own."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable

import pytest
from typer.testing import CliRunner, Result

from onboarding.cli import app
from onboarding.door.callers import Caller
from onboarding.engine import Engine, open_engine
from onboarding.local.postgres import LocalPostgres
from onboarding.local.processes import free_port
from onboarding.settings import Settings
from onboarding.storage import migrate
from tests.stories.telling import new_caller


@pytest.fixture(scope="session")
async def engine(settings: Settings) -> AsyncIterator[Engine]:
    opened = await open_engine(settings.model_copy(update={"database_pool_size": 20}), name="stories")
    yield opened
    await opened.close()


@pytest.fixture
async def caller(engine: Engine) -> Caller:
    return await new_caller(engine)


@pytest.fixture
def own_settings(settings: Settings, postgres: LocalPostgres) -> Settings:
    """Settings on a database of this test's own: for what is about the whole book."""
    name = f"book_{uuid.uuid4().hex[:12]}"
    postgres.create_database(name)
    migrate.upgrade(postgres.url(name))
    return settings.model_copy(update={"database_url": postgres.url(name)})


@pytest.fixture
def operators(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command line on the stories' database, without Temporal."""
    return _command_line(settings, monkeypatch)


@pytest.fixture
def own_operators(own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The same on the test's own database."""
    return _command_line(own_settings, monkeypatch)


def _command_line(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    for name, value in {
        "DATABASE_URL": settings.database_url,
        "ONBOARDING_ROOT_KEYS": settings.root_keys.get_secret_value(),
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
    }.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments)

    return run
