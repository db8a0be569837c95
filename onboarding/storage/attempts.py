"""Checks that have ended, with their attempts: what a late report or a cancelled check needs of them.

Open checks come with their account (:mod:`onboarding.storage.accounts`); ended ones are many, and hardly ever asked
for.
"""

from __future__ import annotations

from onboarding.storage.accounts import columns
from onboarding.storage.database import Reading
from onboarding.storage.rows import AttemptRow, CheckRow


async def find_check(r: Reading, account_id: str, check_id: str) -> CheckRow | None:
    """A check of this account in any state, or None."""
    row = await r.fetch_one(
        f"SELECT {columns(CheckRow)} FROM checks t WHERE t.id = $1 AND t.account_id = $2",  # noqa: S608 -- own names
        check_id,
        account_id,
    )
    return None if row is None else CheckRow(*row)


async def list_of_check(r: Reading, check_id: str) -> list[AttemptRow]:
    """The attempts of one check, in order."""
    rows = await r.fetch(
        f"SELECT {columns(AttemptRow)} FROM attempts t WHERE t.check_id = $1 ORDER BY t.number",  # noqa: S608 -- own names
        check_id,
    )
    return [AttemptRow(*row) for row in rows]
