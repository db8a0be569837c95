"""Parameters of imports, and the lines of a book: one account each, in the words of the API's own requests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from api.schemas.accounts import AccountCreate
from api.schemas.bank_accounts import BankAccountCreate
from api.schemas.fields import Parameters, refusal
from api.schemas.parse import INVALID_REQUEST, parse, parse_fields, path_of
from api.schemas.persons import PersonCreate
from api.schemas.queries import Page, QueryItems, no_query, page
from onboarding.domain.errors import Refusal
from onboarding.door.imports import ACCOUNT, BANK_ACCOUNTS, PERSONS, part
from onboarding.imports import LONGEST, MOST_AT_ONCE, MOST_LINES, Line
from onboarding.storage.imports import LineStatus

SLOWEST, QUICKEST, USUAL = 0.1, 100.0, 5.0
"""Accounts a second."""

MOST_PERSONS, MOST_BANK_ACCOUNTS = 100, 20

_FORBIDDEN = frozenset({"account_token", "expand", "include", "person_token"})


def _pace(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not SLOWEST <= value <= QUICKEST:
        raise refusal("parameter_invalid", f"Must be a number from {SLOWEST} to {QUICKEST:g}.")
    return float(value)


class ImportCreate(Parameters):
    """``POST /v2/verification/imports``."""

    accounts_per_second: Annotated[
        float,
        BeforeValidator(_pace),
        WithJsonSchema({"type": "number", "minimum": SLOWEST, "maximum": QUICKEST}),
    ] = USUAL


class ImportStart(Parameters):
    """``POST /v2/verification/imports/{id}/start``."""

    dry_run: bool = False


class ImportChange(Parameters):
    """``POST /v2/verification/imports/{id}/pause`` and ``/resume``: nothing but who asks."""


class ImportLine(Parameters):
    """A line. What its parts may say, their own models know: each is parsed as the request that it would be."""

    account: dict[str, Any]
    persons: list[dict[str, Any]] = Field(default_factory=list, max_length=MOST_PERSONS)
    external_accounts: list[dict[str, Any]] = Field(default_factory=list, max_length=MOST_BANK_ACCOUNTS)


def lines_of(raw: bytes, first: int) -> list[Line]:
    """The lines of a part of a file, numbered from ``first``; blank ones have numbers, and are left out.

    Raises:
        Refusal: ``parameter_invalid``: too many lines, or numbers beyond an import's. What is wrong with a line by
            itself stands in the line.
    """
    found = raw.split(b"\n")
    if found and not found[-1].strip():
        found.pop()
    if len(found) > MOST_AT_ONCE:
        message = f"A request holds at most {MOST_AT_ONCE} lines."
        raise Refusal("parameter_invalid", message, type=INVALID_REQUEST)
    if first + len(found) - 1 > MOST_LINES:
        message = f"An import has at most {MOST_LINES} lines: make another one for the rest."
        raise Refusal("parameter_invalid", message, param="first_line", type=INVALID_REQUEST)
    return [_line(number, text) for number, text in enumerate(found, start=first) if text.strip()]


def first_line(query_items: QueryItems) -> int:
    """The query of a part: ``first_line``, the number of its first line, 1 if it is not said.

    Raises:
        Refusal: ``parameter_unknown`` or ``parameter_invalid``.
    """
    items = list(query_items)
    no_query([(name, value) for name, value in items if name != "first_line"])
    text = next((value for name, value in reversed(items) if name == "first_line"), "1")
    if re.fullmatch(r"[0-9]{1,9}", text) is None or not 1 <= int(text) <= MOST_LINES:
        raise _invalid("first_line", f"Must be a number from 1 to {MOST_LINES}.")
    return int(text)


def import_lines_page(query_items: QueryItems) -> tuple[Page, str | None]:
    """The query of the report: ``limit``, ``page``, and ``status``, None for lines of any.

    Raises:
        Refusal: ``parameter_unknown`` or ``parameter_invalid``.
    """
    items = list(query_items)
    wanted = page([(name, value) for name, value in items if name != "status"])
    status = next((value for name, value in reversed(items) if name == "status"), None)
    if status is not None and status not in list(LineStatus):
        raise _invalid("status", f"Must be one of {', '.join(LineStatus)}.")
    return wanted, status


def _line(number: int, raw: bytes) -> Line:
    try:
        return Line(number, raw, _said(raw))
    except Refusal as refused:
        return Line(number, raw, refusal=refused)


def _said(raw: bytes) -> dict[str, Any]:
    if len(raw) > LONGEST:
        raise Refusal("request_too_large", f"A line has at most {LONGEST} bytes.", type=INVALID_REQUEST)
    try:
        said = parse(ImportLine, raw)
    except Refusal as refused:
        if refused.code == "invalid_json":
            raise Refusal("invalid_json", "The line is not a JSON object.", type=INVALID_REQUEST) from None
        raise
    with part(ACCOUNT):
        said[ACCOUNT] = _part_of(AccountCreate, said[ACCOUNT])
    for name, model in ((PERSONS, PersonCreate), (BANK_ACCOUNTS, BankAccountCreate)):
        for place, one in enumerate(said.get(name, ())):
            with part(f"{name}[{place}]"):
                said[name][place] = _part_of(model, one)
    return said


def _part_of(model: type[BaseModel], fields: Mapping[str, Any]) -> dict[str, Any]:
    """A part of a line, as the request that it would be, but for what refers to something that is not in the line."""
    for name in sorted(_FORBIDDEN & fields.keys()):
        raise Refusal("parameter_unknown", "A line can't hold this.", param=path_of([name]), type=INVALID_REQUEST)
    if isinstance(fields.get("external_account"), str):
        message = "Must be a bank account by its numbers: a token can't be imported."
        raise _invalid("external_account", message)
    return parse_fields(model, fields)


def _invalid(param: str, message: str) -> Refusal:
    return Refusal("parameter_invalid", message, param=param, type=INVALID_REQUEST)
