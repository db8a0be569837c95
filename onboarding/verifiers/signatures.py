"""Signatures of callbacks in the scheme that Stripe and Persona share.

The header is ``t=<unix seconds>,v1=<hex>``, where the hex is the HMAC-SHA256 of ``<t>.<raw body>`` under a secret of
the endpoint. While a secret is rotated there are several: Stripe repeats ``v1`` for the same ``t``, Persona repeats the
whole pair after a space; each ``v1`` is read with the ``t`` before it. Other schemes in the header (``v0``) are
ignored. Stripe's part is checked against its own client in the tests; Persona's spaces are assumed.
"""

from __future__ import annotations

import hmac
import re
from datetime import timedelta
from typing import TYPE_CHECKING

from onboarding import signing
from onboarding.verifiers.port import CallbackRefused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

TOLERANCE = timedelta(seconds=300)
"""How far the signature's time may be from the callback's arrival, in both directions. Stripe's clients: the same."""

MAX_HEADER = 4096
"""Characters; a header with both secrets of a rotation has about 250."""

MAX_SIGNATURES = 8
"""Each may cost a pass over the body."""

_TIME = re.compile(r"t=([0-9]{1,12})\Z")
_SIGNATURE = re.compile(r"v1=([0-9a-f]{64})\Z")
_BETWEEN = re.compile(r"[,\s]+")


def verify_signature(
    header: str | None,
    body: bytes,
    secrets: Sequence[str],
    received_at: datetime,
    *,
    tolerance: timedelta = TOLERANCE,
) -> None:
    """Check that a callback was signed with one of the secrets, not long before it came.

    Args:
        header: the signature header; None where there was none.
        body: the raw bytes that were signed.
        secrets: any of them will do; without any, nothing is authentic.
        received_at: what the signature's time is compared with.
        tolerance: how far apart they may be.

    Raises:
        CallbackRefused: ``signature_missing`` without a header, ``signature_old`` for a right signature of another
            time, ``signature_wrong`` for everything else.
    """
    if not header:
        raise CallbackRefused("signature_missing")
    pairs = _pairs(header) if len(header) <= MAX_HEADER else []
    times = [time for time, signature in pairs if _is_right(time, signature, body, secrets)]
    if not times:
        raise CallbackRefused("signature_wrong")
    arrived = received_at.timestamp()
    if all(abs(arrived - int(time)) > tolerance.total_seconds() for time in times):
        raise CallbackRefused("signature_old")


def check_secrets(secrets: Sequence[str]) -> tuple[str, ...]:
    """The secrets, if each of them is one.

    Raises:
        ValueError: one is empty: anybody could sign with it; or it is one string in place of several.
    """
    if isinstance(secrets, str) or any(not secret.strip() for secret in secrets):
        raise ValueError("a webhook secret is empty, or they are not a list")
    return tuple(secrets)


def _pairs(header: str) -> list[tuple[str, str]]:
    """Times with their signatures; none of a header with more than anybody sends."""
    pairs, time = [], None
    for item in _BETWEEN.split(header):
        if (found := _TIME.match(item)) is not None:
            time = found[1]
        elif (found := _SIGNATURE.match(item)) is not None and time is not None:
            pairs.append((time, found[1]))
    return pairs if len(pairs) <= MAX_SIGNATURES else []


def _is_right(time: str, signature: str, body: bytes, secrets: Sequence[str]) -> bool:
    expected = [signing.signature(secret, time, body) for secret in secrets]
    right = [hmac.compare_digest(one, signature) for one in expected]  # all of them, whichever one is right
    return True in right
