"""Query parameters.

The official SDKs write arrays in three ways, by age: ``include[0]=a&include[1]=b``, ``include[]=a&include[]=b`` and
``include=a&include=b`` (Accounts v2 contract, query arrays). All are accepted, in any mixture.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

from api.schemas.fields import ConfigurationName, Include
from api.schemas.parse import INVALID_REQUEST, path_of
from onboarding.domain.errors import Refusal

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
VAULT_LIMIT = 10
"""Of the vault's lists (SDK ``UsBankAccountListParams``)."""
VERIFICATION_STATUSES = ("awaiting_verification", "unverified", "verification_failed", "verified")

INCLUDES: tuple[str, ...] = get_args(Include)
_CONFIGURATIONS: tuple[str, ...] = get_args(ConfigurationName)
_ARRAY_KEY = re.compile(r"(?P<name>[^\[\]]+)(\[(?P<index>[0-9]{0,4})\])?")

QueryItems = Iterable[tuple[str, str]]
"""Pairs of the decoded query in their order, such as ``request.query_params.multi_items()``."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted: ``page`` is an opaque token of an earlier answer."""

    limit: int = DEFAULT_LIMIT
    page: str | None = None


@dataclass(frozen=True, slots=True)
class AccountsPage(Page):
    """Which part of the accounts is wanted: those with *all* of the configurations, closed or open ones."""

    applied_configurations: tuple[str, ...] = ()
    closed: bool = False


@dataclass(frozen=True, slots=True)
class IncludedPage(Page):
    """Which part of a list is wanted, and what its objects are to include."""

    include: tuple[str, ...] = ()


def list_param(query_items: QueryItems, name: str) -> list[str]:
    """The values of a query array, whatever way it was written; indexed values come in the order of their indices."""
    found: list[tuple[int, int, str]] = []
    for position, (key, value) in enumerate(query_items):
        match = _ARRAY_KEY.fullmatch(key)
        if match is not None and match["name"] == name:
            # Values without an index keep their place behind those that have one.
            found.append((int(match["index"]) if match["index"] else 10**4, position, value))
    return [value for _, _, value in sorted(found)]


def includes(query_items: QueryItems, allowed: Sequence[str] = INCLUDES) -> list[str]:
    """The query of one account, or of another object of which something may be included: ``include``, nothing else.

    Raises:
        Refusal: ``parameter_unknown`` for any other key; ``parameter_invalid`` with ``param`` ``include[i]`` for what
            is not ``allowed``.
    """
    items = list(query_items)
    _refuse_unknown(items, scalars=(), arrays=("include",))
    return _choices(list_param(items, "include"), "include", allowed)


def included_page(query_items: QueryItems, allowed: Sequence[str]) -> IncludedPage:
    """The query of a list whose objects may include something: ``include``, ``limit``, ``page``.

    Raises:
        Refusal: ``parameter_unknown`` or ``parameter_invalid``.
    """
    items = list(query_items)
    _refuse_unknown(items, scalars=("limit", "page"), arrays=("include",))
    include = _choices(list_param(items, "include"), "include", allowed)
    return IncludedPage(limit=_limit(items), page=_scalar(items, "page"), include=tuple(include))


def accounts_page(query_items: QueryItems) -> AccountsPage:
    """The query of the list of accounts: ``applied_configurations``, ``closed``, ``limit``, ``page``.

    Raises:
        Refusal: ``parameter_unknown`` or ``parameter_invalid``.
    """
    items = list(query_items)
    _refuse_unknown(items, scalars=("closed", "limit", "page"), arrays=("applied_configurations",))
    closed = _scalar(items, "closed")
    if closed not in {None, "true", "false"}:
        raise _invalid("closed", "Must be true or false.")
    configurations = _choices(list_param(items, "applied_configurations"), "applied_configurations", _CONFIGURATIONS)
    return AccountsPage(
        limit=_limit(items),
        page=_scalar(items, "page"),
        applied_configurations=tuple(configurations),
        closed=closed == "true",
    )


def page(query_items: QueryItems) -> Page:
    """The query of any other list: ``limit`` and ``page``.

    Raises:
        Refusal: ``parameter_unknown`` or ``parameter_invalid``.
    """
    items = list(query_items)
    _refuse_unknown(items, scalars=("limit", "page"), arrays=())
    return Page(limit=_limit(items), page=_scalar(items, "page"))


def vault_page(query_items: QueryItems, filters: Sequence[str]) -> tuple[Page, dict[str, str]]:
    """The query of a list of the vault: ``limit``, ``page`` and these filters, of which it answers those sent.

    Raises:
        Refusal: ``parameter_unknown`` or ``parameter_invalid``.
    """
    items = list(query_items)
    _refuse_unknown(items, scalars=("limit", "page", *filters), arrays=())
    chosen = {name: value for name in filters if (value := _scalar(items, name)) is not None}
    for name, value in chosen.items():
        if value not in VERIFICATION_STATUSES:
            raise _invalid(name, f"Must be one of {', '.join(VERIFICATION_STATUSES)}.")
    return Page(limit=_limit(items, VAULT_LIMIT), page=_scalar(items, "page")), chosen


def no_query(query_items: QueryItems) -> None:
    """The query of an endpoint that has none.

    Raises:
        Refusal: ``parameter_unknown``.
    """
    _refuse_unknown(list(query_items), scalars=(), arrays=())


def refuse_all_but_expand(query_items: QueryItems) -> None:
    """The query of one object of v1: ``expand``, which finds nothing to expand.

    Raises:
        Refusal: ``parameter_unknown``.
    """
    _refuse_unknown(list(query_items), scalars=(), arrays=("expand",))


def _refuse_unknown(items: Sequence[tuple[str, str]], *, scalars: Sequence[str], arrays: Sequence[str]) -> None:
    for key, _ in items:
        match = _ARRAY_KEY.fullmatch(key)
        if key not in scalars and (match is None or match["name"] not in arrays):
            raise Refusal(
                "parameter_unknown", "There is no such parameter.", param=path_of([key]), type=INVALID_REQUEST
            )


def _scalar(items: Sequence[tuple[str, str]], name: str) -> str | None:
    """The last value counts, as in a form."""
    values = [value for key, value in items if key == name]
    return values[-1] if values else None


def _limit(items: Sequence[tuple[str, str]], default: int = DEFAULT_LIMIT) -> int:
    limit = _scalar(items, "limit")
    if limit is None:
        return default
    if re.fullmatch(r"[0-9]{1,4}", limit) is None or not 1 <= int(limit) <= MAX_LIMIT:
        raise _invalid("limit", f"Must be a number from 1 to {MAX_LIMIT}.")
    return int(limit)


def _choices(values: Sequence[str], name: str, allowed: Sequence[str]) -> list[str]:
    for index, value in enumerate(values):
        if value not in allowed:
            raise _invalid(f"{name}[{index}]", f"Must be one of {', '.join(allowed)}.")
    return list(values)


def _invalid(param: str, message: str) -> Refusal:
    return Refusal("parameter_invalid", message, param=param, type=INVALID_REQUEST)
