"""Too many requests with one key."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from api.limits import CONCURRENCY, RATE, Limiter, RateLimited
from onboarding.settings import Settings
from tests.support.samples import BARE
from tests.support.serving import ApiServer, new_platform
from tests.support.wire import Wire, request

# So slow that no test lives to see another token.
SLOW = {"ONBOARDING_RATE_LIMITS": "on", "ONBOARDING_RATE_LIMIT_SANDBOX": 0.001, "ONBOARDING_RATE_LIMIT_LIVE": 0.001}


@pytest.fixture
def limited(settings: Settings) -> Iterator[Callable[..., ApiServer]]:
    """Makes an API with these limits."""
    servers = []

    def start(**changed: Any) -> ApiServer:
        given = {
            "DATABASE_URL": settings.database_url,
            "ONBOARDING_ROOT_KEYS": settings.root_keys.get_secret_value(),
        }
        server = ApiServer(Settings.model_validate(given | changed))
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


def test_reading_and_writing_are_limited_apart_and_nothing_is_written(limited: Callable[..., ApiServer]) -> None:
    server = limited(**SLOW)
    platform, other = server.run(new_platform(server)), server.run(new_platform(server))
    account = platform.sdk().v2.core.accounts.create(BARE)
    assert platform.sdk().v2.core.accounts.retrieve(account.id).id == account.id
    before = server.count_rows()

    with pytest.raises(stripe.RateLimitError) as refused:
        platform.sdk().v2.core.accounts.update(account.id, {"display_name": "Again"})

    assert (refused.value.http_status, refused.value.code) == (429, "rate_limit")
    assert refused.value.headers is not None
    assert refused.value.headers["Stripe-Rate-Limited-Reason"] == RATE
    assert refused.value.headers["Request-Id"].startswith("req_")
    answer = platform.request("GET", f"/v2/core/accounts/{account.id}")
    assert (answer.status_code, answer.json()["error"]["type"]) == (429, "rate_limit")
    assert server.count_rows() == before
    # Other keys go their own way: another mode, another platform; and whoever has none is told so.
    assert platform.request("GET", "/v2/core/accounts", live=True).status_code == 200
    assert other.request("GET", "/v2/core/accounts").status_code == 200
    assert platform.request("GET", "/v2/core/accounts", headers={"Authorization": "Bearer no"}).status_code == 401


def test_v1_tells_it_in_v1s_way(limited: Callable[..., ApiServer]) -> None:
    server = limited(**SLOW)
    platform = server.run(new_platform(server))
    path = "/v1/accounts/acct_0/external_accounts"
    assert platform.request("GET", path).status_code == 404

    answer = platform.request("GET", path)

    assert answer.status_code == 429
    assert (answer.json()["error"]["type"], answer.json()["error"]["code"]) == ("invalid_request_error", "rate_limit")
    assert answer.headers["stripe-rate-limited-reason"] == RATE


def test_requests_under_way_are_limited(limited: Callable[..., ApiServer]) -> None:
    server = limited(ONBOARDING_CONCURRENCY_LIMIT=2, ONBOARDING_RATE_LIMIT_SANDBOX=1000)
    platform = server.run(new_platform(server))
    unfinished = request("POST", "/v2/core/accounts", platform.test_key, b"", "Content-Length: 2")

    with Wire(server.url) as first, Wire(server.url) as second:
        for wire in (first, second):
            wire.send(unfinished)
        _wait_for_requests_under_way(server, 2)
        refused = platform.request("GET", "/v2/core/accounts")
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "rate_limit"
        assert refused.headers["stripe-rate-limited-reason"] == CONCURRENCY
        assert platform.request("GET", "/v2/core/accounts", live=True).status_code == 200
        first.send(b"{}")
        second.send(b"{!")
        answers = [wire.answer() for wire in (first, second)]

    assert [answer.status if answer else None for answer in answers] == [200, 400]
    # Whoever was let in has left, also when refused: as many get in again, one after the other.
    for _ in range(3):
        assert platform.request("GET", "/v2/core/accounts").status_code == 200
        assert platform.request("GET", "/v2/core/accounts/acct_0").status_code == 404


def _wait_for_requests_under_way(server: ApiServer, number: int) -> None:
    limiter: Limiter = server.app.state.limiter
    while sum(key.under_way for key in list(limiter._keys.values())) != number:
        time.sleep(0.01)


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@given(
    rate=st.floats(0.1, 50),
    asked=st.lists(st.floats(0, 2), min_size=1, max_size=200),
)
def test_no_more_are_let_in_than_a_burst_and_what_flows_in(rate: float, asked: list[float]) -> None:
    """In any time t at most ``burst + rate * t``; and whoever stays below the rate is never refused."""
    clock = Clock()
    limiter = Limiter(rate, rate, 10**6, clock)
    let_in: list[float] = []
    for wait in asked:
        clock.seconds += wait
        try:
            limiter.enter("key_1", livemode=False, is_reading=True)
            let_in.append(clock.seconds)
        except RateLimited:
            pass
    for start in range(len(let_in)):
        for end in range(start, len(let_in)):
            assert end - start + 1 <= max(rate, 1.0) + rate * (let_in[end] - let_in[start]) + 1e-6


@given(st.floats(0.1, 50), st.integers(1, 100))
def test_who_keeps_to_the_rate_is_never_refused(rate: float, number: int) -> None:
    clock = Clock()
    limiter = Limiter(rate, rate, 10**6, clock)
    for _ in range(number):
        clock.seconds += 1.0001 / rate
        limiter.enter("key_1", livemode=True, is_reading=False)


def test_quiet_keys_are_forgotten_and_busy_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.limits._KEYS", 3)
    clock = Clock()
    limiter = Limiter(1, 1, 5, clock)
    leave = limiter.enter("under_way", livemode=False, is_reading=True)
    for number in range(100):
        clock.seconds += 10
        limiter.enter(f"key_{number}", livemode=False, is_reading=True)()
        assert len(limiter._keys) <= 4

    assert limiter._keys["under_way"].under_way == 1
    leave()
    assert limiter._keys["under_way"].under_way == 0
