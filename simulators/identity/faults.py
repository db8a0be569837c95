"""What goes wrong: scripted one by one, or drawn at random with a seed."""

from __future__ import annotations

import asyncio
import random
from dataclasses import asdict, dataclass
from typing import Any

CALLS = frozenset({"create", "retrieve", "list", "cancel", "redact", "report"})
_BEFORE = frozenset({"latency", "error", "rate_limit", "reset"})
_AFTER = frozenset({"error_after", "reset_after", "bad_shape"})
_REQUEST = _BEFORE | _AFTER
_WEBHOOK = frozenset(
    {
        "wrong_signature",
        "old_signature",
        "duplicate",
        "reorder",
        "late",
        "never",
        "bad_shape",
        "huge",
    }
)
# What may be drawn at random. bad_shape and the like are for scripts: a caller can't be expected to get over them.
_REQUEST_RATES = ("error", "error_after", "rate_limit", "reset", "reset_after", "latency")
_WEBHOOK_RATES = ("duplicate", "late", "never", "reorder", "wrong_signature")
_LONGEST_SECONDS = 3600
_ERROR_STATUSES = (400, 599)
_LATENCY_SECONDS = (0.05, 0.5)
_LATE_SECONDS = (0.2, 2.0)


class BadFaultError(Exception):
    """A fault that is not known; the message says which."""


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        on: a call, ``any_request`` or ``webhook``.
        do: what happens.
        seconds: for latency, late, and what rate_limit says in ``Retry-After``.
        status: for error and error_after.
        reference: only for the session with this client_reference_id.
    """

    on: str
    do: str
    seconds: float | None = None
    status: int | None = None
    reference: str | None = None

    def __post_init__(self) -> None:
        if self.on == "webhook":
            known = _WEBHOOK
        elif self.on in CALLS or self.on == "any_request":
            known = _REQUEST | ({"before_response"} if self.on == "create" else frozenset())
        else:
            raise BadFaultError("on is unknown")
        if self.do not in known:
            raise BadFaultError(f"do is unknown for {self.on}; known: {', '.join(sorted(known))}")
        if not _is_number(self.seconds, 0, _LONGEST_SECONDS):
            raise BadFaultError(f"seconds must be a number from 0 to {_LONGEST_SECONDS}")
        if not _is_number(self.status, *_ERROR_STATUSES):
            raise BadFaultError(f"status must be from {_ERROR_STATUSES[0]} to {_ERROR_STATUSES[1]}")


class Faults:
    """The script, the rates, and whether the vendor is down. None of it outlives the process."""

    def __init__(self) -> None:
        self._script: list[Fault] = []
        self._rates: dict[str, dict[str, float]] = {}
        self._random = random.Random(0)  # noqa: S311 -- repeatable faults, nothing secret
        self._up = asyncio.Event()
        self._up.set()

    @property
    def is_down(self) -> bool:
        """Whether nothing is answered and nothing is sent."""
        return not self._up.is_set()

    async def until_up(self) -> None:
        """Wait while the vendor is down."""
        await self._up.wait()

    def set_down(self, *, down: bool) -> None:
        """Go down, or come up again."""
        if down:
            self._up.clear()
        else:
            self._up.set()

    def add(self, faults: Any) -> None:
        """Add to the script, from JSON: a list of :class:`Fault` as dicts.

        Raises:
            BadFaultError: where one of them is not known; none is added then.
        """
        if not isinstance(faults, list) or not all(isinstance(fault, dict) for fault in faults):
            raise BadFaultError("a list of faults is expected")
        try:
            self._script.extend([Fault(**fault) for fault in faults])
        except TypeError:
            raise BadFaultError("a fault has on, do, and perhaps seconds, status and reference") from None

    def set_rates(self, rates: Any) -> None:
        """Draw faults at random: ``{"seed": int, "request": {do: share}, "webhook": {do: share}}``.

        Raises:
            BadFaultError: where a name is unknown or shares are not between 0 and 1 in sum.
        """
        if not isinstance(rates, dict) or not rates.keys() <= {"seed", "request", "webhook"}:
            raise BadFaultError("seed, request and webhook are expected")
        checked = {
            name: _shares(rates.get(name, {}), known)
            for name, known in (("request", _REQUEST_RATES), ("webhook", _WEBHOOK_RATES))
        }
        seed = rates.get("seed", 0)
        if not isinstance(seed, int):
            raise BadFaultError("seed must be a whole number")
        self._rates = checked
        self._random = random.Random(seed)  # noqa: S311 -- repeatable faults, nothing secret

    def clear(self) -> None:
        """No fault any more, and up."""
        self._script.clear()
        self._rates.clear()
        self._up.set()

    def waiting(self) -> list[dict[str, Any]]:
        """The rest of the script."""
        return [{name: value for name, value in asdict(fault).items() if value is not None} for fault in self._script]

    def of_request(self, call: str, reference: str | None) -> Fault | None:
        """The fault of one call, taken from the script or drawn."""
        return self._scripted({call, "any_request"}, reference) or self._drawn("request", call, _LATENCY_SECONDS)

    def of_webhook(self, reference: str | None, *, first: bool) -> Fault | None:
        """The fault of one attempt to deliver; only an event's first attempt draws at random."""
        scripted = self._scripted({"webhook"}, reference)
        if scripted or not first:
            return scripted
        return self._drawn("webhook", "webhook", _LATE_SECONDS)

    def _scripted(self, on: set[str], reference: str | None) -> Fault | None:
        for index, fault in enumerate(self._script):
            if fault.on in on and fault.reference in {None, reference}:
                return self._script.pop(index)
        return None

    def _drawn(self, kind: str, on: str, seconds: tuple[float, float]) -> Fault | None:
        rates = self._rates.get(kind)
        if not rates:
            return None
        point = self._random.random()
        for do, share in rates.items():
            point -= share
            if point < 0:
                return Fault(on, do, self._random.uniform(*seconds) if do in {"latency", "late"} else None)
        return None


def _shares(rates: Any, known: tuple[str, ...]) -> dict[str, float]:
    if not isinstance(rates, dict) or not rates.keys() <= set(known):
        raise BadFaultError(f"known rates: {', '.join(known)}")
    if not all(isinstance(share, (int, float)) and share >= 0 for share in rates.values()) or sum(rates.values()) > 1:
        raise BadFaultError("shares must not be negative, nor more than 1 together")
    return dict(rates)


def _is_number(value: Any, lowest: float, highest: float) -> bool:
    return value is None or (isinstance(value, (int, float)) and lowest <= value <= highest)
