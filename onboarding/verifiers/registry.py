"""Which verifier answers which kind of check, for sandbox and live accounts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from onboarding.validation.objects import nothing_exempt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from onboarding.verifiers.port import LocalVerifier, Verifier


class SandboxRefused(Exception):  # noqa: N818 -- a refusal
    """The sandbox was asked about a live account; that is a programming error and must never answer."""


@dataclass(frozen=True)
class Verifiers:
    """The verifiers of one process.

    Attributes:
        sandbox: answers checks of sandbox accounts in every process; None where the sandbox is off.
        exempt: test values of the sandbox that pass ordinary validation.
        hastens: whether the email addresses of a sandbox account ask for what is only announced to it.
        bank_tokens: bank accounts that the sandbox's tokens stand for.
        local: verifiers that a worker asks while it plans, by preference, before any outward one.
        outward: verifiers that a worker calls, by preference.
        serve_sandbox: whether local and outward verifiers also serve sandbox accounts where no sandbox answers.
    """

    sandbox: LocalVerifier | None = None
    exempt: Callable[[str, str], bool] = nothing_exempt
    hastens: Callable[[Iterable[str]], bool] = lambda _emails: False
    bank_tokens: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    local: tuple[LocalVerifier, ...] = ()
    outward: tuple[Verifier, ...] = ()
    serve_sandbox: bool = False

    def inline(self, *, livemode: bool) -> LocalVerifier | None:
        """The verifier that answers in every process, if this kind of account has one."""
        return None if livemode else self.sandbox

    def sandbox_for(self, *, livemode: bool) -> LocalVerifier:
        """The sandbox verifier.

        Raises:
            SandboxRefused: for a live account, or where the sandbox is off.
        """
        if livemode or self.sandbox is None:
            raise SandboxRefused("live" if livemode else "off")
        return self.sandbox

    def exemptions(self, *, livemode: bool) -> Callable[[str, str], bool]:
        """Which values pass ordinary validation though they look wrong."""
        return nothing_exempt if livemode else self.exempt

    def hastens_for(self, emails: Iterable[str], *, livemode: bool) -> bool:
        """Whether what is announced to an account binds it at once, by its email addresses."""
        return not livemode and self.hastens(emails)

    def tokens(self, *, livemode: bool) -> Mapping[str, Mapping[str, str]]:
        """Bank accounts by the sandbox's token."""
        return {} if livemode else self.bank_tokens

    def local_for(self, *, livemode: bool) -> tuple[LocalVerifier, ...]:
        """Verifiers that a worker asks while it plans, by preference."""
        return self.local if livemode or self.serve_sandbox else ()

    def outward_for(self, kind: str, *, livemode: bool) -> tuple[Verifier, ...]:
        """Outward verifiers for a kind of check, by preference."""
        if not livemode and not self.serve_sandbox:
            return ()
        return tuple(verifier for verifier in self.outward if kind in verifier.kinds)

    async def close(self) -> None:
        """Close what verifiers hold open."""
        for verifier in self.outward:
            close = getattr(verifier, "aclose", None)
            if close is not None:
                await close()

    def named(self, name: str) -> Verifier | None:
        """The outward verifier of that name."""
        return next((verifier for verifier in self.outward if verifier.name == name), None)
