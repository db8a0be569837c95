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
    """An authenticated platform in one mode.

    Attributes:
        actor: the id of its key, which goes into the audit trail. Where somebody else acts for the platform it says
            who, and no request of the platform's is then the reason of anything.
        scopes: codes of what a restricted key may do (``onboarding.scopes``); None may do everything.
        kind: of the key.
        country: the platform's, None where nobody said.
    """

    platform_id: str
    livemode: bool
    actor: str
    request_id: str | None = None
    scopes: frozenset[str] | None = None
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
        keeps_answer: as v1 has it: the first answer is kept for a day, and a repeated request gets its very bytes. Then
            all of v1 is one operation, and the fingerprint covers method, path and every parameter.
    """

    operation: str
    context: str
    key: str = field(repr=False)
    fingerprint: bytes = field(repr=False)
    keeps_answer: bool = False


class Replayed(Exception):  # noqa: N818 -- says what the request is
    """A repeated v1 request: nothing is done. ``body`` is the first answer's, byte for byte; its status was 200."""

    def __init__(self, body: bytes) -> None:
        super().__init__("replayed")
        self.body = body


WORKER = "worker"
"""Actor of what the engine does by itself."""

END_USER = "end_user"
"""Actor of what the person does whom the account belongs to."""

UNVERIFIED = "temporal-ui, unverified"
"""Actor of what somebody does in Temporal's own UI: an operator, of whom nobody has checked who it is. So it counts
wherever one person decides, and is never one of two who must agree."""

OPERATOR, KEY = "operator:", "key_"
"""How actors begin: somebody who runs the engine, and a platform's key."""


def is_operator(actor: str) -> bool:
    """Whether an actor is somebody who runs the engine."""
    return actor.startswith(OPERATOR) or actor == UNVERIFIED


def is_platform(actor: str) -> bool:
    """Whether an actor is a key of the account's platform: no other platform's ever gets so far."""
    return actor.startswith(KEY)


def shown_actor(actor: str) -> str:
    """An actor as platforms see it: whoever is no key of theirs is an operator, nobody in particular."""
    return actor if is_platform(actor) or actor in (WORKER, END_USER, UNVERIFIED) else OPERATOR.rstrip(":")
