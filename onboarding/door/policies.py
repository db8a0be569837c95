"""The policies of one process: compiled once, shared by all accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onboarding.catalogue.loader import builtin_bytes, builtin_policy, compile_policy
from onboarding.catalogue.problems import CatalogueError
from onboarding.storage import policies

if TYPE_CHECKING:
    from onboarding.domain.policy import Policy
    from onboarding.storage.database import Database, Reading


class PolicyUnavailable(Exception):  # noqa: N818 -- says what is
    """An account's assigned policy can't be loaded here; nothing may be written about it. Worth another try."""


class PolicyShelf:
    """Published policies by hash. ``current`` is what new accounts are assigned where none was made current."""

    def __init__(self, database: Database, current: Policy | None = None, current_bytes: bytes | None = None) -> None:
        self._database = database
        self._bytes = current_bytes if current_bytes is not None else builtin_bytes()
        self.current = current if current is not None else builtin_policy()
        self._compiled = {self.current.hash: self.current}

    async def publish(self) -> None:
        """Make sure that the current policy is a row, as every account's assigned version must be.

        Its published version carries its hash: a catalogue that was edited is another version, even where nobody raised
        the number, and accounts that have the old one keep it.
        """
        policy = self.current
        version = f"{policy.version}+{policy.hash[:12]}"
        async with self._database.reading() as r:
            await policies.seed(r, policy_hash=policy.hash, name=policy.name, version=version, document=self._bytes)

    async def current_for(self, platform_id: str, *, livemode: bool) -> Policy:
        """What a platform's new accounts are assigned. The door reads its hash with what else they begin with."""
        async with self._database.reading() as r:
            return await self.get(await policies.current(r, platform_id, livemode=livemode), r)

    async def get(self, policy_hash: str | None, r: Reading | None = None) -> Policy:
        """The policy with this hash; None is the process's own.

        ``r`` is a connection that the caller has: where many change accounts at once, there may be no other.

        Raises:
            PolicyUnavailable: no such row, or this process can't compile it.
        """
        if policy_hash is None:
            return self.current
        known = self._compiled.get(policy_hash)
        if known is None:
            if r is not None:
                row = await policies.find(r, policy_hash)
            else:
                async with self._database.reading() as own:
                    row = await policies.find(own, policy_hash)
            if row is None:
                raise PolicyUnavailable
            try:
                known = self._compiled[policy_hash] = compile_policy(row.document)
            except CatalogueError:
                raise PolicyUnavailable from None
        return known
