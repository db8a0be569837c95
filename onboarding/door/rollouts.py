"""What a roll-out does to one account: it announces another policy, or takes that back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from onboarding.domain.policy import Announced, Policies
from onboarding.storage import tables

if TYPE_CHECKING:
    from datetime import datetime

    from onboarding.domain.policy import Policy
    from onboarding.door.draft import Draft


@dataclass(frozen=True, slots=True)
class AnnouncePolicy:
    """Announce a policy, which decides from ``transition_at`` on. It takes the place of one that is still ahead.

    In the same transaction the roll-out's own row says so: whoever is announced twice was so by two roll-outs.
    """

    rollout_id: str
    wave: int
    policy: Policy
    transition_at: datetime
    cause: str = "policy.announced"

    def apply(self, draft: Draft) -> bool:
        """Whether there was anything to announce: the policy may bind the account already, or be announced to it."""
        bound, ahead = draft.policy, draft.policies.ahead(draft.as_of)
        if self.policy.hash in (bound.hash, ahead.policy.hash if ahead else None):
            return False
        draft.policies = Policies(bound, Announced(self.policy, self.transition_at))
        draft.batch.upsert(
            tables.RolloutAccount,
            rollout_id=self.rollout_id,
            account_id=draft.account_id,
            wave=self.wave,
            from_hash=bound.hash,
            transition_at=self.transition_at,
            announced_at=draft.database_now,
        )
        return True


@dataclass(frozen=True, slots=True)
class WithdrawPolicy:
    """Take a policy back: one that is still ahead is announced no more, one in force makes way for ``previous``.

    What others have announced since stays. ``wave`` None is of an account that began with the policy, for which the
    roll-out has no row yet.
    """

    rollout_id: str
    wave: int | None
    policy_hash: str
    previous: Policy
    cause: str = "policy.withdrawn"

    def apply(self, draft: Draft) -> bool:
        """Whether there was anything to take back."""
        bound, ahead = draft.policy, draft.policies.ahead(draft.as_of)
        stays = ahead if ahead is not None and ahead.policy.hash != self.policy_hash else None
        if bound.hash == self.policy_hash:
            draft.policies = Policies(self.previous, stays)
        elif ahead is not None and stays is None:
            draft.policies = Policies(bound)
        else:
            return False
        key = {"rollout_id": self.rollout_id, "account_id": draft.account_id}
        if self.wave is not None:
            draft.batch.update(tables.RolloutAccount, key, undone_at=draft.database_now, error_code=None)
        else:
            draft.batch.upsert(tables.RolloutAccount, **key, wave=NO_WAVE, undone_at=draft.database_now)
        return True


NO_WAVE = -1
"""Of accounts that no wave announced anything to: they were made while the policy was the current one."""
