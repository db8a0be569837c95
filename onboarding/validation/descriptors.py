"""What a merchant is called where payers see it: category code and statement descriptors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import iso18245

from onboarding.domain.errors import Refusal

_MCC = re.compile(r"[0-9]{4}")
# The v1 API's rules for statement descriptors: Latin characters without these, and at least one letter.
_NOT_IN_DESCRIPTORS = frozenset("<>\\'\"*")
_LENGTHS = {"descriptor": (5, 22), "prefix": (2, 10)}
_SCRIPT_LENGTHS = {"kana": {"descriptor": 22, "prefix": 10}, "kanji": {"descriptor": 17, "prefix": 10}}


def check_mcc(mcc: str | None, param: str) -> None:
    """Refuse what is no merchant category code.

    Raises:
        Refusal: ``mcc_invalid``.
    """
    if mcc is not None and not _is_mcc(mcc):
        raise Refusal(
            "mcc_invalid", "There is no such merchant category; its code has four digits (ISO 18245).", param=param
        )


def check_statement_descriptor(descriptors: Mapping[str, Any] | None, param: str) -> None:
    """Check ``{"descriptor", "prefix"}``.

    Raises:
        Refusal: ``statement_descriptor_invalid``.
    """
    for name, (shortest, longest) in _LENGTHS.items():
        text = (descriptors or {}).get(name)
        if text is not None and not _is_descriptor(text, shortest, longest):
            raise Refusal(
                "statement_descriptor_invalid",
                f"A statement {name} has {shortest} to {longest} Latin characters, at least one of them a letter, "
                "and none of < > \\ ' \" *.",
                param=f"{param}.{name}",
            )


def check_script_statement_descriptor(scripts: Mapping[str, Any] | None, param: str) -> None:
    """Check the length of ``{"kana": {"descriptor", "prefix"}, "kanji": {...}}``.

    Raises:
        Refusal: ``statement_descriptor_invalid``.
    """
    for script, lengths in _SCRIPT_LENGTHS.items():
        for name, longest in lengths.items():
            text = ((scripts or {}).get(script) or {}).get(name)
            if text is not None and not 1 <= len(text) <= longest:
                raise Refusal(
                    "statement_descriptor_invalid",
                    f"This statement {name} has 1 to {longest} characters.",
                    param=f"{param}.{script}.{name}",
                )


@lru_cache(maxsize=1000)
def _is_mcc(mcc: str) -> bool:
    """Whether ISO 18245 or one of the card networks has the category."""
    if _MCC.fullmatch(mcc) is None:
        return False
    try:
        iso18245.get_mcc(mcc)
    except iso18245.MCCNotFound:
        return False
    return True


def _is_descriptor(text: str, shortest: int, longest: int) -> bool:
    return (
        shortest <= len(text) <= longest
        and text.isascii()
        and text.isprintable()
        and not _NOT_IN_DESCRIPTORS.intersection(text)
        and any(character.isalpha() for character in text)
    )
