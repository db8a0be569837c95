"""The downstream system that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onboarding.activators.http import HttpActivator
from onboarding.activators.port import NOBODY, Downstream
from onboarding.settings import SettingsError

if TYPE_CHECKING:
    from onboarding.settings import Settings


def downstream_from(settings: Settings) -> Downstream:
    """The same for every process of a deployment: the API decides by it too that nothing is confirmed yet.

    Raises:
        SettingsError: there is an address, and nothing to sign with.
    """
    if settings.activator_url is None:
        return NOBODY
    if not settings.downstream_secrets:
        raise SettingsError("ONBOARDING_ACTIVATOR_SECRETS: is not set, and calls of the activator must be signed")
    return Downstream(HttpActivator(settings.activator_url, settings.downstream_secrets), settings.downstream_steps)
