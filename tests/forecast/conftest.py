"""Books of their own: a forecast reads the whole book, so nothing else may be in it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import asyncpg
import pytest


@pytest.fixture(scope="session")
def empty_book(new_book: Callable[[], str]) -> str:
    return new_book()


async def copied(url: str) -> str:
    """A copy of a book to which nobody is connected."""
    name = f"{urlsplit(url).path[1:]}_copy"
    driver = await asyncpg.connect(urlsplit(url)._replace(path="/postgres").geturl())
    try:
        await driver.execute(f'CREATE DATABASE "{name}" TEMPLATE "{urlsplit(url).path[1:]}"')
    finally:
        await driver.close()
    return urlsplit(url)._replace(path=f"/{name}").geturl()
