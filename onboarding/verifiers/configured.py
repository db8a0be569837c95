"""The verifiers that the settings ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from onboarding.verifiers.manual import ManualVerifier
from onboarding.verifiers.registry import Verifiers
from onboarding.verifiers.stripe_identity import StripeIdentity

if TYPE_CHECKING:
    from onboarding.settings import Settings
    from onboarding.verifiers.lists import ListVerifier
    from onboarding.verifiers.port import LocalVerifier, Verifier

BUNDLED = "bundled"
"""Value of ``ONBOARDING_SCREENING_LISTS`` for the made-up list that comes with the project."""


def verifiers_from(settings: Settings, screening: ListVerifier | None = None) -> Verifiers:
    """The verifiers of a process. With ``sandbox=off`` the sandbox package is not even imported.

    ``screening`` are the lists of a worker, see :func:`screening_from`. The API has none: it asks no local verifier,
    and a list takes memory.
    """
    local: list[LocalVerifier] = [] if screening is None else [screening]
    if settings.manual_check_kinds:
        local.append(ManualVerifier(settings.manual_check_kinds))
    outward: tuple[Verifier, ...] = ()
    if settings.stripe_identity_key is not None:
        identity = StripeIdentity(
            api_key=settings.stripe_identity_key.get_secret_value(),
            webhook_secrets=settings.stripe_identity_secrets,
            base_url=settings.stripe_identity_url,
            return_url=settings.stripe_identity_return_url or None,
        )
        outward = (identity,)
    if settings.sandbox != "on":
        return Verifiers(local=tuple(local), outward=outward)
    from onboarding.verifiers import sandbox  # noqa: PLC0415 -- off must not import it

    return Verifiers(
        sandbox=sandbox.SandboxVerifier(),
        exempt=sandbox.is_test_value,
        bank_tokens=sandbox.BANK_TOKENS,
        local=tuple(local),
        outward=outward,
    )


def screening_from(settings: Settings) -> ListVerifier | None:
    """The lists that the settings name, not loaded yet; None where they name none.

    Raises:
        ListRefused: the folder holds no list.
    """
    if not settings.screening_lists:
        return None
    from onboarding.verifiers import lists  # noqa: PLC0415 -- only workers screen

    if settings.screening_lists == BUNDLED:
        return lists.bundled_lists()
    return lists.ListVerifier(lists.sources_in(Path(settings.screening_lists)))
