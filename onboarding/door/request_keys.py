"""Idempotency keys of requests: claimed, and under v1 kept with the answer, in the transaction of the effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.door.callers import Replayed
from onboarding.storage import idempotency

if TYPE_CHECKING:
    from onboarding.crypto import AccountKeys, KeyRing
    from onboarding.door.callers import Caller, RequestKey
    from onboarding.storage.database import Transaction

_ANSWER = "idempotent-answer"
"""What kept answers are sealed as."""

_SECRET = "one-time-secret"  # noqa: S105 -- a purpose, no secret
"""What secrets are sealed as that one answer shows, and a replay of it."""


class RequestKeys:
    """See the module. A request without a key, or of nobody, is always a new one."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    async def claim(
        self,
        tx: Transaction,
        caller: Caller | None,
        key: RequestKey | None,
        account_id: str | None,
        object_id: str | None,
        keys: AccountKeys | None = None,
        secret: str | None = None,
    ) -> idempotency.Existing | None:
        """Take a request's idempotency key; what the first request with it made, if this is a replay.

        ``keys`` are those of the account that :meth:`keep` seals the answer with, if it belongs to one. ``secret`` is
        kept sealed with the key, bound to ``object_id``: see :meth:`secret_of`. A v1 request keeps its whole answer.

        Raises:
            Refusal: ``idempotency_error``: the key was used with other parameters.
            Replayed: the request was a v1 one, and this is the same again.
        """
        if caller is None or key is None:
            return None
        fingerprint = self._ring.platform_digest("request-fingerprint", key.fingerprint.hex())
        claimed = await idempotency.claim(
            tx,
            self._scope(caller, key),
            fingerprint=fingerprint,
            account_id=account_id,
            object_id=object_id,
            sealed=None if key.keeps_answer else self._sealed_secret(caller, object_id, secret),
            lifetime=idempotency.V1_LIFETIME if key.keeps_answer else idempotency.LIFETIME,
        )
        if isinstance(claimed, idempotency.Claimed):
            return None
        if claimed.fingerprint != fingerprint:
            raise _key_reused(key)
        if key.keeps_answer and claimed.sealed is not None:
            raise Replayed(self._open_answer(claimed.sealed, caller, key, keys))
        return claimed

    async def keep(
        self,
        tx: Transaction,
        caller: Caller | None,
        key: RequestKey | None,
        document: dict[str, Any],
        keys: AccountKeys | None = None,
    ) -> None:
        """Keep a v1 request's answer with its key, in the transaction of what it did; of any other request nothing.

        What belongs to an account is sealed with the account's ``keys``, so that it goes with them.
        """
        if caller is None or key is None or not key.keeps_answer:
            return
        scope, plain = self._scope(caller, key), orjson.dumps(document)
        if keys is None:
            sealed = self._ring.seal_platform(plain, platform=scope.platform_id, purpose=_ANSWER, ref=_name_of(scope))
        else:
            sealed = keys.seal(plain, account=scope.platform_id, subject=_name_of(scope), group=_ANSWER, version=1)
        await idempotency.keep(tx, scope, sealed)

    def secret_of(self, caller: Caller | None, existing: idempotency.Existing) -> str | None:
        """The one-time secret that the first request with a key was answered with; None if it had none."""
        if caller is None or existing.sealed is None or existing.object_id is None:
            return None
        plain = self._ring.open_platform(
            existing.sealed, platform=caller.platform_id, purpose=_SECRET, ref=existing.object_id
        )
        return plain.decode()

    def _sealed_secret(self, caller: Caller, object_id: str | None, secret: str | None) -> bytes | None:
        if secret is None or object_id is None:
            return None
        return self._ring.seal_platform(secret.encode(), platform=caller.platform_id, purpose=_SECRET, ref=object_id)

    def _open_answer(self, sealed: bytes, caller: Caller, key: RequestKey, keys: AccountKeys | None) -> bytes:
        scope = self._scope(caller, key)
        if keys is None:
            return self._ring.open_platform(sealed, platform=scope.platform_id, purpose=_ANSWER, ref=_name_of(scope))
        return keys.open(sealed, account=scope.platform_id, subject=_name_of(scope), group=_ANSWER, version=1)

    def _scope(self, caller: Caller, key: RequestKey) -> idempotency.KeyScope:
        digest = self._ring.platform_digest("idempotency-key", caller.platform_id, key.key)
        return idempotency.KeyScope(caller.platform_id, caller.livemode, key.context, key.operation, digest)


def _name_of(scope: idempotency.KeyScope) -> str:
    """The row that an answer is sealed for."""
    return f"{scope.livemode}/{scope.context}/{scope.operation}/{scope.key_digest}"


def _key_reused(key: RequestKey) -> Refusal:
    message = "This idempotency key was used with other parameters. Use a new key for another request."
    if key.keeps_answer:
        message = (
            "Keys for idempotent requests can only be used with the same parameters, at the same endpoint, they were"
            " first used with. Use another key if you meant to execute a different request."
        )
    return Refusal("idempotency_error", message, kind=RefusalKind.CONFLICT, type="idempotency_error")
