"""An API key is remembered for a moment, and no longer."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from onboarding.api_keys import API_KEY_DIGEST, ApiKeys
from onboarding.engine import Engine
from onboarding.ids import new_id
from onboarding.storage import keys
from tests.support.serving import new_secret


async def _made(engine: Engine) -> tuple[str, str]:
    """A key's id and its secret."""
    key_id, platform_id, secret = new_id("key_"), new_id("plat_"), new_secret(live=False)
    async with engine.database.transaction() as tx:
        await keys.create_platform(tx, platform_id=platform_id)
        digest = engine.ring.platform_digest(API_KEY_DIGEST, secret)
        await keys.create_key(tx, key_id=key_id, platform_id=platform_id, livemode=False, digest=digest)
    return key_id, secret


async def _revoked(engine: Engine, key_id: str) -> None:
    async with engine.database.transaction() as tx:
        assert await keys.revoke_key(tx, key_id)


async def test_a_known_key_is_asked_for_once_in_its_moment_and_a_revoked_one_ends_with_it(engine: Engine) -> None:
    key_id, secret = await _made(engine)
    remembering = ApiKeys(engine.database, engine.ring, timedelta(seconds=1))

    first = await remembering.caller(secret)
    with engine.database.round_trips() as sent:
        again = await remembering.caller(secret)
    assert first is not None
    assert (again, len(sent)) == (first, 0)

    await _revoked(engine, key_id)
    assert await ApiKeys(engine.database, engine.ring, timedelta()).caller(secret) is None
    await asyncio.sleep(1.1)
    assert await remembering.caller(secret) is None


async def test_an_unknown_key_is_never_remembered(engine: Engine) -> None:
    remembering = ApiKeys(engine.database, engine.ring, timedelta(hours=1))
    secret = new_secret(live=False)
    assert await remembering.caller(secret) is None

    platform_id = new_id("plat_")
    async with engine.database.transaction() as tx:
        await keys.create_platform(tx, platform_id=platform_id)
        digest = engine.ring.platform_digest(API_KEY_DIGEST, secret)
        await keys.create_key(tx, key_id=new_id("key_"), platform_id=platform_id, livemode=False, digest=digest)

    found = await remembering.caller(secret)
    assert found is not None
    assert found.platform_id == platform_id


async def test_nothing_is_remembered_where_no_moment_is_given(engine: Engine) -> None:
    key_id, secret = await _made(engine)
    forgetful = ApiKeys(engine.database, engine.ring, timedelta())

    assert await forgetful.caller(secret) is not None
    await _revoked(engine, key_id)
    assert await forgetful.caller(secret) is None
