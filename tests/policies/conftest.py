"""An engine on a real Postgres; each test has a platform of its own, and a roll-out is of that platform's accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from onboarding.door.callers import Caller
from onboarding.engine import Engine, open_engine
from onboarding.settings import Settings
from tests.stories.telling import new_caller


@pytest.fixture(scope="session")
async def engine(settings: Settings) -> AsyncIterator[Engine]:
    opened = await open_engine(settings.model_copy(update={"database_pool_size": 20}), name="policies")
    yield opened
    await opened.close()


@pytest.fixture
async def caller(engine: Engine) -> Caller:
    return await new_caller(engine)
