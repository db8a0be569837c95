"""What a downstream system is.

Where there is none, a capability counts as on as soon as nothing blocks it: the null activator, which costs nothing.
Where there is one, a capability is shown active only after it was told and said yes; it is called by a worker, never
under an account's lock, and a call may be made twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import timedelta

    from onboarding.domain.activations import Instruction


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """It did what it was asked for, now or before."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It said no, and would again: a person has to change something. ``code`` is its own, ``[a-z0-9_]``."""

    code: str


@dataclass(frozen=True, slots=True)
class Outrun:
    """It has obeyed ``version`` already, which is higher than that of the call."""

    version: int


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Nobody knows whether it was told: the same call is made again, not before ``retry_after`` if that is given."""

    code: str
    retry_after: timedelta | None = None


Answer = CarriedOut | Refused | Outrun | Unanswered


class Activator(Protocol):
    """A downstream system. Never raises but for its caller's end; ids, codes, times and numbers only are sent."""

    async def tell(self, account_id: str, instruction: Instruction, *, livemode: bool) -> Answer:
        """Ask for a step. The same one again, by its version, must change nothing; nor must any of a lower version."""

    async def aclose(self) -> None:
        """Close what it holds open."""


@dataclass(frozen=True, slots=True)
class Downstream:
    """What a process knows of the downstream system.

    Attributes:
        activator: None for the null activator.
        steps: what turning a capability on consists of, in order; turning it off takes them back, last one first.
        serve_sandbox: whether sandbox accounts are told of too; tests only.
    """

    activator: Activator | None = None
    steps: tuple[str, ...] = ("enable",)
    serve_sandbox: bool = False

    def is_told(self, *, livemode: bool) -> bool:
        """Whether capabilities of such an account count as on only once somebody confirmed it."""
        return self.activator is not None and (livemode or self.serve_sandbox)

    async def close(self) -> None:
        """Close what the activator holds open."""
        if self.activator is not None:
            await self.activator.aclose()


NOBODY = Downstream()
"""Nothing is downstream: the null activator."""
