"""Reading what a user typed on the page."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from simulators.identity.parameters import DOCUMENT_TYPES
from simulators.identity.sessions import FAILURES, Session, Submission

ADDRESS_FIELDS = ("line1", "line2", "city", "state", "postal_code", "country")
FIELDS = ("document_type", "first_name", "last_name", "dob", *ADDRESS_FIELDS)
_LONGEST = 100
_EARLIEST_YEAR = 1900


@dataclass(frozen=True)
class Typed:
    """What was typed, by field, and what is wrong with it, by field."""

    values: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def document_types(session: Session) -> tuple[str, ...]:
    """The documents that a session takes; none where it takes an ID number."""
    if session.type != "document":
        return ()
    return tuple(session.options["document"].get("allowed_types") or DOCUMENT_TYPES)


def outcomes(session: Session) -> tuple[str, ...]:
    """What the buttons of a session's page stand for."""
    fitting = ("document", "selfie") if session.type == "document" else ("id_number",)
    return ("verified", *(code for code, (_, check) in FAILURES.items() if check is None or check in fitting))


def read(session: Session, form: dict[str, str]) -> tuple[Typed, Submission | None]:
    """What was typed, and what it says; None where it can't be used.

    Name and date of birth are needed for ``verified``; for a failure they may be left out, but must make sense.
    """
    typed = Typed({name: form.get(name, "").strip() for name in FIELDS})
    outcome = form.get("outcome", "")
    if outcome not in outcomes(session):
        typed.problems["outcome"] = "Choose one of the buttons."
    for name in FIELDS:
        problem = _problem(name, typed.values[name])
        if problem:
            typed.problems[name] = problem
    kind, kinds = typed.values["document_type"], document_types(session)
    if kinds and kind not in kinds and (kind or outcome == "verified"):
        typed.problems["document_type"] = "Choose one of the documents."
    needed = ("first_name", "last_name", "dob") if outcome == "verified" else ()
    for name in needed:
        if not typed.values[name]:
            typed.problems[name] = "Enter this as your document says it."
    if typed.problems:
        return typed, None
    return typed, _submission(typed.values, outcome)


def _submission(values: dict[str, str], outcome: str) -> Submission:
    address: dict[str, str | None] = {name: values[name] or None for name in ADDRESS_FIELDS}
    born = date.fromisoformat(values["dob"]) if values["dob"] else None
    return Submission(
        outcome=outcome,
        document_type=values["document_type"],
        first_name=values["first_name"],
        last_name=values["last_name"],
        dob={"day": born.day, "month": born.month, "year": born.year} if born else None,
        address=address if any(address.values()) else None,
    )


def _problem(name: str, value: str) -> str | None:
    if len(value) > _LONGEST:
        return f"Use at most {_LONGEST} characters."
    if any(ord(character) < ord(" ") for character in value):
        return "Use letters, digits and signs only."
    if name == "country" and value and not re.fullmatch(r"[A-Z]{2}", value):
        return "Enter the two capital letters of the country, such as US."
    return _date_problem(value) if name == "dob" and value else None


def _date_problem(value: str) -> str | None:
    try:
        born = date.fromisoformat(value) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value) else None
    except ValueError:
        born = None
    if born is None:
        return "There is no such date. Enter it as YYYY-MM-DD."
    if not born.year >= _EARLIEST_YEAR or born > datetime.now(UTC).date():
        return f"Enter a date from {_EARLIEST_YEAR} to today."
    return None
