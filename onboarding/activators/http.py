"""The activator that speaks HTTP: one signed POST for each step. ``docs/activation.md`` is the contract."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import orjson
from pydantic import BaseModel, Field

from onboarding.activators.port import CarriedOut, Outrun, Refused, Unanswered
from onboarding.domain.instants import rfc3339
from onboarding.signing import SIGNATURE_HEADER, signature_header
from onboarding.verifiers.http import VendorHttp, read_shape, whole_call
from onboarding.verifiers.port import VerifierUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onboarding.activators.port import Answer
    from onboarding.domain.activations import Instruction
    from onboarding.verifiers.http import Reply

OUTRUN = "version_outrun"
"""Code of a 409 by which the receiver says that it has obeyed a higher version."""

_CLIENT_ERROR, _SERVER_ERROR, _CONFLICT = 400, 500, 409
_OF_NOW = frozenset({408, 429})
_OF_THE_WAY = frozenset({401, 403, 404, 405, 425})
"""Statuses that speak of now, and of the way there, and not of the account: never a refusal."""

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_HIGHEST = 2**31 - 1000


class _Said(BaseModel):
    code: str
    version: Annotated[int, Field(ge=0, le=_HIGHEST)] = 0


class HttpActivator:
    """See the module.

    Args:
        url: where calls are posted to.
        secrets: what each is signed with; two while one is rotated.
    """

    def __init__(self, url: str, secrets: Sequence[str]) -> None:
        self._http = VendorHttp(url, {"content-type": "application/json"})
        self._secrets = tuple(secrets)

    async def tell(self, account_id: str, instruction: Instruction, *, livemode: bool) -> Answer:
        """See the port."""
        body = orjson.dumps(
            {
                "account": account_id,
                "capability": instruction.capability,
                "livemode": livemode,
                "on": instruction.on,
                "step": instruction.step,
                "valid_until": rfc3339(instruction.valid_until) if instruction.valid_until is not None else None,
                "version": instruction.version,
            }
        )
        headers = {
            "idempotency-key": f"{account_id}/{instruction.capability}/{instruction.version}/{instruction.step}",
            SIGNATURE_HEADER: signature_header(body, self._secrets, datetime.now(UTC)),
        }
        try:
            async with whole_call():
                return _read(await self._http.send("POST", "", content=body, headers=headers))
        except VerifierUnavailable as unavailable:
            return Unanswered(unavailable.code, unavailable.retry_after)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _read(reply: Reply) -> Answer:
    """What an answer means.

    Raises:
        VerifierUnavailable: nothing is known, by its code.
    """
    if _CLIENT_ERROR <= reply.status < _SERVER_ERROR and reply.status not in _OF_NOW:
        said = read_shape(reply.body, _Said) if reply.status not in _OF_THE_WAY else None
        if said is not None and reply.status == _CONFLICT and said.code == OUTRUN:
            return Outrun(said.version)
        # Without a code it may be anybody on the way: a proxy, or the wrong server.
        if said is not None and _CODE.fullmatch(said.code):
            return Refused(said.code)
        return Unanswered(f"status_{reply.status}")
    reply.checked()
    return CarriedOut()
