"""The verifiers that the settings ask for."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from onboarding.settings import SettingsError
from onboarding.verifiers.manual import ManualVerifier
from onboarding.verifiers.port import Verifier
from onboarding.verifiers.profile import ProfileVerifier, bundled_denylist, read_denylist
from onboarding.verifiers.registry import Verifiers
from onboarding.verifiers.stripe_identity import StripeIdentity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onboarding.settings import Settings
    from onboarding.verifiers.lists import ListVerifier
    from onboarding.verifiers.port import LocalVerifier

TAKEN = frozenset({"sandbox", "review"})
"""Names under which evidence of the sandbox and of people is recorded."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")

BUNDLED = "bundled"
"""Value of ``ONBOARDING_SCREENING_LISTS`` for the made-up list that comes with the project."""


def verifiers_from(settings: Settings, screening: ListVerifier | None = None) -> Verifiers:
    """The verifiers of a process: a deployment's own, lists, people, rules, vendors; the first one is preferred.

    People come before the rules of ``profile``: a kind that a deployment names in ``ONBOARDING_MANUAL_CHECKS`` is for
    people to decide, so no rule may fail or pass it before they see it. Rules come before vendors: what is denied needs
    no call.

    With ``sandbox=off`` the sandbox package is not even imported.

    ``screening`` are the lists of a worker, see :func:`screening_from`. The API has none: it asks no local verifier,
    and a list takes memory.

    Raises:
        SettingsError: a name in ``ONBOARDING_VERIFIERS`` can't be imported, two verifiers have one name, or the file of
            ``ONBOARDING_PROFILE_DENYLIST`` can't be used.
    """
    local: list[LocalVerifier] = []
    outward: list[Verifier] = []
    for name in settings.own_verifiers:
        for verifier in _made(name, settings):
            if isinstance(verifier, Verifier):
                outward.append(verifier)
            else:
                local.append(verifier)
    if screening is not None:
        local.append(screening)
    if settings.manual_check_kinds:
        local.append(ManualVerifier(settings.manual_check_kinds))
    if settings.profile_reviews == "on":
        own_list = settings.profile_denylist
        local.append(ProfileVerifier(read_denylist(Path(own_list)) if own_list else bundled_denylist()))
    if settings.stripe_identity_key is not None:
        identity = StripeIdentity(
            api_key=settings.stripe_identity_key.get_secret_value(),
            webhook_secrets=settings.stripe_identity_secrets,
            base_url=settings.stripe_identity_url,
            return_url=settings.stripe_identity_return_url or None,
        )
        outward.append(identity)
    _refuse_unusable_names([*local, *outward])
    if settings.sandbox != "on":
        return Verifiers(local=tuple(local), outward=tuple(outward))
    from onboarding.verifiers import sandbox  # noqa: PLC0415 -- off must not import it

    return Verifiers(
        sandbox=sandbox.SandboxVerifier(),
        exempt=sandbox.is_test_value,
        hastens=sandbox.asks_for_what_is_announced,
        bank_tokens=sandbox.BANK_TOKENS,
        local=tuple(local),
        outward=tuple(outward),
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


def _made(name: str, settings: Settings) -> Iterable[LocalVerifier | Verifier]:
    module, _, function = name.partition(":")
    try:
        make = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(f"ONBOARDING_VERIFIERS: {name} can't be imported ({type(error).__name__})") from error
    made: Iterable[LocalVerifier | Verifier] = make(settings)
    return made


def _refuse_unusable_names(verifiers: Iterable[LocalVerifier | Verifier]) -> None:
    seen = set(TAKEN)
    for verifier in verifiers:
        if verifier.name in seen or not _NAME.fullmatch(verifier.name):
            raise SettingsError(f"ONBOARDING_VERIFIERS: the verifier name {verifier.name!r} is taken or no plain word")
        seen.add(verifier.name)
