"""Whether a call comes from whom it says: ``t=<unix seconds>,v1=<hex>``, HMAC-SHA256 of ``<t>.<raw body>``."""

from __future__ import annotations

import hashlib
import hmac
import time

TOLERANCE_SECONDS = 300


def is_signed(header: str, body: bytes, secret: str) -> bool:
    """Whether one of the header's signatures is good, and not older than the tolerance."""
    parts = [part.partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1 or not times[0].isascii() or not times[0].isdigit():
        return False
    if abs(time.time() - int(times[0])) > TOLERANCE_SECONDS:
        return False
    expected = hmac.new(secret.encode(), times[0].encode() + b"." + body, hashlib.sha256).hexdigest()
    return any(name == "v1" and hmac.compare_digest(expected, value) for name, _, value in parts)
