"""What operators send from Temporal's own UI: one flat JSON object of codes, ids, times and ticket numbers.

A payload that is accepted stays in the run's history for months, so each field takes known codes, ids as they are made
here, or short numbers, which leaves hardly room for a person's name or date of birth. Whatever else is sent is refused
before it is accepted: then nothing of it is kept. Codes of a platform's own and free tickets are given to the API and
the command line, whose orders no history keeps.

Validators judge (:func:`refuse_wrong_order`, :func:`refuse_wrong_undoing`). Handlers only read: a replay has them meet
what other rules and another policy let in.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from temporalio.exceptions import ApplicationError

from activities.messages import OrderAsked, OrderUndoing
from onboarding.catalogue.loader import builtin_policy
from onboarding.domain.demands import demand_target
from onboarding.domain.policy import need_name
from onboarding.domain.state import OrderKind
from onboarding.ids import is_id
from onboarding.order_rules import END_BOUNDS, REASONS, stored_end

if TYPE_CHECKING:
    from collections.abc import Callable

Payload = dict[str, Any]

# A project's key and a number, which is a digit too short for a date of birth.
_TICKET = re.compile(r"[A-Z][A-Z0-9]{0,9}-[0-9]{1,7}")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_CAPABILITY = "merchant.card_payments"

_FIELDS: dict[OrderKind, tuple[str, ...]] = {
    OrderKind.HOLD: ("reason", "capability", "ends_at", "ticket"),
    OrderKind.RECHECK: ("reason", "target", "person", "ticket"),
    OrderKind.EXTEND_DEADLINE: ("reason", "ends_at", "target", "capability", "ticket"),
    OrderKind.OVERRIDE_CAPABILITY: ("reason", "capability", "ends_at", "ticket"),
}
_NEEDED: dict[OrderKind, tuple[str, ...]] = {
    OrderKind.HOLD: ("reason",),
    OrderKind.RECHECK: ("reason",),
    OrderKind.EXTEND_DEADLINE: ("reason", "ends_at"),
    OrderKind.OVERRIDE_CAPABILITY: ("reason", "capability", "ends_at"),
}
_UNDOING = ("order",)


def refuse_wrong_order(kind: OrderKind, payload: object) -> None:
    """For validators only: what it knows may change between two replays.

    Raises:
        ApplicationError: ``parameter_invalid`` or ``parameter_missing``; the message names the field and says what it
            takes, and nothing that was sent.
    """
    _refuse(payload, _FIELDS[kind], _NEEDED[kind], lambda name, value: _problem(kind, name, value))


def refuse_wrong_undoing(payload: object) -> None:
    """As :func:`refuse_wrong_order`, for what names an order to undo."""
    says = "Must be the id of an order, ord_…."
    _refuse(payload, _UNDOING, _UNDOING, lambda _, value: None if is_id("ord_", value) else says)


def order_asked(kind: OrderKind, payload: Payload, account_id: str, key: str) -> OrderAsked:
    """The order that an accepted payload asks for; ``key`` tells a repeated request."""
    ends_at = payload.get("ends_at")
    return OrderAsked(
        account_id=account_id,
        key=key,
        kind=kind.value,
        reason=payload["reason"],
        capability=payload.get("capability"),
        ends_at=datetime.fromisoformat(ends_at) if ends_at is not None else None,
        target=payload.get("target"),
        person=payload.get("person"),
        ticket=payload.get("ticket"),
    )


def order_undoing(payload: Payload, account_id: str, key: str) -> OrderUndoing:
    """The order that an accepted payload wants undone."""
    return OrderUndoing(account_id=account_id, key=key, order_id=payload["order"])


def _refuse(
    payload: object, fields: tuple[str, ...], needed: tuple[str, ...], problem_of: Callable[[str, str], str | None]
) -> None:
    # Names of unknown fields are not repeated: they are the sender's words.
    if not isinstance(payload, dict) or not payload.keys() <= set(fields):
        takes = ", ".join(f'"{name}"' if name in needed else f'"{name}"?' for name in fields)
        raise _refused("parameter_invalid", "payload", f"Must be one object: {{{takes}}}.")
    for name in needed:
        if payload.get(name) is None:
            raise _refused("parameter_missing", name, "Is required.")
    for name, value in payload.items():
        if value is None:
            continue
        problem = problem_of(name, value) if isinstance(value, str) else "Must be a string."
        if problem is not None:
            raise _refused("parameter_invalid", name, problem)


def _problem(kind: OrderKind, name: str, value: str) -> str | None:
    """What is wrong with a field of an order; None if nothing is."""
    policy = builtin_policy()
    match name:
        case "ends_at":
            return _problem_of_end(value)
        case "reason":
            fits, what = value in REASONS[kind], f"one of {', '.join(REASONS[kind])}"
        case "capability":
            fits, what = value in policy.capabilities, f"a capability of the policy that ships, such as {_CAPABILITY}"
        case "target" if kind is OrderKind.RECHECK:
            fits, what = value in policy.checks, "a kind of check of the policy that ships"
        case "target":
            fits, what = value in _demands(), "rule/need of the policy that ships"
        case "person":
            fits, what = is_id("person_", value), "the id of a person, person_…"
        case _:
            fits, what = _TICKET.fullmatch(value) is not None, "the number of a ticket, such as OPS-1234"
    return None if fits else f"Must be {what}."


def _problem_of_end(text: str) -> str | None:
    try:
        named = datetime.fromisoformat(text) if _INSTANT.fullmatch(text) else None
    except ValueError:  # the thirtieth of February
        named = None
    if named is None:
        return "Must be a time such as 2027-01-31T00:00:00Z."
    return END_BOUNDS if stored_end(named) is None else None


@cache
def _demands() -> frozenset[str]:
    """What deadlines of the policy that ships may be about."""
    rules = builtin_policy().rules
    return frozenset(demand_target(rule.name, need_name(need)) for rule in rules for need in rule.needs)


def _refused(code: str, name: str, why: str) -> ApplicationError:
    return ApplicationError(f"{name}: {why}", type=code, non_retryable=True)
