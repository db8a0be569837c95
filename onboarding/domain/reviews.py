"""What a person who reviews a check may ask of the user, and which answers are looked at again."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from onboarding.domain.policy import AgeNeed, ConfirmNeed, FieldNeed, ProofNeed
from onboarding.domain.state import ACCOUNT, OrderKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from onboarding.domain.policy import Need, Policy, Role
    from onboarding.domain.state import Order, Shape, State

Entry = tuple[str, tuple[str, ...]]
"""A leaf with the error codes that it carries, as openings have them."""

_BYTES = 8
"""Of a digest, as a number: as many as a float can tell apart, and more."""


def is_sampled(check_id: str, share: float) -> bool:
    """Whether a check belongs to the ``share`` (0 to 1) of automatic passes that a person looks at.

    The same for the same id, in every process and for ever.
    """
    number = int.from_bytes(hashlib.sha256(check_id.encode()).digest()[:_BYTES])
    return number < share * (1 << 8 * _BYTES)


# --- requests for information -----------------------------------------------------------------------------------------


def target_of(check_id: str, path: str) -> str:
    """The target of an order that asks for a leaf of a check's subject: it ends with the check."""
    return f"{check_id}|{path}"


def requested(orders: Iterable[Order]) -> Mapping[str, tuple[Entry, ...]]:
    """By check, the leaves that people ask for, each with its error code, in the order in which they were asked."""
    found: defaultdict[str, list[Entry]] = defaultdict(list)
    for order in orders:
        if order.kind is OrderKind.REQUEST_INFORMATION and order.undone_at is None and order.target:
            check_id, _, path = order.target.partition("|")
            found[check_id].append((path, (order.reason,)))
    return {check_id: tuple(entries) for check_id, entries in found.items()}


def requests_about(state: State, check_id: str, path: str | None = None) -> tuple[Order, ...]:
    """The orders that ask for leaves because of a check, or for one of them."""
    wanted = None if path is None else target_of(check_id, path)
    return tuple(
        order
        for order in state.orders
        if order.kind is OrderKind.REQUEST_INFORMATION
        and order.target is not None
        and (order.target == wanted if wanted is not None else order.target.partition("|")[0] == check_id)
    )


def without(state: State, orders: Iterable[Order]) -> State:
    """The state once these orders have ended."""
    ended = {order.id for order in orders}
    return replace(state, orders=tuple(order for order in state.orders if order.id not in ended)) if ended else state


def askable_leaves(policy: Policy, shape: Shape, subject: str) -> Mapping[str, str]:
    """What may be asked of a subject: every leaf that a rule of the policy names for it, by its name on the wire."""
    found: dict[str, str] = {}
    for of, prefix in _places(policy, shape, subject):
        for rule in policy.rules:
            if rule.of == of:
                found |= {prefix + path: path for need in rule.needs for path in _leaves(need, policy)}
    return found


def _places(policy: Policy, shape: Shape, subject: str) -> Iterator[tuple[str, str]]:
    """What rules call the subject, and what stands before its leaves on the wire."""
    if subject == ACCOUNT:
        yield ACCOUNT, ""
        return
    flags = next((person.roles for person in shape.persons if person.id == subject), frozenset())
    yield from ((name, _prefix(role)) for name, role in policy.roles.items() if role.flag in flags)


def _prefix(role: Role) -> str:
    return "" if role.refers else f"{role.prefix}."


def _leaves(need: Need, policy: Policy) -> Iterator[str]:
    match need:
        case FieldNeed():
            yield need.path
            yield from need.implied_by
            yield from (path for option in need.options for path in option)
        case AgeNeed():
            yield from need.paths
        case ConfirmNeed():
            yield need.path
        case ProofNeed():
            for kind in (need.check, *need.alternatives):
                yield from policy.checks[kind].inputs
            for remedy in need.remedies.values():
                yield from remedy.paths
                yield from (path for option in remedy.options for path in option)
