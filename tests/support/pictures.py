"""Files that are what they say, made of nothing: pictures of one colour, and a page without text."""

from __future__ import annotations

import random
from io import BytesIO
from typing import Literal

from PIL import Image

MARKER = b"Zelmira Quastenberger's passport"
"""Plain bytes that may be nowhere but in the answer to their owner."""


def image(
    kind: Literal["PNG", "JPEG", "GIF"] = "PNG", size: tuple[int, int] = (40, 30), *, tail: bytes = MARKER
) -> bytes:
    """An image, with something behind its end that every reader ignores."""
    target = BytesIO()
    Image.new("RGB", size, (120, 40, 200)).save(target, kind)
    return target.getvalue() + tail


def pdf(tail: bytes = MARKER) -> bytes:
    """A page, with a comment in it."""
    return (
        b"%PDF-1.4\n%" + tail + b"\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1"
        b">>endobj 3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
    )


def filled(size: int, head: bytes | None = None, *, seed: int = 1) -> bytes:
    """A file of exactly ``size`` bytes, of which no two parts are alike."""
    head = image() if head is None else head
    return head + random.Random(seed).randbytes(size - len(head))  # noqa: S311 -- the same bytes every time
