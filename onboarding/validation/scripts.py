"""Which characters may stand in a text."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from onboarding.domain.errors import Refusal

# Categories of characters that no name or address has: controls, surrogates, private and unassigned ones. Format
# characters (Cf) are not among them: some scripts need joiners.
_NEVER = frozenset({"Cc", "Cs", "Co", "Cn"})
_KANA_NAMES = ("HIRAGANA", "KATAKANA", "HALFWIDTH KATAKANA", "IDEOGRAPHIC SPACE", "FULLWIDTH")
_KANJI_NAMES = (*_KANA_NAMES, "CJK", "IDEOGRAPHIC")
# Spaces, digits and punctuation stand in every script; the minus sign is often typed for a dash.
_NEUTRAL_CATEGORIES = frozenset({"Zs", "Nd", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps"})
_MINUS_SIGN = "\N{MINUS SIGN}"


def is_text(text: str) -> bool:
    """Whether the text has only characters that a name or an address may have."""
    return all(unicodedata.category(character) not in _NEVER for character in text)


def check_text(text: str | None, param: str) -> None:
    """Refuse a name with control characters and the like.

    Raises:
        Refusal: ``script_characters_invalid``.
    """
    if text is not None and not is_text(text):
        raise Refusal("script_characters_invalid", "The text holds characters that are not allowed.", param=param)


def check_scripts(scripts: Mapping[str, Any] | None, param: str) -> None:
    """Refuse Japanese texts that are not in the script they are sent as.

    Args:
        scripts: ``{"kana": {...}, "kanji": {...}}`` with texts in them; ``country`` is no text.
        param: path of ``scripts``.

    Raises:
        Refusal: ``script_characters_invalid``.
    """
    for script, names in (("kana", _KANA_NAMES), ("kanji", _KANJI_NAMES)):
        for key, text in ((scripts or {}).get(script) or {}).items():
            if key != "country" and isinstance(text, str) and not _is_script(text, names):
                raise Refusal(
                    "script_characters_invalid",
                    "The text holds characters of another script.",
                    param=f"{param}.{script}.{key}",
                )


def _is_script(text: str, names: tuple[str, ...]) -> bool:
    return all(
        character == _MINUS_SIGN
        or unicodedata.category(character) in _NEUTRAL_CATEGORIES
        or unicodedata.name(character, "").startswith(names)
        for character in text
    )
