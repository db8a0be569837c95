"""``kill -9`` of the worker at every step of every workflow: what is left is what a life without a death leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client

from onboarding.settings import Settings
from tests.workflows.deaths import STORIES, Ended, Story, World, live, opened, prepare_processes

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
async def world(
    temporal_settings: Settings, client: Client, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    prepare_processes()
    folder: Path = tmp_path_factory.mktemp("deaths")
    async with opened(temporal_settings.model_copy(update={"database_pool_size": 4}), client, folder) as made:
        yield made


@pytest.fixture(scope="module")
async def undisturbed(world: World) -> dict[type[Story], Ended]:
    """Each story without a death."""
    found = await asyncio.gather(*(live(world, story) for story in STORIES))
    return dict(zip(STORIES, found, strict=True))


@pytest.mark.parametrize("story", STORIES)
async def test_story(world: World, undisturbed: dict[type[Story], Ended], story: type[Story]) -> None:
    ended = undisturbed[story]
    print(story.__name__, ended.left, ended.wrong)
    for point in ended.points:
        print("   ", point, "" if point.startswith(story.kinds) else "-")
    assert not ended.wrong
