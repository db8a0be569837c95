"""Queries of lists that are chosen from by an object: events, checks, reviews."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from api.schemas.parse import INVALID_REQUEST, path_of
from api.schemas.queries import Page, QueryItems, list_param, page
from onboarding.domain.errors import Refusal

MAX_TYPES = 20
"""How many types of event one list may be narrowed to (Accounts v2 contract, endpoints)."""

_PAGING = frozenset({"limit", "page"})
_BOUNDS = frozenset({"gt", "gte", "lt", "lte"})
_CREATED = re.compile(r"created\[([a-z]+)\]")
_TYPES = re.compile(r"types(\[[0-9]{0,4}\])?")
_TYPE = re.compile(r"[A-Za-z0-9_.\[\]]{1,200}")
_ID = re.compile(r"[a-z]+_[A-Za-z0-9_]{1,100}")


@dataclass(frozen=True, slots=True)
class EventsPage(Page):
    """Which part of the events is wanted: ``created`` by its bound (``gt``, ``gte``, ``lt``, ``lte``)."""

    object_id: str | None = None
    types: tuple[str, ...] = ()
    created: dict[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccountItemsPage(Page):
    """Which part of a list is wanted whose items each belong to one account."""

    account: str | None = None


def events_page(query_items: QueryItems) -> EventsPage:
    """The query of the list of events.

    Raises:
        Refusal: ``parameter_unknown`` or ``parameter_invalid``.
    """
    items = list(query_items)
    created: dict[str, datetime] = {}
    object_id = None
    for key, value in items:
        if (bound := _CREATED.fullmatch(key)) and bound[1] in _BOUNDS:
            created[bound[1]] = _instant(key, value)
        elif key == "object_id":
            object_id = _id(key, value)
        elif key not in _PAGING and _TYPES.fullmatch(key) is None:
            raise _unknown(key)
    types = list_param(items, "types")
    if len(types) > MAX_TYPES:
        raise _invalid("types", f"Must have at most {MAX_TYPES} items.")
    for index, kind in enumerate(types):
        if _TYPE.fullmatch(kind) is None:
            raise _invalid(f"types[{index}]", "Must be a type of event.")
    paging = _paging(items)
    return EventsPage(paging.limit, paging.page, object_id, tuple(types), created)


def account_items_page(query_items: QueryItems) -> AccountItemsPage:
    """The query of a list of checks or reviews: ``account``, ``limit``, ``page``.

    Raises:
        Refusal: ``parameter_unknown`` or ``parameter_invalid``.
    """
    items = list(query_items)
    account = None
    for key, value in items:
        if key == "account":
            account = _id(key, value)
        elif key not in _PAGING:
            raise _unknown(key)
    paging = _paging(items)
    return AccountItemsPage(paging.limit, paging.page, account)


def _paging(items: list[tuple[str, str]]) -> Page:
    return page([(key, value) for key, value in items if key in _PAGING])


def _instant(key: str, value: str) -> datetime:
    # In a query a plus that was not escaped arrives as a space, so an offset of "+00:00" often does.
    try:
        instant = datetime.fromisoformat(value.replace(" ", "+"))
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise _invalid(key, "Must be a time with its offset from UTC (RFC 3339).")
    return instant


def _id(key: str, value: str) -> str:
    if _ID.fullmatch(value) is None:
        raise _invalid(key, "Must be the id of an object.")
    return value


def _unknown(key: str) -> Refusal:
    return Refusal("parameter_unknown", "There is no such parameter.", param=path_of([key]), type=INVALID_REQUEST)


def _invalid(param: str, message: str) -> Refusal:
    return Refusal("parameter_invalid", message, param=param, type=INVALID_REQUEST)
