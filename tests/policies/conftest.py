"""An engine on a real Postgres; each test has a platform of its own, and a roll-out is of that platform's accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from itertools import count

import pytest

from onboarding.door.callers import Caller
from onboarding.engine import Engine, open_engine
from onboarding.local.postgres import LocalPostgres
from onboarding.settings import Settings
from onboarding.storage import migrate
from tests.stories.telling import new_caller

_NUMBERS = count()


@pytest.fixture(scope="session")
async def engine(settings: Settings) -> AsyncIterator[Engine]:
    opened = await open_engine(settings.model_copy(update={"database_pool_size": 20}), name="policies")
    yield opened
    await opened.close()


@pytest.fixture
async def caller(engine: Engine) -> Caller:
    return await new_caller(engine)


@pytest.fixture(scope="session")
def new_book(postgres: LocalPostgres) -> Callable[[], str]:
    """Makes an empty book, for what is about all accounts there are; answers with its address."""

    def make() -> str:
        name = f"policies_{next(_NUMBERS)}"
        postgres.create_database(name)
        migrate.upgrade(postgres.url(name))
        return postgres.url(name)

    return make
