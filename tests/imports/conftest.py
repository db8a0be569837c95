"""Engines on a real Postgres, as two worker processes have them; each test has a platform of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from onboarding.door.callers import Caller
from onboarding.engine import Engine, open_engine
from onboarding.settings import Settings
from tests.stories.telling import new_caller


@pytest.fixture(scope="session")
async def engine(settings: Settings) -> AsyncIterator[Engine]:
    opened = await open_engine(settings, name="imports")
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
async def other_engine(settings: Settings) -> AsyncIterator[Engine]:
    opened = await open_engine(settings, name="imports-too")
    yield opened
    await opened.close()


@pytest.fixture
async def caller(engine: Engine) -> Caller:
    return await new_caller(engine)
