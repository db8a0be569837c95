"""Who asks, and under which idempotency key."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated platform in one mode. ``actor`` is the id of its key, and goes into the audit trail."""

    platform_id: str
    livemode: bool
    actor: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A request's idempotency key with what it must be the key of.

    Attributes:
        operation: method and path, ids included.
        context: the account acted for, or empty.
        key: the caller's own string; only a digest of it is stored in plain.
        fingerprint: canonical bytes of the request without ``include``; only a digest of it is stored.
    """

    operation: str
    context: str
    key: str = field(repr=False)
    fingerprint: bytes = field(repr=False)


WORKER = "worker"
"""Actor of what the engine does by itself."""
