"""``kill -9`` of the worker at every step of every workflow: what is left is what a life without a death leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client

from onboarding.settings import Settings
from tests.workflows.deaths import STORIES, Ended, Story, World, live, opened, prepare_processes

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
async def world(
    temporal_settings: Settings, client: Client, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    await asyncio.to_thread(prepare_processes)
    folder: Path = tmp_path_factory.mktemp("deaths")
    async with opened(temporal_settings, client, folder) as made:
        yield made


@pytest.mark.parametrize("story", STORIES)
async def test_death_at_any_step_changes_nothing(world: World, story: type[Story]) -> None:
    undisturbed = await live(world, story)
    assert undisturbed.wrong == []
    assert story.expected.items() <= undisturbed.left.items()

    points = story.chosen(undisturbed.points)
    # One that goes wrong does not keep the others from their end.
    told = await asyncio.gather(*(live(world, story, point) for point in points), return_exceptions=True)

    lives = dict(zip(points, told, strict=True))
    assert {point: one for point, one in lives.items() if not isinstance(one, Ended)} == {}
    ends = {point: one for point, one in lives.items() if isinstance(one, Ended)}
    assert {point: one.wrong for point, one in ends.items() if one.wrong} == {}
    assert {point: one.difference(undisturbed) for point, one in ends.items() if one.left != undisturbed.left} == {}
    # A nudge that comes earlier or later makes a second look needless; the first one of each kind always comes.
    missed = [point for point, one in ends.items() if not one.died]
    assert [point for point in missed if not point[-1].isdigit()] == []
    assert len(missed) <= len(points) / 4
