"""The name of an uploaded file, as it may be shown and saved."""

from __future__ import annotations

import re
import unicodedata

MAX_CHARACTERS = 255


def safe_name(raw: bytes) -> str | None:
    """A name without folders, control characters and characters that turn the direction of writing; None for no name.

    Clients send whole paths (the SDK sends the ``name`` of the file object that it was given), and some of them lie.
    """
    text = unicodedata.normalize("NFC", raw.decode("utf-8", "replace"))
    last = re.split(r"[/\\]", text)[-1]
    plain = "".join(character for character in last if not unicodedata.category(character).startswith("C"))
    return plain.strip(" .")[-MAX_CHARACTERS:] or None
