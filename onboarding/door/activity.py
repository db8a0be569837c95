"""What an account turned over, as its platform reports it: absolute totals per calendar period, in UTC.

A later report replaces the totals of its periods. What a total once caused stays: crossing a threshold is a mark.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from onboarding.domain.errors import Refusal
from onboarding.storage import tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onboarding.door.draft import Draft

LIFETIME, YEAR, MONTH = "lifetime", "year", "month"
"""Kinds of period, as thresholds name them."""

REPORT_ID = "report_id"
"""Field group under which the platform's own id of a report is sealed, with our id of its row as subject."""

MAX_TOTALS = 2000
"""Totals that one account keeps: a century of months, years and a lifetime, or fewer in several currencies."""


def kind_of(period: str) -> str:
    """The kind of a period: ``lifetime``, ``2026`` is a year, ``2026-11`` a month."""
    if period == LIFETIME:
        return LIFETIME
    return MONTH if "-" in period else YEAR


def start_of(period: str) -> datetime | None:
    """When a period begins; None for a lifetime.

    Raises:
        ValueError: there is no such month or year.
    """
    if period == LIFETIME:
        return None
    year, _, month = period.partition("-")
    return datetime(int(year), int(month or "1"), 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ReportActivity:
    """Take in one report. ``row_id`` is ours, ``report_id`` the platform's, ``totals`` pairs of period and amount."""

    row_id: str
    report_id: str = field(repr=False)
    currency: str
    totals: tuple[tuple[str, int], ...]
    cause: str = "activity.reported"

    def apply(self, draft: Draft) -> None:
        """Raises Refusal for a closed account, a period that lies ahead, or totals that contradict each other.

        Raises:
            StatementFailed: when the batch is applied, where a report of this id was taken in a moment ago.
        """
        if draft.closed:
            raise Refusal("account_closed", "The account is closed and can't be changed.")
        shape = draft.state.shape
        known = {period: total for (currency, _, period), total in shape.activity.items() if currency == self.currency}
        self._refuse_ahead(draft.as_of)
        self._refuse_contradictions(known | dict(self.totals))
        activity = {
            **shape.activity,
            **{(self.currency, kind_of(period), period): amount for period, amount in self.totals},
        }
        if len(activity) > MAX_TOTALS:
            raise _invalid(f"An account keeps at most {MAX_TOTALS} totals.", "totals")
        draft.state = replace(draft.state, shape=replace(shape, activity=activity))
        draft.batch.insert(
            tables.ActivityReport,
            id=self.row_id,
            account_id=draft.account_id,
            report_digest=draft.keys.digest(REPORT_ID, self.report_id),
            sealed=draft.seal(self.row_id, REPORT_ID, 1, self.report_id.encode()),
            currency=self.currency,
            totals=ordered(self.totals),
            reported_at=draft.as_of,
        )

    def _refuse_ahead(self, as_of: datetime) -> None:
        for place, (period, _) in enumerate(self.totals):
            begins = start_of(period)
            if begins is not None and begins > as_of:
                raise _invalid("The period has not begun at the account's time, in UTC.", f"totals[{place}].period")

    def _refuse_contradictions(self, totals: Mapping[str, int]) -> None:
        """No period's total may be below that of a part of it."""
        for place, (period, amount) in enumerate(self.totals):
            param = f"totals[{place}].amount"
            for other, total in sorted(totals.items()):
                if _is_part(other, period) and total > amount:
                    raise _invalid(f"Must not be below the total of {other}, which is a part of {period}.", param)
                if _is_part(period, other) and total < amount:
                    raise _invalid(
                        f"Must not be above the total of {other}, of which {period} is a part: report that one too.",
                        param,
                    )


def ordered(totals: tuple[tuple[str, int], ...]) -> list[list[str | int]]:
    """Totals as a report's row holds them: the lifetime, then years and months from the earliest on."""
    return [[period, amount] for period, amount in sorted(totals, key=lambda total: sort_key(total[0]))]


def sort_key(period: str) -> tuple[bool, str]:
    """Sorts the lifetime first, each year before its months."""
    return period != LIFETIME, period


def _is_part(period: str, of: str) -> bool:
    if period == of:
        return False
    return of == LIFETIME or period.startswith(f"{of}-")


def _invalid(message: str, param: str) -> Refusal:
    return Refusal("parameter_invalid", message, param=param, type="invalid_request_error")
