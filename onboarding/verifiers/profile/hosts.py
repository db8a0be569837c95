"""Hosts in addresses of websites, and in running text."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_HOST = re.compile(r"(?:[\w-]+\.)+[^\W\d_]{2,}(?![\w-])")
_TAILS = (".com", ".org", ".co.uk")
"""Ends by which a host is known without ``https://`` or ``www.``.

Most others are words as well: where the space after a full stop is missing ("fresh bread.It is baked daily"), or in the
name of a product (ASP.NET), they would make a website of an honest text.
"""
_AROUND = "\"'()[]{}<>,;:!?.\u00ab\u00bb\u2018\u2019\u201c\u201d\u201e"


def host_of(url: str) -> str | None:
    """The host of an address whose scheme may be missing, lower case and in ASCII; None where there is none."""
    try:
        host = urlsplit(url if "://" in url else f"https://{url}").hostname or ""
    except ValueError:
        return None
    host = host.lower().removesuffix(".")
    with suppress(ValueError):  # not a host of the DNS: compared as it was written
        host = host.encode("idna").decode("ascii")
    return host if host and not any(character.isspace() for character in host) else None


def is_below(host: str, known: Collection[str]) -> bool:
    """Whether a host or a domain above it is among the known ones; whole labels only."""
    labels = host.split(".")
    return any(".".join(labels[start:]) in known for start in range(len(labels)))


def addresses_in(text: str) -> Iterator[tuple[str, bool]]:
    """Each web address in a text, as its host without ``www.`` and whether a path follows; e-mail addresses are none.

    ``text`` is case-folded.
    """
    for chunk in re.split(r"[\s,;|]+", text):
        word = chunk.strip(_AROUND)
        scheme, separator, rest = word.partition("://")
        is_marked = bool(separator) and scheme.endswith(("http", "https"))
        address = rest if is_marked else word
        if not is_marked and "@" in address.partition("/")[0]:
            continue
        is_marked = is_marked or address.startswith("www.")
        address = address.removeprefix("www.")
        found = _HOST.match(address)
        if found and (is_marked or found[0].endswith(_TAILS)):
            yield found[0], address[found.end() :].startswith("/") and len(address) > found.end() + 1
