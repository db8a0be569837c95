"""What an example is: a module with a summary, a mode, an expected end, and a function that onboards one account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import stripe
from stripe.v2.core import Account

_Seen = TypeVar("_Seen")


@dataclass(frozen=True, slots=True)
class Expected:
    """How an account must end, completely: anything else that is found differs.

    Attributes:
        capabilities: status by name, such as ``merchant.card_payments``, of all that the account has.
        requirements: due status by description, of all entries that remain.
        checks: outcomes by kind, in the order in which the checks began.
        reviews: by reason, in the order in which they were opened: the decision, or the status while there is none.
    """

    capabilities: Mapping[str, str]
    requirements: Mapping[str, str] = field(default_factory=dict)
    checks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reviews: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Differs(Exception):  # noqa: N818 -- says what happened
    """What the engine answered is not what the example says it must. One line."""


class Show(Protocol):
    """Where an example tells what it does. It needs none of this to onboard an account."""

    @property
    def vendor(self) -> str:
        """Address of the identity vendor's simulator, without a slash at its end; for live examples."""

    def step(self, what: str, account: Account | None = None) -> None:
        """Say what was done or comes next; the account last named is the one that is shown from then on."""

    def must(self, claim: str, *, be: bool) -> None:
        """End the example unless the claim is true.

        Raises:
            Differs: it is not.
        """

    def until(self, claim: str, read: Callable[[], _Seen], is_so: Callable[[_Seen], bool]) -> _Seen:
        """Read something again and again until it is so; what was read then.

        Webhooks would tell a platform; an example has no address to send them to.

        Raises:
            Differs: it was not so in time.
        """


class Example(Protocol):
    """A module of ``examples.accounts``."""

    @property
    def __name__(self) -> str: ...

    @property
    def SUMMARY(self) -> str:  # noqa: N802 -- a module's constant
        """The story in a few words."""

    @property
    def LIVE(self) -> bool:  # noqa: N802 -- a module's constant
        """Whether it is told with a live key, to the verifiers that are configured; otherwise to the sandbox."""

    @property
    def EXPECTED(self) -> Expected:  # noqa: N802 -- a module's constant
        """How it must end."""

    @property
    def onboard(self) -> Callable[[stripe.StripeClient, Show], None]:
        """Onboard one account of the client's platform, with a key of the example's mode."""


def name_of(example: Example) -> str:
    """The example's name: that of its module."""
    return example.__name__.rpartition(".")[2]
