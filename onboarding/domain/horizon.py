"""How long an answer holds.

Every condition, evidence look-up and deadline is read at one instant through a :class:`Horizon`. Whoever reads
something that time alone will change calls :meth:`Horizon.until`; the earliest of those instants is the root's
``holds_until`` and so the account's wake time, which is computed nowhere else. Branches that are not read do not
count: what they would say can't change the answer before a branch that was read does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Horizon:
    """One instant, and until when what was read at it stays true."""

    __slots__ = ("as_of", "holds_until")

    def __init__(self, as_of: datetime) -> None:
        self.as_of = as_of
        self.holds_until: datetime | None = None

    def passed(self, instant: datetime) -> bool:
        """Whether ``instant`` is reached; if not, the answer holds until it is."""
        if instant <= self.as_of:
            return True
        self.until(instant)
        return False

    def until(self, instant: datetime) -> None:
        """Note that what was read changes at ``instant``; an instant already passed changes nothing more."""
        if instant > self.as_of and (self.holds_until is None or instant < self.holds_until):
            self.holds_until = instant


def earliest(*instants: datetime | None) -> datetime | None:
    """The first of some instants, None of which is never."""
    return min((instant for instant in instants if instant is not None), default=None)
