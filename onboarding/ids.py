"""Ids of everything that is stored: a prefix that says what it is, then time, then chance.

The tail is 27 characters of Crockford's base 32 in lower case: 11 of time (units of 256 ns since 1970), 16 random
(80 bits). Ids of one kind sort by the time they were made, in Python and in every collation of Postgres: base 62
would sort differently under most locales. Nothing may rely on that order between machines; it is for locality of
indexes and as the tie-breaker of cursors.
"""

from __future__ import annotations

import re
import secrets
import string
import time
from typing import Literal

Prefix = Literal[
    "acct_",
    "person_",
    "accttok_",
    "perstok_",
    "btok_",
    "check_",
    "evid_",
    "att_",
    "rev_",
    "rnote_",
    "in_",
    "imp_",
    "ord_",
    "rep_",
    "rol_",
    "delta_",
    "evt_",
    "evt_test_",
    "alink_",
    "clock_",
    "ba_",
    "usba_",
    "gbba_",
    "file_",
    "ed_",
    "ed_test_",
    "key_",
    "plat_",
    "req_",
]

_SECRET_CHARACTERS = 32
_LETTERS = string.ascii_letters + string.digits
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_RANDOM_BITS = 80
_TIME_SHIFT = 8
_TAIL = re.compile(f"[{_ALPHABET}]{{27}}")


def new_id(prefix: Prefix) -> str:
    """A new id, for example ``acct_0d7kq3m9x2v…``."""
    number = (time.time_ns() >> _TIME_SHIFT) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    # 27 characters: 13 pairs from the right, and one more on the left.
    pairs = [_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)]
    return f"{prefix}{_ALPHABET[(number >> 130) & 31]}{''.join(pairs)}"


def is_id(prefix: Prefix, text: str) -> bool:
    """Whether a text is shaped as :func:`new_id` shapes ids with this prefix."""
    return text.startswith(prefix) and _TAIL.fullmatch(text, len(prefix)) is not None


def new_secret(prefix: str) -> str:
    """A new secret, for example ``whsec_7Qk…``: 32 characters of base 62, which are 190 bits."""
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(_SECRET_CHARACTERS))


def request_id() -> str:
    """The id under which one request is found in logs, answers and events."""
    return new_id("req_")
