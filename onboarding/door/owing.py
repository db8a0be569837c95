"""When somebody must look at an account, and whether to say so now.

``look_at`` is always in the database's time: now while something is owed and nobody has claimed it, else the earlier of
the wake time and the end of a claim. An account on a test clock has none unless work is owed, for its clock moves it.
A look of the account's own run is owed, too, while that shows operators what is no longer so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onboarding.domain.state import CheckState
from onboarding.door.view import SOON

if TYPE_CHECKING:
    from datetime import datetime

    from onboarding.domain.activations import Activation
    from onboarding.domain.state import Check
    from onboarding.door.draft import Draft
    from onboarding.door.view import OperatorView
    from onboarding.storage.accounts import AccountRecord


class Owing:
    """When somebody must look at the account next, in the database's time, and whether to say so now.

    ``view_digest`` is that of what the account's run shows.
    """

    def __init__(
        self,
        draft: Draft,
        view: OperatorView,
        lease: datetime | None,
        wake_at: datetime | None,
        silent_at: datetime | None,
        record: AccountRecord | None,
        *,
        by_user: bool,
    ) -> None:
        now = draft.database_now
        leases = {
            check.id: draft.leases[check.id].until if check.id in draft.leases else claimed_until(record, check.id)
            for check in draft.state.checks
            if needs_worker(check)
        }
        told = [one for one in draft.activations.values() if one.is_owed]
        claims = [*leases.values(), *(activation_claimed_until(one, record) for one in told)]
        unclaimed = any(until is None or until <= now for until in claims)
        epoch = draft.row_changes.get("run_epoch", record.row.run_epoch if record else 0)
        current = record.book_epoch if record is not None else epoch
        claimed = lease is not None and lease > now and epoch == current
        unsettled = view.is_worked_on(silent_at, draft.as_of)
        # Whoever was to tell the account's run of a change may have died, or found nobody: until it has looked itself.
        is_stale = claimed and not draft.is_shown and record is not None and record.row.view_digest != view.digest
        owed = unclaimed or (unsettled and not claimed) or is_stale
        on_clock = record is not None and record.clock_now is not None
        ends = [until for until in claims if until is not None and until > now]
        if claimed and unsettled and lease is not None:
            ends.append(lease)
        if wake_at is not None and not on_clock:
            ends.append(wake_at)
        self.look_at = min(ends, default=None)
        if owed:
            self.look_at = record.row.look_at if record is not None and record.row.look_at is not None else now
            backs_off = record is not None and record.row.look_tries > 0 and not by_user
            if self.look_at > now and not backs_off:
                self.look_at = now
            self.look_at = min([self.look_at, *ends])
        withdrawn = record is not None and any(
            row.lease_until is not None and row.state != CheckState.IN_REVIEW and check_id not in leases
            for check_id, row in record.checks.items()
        )
        self.view_digest = record.row.view_digest if is_stale and record is not None else view.digest
        soon = wake_at is not None and not on_clock and wake_at - now <= SOON
        was_soon = (
            record is not None
            and record.row.wake_at is not None
            and record.row.wake_at - now <= SOON
            and record.row.wake_at == wake_at
        )
        self.nudge = owed or withdrawn or draft.owes_review_run or (soon and not was_soon)


def needs_worker(check: Check) -> bool:
    """Whether an open check is a worker's to carry on: no person has it, and no sealed answer waits for its time."""
    return check.answer_at is None and check.state is not CheckState.IN_REVIEW


def claimed_until(record: AccountRecord | None, check_id: str) -> datetime | None:
    """Until when a check is claimed; a claim of an older epoch is void."""
    row = record.checks.get(check_id) if record is not None else None
    return row.lease_until if row is not None and record is not None and row.lease_epoch == record.book_epoch else None


def activation_claimed_until(activation: Activation, record: AccountRecord | None) -> datetime | None:
    """Until when the telling of a capability is claimed; a claim of an older epoch is void."""
    return activation.lease_until if record is None or activation.lease_epoch == record.book_epoch else None
