"""The verifier that asks nobody but people: every question goes to a review at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onboarding.domain.settle import Answer
from onboarding.domain.state import Outcome

if TYPE_CHECKING:
    from collections.abc import Collection

    from onboarding.verifiers.port import Question

REASON = "manual_verification"


class ManualVerifier:
    """A :class:`onboarding.verifiers.port.LocalVerifier` for kinds of check that a platform's own people answer.

    It proves nothing by itself: what the person who decides the review saw is that person's.

    Args:
        kinds: the kinds of check that go to people.
    """

    name = "manual"
    version = "1"

    def __init__(self, kinds: Collection[str]) -> None:
        self._kinds = frozenset(kinds)

    def answer(self, question: Question) -> Answer | None:
        """Inconclusive, which opens a review; None for another kind."""
        if question.kind not in self._kinds:
            return None
        return Answer(Outcome.INCONCLUSIVE, (REASON,), self.name, self.version, question.as_of)
