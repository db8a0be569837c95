"""Dates of birth and of registration."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from onboarding.domain.errors import Refusal
from onboarding.shape import birth_date
from onboarding.validation.objects import Exempt

MINIMUM_AGE = 13
MAXIMUM_AGE = 120


def age(born: date, today: date) -> int:
    """Completed years; who was born on a 29 February completes one on 1 March of a common year."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def check_date_of_birth(parts: Mapping[str, Any] | None, param: str, as_of: datetime, exempt: Exempt) -> None:
    """Check a date of birth.

    Args:
        parts: ``{day, month, year}``.
        param: path of the object.
        as_of: now, aware; the day changes at 00:00 UTC.
        exempt: see the package; asked with the ISO date.

    Raises:
        Refusal: ``date_of_birth_invalid`` for a date that the calendar doesn't have, one in the future or one more
            than 120 years ago; ``date_of_birth_age_restriction`` for an age under 13 (Accounts v2 contract, age).
    """
    if parts is None:
        return
    born = birth_date({"date_of_birth": parts})
    if born is not None and exempt("date_of_birth", born.isoformat()):
        return
    today = as_of.astimezone(UTC).date()
    if born is None or born > today or age(born, today) > MAXIMUM_AGE:
        raise Refusal("date_of_birth_invalid", "The date of birth is not a possible date.", param=param)
    if age(born, today) < MINIMUM_AGE:
        raise Refusal(
            "date_of_birth_age_restriction", f"A person must be at least {MINIMUM_AGE} years old.", param=param
        )


def check_registration_date(parts: Mapping[str, Any] | None, param: str, as_of: datetime) -> None:
    """Check the date on which a business was registered.

    Raises:
        Refusal: ``registration_date_invalid`` for a date that the calendar doesn't have or one in the future.
    """
    if parts is None:
        return
    registered = birth_date({"date_of_birth": parts})
    if registered is None or registered > as_of.astimezone(UTC).date():
        raise Refusal("registration_date_invalid", "The registration date is not a possible date.", param=param)
