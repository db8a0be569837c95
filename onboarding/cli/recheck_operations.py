"""What ``onboarding orders recheck`` does, in the name of whoever runs it. Apart from the command line."""

from __future__ import annotations

import getpass
import re
from datetime import UTC, datetime

from onboarding.cli.operations import CommandFailed, decided
from onboarding.cli.progress import shown_progress
from onboarding.engine import Engine
from onboarding.rechecks import Ordered
from onboarding.storage.rechecks import RecheckScope

MODES = {"all": None, "live": True, "test": False}

_PACE = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)/s")


def scope_of(kind: str, campaign: str, platform: str, mode: str, country: str) -> RecheckScope:
    """The accounts that options mean."""
    if mode not in MODES:
        raise CommandFailed(f"{mode} is none of {', '.join(MODES)}")
    if country and re.fullmatch(r"[A-Za-z]{2}", country) is None:
        raise CommandFailed("a country is two letters (ISO 3166-1 alpha-2)")
    name = campaign or f"{kind}-{datetime.now(UTC):%Y-%m-%d}"
    return RecheckScope(kind, name, platform or None, MODES[mode], country.upper() or None)


def recheck(scope: RecheckScope, reason: str, pace: str, *, dry_run: bool) -> Ordered:
    """What the campaign did, or would do."""
    found = _PACE.fullmatch(pace)
    per_second = float(found[1]) if found is not None else 0.0
    if not per_second:
        raise CommandFailed(f"{pace} is no pace: write orders a second, such as 20/s or 0.5/s")

    async def work(engine: Engine) -> Ordered:
        if dry_run:
            return await engine.rechecks.count(scope)
        with shown_progress() as progress:
            return await engine.rechecks.run(
                scope, reason=reason, name=getpass.getuser(), per_second=per_second, progress=progress
            )

    return decided(work)
