from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from onboarding.verifiers.stripe_identity import StripeIdentity
from tests.verifiers.stripe_identity.canned import Canned


@pytest.fixture
def stripe_api() -> Iterator[Canned]:
    with Canned() as canned:
        yield canned
        assert not canned.answers


@pytest.fixture
async def adapter(stripe_api: Canned) -> AsyncIterator[StripeIdentity]:
    adapter = stripe_api.adapter()
    yield adapter
    await adapter.aclose()
