"""Metadata, the one part that is the platform's alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onboarding.domain.errors import Refusal
from onboarding.validation.objects import INVALID_REQUEST, object_at

MAX_KEYS = 50


def check_metadata(patch: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> None:
    """Refuse more keys than one object may have, those of earlier requests included.

    Raises:
        Refusal: ``parameter_invalid``.
    """
    if patch.get("metadata") is not None and len(object_at(after, "metadata")) > MAX_KEYS:
        raise Refusal(
            "parameter_invalid",
            f"Metadata has at most {MAX_KEYS} keys.",
            param=f"{prefix}metadata",
            type=INVALID_REQUEST,
        )
