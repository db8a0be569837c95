"""Fixtures that several suites share: a real Postgres, an engine on it, the real API, and platforms that call it.

Nothing is skipped for want of a program: what is missing fails.
"""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import hypothesis
import pytest

from onboarding.local.postgres import LocalPostgres
from onboarding.settings import Settings
from onboarding.storage import migrate
from tests.support.serving import ApiServer, Platform, new_platform

# A busy machine is no flaw of a test. All else is as Hypothesis has it: without chance where CI is set.
hypothesis.settings.register_profile(
    "patient",
    hypothesis.settings(),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("patient")


_BOOKS = count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose tests may take long begin first, so that no process works alone at the end."""
    longest: dict[Path, float] = {}
    for item in items:
        marker = item.get_closest_marker("timeout")
        longest[item.path] = max(longest.get(item.path, 0), marker.args[0] if marker else 0)
    items.sort(key=lambda item: -longest[item.path])


@pytest.fixture(scope="session")
def postgres() -> Iterator[LocalPostgres]:
    """A server of this process's own."""
    # Not below pytest's own folder: only its owner may enter that, and the server may run as another user.
    with tempfile.TemporaryDirectory(prefix="onboarding-tests-") as folder:
        Path(folder).chmod(0o755)
        with LocalPostgres(Path(folder) / "data", durable=False) as server:
            yield server


@pytest.fixture(scope="session")
def database_url(postgres: LocalPostgres) -> str:
    """A database with the schema as the migrations make it."""
    name = f"tests_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    postgres.create_database(name)
    url = postgres.url(name)
    migrate.upgrade(url)
    return url


@pytest.fixture(scope="session")
def new_book(postgres: LocalPostgres) -> Callable[[], str]:
    """Makes an empty book, for what is about a whole one; answers with its address."""

    def make() -> str:
        name = f"book_{next(_BOOKS)}"
        postgres.create_database(name)
        migrate.upgrade(postgres.url(name))
        return postgres.url(name)

    return make


@pytest.fixture(scope="session")
def settings(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a process on that database."""
    key = base64.b64encode(bytes(range(32))).decode()
    return Settings.model_validate(
        {
            "DATABASE_URL": database_url,
            "ONBOARDING_ROOT_KEYS": f"1:{key}",
            "ONBOARDING_RATE_LIMITS": "off",
            "ONBOARDING_KEY_MEMORY_SECONDS": "0",
            "ONBOARDING_FILES": str(tmp_path_factory.mktemp("files")),
        }
    )


@pytest.fixture(scope="session")
def api(settings: Settings) -> Iterator[ApiServer]:
    """The API, for the whole session: platforms keep the tests apart."""
    server = ApiServer(settings)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def files_folder(settings: Settings) -> Path:
    """Where the API keeps uploaded files."""
    return Path(settings.files)


@pytest.fixture
def platform(api: ApiServer) -> Platform:
    """A platform of this test's own."""
    return api.run(new_platform(api))


@pytest.fixture
def other_platform(api: ApiServer) -> Platform:
    """Another platform."""
    return api.run(new_platform(api))
