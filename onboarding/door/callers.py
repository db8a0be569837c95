"""Who asks, and under which idempotency key."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class KeyKind(StrEnum):
    """What sort of API key somebody calls with; what each may do is the API's to say."""

    SECRET = "secret"  # noqa: S105 -- the name of a kind
    PUBLISHABLE = "publishable"
    RESTRICTED = "restricted"


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated platform in one mode. ``actor`` is the id of its key, and goes into the audit trail.

    ``country`` is the platform's, None where nobody said.
    """

    platform_id: str
    livemode: bool
    actor: str
    request_id: str | None = None
    kind: KeyKind = KeyKind.SECRET
    country: str | None = None


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

OPERATOR, KEY = "operator:", "key_"
"""How actors begin: somebody who runs the engine, and a platform's key."""


def is_operator(actor: str) -> bool:
    """Whether an actor is somebody who runs the engine."""
    return actor.startswith(OPERATOR)


def is_platform(actor: str) -> bool:
    """Whether an actor is a key of the account's platform: no other platform's ever gets so far."""
    return actor.startswith(KEY)


def shown_actor(actor: str) -> str:
    """An actor as platforms see it: whoever is no key of theirs is an operator, nobody in particular."""
    return actor if is_platform(actor) or actor == WORKER else OPERATOR.rstrip(":")
