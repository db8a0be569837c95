"""``kill -9`` of the worker at every step of every workflow: what is left is what a life without a death leaves.

A dead worker's steps are begun anew after 10 to 20 seconds, so all of them take half an hour: ``make deaths``. Here
each story dies at some.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from temporalio.client import Client

from onboarding.settings import Settings
from tests.workflows.deaths import Ended, Story, World, live, opened, prepare_processes
from tests.workflows.dying_stories import STORIES

pytestmark = pytest.mark.timeout(3600)

POINTS = int(os.environ.get("ONBOARDING_DEATHS", "1"))
"""At how many points each story's worker dies."""


@pytest.fixture(scope="module")
async def world(
    temporal_settings: Settings,
    client: Client,
    tmp_path_factory: pytest.TempPathFactory,
    new_book: Callable[[], str],
) -> AsyncIterator[World]:
    await asyncio.to_thread(prepare_processes)
    folder: Path = tmp_path_factory.mktemp("deaths")
    async with opened(temporal_settings, client, folder, new_book) as made:
        yield made


def some(points: list[str]) -> list[str]:
    """As many as are wanted, from all parts of the life; if few, only such as every life comes to."""
    certain = [point for point in points if not point[-1].isdigit()]
    if len(certain) <= POINTS:
        return points
    return [certain[(2 * place + 1) * len(certain) // (2 * POINTS)] for place in range(POINTS)]


@dataclass(frozen=True)
class Told:
    """A story without a death, and with one at each of some points; what is no end is what went wrong."""

    undisturbed: Ended
    ends: dict[str, Ended | BaseException]


async def tell(world: World, story: type[Story]) -> Told:
    undisturbed = await live(world, story)
    points = some(story.chosen(undisturbed.points))
    # One that goes wrong does not keep the others from their end.
    ends = await asyncio.gather(*(live(world, story, point) for point in points), return_exceptions=True)
    return Told(undisturbed, dict(zip(points, ends, strict=True)))


@pytest.fixture(scope="module")
async def telling(world: World, request: pytest.FixtureRequest) -> AsyncIterator[dict[type[Story], asyncio.Task[Told]]]:
    """All stories that are asked for, told at the same time: mostly they wait."""
    wanted = {
        item.callspec.params["story"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path and hasattr(item, "callspec")
    }
    tasks = {story: asyncio.create_task(tell(world, story)) for story in STORIES if story in wanted}
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.parametrize("story", STORIES)
async def test_death_at_any_step_changes_nothing(
    telling: dict[type[Story], asyncio.Task[Told]], story: type[Story]
) -> None:
    told = await telling[story]

    undisturbed = told.undisturbed
    assert undisturbed.wrong == []
    assert story.expected.items() <= undisturbed.left.items()
    assert told.ends
    assert {point: one for point, one in told.ends.items() if not isinstance(one, Ended)} == {}
    ends = {point: one for point, one in told.ends.items() if isinstance(one, Ended)}
    assert {point: one.wrong for point, one in ends.items() if one.wrong} == {}
    assert {point: one.difference(undisturbed) for point, one in ends.items() if one.left != undisturbed.left} == {}
    # A nudge that comes earlier or later makes a second look needless; the first one of each kind always comes.
    missed = [point for point, one in ends.items() if not one.died]
    assert [point for point in missed if not point[-1].isdigit()] == []
    assert len(missed) <= len(ends) / 4
