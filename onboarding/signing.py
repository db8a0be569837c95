"""The signature scheme of webhooks, which Stripe's clients verify.

The header is ``t=<unix seconds>,v1=<hex>``, where the hex is the HMAC-SHA256 of ``<t>.<raw body>`` under the whole
secret, its ``whsec_`` included. While a secret is rolled there is one ``v1`` for each (Accounts v2 contract, events).
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

SIGNATURE_HEADER = "Stripe-Signature"
"""The header's name, as Stripe's clients look for it."""


def signature(secret: str, time: str, body: bytes) -> str:
    """The signature of one secret in hex; ``time`` as it stands in the header."""
    return hmac.new(secret.encode(), time.encode() + b"." + body, hashlib.sha256).hexdigest()


def signature_header(body: bytes, secrets: Sequence[str], at: datetime) -> str:
    """The header's value for a body that is sent at an instant; every attempt is signed anew.

    Args:
        body: the raw bytes as they are sent.
        secrets: those of the destination, two while one is rolled.
        at: when it is sent, aware.

    Raises:
        ValueError: no secret, or an empty one: anybody could have signed it.
    """
    if not secrets or not all(secrets):
        raise ValueError("nothing to sign with")
    time = str(int(at.timestamp()))
    return ",".join([f"t={time}", *(f"v1={signature(secret, time, body)}" for secret in secrets)])
