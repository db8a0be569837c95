"""The status of each capability, by a fixed precedence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from onboarding.domain.demands import Cause
from onboarding.domain.state import OrderKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from onboarding.domain.conditions import Situation
    from onboarding.domain.demands import Demand, Opening
    from onboarding.domain.horizon import Horizon
    from onboarding.domain.policy import Capability, Policy
    from onboarding.domain.state import Order, State


class Status(StrEnum):
    """The wire's capability status; a closed vocabulary."""

    ACTIVE = "active"
    PENDING = "pending"
    REJECTED = "rejected"
    RESTRICTED = "restricted"
    UNSUPPORTED = "unsupported"


class Resolution(StrEnum):
    """Who can do something about it; a closed vocabulary."""

    PROVIDE_INFO = "provide_info"
    NO_RESOLUTION = "no_resolution"
    CONTACT_STRIPE = "contact_stripe"


@dataclass(frozen=True, slots=True)
class CapabilityStatus:
    """A status with its one detail; an active capability has none."""

    status: Status
    code: str | None = None
    resolution: Resolution | None = None


ACTIVE = CapabilityStatus(Status.ACTIVE)
CLOSED = CapabilityStatus(Status.RESTRICTED, "restricted_other", Resolution.NO_RESOLUTION)
HELD = CapabilityStatus(Status.RESTRICTED, "restricted_other", Resolution.CONTACT_STRIPE)
PAST_DUE = CapabilityStatus(Status.RESTRICTED, "requirements_past_due", Resolution.PROVIDE_INFO)
VERIFYING = CapabilityStatus(Status.PENDING, "requirements_pending_verification", Resolution.NO_RESOLUTION)
DETERMINING = CapabilityStatus(Status.PENDING, "determining_status", Resolution.NO_RESOLUTION)


def requested_capabilities(policy: Policy, state: State) -> tuple[Capability, ...]:
    """Capabilities the account has, requested or granted alongside, in the policy's order."""
    return policy.present(state.shape.requested)


def final_status(capability: Capability, state: State, now: Situation) -> CapabilityStatus | None:
    """A status that no demand can change: closed, rejected or unsupported; None otherwise."""
    if state.shape.closed:
        return CLOSED
    rejection = next(in_force(OrderKind.REJECT, capability.name, state, now.horizon), None)
    if rejection is not None:
        return CapabilityStatus(Status.REJECTED, f"rejected_{rejection.reason}", Resolution.CONTACT_STRIPE)
    for availability in capability.unsupported:
        if now.holds(availability.when):
            return CapabilityStatus(Status.UNSUPPORTED, availability.code, Resolution.NO_RESOLUTION)
    return None


def blocking(demands: Iterable[Demand]) -> Mapping[str, list[Opening]]:
    """What blocks each capability, in the order of the demands; a capability that nothing blocks is not in it."""
    found: dict[str, list[Opening]] = {}
    for opening, impacts in demands:
        for impact in impacts:
            if impact.blocks:
                known = found.setdefault(impact.capability, [])
                if not known or known[-1] is not opening:
                    known.append(opening)
    return found


def cleared_status(
    capability: Capability, state: State, blocking: Sequence[Opening], horizon: Horizon
) -> CapabilityStatus | None:
    """What keeps a capability from being active: a hold, a missed deadline, something pending; None if nothing does."""
    if next(in_force(OrderKind.HOLD, capability.name, state, horizon), None) is not None:
        return HELD
    if not blocking:
        return None
    if any(opening.cause is Cause.FAILED and not opening.entries for opening in blocking):
        return HELD  # a failure that raises nothing: nobody can answer it by supplying something
    if any(opening.awaits_user for opening in blocking):
        return PAST_DUE
    return DETERMINING if any(opening.in_review for opening in blocking) else VERIFYING


def in_force(kind: OrderKind, capability: str, state: State, horizon: Horizon) -> Iterator[Order]:
    """Orders of ``kind`` that are in force for ``capability``."""
    for order in state.orders:
        if order.kind is not kind or order.undone_at is not None or order.capability not in (None, capability):
            continue
        if horizon.passed(order.starts_at) and (order.ends_at is None or not horizon.passed(order.ends_at)):
            yield order
