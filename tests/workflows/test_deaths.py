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

Ends = dict[type[Story], dict[str, Ended]]


@pytest.fixture(scope="module")
async def world(
    temporal_settings: Settings, client: Client, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    await asyncio.to_thread(prepare_processes)
    folder: Path = tmp_path_factory.mktemp("deaths")
    async with opened(temporal_settings.model_copy(update={"database_pool_size": 5}), client, folder) as made:
        yield made


@pytest.fixture(scope="module")
async def undisturbed(world: World) -> dict[type[Story], Ended]:
    """Each story without a death."""
    return {story: one for (story, _), one in (await _told(world, [(story, "") for story in STORIES])).items()}


@pytest.fixture(scope="module")
async def ends(world: World, undisturbed: dict[type[Story], Ended]) -> Ends:
    """Each story once for each of its points, with a death there."""
    lives = [(story, point) for story in STORIES for point in story.chosen(undisturbed[story].points)]
    found: Ends = {story: {} for story in STORIES}
    for (story, point), one in (await _told(world, lives)).items():
        found[story][point] = one
    return found


async def _told(world: World, lives: list[tuple[type[Story], str]]) -> dict[tuple[type[Story], str], Ended]:
    """Several stories at a time; one that goes wrong does not keep the others from their end."""
    ended = await asyncio.gather(*(live(world, story, point) for story, point in lives), return_exceptions=True)
    return {
        one: answer if isinstance(answer, Ended) else Ended(died=False, left={}, wrong=[repr(answer)])
        for one, answer in zip(lives, ended, strict=True)
    }


@pytest.mark.parametrize("story", STORIES)
def test_life_without_a_death_is_right(undisturbed: dict[type[Story], Ended], story: type[Story]) -> None:
    ended = undisturbed[story]
    assert ended.wrong == []
    assert story.expected.items() <= ended.left.items()


@pytest.mark.parametrize("story", STORIES)
def test_death_at_any_step_changes_nothing(
    ends: Ends, undisturbed: dict[type[Story], Ended], story: type[Story]
) -> None:
    lives, expected = ends[story], undisturbed[story].left
    assert {point: one.wrong for point, one in lives.items() if one.wrong} == {}
    differing = {
        point: {
            name: (one.left.get(name), expected.get(name)) for name in expected if one.left.get(name) != expected[name]
        }
        for point, one in lives.items()
        if one.left != expected
    }
    assert differing == {}
    assert [point for point, one in lives.items() if not one.died] == []
