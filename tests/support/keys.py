"""Keys of other kinds than a platform's own two, and where a platform is."""

from __future__ import annotations

import dataclasses

from onboarding.cli.keys import make_key
from onboarding.door.callers import KeyKind
from tests.support.serving import Platform


def with_publishable_keys(platform: Platform) -> Platform:
    """The platform as its users' browsers call it."""

    async def make() -> tuple[str, str]:
        engine = platform.server.engine
        async with engine.database.reading() as r:
            test = await make_key(r, engine.ring, platform.id, KeyKind.PUBLISHABLE, livemode=False)
            return test, await make_key(r, engine.ring, platform.id, KeyKind.PUBLISHABLE, livemode=True)

    test, live = platform.server.run(make())
    return dataclasses.replace(platform, test_key=test, live_key=live)


def move_to(platform: Platform, country: str) -> None:
    """Say where a platform is."""
    platform.server.fetch("UPDATE platforms SET country = $2 WHERE id = $1", platform.id, country)
