"""Capabilities that a platform can't request without others. Which need which is the policy's to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from onboarding.domain.errors import Refusal
from onboarding.shape import applied_configurations, requested_capabilities


def check_required_capabilities(
    before: Mapping[str, Any], after: Mapping[str, Any], required: Mapping[str, Sequence[str]]
) -> None:
    """Refuse a request that leaves a capability without one that it needs.

    What was missing before the request already is no fault of it: another policy may have begun to need it.

    Args:
        before: the account's values before the request.
        after: its values with the request merged into them.
        required: by a capability's name (``merchant.card_payments``) those that must be requested with it.

    Raises:
        Refusal: ``capability_not_available_without_other_capability``;
            ``capability_cannot_be_unrequested_due_to_other_capability_requirement``;
            ``configuration_cannot_be_deactivated_due_to_other_capability_requirement``.
    """
    had, has = set(requested_capabilities(before)), set(requested_capabilities(after))
    for name in sorted(has):
        for needed in required.get(name, ()):
            if needed in has or (name in had and needed not in had):
                continue
            if name not in had:
                raise Refusal(
                    "capability_not_available_without_other_capability",
                    f"This capability can only be requested together with {needed}.",
                    param=_param(name),
                )
            configuration = needed.partition(".")[0]
            if configuration not in applied_configurations(after):
                raise Refusal(
                    "configuration_cannot_be_deactivated_due_to_other_capability_requirement",
                    f"{name} needs {needed}: withdraw the request for it first.",
                    param=f"configuration.{configuration}.applied",
                )
            raise Refusal(
                "capability_cannot_be_unrequested_due_to_other_capability_requirement",
                f"{name} needs this capability: withdraw the request for that one first.",
                param=_param(needed),
            )


def _param(name: str) -> str:
    configuration, _, rest = name.partition(".")
    return f"configuration.{configuration}.capabilities.{rest}"
