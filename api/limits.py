"""How many requests a key may make, per process and in memory: nothing is written for a request that is too many.

A key has a bucket of tokens for reading and one for writing, each of which holds a second's worth and fills evenly, and
a number of requests that may be under way at once (Accounts v2 contract, rate limits). With several processes behind a
load balancer a key gets the sum of them. The library ``limits`` has neither token buckets nor limits on what is under
way, and its memory store takes several times as long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.settings import Settings

REASON_HEADER = "Stripe-Rate-Limited-Reason"
RATE = "global-rate"
CONCURRENCY = "global-concurrency"

_KEYS = 10_000
"""Keys remembered before those that have been quiet are forgotten: a forgotten key has full buckets, as a quiet one."""


class RateLimited(Refusal):
    """A request too many. ``reason`` is the wire's word for what there was too much of."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "rate_limit",
            "Too many requests with this key. Slow down, and try again.",
            kind=RefusalKind.BUSY,
            type="rate_limit",
        )
        self.reason = reason


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float

    def take(self, rate: float, now: float) -> bool:
        """Take a token if there is one; ``rate`` is how many come in a second, and how many it holds."""
        tokens = min(max(rate, 1.0), self.tokens + (now - self.at) * rate)
        self.at = now
        self.tokens = tokens - 1.0 if tokens >= 1.0 else tokens
        return tokens >= 1.0


@dataclass(slots=True)
class _Key:
    reading: _Bucket
    writing: _Bucket
    under_way: int = 0


@dataclass(slots=True)
class Limiter:
    """The limits of one process.

    Args:
        live, sandbox: requests a second and key, for reading as for writing.
        concurrency: requests of a key under way at once.
        now: a clock that never goes back, in seconds.
    """

    live: float
    sandbox: float
    concurrency: int
    now: Callable[[], float] = time.monotonic
    _keys: dict[str, _Key] = field(default_factory=dict)

    def enter(self, key_id: str, *, livemode: bool, is_reading: bool) -> Callable[[], None]:
        """Let a request in; what is returned is to be called when it has been answered.

        Raises:
            RateLimited: it is one too many.
        """
        now, rate = self.now(), self.live if livemode else self.sandbox
        key = self._keys.get(key_id)
        if key is None:
            key = self._add(key_id, rate, now)
        if key.under_way >= self.concurrency:
            raise RateLimited(CONCURRENCY)
        if not (key.reading if is_reading else key.writing).take(rate, now):
            raise RateLimited(RATE)
        key.under_way += 1

        def leave() -> None:
            key.under_way -= 1

        return leave

    def _add(self, key_id: str, rate: float, now: float) -> _Key:
        if len(self._keys) >= _KEYS:
            full = max(1.0, 1.0 / rate)  # seconds after which a bucket is full again
            self._keys = {
                name: key
                for name, key in self._keys.items()
                if key.under_way or now - max(key.reading.at, key.writing.at) < full
            }
        size = max(rate, 1.0)
        key = self._keys[key_id] = _Key(_Bucket(size, now), _Bucket(size, now))
        return key


def limiter_from(settings: Settings) -> Limiter | None:
    """What the settings say; None if there are no limits."""
    if settings.rate_limits == "off":
        return None
    return Limiter(settings.rate_limit_live, settings.rate_limit_sandbox, settings.concurrency_limit)
