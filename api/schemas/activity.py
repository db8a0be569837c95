"""Parameters of activity, an interface of this engine in the style of Accounts v2."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from api.schemas.events import AccountItemsPage, account_items_page
from api.schemas.fields import Currency, Parameters, Text, refusal
from api.schemas.parse import INVALID_REQUEST
from api.schemas.queries import QueryItems
from onboarding.domain.errors import Refusal

MAX_ID = 255
MAX_TOTALS = 200
"""Totals of one report: ten years, month by month, and more."""

MAX_AMOUNT = 2**63 - 1

_PERIOD = re.compile(r"lifetime|[1-9][0-9]{3}(-(0[1-9]|1[0-2]))?")


def _report_id(text: str) -> str:
    if not 1 <= len(text) <= MAX_ID:
        raise refusal("parameter_invalid", f"Must have 1 to {MAX_ID} characters.")
    return text


def _period(text: str) -> str:
    if _PERIOD.fullmatch(text) is None:
        raise refusal("parameter_invalid", "Must be 'lifetime', a year like 2026 or a month like 2026-11.")
    return text


def _amount(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_AMOUNT:
        raise refusal("parameter_invalid", "Must be an integer, 0 or more, in the smallest unit of the currency.")
    return value


def _totals(totals: list[ActivityTotal]) -> list[ActivityTotal]:
    if not 1 <= len(totals) <= MAX_TOTALS:
        raise refusal("parameter_invalid", f"Must have 1 to {MAX_TOTALS} items.")
    seen: set[str] = set()
    for place, total in enumerate(totals):
        if total.period in seen:
            raise refusal("parameter_invalid", "Each period has one total.", (place, "period"))
        seen.add(total.period)
    return totals


class ActivityTotal(Parameters):
    """What was turned over in a calendar period, in UTC, or ever."""

    period: Annotated[
        str, AfterValidator(_period), WithJsonSchema({"type": "string", "pattern": f"^({_PERIOD.pattern})$"})
    ]
    amount: Annotated[
        int, BeforeValidator(_amount), WithJsonSchema({"type": "integer", "minimum": 0, "maximum": MAX_AMOUNT})
    ]


class ActivityReport(Parameters):
    """``POST /v2/verification/activity``: absolute totals, which replace those reported before of the same periods."""

    id: Annotated[
        Text,
        AfterValidator(_report_id),
        WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_ID}),
    ]
    account: Text
    currency: Currency
    totals: Annotated[
        list[ActivityTotal],
        AfterValidator(_totals),
        Field(json_schema_extra={"minItems": 1, "maxItems": MAX_TOTALS}),
    ]


def activity_page(query_items: QueryItems) -> tuple[str, AccountItemsPage]:
    """The query of the list of reports, ``account``, ``limit``, ``page``: the account, and which part is wanted.

    Raises:
        Refusal: ``parameter_missing``, ``parameter_unknown`` or ``parameter_invalid``.
    """
    wanted = account_items_page(query_items)
    if wanted.account is None:
        raise Refusal("parameter_missing", "This parameter is required.", param="account", type=INVALID_REQUEST)
    return wanted.account, wanted


def totals_of(parameters: dict[str, Any]) -> tuple[tuple[str, int], ...]:
    """Pairs of period and amount."""
    return tuple((total["period"], total["amount"]) for total in parameters["totals"])
