"""Letters that decomposition leaves as they are, in Latin letters as passports and lists mostly write them."""

# ruff: noqa: RUF001 -- letters that look like Latin ones are what this is about
from __future__ import annotations

import unicodedata

_LATIN = {
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ə": "a", "ŋ": "n",
    "ĸ": "k", "ſ": "s",
}  # fmt: skip
_CYRILLIC = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i", "й": "y",
    "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f",
    "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya",
    "і": "i", "ї": "yi", "є": "ye", "ґ": "g", "ў": "u", "ђ": "dj", "ј": "j", "љ": "lj", "њ": "nj", "ћ": "c", "џ": "dz",
    "ѕ": "dz", "ѓ": "gj", "ќ": "kj", "қ": "q", "ғ": "gh", "ң": "n", "ө": "o", "ү": "u", "ұ": "u", "һ": "h", "ә": "a",
}  # fmt: skip
_GREEK = {
    "ου": "ou", "ού": "ou", "μπ": "b", "ντ": "nt", "γγ": "ng", "γκ": "gk", "ευ": "ev", "αυ": "av",
    "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k", "λ": "l",
    "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "y", "φ": "f",
    "χ": "ch", "ψ": "ps", "ω": "o",
}  # fmt: skip

_LETTERS = str.maketrans({letter: latin for letter, latin in (_LATIN | _CYRILLIC | _GREEK).items() if len(letter) == 1})
_PAIRS = {pair: latin for pair, latin in _GREEK.items() if len(pair) > 1}


def latin(text: str) -> str:
    """Case-folded text without marks, in Latin letters where the script is Latin, Cyrillic or Greek.

    Letters of other scripts stay as they are.
    """
    text = text.casefold()
    if text.isascii():
        return text
    # Before the marks go: й, ї and the like are letters of their own.
    text = unicodedata.normalize("NFKC", text).casefold()
    for pair, replacement in _PAIRS.items():
        text = text.replace(pair, replacement)
    text = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    text = "".join(character for character in text if not unicodedata.combining(character)).translate(_LETTERS)
    return text if text.isascii() else "".join(map(_base, text))


def _base(character: str) -> str:
    # "LATIN SMALL LETTER H WITH STROKE" is an h that does not decompose.
    if character.isascii():
        return character
    words = unicodedata.name(character, "").split()
    is_latin = words[:3] == ["LATIN", "SMALL", "LETTER"] and words[4:5] == ["WITH"]
    return words[3].lower() if is_latin else character
