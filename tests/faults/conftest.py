"""One stack for all tests of a process: accounts keep them apart."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.faults.stack import Stack


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    """The whole product, started as a person starts it."""
    async with Stack() as running:
        yield running
